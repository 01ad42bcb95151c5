"""
A stream on its way to the caller: forwarded piece by piece, priced and booked at its end, however it ends.
"""

from collections.abc import AsyncGenerator, Callable

from pointsman.core.errors import PlaceFailed
from pointsman.core.reply import UsageSeen
from pointsman.ledger.rating import Rating
from pointsman.ledger.trace import OK
from pointsman.pipeline.way import Try, Way, code_of
from pointsman.places.models.outlet import ModelStream, Piece
from pointsman.surfaces.events import ReplyBuilder


async def live(way: Way, this: Try, *, stream: ModelStream) -> AsyncGenerator[bytes]:
    """
    Yield nothing once, then the caller's bytes. Raises `PlaceFailed` when the vendor fails midway: the caller must be told.

    The empty first step is taken at once (`begun`): a generator that is closed before it runs no code, and would not be booked.
    """
    builder = ReplyBuilder() if way.full else None
    error: str | None = None
    try:
        yield b""
        write = _writer(way, this)
        async for pieces in stream.pieces():
            if builder is not None:
                builder.feed(event for piece in pieces for event in piece.events)
                if builder.size_chars > way.stages.cache.max_bytes:
                    builder = None  # too long to be kept, so nothing of it is held
            if data := write(pieces):
                yield data
        way.stages.breakers.succeeded(this.attempt.target.name)
    except BaseException as failed:
        if isinstance(failed, PlaceFailed):
            way.stages.breakers.failed(this.attempt.target.name, failed.failure)
        error = code_of(failed)
        raise
    finally:
        stream.close()
        rating = _rating(way, this, stream=stream, is_whole=error is None)
        way.trace.book(this.attempt, rating, started=this.started, first_byte_at=stream.first_byte_at, error=error)
        way.trace.close(error or OK)
    if builder is not None and stream.finished is not None:
        way.keep(this.attempt, builder.reply())


async def begun(way: Way, this: Try, *, stream: ModelStream) -> AsyncGenerator[bytes]:
    """Return the stream, begun: whoever has it must close it, whether or not it was read."""
    chunks = live(way, this, stream=stream)
    await anext(chunks)
    return chunks


def _writer(way: Way, this: Try) -> Callable[[list[Piece]], bytes]:
    if way.call.dialect is this.attempt.target.dialect:
        return _forward if way.call.wants_usage else _forward_without_usage
    encoder = way.stages.surfaces[way.call.dialect].stream(way.call)
    return lambda pieces: b"".join([encoder.feed(event) for piece in pieces for event in piece.events])


def _forward(pieces: list[Piece]) -> bytes:
    return b"".join([piece.raw for piece in pieces])


def _forward_without_usage(pieces: list[Piece]) -> bytes:
    # We asked the vendor for usage whether or not the caller did; the event that holds nothing else is ours to drop.
    return b"".join([piece.raw for piece in pieces if not any(isinstance(event, UsageSeen) and event.alone for event in piece.events)])


def _rating(way: Way, this: Try, *, stream: ModelStream, is_whole: bool) -> Rating:
    # A vendor counts last: once it has told why it stopped, what it has counted is all there is, even if nobody waits for the end mark.
    if is_whole or (stream.finished is not None and stream.usage is not None):
        return way.stages.rater.rate_usage(this.running, stream.usage)
    return way.stages.rater.cut(this.running, way.call, produced_tokens=stream.pieces_seen, known=stream.usage)
