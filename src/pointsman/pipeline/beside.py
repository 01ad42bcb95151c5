"""
What a model is asked beside the answer: for a summary, or for a second opinion. Booked like every attempt; the call pays for it.
"""

from contextlib import suppress

from pointsman.core.attempt import Attempt
from pointsman.core.errors import PlaceFailed
from pointsman.core.reply import Reply
from pointsman.decision.choice import Rung
from pointsman.pipeline.way import Way


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


async def second_opinion(way: Way) -> Reply | None:
    """Return what the capability's second target says, or None where there is none that may be asked, or it fails."""
    second = None if way.capability.routing is None else way.capability.routing.second
    if second is not None and way.may_try(second):
        with suppress(PlaceFailed):
            return (await ask_beside(way, Rung(second, "second_opinion"), kind="judge"))[1]
    return None
