"""
A user's first days: a configuration, keys, a question, its cost, and what it was worth; all with the commands of the README.
"""

import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import eventually
from tests.journeys.sdks import SDKS, AnthropicClient, OpenAIClient
from tests.journeys.upstreams import COST_NANO_USD, SAID, Upstreams, settings

_MISTAKEN = """capabilities:
  a:
    ladder: [nowhere]
  b:
    ladder: [openai/gpt-5-mini]
    cash: true
vendors:
  v: {kind: openai, credential: sk-abcdefghijklmnopqrstuvwx}
"""


@pytest.fixture
def shop(upstreams: Upstreams, tmp_path: Path) -> Iterator[Gateway]:
    support = {"ladder": ["mock-openai", "mock-anthropic"], "unit": "ticket"}
    with Gateway(tmp_path, settings(upstreams, capabilities={"support": support})) as running:
        yield running


def _keys(gateway: Gateway, *words: str) -> str:
    """Change the keys as an operator does who will not wait a second for it."""
    told = gateway.cli("keys", *words).stdout.strip()
    gateway.process.signal(signal.SIGHUP)
    return told


def _create(gateway: Gateway, name: str, *more: str) -> str:
    secret = _keys(gateway, "create", name, *more)
    assert re.fullmatch(r"pm_\w{49}", secret)
    eventually(lambda: gateway.get("/v1/models").status_code == 401, "the end of the open door")
    eventually(lambda: _opens(gateway, secret), "the new key")
    return secret


def _opens(gateway: Gateway, secret: str) -> bool:
    return gateway.get("/v1/models", headers={"x-api-key": secret}).status_code == 200


def _refused(gateway: Gateway, secret: str, kind: str, capability: str = "support") -> None:
    for sdk in SDKS:
        with pytest.raises(getattr(sdk.errors, kind)):
            sdk.create(sdk.client(gateway, secret), capability)


def _served(gateway: Gateway, secret: str) -> list[sqlite3.Row]:
    with gateway.recorded("support", calls=len(SDKS)) as records:
        for sdk in SDKS:
            assert sdk.create(sdk.client(gateway, secret), "support").headers["x-pointsman-target"] == "mock-openai"
    return records


def test_a_key_is_made_used_rotated_with_overlap_and_revoked(shop: Gateway) -> None:
    _served(shop, "anything")  # open until there is a key
    secret = _create(shop, "web", "--team", "support", "--capability", "support")
    assert secret not in shop.path.read_text(encoding="utf-8")
    _refused(shop, "anything", "AuthenticationError")
    assert {(record["key_id"], record["team"]) for record in _served(shop, secret)} == {("web", "support")}
    _refused(shop, secret, "NotFoundError", "mock-anthropic")

    newer = _keys(shop, "rotate", "web")
    eventually(lambda: _opens(shop, newer), "the new secret")
    for known in (secret, newer):
        _served(shop, known)

    newest = _keys(shop, "rotate", "web", "--overlap", "0m")
    eventually(lambda: _opens(shop, newest), "the newest secret")
    for gone in (secret, newer):
        _refused(shop, gone, "AuthenticationError")

    _create(shop, "other")
    _keys(shop, "revoke", "web")
    eventually(lambda: not _opens(shop, newest), "the end of the key")
    assert [key["name"] for key in json.loads(shop.cli("keys", "list", "--json").stdout)] == ["other"]


