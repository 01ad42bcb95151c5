"""
A ledger of the version before choices by value, brought up: what it holds comes through, and its programs go on writing while this one starts.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.ledger.entries import START_MS, a_record, a_score, write
from tests.storage.databases import shared_server

from pointsman.core.ids import uuid7
from pointsman.core.routing import Weighed
from pointsman.settings.ledger_place import Place
from pointsman.storage import postgres_schema
from pointsman.storage.batch import Batch
from pointsman.storage.database import migrate, migrations
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.postgres import PostgresDatabase
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database, SqliteDatabase

SCHEMA: Final = 2
# Frozen: the columns that programs of schema 2 filled, by name.
DECISION: Final = ("call_id", "seq", "mode", "chosen", "reason", "vetoes", "propensity")
SCORE: Final = ("score_id", "call_id", "at_ms", "metric", "judge", "value", "workflow", "label", "is_human", "selection_propensity")


def call_id(number: int) -> str:
    return uuid7(now_ms=START_MS, random_bits=number)


def write_as_before(db: Database, number: int) -> None:
    """Write what a program of schema 2 writes of a decision and a score."""
    decision = (call_id(number), 0, "policy", "acme/small", "first_choice", "acme/large=no_credential", 1.0)
    score = (f"s-{number}", call_id(number), START_MS, "faithful", "acme/large@1", 0.8, "support", None, 0, 1.0)
    for table, columns, row in (("decision", DECISION, decision), ("score", SCORE, score)):
        db.many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", [row])


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A ledger of schema 2 on each database, with a decision and a score."""
    known = [one for one in migrations() if one[0] <= SCHEMA]
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            migrate(connection, known)
            write_as_before(SqliteDatabase(connection), 1)
        return path
    url = shared_server().fresh()
    with closing(PostgresDatabase(url, busy_s=5)) as db:
        postgres_schema.migrate(db, known)
        write_as_before(db, 1)
    return url


def rows(db: Database, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in db.rows(f"SELECT * FROM {table} ORDER BY call_id")]


def test_decisions_and_scores_come_through_and_say_nothing_that_nobody_knew(old: Place) -> None:
    with closing(open_writing(old)) as db:
        [decision], [score] = rows(db, "decision"), rows(db, "score")
    assert [decision[name] for name in DECISION] == [call_id(1), 0, "policy", "acme/small", "first_choice", "acme/large=no_credential", 1.0]
    assert [decision[name] for name in ("learned", "weighed", "features", "predicted_quality")] == [None] * 4
    assert (score["value"], score["target"]) == (0.8, "")


def test_a_program_of_schema_2_goes_on_writing_beside_one_of_now(old: Place) -> None:
    weighed = Weighed(target="acme/small", quality=0.8, low=0.7, high=0.9, cost_nano_usd=1, latency_ms=1.0, value_nano_usd=1)
    with closing(open_writing(old)) as db:
        write_as_before(db, 2)
        write(db, [a_record(3, weighed=(weighed,), learned="ab12")])
        write_batch(db, Batch(scores=[a_score("s-3", call_id(3), target="acme/large")]))
    with closing(open_reading(old)) as db:
        assert [row["learned"] for row in rows(db, "decision")] == [None, None, "ab12"]
        assert [row["target"] for row in rows(db, "score")] == ["", "", "acme/large"]
