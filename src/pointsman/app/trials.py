"""
What calls that are spent on learning have cost today, by capability: known at once, for every call, in every worker.

The ledger tells what all workers spent; what this one spent since is added as it is booked. Workers see each other's trials after `LOOK_MS`, so that a day's
money may be passed by what they spend within that time.
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Final

from pointsman.core.entry import CallRecord
from pointsman.core.errors import PointsmanError
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database
from pointsman.storage.told import SHADOW

_LOG: Final = logging.getLogger("pointsman")
LOOK_MS: Final = 15_000
EXPLORE: Final = "explore"
_MODES: Final = frozenset({EXPLORE, SHADOW})
_DAY_MS: Final = 86_400_000
_OPEN_MS: Final = 900_000  # a call that began longer ago is on record by now
_ON_ITS_WAY_MS: Final = 2_000  # what was booked is on the disk after this

_Sums = Counter[tuple[str, str]]


class Trials:
    """Counts. `look` asks the ledger that `open_reading` opens; `note` is told each record of this worker. `trouble` says why the ledger was not asked."""

    def __init__(self, open_reading: Callable[[], Database], *, now_ms: Callable[[], int]) -> None:
        self._open_reading = open_reading
        self._now_ms = now_ms
        self._day_ms = 0
        self._closed: _Sums = Counter()
        self._closed_ms = 0
        self._known: _Sums = Counter()
        self._since: list[tuple[int, str, str, int]] = []
        self._next_ms = 0
        self.trouble: str | None = None

    def spent(self, mode: str, capability: str) -> int:
        """Return what trials of this kind (`explore`, `shadow`) cost today (UTC), in nano-dollars."""
        if not self._known and not self._since:
            return 0
        today_ms = self._now_ms() // _DAY_MS * _DAY_MS
        known = self._known[mode, capability] if self._day_ms == today_ms else 0
        return known + sum(cost for at_ms, kind, name, cost in self._since if kind == mode and name == capability and at_ms >= today_ms)

    def note(self, record: CallRecord) -> None:
        """Count a call of this worker, if it was a trial."""
        if record.mode in _MODES:
            cost = sum(entry.cost_nano_usd or 0 for entry in record.entries)
            self._since.append((self._now_ms(), record.mode, record.capability, cost))

    def look(self) -> None:
        """Ask the ledger, if it is time to; for a thread. Raises nothing: what was known last holds."""
        now_ms = self._now_ms()
        if now_ms < self._next_ms and now_ms // _DAY_MS * _DAY_MS == self._day_ms:
            return
        self._next_ms = now_ms + LOOK_MS
        try:
            with closing(self._open_reading()) as db:
                self._count(db, now_ms)
        except (sqlite3.Error, OSError, PointsmanError) as error:
            if self.trouble is None:
                _LOG.error("what trials cost cannot be read (%s); what was known last holds", type(error).__name__)
            self.trouble = f"what trials cost cannot be read ({type(error).__name__}); what was known last holds"
            return
        self.trouble = None

    def _count(self, db: Database, now_ms: int) -> None:
        """Add up the day: calls that are over for good once, those of the last minutes anew each time."""
        today_ms = now_ms // _DAY_MS * _DAY_MS
        if self._day_ms != today_ms:
            self._closed, self._closed_ms = Counter(), today_ms
        until_ms = max(now_ms - _OPEN_MS, self._closed_ms)
        self._closed.update(_sums(db, self._closed_ms, until_ms=until_ms))
        self._closed_ms = until_ms
        known = self._closed + _sums(db, until_ms, until_ms=now_ms + _DAY_MS)
        # What was booked in the last moments may not be on the disk: counted twice for a while rather than not at all.
        self._since = [one for one in self._since if one[0] > now_ms - _ON_ITS_WAY_MS]
        self._known, self._day_ms = known, today_ms


def _sums(db: Database, since_ms: int, *, until_ms: int) -> _Sums:
    rows = db.rows(query("learning/spent"), {"first": first_id(since_ms), "last": first_id(until_ms)})
    return Counter({(row["mode"], row["capability"]): int(row["nano_usd"] or 0) for row in rows})
