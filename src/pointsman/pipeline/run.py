"""
One request, from the door to the answer. Read this file first.

The pipeline knows the order of the stages and nothing else: every judgement is a stage's, and every stage can be read without knowing
the pipeline. Once it is known who asks for what, the call is booked exactly once, whatever happens.
"""

from pointsman.core.attempt import Attempt
from pointsman.core.call import Asked, Call
from pointsman.core.errors import NoPlaceAllowed
from pointsman.core.reply import Reply
from pointsman.ledger.rating import FREE
from pointsman.ledger.trace import Trace
from pointsman.pipeline.answering import finished
from pointsman.pipeline.ladder import climb
from pointsman.pipeline.stages import Stages
from pointsman.pipeline.way import Answer, Way, code_of


async def run(call: Call, asked: Asked, *, stages: Stages) -> Answer:
    """Take one call through every stage; return the first answer that is good enough. Raises `Refused`, `Failed` and `CredentialMissing`."""
    principal = stages.intake.identify(asked.authorization, asked.api_key, user=asked.user or call.user)
    capability = stages.intake.find(principal, call.capability)
    trace = Trace(call, principal, capability=capability, unit=asked.unit, clock=stages.clock, book=stages.book)
    trace.snapshot = stages.snapshot.digest
    try:
        verdict = stages.policy.judge(principal, asked.data_class, capability=capability)
        trace.under(verdict)
        trace.settle = stages.intake.reserve(principal, capability, call=call).settle
        way = Way(call, principal, capability=capability, verdict=verdict, trace=trace, stages=stages)
        return _by_rules(way) or _from_cache(way) or await climb(way)
    except BaseException as error:
        if isinstance(error, NoPlaceAllowed):
            trace.data_class = error.data_class
        trace.close(code_of(error))
        raise


# ── places that need no model ───────────────────────────────────────────────────────────────────────────────────────


def _by_rules(way: Way) -> Answer | None:
    if way.table is None:
        return None
    attempt = way.attempt(way.stages.snapshot.rules_target)
    started = way.stages.clock.monotonic_s()
    return _free(way, attempt, reply=way.table.before(attempt), started=started, reason="rule")


def _from_cache(way: Way) -> Answer | None:
    if not way.remembers:
        return None
    attempt = way.attempt(way.stages.snapshot.cache_target)
    started = way.stages.clock.monotonic_s()
    return _free(way, attempt, reply=way.stages.cache.find(attempt), started=started, reason="cache_hit")


def _free(way: Way, attempt: Attempt, *, reply: Reply | None, started: float, reason: str) -> Answer | None:
    if reply is None:
        return None
    way.trace.book(attempt, FREE, started=started)
    return finished(way, attempt, reply=reply, reason=reason)
