"""
What went wrong, against figures worked out by hand.
"""

from contextlib import closing
from pathlib import Path

from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry, write

from pointsman.core.place import Place
from pointsman.ledger.failures import Failures, TargetFailure, Unanswered, failures
from pointsman.storage.database import open_database, open_reader


def failures_of(path: Path) -> Failures:
    with closing(open_reader(path)) as connection:
        return failures(connection, since_ms=START_MS, until_ms=START_MS + HOUR_MS)


def test_failures_are_counted_by_target_and_calls_without_an_answer_by_capability(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(open_database(path)) as connection:
        write(
            connection,
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
    found = failures_of(path)
    assert found.targets == (
        TargetFailure(target="acme/small", place="cloud", error="cut", failed=2, calls=1, attempts=4),
        TargetFailure(target="acme/small", place="cloud", error="overloaded", failed=1, calls=1, attempts=4),
    )
    assert set(found.unanswered) == {Unanswered(capability="support", status="exhausted", calls=1), Unanswered(capability="support", status="vetoed", calls=1)}


def test_a_ledger_without_failures_has_none(tmp_path: Path) -> None:
    open_database(tmp_path / "ledger.db").close()
    assert failures_of(tmp_path / "ledger.db") == Failures(targets=(), unanswered=())
