"""
Shadow calls: now and then the same question is asked elsewhere too, when the answer has been given, so that targets can be compared on the same work.

A shadow call is a call like any other, with a ladder of one target: the same door, the same policy, the same limits and budgets, a record of its own. Nobody
waits for it, nothing of it reaches the caller, and it counts as overhead of the item that it is about. What both said goes to whoever compares; where texts
do not tell who is right, the capability's judge grades both first, in calls of the same sort.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace as changed

from pointsman.assess.agreement import is_value
from pointsman.assess.examined import MOST_TOKENS, grading, score_in
from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.entry import CallRecord
from pointsman.core.errors import NotGoodEnough, PointsmanError
from pointsman.core.place import Place
from pointsman.core.routing import Trial
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.governance.said import told
from pointsman.ledger.trace import OK, Trace
from pointsman.pipeline.run import run
from pointsman.pipeline.stages import Stages
from pointsman.pipeline.way import Answer
from pointsman.settings.policy_text import Action
from pointsman.storage.told import SHADOW
from pointsman.surfaces.events import unstreamed
from pointsman.surfaces.reread import asking

_LOG: Final = logging.getLogger("pointsman")
_MOST_AT_ONCE: Final = 16
_GRACE_S: Final = 5.0
_MS: Final = 1000
JUDGE: Final = "judge"
_TEXTS: Final = frozenset({"content", "text", "refusal"})

Making = Callable[[Snapshot, Callable[[CallRecord], None]], Stages]


class Pair(Struct, frozen=True, kw_only=True):
    """
    One question and what two targets said to it, as texts. `given` was told to the caller; `propensity` is the probability with which `other` was asked too.

    Both costs are in nano-dollars, None where unknown; `learned` names the parameters in force. Documents are compared by the fields `agree_on`, or by all.
    `grades` is what `judge` gave both answers (0..1, in this order), None where nobody was asked or one has no grade. Where the other answer `is_good_enough`
    it passed the capability's checks; else what it said is not known.
    """

    call_id: str
    capability: str
    workflow: str
    unit: str
    tenant: str
    at_ms: int
    question: Call
    given: str
    given_text: str
    given_cost_nano_usd: int | None
    other: str
    other_text: str
    other_cost_nano_usd: int | None
    propensity: float
    learned: str
    agree_on: tuple[str, ...] = ()
    judge: str = ""
    grades: tuple[float, float] | None = None
    is_good_enough: bool = True


class _Given(Struct, frozen=True, kw_only=True):
    """A call with the answer that the caller was sent."""

    call: Call
    asked: Asked
    trace: Trace
    said: bytes
    stages: Stages
    propensity: float


def _nobody(pair: Pair) -> None:
    del pair


class Shadows:
    """
    Makes shadow calls. `stages_of(snapshot, book)` makes the stages of another snapshot; `new_id` names a call; `compare` is told each pair. `spent` tells what
    a capability's shadow calls have cost today, in nano-dollars.
    """

    def __init__(self, stages_of: Making, *, new_id: Callable[[], str], spent: Callable[[str], int], compare: Callable[[Pair], None] = _nobody) -> None:
        self.compare = compare
        self._stages_of = stages_of
        self._new_id = new_id
        self._under_way: set[asyncio.Task[None]] = set()
        self._spent = spent

    def after(self, call: Call, asked: Asked, *, trace: Trace, said: bytes, stages: Stages) -> None:
        """Ask somebody else too, if it is this call's turn. `said` is what the caller was sent."""
        trial = wanted(trace)
        if trial is None or len(self._under_way) >= _MOST_AT_ONCE:
            return
        if trial.daily_nano_usd is not None and self._spent(trace.capability.name) >= trial.daily_nano_usd:
            return
        others = _others(trace, stages)
        chance = stages.clock.chance()
        if not others or chance >= trial.share:
            return
        other = others[min(int(chance / trial.share * len(others)), len(others) - 1)]
        given = _Given(call=call, asked=asked, trace=trace, said=said, stages=stages, propensity=trial.share / len(others))
        task = asyncio.ensure_future(self._ask(given, other))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Wait, for a bounded time, for what is under way. For the end of serving."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_GRACE_S)
            for task in late:
                task.cancel()

    async def _ask(self, given: "_Given", other: Target) -> None:
        call, routing, said = given.call, given.trace.capability.routing, text_said(given.said)
        try:
            answer = await self._run(given, unstreamed(call) if call.stream else call, at=other)
        except NotGoodEnough:
            self.compare(changed(_pair(given, other, said=said), is_good_enough=False))
            return
        if answer is None:
            return
        also = text_said(answer.body)
        judge = None if routing is None or (is_value(said) and is_value(also)) else routing.judge
        self.compare(
            changed(
                _pair(given, other, said=said),
                other_text=also,
                other_cost_nano_usd=answer.trace.cost_nano_usd,
                judge="" if judge is None else judge.name,
                grades=None if judge is None else await self._graded(given, judge, answers=(said, also)),
            )
        )

    async def _graded(self, given: "_Given", judge: Target, *, answers: tuple[str, str]) -> tuple[float, float] | None:
        """Return how a judge grades two answers, in 0..1; None where it may not be asked, or one of them has no grade."""
        if not _may(given.trace, given.stages, target=judge, action=Action.JUDGE):
            return None
        one, other = await asyncio.gather(*(self._grade(given, judge, answer=answer) for answer in answers))
        return None if one is None or other is None else (one, other)

    async def _grade(self, given: "_Given", judge: Target, *, answer: str) -> float | None:
        call = given.call
        question = grading(call, answer)
        if question is None:
            return None
        asked = asking(call, given.stages.surfaces[call.dialect], text=question, max_tokens=MOST_TOKENS)
        told = await self._run(given, asked, at=judge, kind=JUDGE)
        return None if told is None else score_in(text_said(told.body))

    async def _run(self, given: "_Given", call: Call, *, at: Target, kind: str | None = None) -> Answer | None:
        """
        Return what one target says to a call beside the one that was given, or None. `kind` tells what it was asked for, if not for an answer.

        Raises `NotGoodEnough` for an answer that does not pass the capability's checks.
        """
        trace, stages = given.trace, given.stages

        def book(record: CallRecord) -> None:
            status = SHADOW if record.status == OK else record.status
            entries = tuple(changed(entry, shadow=True, kind=kind or entry.kind) for entry in record.entries)
            reason = f"{kind or SHADOW}_of:{trace.call_id}"
            told = changed(record, mode=SHADOW, status=status, reason=reason, entries=entries, propensity=given.propensity)
            # Its one target was not chosen, so nobody looked at the prompt again; an answer that fails its contract still says something about this one.
            stages.book(told if kind else changed(told, features=trace.features))

        alone = self._stages_of(_only(stages.snapshot, trace.capability, target=at, is_answer=kind is None), book)
        try:
            answer = await run(changed(call, call_id=self._new_id()), changed(given.asked, unit=trace.unit, criteria={}), stages=alone)
        except NotGoodEnough:
            raise
        except PointsmanError as error:
            _LOG.info("a shadow call of `%s` had no answer: %s", trace.capability.name, error.code)
            return None
        if answer.chunks is None:
            return answer
        with suppress(PointsmanError):
            await answer.chunks.aclose()
        return None


