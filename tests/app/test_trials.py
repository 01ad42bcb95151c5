"""
What trials cost today: over all workers, over restarts, and never less than it is.
"""

import logging
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry
from tests.storage.databases import each_place

from pointsman.app.trials import EXPLORE, LOOK_MS, Trials
from pointsman.core.entry import CallRecord
from pointsman.settings.ledger_place import Place
from pointsman.storage.batch import Batch
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.told import SHADOW

__all__ = ["each_place"]

NOON_MS = START_MS + 12 * HOUR_MS


class Site:
    """A ledger, the counter of one worker, and a clock."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.now_ms = NOON_MS
        self.trials = Trials(partial(open_reading, place), now_ms=lambda: self.now_ms)

    def write(self, *records: CallRecord) -> None:
        with closing(open_writing(self.place)) as db:
            write_batch(db, Batch(records=records))

    def look(self, after_ms: int = LOOK_MS) -> None:
        self.now_ms += after_ms
        self.trials.look()


@pytest.fixture
def site(each_place: Place) -> Site:
    return Site(each_place)


def a_trial(number: int, *, mode: str = EXPLORE, cost: int | None = 100, at_ms: int = NOON_MS - HOUR_MS, **more: Any) -> CallRecord:
    return a_record(number, at_ms=at_ms, capability="triage", mode=mode, entries=(an_entry(cost=cost),), **more)


def test_what_others_spent_is_known_after_a_look(site: Site) -> None:
    assert site.trials.spent(EXPLORE, "triage") == 0
    site.write(a_trial(1), a_trial(2), a_trial(3, mode=SHADOW, cost=7), a_trial(4, mode="policy"))
    site.look()
    assert (site.trials.spent(EXPLORE, "triage"), site.trials.spent(SHADOW, "triage"), site.trials.spent(EXPLORE, "other")) == (200, 7, 0)


def test_what_this_worker_spends_counts_at_once_and_only_once_later(site: Site) -> None:
    mine = a_trial(1, at_ms=NOON_MS)
    site.trials.note(mine)
    site.trials.note(a_trial(2, mode="policy"))
    assert site.trials.spent(EXPLORE, "triage") == 100
    site.write(mine)
    site.look()
    assert site.trials.spent(EXPLORE, "triage") == 100


def test_calls_of_hours_ago_are_added_up_once_and_late_ones_are_found(site: Site) -> None:
    site.write(a_trial(1))
    site.look()
    site.write(a_trial(2, at_ms=NOON_MS - 60_000))  # it began a minute ago, and ends now
    site.look()
    site.look(HOUR_MS)
    assert site.trials.spent(EXPLORE, "triage") == 200


def test_a_new_day_begins_with_nothing(site: Site) -> None:
    site.write(a_trial(1))
    site.trials.note(a_trial(2, at_ms=NOON_MS))
    site.look()
    site.now_ms += 12 * HOUR_MS
    assert site.trials.spent(EXPLORE, "triage") == 0
    site.look()
    assert site.trials.spent(EXPLORE, "triage") == 0


def test_it_is_looked_now_and_then_and_not_always(site: Site) -> None:
    site.look()
    site.write(a_trial(1, at_ms=NOON_MS))
    site.look(LOOK_MS - 1)
    assert site.trials.spent(EXPLORE, "triage") == 0
    site.look(1)
    assert site.trials.spent(EXPLORE, "triage") == 100


def test_while_the_ledger_cannot_be_read_what_was_known_holds(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.write(a_trial(1))
    site.look()

    def broken() -> Any:
        raise OSError("the disk is gone")

    site.trials._open_reading = broken
    with caplog.at_level(logging.ERROR, logger="pointsman"):
        site.look()
        site.look()
    assert site.trials.spent(EXPLORE, "triage") == 100
    assert site.trials.trouble == "what trials cost cannot be read (OSError); what was known last holds"
    assert caplog.text.count("what trials cost cannot be read") == 1
