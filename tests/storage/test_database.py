import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.core.errors import LedgerUnavailable, Unusable
from pointsman.storage import database
from pointsman.storage.database import migrate, migrations, open_database, open_reader, transaction

TWO = [
    (1, "CREATE TABLE a (x);\n"),
    (
        2,
        (
            "-- A trigger has semicolons inside; so has this comment.\nCREATE TABLE b (x);\n"
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  INSERT INTO b VALUES (NEW.x);\nEND;\n"
        ),
    ),
]
OPEN = """
import sys
from pathlib import Path
from pointsman.storage.database import open_database
input()
for number in range(20):
    open_database(Path(f"{sys.argv[1]}{number or ''}")).close()
"""


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")}


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_file_has_the_current_schema_and_survives_a_power_cut(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "ledger.db")) as connection:
        assert {"call", "attempt", "outcome", "infra_cost", "rollup_minute", "rollup_hour", "latency_hour"} <= tables(connection)
        assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "journal_mode", "synchronous")] == [
            migrations()[-1][0],
            "wal",
            2,
        ]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize("start", range(len(TWO) + 1))
def test_a_file_of_any_version_comes_up_to_the_last(tmp_path: Path, start: int) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        if start:
            migrate(connection, TWO[:start])
            connection.execute("INSERT INTO a VALUES (1)")
        migrate(connection, TWO)
        connection.execute("INSERT INTO a VALUES (2)")
        assert connection.execute("SELECT x FROM b WHERE x = 2").fetchall() == [(2,)]
        assert connection.execute("SELECT COUNT(*) FROM a WHERE x = 1").fetchone() == (min(start, 1),)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        migrate(connection, TWO[:1])
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, [TWO[0], (2, "CREATE TABLE b (x);\nCREATE TABLE a (x);\n")])
        assert (tables(connection), connection.execute("PRAGMA user_version").fetchone()) == ({"a"}, (1,))


def test_a_file_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=999")
    before = path.read_bytes()
    for opening in (open_database, open_reader):
        with pytest.raises(Unusable, match=r"newer version \(schema 999.*Upgrade Pointsman"):
            opening(path)
    assert path.read_bytes() == before


def test_two_processes_that_open_a_new_file_at_once_both_find_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    workers = [subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"\n")
        worker.stdin.flush()
    ends = [worker.communicate(timeout=55) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], ends
    assert version(path) == migrations()[-1][0]


def test_a_worker_that_finds_another_migrating_does_not_do_it_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    real = database.transaction
    with closing(sqlite3.connect(path, isolation_level=None)) as slow, closing(sqlite3.connect(path, isolation_level=None)) as fast:

        def after_the_other(connection: sqlite3.Connection) -> object:
            if connection is slow:  # between reading the version and taking the lock
                migrate(fast, TWO)
            return real(connection)

        monkeypatch.setattr(database, "transaction", after_the_other)
        migrate(slow, TWO)
        assert tables(slow) == {"a", "b", "t"}


def test_a_locked_file_is_told_after_the_time_allowed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerUnavailable, match=r"locked.*unlock the file"):
            open_database(path, busy_s=0.02)


def test_turning_on_the_write_ahead_log_waits_for_who_is_at_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        migrate(other, migrations())  # up to date, but not yet in WAL mode
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            open_database(path, busy_s=0.03)
        other.rollback()
        open_database(path).close()


@pytest.mark.parametrize("opening", [open_database, open_reader])
def test_a_file_that_is_no_database_is_told_with_its_name(tmp_path: Path, opening: object) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to be looked at" * 30)
    with pytest.raises((LedgerUnavailable, Unusable), match=r"notes\.txt.*not a database"):
        opening(path)  # pyright: ignore[reportCallIssue]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"There is no folder `.*gone` for the ledger. Make it"):
        open_database(tmp_path / "gone" / "ledger.db")


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="cannot be opened"):
        open_database(tmp_path)


def test_questions_need_an_existing_file_of_this_version(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="There is no ledger"):
        open_reader(tmp_path / "ledger.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(Unusable, match=r"older version.*Start the gateway once"):
        open_reader(tmp_path / "empty.db")


def test_a_reader_cannot_write_and_its_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "100% odd #name?.db"
    open_database(path).close()
    with closing(open_reader(path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO infra_cost VALUES ('x', 1, 1, 1, 1, 1)")


def test_a_commit_that_fails_on_a_full_disk_leaves_no_transaction_behind(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "ledger.db")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"), transaction(connection):
            connection.executemany("INSERT INTO infra_cost VALUES (?, 1, 1, 1, 1, 1)", [("x" * 1000 + str(number),) for number in range(100)])
        connection.execute(f"PRAGMA max_page_count={pages + 1000}")
        with transaction(connection):
            connection.execute("INSERT INTO infra_cost VALUES ('x', 1, 1, 1, 1, 1)")


def test_the_file_and_what_stands_beside_it_are_for_its_owner_alone(tmp_path: Path) -> None:
    """It names users, whatever the umask of whoever starts the gateway."""
    connection = open_database(tmp_path / "ledger.db")
    connection.execute("CREATE TABLE one (two)")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    connection.close()
    assert set(modes.values()) == {0o600}
    assert len(modes) >= 2
