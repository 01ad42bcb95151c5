"""
History at the prices that were in force: attempts whose price was wrong or unknown are rated again from their tokens.

What a vendor's own answer said it cost, own hardware and steps without a price of tokens are never touched. The call, its item and every roll-up change by
the difference, in one transaction, so that the books balance before and after.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span
from pointsman.core.errors import BadRequest
from pointsman.core.reply import Usage
from pointsman.core.target import Price
from pointsman.ledger.prices import cost
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

MOST_ATTEMPTS: Final = 200_000
_KEPT: Final = frozenset({"vendor-reported", "hardware", "none"})
_PAGE: Final = 5000
_MINUTE_MS: Final = 60_000

# (target, when it was called) → the price in force then, or None where none is known.
PriceAt = Callable[[str, int], Price | None]


class Change(Struct, frozen=True, kw_only=True):
    """One target: attempts rated again, by how much, and how many of them had an unknown cost before."""

    target: str
    attempts: int
    before_nano_usd: int
    after_nano_usd: int
    were_unknown: int
    price_id: str


class History(Struct, frozen=True, kw_only=True):
    """What rating a span again changes, or changed. `looked_at` counts attempts of model targets, `kept` those that are never touched."""

    span: Span
    changes: tuple[Change, ...]
    looked_at: int
    kept: int
    is_dry: bool

    @property
    def change_nano_usd(self) -> int:
        """By how much the cost of the span changes."""
        return sum(one.after_nano_usd - one.before_nano_usd for one in self.changes)


class _Shift(Struct, kw_only=True):
    """By what one call changes: money, overhead of it, and 1 where its cost was unknown and is known, -1 the other way round."""

    row: Row
    cost: int = 0
    overhead: int = 0
    attempts: int = 0


def reprice(db: Database, span: Span, *, price_at: PriceAt, targets: frozenset[str] | None = None, is_dry: bool = True) -> History:
    """
    Rate the attempts of a span again, of some targets or of all; `is_dry` changes nothing and says what would change.

    Raises `BadRequest` for more than 200,000 attempts to change: name a shorter span.
    """
    looked = kept = 0
    rated: list[tuple[Row, int, str]] = []
    for row in _attempts(db, span):
        if targets is not None and row["target"] not in targets:
            continue
        looked += 1
        if row["price_id"] in _KEPT or row["tokens_in"] is None or row["kind"] == "person":
            kept += 1
            continue
        price = price_at(row["target"], row["started_ms"])
        if price is None:
            continue
        new = cost(_usage(row), price) if row["error"] is None or row["cost_nano_usd"] != 0 or row["estimated"] else 0
        if new != row["cost_nano_usd"] or (row["price_id"] != price.price_id and row["cost_nano_usd"] != 0):
            rated.append((row, new, price.price_id))
        if len(rated) > MOST_ATTEMPTS:
            raise BadRequest(f"More than {MOST_ATTEMPTS:,} attempts would change at once. Name a shorter span with --since or --month.")
    if rated and not is_dry:
        with db.transaction():
            _write(db, rated)
    return History(span=span, changes=_changes(rated), looked_at=looked, kept=kept, is_dry=is_dry)


def _attempts(db: Database, span: Span) -> Iterator[Row]:
    """Read attempts page by page by their key, which begins with their time."""
    at, seq, last = first_id(span.since_ms), -1, first_id(span.until_ms)
    while True:
        rows = db.rows(query("finops/attempts"), {"first_id": at, "seq": seq, "last_id": last, "most": _PAGE})
        yield from rows
        if len(rows) < _PAGE:
            return
        at, seq = rows[-1]["call_id"], rows[-1]["seq"]


def _usage(row: Row) -> Usage:
    return Usage(**{name: row[name] or 0 for name in ("tokens_in", "tokens_out", "cache_read", "cache_write", "reasoning")})


def _changes(rated: list[tuple[Row, int, str]]) -> tuple[Change, ...]:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row, new, price_id in rated:
        for place, more in enumerate((1, row["cost_nano_usd"] or 0, new, int(row["cost_nano_usd"] is None))):
            found[row["target"], price_id][place] += more
    return tuple(
        Change(target=target, attempts=one[0], before_nano_usd=one[1], after_nano_usd=one[2], were_unknown=one[3], price_id=price_id)
        for (target, price_id), one in sorted(found.items())
    )


# ── writing, within one transaction ─────────────────────────────────────────────────────────────────────────────────


def _write(db: Database, rated: list[tuple[Row, int, str]]) -> None:
    shifts: dict[str, _Shift] = {}
    for row, new, price_id in rated:
        shift = shifts.setdefault(row["call_id"], _Shift(row=row))
        by = new - (row["cost_nano_usd"] or 0)
        shift.cost += by
        shift.overhead += by if row["shadow"] or row["kind"] in {"judge", "summary", "embedding"} else 0
        shift.attempts += 1
        values = {"call_id": row["call_id"], "seq": row["seq"], "cost": new, "price_id": price_id}
        db.execute(query("finops/reprice_attempt"), values)
    for call_id, shift in shifts.items():
        _shift_call(db, call_id, shift=shift)


def _shift_call(db: Database, call_id: str, *, shift: _Shift) -> None:
    call = dict(db.rows(query("finops/reprice_call"), {"call_id": call_id})[0])
    is_known = not db.rows(query("finops/reprice_unknown"), {"call_id": call_id})
    whole = db.rows(query("finops/reprice_sum"), {"call_id": call_id})[0]["cost_nano_usd"] if is_known else None
    values = {**call, "cost": shift.cost, "overhead": shift.overhead, "unknown": int(whole is None) - int(call["cost_nano_usd"] is None)}
    db.execute(query("finops/reprice_write_call"), {"call_id": call_id, "whole": whole, "overhead": shift.overhead})
    started = call["started_ms"]
    unit = _only(values, "tenant", "workflow", "unit", "cost", "overhead", "unknown")
    opened = db.rows(query("finops/reprice_opened"), _only(values, "tenant", "workflow", "unit"))
    db.execute(query("finops/reprice_unit"), unit)
    for row in opened:
        bucket = {"bucket_ms": row["opened_ms"] // HOUR_MS * HOUR_MS, "team": row["team"], "application": row["application"]}
        db.execute(query("finops/reprice_rollup_unit"), {**_only(values, "tenant", "workflow", "cost", "overhead", "unknown"), **bucket})
    names = ("workflow", "capability", "place", "target", "snapshot", "tenant", "team", "application", "cost", "overhead", "unknown")
    for table, step in (("minute", _MINUTE_MS), ("hour", HOUR_MS), ("day", DAY_MS)):
        db.execute(query(f"finops/reprice_{table}"), {**_only(values, *names), "bucket_ms": started // step * step})
    for tag, value in msgspec.json.decode(call["tags"], type=dict[str, str]).items():
        told = {**_only(values, "workflow", "cost", "unknown"), "tag": tag, "value": value, "bucket_ms": started // DAY_MS * DAY_MS}
        db.execute(query("finops/reprice_tag"), told)


def _only(values: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: values[name] for name in names}
