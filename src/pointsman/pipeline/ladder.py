"""
The ladder: try the targets in order until one answers well enough, within the budget of retries. A doubtful answer is kept for when nothing better comes.
"""

from msgspec import Struct

from pointsman.assess.examined import examined, heard_of
from pointsman.core.attempt import Grade
from pointsman.core.errors import NoPlaceAllowed, PlaceFailed, Refused
from pointsman.core.place import Place
from pointsman.core.reply import Reply
from pointsman.decision.choice import Doubts, Rung
from pointsman.decision.errors import no_answer
from pointsman.decision.retry import End, NextRung, plan
from pointsman.governance.filtering.words import recordable
from pointsman.governance.summary import is_for_summary
from pointsman.pipeline.beside import hear
from pointsman.pipeline.live import begun
from pointsman.pipeline.summary import by_summary
from pointsman.pipeline.way import Answer, Try, Way


class Doubtful(Struct, frozen=True):
    """A good answer that the next rung is worth more than; it is given if that fails."""

    way: Way
    this: Try
    reply: Reply


Result = Answer | Doubtful | Grade | PlaceFailed | None


async def climb(way: Way) -> Answer:
    """Return the first good answer of the ladder. Raises `Refused`, `CredentialMissing`, `PlaceFailed`, `NotGoodEnough` or `Exhausted`."""
    choice = way.choose()
    way.trace.considered = recordable(choice.considered)
    if choice.refusal is not None:
        raise choice.refusal
    failures: list[PlaceFailed] = []
    met: list[Result | Refused] = []
    for index, rung in enumerate(choice.rungs):
        try:
            on = await by_summary(way, rung) if is_for_summary(way.verdict, rung.target) else way
            result = await _stay(on, rung, doubts=way.stages.chooser.doubts(choice, index, left_s=lambda: way.left_s), failures=failures)
        except NoPlaceAllowed as closed:  # the summary may not go there either
            met.append(closed)
            continue
        except PlaceFailed:
            if any(isinstance(one, Doubtful) for one in met):
                break
            raise
        if isinstance(result, Answer):
            return result
        met.append(result)
    return _end(way, met, failures=failures)


def _end(way: Way, met: list[Result | Refused], *, failures: list[PlaceFailed]) -> Answer:
    """Give the last doubtful answer. Raises what tells why there is none."""
    for one in reversed(met):
        if isinstance(one, Doubtful):
            return _given(one.way, one.this, reply=one.reply)
    raise no_answer(way.capability.name, met, failures=failures)


async def _stay(way: Way, rung: Rung, *, doubts: Doubts | None, failures: list[PlaceFailed]) -> Result:
    """Try one rung, again where that may help. Returns an answer, a doubtful one, the grade of one that was not good enough, or None after failures."""
    retries, tries = way.capability.retries, 0
    while True:
        result = await _try(way, rung, doubts=doubts)
        if not isinstance(result, PlaceFailed):
            return result
        failures.append(result)
        step = plan(result.failure, retries, tries_here=tries, tries_total=way.retried, left_s=way.left_s, chance=way.stages.clock.chance())
        if isinstance(step, End):
            raise result
        if isinstance(step, NextRung) or not way.stages.breakers.may_try_again(rung.target.name):
            return None
        await way.stages.clock.sleep(step.wait_s)
        tries += 1
        way.retried += 1


async def _try(way: Way, rung: Rung, *, doubts: Doubts | None) -> Result:
    if rung.target.place is Place.PEOPLE:
        return way.handed_over(rung)
    this = way.begin(rung, is_whole=doubts is not None)
    full = way.full or doubts is not None or rung.target.dialect is not way.call.dialect  # what is to be translated must be read
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
    way.answered(this, reply)
    rating = way.stages.rater.rate(this.running, reply)
    is_doubtful = False
    try:
        if grade.passed and doubts is not None and (routing := way.capability.routing) is not None:
            looked = examined(grade, reply, call=way.judged.call, heard=await hear(way, rung.target, routing=routing, reply=reply))
            way.trace.examined(rung.target.name, heard_of(looked))
            is_doubtful = doubts(looked, reply)
    finally:  # an answer that came is paid for, also where whoever asked leaves before it is judged
        way.trace.book(this.attempt, rating, started=this.started, error="doubtful" if is_doubtful else None if grade.passed else grade.code)
    if not grade.passed:
        return grade
    return Doubtful(way, this, reply) if is_doubtful else _given(way, this, reply=reply)


def _given(way: Way, this: Try, *, reply: Reply) -> Answer:
    if way.table is not None and way.table.has_after:
        reply = way.table.after(way.attempt(way.stages.snapshot.rules_target), reply)
    answer = way.finished(this.attempt, reply, reason=this.reason)
    way.keep(reply)  # only now: an answer that cannot be written must not be found again
    return answer
