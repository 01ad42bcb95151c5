"""
Which calls an incident met: counted from roll-ups, and found page by page.
"""

from typing import Any

import pytest
from tests.control.incidents.test_record import an_incident
from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry
from tests.storage.databases import each_database, each_place

from pointsman.control.incidents import affected as room
from pointsman.control.incidents.affected import Met, affected, met_calls
from pointsman.control.incidents.record import Incident
from pointsman.storage.batch import Batch, Review, Score
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

NOW_MS = START_MS + HOUR_MS


def write(db: Database, *records: Any) -> None:
    write_batch(db, Batch(records=records))


def failed(number: int, **more: Any) -> Any:
    return a_record(number, **{"at_ms": START_MS + number, "status": "exhausted", "entries": (an_entry(error="server_error"),), "workflow": "support", **more})


def rescued(number: int) -> Any:
    entries = (an_entry(0, error="overloaded"), an_entry(1, target="acme/large"))
    return a_record(number, at_ms=START_MS + number, entries=entries, workflow="support")


def good(number: int, **more: Any) -> Any:
    return a_record(number, at_ms=START_MS + number, workflow="support", **more)


def all_met(db: Database, incident: Incident, *, most: int) -> list[Met]:
    found: list[Met] = []
    after: str | None = ""
    while after is not None:
        page = met_calls(db, incident, now_ms=NOW_MS, after=after, most=most)
        found += page.met
        after = page.after
    return found


def test_it_counts_what_was_not_answered_and_what_somebody_else_answered(each_database: Database) -> None:
    write(each_database, failed(1), failed(2), rescued(3), good(4), failed(5, workflow="sales"))
    found = affected(each_database, an_incident(workflow="support", since_ms=START_MS), now_ms=NOW_MS)
    assert (found.calls, found.failed, found.fallbacks) == (4, 2, 1)
    assert [(row.target, row.error, row.failed) for row in found.failing] == [("acme/small", "server_error", 2), ("acme/small", "overloaded", 1)]


@pytest.mark.parametrize("most", [1, 2, 50])
def test_pages_hold_every_call_that_met_it_once(each_database: Database, most: int) -> None:
    write(each_database, failed(1), good(2), rescued(3), failed(4, workflow="sales"), failed(5))
    found = all_met(each_database, an_incident(workflow="support", since_ms=START_MS), most=most)
    assert [one.started_ms - START_MS for one in found] == [1, 3, 5]


def test_of_one_target_only_the_calls_that_met_it_there_are_told(each_database: Database) -> None:
    write(each_database, failed(1), rescued(2), failed(3, entries=(an_entry(error="server_error", target="other/one"),)), good(4))
    found = all_met(each_database, an_incident(target="acme/small", since_ms=START_MS), most=10)
    assert [one.started_ms - START_MS for one in found] == [1, 2]


def test_what_was_before_and_after_is_no_part_of_it(each_database: Database) -> None:
    write(each_database, failed(1), failed(2), failed(3), failed(9))
    found = all_met(each_database, an_incident(since_ms=START_MS + 2, until_ms=START_MS + 4), most=10)
    assert [one.started_ms - START_MS for one in found] == [2, 3]


def test_a_page_looks_at_so_many_calls_and_no_more(each_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing failed for long, pages are empty before they end, and none of them takes long."""
    monkeypatch.setattr(room, "_SCAN", 2)
    monkeypatch.setattr(room, "_MOST_SCANS", 2)
    write(each_database, *(good(number) for number in range(1, 8)), failed(9))
    first = met_calls(each_database, an_incident(since_ms=START_MS), now_ms=NOW_MS)
    assert first.met == ()
    assert first.after is not None
    assert [one.started_ms - START_MS for one in all_met(each_database, an_incident(since_ms=START_MS), most=5)] == [9]


def test_of_a_long_incident_the_last_week_is_told(each_database: Database) -> None:
    write(each_database, failed(1))
    after_a_month = START_MS + 30 * 24 * HOUR_MS
    assert affected(each_database, an_incident(since_ms=START_MS), now_ms=after_a_month).calls == 0


def test_answers_that_were_judged_to_be_bad_or_rejected_are_met_too(each_database: Database) -> None:
    """An incident of quality has calls that were all answered."""
    judged, praised, rejected, edited = (good(number) for number in (1, 2, 3, 4))
    scores = [
        Score(score_id=f"s-{index}", call_id=one.call_id, at_ms=START_MS, metric="quality", judge="judge@1", value=value, workflow="support")
        for index, (one, value) in enumerate(((judged, 0.2), (praised, 0.9)))
    ]
    reviews = [
        Review(review_id=f"r-{index}", call_id=one.call_id, verdict=verdict, done_ms=START_MS)
        for index, (one, verdict) in enumerate(((rejected, "rejected"), (edited, "edited")))
    ]
    write_batch(each_database, Batch(records=(judged, praised, rejected, edited), scores=scores, reviews=reviews))

    found = all_met(each_database, an_incident(workflow="support", since_ms=START_MS), most=10)

    assert [one.call_id for one in found] == [judged.call_id, rejected.call_id]
