"""
One call on its way, with everything the stages have found out about it; and the answer at its end.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.http import Deadlines
from pointsman.core.principal import Principal
from pointsman.core.reply import Reply
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict
from pointsman.decision.choose import Rung
from pointsman.ledger.rating import Running
from pointsman.ledger.trace import Trace
from pointsman.pipeline.stages import Stages
from pointsman.surfaces.events import unstreamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of the way: either a whole `body`, or `chunks` of a stream that has begun. `trace` tells where it came from."""

    trace: Trace
    body: bytes = b""
    chunks: AsyncGenerator[bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt under way: why this target, when it began (monotonic seconds), and what it occupies."""

    attempt: Attempt
    reason: str
    started: float
    running: Running


class Way:
    """
    One call under one verdict. The only maker of attempts.

    `full` tells that somebody needs to look inside the answer; `held` that it must be seen whole before its first byte is sent, so that
    what is `sent` to a target asks for no stream even if the caller does.
    """

    __slots__ = ("_seq", "call", "capability", "full", "held", "principal", "sent", "stages", "table", "trace", "verdict")

    def __init__(self, call: Call, principal: Principal, capability: Capability, *, verdict: Verdict, trace: Trace, stages: Stages) -> None:
        self.call = call
        self.principal = principal
        self.capability = capability
        self.verdict = verdict
        self.trace = trace
        self.stages = stages
        self.table = None if capability.rules is None else stages.rules[capability.rules]
        self.held = stages.checks.needs_content(capability) or (self.table is not None and self.table.has_after)
        self.sent = unstreamed(call) if call.stream and self.held else call
        self.full = self.held or capability.cache is not None
        self._seq = 0

    def attempt(self, target: Target) -> Attempt:
        """Return permission to try the target now, within what is left of the call's time. Raises `NotPermitted`."""
        seq = self._seq
        self._seq = seq + 1
        deadlines = target.deadlines or self.capability.deadlines
        return Attempt(
            call=self.sent,
            principal=self.principal,
            capability=self.capability,
            target=target,
            verdict=self.verdict,
            deadlines=self._left(deadlines) if seq else deadlines,
            seq=seq,
        )

    def begin(self, rung: Rung) -> Try:
        """Begin to try a rung."""
        attempt = self.attempt(rung.target)
        return Try(attempt=attempt, reason=rung.reason, started=self.stages.clock.monotonic_s(), running=self.stages.rater.begin(rung.target))

    def keep(self, attempt: Attempt, reply: Reply) -> None:
        """Remember a good reply, where the capability and the verdict allow it."""
        if self.capability.cache is not None and self.verdict.permits(self.stages.snapshot.cache_target):
            self.stages.cache.keep(attempt, reply)

    def _left(self, deadlines: Deadlines) -> Deadlines:
        return replace(deadlines, total_s=max(deadlines.total_s - self.trace.elapsed_s, 0.0))
