"""
When a target fails, the next one answers, in another dialect if need be, and the SDK notices nothing.
"""

from collections.abc import Iterator

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.sdks import GREETING, SDKS, Asked, Sdk, every_sdk
from tests.journeys.upstreams import SAID, Simulator, Upstreams, mock, settings, simulated

# What a vendor can do wrong before the first event, and what it is called in the ledger.
FAULTS = {
    "status_401": "credential",
    "status_403": "credential",
    "status_404": "not_found",
    "status_500": "server_error",
    "status_503": "overloaded",
    "status_529": "overloaded",
    "context_length": "context_length",
    "cut_before_first_chunk": "cut",
    "html_page": "bad_answer",
    "empty_body": "bad_answer",
    "redirect": "bad_answer",
}
# Of these one is enough for the target to be left alone, so each case has a target of its own.
CLOSING = {"status_401", "status_403", "status_404"}
NO_RETRIES = {"per_target": 0}


def _name(fault: str, dialect: str, case: str) -> str:
    return f"{fault.partition(':')[0]}-{dialect}" + (f"-{case}" if fault in CLOSING else "")


def _names(fault: str, dialect: str) -> set[str]:
    return {_name(fault, dialect, f"{sdk.name}-{mode}") for sdk in SDKS for mode in ("whole", "stream")}


@pytest.fixture(scope="module")
def failing(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    targets = {
        f"bad-{name}": simulated(f"sim-small!{fault}", dialect=dialect)
        for fault in FAULTS
        for dialect in ("openai", "anthropic")
        for name in _names(fault, dialect)
    }
    ladders = {
        name: {"ladder": [f"bad-{name}", f"mock-{other}"], "retries": NO_RETRIES}
        for fault in FAULTS
        for dialect, other in (("openai", "anthropic"), ("anthropic", "openai"))
        for name in _names(fault, dialect)
    }
    more = {
        "targets": {
            **targets,
            **{f"once-{fault}": simulated(f"sim-small!{fault}") for fault in CLOSING},
            "late": simulated("sim-small!slow_first_byte:30", deadlines={"first_byte_s": 0.3}),
            "late-anthropic": simulated("sim-small!slow_first_byte:30", dialect="anthropic", deadlines={"first_byte_s": 0.3}),
            "busy": simulated("sim-small!status_429:60"),
            "tired": simulated("sim-small!status_503:7"),
            "flaky": simulated("sim-small!status_500"),
            "absent": {"vendor": "absent", "model": "any"},
            "unkeyed": {"vendor": "unkeyed", "model": "any"},
            "refuses": simulated("sim-small!refuse_content"),
            "limited": mock("fails-429"),
        },
        "vendors": {
            "absent": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "credential": "env:UPSTREAM_KEY"},
            "unkeyed": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "credential": "env:NO_SUCH_VARIABLE"},
        },
        "capabilities": {
            **ladders,
            **{f"once-{fault}": {"ladder": [f"once-{fault}", "mock-openai"]} for fault in CLOSING},
            "absent-then": {"ladder": ["absent", "mock-anthropic"], "retries": {"per_target": 1, "backoff_s": 0.01}},
            "unkeyed-then": {"ladder": ["unkeyed", "mock-openai"]},
            "late-then": {"ladder": ["late", "mock-anthropic"]},
            "late-anthropic-then": {"ladder": ["late-anthropic", "mock-openai"]},
            "busy-then": {"ladder": ["busy", "mock-anthropic"]},
            "retried": {"ladder": ["flaky", "mock-openai"], "retries": {"per_target": 2, "budget": 2, "backoff_s": 0.01}},
            "rested": {"ladder": ["tired", "mock-anthropic"], "retries": NO_RETRIES},
            "too-long": {"ladder": ["llama-openai", "mock-anthropic"], "retries": NO_RETRIES},
            "moderated": {"ladder": ["refuses", "mock-openai"], "retries": NO_RETRIES},
            "all-limited": {"ladder": ["limited"], "retries": NO_RETRIES},
        },
    }
    with Gateway(tmp_path_factory.mktemp("failing"), settings(upstreams, **more)) as running:
        yield running


