"""
The ladder: try the targets in order until one answers well enough, within the budget of retries.
"""

import asyncio

from pointsman.core.attempt import Grade
from pointsman.core.errors import Exhausted, NotGoodEnough, PlaceFailed
from pointsman.core.reply import Reply
from pointsman.decision.choose import Rung
from pointsman.decision.retry import Final, NextRung, plan
from pointsman.ledger.trace import CANCELLED, OK
from pointsman.pipeline.answering import finished
from pointsman.pipeline.live import live
from pointsman.pipeline.way import Answer, Try, Way


async def climb(way: Way) -> Answer:
    """Return the first good answer of the ladder. Raises `Refused`, `PlaceFailed`, `NotGoodEnough` or `Exhausted`."""
    choice = way.stages.chooser.choose(way.call, way.capability, way.verdict)
    way.trace.considered = choice.considered
    failures: list[PlaceFailed] = []
    shortfall: Grade | None = None
    for rung in choice.rungs:
        result = await _stay(way, rung, failures)
        if isinstance(result, Answer):
            return result
        shortfall = result or shortfall
    if shortfall is not None:
        raise NotGoodEnough(capability=way.capability.name, says=shortfall.says)
    waits = [known.failure.retry_after_s for known in failures if known.failure.retry_after_s is not None]
    raise Exhausted(capability=way.capability.name, failures=failures, retry_after_s=min(waits, default=None))


async def _stay(way: Way, rung: Rung, failures: list[PlaceFailed]) -> Answer | Grade | None:
    """Try one rung, again where that may help. Returns an answer, the grade of one that was not good enough, or None after failures."""
    tries = 0
    while True:
        result = await _try(way, rung)
        if not isinstance(result, PlaceFailed):
            return result
        failures.append(result)
        step = plan(result.failure, tries_here=tries, tries_total=len(failures) - 1, retries=way.capability.retries, chance=way.stages.clock.chance())
        if isinstance(step, Final):
            raise result
        if isinstance(step, NextRung) or way.trace.elapsed_s + step.wait_s >= way.capability.deadlines.total_s:
            return None
        await way.stages.clock.sleep(step.wait_s)
        tries += 1


async def _try(way: Way, rung: Rung) -> Answer | Grade | PlaceFailed:
    this = way.begin(rung)
    try:
        if way.sent.stream:
            stream = await way.stages.models.stream(this.attempt, full=way.full)
            way.trace.answered_by(this.attempt, this.reason)
            return Answer(trace=way.trace, chunks=live(way, this, stream))
        reply = await way.stages.models.run(this.attempt, full=way.full)
    except PlaceFailed as failed:
        way.stages.breakers.failed(this.attempt.target.name, failed.failure)
        way.trace.book(
            this.attempt, way.stages.rater.failed(this.running, way.call, failed.failure.kind), started=this.started, error=failed.failure.kind.value
        )
        return failed
    except asyncio.CancelledError:
        way.trace.book(this.attempt, way.stages.rater.cut(this.running, way.call, produced_tokens=0), started=this.started, error=CANCELLED)
        raise
    way.stages.breakers.succeeded(this.attempt.target.name)
    return _judged(way, this, reply)


def _judged(way: Way, this: Try, reply: Reply) -> Answer | Grade:
    grade = way.stages.checks.grade(reply, way.capability)
    way.trace.book(this.attempt, way.stages.rater.rate(this.running, reply), started=this.started, error=None if grade.passed else grade.code)
    if not grade.passed:
        return grade
    if way.table is not None and way.table.has_after:
        reply = way.table.after(this.attempt, reply)
    way.keep(this.attempt, reply)
    way.trace.answered_by(this.attempt, this.reason)
    way.trace.close(OK)
    return finished(way, reply)
