"""
What went wrong, against figures worked out by hand.
"""

from contextlib import closing

from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry, write

from pointsman.core.place import Place
from pointsman.ledger.failures import Failures, TargetFailure, Unanswered, failures
from pointsman.settings.ledger_place import Place as LedgerPlace
from pointsman.storage.open import open_reading, open_writing


def failures_of(ledger: LedgerPlace) -> Failures:
    with closing(open_reading(ledger)) as db:
        return failures(db, since_ms=START_MS, until_ms=START_MS + HOUR_MS)


def test_failures_are_counted_by_target_and_calls_without_an_answer_by_capability(each_place: LedgerPlace) -> None:
    with closing(open_writing(each_place)) as db:
        write(
            db,
            [
                a_record(1, entries=(an_entry(error="cut"), an_entry(1, error="cut"), an_entry(2, target="own", place=Place.PRIVATE))),
                a_record(2, entries=(an_entry(error="overloaded"),), status="exhausted"),
                a_record(3, status="vetoed", entries=()),
                a_record(4),
                a_record(5, status="exhausted", at_ms=START_MS + HOUR_MS),  # later
            ],
            outcomes=[],
            hardware=[],
        )
    found = failures_of(each_place)
    assert found.targets == (
        TargetFailure(target="acme/small", place="cloud", error="cut", failed=2, calls=1, attempts=4),
        TargetFailure(target="acme/small", place="cloud", error="overloaded", failed=1, calls=1, attempts=4),
    )
    assert set(found.unanswered) == {Unanswered(capability="support", status="exhausted", calls=1), Unanswered(capability="support", status="vetoed", calls=1)}


def test_a_ledger_without_failures_has_none(each_place: LedgerPlace) -> None:
    assert failures_of(each_place) == Failures(targets=(), unanswered=())
