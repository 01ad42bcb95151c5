"""
Rows of a ledger for tests of money: written into the roll-ups directly, so that each number in a test is worked out by hand.
"""

from typing import Any

from pointsman.control.finops.span import DAY_MS, Span, month
from pointsman.storage.sql import Database

OCTOBER = month("2026-10")
SEPTEMBER = month("2026-09")
OCT_MS = OCTOBER.since_ms
SEP_MS = SEPTEMBER.since_ms
USD = 1_000_000_000

_FLOW: dict[str, Any] = {
    "bucket_ms": OCT_MS,
    "workflow": "support",
    "capability": "answer",
    "place": "cloud",
    "target": "acme/small",
    "snapshot": "s1",
    "tenant": "default",
    "team": "",
    "application": "",
    "calls": 1,
    "ok": 1,
    "fallbacks": 0,
    "escalations": 0,
    "to_person": 0,
    "cost_nano_usd": 0,
    "cost_unknown": 0,
    "hardware_nano_usd": 0,
    "overhead_nano_usd": 0,
    "tokens_in": 0,
    "tokens_out": 0,
    "cache_read": 0,
    "reasoning": 0,
    "latency_ms": 0.0,
}
_UNITS: dict[str, Any] = {
    "bucket_ms": OCT_MS,
    "workflow": "support",
    "tenant": "default",
    "team": "",
    "application": "",
    "units": 1,
    "told": 1,
    "useful": 1,
    "reversed": 0,
    "in_time": 0,
    "calls": 1,
    "cost_nano_usd": 0,
    "cost_unknown": 0,
    "hardware_nano_usd": 0,
    "overhead_nano_usd": 0,
    "human_nano_usd": 0,
    "human_s": 0.0,
    "escalated": 0,
    "to_person": 0,
    "value_nano_usd": 0,
}
_UNIT: dict[str, Any] = {
    "tenant": "default",
    "workflow": "support",
    "unit": "t-1",
    "opened_ms": OCT_MS,
    "last_ms": OCT_MS,
    "team": "",
    "application": "",
    "tags": "{}",
    "calls": 1,
    "cost_nano_usd": 0,
    "cost_unknown": 0,
    "hardware_nano_usd": 0,
    "overhead_nano_usd": 0,
    "human_nano_usd": 0,
    "human_s": 0.0,
    "escalations": 0,
    "to_person": 0,
    "state": "useful",
    "outcome_kind": None,
    "outcome_id": None,
    "closed_ms": None,
    "value_nano_usd": None,
}
_CHARGE: dict[str, Any] = {
    "charge_id": "c-1",
    "at_ms": OCT_MS,
    "kind": "human",
    "tenant": "default",
    "workflow": "support",
    "unit": "",
    "queue": "",
    "seconds": 0.0,
    "nano_usd": 0,
    "source": "application",
}


def put(db: Database, table: str, row: dict[str, Any]) -> None:
    names = [f'"{name}"' if name == "user" else name for name in row]
    db.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in row)})", row)


def flow(db: Database, **told: Any) -> None:
    """Calls, by hour and by day."""
    row = {**_FLOW, **told}
    put(db, "rollup_hour", row)
    day = {**row, "bucket_ms": row["bucket_ms"] // DAY_MS * DAY_MS}
    keys = ("bucket_ms", "workflow", "capability", "place", "target", "snapshot", "tenant", "team", "application")
    sums = ", ".join(f"{name} = rollup_day.{name} + excluded.{name}" for name in day if name not in keys)
    places = ", ".join(f":{name}" for name in day)
    db.execute(f"INSERT INTO rollup_day ({', '.join(day)}) VALUES ({places}) ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums}", day)


def items(db: Database, **told: Any) -> None:
    put(db, "rollup_unit", {**_UNITS, **told})


def unit(db: Database, name: str, **told: Any) -> None:
    put(db, "unit", {**_UNIT, "unit": name, **told})


def charge(db: Database, name: str, **told: Any) -> None:
    put(db, "charge", {**_CHARGE, "charge_id": name, **told})


def hardware(db: Database, target: str, *, paid: int, busy: int, hour_ms: int = OCT_MS) -> None:
    put(
        db,
        "infra_cost",
        {"target": target, "hour_ms": hour_ms, "paid_s": 3600.0, "paid_nano_usd": paid, "busy_s": 3600.0 * busy / paid, "busy_nano_usd": busy},
    )


def tag(db: Database, name: str, value: str, *, cost: int, calls: int = 1, day_ms: int = OCT_MS) -> None:
    row = {"bucket_ms": day_ms, "workflow": "support", "tag": name, "value": value, "calls": calls, "cost_nano_usd": cost, "cost_unknown": 0}
    put(db, "rollup_tag_day", row)


def days(count: int, *, since_ms: int = OCT_MS) -> Span:
    return Span(since_ms=since_ms, until_ms=since_ms + count * DAY_MS)
