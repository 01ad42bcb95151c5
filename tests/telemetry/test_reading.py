"""How a call ended, who was not good enough, and whether a promise was kept."""

import subprocess
import sys
from typing import Any

import pytest
from tests.ledger.entries import a_record, an_entry

from pointsman.core.place import Place
from pointsman.intake.errors import OverBudget
from pointsman.settings.workflows import Objective
from pointsman.telemetry.reading import answered_by, ended, escalations, is_graded, keeps


def promise(kind: str, threshold: float | None = None) -> Objective:
    return Objective(name="o", workflow="support", kind=kind, share=0.99, window_ms=1, threshold=threshold)


@pytest.mark.parametrize(
    ("status", "how"),
    [
        ("ok", "ok"),
        ("cancelled", "cancelled"),
        ("bad_request", "refused"),
        (OverBudget.code, "refused"),
        ("no_place_allowed", "refused"),
        ("exhausted", "failed"),
        ("internal", "failed"),
        ("ledger_unavailable", "failed"),
    ],
)
def test_a_call_ends_in_one_of_four_ways(status: str, how: str) -> None:
    assert ended(a_record(status=status)) == how


_LATE = """
from pointsman.telemetry.reading import codes_of, ended
from pointsman.intake.errors import OverBudget
from tests.ledger.entries import a_record
print(ended(a_record(status=OverBudget.code)))
"""


def test_a_refusal_is_one_though_the_part_it_belongs_to_was_loaded_later() -> None:
    done = subprocess.run([sys.executable, "-c", _LATE], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == "refused\n"


def test_who_answered_is_the_last_that_did() -> None:
    entries = (an_entry(error="overloaded"), an_entry(1, target="acme/big"), an_entry(2, target="acme/judge", kind="judge"), an_entry(3, shadow=True))
    found = answered_by(a_record(entries=entries))
    assert found is not None
    assert found.target == "acme/big"
    assert answered_by(a_record(entries=entries, status="not_good_enough")) is None
    assert answered_by(a_record(entries=())) is None


@pytest.mark.parametrize("kind", ["overloaded", "timeout_total", "cancelled", "internal", "bad_request", None])
def test_what_failed_was_not_judged(kind: str | None) -> None:
    assert not is_graded(an_entry(error=kind))


def test_a_step_up_comes_from_an_answer_that_was_not_good_enough() -> None:
    small, big = an_entry(error="not_json"), an_entry(1, target="acme/big")
    assert escalations(a_record(entries=(small, big))) == (("acme/small", "acme/big"),)
    assert escalations(a_record(entries=(an_entry(error="overloaded"), big))) == ()  # that is a fallback
    assert escalations(a_record(entries=(small, an_entry(1)))) == ()  # that is another try


@pytest.mark.parametrize("between", [an_entry(1, kind="judge"), an_entry(1, shadow=True), an_entry(1, place=Place.RULES, kind="rule")])
def test_what_was_asked_beside_the_answer_is_no_step(between: Any) -> None:
    entries = (an_entry(error="not_json"), between, an_entry(2, target="acme/big"))
    assert escalations(a_record(entries=entries)) == (("acme/small", "acme/big"),)


def test_a_person_is_the_last_step_up() -> None:
    entries = (an_entry(), an_entry(1, target="queue-1", place=Place.PEOPLE, kind="person"))
    assert escalations(a_record(entries=entries)) == (("acme/small", "people"),)


def test_a_promise_about_calls_is_kept_or_not() -> None:
    good, bad, late = a_record(), a_record(status="exhausted"), a_record(latency_ms=120.1)
    stepped = a_record(entries=(an_entry(error="schema"), an_entry(1, target="acme/big")))
    assert [keeps(promise("success"), one) for one in (good, bad)] == [True, False]
    assert [keeps(promise("latency", 120.0), one) for one in (good, late)] == [True, False]
    assert keeps(promise("latency"), good) is None
    assert [keeps(promise("escalation"), one) for one in (good, stepped)] == [True, False]
    assert [keeps(promise(kind, 1.0), good) for kind in ("quality", "cost_per_outcome")] == [None, None]
