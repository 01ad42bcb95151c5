"""
Audit logs for tests: written by the real writer, in real folders.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.values import CALL_ID

from pointsman.ledger.audit.copying import FolderPlace, Place
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.audit.writer import AuditLog, Pace

START_MS = 1_800_000_000_000
ORIGIN = "example.com/gateway"
SMALL = Pace(segment_bytes=4096, checkpoint_s=0.0, checkpoint_records=1, history_s=0.0, copy_s=0.0)


def a_record(number: int = 0, **more: Any) -> AuditRecord:
    tenant = ("acme", "globex")[number % 2]
    whole: dict[str, Any] = {
        "kind": Kind.EGRESS,
        "at_ms": START_MS + number * 1000,
        "call_id": f"{CALL_ID[:-6]}{number:06d}",
        "tenant": tenant,
        "key": "web",
        "application": "shop",
        "user": f"user-{number % 7}",
        "capability": "support",
        "unit": f"T-{number}",
        "policy": "0123456789abcdef",
        "label": "internal+personal",
        "findings": {"email": 1},
        "mask": "7",
        "met": ("personal:pseudonymise",),
        "target": "acme/small",
        "vendor": "acme",
        "region": "eu",
        "zone": "contracted",
        "outcome": "sent",
        **more,
    }
    return AuditRecord(**whole)


@contextmanager
def a_log(folder: Path, *, pace: Pace = SMALL, places: Sequence[Place] = (), origin: str | None = ORIGIN) -> Iterator[AuditLog]:
    """Open a log whose clock goes on by a second with each look."""
    times = itertools.count(START_MS, 1000)
    log = AuditLog(folder, wall_ms=lambda: next(times), origin=origin, places=places, pace=pace)
    try:
        yield log
    finally:
        log.close()


def a_written_log(folder: Path, *, count: int = 60, outside: Path | None = None) -> Path:
    """Write a log with two streams and several segments, in three sittings, and copy its checkpoints."""
    places = [] if outside is None else [FolderPlace(outside)]
    numbers = iter(range(count))
    for size in (count // 3, count // 3, count - 2 * (count // 3)):
        with a_log(folder, places=places) as log, a_log(folder, places=places) as other:
            for number in itertools.islice(numbers, size):
                (log if number % 3 else other).append(a_record(number))
                if number % 6 == 0:  # a new segment is only begun between two writes
                    log.flush()
                    other.flush()
    return folder
