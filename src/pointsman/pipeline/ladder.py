"""
The ladder: try the targets in order until one answers well enough, within the budget of retries.
"""

from pointsman.core.attempt import Grade
from pointsman.core.errors import Exhausted, NoPlaceAllowed, NotGoodEnough, PlaceFailed, Refused
from pointsman.decision.choose import Rung
from pointsman.decision.retry import End, NextRung, plan
from pointsman.governance.filtering.words import recordable
from pointsman.pipeline.live import begun
from pointsman.pipeline.summary import by_summary, is_for_summary
from pointsman.pipeline.way import Answer, Way


async def climb(way: Way) -> Answer:
    """Return the first good answer of the ladder. Raises `Refused`, `CredentialMissing`, `PlaceFailed`, `NotGoodEnough` or `Exhausted`."""
    choice = way.stages.chooser.choose(way.judged.call, way.capability, verdict=way.verdict)
    way.trace.considered = recordable(choice.considered)
    if choice.refusal is not None:
        raise choice.refusal
    failures: list[PlaceFailed] = []
    shortfall: Grade | None = None
    refusal: Refused | None = None
    for rung in choice.rungs:
        try:
            result = await _stay(await by_summary(way, rung) if is_for_summary(way, rung) else way, rung, failures=failures)
        except NoPlaceAllowed as closed:  # the summary may not go there either
            refusal, result = closed, None
        if isinstance(result, Answer):
            return result
        shortfall = result or shortfall
    if refusal is not None and not failures:
        raise refusal.__cause__ if isinstance(refusal.__cause__, PlaceFailed) else refusal  # who should have summarised failed
    if shortfall is not None:
        raise NotGoodEnough(capability=way.capability.name, says=shortfall.says)
    waits = [known.failure.retry_after_s for known in failures if known.failure.retry_after_s is not None]
    raise Exhausted(capability=way.capability.name, failures=failures, retry_after_s=min(waits, default=None))


async def _stay(way: Way, rung: Rung, *, failures: list[PlaceFailed]) -> Answer | Grade | None:
    """Try one rung, again where that may help. Returns an answer, the grade of one that was not good enough, or None after failures."""
    retries, tries = way.capability.retries, 0
    while True:
        result = await _try(way, rung)
        if not isinstance(result, PlaceFailed):
            return result
        failures.append(result)
        step = plan(result.failure, retries, tries_here=tries, tries_total=way.retried, left_s=way.left_s, chance=way.stages.clock.chance())
        if isinstance(step, End):
            raise result
        if isinstance(step, NextRung):
            return None
        await way.stages.clock.sleep(step.wait_s)
        tries += 1
        way.retried += 1


async def _try(way: Way, rung: Rung) -> Answer | Grade | PlaceFailed:
    this = way.begin(rung)
    full = way.full or rung.target.dialect is not way.call.dialect  # what is to be translated must be read
    try:
        await way.stages.auditor.leaving(this.attempt, way.judged.seen.counts)
        if this.attempt.call.stream:
            stream = await way.stages.models.stream(this.attempt, full=full)
            way.trace.answered_by(this.attempt, this.reason)
            return Answer(trace=way.trace, chunks=await begun(way, this, stream=stream))
        reply = await way.stages.models.run(this.attempt, full=full)
        if this.restorer is not None:
            reply = this.restorer.reply(reply)
        grade = way.stages.checks.grade(reply, way.capability)
    except BaseException as error:
        way.fell(this, error)
        if isinstance(error, PlaceFailed):
            return error
        raise
    way.stages.breakers.succeeded(this.attempt.target.name)
    way.trace.book(this.attempt, way.stages.rater.rate(this.running, reply), started=this.started, error=None if grade.passed else grade.code)
    if not grade.passed:
        return grade
    if way.table is not None and way.table.has_after:
        reply = way.table.after(way.attempt(way.stages.snapshot.rules_target), reply)
    answer = way.finished(this.attempt, reply, reason=this.reason)
    way.keep(reply)  # only now: an answer that cannot be written must not be found again
    return answer
