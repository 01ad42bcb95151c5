"""
The audit log of a process, as the configuration describes it, and what it is told beside calls.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pointsman.ledger.audit.copying import places_of
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.audit.writer import AuditLog, Pace
from pointsman.ledger.content.records import Seen
from pointsman.settings.load import Settings


def audit_log(settings: Settings, *, environ: Mapping[str, str], wall_ms: Callable[[], int]) -> AuditLog:
    """Return the log, open. Raises `AuditDamaged` or `AuditUnavailable`."""
    told = settings.audit
    pace = Pace(
        checkpoint_records=told.checkpoint_records,
        checkpoint_s=told.checkpoint_s,
        copy_s=told.copy_s,
        segment_bytes=told.segment_bytes,
    )
    places = places_of(told.copies, settings.folder, environ=environ, home=Path.home())
    return AuditLog(settings.folder / told.folder, wall_ms=wall_ms, origin=told.origin, places=places, pace=pace)


def witness_of_reading(log: AuditLog, wall_ms: Callable[[], int]) -> Callable[[Seen], None]:
    """Return what a content store tells of everybody who reads: it goes on record, also when there was nothing to read."""

    def seen(told: Seen) -> None:
        facts = {"found": int(told.found)}
        log.append(AuditRecord(kind=Kind.CONTENT_READ, at_ms=wall_ms(), call_id=told.call_id, tenant=told.tenant, actor=told.who, facts=facts))

    return seen
