"""
The ledger's pen: one bounded queue, one writer thread, one database.

Booking never waits and never touches the disk. The writer commits what has gathered every 50 ms. When it cannot (a full disk, a locked file, a server that
is away) it keeps what it has, tries again, and says so: the server then accepts no call, because nothing may run that is not recorded.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeVar

from msgspec import Struct

from pointsman.core.entry import CallRecord
from pointsman.core.errors import BadRequest, LedgerUnavailable
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.in_force import InForce, dimensions
from pointsman.ledger.pen import Pen
from pointsman.ledger.recording import Recording
from pointsman.settings.ledger_place import Place
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch, Dimension, HardwareRow
from pointsman.storage.faults import OF_A_VALUE
from pointsman.storage.records import last_charged, spent_since

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 0.05
_MOST_AT_ONCE: Final = 2000
_LONGEST_WAIT_S: Final = 2.0
_PATIENCE_S: Final = 5.0
_HOUR_MS: Final = 3_600_000
_NO_WORKFLOWS: Final[Mapping[str, Workflow]] = MappingProxyType({})

_T = TypeVar("_T")


class _Promise(Struct, frozen=True):
    """What somebody waits for until it is committed."""

    batch: Batch
    done: "Future[None]"


class Ledger(Recording):
    """
    Keeps records. `place` is the path of a file or the URL of a PostgreSQL database.

    `capacity` bounds how many may wait to be written; `busy_s` is how long the writer waits for another's lock before it says so;
    `patience_s` how long closing goes on trying when nothing can be written.
    """

    def __init__(self, place: Place, *, capacity: int = 20_000, busy_s: float = 2.0, patience_s: float = _PATIENCE_S) -> None:
        self._capacity = capacity
        self._patience_s = patience_s
        self._queue: deque[CallRecord] = deque()
        self._promises: deque[_Promise] = deque()
        self._hardware: deque[HardwareRow] = deque()
        self._dimensions: deque[Dimension] = deque()
        self._meters: Mapping[str, BusyMeter] = {}
        self._workflows = _NO_WORKFLOWS
        self._pen = Pen(place, busy_s=busy_s)
        self._trouble: str | None = None
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self._writer = threading.Thread(target=self._run, name="pointsman-ledger", daemon=True)
        self._writer.start()

    def use(self, workflows: Mapping[str, Workflow]) -> None:
        """Judge outcomes and people's time, from now on, by these workflows."""
        self._workflows = workflows

    def book(self, record: CallRecord) -> None:
        """Keep a record; never waits."""
        self._queue.append(record)

    def note_snapshot(self, now: InForce) -> None:
        """Keep what is in force from now on, as far as it says something new; never waits."""
        self._dimensions.extend(dimensions(now))

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, or None."""
        return self._trouble

    @property
    def waiting(self) -> int:
        """How many records, outcomes and the like wait to be written."""
        return len(self._queue) + len(self._promises) + len(self._hardware) + len(self._dimensions)

    async def room(self) -> None:
        """Wait while the queue is full. Raises `LedgerUnavailable` while nothing can be written."""
        while True:
            if self.trouble is not None:
                raise self._unavailable(self.trouble)
            if len(self._queue) < self._capacity:
                return
            await asyncio.sleep(_EVERY_S)

    async def record(self, batch: Batch) -> None:
        """Keep what is told of calls and units; see `Recording`."""
        if batch.size:
            await self.room()
            promise = _Promise(batch, Future())
            self._promises.append(promise)
            self._nudge.set()
            await asyncio.wrap_future(promise.done)

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
        reader = self._pen.another()
        try:
            return spent_since(reader, by, since_ms=since_ms)
        finally:
            reader.close()

    def last_charged(self, source: str, since_ms: int) -> int | None:
        """Return when (Unix ms) the last charge of this source fell due, if since a time."""
        reader = self._pen.another()
        try:
            return last_charged(reader, source, since_ms=since_ms)
        finally:
            reader.close()

    def flush(self, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until all that has been booked is written. Raises `LedgerUnavailable` if it cannot be in time. For tests and tools."""
        until = time.monotonic() + timeout_s
        while self.waiting:
            if time.monotonic() > until:
                raise self._unavailable(self._trouble or "it is too slow")
            self._nudge.set()
            time.sleep(0.002)

    def close(self) -> None:
        """Write what is left and close the database. What cannot be written within the patience is told in the log."""
        self._stop.set()
        self._nudge.set()
        self._writer.join()
        self._pen.close()

    def _unavailable(self, why: str) -> LedgerUnavailable:
        remedy = f"Free the disk or unlock `{self._pen.name}`" if self._pen.is_file else f"Start `{self._pen.name}` or make it reachable"
        return LedgerUnavailable(f"The ledger cannot be written ({why}), so no call is accepted. {remedy}.")

    # ── the writer thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        wait_s = _EVERY_S
        give_up_at: float | None = None
        while True:
            self._nudge.wait(wait_s)
            self._nudge.clear()
            stopping = self._stop.is_set()
            try:
                self._pen.follow()
                self._write()
            except Exception as error:  # noqa: BLE001 - whatever it is, the writer must live and say why nothing is written
                self._trouble = str(error)
                self._refuse_promises()
                wait_s = min(max(wait_s, _EVERY_S) * 2, _LONGEST_WAIT_S)
                if stopping:
                    give_up_at = give_up_at or time.monotonic() + self._patience_s
                    if time.monotonic() >= give_up_at:
                        _LOG.error("the ledger cannot be written (%s): %d records are lost", error, self.waiting)
                        return
                    wait_s = _EVERY_S
                continue
            self._trouble = None
            wait_s = 0 if len(self._queue) >= _MOST_AT_ONCE else _EVERY_S
            if stopping:
                if not self.waiting:
                    return
                wait_s = 0

    def _write(self) -> None:
        records, hardware, dimensions = _first(self._queue), _first(self._hardware), _first(self._dimensions)
        promises = _within(_first(self._promises))
        told = [promise.batch for promise in promises]
        batch = Batch(
            records=records,
            hardware=hardware,
            dimensions=dimensions,
            outcomes=[*chain.from_iterable(one.outcomes for one in told)],
            charges=[*chain.from_iterable(one.charges for one in told)],
            reviews=[*chain.from_iterable(one.reviews for one in told)],
            scores=[*chain.from_iterable(one.scores for one in told)],
        )
        if not batch.size:
            return
        try:
            self._pen.write(batch, self._workflows)
        except OF_A_VALUE:
            self._write_singly(batch, promises)
            return
        _drop(self._queue, len(records))
        _drop(self._hardware, len(hardware))
        _drop(self._dimensions, len(dimensions))
        for promise in promises:
            self._promises.popleft()
            _settle(promise.done, None)

    def _write_singly(self, batch: Batch, promises: Sequence[_Promise]) -> None:
        """Write what can be written of a batch that holds something which cannot, so that one bad value does not stop the ledger."""
        for record in batch.records:
            try:
                self._pen.write(Batch(records=[record]), self._workflows)
            except OF_A_VALUE as error:
                _LOG.error("the record of call %s cannot be written and is left out: %s", record.call_id, error)
            self._queue.popleft()
        for promise in promises:
            fault: Exception | None = None
            try:
                self._pen.write(promise.batch, self._workflows)
            except OF_A_VALUE as error:
                fault = BadRequest(f"The ledger cannot keep this ({error}). Send smaller numbers and plain text.")
            self._promises.popleft()
            _settle(promise.done, fault)
        for one in batch.dimensions:
            try:
                self._pen.write(Batch(dimensions=[one]), self._workflows)
            except OF_A_VALUE as error:
                _LOG.error("what is in force cannot be written whole, and a row of `%s` is left out: %s", one.table, error)
            self._dimensions.popleft()
        self._pen.write(Batch(hardware=batch.hardware), self._workflows)
        _drop(self._hardware, len(batch.hardware))

    def _refuse_promises(self) -> None:
        while self._promises:
            _settle(self._promises.popleft().done, self._unavailable(self._trouble or ""))


def _first(queue: deque[_T]) -> list[_T]:
    # By index, because the event loop appends meanwhile, and an iterator would not survive that.
    return [queue[index] for index in range(min(len(queue), _MOST_AT_ONCE))]


def _within(promises: Sequence[_Promise]) -> Sequence[_Promise]:
    """Return the first of them, as many as go into one transaction; one that is larger goes alone."""
    size = 0
    for count, promise in enumerate(promises):
        size += promise.batch.size
        if count and size > _MOST_AT_ONCE:
            return promises[:count]
    return promises


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
