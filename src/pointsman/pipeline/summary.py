"""
Where only a summary may leave: a private target makes it, it is judged like any call and goes where it may. The one way by which a label is lowered.
"""

from collections.abc import Awaitable

from pointsman.assess.signals import text_of
from pointsman.core.call import Call
from pointsman.core.errors import NoPlaceAllowed, PlaceFailed
from pointsman.core.label import Label
from pointsman.core.verdict import Obligation
from pointsman.decision.choice import Rung
from pointsman.governance.judge import Judged
from pointsman.governance.summary import MOST_TOKENS, bare, is_unfit, lowered, question
from pointsman.pipeline.beside import ask_beside
from pointsman.pipeline.way import Way
from pointsman.surfaces.reread import asking, retold


def is_for_summary(way: Way, rung: Rung) -> bool:
    """Tell whether only a summary of a call may go to a target."""
    return any(duty.obligation is Obligation.SUMMARISE for duty in way.verdict.owes(rung.target))


async def by_summary(way: Way, rung: Rung) -> Way:
    """Return the way of the summary of a call. Raises `NoPlaceAllowed` where there is none that may go to the target."""
    stages, surface, call = way.stages, way.stages.surfaces[way.call.dialect], way.judged.call
    asked = asking(call, surface, text=question(call), max_tokens=MOST_TOKENS)
    private = Way(asked, await _judged(way, asked, label=way.verdict.label), trace=way.trace, stages=stages)
    try:
        attempt, told = await ask_beside(private, Rung(way.capability.summariser or rung.target, "summarises"), kind="summary")
    except PlaceFailed as error:
        raise NoPlaceAllowed(capability=way.capability.name, data_class=way.verdict.label.text) from error
    short = retold(bare(call), surface, text=text_of(told))
    lower = Way(way.call, await _judged(way, short, label=lowered(way.verdict.label)), trace=way.trace, stages=stages, held=way.held, is_told_again=True)
    if is_unfit(call, short) or is_for_summary(lower, rung) or not lower.verdict.permits(rung.target):
        raise NoPlaceAllowed(capability=way.capability.name, data_class=lower.verdict.label.text)
    await stages.auditor.lowered(attempt, lower.verdict.label)
    return lower


def _judged(way: Way, call: Call, *, label: Label) -> Awaitable[Judged]:
    judged, stages = way.judged, way.stages
    return stages.judge.judge(call, label, principal=judged.principal, capability=way.capability, pause=stages.clock.sleep, now_s=way.trace.started_s)
