"""
One call on its way, with everything the stages have found out about it; and the answer at its end.
"""

from collections.abc import AsyncGenerator

from msgspec import Struct

from pointsman.assess.examined import to_examine
from pointsman.core.attempt import Attempt
from pointsman.core.call import Call
from pointsman.core.errors import PlaceFailed
from pointsman.core.label import Label
from pointsman.core.reply import Reply
from pointsman.core.target import Target
from pointsman.core.verdict import Keeping
from pointsman.decision.choice import Choice, Circumstances, Rung
from pointsman.decision.pace import whole
from pointsman.governance.filtering.restore import Restorer
from pointsman.governance.judge import Judged
from pointsman.ledger.rating import FREE, Running
from pointsman.ledger.trace import OK, Trace, code_of
from pointsman.pipeline.stages import Stages
from pointsman.places.cache.answers import can_repeat
from pointsman.settings.policy_text import Action
from pointsman.surfaces.events import unstreamed


class Answer(Struct, frozen=True, kw_only=True):
    """The end of the way: a whole `body`, or `chunks` of a stream, which must be closed. `trace` tells where it came from."""

    trace: Trace
    body: bytes = b""
    chunks: AsyncGenerator[bytes] | None = None


class Try(Struct, frozen=True, kw_only=True):
    """One attempt under way: why this target, when it began (monotonic seconds), what it occupies, and who puts back what was replaced."""

    attempt: Attempt
    reason: str
    started: float
    running: Running
    restorer: Restorer | None


class Way:
    """
    One call under one verdict. The only maker of attempts.

    `call` is as the caller asked: the answer is written for it, and nothing of it is sent; what is sent stands in `judged`. `remembers` tells that the
    answer may come from the cache and go there, which that to a call `is_told_again` in other words may not; `full` that somebody looks inside.
    """

    def __init__(self, call: Call, judged: Judged, *, trace: Trace, stages: Stages, held: bool = True, is_told_again: bool = False) -> None:
        self.call = call
        self.held = held
        self.judged = judged
        self.capability = judged.capability
        self.verdict = judged.verdict
        self.trace = trace
        self.stages = stages
        self.surface = stages.surfaces[call.dialect]
        self.table = None if self.capability.rules is None else stages.rules[self.capability.rules]
        # A rule's word on an answer may depend on who asks, so what it let pass for one caller is not kept for the next.
        is_same_for_all = self.capability.cache is not None and not (self.table is not None and self.table.has_after)
        self.remembers = is_same_for_all and not is_told_again and can_repeat(call) and self.verdict.permits(stages.snapshot.cache_target)
        self.full = held or self.remembers
        self.retried = 0

    @property
    def left_s(self) -> float:
        """Seconds left of the time that the capability allows the whole call."""
        return self.capability.deadlines.total_s - self.trace.elapsed_s

    def attempt(self, target: Target, *, is_whole: bool = False) -> Attempt:
        """
        Return permission to try the target now, with what may be seen there, within what is left of the call's time. With `is_whole` it is not to stream.

        Raises `NotPermitted`.
        """
        judged, capability, span = self.judged, self.capability, self.trace.traceparent
        call, met, left = judged.ready(target)[0], judged.met(target), (target.deadlines or capability.deadlines).within(self.left_s)
        if is_whole:
            call = to_examine(unstreamed(call) if call.stream else call, target, routing=capability.routing)
        return Attempt(call=call, principal=judged.principal, capability=capability, target=target, verdict=self.verdict, deadlines=left, met=met, span=span)

    async def aside(self, call: Call, *, label: Label, instead_of: Call | None = None) -> "Way":
        """Return the way of another question on behalf of the call, or `instead_of` it in other words: judged like any. Raises `NoPlaceAllowed`."""
        judged = await self.judged.anew(call, label, pause=self.stages.clock.sleep, now_s=self.trace.started_s)
        return Way(instead_of or call, judged, trace=self.trace, stages=self.stages, held=self.held, is_told_again=True)

    def may_try(self, target: Target, *, action: Action) -> bool:
        """Tell whether nothing keeps the call from a target that is asked beside, for an action that is permitted too."""
        chooser, call = self.stages.chooser, self.judged.call
        is_fit = chooser.fault(call, target, verdict=self.verdict) is None and chooser.health(target.name) is None
        return is_fit and self.judged.allows(target, action=action, now_s=self.trace.started_s)

    def choose(self) -> Choice:
        """Return the ladder for the call, and note what it was chosen by."""
        trace, stages = self.trace, self.stages
        asked, tenant, chance = trace.asked, trace.principal.key.tenant, stages.clock.chance()
        now = Circumstances(criteria=asked.criteria, tenant=tenant, session=asked.session, left_s=self.left_s, chance=chance, now_ms=trace.started_ms)
        choice = stages.chooser.choose(self.judged.call, self.capability, verdict=self.verdict, now=now)
        trace.mode, trace.propensity, trace.weighed, trace.learned = choice.mode, choice.propensity, choice.weighed, choice.learned
        trace.answered = lambda target, usage: stages.chooser.answered(choice, target, usage=usage)
        trace.features = choice.features if self.verdict.keeping >= Keeping.FILTERED else None
        return choice

    def handed_over(self, rung: Rung) -> Answer:
        """Hand the call over to people."""
        started, attempt = self.stages.clock.monotonic_s(), self.attempt(rung.target)
        reply = self.stages.people.hand_over(attempt)
        self.trace.book(attempt, FREE, started=started)
        return self.finished(attempt, reply, reason=rung.reason)

    def begin(self, rung: Rung, *, is_whole: bool = False) -> Try:
        """Begin to try a rung."""
        attempt, restorer = self.attempt(rung.target, is_whole=is_whole), self.judged.ready(rung.target)[1]
        self.stages.breakers.trying(rung.target.name)
        started, running = self.stages.clock.monotonic_s(), self.stages.rater.begin(rung.target)
        return Try(attempt=attempt, reason=rung.reason, started=started, running=running, restorer=restorer)

    def answered(self, this: Try, reply: Reply) -> None:
        """Note that a whole answer came, and how soon."""
        self.stages.breakers.succeeded(this.attempt.target.name, whole(self.stages.clock.monotonic_s() - this.started, reply.usage))

    def fell(self, this: Try, error: BaseException, *, kind: str = "model") -> None:
        """Book a try that failed, or was cut short before there was an answer."""
        if isinstance(error, PlaceFailed):
            self.stages.breakers.failed(this.attempt.target.name, error.failure)
        rating = self.stages.rater.fell(this.running, self.call, error=error)
        self.trace.book(this.attempt, rating, started=this.started, error=code_of(error), kind=kind)

    def keep(self, reply: Reply) -> None:
        """Remember a good reply to the caller's own question, where the capability and the verdict allow it."""
        if self.remembers:
            self.stages.cache.keep(self.attempt(self.stages.snapshot.cache_target), reply)

    def finished(self, attempt: Attempt, reply: Reply, *, reason: str) -> Answer:
        """Return the answer for a reply that is known as a whole, and close the call: it is `ok` once it can be written."""
        self.trace.answered_by(attempt, reason)
        if self.call.stream:
            answer = Answer(trace=self.trace, chunks=_once(self.surface.replay(reply, self.call)))
        else:
            answer = Answer(trace=self.trace, body=self.surface.encode(reply, self.call))
        self.trace.close(OK)
        return answer


async def _once(stream: bytes) -> AsyncGenerator[bytes]:
    yield stream
