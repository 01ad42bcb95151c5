"""
Ledger records ↔ rows. Every write of a batch, roll-ups included, is one transaction.
"""

import math
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from pointsman.core.entry import CallRecord, Entry, Outcome
from pointsman.core.money import add
from pointsman.storage.database import transaction

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_BINS_PER_OCTAVE: Final = 5
_SPENT_BY: Final = frozenset({"key_id", "tenant", "team", "application", "capability", "user"})
_WITHIN_TENANT: Final = frozenset({"team", "application", "user"})

# Rows that one statement writes. Between two statements the interpreter's lock is let go and taken again, which costs more than a row.
_AT_ONCE: Final = 64
_OUTCOME: Final = f"INSERT INTO outcome VALUES (NULL, {','.join('?' * 9)}) ON CONFLICT (tenant, outcome_id) DO NOTHING"
_LATENCY: Final = "INSERT INTO latency_hour VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls"
_HARDWARE: Final = "INSERT INTO infra_cost VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in ("paid_s", "paid_nano_usd", "busy_s", "busy_nano_usd")
)
_SUMS: Final = ("calls", "ok", "fallbacks", "cost_nano_usd", "cost_unknown", "tokens_in", "tokens_out")
_ADD: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)

RollupKey = tuple[int, str, str, str, str]
# Target, hour (ms), and the paid seconds, paid nano-dollars, busy seconds and busy nano-dollars in it.
HardwareRow = tuple[str, int, float, int, float, int]


def latency_bin(latency_ms: float) -> int:
    """Return the bin of a latency: five to an octave."""
    return math.floor(_BINS_PER_OCTAVE * math.log2(max(latency_ms, 0.001)))


def bin_middle_ms(number: int) -> float:
    """Return the latency in the middle of a bin."""
    return 2 ** ((number + 0.5) / _BINS_PER_OCTAVE)


def first_id(since_ms: int) -> str:
    """Return what sorts before every call id made at this time or later: ids begin with their time, so the primary key is the index on time."""
    return f"{since_ms >> 16:08x}-{since_ms & 0xFFFF:04x}"


