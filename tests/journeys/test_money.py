"""
Budgets: what is spent is spent on every protocol, whole or as a stream, and is remembered by the next process.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.gateway import Gateway, Settings
from tests.journeys.processes import eventually
from tests.journeys.sdks import AnthropicClient, OpenAIClient, Sdk, every_sdk
from tests.journeys.upstreams import COST_NANO_USD, Upstreams, settings

from pointsman.intake.keys import mint

# A call reserves its prompt and 100 tokens of answer, about 0.00021 dollars, and costs 0.000054: one fits, a second does not.
_BUDGET_USD = 0.00025
_NAMES = ("openai-whole", "openai-stream", "anthropic-whole", "anthropic-stream", "lasting", "reloaded", "roomy")
_KEYS = {name: mint(secrets.token_bytes(32)) for name in _NAMES}


def _settings(upstreams: Upstreams) -> Settings:
    keys = {name: {"sha256": key.sha256, "team": f"team-{name}"} for name, key in _KEYS.items()}
    limits: list[dict[str, Any]] = [
        {"name": f"{name}-money", "by": "team", "only": f"team-{name}", "budget_usd": 1 if name == "roomy" else _BUDGET_USD} for name in _NAMES
    ]
    return settings(upstreams, keys=keys, limits=limits)


@pytest.fixture(scope="module")
def frugal(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("frugal"), _settings(upstreams)) as running:
        yield running


def _told(error: Any) -> dict[str, Any]:
    return error.body.get("error", error.body)


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_the_second_call_over_a_budget_is_refused_in_the_dialects_way(frugal: Gateway, sdk: Sdk, mode: str) -> None:
    name = f"{sdk.name}-{mode}"
    client = sdk.client(frugal, _KEYS[name].secret)
    bound: dict[str, Any] = {"max_completion_tokens": 100} if isinstance(sdk, OpenAIClient) else {"max_tokens": 100}

    def ask() -> None:
        list(sdk.words(client, "mock-anthropic", **bound)) if mode == "stream" else sdk.create(client, "mock-anthropic", **bound)

    with frugal.recorded("mock-anthropic") as records:
        ask()
    assert [record["cost_nano_usd"] for record in records] == [COST_NANO_USD]
    with frugal.recorded("mock-anthropic") as refusals, pytest.raises(sdk.errors.APIStatusError) as refused:
        ask()
    assert refused.value.status_code == 402
    assert f"The budget `{name}-money`" in _told(refused.value)["message"]
    assert _told(refused.value)["code"] == "over_budget"
    if isinstance(sdk, AnthropicClient):
        assert _told(refused.value)["type"] == "billing_error"
    assert (refusals[0]["status"], refusals[0]["attempts"], refusals[0]["cost_nano_usd"]) == ("over_budget", 0, 0)


def test_an_sdk_does_not_try_again_what_a_budget_refused(frugal: Gateway) -> None:
    """The SDKs try 5xx and 429 again by themselves; here that would only repeat the refusal."""
    client = frugal.openai(_KEYS["openai-whole"].secret, max_retries=3)
    with frugal.recorded("mock-openai") as records, pytest.raises(OpenAIClient.errors.APIStatusError):
        OpenAIClient().create(client, "mock-openai", max_completion_tokens=1000)
    assert len(records) == 1


def test_a_failed_call_gives_its_reservation_back(frugal: Gateway) -> None:
    """A reservation that leaked would close the budget: each of these calls reserves a quarter of it and costs nothing."""
    client = frugal.openai(_KEYS["roomy"].secret)
    for _ in range(12):
        with pytest.raises(OpenAIClient.errors.BadRequestError):
            OpenAIClient().create(client, "llama-openai", "hello " * 1000, max_completion_tokens=120_000)
    assert OpenAIClient().create(client, "mock-openai").headers["x-pointsman-cost-nano-usd"] == str(COST_NANO_USD)


def test_a_budget_is_remembered_after_a_power_failure(upstreams: Upstreams, tmp_path: Path) -> None:
    with Gateway(tmp_path, _settings(upstreams)) as gateway:
        client = gateway.openai(_KEYS["lasting"].secret)
        with gateway.recorded("mock-openai"):
            OpenAIClient().create(client, "mock-openai")
        gateway.kill()
        gateway.start()
        client = gateway.openai(_KEYS["lasting"].secret)
        with pytest.raises(OpenAIClient.errors.APIStatusError) as refused:
            OpenAIClient().create(client, "mock-openai")
        assert refused.value.status_code == 402


def test_a_budget_is_remembered_over_a_reload(upstreams: Upstreams, frugal: Gateway) -> None:
    client = frugal.openai(_KEYS["reloaded"].secret)
    OpenAIClient().create(client, "mock-openai")
    changed = _settings(upstreams)
    changed["capabilities"]["another"] = {"ladder": ["mock-openai"]}
    frugal.reload(changed)
    with pytest.raises(OpenAIClient.errors.APIStatusError) as refused:
        OpenAIClient().create(client, "another")
    assert refused.value.status_code == 402


def test_what_was_answered_before_a_power_failure_is_on_record(upstreams: Upstreams, tmp_path: Path) -> None:
    """All that is older than the writer's twentieth of a second survives `kill -9`; the file needs no repair."""
    with Gateway(tmp_path, settings(upstreams)) as gateway:
        ids = [gateway.chat("mock-openai").headers["x-request-id"] for _ in range(20)]
        eventually(lambda: gateway.rows("SELECT 1 FROM call WHERE call_id = ?", ids[-1]), "the last record")
        gateway.kill()
        gateway.start()
        assert gateway.rows("PRAGMA integrity_check")[0][0] == "ok"
        assert {row["call_id"] for row in gateway.rows("SELECT call_id FROM call")} == set(ids)
        (sums,) = gateway.rows("SELECT sum(calls) AS calls, sum(cost_nano_usd) AS cost FROM rollup_hour")
        assert (sums["calls"], sums["cost"]) == (20, 20 * COST_NANO_USD)
