"""
An erased subject stays erased: in every file, after every restore, and for whatever arrives late. Nobody else loses anything.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.content.kept import CANARY, NOW_MS, a_call_of, a_said, book, files_holding, files_in, keep
from tests.ledger.entries import an_outcome, write

from pointsman.ledger.content.drill import drill
from pointsman.ledger.content.erasure import Erased, HeldBack, erase, erase_again, plan
from pointsman.ledger.content.holds import Hold
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.opening import Files
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.writer import Ledger
from pointsman.storage.database import transaction
from pointsman.storage.keys import Tombstone

ADA, BOB = "ada@example.com", "bob@example.com"
LATER_MS = NOW_MS + 1_000


@pytest.fixture
def files(tmp_path: Path) -> Any:
    with files_in(tmp_path, copies=True) as found:
        yield found


def lived_in(files: Files) -> None:
    """Fill the files with two users' calls, contents and outcomes, Ada's name also in units and in the id of an outcome."""
    keep(files, a_said(1), a_said(2), a_said(3, subject=BOB), a_said(4, tenant="beta"))
    book(files, a_call_of(ADA, 1, unit=f"mail-{ADA}"), a_call_of(ADA, 2, unit="ticket-1"), a_call_of(BOB, 3, unit=f"about {ADA.upper()}"))
    with closing(sqlite3.connect(files.ledger, isolation_level=None)) as connection:
        write(
            connection,
            [],
            outcomes=[
                an_outcome(f"mail-{ADA}", "o-1", tenant="acme", at_ms=NOW_MS),
                an_outcome("ticket-1", f"o-{ADA}", tenant="acme", at_ms=NOW_MS),
                an_outcome(f"mail-{ADA}", "o-1", tenant="beta", at_ms=NOW_MS),
            ],
            hardware=[],
        )


def erased(files: Files, user: str = ADA, *, now_ms: int = LATER_MS, told: list[Tombstone] | None = None) -> Erased:
    return erase(files, "acme", user=user, now_ms=now_ms, told=(told if told is not None else []).append)


def rows(files: Files, sql: str) -> list[Any]:
    with closing(sqlite3.connect(files.ledger)) as connection:
        return connection.execute(sql).fetchall()


def readable(files: Files) -> list[bool]:
    store = ContentStore(files.content, files.keys)
    found = [store.read(a_said(number).call_id, who="tests") is not None for number in (1, 2, 3, 4)]
    store.close()
    return found


def test_what_is_kept_of_an_erased_users_prompts_goes_too(files: Files) -> None:
    book(files, a_call_of(ADA, 1, features="AAAA"), a_call_of(BOB, 2, features="BBBB"))
    erased(files)
    assert [row[0] for row in rows(files, "SELECT features FROM decision ORDER BY call_id")] == [None, "BBBB"]


def test_erasing_a_user_ends_what_was_said_and_forgets_the_name_and_leaves_everybody_else_alone(files: Files) -> None:
    lived_in(files)
    before = rows(files, "SELECT COUNT(*), SUM(cost_nano_usd) FROM call"), rows(files, "SELECT * FROM rollup_minute")
    told: list[Tombstone] = []
    done = erased(files, told=told)
    assert (done.content, done.calls, done.units) == (2, 2, 2)
    assert readable(files) == [False, False, True, True]
    assert [user for (user,) in rows(files, "SELECT user FROM call ORDER BY call_id")] == ["(erased)", "(erased)", BOB]
    assert (rows(files, "SELECT COUNT(*), SUM(cost_nano_usd) FROM call"), rows(files, "SELECT * FROM rollup_minute")) == before
    [stone] = told
    assert (stone.tenant, stone.subject, stone.erased_ms) == ("acme", files.keys.subject("acme", ADA), LATER_MS)


def test_calls_and_outcomes_of_a_unit_that_named_the_user_stay_together(files: Files) -> None:
    lived_in(files)
    erased(files)
    [(one,), (other,)] = rows(files, "SELECT unit FROM call WHERE unit LIKE 'erased-%' ORDER BY call_id")
    assert one != other
    assert rows(files, "SELECT unit FROM outcome WHERE tenant = 'acme' ORDER BY recorded") == [(one,), ("ticket-1",)]
    assert rows(files, "SELECT outcome_id FROM outcome WHERE tenant = 'acme' ORDER BY recorded") == [("o-1",), ("erased-2",)]
    assert rows(files, "SELECT unit FROM outcome WHERE tenant = 'beta'") == [(f"mail-{ADA}",)]


def test_a_dry_run_tells_the_same_and_changes_nothing(files: Files) -> None:
    lived_in(files)
    planned = plan(files, "acme", user=ADA, now_ms=LATER_MS)
    assert readable(files) == [True] * 4
    assert files.keys.tombstones() == []
    assert erased(files) == planned


def test_nobody_is_erased_where_nothing_was_ever_kept(files: Files) -> None:
    done = erased(files)
    assert (done.content, done.calls, done.units, done.copies) == (0, 0, 0, 0)
    assert not Path(files.ledger).exists()
    assert erase_again(files) == 0


def test_no_byte_of_any_file_holds_the_name_or_a_word_of_the_erased(files: Files, tmp_path: Path) -> None:
    """Thousands of rows, so that pages were split, moved and freed while the name was in them."""
    chance = random.Random(7)
    keep(files, *[a_said(number, subject=chance.choice([ADA, BOB])) for number in range(300)])
    book(files, *[a_call_of(chance.choice([ADA, BOB, None]), number, unit=f"{chance.choice([ADA, 'ticket'])}-{chance.random()}") for number in range(3000)])
    with closing(sqlite3.connect(files.ledger, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")  # many builds of SQLite leave behind what is deleted
        outcomes = [an_outcome(f"{chance.random()}-{ADA}", f"{chance.random()}", tenant="acme", at_ms=NOW_MS) for _ in range(3000)]
        write(connection, [], outcomes=outcomes, hardware=[])
        with transaction(connection):
            connection.execute("DELETE FROM outcome WHERE recorded % 3 = 0")
    assert files_holding(tmp_path, ADA)
    erased(files)
    assert files_holding(tmp_path, ADA, ADA.upper(), CANARY) == []
    assert files_holding(tmp_path, BOB) == ["ledger.db: " + BOB]


def test_while_the_gateway_has_its_files_open_they_are_cleared_too(files: Files, tmp_path: Path) -> None:
    lived_in(files)
    ledger, store = Ledger(files.ledger), ContentStore(files.content, files.keys)
    ledger.book(a_call_of(ADA, 50))
    ledger.flush()
    store.keep(a_said(50))
    store.flush()
    erased(files)
    assert [one for one in files_holding(tmp_path, ADA) if "beta" not in one] == [f"ledger.db: {ADA}"]  # the other tenant's outcome
    assert rows(files, f"SELECT COUNT(*) FROM call WHERE user = '{ADA}'") == [(0,)]
    assert store.read(a_said(50).call_id, who="tests") is None
    ledger.book(a_call_of(BOB, 60))  # and both go on
    ledger.close()
    store.keep(a_said(60, subject=BOB))
    store.close()
    assert rows(files, "SELECT COUNT(*) FROM call") == [(5,)]
    assert store.lost == 0


def test_what_was_on_its_way_when_the_subject_was_erased_is_erased_again_and_what_comes_later_is_not(files: Files) -> None:
    lived_in(files)
    erased(files)
    book(files, a_call_of(ADA, 70), a_call_of(ADA, 71, at_ms=LATER_MS + 1))
    assert erase_again(files, since_ms=LATER_MS - 10) == 1
    assert [user for (user,) in rows(files, "SELECT user FROM call WHERE tenant = 'acme' ORDER BY call_id")].count(ADA) == 1
    assert erase_again(files, since_ms=LATER_MS - 10) == 0
    assert erase_again(files, since_ms=LATER_MS + 1) == 0


def backed_up(files: Files, folder: Path) -> Path:
    folder.mkdir()
    for path in (Path(files.ledger), files.content):
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, folder / part.name)
    return folder


def test_an_erased_subject_stays_erased_when_an_old_backup_is_restored(files: Files, tmp_path: Path) -> None:
    lived_in(files)
    backup = backed_up(files, tmp_path / "backup")
    erased(files)
    keep(files, a_said(9, said_ms=LATER_MS + 1))  # with a new key, which opens nothing of before
    into = tmp_path / "restored"
    into.mkdir()
    found = drill(backup, files, into=into, words=[CANARY])
    assert found.is_passed
    assert (found.tombstones, found.rows, found.opened, found.left) == (1, 2, 0, 0)
    assert found.cleaned > 0
    assert files_holding(into, CANARY) == []
    with closing(sqlite3.connect(into / "ledger.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM call WHERE user = ?", (ADA,)).fetchone() == (0,)
    # Restored in place, the first run of whoever starts on it does the same.
    for part in backup.iterdir():
        shutil.copy(part, tmp_path / part.name)
    assert readable(files) == [False, False, True, True]
    assert erase_again(files) == 2 + 2 + 2
    assert rows(files, f"SELECT COUNT(*) FROM call WHERE user = '{ADA}'") == [(0,)]


def test_the_content_of_a_backup_alone_holds_nothing_that_can_be_read(files: Files, tmp_path: Path) -> None:
    """Not even before anybody is erased: the keys are not in it."""
    keep(files, a_said(1))
    backup = backed_up(files, tmp_path / "backup") if Path(files.ledger).exists() else tmp_path
    assert files_holding(backup, CANARY, ADA) == []


def test_a_drill_tells_what_is_left(files: Files, tmp_path: Path) -> None:
    """As it would be if a copy of the keys had come back with the backup."""
    lived_in(files)
    backup = backed_up(files, tmp_path / "backup")
    files.keys.copy_to(tmp_path / "old-keys.db")
    erased(files)
    with closing(KeyStore(tmp_path / "old-keys.db", b"m" * 32)) as old:
        old.erase("acme", "somebody else", now_ms=LATER_MS)
        with transaction(old._connection):
            old._connection.execute("UPDATE tombstone SET subject = ?", (files.keys.subject("acme", ADA),))
        restored = Files(ledger=files.ledger, content=files.content, keys=old, segments=files.segments)
        into = tmp_path / "restored"
        into.mkdir()
        found = drill(backup, restored, into=into, words=[BOB])
    assert (found.rows, found.opened, found.found) == (2, 2, (("ledger.db", BOB),))
    assert not found.is_passed


def test_a_folder_that_is_no_backup_is_told(files: Files, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Exception, match=r"neither `ledger.db` nor `content.db`"):
        drill(tmp_path / "empty", files, into=tmp_path)


@pytest.mark.parametrize("kept", ["ledger.db", "content.db"])
def test_a_backup_may_be_of_one_file_alone(files: Files, tmp_path: Path, kept: str) -> None:
    lived_in(files)
    backup = backed_up(files, tmp_path / "backup")
    for part in backup.iterdir():
        if not part.name.startswith(kept):
            part.unlink()
    erased(files)
    (tmp_path / "restored").mkdir()
    assert drill(backup, files, into=tmp_path / "restored").is_passed


def test_an_erasure_reaches_the_copies_of_the_keys(files: Files) -> None:
    lived_in(files)
    assert files.copies is not None
    files.copies.mkdir()
    files.keys.copy_to(files.copies / "20000.keys")
    assert erased(files).copies == 1
    with closing(KeyStore(files.copies / "20000.keys", b"m" * 32)) as copy:
        assert [(stone.tenant, stone.subject) for stone in copy.tombstones()] == [("acme", copy.subject("acme", ADA))]
        store = ContentStore(files.content, copy)
        assert [store.read(a_said(number).call_id, who="tests") is None for number in (1, 3)] == [True, False]
        store.close()


@pytest.mark.parametrize(("kind", "name", "says"), [("subject", ADA, "this subject"), ("unit", "ticket-1", "a unit"), ("tenant", "", "the tenant `acme`")])
def test_a_legal_hold_forbids_the_erasure_and_then_nothing_changes(files: Files, kind: str, name: str, says: str) -> None:
    lived_in(files)
    files.keys.holds.put(Hold(tenant="acme", kind=kind, name=name, held_ms=NOW_MS, who="legal", why="case 7"))
    with pytest.raises(HeldBack, match=f"hold on {says}.*pointsman retention release"):
        erased(files)
    assert readable(files) == [True] * 4
    assert files.keys.tombstones() == []
    files.keys.holds.release("acme", kind, name=name)
    assert erased(files).content == 2


def test_a_hold_on_somebody_else_or_elsewhere_forbids_nothing(files: Files) -> None:
    lived_in(files)
    for tenant, kind, name in (("acme", "subject", BOB), ("acme", "unit", "ticket-9"), ("beta", "tenant", "")):
        files.keys.holds.put(Hold(tenant=tenant, kind=kind, name=name, held_ms=NOW_MS, who="legal", why="case 7"))
    assert erased(files).content == 2


@given(users=st.lists(st.sampled_from([ADA, BOB, "eve", None]), min_size=1, max_size=8), gone=st.sampled_from([ADA, BOB, "eve"]))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_exactly_the_contents_of_the_erased_are_gone(tmp_path_factory: pytest.TempPathFactory, users: list[str | None], gone: str) -> None:
    with files_in(tmp_path_factory.mktemp("law")) as files:
        records = [a_said(number, subject=user) for number, user in enumerate(users)]
        keep(files, *records)
        erased(files, gone)
        store = ContentStore(files.content, files.keys)
        found = [store.read(record.call_id, who="tests") is not None for record in records]
        store.close()
        assert found == [user != gone for user in users]
