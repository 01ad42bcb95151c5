"""The decision of a call in sentences: each reason that the product knows has words of its own."""

from typing import Any

import pytest

from pointsman.console.sentences import against, failed, pairs, sentences, why
from pointsman.core.failure import FailureKind

CALL: dict[str, Any] = {
    "status": "ok",
    "reason": "first_choice",
    "target": "small",
    "place": "private",
    "latency_ms": 100.0,
    "cost_nano_usd": 1_000_000,
    "hardware_nano_usd": 0,
    "overhead_nano_usd": 0,
    "escalated_from": None,
    "to_person": 0,
    "considered": "",
    "data_class": "internal",
    "found": {},
}
ATTEMPT: dict[str, Any] = {"seq": 0, "target": "small", "error": None, "latency_ms": 100.0, "shadow": 0}
DECISION: dict[str, Any] = {"mode": "policy", "vetoes": "", "release_id": None, "propensity": 1.0}


def told(call: dict[str, Any], *attempts: dict[str, Any], decisions: tuple[dict[str, Any], ...] = ()) -> list[str]:
    tried = [{**ATTEMPT, "seq": seq, **one} for seq, one in enumerate(attempts or ({},))]
    return [one.says for one in sentences({**CALL, **call}, tried, decisions=[{**DECISION, **one} for one in decisions])]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_kind_of_failure_has_words(kind: FailureKind) -> None:
    assert "`" not in failed(kind.value)


def test_an_error_that_nobody_foresaw_is_told_by_its_code() -> None:
    assert failed("odd") == "failed (`odd`)"
    assert against("odd:x") == "was passed over (`odd:x`)"
    assert why("odd") == "of `odd`"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("policy:health", "was closed by the policy for `health` data"),
        ("lacks:tools,images", "does not offer `tools`, `images`"),
        ("cannot_express:logprobs", "speaks a protocol that cannot express `logprobs`"),
        ("no_credential", "has no credential here"),
        ("breaker:server", "was left alone, because it had been failing (`server`)"),
        ("context_too_long", "takes no prompt as long as this with its answer"),
    ],
)
def test_what_spoke_against_a_target_is_told(code: str, says: str) -> None:
    assert against(code) == says
    assert f"`large` {says}." in told({"considered": f"large={code}"})


def test_a_reason_is_told_once_however_often_it_is_on_record() -> None:
    found = told({"considered": "large=no_credential"}, decisions=({"vetoes": "large=no_credential;mid=person"},))
    assert found.count("`large` has no credential here.") == 1
    assert "`mid` may get this data only after a person has agreed." in found
    assert pairs("a=b;;c=d:e") == [("a", "b"), ("c", "d:e")]


def test_where_it_ran_and_what_was_tried_before() -> None:
    found = told(
        {"target": "large", "reason": "next_after:small"}, {"error": "timeout_first_byte"}, {"error": "rate_limited", "target": "mid"}, {"target": "large"}
    )
    assert found[:3] == [
        "Ran on `large` (private), because it comes after `small` in the ladder.",
        "`small` was tried first and did not begin to answer in time, after 100 ms, so the next was asked.",
        "`mid` was tried next and said that too many requests come, after 100 ms, so the next was asked.",
    ]


def test_answers_without_a_model() -> None:
    assert told({"place": "cache", "reason": "cache_hit"})[0].startswith("Answered by the cache, because the same question")
    assert told({"place": "rules", "reason": "rule"})[0].startswith("Answered by a rule")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("exhausted", "Every target of the ladder failed, so the call was not answered."),
        ("over_budget", "A budget was used up, so nothing was sent."),
        ("strange", "It ended with `strange`."),
    ],
)
def test_how_a_call_ended_that_was_not_answered(status: str, says: str) -> None:
    assert told({"status": status, "reason": ""}, {"error": "connect"})[0] == says
    assert told({"status": status, "reason": ""}, {"error": "connect"})[1] == "`small` was tried first and could not be reached, after 100 ms."


def test_a_caller_who_went_away_is_told_with_where_it_ran_if_it_ran() -> None:
    assert told({"status": "cancelled"})[0].endswith("The caller went away before the answer was complete.")
    assert told({"status": "cancelled", "reason": ""})[0] == "The caller went away before the answer was complete."


def test_what_was_found_who_was_asked_and_how_it_was_chosen() -> None:
    found = told(
        {"found": {"person": 2, "email": 1}, "escalated_from": "tiny", "to_person": 1},
        {},
        {"shadow": 1, "error": "schema"},
        decisions=({"mode": "canary", "release_id": "r1", "propensity": 0.05},),
    )
    assert "The data counted as `internal`; found in it: 1 email, 2 person." in found
    assert "It went a tier up: the answer of `tiny` was not good enough." in found
    assert "A person was asked." in found
    assert "It was chosen as canary of release `r1`, with a probability of 5.0%." in found
    assert not any("tried" in one for one in found), "nobody waited for a shadow"


def test_money_that_is_unknown_is_said_to_be_and_parts_of_it_are_named() -> None:
    assert told({"cost_nano_usd": None})[-1].startswith("It took 100 ms. What it cost is not known")
    assert (
        told({"hardware_nano_usd": 400_000, "overhead_nano_usd": 100_000})[-1]
        == "It took 100 ms and cost $0.001 (of it $0.0004 own hardware, $0.0001 overhead)."
    )
    assert [one.says for one in sentences(CALL, [], decisions=[])][-1] == "The data counted as `internal`; detectors found nothing in it."
