"""
A stream on its way to the caller: forwarded piece by piece, priced and booked at its end, however it ends.
"""

from collections.abc import AsyncGenerator

from pointsman.core.errors import PlaceFailed
from pointsman.decision.pace import Took
from pointsman.governance.filtering.streams import restoring
from pointsman.ledger.trace import OK, code_of
from pointsman.pipeline.way import Try, Way
from pointsman.places.models.outlet import ModelStream
from pointsman.surfaces.events import ReplyBuilder
from pointsman.surfaces.forwarding import writer


async def live(way: Way, this: Try, *, stream: ModelStream) -> AsyncGenerator[bytes]:
    """
    Yield nothing once, then the caller's bytes. Raises `PlaceFailed` when the vendor fails midway: the caller must be told.

    The empty first step is taken at once (`begun`): a generator that is closed before it runs no code, and would not be booked.
    """
    builder = ReplyBuilder() if way.full else None
    error: str | None = None
    restorer = this.restorer
    try:
        yield b""
        write = writer(way.call, this.attempt.target.dialect, surface=way.surface, restoring=restoring(restorer, way.call.dialect))
        async for pieces in stream.pieces():
            if builder is not None:
                builder.feed(event for piece in pieces for event in piece.events)
                if builder.size_chars > way.stages.cache.max_bytes:
                    builder = None  # too long to be kept, so nothing of it is held
            if data := write(pieces):
                yield data
        way.stages.breakers.succeeded(this.attempt.target.name, Took((stream.first_byte_at or this.started) - this.started, is_stream=True))
    except BaseException as failed:
        if isinstance(failed, PlaceFailed):
            way.stages.breakers.failed(this.attempt.target.name, failed.failure)
        error = code_of(failed)
        raise
    finally:
        stream.close()
        # A vendor counts last: once it has told why it stopped, what it has counted is all there is, even if nobody waits for the end mark.
        is_whole = error is None or (stream.finished is not None and stream.usage is not None)
        rate, produced = way.stages.rater.rate_stream, stream.pieces_seen
        rating = rate(this.running, way.call, usage=stream.usage, is_whole=is_whole, produced_tokens=produced, told=stream.told)
        way.trace.book(this.attempt, rating, started=this.started, first_byte_at=stream.first_byte_at, error=error)
        way.trace.close(error or OK)
    if builder is not None and stream.finished is not None:
        way.keep(builder.reply() if restorer is None else restorer.reply(builder.reply()))


async def begun(way: Way, this: Try, *, stream: ModelStream) -> AsyncGenerator[bytes]:
    """Return the stream, begun: whoever has it must close it, whether or not it was read."""
    chunks = live(way, this, stream=stream)
    await anext(chunks)
    return chunks
