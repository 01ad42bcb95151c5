"""
What a model is asked beside the answer: for a summary, or for what others say of it. Booked like every attempt; the call pays for it.
"""

from asyncio import TaskGroup
from contextlib import suppress

from pointsman.assess.examined import MOST_TOKENS, Heard, grading, words_of
from pointsman.core.attempt import Attempt
from pointsman.core.errors import PointsmanError
from pointsman.core.reply import Reply
from pointsman.core.routing import Routing
from pointsman.core.target import Target
from pointsman.decision.charges import samples_of
from pointsman.decision.choice import Rung
from pointsman.pipeline.way import Way
from pointsman.settings.policy_text import Action
from pointsman.surfaces.reread import asking


async def ask_beside(way: Way, rung: Rung, *, kind: str) -> tuple[Attempt, Reply]:
    """Return what a target says, with what was replaced put back. Raises `PlaceFailed`."""
    this = way.begin(rung, is_whole=True)
    try:
        await way.stages.auditor.leaving(this.attempt, way.judged.seen.counts)
        reply = await way.stages.models.run(this.attempt, full=True)
    except BaseException as error:
        way.fell(this, error, kind=kind)
        raise
    way.answered(this, reply)
    way.trace.book(this.attempt, way.stages.rater.rate(this.running, reply), started=this.started, kind=kind)
    return this.attempt, reply if this.restorer is None else this.restorer.reply(reply)


async def hear(way: Way, target: Target, *, routing: Routing, reply: Reply) -> Heard:
    """Return what others say of a target's answer, all asked at once, as the owner's `routing` has it."""
    text = None if routing.judge is None else grading(way.judged.call, words_of(reply))
    judge = None if text is None else routing.judge
    async with TaskGroup() as all_at_once:
        second = all_at_once.create_task(_said(way, routing.second, action=Action.SHADOW))
        graded = all_at_once.create_task(_said(way, judge, action=Action.JUDGE, text=text))
        more = [all_at_once.create_task(_said(way, target, action=Action.INFER)) for _ in range(samples_of(way.judged.call, routing))]
    told = tuple(said for one in more if (said := one.result()) is not None)
    return Heard(second=second.result(), judge=graded.result(), more=told, agree_on=routing.agree_on)


async def _said(way: Way, target: Target | None, *, action: Action, text: str | None = None) -> Reply | None:
    """Return what a target says to the call, or to a `text` on its behalf; None where there is no target, or it may not be asked, or fails."""
    if target is not None:
        with suppress(PointsmanError):
            on = way if text is None else await way.aside(asking(way.judged.call, way.surface, text=text, max_tokens=MOST_TOKENS), label=way.verdict.label)
            if on.may_try(target, action=action):
                return (await ask_beside(on, Rung(target, "second_opinion"), kind="judge"))[1]
    return None
