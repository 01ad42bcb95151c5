"""
Records and outcomes for tests of the ledger and the storage below it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from pointsman.core.entry import CallRecord, Entry, Outcome
from pointsman.core.ids import uuid7
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.ledger.report import Report, report
from pointsman.settings.ledger_place import Place as Where
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch, Charge, HardwareRow, Review, Score
from pointsman.storage.open import open_reading
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database, SqliteDatabase

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def an_entry(seq: int = 0, *, cost: int | None = 1_000, target: str = "acme/small", tokens: tuple[int, int] = (10, 5), **more: Any) -> Entry:
    whole: dict[str, Any] = {
        "place": Place.CLOUD,
        "error": None,
        "latency_ms": 120.0,
        "first_byte_ms": None,
        "usage": Usage(tokens_in=tokens[0], tokens_out=tokens[1]),
        "price_id": "contract:test",
        **more,
    }
    return Entry(seq=seq, cost_nano_usd=cost, target=target, **whole)


def a_record(number: int = 0, *, at_ms: int = START_MS, entries: tuple[Entry, ...] | None = None, **more: Any) -> CallRecord:
    call_id = uuid7(now_ms=at_ms, random_bits=number)
    whole: dict[str, Any] = {
        "capability": "support",
        "unit": call_id,
        "key_id": "web",
        "tenant": "default",
        "team": None,
        "application": None,
        "user": None,
        "data_class": "internal",
        "snapshot": "0123456789abcdef",
        "status": "ok",
        "reason": "first",
        "latency_ms": 120.0,
        "considered": (),
        **more,
    }
    return CallRecord(call_id=call_id, started_ms=at_ms, entries=(an_entry(),) if entries is None else entries, **whole)


def an_outcome(unit: str = "ticket-1", outcome_id: str = "o-1", **more: Any) -> Outcome:
    whole: dict[str, Any] = {"kind": "resolved", "success": True, "at_ms": START_MS, "tenant": "default", **more}
    return Outcome(unit=unit, outcome_id=outcome_id, **whole)


def report_of(ledger: Where, *, since_ms: int = START_MS, until_ms: int = START_MS + HOUR_MS) -> Report:
    with closing(open_reading(ledger)) as db:
        return report(db, since_ms=since_ms, until_ms=until_ms)


def a_charge(charge_id: str = "c-1", nano_usd: int = 1_000, **more: Any) -> Charge:
    whole: dict[str, Any] = {"kind": "correction", "at_ms": START_MS, "tenant": "default", "workflow": "support", **more}
    return Charge(charge_id=charge_id, nano_usd=nano_usd, **whole)


def a_review(review_id: str = "r-1", call_id: str = "", **more: Any) -> Review:
    return Review(**{"review_id": review_id, "call_id": call_id, "done_ms": START_MS, "reviewer": "ann", "verdict": "accepted", **more})


def a_score(score_id: str = "s-1", call_id: str = "", **more: Any) -> Score:
    return Score(**{"score_id": score_id, "call_id": call_id, "at_ms": START_MS, "metric": "faithful", "judge": "acme/large@1", "value": 0.8, **more})


def write(
    database: Database | sqlite3.Connection,
    records: Sequence[CallRecord] = (),
    *,
    outcomes: Sequence[Outcome] = (),
    hardware: Sequence[HardwareRow] = (),
    workflows: Mapping[str, Workflow] | None = None,
) -> None:
    """Write a batch, also through a bare connection to SQLite."""
    db = SqliteDatabase(database) if isinstance(database, sqlite3.Connection) else database
    write_batch(db, Batch(records=records, outcomes=outcomes, hardware=hardware), workflows=workflows or {})
