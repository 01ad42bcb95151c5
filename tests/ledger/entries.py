"""
Records and outcomes for tests of the ledger and the storage below it.
"""

from pathlib import Path
from typing import Any

from pointsman.core.entry import CallRecord, Entry, Outcome
from pointsman.core.ids import uuid7
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.ledger.report import Report, report
from pointsman.storage.database import open_reader

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


def report_of(path: Path, *, since_ms: int = START_MS, until_ms: int = START_MS + HOUR_MS) -> Report:
    connection = open_reader(path)
    try:
        return report(connection, since_ms=since_ms, until_ms=until_ms)
    finally:
        connection.close()
