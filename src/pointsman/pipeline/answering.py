"""
A finished reply → what the caller is sent: a body, or, if a stream was asked for, the same reply as one.
"""

from collections.abc import AsyncGenerator

from pointsman.core.attempt import Attempt
from pointsman.core.reply import Reply
from pointsman.ledger.trace import OK
from pointsman.pipeline.way import Answer, Way


def finished(way: Way, attempt: Attempt, *, reply: Reply, reason: str) -> Answer:
    """Return the answer for a reply that is known as a whole, and close the call: it is `ok` once it can be written."""
    way.trace.answered_by(attempt, reason)
    surface = way.stages.surfaces[way.call.dialect]
    if way.call.stream:
        answer = Answer(trace=way.trace, chunks=_once(surface.replay(reply, way.call)))
    else:
        answer = Answer(trace=way.trace, body=surface.encode(reply, way.call))
    way.trace.close(OK)
    return answer


async def _once(stream: bytes) -> AsyncGenerator[bytes]:
    yield stream
