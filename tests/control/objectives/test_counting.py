"""
Counting what was good, for each kind of objective, in a real ledger.
"""

from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record, a_score, an_entry, an_outcome
from tests.storage.databases import each_database, each_place

from pointsman.control.objectives.budget import Counts
from pointsman.control.objectives.counting import Counter, burns, standings
from pointsman.core.place import Place
from pointsman.settings.workflows import Objective, Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000


def promised(kind: str = "success", **more: Any) -> Objective:
    whole: dict[str, Any] = {"name": kind, "workflow": "support", "share": 0.9, "window_ms": 30 * DAY_MS, **more}
    return Objective(kind=kind, **whole)


def workflow(*objectives: Objective) -> Workflow:
    return Workflow(name="support", capabilities=("support",), objectives=objectives)


def counts(db: Database, objective: Objective, *, since_ms: int = START_MS, until_ms: int = START_MS + HOUR_MS) -> Counts:
    return Counter(db).count_of(objective)(since_ms, until_ms)


def write(db: Database, *records: Any, **more: Any) -> None:
    write_batch(db, Batch(records=records, **more))


def calls(number: int, *, at_ms: int = START_MS, first: int = 0, **more: Any) -> list[Any]:
    return [a_record(first + index, at_ms=at_ms + index, **{"workflow": "support", **more}) for index in range(number)]


@pytest.mark.parametrize("length_ms", [HOUR_MS, 3 * DAY_MS, 30 * DAY_MS])
def test_answered_calls_are_good_whatever_roll_up_is_asked(each_database: Database, length_ms: int) -> None:
    write(each_database, *calls(3), *calls(1, first=10, status="exhausted"), *calls(5, first=20, workflow="other"))
    since_ms = START_MS // length_ms * length_ms if length_ms > HOUR_MS else START_MS
    found = counts(each_database, promised(), since_ms=since_ms, until_ms=since_ms + length_ms)
    assert (found.good, found.total) == (3, 4)


def test_of_the_first_bucket_a_part_counts(each_database: Database) -> None:
    write(each_database, *calls(8), *calls(2, at_ms=START_MS + MINUTE_MS, first=20))
    found = counts(each_database, promised(), since_ms=START_MS + MINUTE_MS // 4)
    assert found.total == pytest.approx(8 * 0.75 + 2)


def test_calls_that_needed_a_person_or_a_stronger_target_are_escalations(each_database: Database) -> None:
    weak = an_entry(0, error="schema", target="acme/small")
    write(
        each_database,
        *calls(2),
        *calls(1, first=10, entries=(weak, an_entry(1, target="acme/large"))),
        *calls(1, first=20, entries=(an_entry(0, kind="person", place=Place.PEOPLE, target="desk"),)),
    )
    rolled = each_database.rows("SELECT SUM(escalations) AS up, SUM(to_person) AS person FROM rollup_minute")[0]
    found = counts(each_database, promised("escalation"))
    assert found.total == 4
    assert found.good == 4 - rolled["up"] - rolled["person"]


def test_of_an_hour_latencies_are_told_from_bins_and_of_less_from_the_calls(each_database: Database) -> None:
    write(each_database, *calls(6, latency_ms=100.0), *calls(2, first=10, latency_ms=5000.0))
    latency = promised("latency", threshold=1000.0)
    for until_ms in (START_MS + HOUR_MS, START_MS + MINUTE_MS):
        found = counts(each_database, latency, until_ms=until_ms)
        assert (found.good, found.total) == (6, 8)


def test_of_the_bin_that_holds_the_threshold_a_part_is_good(each_database: Database) -> None:
    write(each_database, *calls(10, latency_ms=1000.0))
    inside = counts(each_database, promised("latency", threshold=1000.0)).good
    assert 0 < inside < 10
    assert counts(each_database, promised("latency", threshold=800.0)).good == 0
    assert counts(each_database, promised("latency", threshold=1200.0)).good == 10


def test_scores_count_by_how_likely_they_were_to_be_taken(each_database: Database) -> None:
    """Where every failure is looked at and of the rest one in ten, nine of ten are good although half of the scores are."""
    good = a_score(score_id="s1", workflow="support", at_ms=START_MS, value=0.9, selection_propensity=0.1)
    bad = a_score(score_id="s2", workflow="support", at_ms=START_MS, value=0.2, selection_propensity=1.0)
    write(each_database, scores=(good, bad))
    found = counts(each_database, promised("quality", threshold=0.5))
    assert found.total == 2
    assert found.good == pytest.approx(2 * 10 / 11)
    assert counts(each_database, promised("quality", threshold=0.5), since_ms=0, until_ms=10) == Counts()


def test_units_of_an_hour_are_good_while_each_useful_one_costs_no_more_than_promised(each_database: Database) -> None:
    write(each_database, *calls(1, unit="one"), *calls(1, first=5, unit="two"), *calls(1, first=9, unit="open"))
    write(each_database, outcomes=(an_outcome("one", "o-1", workflow="support"), an_outcome("two", "o-2", success=False, workflow="support")))
    dear, cheap = (counts(each_database, promised("cost_per_outcome", threshold=threshold)) for threshold in (1_999.0, 2_001.0))
    assert (dear.good, dear.total) == (0, 2)
    assert (cheap.good, cheap.total) == (2, 2)


def test_hours_without_a_useful_outcome_are_not_good(each_database: Database) -> None:
    write(each_database, *calls(1, unit="one"))
    write(each_database, outcomes=(an_outcome("one", "o-1", success=False, workflow="support"),))
    assert counts(each_database, promised("cost_per_outcome", threshold=1e9)).good == 0


def test_what_burns_is_found_and_what_is_promised_is_shown(each_database: Database) -> None:
    write(each_database, *calls(20, status="exhausted"))
    one = workflow(promised(), promised("latency", threshold=1000.0))
    found = burns(each_database, [one], now_ms=START_MS + MINUTE_MS)
    assert [burn.objective.name for burn in found] == ["success"]
    shown = standings(each_database, [one], now_ms=START_MS + MINUTE_MS)
    assert [(one.objective.name, one.counts.good) for one in shown] == [("success", 0), ("latency", 20)]


def test_several_objectives_of_a_roll_up_ask_it_once(tmp_path: Path) -> None:
    class Asked:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def rows(self, sql: str, values: Any = None) -> list[Any]:
            del values
            self.asked.append(sql)
            return []

    db = Asked()
    burns(db, [workflow(promised(), promised(name="again"), promised("escalation"))], now_ms=START_MS)  # type: ignore[arg-type]
    assert len(db.asked) == 3