def write_batch(connection: sqlite3.Connection, records: Sequence[CallRecord], *, outcomes: Sequence[Outcome], hardware: Iterable[HardwareRow]) -> None:
    """
    Write records, outcomes and hardware time together or not at all.

    An outcome whose id its tenant has used before changes nothing. Raises `sqlite3.Error`, also for a call that was written before, and
    `ValueError` or `OverflowError` for values that no column can hold.
    """
    calls: list[tuple[object, ...]] = []
    attempts: list[tuple[object, ...]] = []
    minutes: dict[RollupKey, list[int]] = {}
    latencies: dict[tuple[int, str, int], int] = {}
    for record in records:
        cost = add(*[entry.cost_nano_usd for entry in record.entries])
        last = record.entries[-1] if record.entries else None
        calls.append(_call_row(record, last, cost=cost))
        attempts += [_attempt_row(record.call_id, entry) for entry in record.entries]
        _roll_up(minutes, record, last=last, cost=cost)
        at = (record.started_ms // _HOUR_MS * _HOUR_MS, record.capability, latency_bin(record.latency_ms))
        latencies[at] = latencies.get(at, 0) + 1
    with transaction(connection):
        _insert(connection, "call", rows=calls)
        _insert(connection, "attempt", rows=attempts)
        for table, sums in (("rollup_minute", minutes), ("rollup_hour", _by_hour(minutes))):
            sql = f"INSERT INTO {table} VALUES ({','.join('?' * 12)}) ON CONFLICT DO UPDATE SET {_ADD}"
            connection.executemany(sql, [(*key, *values) for key, values in sums.items()])
        connection.executemany(_LATENCY, [(*key, count) for key, count in latencies.items()])
        connection.executemany(_HARDWARE, hardware)
        connection.executemany(_OUTCOME, [_outcome_row(outcome) for outcome in outcomes])


def _insert(connection: sqlite3.Connection, table: str, *, rows: Sequence[tuple[object, ...]]) -> None:
    if not rows:
        return
    one = f"({','.join('?' * len(rows[0]))})"
    many = f"INSERT INTO {table} VALUES {','.join([one] * _AT_ONCE)}"
    whole = len(rows) // _AT_ONCE * _AT_ONCE
    for start in range(0, whole, _AT_ONCE):
        connection.execute(many, [*chain.from_iterable(rows[start : start + _AT_ONCE])])
    connection.executemany(f"INSERT INTO {table} VALUES {one}", rows[whole:])


def spent_since(connection: sqlite3.Connection, by: str, *, since_ms: int) -> dict[str, int]:
    """Return what each value of a column (`key_id`, …) has spent since a time, in nano-dollars; a team, application or user is named `tenant/value`."""
    if by not in _SPENT_BY:
        raise ValueError(f"`{by}` is no column that money is counted by")
    value = f"tenant || '/' || {by}" if by in _WITHIN_TENANT else by
    rows = connection.execute(
        f"SELECT {value}, SUM(cost_nano_usd) FROM call WHERE call_id >= ? AND {by} IS NOT NULL AND cost_nano_usd IS NOT NULL GROUP BY 1",
        (first_id(since_ms),),
    )
    return {str(name): int(total) for name, total in rows}


def _call_row(record: CallRecord, last: Entry | None, *, cost: int | None) -> tuple[object, ...]:
    return (
        record.call_id,
        record.started_ms,
        record.capability,
        record.unit,
        record.key_id,
        record.tenant,
        record.team,
        record.application,
        record.user,
        record.data_class,
        record.snapshot,
        record.status,
        record.reason,
        None if last is None else last.target,
        None if last is None else last.place.value,
        record.latency_ms,
        len(record.entries),
        cost,
        ";".join(f"{target}={code}" for target, code in record.considered),
    )


def _attempt_row(call_id: str, entry: Entry) -> tuple[object, ...]:
    usage = entry.usage
    tokens = (None, None, None, None, None) if usage is None else (usage.tokens_in, usage.tokens_out, usage.cache_read, usage.cache_write, usage.reasoning)
    return (
        call_id,
        entry.seq,
        entry.place.value,
        entry.target,
        entry.error,
        entry.latency_ms,
        entry.first_byte_ms,
        *tokens,
        entry.cost_nano_usd,
        entry.price_id,
        int(entry.estimated),  # a bool would be adapted, value by value
    )


def _outcome_row(outcome: Outcome) -> tuple[object, ...]:
    return (
        outcome.tenant,
        outcome.outcome_id,
        outcome.unit,
        outcome.capability,
        outcome.kind,
        outcome.success,
        outcome.value_nano_usd,
        outcome.at_ms,
        outcome.source,
    )


def _roll_up(minutes: dict[RollupKey, list[int]], record: CallRecord, *, last: Entry | None, cost: int | None) -> None:
    place, target = ("none", "none") if last is None else (last.place.value, last.target)
    key = (record.started_ms // _MINUTE_MS * _MINUTE_MS, record.capability, place, target, record.snapshot)
    sums = minutes.setdefault(key, [0] * len(_SUMS))
    sums[0] += 1
    sums[1] += record.status == "ok"
    sums[2] += len({entry.target for entry in record.entries}) > 1  # trying the same target again is no fallback
    sums[3] += cost or 0
    sums[4] += cost is None
    for entry in record.entries:
        if entry.usage is not None:
            sums[5] += entry.usage.tokens_in
            sums[6] += entry.usage.tokens_out


def _by_hour(minutes: dict[RollupKey, list[int]]) -> dict[RollupKey, list[int]]:
    hours: dict[RollupKey, list[int]] = {}
    for (minute, capability, place, target, snapshot), sums in minutes.items():
        key = (minute // _HOUR_MS * _HOUR_MS, capability, place, target, snapshot)
        hours[key] = [a + b for a, b in zip(hours[key], sums, strict=True)] if key in hours else sums
    return hours
