"""
One request, from the door to the answer. Read this file first.

The pipeline knows the order of the stages and nothing else: every judgement is a stage's, and every stage can be read without knowing
the pipeline. Whatever happens, the call is booked exactly once.
"""

import asyncio

from pointsman.core.attempt import Attempt
from pointsman.core.call import Asked, Call
from pointsman.core.errors import PointsmanError
from pointsman.core.reply import Reply
from pointsman.ledger.rating import FREE
from pointsman.ledger.trace import CANCELLED, OK, Trace
from pointsman.pipeline.answering import finished
from pointsman.pipeline.ladder import climb
from pointsman.pipeline.stages import Stages
from pointsman.pipeline.way import Answer, Way


async def run(call: Call, asked: Asked, stages: Stages) -> Answer:
    """Take one call through every stage; return the first answer that is good enough. Raises `Refused` and `Failed`."""
    principal = stages.intake.identify(asked.authorization, asked.api_key, user=asked.user or call.user)
    capability = stages.intake.find(principal, call.capability)
    trace = Trace(call, principal, capability, unit=asked.unit, clock=stages.clock, book=stages.book)
    try:
        verdict = stages.policy.judge(principal, asked.data_class, capability)
        trace.under(verdict)
        trace.settle = stages.intake.reserve(principal, capability, call).settle
        way = Way(call, principal, capability, verdict=verdict, trace=trace, stages=stages)
        return _by_rules(way) or _from_cache(way) or await climb(way)
    except PointsmanError as error:
        trace.close(error.code)
        raise
    except asyncio.CancelledError:
        trace.close(CANCELLED)
        raise
    except BaseException:
        trace.close("internal")
        raise


# ── places that need no model ───────────────────────────────────────────────────────────────────────────────────────


def _by_rules(way: Way) -> Answer | None:
    if way.table is None:
        return None
    attempt = way.attempt(way.stages.snapshot.rules_target)
    started = way.stages.clock.monotonic_s()
    reply = way.table.before(attempt)
    if reply is None:
        return None
    way.trace.book(attempt, FREE, started=started)
    return _answer(way, attempt, reply, reason="rule")


def _from_cache(way: Way) -> Answer | None:
    target = way.stages.snapshot.cache_target
    if way.capability.cache is None or not way.verdict.permits(target):
        return None
    attempt = way.attempt(target)
    started = way.stages.clock.monotonic_s()
    reply = way.stages.cache.find(attempt)
    if reply is None:
        return None
    way.trace.book(attempt, FREE, started=started)
    return _answer(way, attempt, reply, reason="cache_hit")


def _answer(way: Way, attempt: Attempt, reply: Reply, *, reason: str) -> Answer:
    way.trace.answered_by(attempt, reason)
    way.trace.close(OK)
    return finished(way, reply)
