"""
Ledger records → rows. Every write of a batch, units and roll-ups included, is one transaction.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from pointsman.core.entry import CallRecord, Entry
from pointsman.core.ids import trace_id
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.dimensions import keep_dimensions
from pointsman.storage.judgements import keep_judgements
from pointsman.storage.outcomes import keep_outcomes
from pointsman.storage.rollups import RollUps
from pointsman.storage.several import add, insert
from pointsman.storage.sql import Database
from pointsman.storage.told import Told, told_of
from pointsman.storage.units import keep_units, tags_of
from pointsman.storage.weighed import weighed_text

_NONE: Final[Mapping[str, Workflow]] = MappingProxyType({})
_SPENT_BY: Final = frozenset({"key_id", "tenant", "team", "application", "capability", "user"})
_WITHIN_TENANT: Final = frozenset({"team", "application", "user"})

_CALL: Final = (
    "call_id",
    "started_ms",
    "capability",
    "unit",
    "key_id",
    "tenant",
    "team",
    "application",
    '"user"',
    "data_class",
    "snapshot",
    "status",
    "reason",
    "target",
    "place",
    "latency_ms",
    "attempts",
    "cost_nano_usd",
    "considered",
    "workflow",
    "session",
    "trace_id",
    "tags",
    "found",
    "stream",
    "first_byte_ms",
    "tokens_in",
    "tokens_out",
    "hardware_nano_usd",
    "overhead_nano_usd",
    "escalated_from",
    "to_person",
)
_ATTEMPT: Final = (
    "call_id",
    "seq",
    "place",
    "target",
    "error",
    "latency_ms",
    "first_byte_ms",
    "tokens_in",
    "tokens_out",
    "cache_read",
    "cache_write",
    "reasoning",
    "cost_nano_usd",
    "price_id",
    "estimated",
    "kind",
    "begun_ms",
    "shadow",
    "reply_id",
    "model",
    "finish",
)
_DECISION: Final = ("call_id", "seq", "mode", "chosen", "reason", "vetoes", "propensity")
# Most calls are chosen by the owner's order: they do not pay for what only a choice by value says.
_LEARNED: Final = (*_DECISION, "predicted_quality", "predicted_cost_nano_usd", "predicted_latency_ms", "learned", "weighed", "features")
_HARDWARE_SUMS: Final = ("paid_s", "paid_nano_usd", "busy_s", "busy_nano_usd")


def first_id(since_ms: int) -> str:
    """Return what sorts before every call id made at this time or later: ids begin with their time, so the primary key is the index on time."""
    return f"{since_ms >> 16:08x}-{since_ms & 0xFFFF:04x}"


def write_batch(db: Database, batch: Batch, *, workflows: Mapping[str, Workflow] = _NONE) -> None:
    """
    Write a batch as a whole or not at all. `workflows` say what outcomes count and what people's time costs; one that is not there has the defaults.

    What is told twice under one id counts once. Raises the driver's own error (see `storage/faults`), also for a call that was written before, and
    `ValueError` or `OverflowError` for values that no column can hold.
    """
    called = [(record, told_of(record)) for record in batch.records]
    rolled = RollUps()
    for record, told in called:
        rolled.count(record, told)
    with db.transaction():
        _keep_calls(db, called)
        rolled.write(db)
        keep_outcomes(db, batch.outcomes, workflows=workflows)
        worked = keep_judgements(db, batch, workflows=workflows)
        if called or batch.outcomes or batch.charges or worked:
            keep_units(db, called, outcomes=batch.outcomes, charges=[*batch.charges, *worked], workflows=workflows)
        _keep_hardware(db, batch)
        keep_dimensions(db, batch.dimensions)


def spent_since(db: Database, by: str, *, since_ms: int) -> dict[str, int]:
    """Return what each value of a column (`key_id`, …) has spent since a time, in nano-dollars; a team, application or user is named `tenant/value`."""
    if by not in _SPENT_BY:
        raise ValueError(f"`{by}` is no column that money is counted by")
    value = f"tenant || '/' || \"{by}\"" if by in _WITHIN_TENANT else by
    rows = db.rows(
        f'SELECT {value} AS name, SUM(cost_nano_usd) AS spent FROM call WHERE call_id >= :first AND "{by}" IS NOT NULL AND cost_nano_usd IS NOT NULL'
        " GROUP BY 1",
        {"first": first_id(since_ms)},
    )
    return {str(row["name"]): int(row["spent"]) for row in rows}


def last_charged(db: Database, source: str, *, since_ms: int) -> int | None:
    """Return when (Unix ms) the last charge of this source fell due, if since a time."""
    found = db.rows("SELECT MAX(at_ms) AS at_ms FROM charge WHERE at_ms >= :since_ms AND source = :source", {"since_ms": since_ms, "source": source})
    return found[0]["at_ms"]


def _keep_calls(db: Database, called: Sequence[tuple[CallRecord, Told]]) -> None:
    insert(db, "call", columns=_CALL, rows=[_call_row(record, told) for record, told in called])
    insert(db, "attempt", columns=_ATTEMPT, rows=[_attempt_row(record.call_id, entry) for record, _ in called for entry in record.entries])
    chosen = [(record, _decision_row(record, told)) for record, told in called if record.entries or record.considered]
    insert(db, "decision", columns=_DECISION, rows=[row for record, row in chosen if not record.weighed and record.features is None])
    insert(
        db, "decision", columns=_LEARNED, rows=[(*row, *_learned(record, row[3])) for record, row in chosen if record.weighed or record.features is not None]
    )


def _keep_hardware(db: Database, batch: Batch) -> None:
    hours: dict[tuple[object, ...], list[float]] = {}
    for target, hour_ms, *spent in batch.hardware:
        there = hours.get((target, hour_ms), [0] * len(_HARDWARE_SUMS))
        hours[target, hour_ms] = [a + b for a, b in zip(there, spent, strict=True)]
    add(db, "infra_cost", keys=("target", "hour_ms"), sums=_HARDWARE_SUMS, rows=hours)


def _call_row(record: CallRecord, told: Told) -> tuple[object, ...]:
    last = told.last
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
        told.cost_nano_usd,
        _vetoes(record),
        told.workflow,
        record.session,
        trace_id(record.call_id, record.traceparent),
        tags_of(record),
        msgspec.json.encode(record.found).decode() if record.found else "{}",
        int(record.stream),
        told.first_byte_ms,
        told.tokens_in,
        told.tokens_out,
        told.hardware_nano_usd,
        told.overhead_nano_usd,
        told.escalated_from,
        told.to_person,
    )


def _attempt_row(call_id: str, entry: Entry) -> tuple[object, ...]:
    usage, told = entry.usage, entry.told
    tokens = (None, None, None, None, None) if usage is None else (usage.tokens_in, usage.tokens_out, usage.cache_read, usage.cache_write, usage.reasoning)
    said = (None, None, None) if told is None else (told.reply_id or None, told.model or None, None if told.finish is None else told.finish.value)
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
        entry.kind,
        entry.begun_ms,
        int(entry.shadow),
        *said,
    )


def _decision_row(record: CallRecord, told: Told) -> tuple[object, ...]:
    chosen = None if told.last is None else told.last.target
    return (record.call_id, 0, record.mode, chosen, record.reason, _vetoes(record), record.propensity)


def _learned(record: CallRecord, chosen: object) -> tuple[object, ...]:
    """Return what was predicted of the target that answers, with which parameters, what was weighed, and what of the prompt was looked at."""
    seen = next((one for one in record.weighed if one.target == chosen), None)
    predicted = (None, None, None) if seen is None else (seen.quality, seen.cost_nano_usd, seen.latency_ms)
    return (*predicted, record.learned or None, weighed_text(record.weighed, record.criteria), record.features)


def _vetoes(record: CallRecord) -> str:
    return ";".join(f"{target}={code}" for target, code in record.considered) if record.considered else ""