def _pair(given: _Given, other: Target, *, said: str) -> Pair:
    """Return what is known before the other has answered."""
    trace = given.trace
    routing, name = trace.capability.routing, trace.capability.name
    return Pair(
        call_id=trace.call_id,
        capability=name,
        workflow=trace.capability.workflow or name,
        unit=trace.unit,
        tenant=trace.principal.key.tenant,
        at_ms=trace.started_ms,
        question=given.call,
        given=trace.target,
        given_text=said,
        given_cost_nano_usd=trace.cost_nano_usd,
        other=other.name,
        other_text="",
        other_cost_nano_usd=None,
        propensity=given.propensity,
        learned=trace.learned,
        agree_on=() if routing is None else routing.agree_on,
    )


def wanted(trace: Trace) -> Trial | None:
    """Return how a finished call may be shadowed; None where its owner or its data forbids it, or a rule, the cache or a person answered."""
    routing, verdict = trace.capability.routing, trace.verdict
    if routing is None or routing.shadow is None or verdict is None or trace.place not in (Place.PRIVATE, Place.CLOUD, Place.EDGE):
        return None
    return routing.shadow if verdict.label.level <= routing.shadow.ceiling else None


def text_said(answer: bytes) -> str:
    """Return the words of an answer as it was sent, whole or as a stream."""
    return "".join(_texts(told(answer)))


def _texts(node: object) -> list[str]:
    match node:
        case dict():
            found: list[str] = []
            for name, value in cast("dict[object, object]", node).items():
                is_text = isinstance(value, str) and str(name).rpartition(".")[2] in _TEXTS
                found += [str(value)] if is_text else _texts(value)
            return found
        case list():
            return [text for one in cast("list[object]", node) for text in _texts(one)]
        case _:
            return []


def _others(trace: Trace, stages: Stages) -> tuple[Target, ...]:
    """Return who may be asked too: the incumbent where somebody else answered, else the others of the ladder."""
    routing = trace.capability.routing
    if routing is None:
        return ()
    ladder = trace.capability.ladder if trace.target == routing.incumbent.name else (routing.incumbent,)
    return tuple(one for one in ladder if one.name != trace.target and one.desk is None and _may(trace, stages, target=one, action=Action.SHADOW))


def _may(trace: Trace, stages: Stages, *, target: Target, action: Action) -> bool:
    """Tell whether a target may be asked beside a call for an action, and is not left alone."""
    verdict, capability = trace.verdict, trace.capability
    if verdict is None or not verdict.permits(target) or stages.chooser.health(target.name) is not None:
        return False
    return stages.judge.allows(target, verdict, principal=trace.principal, capability=capability, action=action, now_s=stages.clock.wall_ms() / _MS)


def _only(snapshot: Snapshot, capability: Capability, *, target: Target, is_answer: bool) -> Snapshot:
    output = capability.output if is_answer else None  # a grade has another form
    alone = changed(capability, ladder=(target,), rules=None, cache=None, routing=None, summariser=None, output=output)
    return changed(snapshot, capabilities={capability.name: alone})
