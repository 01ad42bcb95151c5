"""
A stream on its way to the caller: forwarded piece by piece, priced and booked at its end, however it ends.
"""

from collections.abc import AsyncGenerator, Callable

from pointsman.core.errors import PlaceFailed
from pointsman.core.reply import UsageSeen
from pointsman.ledger.rating import Rating
from pointsman.ledger.trace import CANCELLED, OK
from pointsman.pipeline.way import Try, Way
from pointsman.places.models.outlet import ModelStream, Piece
from pointsman.surfaces.events import ReplyBuilder


async def live(way: Way, this: Try, stream: ModelStream) -> AsyncGenerator[bytes]:
    """Yield the caller's bytes. Raises `PlaceFailed` when the vendor fails midway: the caller must be told, not left with half an answer."""
    write = _writer(way, this)
    builder = ReplyBuilder() if way.full else None
    status = error = CANCELLED
    try:
        async for pieces in stream.pieces():
            if builder is not None:
                builder.feed(event for piece in pieces for event in piece.events)
            if data := write(pieces):
                yield data
        status, error = OK, None
        way.stages.breakers.succeeded(this.attempt.target.name)
        if builder is not None:
            way.keep(this.attempt, builder.reply())
    except PlaceFailed as failed:
        status = error = failed.failure.kind.value
        way.stages.breakers.failed(this.attempt.target.name, failed.failure)
        raise
    finally:
        stream.close()
        rating = _rating(way, this, stream, is_whole=error is None)
        way.trace.book(this.attempt, rating, started=this.started, first_byte_at=stream.first_byte_at, error=error)
        way.trace.close(status)


def _writer(way: Way, this: Try) -> Callable[[list[Piece]], bytes]:
    if way.call.dialect is this.attempt.target.dialect:
        return _forward if way.call.wants_usage else _forward_without_usage
    encoder = way.stages.surfaces[way.call.dialect].stream(way.call)
    return lambda pieces: b"".join([encoder.feed(event) for piece in pieces for event in piece.events])


def _forward(pieces: list[Piece]) -> bytes:
    return b"".join([piece.raw for piece in pieces])


def _forward_without_usage(pieces: list[Piece]) -> bytes:
    # We asked the vendor for usage whether or not the caller did; the event that holds nothing else is ours to drop.
    return b"".join([piece.raw for piece in pieces if not (len(piece.events) == 1 and isinstance(piece.events[0], UsageSeen))])


def _rating(way: Way, this: Try, stream: ModelStream, *, is_whole: bool) -> Rating:
    if is_whole:
        return way.stages.rater.rate_usage(this.running, stream.usage)
    return way.stages.rater.cut(this.running, way.call, produced_tokens=stream.pieces_seen, known=stream.usage)
