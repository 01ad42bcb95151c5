"""
A ledger that the version before wrote, brought up: nothing of it is lost, and both databases make the same of it.
"""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, report_of
from tests.storage.databases import shared_server

from pointsman.ledger.balance import balance, balance_of_sums
from pointsman.settings.ledger_place import Place
from pointsman.storage import postgres_schema
from pointsman.storage.database import migrations, open_database
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.postgres import PostgresDatabase
from pointsman.storage.sql import Database, SqliteDatabase

HERE = Path(__file__).parent
OLD_TABLES = ("call", "attempt", "outcome", "infra_cost", "rollup_minute", "rollup_hour", "latency_hour")
MIGRATE = """
import os, signal, sys
from pathlib import Path
from pointsman.storage import database, postgres_schema
from pointsman.storage.open import open_writing

place, dies_after = sys.argv[1], int(sys.argv[2])
real = database.statements

def dying(script):
    for number, statement in enumerate(real(script)):
        if number == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        yield statement

database.statements = postgres_schema.statements = dying
input()
open_writing(place if "://" in place else Path(place)).close()
"""


def old_file(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((HERE / "schema_1.sql").read_text())
    return path


def old_postgres(url: str, rows_of: Path) -> str:
    """Make what PostgreSQL never had: a ledger of schema 1, with the rows of the file."""
    with closing(PostgresDatabase(url, busy_s=5)) as db, closing(sqlite3.connect(rows_of)) as old:
        postgres_schema.migrate(db, migrations()[:1])
        for table in OLD_TABLES:
            found = old.execute(f"SELECT * FROM {table}")
            names = [f'"{column[0]}"' for column in found.description]
            db.many(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", found.fetchall())
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A ledger of schema 1 on each database."""
    path = old_file(tmp_path / "ledger.db")
    return path if request.param == "sqlite" else old_postgres(shared_server().fresh(), path)


@pytest.fixture
def db(old: Place) -> Iterator[Database]:
    """The same, brought up."""
    with closing(open_writing(old)) as db:
        yield db


def one(db: Database, sql: str) -> Any:
    [row] = db.rows(sql)
    [value] = row.values()
    return value


def tables(db: Database) -> list[str]:
    if isinstance(db, SqliteDatabase):
        return [row["name"] for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")]
    asked = "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'schema_version'"
    return sorted(row["name"] for row in db.rows(asked))


def content(db: Database) -> dict[str, list[Any]]:
    """Return every row of every table."""
    return {table: sorted((dict(row) for row in db.rows(f"SELECT * FROM {table}")), key=str) for table in tables(db)}


def started(place: Place, dies_after: int = -1) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, str(place), str(dies_after)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def test_money_is_the_same_to_the_nano_dollar_wherever_it_is_summed(db: Database) -> None:
    spent = one(db, "SELECT SUM(cost_nano_usd) AS spent FROM attempt")
    assert spent > 0
    for table in ("unit", "rollup_unit", "rollup_minute", "rollup_hour", "rollup_day"):
        assert one(db, f"SELECT SUM(cost_nano_usd) AS spent FROM {table}") == spent, table
    assert balance(db).difference == balance_of_sums(db).difference == 0


@pytest.mark.parametrize("column", ["calls", "cost_unknown", "hardware_nano_usd"])
def test_every_roll_up_counts_the_same(db: Database, column: str) -> None:
    tables = ("unit", "rollup_unit", "rollup_minute", "rollup_hour", "rollup_day")
    assert len({one(db, f"SELECT SUM({column}) AS counted FROM {table}") for table in tables}) == 1


def test_the_report_says_what_the_version_before_said_and_counts_what_it_knew_but_left_out(db: Database, old: Place) -> None:
    before = json.loads((HERE / "schema_1_report.json").read_text())
    found = report_of(old, since_ms=START_MS, until_ms=START_MS + 60 * HOUR_MS)
    half_known = {
        row["capability"]: row["known"]
        for row in db.rows(
            "SELECT call.capability AS capability, SUM(attempt.cost_nano_usd) AS known FROM call JOIN attempt ON attempt.call_id = call.call_id"
            " WHERE call.cost_nano_usd IS NULL GROUP BY call.capability"
        )
    }
    assert any(half_known.values())
    for was, now in zip(before["capabilities"], found.capabilities, strict=True):
        for name, value in was.items():
            more = half_known[now.capability] if name == "cost_nano_usd" else 0
            assert getattr(now, name) == (value + more if more else value), name
    assert [one.paid_nano_usd for one in found.hardware] == [one["paid_nano_usd"] for one in before["hardware"]]


def test_what_was_told_of_a_unit_stands_in_it(db: Database) -> None:
    states = {row["state"]: row["units"] for row in db.rows("SELECT state, COUNT(*) AS units FROM unit GROUP BY state")}
    assert set(states) == {"open", "useful", "failed"}
    told, useful = (one(db, f"SELECT SUM({column}) AS counted FROM rollup_unit") for column in ("told", "useful"))
    assert (told, useful) == (states["useful"] + states["failed"], states["useful"])
    assert one(db, "SELECT COUNT(*) AS odd FROM unit JOIN outcome ON outcome.tenant = unit.tenant AND outcome.outcome_id = unit.outcome_id"
                   " WHERE outcome.success <> (CASE WHEN unit.state = 'useful' THEN 1 ELSE 0 END)") == 0  # fmt: skip


def test_both_databases_make_the_same_of_it(tmp_path: Path, postgres_url: str) -> None:
    path = old_file(tmp_path / "ledger.db")
    old_postgres(postgres_url, path)
    with closing(open_writing(path)) as file, closing(open_writing(postgres_url)) as server:
        assert content(file) == content(server)


def test_a_ledger_that_was_brought_up_is_laid_out_as_a_new_one(tmp_path: Path) -> None:
    def layout(path: Path) -> dict[str, Any]:
        with closing(open_database(path)) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")]
            return {name: connection.execute(f"SELECT name, type, [notnull], dflt_value, pk FROM pragma_table_info('{name}')").fetchall() for name in names}

    assert layout(old_file(tmp_path / "old.db")) == layout(tmp_path / "new.db")


def test_nobody_reads_an_old_ledger_before_it_is_brought_up(old: Place) -> None:
    with pytest.raises(Exception, match=r"older version \(schema 1.*Start the gateway once"):
        open_reading(old)


@pytest.mark.parametrize("dies_after", [1, 20, 60])
def test_a_process_that_is_killed_while_it_migrates_leaves_it_whole(old: Place, dies_after: int) -> None:
    ending = started(old, dies_after)
    ending.communicate(b"\n", timeout=55)
    assert ending.returncode == -signal.SIGKILL
    if isinstance(old, Path):
        with closing(sqlite3.connect(old)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with closing(open_writing(old)) as db:
        assert balance(db).difference == balance_of_sums(db).difference == 0
        assert one(db, "SELECT COUNT(*) AS calls FROM call") == 60


def test_of_two_processes_that_migrate_at_once_one_does_it(old: Place) -> None:
    both = [started(old) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=55) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    with closing(open_reading(old)) as db:
        assert one(db, "SELECT COUNT(*) AS calls FROM call") == 60
        assert balance(db).difference == balance_of_sums(db).difference == 0
