"""
The audit log's pen: one bounded queue and one thread for each process, which owns one stream.

Appending never waits. Whoever needs a record on the disk before data leaves waits for it, together with all that came meanwhile: one write and
one sync for all of them. When the log cannot be written, those are told so and what they were about does not happen; the rest is kept and
tried again, and the server accepts nothing further while there is trouble.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import AuditUnavailable, PointsmanError
from pointsman.ledger.audit.copying import Copier, Place
from pointsman.ledger.audit.keys import SigningKey, open_key, origin_of, stamp_of
from pointsman.ledger.audit.record import AuditRecord, Kind, body_of, sealed
from pointsman.ledger.audit.stream import Stream
from pointsman.storage.audit_files import keep_note
from pointsman.storage.audit_salts import Salts
from pointsman.telemetry.logs import Plain

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 0.05
_MOST_AT_ONCE: Final = 2000
_LONGEST_WAIT_S: Final = 1.0

# What is wrong with a value, not with the disk: trying again would say the same.
_UNWRITABLE: Final = (ValueError, TypeError, OverflowError)

_Waiter = asyncio.Future[None]


class Pace(Struct, frozen=True, kw_only=True):
    """
    How often things are done. A checkpoint is signed after so many records or seconds, whichever comes first, and one of every `history_s` seconds
    is kept for good. After `alive_s` without a record one says that nothing happened. `patience_s` is how long closing goes on trying.
    """

    checkpoint_records: int = 10_000
    checkpoint_s: float = 10.0
    history_s: float = 3600.0
    alive_s: float = 3600.0
    copy_s: float = 60.0
    segment_bytes: int = 16 << 20
    capacity: int = 20_000
    patience_s: float = 5.0


class AuditLog:
    """
    The log of this process, in a folder that other processes share: each takes a stream of its own.

    `origin` names the log; None leaves it as it was, or makes one up at the first start. `wall_ms` is Unix time in milliseconds. `places` are where
    checkpoints are copied to. Raises `AuditDamaged` if the files are not those that were signed, `AuditUnavailable` if they cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        wall_ms: Callable[[], int],
        origin: str | None = None,
        places: Sequence[Place] = (),
        pace: Pace = Pace(),  # noqa: B008 - frozen
    ) -> None:
        self._folder = folder
        self._wall_ms = wall_ms
        self._pace = pace
        self._queue: deque[tuple[AuditRecord, _Waiter | None]] = deque()
        self._trouble: str | None = None
        try:
            self.origin = origin_of(folder, origin)
            self._key = open_key(folder, self.origin, at_ms=wall_ms())
            self._key_stamp = stamp_of(folder)
            self._salts = Salts(folder)
            self._stream = Stream(folder, origin=self.origin, segment_bytes=pace.segment_bytes)
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable(str(error)) from error
        self._signed_size = 0
        self._signed_s = self._history_s = self._written_s = time.monotonic()
        self._is_first = True
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self._copier = Copier(folder, stream=self._stream, places=places, every_s=pace.copy_s)
        self._begin()
        self._writer = threading.Thread(target=self._run, name="pointsman-audit", daemon=True)
        self._writer.start()

    @property
    def stream(self) -> str:
        """The name of the stream that this process writes."""
        return self._stream.name

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, or None."""
        return self._trouble

    @property
    def is_full(self) -> bool:
        """Whether as many records wait as may wait."""
        return len(self._queue) >= self._pace.capacity

    @property
    def copy_trouble(self) -> str | None:
        """Why checkpoints do not reach a place outside at present, or None."""
        return self._copier.trouble

    def append(self, record: AuditRecord) -> None:
        """Keep a record; never waits."""
        self._queue.append((record, None))

    async def durable(self, record: AuditRecord) -> None:
        """Keep a record and return once it is on the disk. Raises `AuditUnavailable`: then it may not be, and what it is about must not happen."""
        await self.room()
        done: _Waiter = asyncio.get_running_loop().create_future()
        self._queue.append((record, done))
        self._nudge.set()
        await done

    async def room(self) -> None:
        """Wait while the queue is full. Raises `AuditUnavailable` while nothing can be written."""
        while True:
            if self._trouble is not None:
                raise self._unavailable(self._trouble)
            if len(self._queue) < self._pace.capacity:
                return
            await asyncio.sleep(_EVERY_S)

    def flush(self, timeout_s: float = 5.0) -> None:
        """Wait until all that was appended is on the disk. Raises `AuditUnavailable` if it cannot be in time. For tests and tools."""
        until = time.monotonic() + timeout_s
        while self._queue:
            if time.monotonic() > until:
                raise self._unavailable(self._trouble or "it is too slow")
            self._nudge.set()
            time.sleep(0.002)

    def close(self) -> None:
        """Write what is left, sign the end, copy it, and let the stream go. What cannot be written within the patience is told in the log."""
        self._stop.set()
        self._nudge.set()
        self._writer.join()
        self._copier.close(self._pace.patience_s)
        self._salts.close()
        self._stream.close()

    def _unavailable(self, why: str) -> AuditUnavailable:
        return AuditUnavailable(
            f"The audit log cannot be written ({why}), so what must be on record first does not leave. Free the disk, or give `{self._folder}` back."
        )

    def _begin(self) -> None:
        if (cut := self._stream.cut) is not None:
            _LOG.error("the audit log ended in a torn line, which was cut: %d bytes", cut.size)
            self.append(AuditRecord(kind=Kind.RECOVERED, at_ms=self._wall_ms(), facts={"cut_bytes": cut.size, "cut_sha256": cut.sha256}))
        self.append(AuditRecord(kind=Kind.STARTED, at_ms=self._wall_ms(), facts={"stream": self._stream.name}))

    # ── the writer thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        wait_s, give_up_at, is_ended = _EVERY_S, None, False
        while True:
            self._nudge.wait(wait_s)
            self._nudge.clear()
            is_stopping = self._stop.is_set()
            if is_stopping and not is_ended:
                self.append(AuditRecord(kind=Kind.STOPPED, at_ms=self._wall_ms()))
                is_ended = True
            try:
                self._write(is_stopping=is_stopping)
            except Exception as error:  # noqa: BLE001 - whatever it is, the writer must live and say why nothing is written
                self._fail(str(error))
                wait_s = min(max(wait_s, _EVERY_S) * 2, _LONGEST_WAIT_S)
                if is_stopping:
                    give_up_at = give_up_at or time.monotonic() + self._pace.patience_s
                    if time.monotonic() >= give_up_at:
                        _LOG.error("the audit log cannot be written (%s): %d records are lost", error, len(self._queue))
                        return
                    wait_s = _EVERY_S
                continue
            self._trouble = None
            wait_s = 0 if self._queue else _EVERY_S
            if is_stopping and not self._queue:
                return

    def _write(self, *, is_stopping: bool) -> None:
        self._stay_alive()
        if self._queue:
            self._write_batch()
        self._follow_key()
        self._sign(is_last=is_stopping and not self._queue)

    def _write_batch(self) -> None:
        # By index, because the event loop appends meanwhile, and an iterator would not survive that.
        batch = [self._queue[index] for index in range(min(len(self._queue), _MOST_AT_ONCE))]
        try:
            self._salts.refresh()
            bodies = [self._body(record) for record, _ in batch]
            self._salts.commit()
        except BaseException:
            self._salts.undo()
            raise
        size = self._stream.size
        try:
            self._stream.write([body or self._unwritable(record) for body, (record, _) in zip(bodies, batch, strict=True)])
        except OSError:
            if self._stream.size == size:
                raise
            # The lines are on the disk, only hashes that can be made again are not: those who wait need not.
            _LOG.exception("hashes of the audit log cannot be written; they are kept and tried again")
        for _ in batch:
            self._queue.popleft()
        self._written_s = time.monotonic()
        waiting = [(waiter, body) for body, (_, waiter) in zip(bodies, batch, strict=True) if waiter is not None]
        _settle([waiter for waiter, body in waiting if body is not None], None)
        _settle([waiter for waiter, body in waiting if body is None], self._unavailable("a record holds what no line can"))

    def _body(self, record: AuditRecord) -> bytes | None:
        try:
            return body_of(sealed(record, self._salts.of))
        except _UNWRITABLE as error:
            _LOG.error("an audit record of kind `%s` cannot be written whole: %s", record.kind, error)
            return None

    def _unwritable(self, record: AuditRecord) -> bytes:
        """Say at least that something happened: one bad value must not stop the log, and must not hide behind it."""
        return body_of(AuditRecord(kind=Kind.UNWRITABLE, at_ms=self._wall_ms(), facts={"kind": str(record.kind)}))

    def _stay_alive(self) -> None:
        if not self._queue and time.monotonic() - self._written_s >= self._pace.alive_s:
            self.append(AuditRecord(kind=Kind.ALIVE, at_ms=self._wall_ms()))

    def _follow_key(self) -> None:
        """Sign with the key that is in force: somebody may have handed it over."""
        stamp = stamp_of(self._folder)
        if stamp == self._key_stamp:
            return
        self._key: SigningKey = open_key(self._folder, self.origin, at_ms=self._wall_ms())
        self._key_stamp = stamp
        self.append(AuditRecord(kind=Kind.SIGNING_KEY, at_ms=self._wall_ms(), facts={"number": self._key.number}))

    def _sign(self, *, is_last: bool) -> None:
        now_s, grown = time.monotonic(), self._stream.size - self._signed_size
        is_due = grown >= self._pace.checkpoint_records or now_s - self._signed_s >= self._pace.checkpoint_s
        if not grown or not (is_due or is_last or self._is_first):
            return
        note = self._stream.checkpoint(self._key)
        in_history = is_last or self._is_first or now_s - self._history_s >= self._pace.history_s
        keep_note(self._stream.path, note.whole, in_history=in_history)
        if in_history:
            self._history_s = now_s
        self._signed_size, self._signed_s, self._is_first = self._stream.size, now_s, False
        self._copier.offer(note, in_history=in_history)

    def _fail(self, why: str) -> None:
        if self._trouble != why:
            _LOG.error("the audit log cannot be written: %s", Plain(why))
        self._trouble = why
        # Who waits is told that it did not happen, so no record may say later that it did.
        taken = [self._queue.popleft() for _ in range(len(self._queue))]
        self._queue.extendleft(item for item in reversed(taken) if item[1] is None)
        _settle([waiter for _, waiter in taken if waiter is not None], self._unavailable(why))


def _settle(waiters: Sequence[_Waiter], fault: PointsmanError | None) -> None:
    """Tell those who wait, on their own loops: one call for each loop, however many wait there."""
    loops: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in waiters:
        loops.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, found in loops.items():
        try:
            loop.call_soon_threadsafe(_tell, found, fault)
        except RuntimeError:
            _LOG.warning("nobody is left to hear of %d audit records", len(found))


def _tell(waiters: Sequence[_Waiter], fault: PointsmanError | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue  # whoever waited has gone away
        if fault is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(fault)
