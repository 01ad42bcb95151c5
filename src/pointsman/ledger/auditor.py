"""
What the audit log is told about calls: each time data leaves, what left under which policy, and what came of it. Nothing here holds content.

Where the class of the data demands it, the record is durable before the first byte leaves, and if it cannot be, nothing leaves.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec.structs import replace

from pointsman.core.attempt import Attempt
from pointsman.core.entry import CallRecord
from pointsman.core.label import Label
from pointsman.core.target import Target
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.audit.writer import AuditLog

_EVENTS: Final = {"secret": Kind.SECRET_FOUND, "failed": Kind.DETECTOR_FAILED}


class Auditor:
    """
    Tells the log about calls. Without a log nothing is told. `detectors` are their names with versions; `wall_ms` is Unix time in milliseconds.

    `may_leave(target)` is asked before anything goes there and raises where it must not any more: this is the one gate that all data passes.
    """

    def __init__(
        self, log: AuditLog | None, *, detectors: tuple[str, ...], wall_ms: Callable[[], int], may_leave: Callable[[Target], None] | None = None
    ) -> None:
        self._may_leave = may_leave
        self._log = log
        self._detectors = detectors
        self._wall_ms = wall_ms

    def leaving(self, attempt: Attempt, found: Mapping[str, int]) -> Awaitable[None]:
        """
        Tell that data is about to leave; to be awaited first.

        Raises `AuditUnavailable` where it must be on record and cannot be, and `PlaceFailed` for a target that was shut off meanwhile.
        """
        if self._may_leave is not None:
            self._may_leave(attempt.target)
        return _now() if self._log is None else self._on_record(self._log, self._record(Kind.EGRESS, attempt, found=found), attempt=attempt)

    def lowered(self, attempt: Attempt, label: Label) -> Awaitable[None]:
        """
        Tell that a summary passed the leak check, so that the label of what goes on is lower; to be awaited before it goes. `attempt` made the summary,
        and what it read decides whether this must be on record first. Raises `AuditUnavailable` like `leaving`.
        """
        if self._log is None:
            return _now()
        return self._on_record(self._log, self._record(Kind.DECLASSIFIED, attempt, found={}, facts={"to": label.text, "by": "summary"}), attempt=attempt)

    def happened(self, kind: Kind, *, actor: str = "", facts: Mapping[str, str | int] | None = None) -> None:
        """Tell of something beside calls: a change of policy, a login, an approval."""
        if self._log is not None:
            self._log.append(AuditRecord(kind=kind, at_ms=self._wall_ms(), actor=actor, facts=facts or {}))

    def closed(self, record: CallRecord) -> None:
        """Tell what came of a call, and of secrets and failed detectors in it."""
        if self._log is None:
            return
        last = record.entries[-1] if record.entries else None
        usages = [entry.usage for entry in record.entries if entry.usage is not None]
        costs = [entry.cost_nano_usd for entry in record.entries]
        told = AuditRecord(
            kind=Kind.ANSWER if record.status == "ok" else Kind.REFUSAL,
            at_ms=self._wall_ms(),
            call_id=record.call_id,
            tenant=record.tenant,
            key=record.key_id,
            application=record.application or "",
            user=record.user or "",
            capability=record.capability,
            unit=record.unit,
            snapshot=record.snapshot,
            label=record.data_class,
            target="" if last is None else last.target,
            candidates=tuple(f"{target}={why}" for target, why in record.considered),
            tokens_in=sum(usage.tokens_in for usage in usages) if usages else None,
            tokens_out=sum(usage.tokens_out for usage in usages) if usages else None,
            cost_nano_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
            outcome=record.status,
        )
        self._log.append(told)
        for kind, count in record.found.items():
            what, _, more = kind.partition(":")
            if what in _EVENTS:
                self._log.append(replace(told, kind=_EVENTS[what], facts={"what": more, "count": count}))

    @staticmethod
    def _on_record(log: AuditLog, record: AuditRecord, *, attempt: Attempt) -> Awaitable[None]:
        if attempt.verdict.before_egress:
            return log.durable(record)
        log.append(record)
        return _now()

    def _record(self, kind: Kind, attempt: Attempt, *, found: Mapping[str, int], facts: Mapping[str, str | int] | None = None) -> AuditRecord:
        key, target, verdict, vendor = attempt.principal.key, attempt.target, attempt.verdict, attempt.target.vendor
        return AuditRecord(
            kind=kind,
            at_ms=self._wall_ms(),
            call_id=attempt.call.call_id,
            tenant=key.tenant,
            key=key.key_id,
            application=key.application or "",
            user=attempt.principal.user or "",
            capability=attempt.capability.name,
            policy=verdict.policy,
            snapshot=verdict.snapshot,
            detectors=self._detectors,
            label=verdict.label.text,
            findings=found,
            mask=f"{verdict.mask:x}",
            met=tuple(sorted(f"{duty.data_class}:{duty.obligation}" for duty in attempt.met)),
            target=target.name,
            vendor="" if vendor is None else vendor.name,
            region="" if vendor is None else vendor.region or "",
            zone="" if vendor is None else vendor.zone,
            facts=facts or {},
        )


async def _now() -> None:
    return None