def test_outcomes_turn_cost_into_cost_per_useful_outcome(shop: Gateway) -> None:
    openai, anthropic = OpenAIClient(), AnthropicClient()
    for number in range(4):
        header = {"x-pointsman-unit": f"ticket-{number // 2}"}
        with shop.recorded("support"):
            if number % 2:
                anthropic.create(shop.anthropic(), "support", extra_headers=header)
            else:
                openai.create(shop.openai(), "support", extra_headers=header)
    resolved: dict[str, Any] = {"unit": "ticket-0", "kind": "resolved", "value_usd": 4.50, "id": "event-1"}
    for outcome in (resolved, resolved, {"unit": "ticket-1", "kind": "resolved", "success": False}):
        told = shop.post("/v1/outcomes", json=outcome)
        assert (told.status_code, told.json()["recorded"]) == (201, True)

    (support,) = json.loads(shop.cli("report", "--json").stdout)["capabilities"]
    assert (support["capability"], support["calls"], support["units"], support["useful"]) == ("support", 4, 2, 1)
    assert (support["cost_nano_usd"], support["cost_per_useful_nano_usd"]) == (4 * COST_NANO_USD, 4 * COST_NANO_USD)
    assert support["value_nano_usd"] == 4_500_000_000
    printed = shop.cli("report").stdout
    assert "cost per useful" in printed
    assert "$4.50" in printed


def test_a_question_from_the_terminal_is_explained_answered_and_paid_for(shop: Gateway) -> None:
    explained = json.loads(shop.cli("explain", "--capability", "support", "--json", "Where is my parcel?").stdout)
    assert "mock-openai" in json.dumps(explained)
    assert not shop.rows("SELECT 1 FROM call")  # nothing was sent
    told = shop.cli("ask", "Where is my parcel?", "--capability", "support", "--url", shop.url)
    assert told.stdout.strip() == SAID
    answer = json.loads(shop.cli("ask", "Where is my parcel?", "--capability", "support", "--url", shop.url, "--json").stdout)
    assert answer["text"] == SAID
    eventually(lambda: len(shop.rows("SELECT 1 FROM call WHERE cost_nano_usd = ?", COST_NANO_USD)) == 2, "both records")
    refused = shop.cli("ask", "Where?", "--capability", "nothing", "--url", shop.url, expect=4)
    assert "There is no capability `nothing`" in refused.stderr


def test_a_file_made_for_a_local_model_server_is_checked_served_and_answers(upstreams: Upstreams, tmp_path: Path) -> None:
    """What `pointsman check` finds good, `pointsman up` serves."""
    vendor = {"kind": "llamacpp", "base_url": f"{upstreams.llamacpp}/v1"}
    with Gateway(tmp_path, {"vendors": {"here": vendor}, "capabilities": {"local": {"ladder": ["here/tiny"]}}}) as gateway:
        gateway.cli("check")
        answer = gateway.chat("local", max_tokens=5)
        assert answer.headers["x-pointsman-place"] == "private"
        assert answer.headers["x-pointsman-cost-nano-usd"] == "unknown"  # no price was named: unknown, never zero
        assert answer.json()["usage"]["completion_tokens"] == 5


def test_a_mistake_is_told_with_its_line_before_anything_starts(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {})
    gateway.path.write_text(_MISTAKEN, encoding="utf-8")
    for command in ("check", "up"):
        told = gateway.cli(command, expect=1)
        shown = told.stdout + told.stderr
        assert re.search(r"pointsman\.yaml:3: .*nowhere", shown)
        assert re.search(r"pointsman\.yaml:6: .*cash", shown)
        assert re.search(r"pointsman\.yaml:8: ", shown)
        assert "abcdefghijklmnop" not in shown


@pytest.mark.timeout(120)
def test_the_demo_runs_through_and_shows_its_savings(tmp_path: Path) -> None:
    """Three simulated vendors, the gateway and a workload of support tickets, one vendor failing midway."""
    gateway = Gateway(tmp_path, {})
    told = json.loads(gateway.cli("demo", "--once", "--json", "--speed", "50").stdout)
    assert (told["lost"], told["support-triage"]["ok"], told["support-frontier"]["ok"]) == (0, told["tickets"], told["tickets"])
    assert set(told["calls_by_place"]) == {"rules", "cache", "private", "cloud"}
    assert told["fallbacks"] > 0
    assert told["times_cheaper"] > 2
