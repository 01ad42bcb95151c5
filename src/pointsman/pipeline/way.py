"""
One call on its way, with everything the stages have found out about it; and the answer at its end.
"""

from asyncio import CancelledError
from collections.abc import AsyncGenerator

from msgspec import Struct

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.errors import BadRequest, PlaceFailed, PointsmanError
from pointsman.core.principal import Principal
from pointsman.core.reply import Reply
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict
from pointsman.decision.choose import Rung
from pointsman.ledger.rating import Running
from pointsman.ledger.trace import CANCELLED, Trace
from pointsman.pipeline.stages import Stages
from pointsman.places.cache.answers import can_repeat
from pointsman.surfaces.events import unstreamed


class Answer(Struct, frozen=True, kw_only=True):
    """The end of the way: a whole `body`, or `chunks` of a stream, which must be closed. `trace` tells where it came from."""

    trace: Trace
    body: bytes = b""
    chunks: AsyncGenerator[bytes] | None = None


def code_of(error: BaseException) -> str:
    """Return what is booked for an error: the kind of a place's failure, the code of any other of ours."""
    match error:
        case PlaceFailed(failure=failure):
            return failure.kind.value
        case PointsmanError(code=code):
            return code
        case _:
            return CANCELLED if isinstance(error, CancelledError | GeneratorExit) else "internal"


class Try(Struct, frozen=True, kw_only=True):
    """One attempt under way: why this target, when it began (monotonic seconds), and what it occupies."""

    attempt: Attempt
    reason: str
    started: float
    running: Running


class Way:
    """
    One call under one verdict. The only maker of attempts. Raises `BadRequest` for several answers where only one would be judged.

    `held` tells that the answer must be seen whole before its first byte is sent, so that what is `sent` to a target asks for no stream even
    if the caller does; `remembers` that it may come from the cache and go there; `full` that somebody looks inside. `retried` counts the
    further tries at targets.
    """

    __slots__ = ("call", "capability", "full", "held", "principal", "remembers", "retried", "sent", "stages", "table", "trace", "verdict")

    def __init__(self, call: Call, principal: Principal, *, capability: Capability, verdict: Verdict, trace: Trace, stages: Stages) -> None:
        self.call = call
        self.principal = principal
        self.capability = capability
        self.verdict = verdict
        self.trace = trace
        self.stages = stages
        self.table = None if capability.rules is None else stages.rules[capability.rules]
        is_judged = self.table is not None and self.table.has_after
        self.held = stages.checks.needs_content(capability) or is_judged
        if self.held and call.answers > 1:
            raise BadRequest(f"The answers of `{capability.name}` are judged, one for each call. Ask for one at a time.", field="n")
        # A rule's word on an answer may depend on who asks, so what it let pass for one caller is not kept for the next.
        self.remembers = capability.cache is not None and not is_judged and can_repeat(call) and verdict.permits(stages.snapshot.cache_target)
        self.full = self.held or self.remembers
        self.sent = unstreamed(call) if call.stream and self.held else call
        self.retried = 0

    @property
    def left_s(self) -> float:
        """Seconds left of the time that the capability allows the whole call."""
        return self.capability.deadlines.total_s - self.trace.elapsed_s

    def attempt(self, target: Target) -> Attempt:
        """Return permission to try the target now, within what is left of the call's time. Raises `NotPermitted`."""
        return Attempt(
            call=self.sent,
            principal=self.principal,
            capability=self.capability,
            target=target,
            verdict=self.verdict,
            deadlines=(target.deadlines or self.capability.deadlines).within(self.left_s),
        )

    def begin(self, rung: Rung) -> Try:
        """Begin to try a rung."""
        attempt = self.attempt(rung.target)
        self.stages.breakers.trying(rung.target.name)
        return Try(attempt=attempt, reason=rung.reason, started=self.stages.clock.monotonic_s(), running=self.stages.rater.begin(rung.target))

    def keep(self, attempt: Attempt, reply: Reply) -> None:
        """Remember a good reply, where the capability and the verdict allow it."""
        if self.remembers:
            self.stages.cache.keep(attempt, reply)
