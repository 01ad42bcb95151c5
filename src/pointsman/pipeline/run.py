"""
One request, from the door to the answer. Read this file first.

The pipeline knows the order of the stages and nothing else: every judgement is a stage's, and every stage can be read without knowing
the pipeline. Once it is known who asks for what, the call is booked exactly once, whatever happens.
"""

from collections.abc import Callable

from pointsman.core.attempt import Attempt
from pointsman.core.call import Asked, Call
from pointsman.core.reply import Reply
from pointsman.core.target import Target
from pointsman.ledger.rating import FREE
from pointsman.ledger.trace import Trace
from pointsman.pipeline.ladder import climb
from pointsman.pipeline.stages import Stages
from pointsman.pipeline.way import Answer, Way
from pointsman.surfaces.events import unstreamed


async def run(call: Call, asked: Asked, *, stages: Stages) -> Answer:
    """Take one call through every stage; return the first answer that is good enough. Raises `Refused`, `Failed` and `CredentialMissing`."""
    principal = stages.intake.identify(asked.authorization, asked.api_key, user=asked.user or call.user)
    capability = stages.intake.find(principal, call.capability)
    trace = Trace(call, principal, capability=capability, asked=asked, clock=stages.clock, book=stages.book)
    trace.snapshot = stages.snapshot.digest
    try:
        trace.settle = stages.intake.reserve(principal, capability, call=call).settle
        held = stages.checks.must_see_whole(call, capability, is_judged=capability.rules is not None and stages.rules[capability.rules].has_after)
        label = principal.key.label if asked.declared is None else principal.key.label.joined(asked.declared)
        sent, pause, now_s = unstreamed(call) if held and call.stream else call, stages.clock.sleep, trace.started_s
        judged = await stages.judge.judge(sent, label, principal=principal, capability=capability, pause=pause, now_s=now_s)
        trace.under(judged.verdict, judged.seen.counts)
        stages.intake.check(principal, *judged.permissions)
        way = Way(call, judged, trace=trace, stages=stages, held=held)
        return _by_rules(way) or _from_cache(way) or await climb(way)
    except BaseException as error:
        trace.fail(error)
        raise


def _by_rules(way: Way) -> Answer | None:
    return None if way.table is None else _free(way, way.stages.snapshot.rules_target, find=way.table.before, reason="rule")


def _from_cache(way: Way) -> Answer | None:
    return _free(way, way.stages.snapshot.cache_target, find=way.stages.cache.find, reason="cache_hit") if way.remembers else None


def _free(way: Way, target: Target, *, find: Callable[[Attempt], Reply | None], reason: str) -> Answer | None:
    started, attempt = way.stages.clock.monotonic_s(), way.attempt(target)
    reply = find(attempt)
    if reply is None:
        return None
    way.trace.book(attempt, FREE, started=started)
    return way.finished(attempt, reply, reason=reason)