@pytest.mark.parametrize("mode", ["whole", "stream"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", FAULTS)
@every_sdk
def test_a_failing_target_is_replaced_unseen(failing: Gateway, sdk: Sdk, fault: str, dialect: str, mode: str) -> None:
    capability = _name(fault, dialect, f"{sdk.name}-{mode}")
    with failing.recorded(capability) as records:
        assert sdk.ask(failing, capability, Asked(GREETING), mode).text == SAID
    (record,) = records
    first, second = failing.attempts(record["call_id"])
    assert (record["status"], record["reason"]) == ("ok", f"next_after:bad-{capability}")
    assert (first["target"], first["error"]) == (f"bad-{capability}", FAULTS[fault])
    assert (second["target"], second["error"]) == (record["target"], None)
    assert record["cost_nano_usd"] == first["cost_nano_usd"] + second["cost_nano_usd"]
    assert (first["cost_nano_usd"] == 0) == (FAULTS[fault] not in {"cut", "bad_answer"})


@pytest.mark.parametrize("fault", sorted(CLOSING))
def test_a_target_that_refuses_our_key_or_model_is_asked_once(failing: Gateway, simulator: Simulator, fault: str) -> None:
    before = len(simulator.requests(f"sim-small!{fault}"))
    answers = [failing.chat(f"once-{fault}") for _ in range(3)]
    assert [answer.headers["x-pointsman-target"] for answer in answers] == ["mock-openai"] * 3
    assert len(simulator.requests(f"sim-small!{fault}")) == before + 1
    assert failing.call(answers[-1].headers["x-request-id"])["considered"] == f"once-{fault}=breaker:credential"


@pytest.mark.parametrize(("capability", "mode"), [("late-then", "whole"), ("late-anthropic-then", "stream")])
@every_sdk
def test_a_target_that_is_too_late_is_replaced_unseen(failing: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    assert sdk.ask(failing, capability, Asked(GREETING), mode).text == SAID


def test_a_target_that_said_when_to_come_back_is_left_alone_until_then(failing: Gateway, simulator: Simulator) -> None:
    answers = [failing.chat("busy-then"), failing.chat("busy-then")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(simulator.requests("sim-small!status_429:60")) == 1
    assert [row["error"] for row in failing.attempts(answers[0].headers["x-request-id"])] == ["rate_limited", None]
    assert failing.call(answers[1].headers["x-request-id"])["considered"] == "busy=breaker:limited"


@every_sdk
def test_a_vendor_that_is_not_there_is_tried_again_and_then_replaced(failing: Gateway, sdk: Sdk) -> None:
    answer = sdk.create(sdk.client(failing), "absent-then")
    assert answer.headers["x-pointsman-target"] == "mock-anthropic"
    assert [row["error"] for row in failing.attempts(answer.headers["x-request-id"])] == ["connect", "connect", None]


@every_sdk
def test_a_target_without_its_credential_is_passed_over(failing: Gateway, sdk: Sdk) -> None:
    answer = sdk.create(sdk.client(failing), "unkeyed-then")
    assert answer.headers["x-pointsman-target"] == "mock-openai"
    assert failing.call(answer.headers["x-request-id"])["considered"] == "unkeyed=no_credential"


def test_retries_keep_to_their_budget(failing: Gateway) -> None:
    answer = failing.chat("retried")
    assert [row["error"] for row in failing.attempts(answer.headers["x-request-id"])] == ["server_error"] * 3 + [None]


def test_a_target_that_fails_again_and_again_rests(failing: Gateway, simulator: Simulator) -> None:
    for _ in range(6):
        assert failing.chat("rested").status_code == 200
    before = len(simulator.requests("sim-small!status_503:7"))
    answer = failing.chat("rested")
    assert len(simulator.requests("sim-small!status_503:7")) == before
    assert "breaker:" in failing.call(answer.headers["x-request-id"])["considered"]


@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_a_prompt_too_long_for_the_first_goes_to_one_that_holds_it(failing: Gateway, sdk: Sdk, mode: str) -> None:
    assert sdk.ask(failing, "too-long", Asked("hello " * 1000), mode).text == SAID


@every_sdk
def test_a_safety_refusal_is_never_routed_around(failing: Gateway, sdk: Sdk) -> None:
    answer = sdk.create(sdk.client(failing), "moderated")
    assert answer.headers["x-pointsman-target"] == "refuses"
    assert "can't help with that" in answer.http_response.text


@every_sdk
def test_when_all_are_limited_the_sdk_learns_when_to_come_back(failing: Gateway, sdk: Sdk) -> None:
    with pytest.raises(sdk.errors.APIStatusError) as refused:
        sdk.create(sdk.client(failing), "all-limited")
    assert refused.value.status_code == 503
    assert refused.value.response.headers["retry-after"] == "33"
