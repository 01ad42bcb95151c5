"""
Shadow calls: now and then the same question is asked elsewhere too, when the answer has been given, so that targets can be compared on the same work.

A shadow call is a call like any other, with a ladder of one target: the same door, the same policy, the same limits and budgets, a record of its own. Nobody
waits for it, nothing of it reaches the caller, and it counts as overhead of the item that it is about. What both said goes to whoever compares.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace as changed

from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.entry import CallRecord
from pointsman.core.errors import PointsmanError
from pointsman.core.place import Place
from pointsman.core.routing import Trial
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.governance.said import told
from pointsman.ledger.trace import OK, Trace
from pointsman.pipeline.run import run
from pointsman.pipeline.stages import Stages
from pointsman.storage.told import SHADOW
from pointsman.surfaces.events import unstreamed

_LOG: Final = logging.getLogger("pointsman")
_MOST_AT_ONCE: Final = 16
_GRACE_S: Final = 5.0
_TEXTS: Final = frozenset({"content", "text", "refusal"})

Making = Callable[[Snapshot, Callable[[CallRecord], None]], Stages]


class Pair(Struct, frozen=True, kw_only=True):
    """
    One question and what two targets said to it, as texts. `given` was told to the caller; `propensity` is the probability with which `other` was asked too.

    Both costs are in nano-dollars, None where unknown; `learned` names the parameters in force.
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
        call, trace, stages = given.call, given.trace, given.stages
        name = trace.capability.name

        def book(record: CallRecord) -> None:
            status = SHADOW if record.status == OK else record.status
            entries = tuple(changed(entry, shadow=True) for entry in record.entries)
            told = changed(record, mode=SHADOW, status=status, reason=f"shadow_of:{trace.call_id}", entries=entries, propensity=given.propensity)
            # Its one target was not chosen, so nobody looked at the prompt again; an answer that fails its contract still says something about this one.
            stages.book(changed(told, features=trace.features))

        alone = self._stages_of(_only(stages.snapshot, trace.capability, target=other), book)
        again = changed(unstreamed(call) if call.stream else call, call_id=self._new_id())
        try:
            answer = await run(again, changed(given.asked, unit=trace.unit, criteria={}), stages=alone)
        except PointsmanError as error:
            _LOG.info("a shadow call of `%s` had no answer: %s", name, error.code)
            return
        if answer.chunks is not None:
            with suppress(PointsmanError):
                await answer.chunks.aclose()
            return
        self.compare(
            Pair(
                call_id=trace.call_id,
                capability=name,
                workflow=trace.capability.workflow or name,
                unit=trace.unit,
                tenant=trace.principal.key.tenant,
                at_ms=trace.started_ms,
                question=call,
                given=trace.target,
                given_text=text_said(given.said),
                given_cost_nano_usd=trace.cost_nano_usd,
                other=other.name,
                other_text=text_said(answer.body),
                other_cost_nano_usd=answer.trace.cost_nano_usd,
                propensity=given.propensity,
                learned=trace.learned,
            )
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
    routing, verdict, chooser = trace.capability.routing, trace.verdict, stages.chooser
    if routing is None or verdict is None:
        return ()
    ladder = trace.capability.ladder if trace.target == routing.incumbent.name else (routing.incumbent,)
    return tuple(one for one in ladder if one.name != trace.target and one.desk is None and verdict.permits(one) and chooser.health(one.name) is None)


def _only(snapshot: Snapshot, capability: Capability, *, target: Target) -> Snapshot:
    alone = changed(capability, ladder=(target,), rules=None, cache=None, routing=None, summariser=None)
    return changed(snapshot, capabilities={capability.name: alone})
