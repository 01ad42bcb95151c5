"""
The ledger's pen: one bounded queue, one writer thread, one file.

Booking never waits and never touches the disk. The writer commits what has gathered every 50 ms. When it cannot (a full disk, a locked
file) it keeps what it has, tries again, and says so: the server then accepts no call, because nothing may run that is not recorded.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.errors import LedgerUnavailable
from pointsman.ledger.busy import BusyMeter
from pointsman.storage.database import open_database
from pointsman.storage.records import spent_since, write_batch

_EVERY_S: Final = 0.05
_MOST_AT_ONCE: Final = 2000
_LONGEST_WAIT_S: Final = 2.0
_HOUR_MS: Final = 3_600_000


class Ledger:
    """Keeps records. `capacity` bounds how many may wait to be written."""

    def __init__(self, path: Path, *, capacity: int = 20_000, busy_s: float = 10.0) -> None:
        self._path = path
        self._busy_s = busy_s
        self._capacity = capacity
        self._queue: deque[CallRecord] = deque()
        self._outcomes: deque[tuple[Outcome, Future[None]]] = deque()
        self._hardware: dict[tuple[str, int], list[float]] = {}
        self._meters: Mapping[str, tuple[BusyMeter, int]] = {}
        self._hardware_at = time.monotonic()
        self._connection = open_database(path, busy_s=busy_s)
        self._trouble: str | None = None
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self._writer = threading.Thread(target=self._run, name="pointsman-ledger", daemon=True)
        self._writer.start()

    def book(self, record: CallRecord) -> None:
        """Keep a record; never waits."""
        self._queue.append(record)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, or None."""
        return self._trouble

    async def room(self) -> None:
        """Wait while the queue is full. Raises `LedgerUnavailable` while nothing can be written."""
        while True:
            if self._trouble is not None:
                raise LedgerUnavailable(f"The ledger cannot be written ({self._trouble}), so no call is accepted. Free the disk or unlock `{self._path.name}`.")
            if len(self._queue) < self._capacity:
                return
            await asyncio.sleep(_EVERY_S)

    async def record_outcome(self, outcome: Outcome) -> None:
        """Keep an outcome and return once it is committed. The same id twice counts once. Raises `LedgerUnavailable`."""
        await self.room()
        done: Future[None] = Future()
        self._outcomes.append((outcome, done))
        self._nudge.set()
        await asyncio.wrap_future(done)

    def watch_hardware(self, meters: Mapping[str, tuple[BusyMeter, int]]) -> None:
        """Record, from now on, the paid and busy time of targets on own hardware: name → (meter, hourly price)."""
        self._meters = meters

    def note_hardware(self, wall_ms: int, monotonic_s: float) -> None:
        """Add what hardware was paid for since the last time. Called from the event loop, which owns the meters."""
        passed_s, self._hardware_at = monotonic_s - self._hardware_at, monotonic_s
        hour_ms = wall_ms // _HOUR_MS * _HOUR_MS
        for name, (busy, hourly) in self._meters.items():
            sums = self._hardware.setdefault((name, hour_ms), [0.0, 0.0])
            sums[0] += hourly * passed_s / 3600
            sums[1] += busy.take_busy_s(monotonic_s)

    def spent_since(self, by: str, since_ms: int) -> dict[str, int]:
        """Return what each value of a column has spent since a time, so that budgets outlive the process."""
        reader = open_database(self._path, busy_s=self._busy_s)
        try:
            return spent_since(reader, by, since_ms)
        finally:
            reader.close()

    def flush(self) -> None:
        """Wait until all that has been booked is written. For tests and for the end."""
        while self._queue or self._outcomes or self._nudge.is_set():
            self._nudge.set()
            time.sleep(0.002)

    def close(self) -> None:
        """Write what is left and close the file."""
        self._stop.set()
        self._nudge.set()
        self._writer.join()
        self._connection.close()

    # ── the writer thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        wait_s = _EVERY_S
        while True:
            self._nudge.wait(wait_s)
            stopping = self._stop.is_set()
            try:
                self._write()
            except sqlite3.Error as error:
                self._trouble = str(error)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                self._nudge.clear()
                if stopping:
                    return
                continue
            self._trouble, wait_s = None, _EVERY_S
            if not self._queue and not self._outcomes:
                self._nudge.clear()
                if stopping:
                    return

    def _write(self) -> None:
        records = [self._queue[index] for index in range(min(len(self._queue), _MOST_AT_ONCE))]
        outcomes = list(self._outcomes)
        hardware, self._hardware = self._hardware, {}
        if not records and not outcomes and not hardware:
            return
        rows = [(name, hour_ms, round(paid), busy_s) for (name, hour_ms), (paid, busy_s) in hardware.items()]
        try:
            write_batch(self._connection, records, [outcome for outcome, _ in outcomes], rows)
        except sqlite3.Error:
            self._hardware = {**hardware, **self._hardware}
            raise
        for _ in records:
            self._queue.popleft()
        for _, done in outcomes:
            self._outcomes.popleft()
            done.set_result(None)
