"""
Roll-ups of calls: sums by minute, hour and day, latencies by bins, failures, and money by tag.

They are folded here first, so that a batch adds to each row once, and are written in the transaction of the calls they stand for.
"""

import math
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from pointsman.core.entry import CallRecord
from pointsman.storage.several import add
from pointsman.storage.sql import Database
from pointsman.storage.told import Told, is_shadow

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_BINS_PER_OCTAVE: Final = 5
_KEYS: Final = ("bucket_ms", "workflow", "capability", "place", "target", "snapshot", "tenant", "team", "application")
_SUMS: Final = (
    "calls",
    "ok",
    "fallbacks",
    "escalations",
    "to_person",
    "cost_nano_usd",
    "cost_unknown",
    "hardware_nano_usd",
    "overhead_nano_usd",
    "tokens_in",
    "tokens_out",
    "cache_read",
    "reasoning",
    "latency_ms",
)
_TAG_KEYS: Final = ("bucket_ms", "workflow", "tag", "value")
_LATENCY_KEYS: Final = ("bucket_ms", "workflow", "capability", "target", "bin")
_FAILURE_KEYS: Final = ("bucket_ms", "workflow", "target", "kind", "error", "snapshot")

_Sums = dict[tuple[object, ...], list[float]]


def latency_bin(latency_ms: float) -> int:
    """Return the bin of a latency: five to an octave."""
    return math.floor(_BINS_PER_OCTAVE * math.log2(max(latency_ms, 0.001)))


def bin_middle_ms(number: int) -> float:
    """Return the latency in the middle of a bin."""
    return 2 ** ((number + 0.5) / _BINS_PER_OCTAVE)


class RollUps(Struct, kw_only=True):
    """What a batch adds to the roll-ups."""

    minutes: _Sums = {}
    tags: _Sums = {}
    latencies: _Sums = {}
    failures: _Sums = {}

    def count(self, record: CallRecord, told: Told) -> None:
        """Count one call."""
        minute = record.started_ms // MINUTE_MS * MINUTE_MS
        hour = minute // HOUR_MS * HOUR_MS
        place, target = ("none", "none") if told.last is None else (told.last.place.value, told.last.target)
        team, application = record.team or "", record.application or ""
        key = (minute, told.workflow, record.capability, place, target, record.snapshot, record.tenant, team, application)
        _raise(self.minutes, key, by=told.sums(record))
        if not is_shadow(record):
            _raise(self.latencies, (hour, told.workflow, record.capability, target, latency_bin(record.latency_ms)), by=(1,))
        for tag, value in record.tags.items():
            _raise(
                self.tags,
                (minute // DAY_MS * DAY_MS, told.workflow, tag, value),
                by=(int(not is_shadow(record)), told.known_nano_usd, int(told.cost_nano_usd is None)),
            )
        for entry in record.entries:
            if entry.error is not None:
                _raise(self.failures, (hour, told.workflow, entry.target, entry.kind, entry.error, record.snapshot), by=(1,))

    def write(self, db: Database) -> None:
        """Add it, within the transaction of the caller."""
        hours = _coarser(self.minutes, lambda bucket: bucket // HOUR_MS * HOUR_MS)
        days = _coarser(hours, lambda bucket: bucket // DAY_MS * DAY_MS)
        for table, sums in (("rollup_minute", self.minutes), ("rollup_hour", hours), ("rollup_day", days)):
            add(db, table, keys=_KEYS, sums=_SUMS, rows=sums)
        add(db, "latency_hour", keys=_LATENCY_KEYS, sums=("calls",), rows=self.latencies)
        add(db, "failure_hour", keys=_FAILURE_KEYS, sums=("failed",), rows=self.failures)
        add(db, "rollup_tag_day", keys=_TAG_KEYS, sums=("calls", "cost_nano_usd", "cost_unknown"), rows=self.tags)


def _raise(sums: _Sums, key: tuple[object, ...], *, by: tuple[float, ...]) -> None:
    there = sums.get(key)
    if there is None:
        sums[key] = [*by]
        return
    for place, more in enumerate(by):
        if more:
            there[place] += more


def _coarser(sums: _Sums, bucket_of: Callable[[int], int]) -> _Sums:
    found: _Sums = {}
    for (bucket, *rest), values in sums.items():
        assert isinstance(bucket, int)  # noqa: S101 - the first part of every key
        _raise(found, (bucket_of(bucket), *rest), by=(*values,))
    return found
