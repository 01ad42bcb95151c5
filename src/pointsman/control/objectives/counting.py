"""
How many were good: questions to roll-ups, for each kind of objective. What follows from the numbers belongs to `budget`.

A window begins somewhere within a bucket; of that one a part counts, as if it were even. Windows up to six hours are counted by the minute, up to a
fortnight by the hour, longer ones by the day. Latencies are kept by the hour, in bins: of the bin that holds the threshold a part counts, and what is shorter
than an hour is counted in the newest calls themselves. A cost per outcome is judged by the hour in which units began: those told of an hour are good
together if the hour's cost, of them and of those that failed, is within the threshold for each useful one.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pointsman.control.objectives.budget import Burn, Count, Counts, Standing, burning, standing
from pointsman.settings.workflows import Objective, Workflow
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.rollups import latency_bin
from pointsman.storage.sql import Database, Row

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_BINS_PER_OCTAVE: Final = 5
_MOST_NEWEST: Final = 20_000
# Widths of buckets, and up to which length of a window each is used.
_GRAINS: Final = (("minute", _MINUTE_MS, 6 * _HOUR_MS), ("hour", _HOUR_MS, 14 * _DAY_MS), ("day", _DAY_MS, 10**15))

_Span = tuple[int, int]  # from … to …
Bucket = tuple[int, float, float]  # when it begins, good, total


class Counter:
    """Counts for one look: what several objectives ask of the same roll-ups is asked once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rolled: dict[tuple[str, int, int], Mapping[str, Sequence[Row]]] = {}

    def count_of(self, objective: Objective) -> Count:
        """Return what counts for an objective."""
        kinds = {"latency": self._latency, "quality": self._quality, "cost_per_outcome": self._outcomes}
        count = kinds.get(objective.kind, self._calls)
        return lambda since_ms, until_ms: count(objective, (since_ms, until_ms))

    def _calls(self, objective: Objective, span: _Span) -> Counts:
        since_ms, until_ms = span
        grain, width_ms = _grain(until_ms - since_ms)
        rows = self._of_workflow(grain, _floor(since_ms, width_ms), until_ms=until_ms).get(objective.workflow, ())
        is_escalation = objective.kind == "escalation"
        told = ((row["bucket_ms"], max(row["calls"] - row["escalations"] - row["to_person"], 0) if is_escalation else row["ok"], row["calls"]) for row in rows)
        return _within(told, since_ms, width_ms=width_ms)

    def _of_workflow(self, grain: str, since_ms: int, *, until_ms: int) -> Mapping[str, Sequence[Row]]:
        key = (grain, since_ms, until_ms)
        if key not in self._rolled:
            found: dict[str, list[Row]] = defaultdict(list)
            for row in self._db.rows(query(f"incidents/counted_{grain}"), {"since_ms": since_ms, "until_ms": until_ms}):
                found[row["workflow"]].append(row)
            self._rolled[key] = found
        return self._rolled[key]

    def _latency(self, objective: Objective, span: _Span) -> Counts:
        since_ms, until_ms = span
        threshold = objective.threshold or 0.0
        if until_ms - since_ms < _HOUR_MS:
            newest = {"first_id": first_id(since_ms), "last_id": first_id(until_ms), "workflow": objective.workflow}
            row = self._db.rows(query("incidents/counted_recent"), {**newest, "threshold": threshold, "most": _MOST_NEWEST})[0]
            return Counts(good=row["quick"], total=row["calls"])
        number = latency_bin(threshold)
        part = _BINS_PER_OCTAVE * math.log2(max(threshold, 0.001)) - number
        told = {"since_ms": _floor(since_ms, _HOUR_MS), "until_ms": until_ms, "workflow": objective.workflow, "bin": number}
        rows = self._db.rows(query("incidents/counted_latency"), told)
        return _within(((row["bucket_ms"], row["quick"] + part * row["between_them"], row["calls"]) for row in rows), since_ms, width_ms=_HOUR_MS)

    def _quality(self, objective: Objective, span: _Span) -> Counts:
        since_ms, until_ms = span
        told = {"workflow": objective.workflow, "since_ms": since_ms, "until_ms": until_ms, "threshold": objective.threshold or 0.0}
        row = self._db.rows(query("incidents/counted_scores"), told)[0]
        return Counts(good=row["scores"] * row["good_weight"] / row["weight"], total=row["scores"]) if row["weight"] else Counts()

    def _outcomes(self, objective: Objective, span: _Span) -> Counts:
        since_ms, until_ms = span
        told = {"workflow": objective.workflow, "since_ms": _floor(since_ms, _HOUR_MS), "until_ms": until_ms}
        rows = self._db.rows(query("incidents/counted_outcomes"), told)
        return _within((_judged(row, objective.threshold or 0.0) for row in rows), since_ms, width_ms=_HOUR_MS)


def burns(db: Database, workflows: Iterable[Workflow], *, now_ms: int) -> tuple[Burn, ...]:
    """Return every objective whose error budget burns too fast at this time."""
    counter = Counter(db)
    found = (burning(one, counter.count_of(one), now_ms=now_ms) for workflow in workflows for one in workflow.objectives)
    return tuple(burn for burn in found if burn is not None)


def standings(db: Database, workflows: Iterable[Workflow], *, now_ms: int) -> tuple[Standing, ...]:
    """Return how every objective stands over its window."""
    counter = Counter(db)
    return tuple(standing(one, counter.count_of(one), now_ms=now_ms) for workflow in workflows for one in workflow.objectives)


def _judged(row: Row, threshold: float) -> Bucket:
    """Units that nobody has told of yet bear their part of the hour's cost: it is not those others'."""
    told, useful = row["told"], row["useful"]
    cost = (row["cost_nano_usd"] * told / row["units"] if row["units"] else 0.0) + row["human_nano_usd"]
    return row["bucket_ms"], told if told and cost <= threshold * useful else 0.0, told


def _grain(window_ms: int) -> tuple[str, int]:
    return next((name, width_ms) for name, width_ms, longest_ms in _GRAINS if window_ms <= longest_ms)


def _floor(ms: int, width_ms: int) -> int:
    return ms // width_ms * width_ms


def _within(buckets: Iterable[Bucket], since_ms: int, *, width_ms: int) -> Counts:
    good = total = 0.0
    for begins_ms, good_here, total_here in buckets:
        part = min((begins_ms + width_ms - since_ms) / width_ms, 1.0)
        good += part * good_here
        total += part * total_here
    return Counts(good=good, total=total)
