"""
The content store: one bounded queue, one writer thread, one file in which nothing can be read without the keys.

Keeping never waits and never touches the disk. What cannot be kept is left out and told: a call is never lost for the sake of its content.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pointsman.core.errors import PointsmanError
from pointsman.core.verdict import Keeping
from pointsman.ledger import envelope
from pointsman.ledger.content import sealing
from pointsman.ledger.content.keys import KeyStore, Place
from pointsman.ledger.content.records import Content, ContentRecord, Seen
from pointsman.storage.content import ContentRow, read_content, write_content
from pointsman.storage.content_files import open_file
from pointsman.telemetry.logs import Plain

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 0.05
_AT_ONCE: Final = 256
_PATIENCE_S: Final = 5.0
_BUSY_S: Final = 2.0
_MAY_PASS: Final = (sqlite3.OperationalError, PointsmanError)


def _nobody(seen: Seen) -> None:
    del seen


class ContentStore:
    """
    Keeps what was said in calls.

    `most_records` and `most_bytes` bound what may wait to be written; what comes beyond is left out. `seen` is told whenever somebody reads.
    `lost` counts what was left out, `trouble` says why nothing can be written at present.
    """

    def __init__(
        self,
        path: Path,
        keys: KeyStore,
        *,
        most_records: int = 10_000,
        most_bytes: int = 256 * 1024 * 1024,
        seen: Callable[[Seen], None] = _nobody,
    ) -> None:
        self.path = path
        self.keys = keys
        self.lost = 0
        self.trouble: str | None = None
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._seen = seen
        self._queue: deque[ContentRecord] = deque()
        self._bytes = 0
        self._connection = open_file(path, "content", busy_s=_BUSY_S)
        self._reading = threading.Lock()
        self._reader = open_file(path, "content", busy_s=_BUSY_S)
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self._writer = threading.Thread(target=self._run, name="pointsman-content", daemon=True)
        self._writer.start()

    def keep(self, record: ContentRecord) -> None:
        """Keep what a record allows; never waits. What there is no room for is left out."""
        if record.keeping is Keeping.NOTHING:
            return
        if len(self._queue) >= self._most_records or self._bytes + record.size > self._most_bytes:
            self._lose(1, "too much waits to be written")
            return
        self._bytes += record.size
        self._queue.append(record)

    def read(self, call_id: str, *, who: str) -> Content | None:
        """Return what is kept of a call, or None if there is nothing, or nothing that can be read any more. Told to the audit either way."""
        row, keys = self._find(call_id)
        found: Content | None = None
        if row is not None and keys is not None:
            try:
                found = sealing.opened(row, keys)
            except envelope.CannotOpen:  # its keys were destroyed, or somebody changed the row
                found = None
        self._seen(Seen(call_id=call_id, tenant="" if row is None else row.tenant, who=who, found=found is not None))
        return found

    def proves(self, call_id: str, said: bytes, *, part: str) -> bool:
        """Tell whether the `request` or `answer` of a call, of which the hash is kept, was this text."""
        row, keys = self._find(call_id)
        return row is not None and keys is not None and row.keeping == Keeping.HASH and sealing.proves(row, keys, part=part, said=said)

    def flush(self, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until all that was taken is written or given up. For tests and tools. Raises `TimeoutError`."""
        until = time.monotonic() + timeout_s
        while self._queue:
            if time.monotonic() > until:
                raise TimeoutError("the content store is too slow")
            self._nudge.set()
            time.sleep(0.002)

    def close(self) -> None:
        """Write what is left and close the file. The keys stay open: they belong to whoever opened them."""
        self._stop.set()
        self._nudge.set()
        self._writer.join()
        self._connection.close()
        self._reader.close()

    def _find(self, call_id: str) -> tuple[ContentRow | None, sealing.RecordKeys | None]:
        with self._reading:
            row = read_content(self._reader, call_id)
        return (None, None) if row is None else (row, self.keys.to_open(Place(tenant=row.tenant, subject=row.subject, day=row.day)))

    # ── the writer thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while True:
            self._nudge.wait(_EVERY_S)
            self._nudge.clear()
            stopping = self._stop.is_set()
            batch = [self._queue[index] for index in range(min(len(self._queue), _AT_ONCE))]
            if not batch:
                if stopping:
                    return
                continue
            try:
                self._write(batch)
                self.trouble = None
            except _MAY_PASS as error:  # a locked file or a full disk may come free; meanwhile the bounds of the queue hold
                self.trouble = type(error).__name__
                if not stopping:
                    self._stop.wait(_EVERY_S)
                    continue
                self._lose(len(batch), self.trouble)
            except Exception:  # noqa: BLE001 - whatever it is, the writer must live, and calls go on without their content
                self._write_singly(batch)
            self._drop(batch)
            self._nudge.set()

    def _write(self, batch: list[ContentRecord]) -> None:
        named = [(one, self.keys.subject(one.tenant, one.subject), self.keys.unit(one.tenant, one.unit)) for one in batch]
        keys = self.keys.to_seal([sealing.place_of(record, subject=subject) for record, subject, _ in named])
        rows = [sealing.sealed(record, key, subject=subject, unit=unit) for (record, subject, unit), key in zip(named, keys, strict=True) if key is not None]
        write_content(self._connection, rows)

    def _write_singly(self, batch: list[ContentRecord]) -> None:
        """Write what can be written of a batch that holds something which cannot."""
        for record in batch:
            try:
                self._write([record])
            except Exception as error:  # noqa: BLE001 - as in `_run`
                self._lose(1, type(error).__name__)

    def _drop(self, batch: list[ContentRecord]) -> None:
        for record in batch:
            self._queue.popleft()
            self._bytes -= record.size

    def _lose(self, count: int, why: str) -> None:
        if not self.lost:
            _LOG.error("content cannot be kept (%s) and is left out from here on; calls go on", Plain(why))
        self.lost += count
