"""
The place where models run: one attempt → one request to a vendor → one reply, or one stream of pieces.

Private and cloud targets differ in facts, not in code. Nothing is retried and nothing is chosen here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from pointsman.core.attempt import Attempt
from pointsman.core.entry import Told
from pointsman.core.errors import PlaceFailed, TooLarge
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Incoming, Outgoing
from pointsman.core.reply import Broken, Closed, Event, Finished, Piece, Reply, Started, UsageSeen
from pointsman.core.target import Target
from pointsman.providers.wire_format import StreamDecoder, WireFormat
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.pool import Pool, Streaming
from pointsman.transport.sse import ServerSentEvent, SseReader

_FIRST_BAD_STATUS: Final = 300
_EVENT_STREAM: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Outlet:
    """
    How a target is reached: its pool of connections and its wire format.

    `salt_of(tenant)` is set for one that can keep what it remembers of prompts to the calls of one tenant. `propagates` tells that it may learn which trace
    a request belongs to (W3C Trace Context).
    """

    pool: Pool
    wire: WireFormat
    salt_of: Callable[[str], str] | None = None
    propagates: bool = False

    def encode(self, attempt: Attempt) -> Outgoing:
        """Return the request for an attempt."""
        call, tenant = attempt.call, attempt.principal.key.tenant
        outgoing = self.wire.encode(call if self.salt_of is None else replace(call, cache_salt=self.salt_of(tenant)), attempt.target)
        if not (self.propagates and attempt.span):
            return outgoing
        return replace(outgoing, headers={**outgoing.headers, "traceparent": attempt.span})


class ModelsPlace:
    """Runs attempts at the private and cloud targets of one snapshot."""

    def __init__(self, outlets: Mapping[str, Outlet], *, sse_line_bytes: int) -> None:
        self._outlets = outlets
        self._line_bytes = sse_line_bytes

    async def run(self, attempt: Attempt, *, full: bool) -> Reply:
        """Return the whole reply. With `full=False` only its head is read. Raises `PlaceFailed`."""
        target = attempt.target
        outlet = self._outlets[target.name]
        try:
            answer = await outlet.pool.fetch(outlet.encode(attempt), attempt.deadlines)
        except AnswerBroken as broken:
            raise PlaceFailed(broken.failure, target=target.name) from broken
        if answer.status >= _FIRST_BAD_STATUS:
            raise PlaceFailed(outlet.wire.failure(answer), target=target.name)
        reply = outlet.wire.decode(answer.body, target, full=full)
        return outlet.wire.unasked(reply) if attempt.call.sureness else reply

    async def stream(self, attempt: Attempt, *, full: bool) -> "ModelStream":
        """
        Return a stream that has begun: its first event is there, so a failure before it can still be hidden from the caller.

        With `full=False` the pieces tell only start, end, usage and errors. Raises `PlaceFailed`.
        """
        target = attempt.target
        outlet = self._outlets[target.name]
        answer = await self._open(outlet, outlet.encode(attempt), attempt=attempt)
        stream = ModelStream(answer, outlet.wire.stream(target, full=full), target=target, line_bytes=self._line_bytes)
        try:
            await stream.begin()
        except BaseException:
            stream.close()
            raise
        return stream

    async def _open(self, outlet: Outlet, outgoing: Outgoing, *, attempt: Attempt) -> Streaming:
        target = attempt.target.name
        try:
            answer = await outlet.pool.open(outgoing, attempt.deadlines)
            if answer.status >= _FIRST_BAD_STATUS:
                raise PlaceFailed(outlet.wire.failure(await _rest(answer)), target=target)
        except AnswerBroken as broken:
            raise PlaceFailed(broken.failure, target=target) from broken
        kind = (answer.header(b"content-type") or "").lower()
        if kind.startswith(_EVENT_STREAM) and (answer.header(b"content-encoding") or "identity").lower() == "identity":
            return answer
        answer.close(whole=False)
        raise PlaceFailed(Failure(kind=FailureKind.BAD_ANSWER, message="the answer to a request for a stream is none, or is compressed"), target=target)


class ModelStream:
    """
    One streamed reply, read piece by piece to its end mark.

    A stream that ends without the mark raises `PlaceFailed` (`cut`): a truncated answer never looks like a whole one.
    """

    def __init__(self, answer: Streaming, decoder: StreamDecoder, *, target: Target, line_bytes: int) -> None:
        self._answer = answer
        self._decoder = decoder
        self._target = target.name
        self._reader = SseReader(line_bytes)
        self._first: list[Piece] = []
        self._is_closed = False
        self._failure: PlaceFailed | None = None
        self.first_byte_at: float | None = None
        self.usage: UsageSeen | None = None
        self.finished: Finished | None = None
        self.started: Started | None = None
        self.pieces_seen = 0

    @property
    def told(self) -> Told:
        """What the vendor said of the answer so far."""
        started, finished = self.started, self.finished
        return Told(
            reply_id="" if started is None else started.reply_id,
            model="" if started is None else started.model,
            finish=None if finished is None else finished.finish,
        )

    async def begin(self) -> None:
        """Wait for the first event. Raises `PlaceFailed`."""
        while not self._first and not self._is_closed:
            self._first = await self._next()
        if self._failure is not None:
            raise self._failure  # nothing has been sent on yet: another target may still answer
        self.first_byte_at = self._answer.first_byte_at

    def pieces(self) -> "ModelStream":
        """Iterate over what arrives, all pieces of one read together. Raises `PlaceFailed`."""
        return self

    def __aiter__(self) -> "ModelStream":
        return self

    async def __anext__(self) -> list[Piece]:
        batch, self._first = self._first, []
        while not batch:
            if self._is_closed:
                raise StopAsyncIteration
            batch = await self._next()
        return batch

    async def _next(self) -> list[Piece]:
        if self._failure is not None:
            raise self._failure
        try:
            data = await self._answer.read()
        except AnswerBroken as broken:
            raise PlaceFailed(broken.failure, target=self._target) from broken
        if data is None:
            raise self._failed(FailureKind.CUT, "the stream ended without its end mark")
        pieces: list[Piece] = []
        try:
            for event in self._reader.feed(data):
                if not self._is_closed:
                    pieces.append(self._piece(event))  # noqa: PERF401 - what came before a failure is kept
        except TooLarge as error:
            self._failure = self._failed(FailureKind.BAD_ANSWER, error.message)
        except PlaceFailed as failed:
            self._failure = failed  # what came before it was produced, and is the caller's
        return pieces

    def _piece(self, event: ServerSentEvent) -> Piece:
        events = self._decoder.feed(event.event, event.data)
        self.pieces_seen += 1
        for meaning in events:
            self._note(meaning)
        return Piece(events, event.raw)

    def _note(self, event: Event) -> None:
        match event:
            case UsageSeen():
                self.usage = event
            case Finished():
                self.finished = event
            case Started():
                self.started = event
            case Closed():
                self._is_closed = True
            case Broken(failure, message):
                raise self._failed(FailureKind(failure), self._answer.hide(message))
            case _:
                pass

    def _failed(self, kind: FailureKind, message: str) -> PlaceFailed:
        return PlaceFailed(Failure(kind=kind, message=message), target=self._target)

    def close(self) -> None:
        """Give the connection back, or drop it when the stream is left before its end."""
        self._failure = None  # its traceback leads back here
        self._answer.close(whole=self._is_closed)


async def _rest(answer: Streaming) -> Incoming:
    try:
        return await answer.whole()
    finally:
        answer.close(whole=False)
