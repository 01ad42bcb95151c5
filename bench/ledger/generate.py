"""
Fill a ledger with made history, through the product's own writer: python bench/ledger/generate.py EVENTS FILE.

An event is a call, an attempt, an outcome or a review. 90 days, eight workflows, six targets, four teams; the same size gives the same rows. What is there
already is kept: a run that was broken off goes on where it stopped.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from pointsman.core.entry import CallRecord, Entry, Outcome
from pointsman.core.ids import uuid7
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch, Dimension, HardwareRow, Review, Score
from pointsman.storage.database import open_database
from pointsman.storage.records import write_batch
from pointsman.storage.sql import SqliteDatabase

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
DAYS = 90
END_MS = 1_795_564_800_000  # 2026-11-25T00:00:00Z
START_MS = END_MS - DAYS * DAY_MS
TENANT = "default"
NAMES = ("support", "sales", "claims", "invoices", "contracts", "search", "translation", "coding")
UNITS = ("ticket", "lead", "claim", "invoice", "contract", "question", "page", "change")
TEAMS = ("care", "growth", "finance", "platform")
# name, place, nano-dollars per token in and out, median latency
TARGETS = (
    ("rules", Place.RULES, 0, 0, 1.0),
    ("cache", Place.CACHE, 0, 0, 2.0),
    ("own/llama", Place.PRIVATE, 40, 40, 380.0),
    ("acme/small", Place.CLOUD, 150, 600, 420.0),
    ("acme/large", Place.CLOUD, 2_500, 10_000, 1_400.0),
    ("beta/frontier", Place.CLOUD, 5_000, 25_000, 2_600.0),
)
SHARES = (0.12, 0.10, 0.33, 0.27, 0.13, 0.05)
WORKFLOWS = {
    name: Workflow(
        name=name,
        capabilities=(name,),
        owner=TEAMS[at % len(TEAMS)],
        unit=UNITS[at],
        useful=frozenset({"resolved"}),
        window_ms=7 * DAY_MS,
        complete_ms=2 * DAY_MS,
        value_nano_usd=(at + 1) * 2_000_000_000,
        human_hourly_nano_usd=42_000_000_000,
        baseline="beta/frontier",
    )
    for at, name in enumerate(NAMES)
}
_AT_ONCE = 5_000
_EVENTS_PER_CALL = 3.12  # calls, attempts, outcomes and reviews: measured on what this makes


class Maker:
    """Makes the calls of one batch after another."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self._open: dict[str, list[str]] = {name: [] for name in NAMES}

    def batches(self, first: int) -> Iterator[Batch]:
        """Return the batches from the one with this number on. Each is made of its own seed, so that any can be made again."""
        for number in range(first, -(-self.calls // _AT_ONCE)):
            yield self._batch(number)

    def _batch(self, number: int) -> Batch:
        chance = random.Random(number)
        many = min(_AT_ONCE, self.calls - number * _AT_ONCE)
        span = DAYS * DAY_MS
        records: list[CallRecord] = []
        outcomes: list[Outcome] = []
        reviews: list[Review] = []
        scores: list[Score] = []
        for at in range(many):
            when = START_MS + round(span * (number * _AT_ONCE + at) / self.calls)
            record = _call(chance, when)
            records.append(record)
            if chance.random() < 0.47:
                outcomes.append(_outcome(chance, record))
            if chance.random() < 0.063:
                reviews.append(_review(chance, record))
                scores.append(_score(chance, record))
        return Batch(records=records, outcomes=outcomes, reviews=reviews, scores=scores, hardware=_hardware(records))


def _call(chance: random.Random, when: int) -> CallRecord:
    at = min(int(chance.random() ** 1.6 * len(NAMES)), len(NAMES) - 1)
    call_id = uuid7(now_ms=when, random_bits=chance.getrandbits(74))
    entries = _entries(chance)
    roll = chance.random()
    # A ticket has some calls within two days; half of the units are a call of their own.
    unit = call_id if roll < 0.5 else f"{UNITS[at]}-{when // (DAY_MS * 2)}-{chance.randrange(2_000)}"
    last = entries[-1]
    return CallRecord(
        call_id=call_id,
        started_ms=when,
        capability=NAMES[at],
        unit=unit,
        key_id=f"key-{at % 4}",
        tenant=TENANT,
        team=TEAMS[(at + chance.randrange(2)) % len(TEAMS)],
        application=f"app-{at % 5}",
        user=None,
        data_class=("public", "internal", "confidential")[chance.randrange(3)],
        snapshot=f"{(when - START_MS) // (9 * DAY_MS):016x}",
        status="ok" if last.error is None else "exhausted",
        reason="first",
        latency_ms=sum(entry.latency_ms for entry in entries) + 3.0,
        entries=entries,
        considered=(("beta/frontier", "dearer"),) if chance.random() < 0.3 else (),
        workflow=NAMES[at],
        tags={"project": f"p{chance.randrange(6)}"} if chance.random() < 0.5 else {},
        stream=chance.random() < 0.4,
    )


def _entries(chance: random.Random) -> tuple[Entry, ...]:
    at = chance.choices(range(len(TARGETS)), SHARES)[0]
    first = _entry(chance, 0, at, error=None)
    made = [first]
    if at > 1 and chance.random() < 0.30:
        made = [_entry(chance, 0, at, error=chance.choice(("schema", "timeout_total", "overloaded", "rate_limited")))]
        made.append(_entry(chance, 1, min(at + 1, len(TARGETS) - 1), error="overloaded" if chance.random() < 0.04 else None))
    while chance.random() < 0.26:
        made.append(_entry(chance, len(made), 3, error=None, kind="judge"))
    return tuple(made)


def _entry(chance: random.Random, seq: int, at: int, *, error: str | None, kind: str | None = None) -> Entry:
    name, place, price_in, price_out, median = TARGETS[at]
    tokens_in, tokens_out = int(chance.lognormvariate(6.2, 0.8)), int(chance.lognormvariate(4.8, 0.9))
    cost = 0 if error in {"overloaded", "rate_limited"} else tokens_in * price_in + tokens_out * price_out
    return Entry(
        seq=seq,
        place=place,
        target=name,
        error=error,
        latency_ms=median * chance.lognormvariate(0, 0.5),
        first_byte_ms=median * 0.3,
        usage=Usage(tokens_in=tokens_in, tokens_out=tokens_out, cache_read=tokens_in // 3),
        cost_nano_usd=None if chance.random() < 0.004 else cost,
        price_id="hardware" if place is Place.PRIVATE else f"contract:{name}",
        kind=kind or ("rule" if place is Place.RULES else "cache" if place is Place.CACHE else "model"),
    )


def _outcome(chance: random.Random, record: CallRecord) -> Outcome:
    kind = chance.choices(("resolved", "failed", "reopened"), (0.78, 0.15, 0.07))[0]
    return Outcome(
        unit=record.unit,
        outcome_id=f"o-{record.call_id}",
        kind=kind,
        success=kind == "resolved",
        at_ms=record.started_ms + int(chance.expovariate(1 / (20 * HOUR_MS))),
        tenant=TENANT,
        workflow=record.workflow,
        reversed=chance.random() < 0.01,
        human_s=chance.expovariate(1 / 300) if chance.random() < 0.1 else None,
    )


def _review(chance: random.Random, record: CallRecord) -> Review:
    return Review(
        review_id=f"r-{record.call_id}",
        call_id=record.call_id,
        tenant=TENANT,
        workflow=record.workflow,
        unit=record.unit,
        queue="second line",
        reason="sample",
        selection_propensity=0.063,
        done_ms=record.started_ms + HOUR_MS,
        reviewer="ann",
        verdict=chance.choices(("accepted", "edited", "rejected", "rerouted"), (0.8, 0.12, 0.05, 0.03))[0],
        seconds=chance.expovariate(1 / 60),
    )


def _score(chance: random.Random, record: CallRecord) -> Score:
    return Score(
        score_id=f"s-{record.call_id}",
        call_id=record.call_id,
        workflow=record.workflow,
        at_ms=record.started_ms,
        metric="quality",
        judge="acme/large@1",
        value=min(chance.betavariate(8, 2), 1.0),
        selection_propensity=0.063,
    )


def _hardware(records: list[CallRecord]) -> list[HardwareRow]:
    """Return the hours of own hardware: what calls cost there, and half as much again that was paid while it was idle."""
    hours: dict[int, int] = {}
    for record in records:
        hour = record.started_ms // HOUR_MS * HOUR_MS
        hours[hour] = hours.get(hour, 0) + sum(entry.cost_nano_usd or 0 for entry in record.entries if entry.price_id == "hardware")
    return [("own/llama", hour, busy / 500_000, busy * 3 // 2, busy / 750_000, busy) for hour, busy in hours.items()]


def _dimensions() -> list[Dimension]:
    told: list[Dimension] = []
    for number in range(DAYS // 9 + 1):
        files = json.dumps({"pointsman.yaml": f"# {number}\n"})
        row = {"digest": f"{number:016x}", "since_ms": START_MS + number * 9 * DAY_MS, "author": "bench", "files": files}
        told.append(Dimension(table="snapshot", row=tuple(row.items())))
    for one in WORKFLOWS.values():
        row = {
            "name": one.name,
            "since_ms": START_MS,
            "owner": one.owner,
            "unit_name": one.unit,
            "window_ms": one.window_ms,
            "complete_ms": one.complete_ms,
            "value_nano_usd": one.value_nano_usd,
            "human_hourly_nano_usd": one.human_hourly_nano_usd,
        }
        told.append(Dimension(table="workflow", row=tuple(row.items())))
    for name, place, price_in, price_out, _ in TARGETS:
        whose = {"vendor": name.split("/")[0], "kind": "openai", "model": name, "region": "eu", "zone": ""}
        told.append(Dimension(table="target", row=(("name", name), ("since_ms", START_MS), ("place", place.value), *whose.items())))
        price = {"price_id": f"contract:{name}", "target": name, "since_ms": START_MS, "tokens_in": price_in * 10**6, "tokens_out": price_out * 10**6}
        told.append(Dimension(table="price", row=(*price.items(), ("cache_read", None), ("cache_write", None), ("tiers", ""), ("per_request_nano_usd", 0))))
    return told


def main() -> None:
    events, path = int(float(sys.argv[1])), Path(sys.argv[2])
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-262144")
        db = SqliteDatabase(connection)
        calls = int(events / _EVENTS_PER_CALL)
        there = db.rows("SELECT COUNT(*) AS n FROM call")[0]["n"]
        if not there:
            write_batch(db, Batch(dimensions=_dimensions()), workflows=WORKFLOWS)
        began, done = time.perf_counter(), 0
        for batch in Maker(calls).batches(there // _AT_ONCE):
            write_batch(db, batch, workflows=WORKFLOWS)
            done += len(batch.records)
            if done % (_AT_ONCE * 20) == 0:
                spent = time.perf_counter() - began
                print(f"{there + done:,} of {calls:,} calls, {done / spent:,.0f} calls/s", flush=True)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        counts = {table: db.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] for table in ("call", "attempt", "outcome", "review", "score", "unit", "charge")}
    spent = time.perf_counter() - began
    made = sum(counts[table] for table in ("call", "attempt", "outcome", "review"))
    print(msgspec.json.encode({**counts, "events": made, "seconds": round(spent, 1), "mib": path.stat().st_size >> 20}).decode())


if __name__ == "__main__":
    main()
