"""
One socket to a vendor: writes a request, parses one answer at a time, enforces its deadlines.

An `asyncio.Protocol` on llhttp (ADR 0002). The pool decides which connection serves a request; this file knows nothing of pools.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import httptools

from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Deadlines, Incoming
from pointsman.transport.bounds import Bounds

_NEVER: Final = float("inf")
_NO_HEADERS: Final[dict[str, str]] = {}
_STALE_S: Final = 1.0  # a connection that was closed before it was used again says so within a round trip
_ENCODING_LENGTH: Final = len(b"content-encoding")


class AnswerBroken(Exception):
    """An exchange ended without an answer. `failure` says how; `stale` that the vendor had closed an idle connection, so that it never saw the request."""

    def __init__(self, failure: Failure, *, stale: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.stale = stale


class Connection(asyncio.Protocol):
    """
    A socket that serves one exchange after another.

    `due` is the loop time at which the exchange in hand has waited too long; the pool's sweep compares it and calls `expire`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bounds: Bounds,
        *,
        everyone: "set[Connection]",
        on_free: "Callable[[Connection], None]",
    ) -> None:
        self.due = _NEVER
        self.idle_since = 0.0
        self.is_open = False
        self._loop = loop
        self._bounds = bounds
        self._everyone = everyone
        self._on_free = on_free
        self._parser = httptools.HttpResponseParser(self)
        self._served = 0
        self._transport: asyncio.Transport | None = None
        self._reset()

    def _reset(self) -> None:
        self._is_busy = False
        self._is_streaming = False
        self._is_paused = False
        self._is_complete = False
        self._is_discarding = False
        self._keeps_alive = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._bodiless_bytes = 0
        self._is_encoded = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._status = 0
        self._broken: Failure | None = None
        self._is_stale = False
        self._waiter: asyncio.Future[None] | None = None
        self._gap_s = _NEVER
        self._total_at = _NEVER
        self._sent_at = 0.0
        self._late = FailureKind.TIMEOUT_FIRST_BYTE
        self._arrived: deque[bytes] = deque()
        self.due = _NEVER
        self.first_byte_at: float | None = None

    # ── the exchange ────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, request: bytes, deadlines: Deadlines, *, begun: float) -> int:
        """Write a request and wait for the head of its answer. `begun` is when the time for all of it began. Raises `AnswerBroken`."""
        self._begin(request, deadlines, begun=begun, streaming=True)
        while not self._status and self._broken is None:
            await self._wait()
        self._raise_if_broken()
        return self._status

    async def whole(self, request: bytes, deadlines: Deadlines, *, begun: float) -> Incoming:
        """Write a request and wait for its whole answer. `begun` is when the time for all of it began. Raises `AnswerBroken`."""
        self._begin(request, deadlines, begun=begun, streaming=False)
        while not self._is_complete and self._broken is None:
            await self._wait()
        self._raise_if_broken()
        answer = Incoming(status=self._status, headers=self._kept_headers(), body=b"".join(self._body))
        self._finish()
        return answer

    async def rest(self) -> Incoming:
        """Wait for the rest of an answer begun with `send`, for an error answer to a request for a stream."""
        status, headers = self._status, self._kept_headers()
        collected: list[bytes] = []
        size = 0
        while (piece := await self.read()) is not None:
            collected.append(piece)
            size += len(piece)
            if size > self._bounds.answer_bytes:
                raise AnswerBroken(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer exceeds {self._bounds.answer_bytes} bytes"))
        return Incoming(status=status, headers=headers, body=b"".join(collected))

    async def read(self) -> bytes | None:
        """Return the bytes that have arrived, or None once after the end of the answer. Raises `AnswerBroken`."""
        while not self._arrived:
            if self._is_complete:
                self._finish()
                return None
            self._raise_if_broken()
            await self._wait()
        data = self._arrived.popleft() if len(self._arrived) == 1 else b"".join(self._arrived)
        self._arrived.clear()
        self._body_bytes = 0
        if self._is_paused:
            self._resume()
            self.due = min(self._loop.time() + self._gap_s, self._total_at)
        return data

    def discard_rest(self, within_s: float) -> None:
        """The answer's end mark was read: let what is left of its body pass by, then serve again. Drop the socket if it takes longer."""
        if self._is_complete:
            self._finish()
            return
        self._is_discarding = True
        self._resume()
        self.due = self._loop.time() + within_s

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self._loop.time()

    @property
    def header_pairs(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer in hand, as they came."""
        return self._headers

    def abort(self) -> None:
        """Drop the socket at once, so that a vendor stops producing what nobody reads."""
        self.due = _NEVER
        self._break(Failure(kind=FailureKind.CUT, message="the connection was dropped"))
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()

    def expire(self, now: float) -> None:
        """End the exchange because it has waited too long by `now` (loop time)."""
        if now >= self._total_at:
            self._late = FailureKind.TIMEOUT_TOTAL
        self._break(Failure(kind=self._late, message=f"no answer within the time allowed ({self._late.value})"))
        self.abort()

    def _begin(self, request: bytes, deadlines: Deadlines, *, begun: float, streaming: bool) -> None:
        assert self._transport is not None  # noqa: S101 - the pool hands out open connections only
        now = self._loop.time()
        self._is_busy = True
        self._is_streaming = streaming
        self._gap_s = deadlines.gap_s
        self._total_at = begun + deadlines.total_s
        self._sent_at = now
        self.due = min(now + deadlines.first_byte_s, self._total_at)
        self._transport.write(request)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise AnswerBroken(self._broken, stale=self._is_stale)

    def _resume(self) -> None:
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._is_paused = False

    def _break(self, failure: Failure) -> None:
        if self._broken is None and not self._is_complete:
            self._broken = failure
        self.is_open = False
        self._wake()

    def _kept_headers(self) -> dict[str, str]:
        if self._status < 300 and not self._is_encoded:  # noqa: PLR2004 - 2xx
            return _NO_HEADERS
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._headers}

    def _finish(self) -> None:
        keep = self.is_open and self._keeps_alive
        self._served += 1
        self._reset()
        if keep:
            self._on_free(self)
        else:
            self.abort()

    # ── asyncio.Protocol ────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        socket = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass
        self._transport = socket
        self._everyone.add(self)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; bytes that nobody asked for end the connection, and so does a head or framing without end."""
        if not self._is_busy:
            self.abort()
            return
        now = self._loop.time()
        if self.first_byte_at is None:
            self.first_byte_at = now
            self._late = FailureKind.TIMEOUT_GAP
        if not self._is_discarding:
            self.due = min(now + self._gap_s, self._total_at)
        self._bodiless_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if self._bodiless_bytes > self._bounds.header_bytes and not self._is_complete:
                self._refuse_head()
            if self._is_discarding and self._is_complete:
                self._finish()
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer is not valid HTTP ({error})"))
            self.abort()

    def eof_received(self) -> bool:
        """Close our side too."""
        self.is_open = False
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange in hand: a body without a length is complete, anything else was cut."""
        self.is_open = False
        self._transport = None
        self._everyone.discard(self)
        self.due = _NEVER
        if not self._is_busy or self._is_complete:
            return
        if self._status and exc is None and self._ends_with_connection():
            self._is_complete = True
            self._wake()
        elif self.first_byte_at is None:
            self._is_stale = self._served > 0 and self._broken is None and self._loop.time() < self._sent_at + _STALE_S
            self._break(Failure(kind=FailureKind.CUT, message="the vendor closed the connection without an answer"))
        else:
            self._break(Failure(kind=FailureKind.CUT, message="the answer was cut off"))

    def _ends_with_connection(self) -> bool:
        names = {name.lower() for name, _ in self._headers}
        return not names & {b"content-length", b"transfer-encoding"}

    # ── llhttp callbacks ────────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request: it could be taken for the answer to the next."""
        if self._is_complete:
            self.is_open = False
            raise AnswerBroken(Failure(kind=FailureKind.BAD_ANSWER, message="the vendor sent two answers to one request"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, within bounds."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self._bounds.header_bytes:
            self._refuse_head()
        elif not self._status:  # trailers are not headers
            self._headers.append((name, value))
            if len(name) == _ENCODING_LENGTH and name.lower() == b"content-encoding":
                self._is_encoded = True

    def _refuse_head(self) -> None:
        self._break(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer's headers exceed {self._bounds.header_bytes} bytes"))
        self.abort()

    def on_headers_complete(self) -> None:
        """The status is known; 1xx answers are skipped."""
        status = self._parser.get_status_code()
        if status < 200:  # noqa: PLR2004 - informational
            self._headers.clear()
            return
        self._bodiless_bytes = 0
        self._status = status
        if self._is_streaming:
            self._wake()

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body, within bounds; stop reading when a stream's reader is slow."""
        self._bodiless_bytes = 0
        if self._is_discarding:
            return
        self._body_bytes += len(data)
        if not self._is_streaming:
            self._body.append(data)
            if self._body_bytes > self._bounds.answer_bytes:
                self._break(Failure(kind=FailureKind.BAD_ANSWER, message=f"the answer exceeds {self._bounds.answer_bytes} bytes"))
                self.abort()
            return
        self._arrived.append(data)
        if self._body_bytes > self._bounds.buffered_bytes and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
            self.due = self._total_at
        self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._parser.get_status_code() < 200:  # noqa: PLR2004 - informational
            return
        self._is_complete = True
        self._keeps_alive = self._parser.should_keep_alive()
        self.due = _NEVER
        self._wake()
