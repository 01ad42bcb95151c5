"""
Sealed days are forgotten and let go as rows are: a person who was erased stands in no file, and nothing lives past its end in one.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.ledger.content.kept import DAY_MS, NOW_MS, a_call_of, book, files_in
from tests.ledger.entries import an_outcome, write

from pointsman.ledger.content.drill import drill
from pointsman.ledger.content.erasure import erase, erase_again
from pointsman.ledger.content.expiry import expire
from pointsman.ledger.content.holds import Hold
from pointsman.ledger.content.opening import Files
from pointsman.settings.retention_compile import Retention, retention_of
from pointsman.settings.retention_shape import Retention as Told
from pointsman.storage import duck as ducks
from pointsman.storage.database import open_database
from pointsman.storage.open import open_writing
from pointsman.storage.segments import seal_due, verify

ADA, BOB = "ada@example.com", "bob@example.com"
LATER_MS = NOW_MS + 3 * DAY_MS


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with files_in(tmp_path) as found:
        yield found


def sealed(files: Files, *, detach_after_ms: int | None = 0) -> None:
    book(files, a_call_of(ADA, 1, unit=f"mail-{ADA}", session=f"s-{ADA}"), a_call_of(BOB, 2, unit=f"about {ADA.upper()}"), a_call_of(BOB, 3, unit="ticket-1"))
    with closing(open_database(Path(str(files.ledger)))) as connection:
        write(connection, [], outcomes=[an_outcome(f"mail-{ADA}", f"o-{ADA}", tenant="acme", at_ms=NOW_MS)], hardware=[])
    with closing(open_writing(files.ledger)) as db:
        seal_due(db, files.segments, now_ms=NOW_MS + 20 * DAY_MS, detach_after_ms=detach_after_ms)


def in_files(files: Files) -> str:
    """Return everything that stands in the files of sealed days, in small letters."""
    with closing(ducks.connect()) as duck:
        return str([ducks.found(duck, f"SELECT * FROM {ducks.files([path])}") for path in sorted(files.segments.rglob("*.parquet"))]).lower()


def gone(files: Files) -> None:
    erase(files, "acme", user=ADA, now_ms=LATER_MS, told=lambda _: None)


def terms(**section: str) -> Retention:
    return retention_of(msgspec.convert(section, Told))


@pytest.mark.parametrize("detach_after_ms", [0, None])
def test_who_was_erased_stands_in_no_file(files: Files, detach_after_ms: int | None) -> None:
    sealed(files, detach_after_ms=detach_after_ms)
    assert ADA in in_files(files)
    gone(files)
    assert ADA not in in_files(files)
    with closing(open_writing(files.ledger)) as db:
        assert verify(db, files.segments) == []
        seal_due(db, files.segments, now_ms=NOW_MS + 20 * DAY_MS)
    assert ADA not in in_files(files)
    assert "ticket-1" in in_files(files)


def test_a_backup_with_sealed_days_is_cleaned_too(files: Files, tmp_path: Path) -> None:
    sealed(files, detach_after_ms=None)
    backup, into = tmp_path / "backup", tmp_path / "into"
    backup.mkdir()
    into.mkdir()
    shutil.copyfile(Path(str(files.ledger)), backup / Path(str(files.ledger)).name)
    shutil.copytree(files.segments, backup / files.segments.name)
    gone(files)
    assert drill(backup, files, into=into, words=[ADA]).is_passed


def test_a_file_that_is_missing_stops_no_erasure(files: Files) -> None:
    sealed(files)
    shutil.rmtree(files.segments)
    gone(files)
    assert erase_again(files) == 0


def test_sealed_rows_go_at_their_end_and_are_counted_before(files: Files) -> None:
    sealed(files)
    now_ms = NOW_MS + 40 * DAY_MS
    assert expire(files, terms(), now_ms=now_ms).sealed == 0
    assert expire(files, terms(records_for="60d"), now_ms=now_ms).sealed == 0
    counted = expire(files, terms(records_for="30d"), now_ms=now_ms, dry_run=True).sealed
    assert counted > 3
    assert "ticket-1" in in_files(files)
    assert expire(files, terms(records_for="30d"), now_ms=now_ms).sealed == counted
    assert in_files(files) == "[]"


def test_what_is_held_stays_in_its_file(files: Files) -> None:
    sealed(files)
    files.keys.holds.put(Hold(tenant="acme", kind="unit", name="ticket-1", held_ms=NOW_MS, who="tests", why="case 7"))
    assert expire(files, terms(records_for="30d"), now_ms=NOW_MS + 40 * DAY_MS).sealed > 0
    assert "ticket-1" in in_files(files)
    assert ADA not in in_files(files)
