"""
Pairs from the ledger and from tables: who is compared with whom, by whose word.
"""

from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record, a_score, an_entry, an_outcome
from tests.storage.databases import each_database, each_place

from pointsman.control.guarantee.observed import Observed, Span, of_shadows, of_table
from pointsman.core.entry import CallRecord
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

SPAN = Span(workflow="triage", capability="triage", task="classify", until_ms=START_MS + HOUR_MS)


def call(number: int = 0, **more: Any) -> CallRecord:
    return a_record(number, **{"capability": "triage", "workflow": "triage", "entries": (an_entry(target="large"),), **more})


def score(of: CallRecord, value: float, *, target: str = "", **more: Any) -> Any:
    name = f"{of.call_id}-{target}-{more.get('judge', '')}-{more.get('at_ms', 0)}"
    return a_score(name, of.call_id, **{"workflow": "triage", "value": value, "target": target, "selection_propensity": 0.1, "at_ms": START_MS + 5, **more})


def found(db: Database, *records: CallRecord, scores: list[Any], outcomes: tuple[Any, ...] = ()) -> tuple[Observed, ...]:
    write_batch(db, Batch(records=records, scores=scores, outcomes=outcomes))
    return of_shadows(db, SPAN)


def test_both_answers_are_compared_by_the_same_judge(each_database: Database) -> None:
    one = call(features="AQI=")
    (pair,) = found(each_database, one, scores=[score(one, 0.9), score(one, 0.4, target="small"), score(one, 0.1, judge="another@1")])

    assert pair.scores == {"large": 0.9, "small": 0.4}
    assert (pair.propensity, pair.by_outcome, pair.key) == (0.1, False, one.call_id)
    assert (pair.prompt.text, pair.prompt.capability, pair.prompt.task) == (b"\x01\x02", "triage", "classify")


def test_where_nobody_scored_the_answer_that_was_given_the_outcome_stands_for_it(each_database: Database) -> None:
    good, bad, silent = call(1, unit="t1"), call(2, unit="t2"), call(3, unit="t3")
    told = (an_outcome("t1", "o1", success=True), an_outcome("t2", "o2", success=False))
    pairs = found(each_database, good, bad, silent, scores=[score(one, 0.5, target="small") for one in (good, bad, silent)], outcomes=told)

    assert [(pair.scores["large"], pair.by_outcome) for pair in pairs] == [(1.0, True), (0.0, True)]


def test_a_person_goes_before_a_model_and_the_same_judge_before_an_outcome(each_database: Database) -> None:
    one = call(unit="t1")
    scores = [
        score(one, 0.2, judge="model@1"),
        score(one, 0.3, target="small", judge="model@1", at_ms=START_MS + 9),
        score(one, 1.0, judge="ann", is_human=True),
        score(one, 0.8, target="small", judge="ann", is_human=True),
        score(one, 0.6, target="small", judge="alone@1", at_ms=START_MS + 10),
    ]
    (pair,) = found(each_database, one, scores=scores, outcomes=(an_outcome("t1", success=False),))

    assert pair.scores == {"large": 1.0, "small": 0.8}


def test_of_a_unit_one_call_counts(each_database: Database) -> None:
    first, second = call(1, unit="t1"), call(2, unit="t1")
    scores = [one for of, at in ((first, 5), (second, 6)) for one in (score(of, 1.0, at_ms=START_MS + at), score(of, 0.0, target="small", at_ms=START_MS + at))]
    (pair,) = found(each_database, first, second, scores=scores)

    assert pair.key == second.call_id


@pytest.mark.parametrize("other", [{"capability": "refunds"}, {"mode": "explore", "propensity": 0.02}])
def test_other_capabilities_and_trials_do_not_count(each_database: Database, other: dict[str, Any]) -> None:
    one = call(**other)

    assert found(each_database, one, scores=[score(one, 0.9), score(one, 0.4, target="small")]) == ()


def test_features_that_cannot_be_read_are_none(each_database: Database) -> None:
    one = call(features="&&&")
    (pair,) = found(each_database, one, scores=[score(one, 2.0), score(one, -1.0, target="small")])

    assert (pair.prompt.text, pair.scores) == (b"", {"large": 1.0, "small": 0.0})


def test_a_table_is_joined_by_prompt_and_what_stands_there_twice_is_averaged() -> None:
    rows = [("a", "large", 1.0), ("b", "large", 0.0), ("a", "small", 1.0), ("a", "small", 0.0)]
    first, second = of_table(rows, capability="triage", task="classify", at_ms=7)

    assert (first.scores, first.prompt.text, first.at_ms) == ({"large": 1.0, "small": 0.5}, "a", 7)
    assert second.scores == {"large": 0.0}
