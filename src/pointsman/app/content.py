"""
What was said in a call, kept as far as the policy and the configuration allow: in full, filtered, as a fingerprint, or not at all.

Secrets that are found are never kept, neither of the question nor of the answer, and nothing is kept where a detector fails. Keeping comes after the answer
is sent and never delays it, and a caller who leaves then does not stop it; what cannot be kept is told in the log by the store.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pointsman.core.call import Call
from pointsman.core.verdict import Keeping
from pointsman.ledger.content.records import Content, ContentRecord
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.trace import Trace
from pointsman.pipeline.stages import Stages
from pointsman.settings.retention_compile import Kept, Retention
from pointsman.telemetry.said import Said

_MS: Final = 1000
_GRACE_S: Final = 5.0


class Keeper:
    """Keeps content. `retention` may be replaced at a reload. What is kept in full is told to `tell` too, in the form in which it is kept: without secrets."""

    def __init__(self, store: ContentStore | None, retention: Retention, *, tell: Callable[[Said], None] | None = None) -> None:
        self._store = store
        self._tell = tell
        self.retention = retention
        self._under_way: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Write what is left."""
        if self._store is not None:
            self._store.close()

    @property
    def trouble(self) -> str | None:
        """Why content cannot be kept, or how much was left out, or None."""
        if self._store is None or not (self._store.trouble or self._store.lost):
            return None
        why = "" if self._store.trouble is None else f"; it cannot be written at present ({self._store.trouble})"
        return f"content was left out (calls: {self._store.lost}){why}"

    def read(self, call_id: str, *, who: str) -> Content | None:
        """Return what is kept of a call, or None; that somebody looked is on record. It blocks."""
        return None if self._store is None else self._store.read(call_id, who=who)

    def wanted(self, trace: Trace) -> Kept | None:
        """Return how much of a call is kept; None if nothing."""
        if self._store is None or trace.verdict is None:
            return None
        kept = self.retention.under(trace.verdict)
        return None if kept.keeping is Keeping.NOTHING else kept

    async def keep(self, call: Call, trace: Trace, *, kept: Kept, answer: bytes, stages: Stages) -> None:
        """Keep a call as the caller sent it, less the secrets in it, with the answer that the caller was sent. It is done also if the waiting is cancelled."""
        task = asyncio.ensure_future(self._keep(call, trace, kept=kept, answer=answer, stages=stages))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait, for a bounded time, until what is still looked through is handed to the store. For the end of serving."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE_S)

    async def _keep(self, call: Call, trace: Trace, *, kept: Kept, answer: bytes, stages: Stages) -> None:
        principal, verdict = trace.principal, trace.verdict
        if self._store is None or verdict is None:
            return
        is_masked, pause = kept.keeping is Keeping.FILTERED, stages.clock.sleep
        both = await stages.judge.kept(call, answer, principal=principal, capability=trace.capability, pause=pause, is_masked=is_masked)
        if both is None:  # nobody can tell that there is no secret in it
            return
        request, said = both
        if self._tell is not None and kept.keeping is Keeping.FULL:
            self._tell(Said(call_id=call.call_id, traceparent=trace.traceparent, request=request, answer=said))
        self._store.keep(
            ContentRecord(
                call_id=call.call_id,
                tenant=principal.key.tenant,
                subject=principal.user,
                unit=trace.unit,
                label=verdict.label,
                request=request,
                answer=answer if kept.keeping is Keeping.HASH else said,
                keeping=kept.keeping,
                until_ms=trace.started_ms + kept.content_s * _MS,
            )
        )
