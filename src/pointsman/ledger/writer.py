"""
The ledger's pen: one bounded queue, one writer thread, one file.

Booking never waits and never touches the disk. The writer commits what has gathered every 50 ms. When it cannot (a full disk, a locked
file) it keeps what it has, tries again, and says so: the server then accepts no call, because nothing may run that is not recorded.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.errors import BadRequest, LedgerUnavailable
from pointsman.ledger.busy import BusyMeter
from pointsman.storage.database import open_database
from pointsman.storage.records import HardwareRow, spent_since, write_batch

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 0.05
_MOST_AT_ONCE: Final = 2000
_LONGEST_WAIT_S: Final = 2.0
_PATIENCE_S: Final = 5.0
_HOUR_MS: Final = 3_600_000

# What SQLite or its binding says of a value or a row, not of the file: trying again would say the same.
_UNWRITABLE: Final = (sqlite3.IntegrityError, sqlite3.DataError, ValueError, OverflowError)

_T = TypeVar("_T")


class Ledger:
    """
    Keeps records.

    `capacity` bounds how many may wait to be written; `busy_s` is how long the writer waits for another's lock before it says so;
    `patience_s` how long closing goes on trying when nothing can be written.
    """

    def __init__(self, path: Path, *, capacity: int = 20_000, busy_s: float = 2.0, patience_s: float = _PATIENCE_S) -> None:
        self._path = path
        self._busy_s = busy_s
        self._capacity = capacity
        self._patience_s = patience_s
        self._queue: deque[CallRecord] = deque()
        self._outcomes: deque[tuple[Outcome, Future[None]]] = deque()
        self._hardware: deque[HardwareRow] = deque()
        self._meters: Mapping[str, BusyMeter] = {}
        self._open()
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
            if self.trouble is not None:
                raise self._unavailable(self.trouble)
            if len(self._queue) < self._capacity:
                return
            await asyncio.sleep(_EVERY_S)

    async def record_outcome(self, outcome: Outcome) -> None:
        """
        Keep an outcome and return once it is committed. The same id of the same tenant twice counts once.

        Raises `LedgerUnavailable`: then it was not kept. Raises `BadRequest` for a value that no column can hold.
        """
        await self.room()
        done: Future[None] = Future()
        self._outcomes.append((outcome, done))
        self._nudge.set()
        await asyncio.wrap_future(done)

    def watch_hardware(self, meters: Mapping[str, BusyMeter], *, wall_ms: int, monotonic_s: float) -> None:
        """Record, from now on, the paid and busy time of these targets on own hardware, and of no others."""
        self.note_hardware(wall_ms, monotonic_s)
        for name, meter in meters.items():
            if name not in self._meters:
                meter.take(monotonic_s)  # while nobody watched, nobody paid
        self._meters = dict(meters)

    def note_hardware(self, wall_ms: int, monotonic_s: float) -> None:
        """Add what hardware was paid for since the last time. Called from the event loop, which owns the meters."""
        for name, meter in self._meters.items():
            spent = meter.take(monotonic_s)
            row = (name, wall_ms // _HOUR_MS * _HOUR_MS, spent.paid_s, spent.paid_nano_usd, spent.busy_s, spent.busy_nano_usd)
            self._hardware.append(row)

    def spent_since(self, by: str, since_ms: int) -> dict[str, int]:
        """Return what each value of a column has spent since a time, so that budgets outlive the process."""
        reader = open_database(self._path, busy_s=self._busy_s)
        try:
            return spent_since(reader, by, since_ms=since_ms)
        finally:
            reader.close()

    def flush(self, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until all that has been booked is written. Raises `LedgerUnavailable` if it cannot be in time. For tests and tools."""
        until = time.monotonic() + timeout_s
        while self._waiting:
            if time.monotonic() > until:
                raise self._unavailable(self._trouble or "it is too slow")
            self._nudge.set()
            time.sleep(0.002)

    def close(self) -> None:
        """Write what is left and close the file. What cannot be written within the patience is told in the log."""
        self._stop.set()
        self._nudge.set()
        self._writer.join()
        self._connection.close()

    def _unavailable(self, why: str) -> LedgerUnavailable:
        return LedgerUnavailable(f"The ledger cannot be written ({why}), so no call is accepted. Free the disk or unlock `{self._path.name}`.")

    @property
    def _waiting(self) -> int:
        return len(self._queue) + len(self._outcomes) + len(self._hardware)

    # ── the writer thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        wait_s = _EVERY_S
        give_up_at: float | None = None
        while True:
            self._nudge.wait(wait_s)
            self._nudge.clear()
            stopping = self._stop.is_set()
            try:
                self._follow_file()
                self._write()
            except Exception as error:  # noqa: BLE001 - whatever it is, the writer must live and say why nothing is written
                self._trouble = str(error)
                self._refuse_outcomes()
                wait_s = min(max(wait_s, _EVERY_S) * 2, _LONGEST_WAIT_S)
                if stopping:
                    give_up_at = give_up_at or time.monotonic() + self._patience_s
                    if time.monotonic() >= give_up_at:
                        _LOG.error("the ledger cannot be written (%s): %d records are lost", error, self._waiting)
                        return
                    wait_s = _EVERY_S
                continue
            self._trouble = None
            wait_s = 0 if len(self._queue) >= _MOST_AT_ONCE else _EVERY_S
            if stopping:
                if not self._waiting:
                    return
                wait_s = 0

    def _follow_file(self) -> None:
        """Open the file again if somebody moved or removed it: what is written into a file without a name is lost."""
        try:
            here = self._path.stat()
        except FileNotFoundError:
            here = None
        if here is not None and (here.st_dev, here.st_ino) == self._file:
            return
        _LOG.error("the ledger's file `%s` was moved, replaced or removed; records go on in the one that is there now", self._path)
        before = self._connection
        self._open()
        before.close()

    def _open(self) -> None:
        self._connection = open_database(self._path, busy_s=self._busy_s)
        found = self._path.stat()
        self._file = (found.st_dev, found.st_ino)

    def _write(self) -> None:
        records, outcomes, hardware = _first(self._queue), _first(self._outcomes), _first(self._hardware)
        if not records and not outcomes and not hardware:
            return
        try:
            write_batch(self._connection, records, outcomes=[outcome for outcome, _ in outcomes], hardware=hardware)
        except _UNWRITABLE:
            self._write_singly(records, outcomes, hardware=hardware)
            return
        _drop(self._queue, len(records))
        _drop(self._hardware, len(hardware))
        for _, done in outcomes:
            self._outcomes.popleft()
            _settle(done, None)

    def _write_singly(self, records: Sequence[CallRecord], outcomes: Sequence[tuple[Outcome, Future[None]]], *, hardware: Sequence[HardwareRow]) -> None:
        """Write what can be written of a batch that holds something which cannot, so that one bad value does not stop the ledger."""
        for record in records:
            try:
                write_batch(self._connection, [record], outcomes=[], hardware=[])
            except _UNWRITABLE as error:
                _LOG.error("the record of call %s cannot be written and is left out: %s", record.call_id, error)
            self._queue.popleft()
        for outcome, done in outcomes:
            fault: Exception | None = None
            try:
                write_batch(self._connection, [], outcomes=[outcome], hardware=[])
            except _UNWRITABLE as error:
                fault = BadRequest(f"The ledger cannot keep this outcome ({error}). Send smaller numbers and plain text.")
            self._outcomes.popleft()
            _settle(done, fault)
        write_batch(self._connection, [], outcomes=[], hardware=hardware)
        _drop(self._hardware, len(hardware))

    def _refuse_outcomes(self) -> None:
        while self._outcomes:
            _settle(self._outcomes.popleft()[1], self._unavailable(self._trouble or ""))


def _first(queue: deque[_T]) -> list[_T]:
    # By index, because the event loop appends meanwhile, and an iterator would not survive that.
    return [queue[index] for index in range(min(len(queue), _MOST_AT_ONCE))]


def _drop(queue: deque[_T], count: int) -> None:
    for _ in range(count):
        queue.popleft()


def _settle(done: "Future[None]", fault: Exception | None) -> None:
    """Tell whoever waits, unless they have gone away."""
    if not done.set_running_or_notify_cancel():
        return
    if fault is None:
        done.set_result(None)
    else:
        done.set_exception(fault)
