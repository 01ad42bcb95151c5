"""
Incidents on record: opened, told, closed, and found again.
"""

from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS
from tests.storage.databases import each_database, each_place

from pointsman.control.incidents.record import Incident, NoSuchIncident, Note, close, incident_of, incidents, open_about, open_incident, tell, timeline
from pointsman.core.ids import uuid7
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]


def an_incident(number: int = 0, **more: Any) -> Incident:
    whole: dict[str, Any] = {
        "incident_id": uuid7(now_ms=START_MS + number, random_bits=number),
        "opened_ms": START_MS + number,
        "severity": "page",
        "title": "Answers are missing",
        "since_ms": START_MS - HOUR_MS,
        "opened_by": "ada",
        **more,
    }
    return Incident(**whole)


def test_an_incident_begins_with_what_was_known(each_database: Database) -> None:
    one = an_incident()
    open_incident(each_database, one, notes=(Note(at_ms=START_MS - 5, kind="changed", actor="bob", says="A ladder changed."),))
    assert incident_of(each_database, one.incident_id) == one
    assert [(note.seq, note.kind, note.says) for note in timeline(each_database, one.incident_id)] == [
        (0, "opened", "Answers are missing"),
        (1, "changed", "A ladder changed."),
    ]


def test_what_is_told_is_added_and_closing_ends_it_once(each_database: Database) -> None:
    one = an_incident()
    open_incident(each_database, one)
    tell(each_database, one.incident_id, note=Note(at_ms=START_MS + 1, kind="note", actor="ada", says="Looking."))
    close(each_database, one.incident_id, note=Note(at_ms=START_MS + 2, kind="closed", actor="ada", says="It was the vendor."))
    found = incident_of(each_database, one.incident_id)
    assert (found.is_open, found.closed_ms, found.until_ms) == (False, START_MS + 2, START_MS + 2)
    assert [note.kind for note in timeline(each_database, one.incident_id)] == ["opened", "note", "closed"]
    with pytest.raises(NoSuchIncident, match="incident list"):
        close(each_database, one.incident_id, note=Note(at_ms=START_MS + 3, kind="closed", actor="ada", says="Again."))


def test_of_an_incident_that_is_not_there_nothing_is_kept(each_database: Database) -> None:
    with pytest.raises(NoSuchIncident):
        tell(each_database, "none", note=Note(at_ms=1, kind="note", actor="ada", says="?"))
    with pytest.raises(NoSuchIncident):
        incident_of(each_database, "none")
    assert timeline(each_database, "none") == ()


def test_the_newest_come_first_and_pages_go_on(each_database: Database) -> None:
    for number in range(5):
        open_incident(each_database, an_incident(number, title=str(number)))
    first = incidents(each_database, most=2)
    assert [one.title for one in first] == ["4", "3"]
    assert [one.title for one in incidents(each_database, before=first[-1].incident_id, most=2)] == ["2", "1"]


def test_only_open_ones_of_a_workflow_are_joined_by_its_next_alert(each_database: Database) -> None:
    by_hand, by_alert = an_incident(1, workflow="support"), an_incident(2, workflow="support", cause="burn|support/answered|fast|1")
    open_incident(each_database, by_hand)
    assert open_about(each_database, "support") is None
    open_incident(each_database, by_alert)
    assert open_about(each_database, "support") == by_alert
    assert open_about(each_database, "sales") is None
    close(each_database, by_alert.incident_id, note=Note(at_ms=START_MS + 9, kind="closed", actor="ada", says="Over."))
    assert open_about(each_database, "support") is None
    assert [one.title for one in incidents(each_database, closed_too=False)] == [by_hand.title]
