"""
A finished reply → what the caller is sent: a body, or, if a stream was asked for, the same reply as one.
"""

from collections.abc import AsyncGenerator

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call
from pointsman.core.reply import Event, Reply
from pointsman.ledger.trace import OK
from pointsman.pipeline.way import Answer, Way
from pointsman.surfaces.events import reply_events
from pointsman.surfaces.surface import Surface


def finished(way: Way, attempt: Attempt, reply: Reply, *, reason: str) -> Answer:
    """Return the answer for a reply that is known as a whole, and close the call: it is `ok` once it can be written."""
    way.trace.answered_by(attempt, reason)
    surface = way.stages.surfaces[way.call.dialect]
    if way.call.stream:
        answer = Answer(trace=way.trace, chunks=_replayed(surface, reply_events(reply), way.call))
    else:
        answer = Answer(trace=way.trace, body=surface.encode(reply, way.call))
    way.trace.close(OK)
    return answer


async def _replayed(surface: Surface, events: tuple[Event, ...], call: Call) -> AsyncGenerator[bytes]:
    encoder = surface.stream(call)
    yield b"".join(encoder.feed(event) for event in events)
