"""
One client connection: strict HTTP/1.1 in, answers out, one request at a time.

An `asyncio.Protocol` on llhttp, which refuses two lengths, folded headers, bare line feeds and chunk tricks by itself (ADR 0002). This file
adds what llhttp lets pass, bounds on size and time, and cancels the work when the client goes away. What a request means is not known here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, cast

import httptools
from msgspec import Struct

from pointsman.core.errors import BadRequest, PointsmanError, TooLarge
from pointsman.server.bounds import ClientBounds
from pointsman.server.request import Request, read_name
from pointsman.transport.inflate import inflate

_NEVER: Final = float("inf")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEAD_END: Final = b"\r\n\r\n"
_MOST_WAITING: Final = 16  # nobody pipelines, but for attackers and tests
_SPANS_A_REQUEST: Final = 10
_LINGER_S: Final = 2.0


class _Waiting(Struct, frozen=True):
    """A request that was read, and what the framing of its answer depends on."""

    request: Request
    is_last: bool
    takes_chunks: bool


class Client(asyncio.Protocol):
    """
    One connection of a client.

    `answer(request, client)` is awaited for each request and writes to the client itself; `refuse(error, client)` writes the answer to bytes that
    are no request. `due` is the loop time at which the client has been too slow; the sweep compares it and calls `expire`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bounds: ClientBounds,
        *,
        answer: "Callable[[Request, Client], Awaitable[None]]",
        refuse: "Callable[[PointsmanError, Client], None]",
        clients: "set[Client]",
    ) -> None:
        self._loop = loop
        self._bounds = bounds
        self._answer = answer
        self._refuse = refuse
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._unread_bytes = 0
        self._is_last = False
        self._is_leaving = False
        self._is_head = False
        self._failed = False
        self.takes_chunks = True
        self.due = _NEVER
        self._clear()

    def _clear(self) -> None:
        self._began: float | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._bodiless_bytes = 0
        self._is_in_body = False
        self._body: list[bytes] = []
        self._body_bytes = 0

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, data: bytes) -> None:
        """Send bytes; bytes for a client who has gone are dropped, and so is the body of an answer to HEAD."""
        if self._is_head:
            data = data[: data.find(_HEAD_END) + len(_HEAD_END)]
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the client does not read what it was sent."""
        if self._room is not None:
            await self._room

    @property
    def keeps_alive(self) -> bool:
        """Tell whether another request may follow on this connection."""
        return not (self._is_last or self._is_leaving)

    def close(self) -> None:
        """Close after what was written has been sent, or when the client does not read it."""
        self._is_leaving = True
        self.due = self._loop.time() + self._bounds.stall_s
        if self._transport is not None:
            self._transport.close()

    def close_when_idle(self) -> None:
        """Close now if there is nothing to answer, else after the answer in hand."""
        self._is_leaving = True
        if self._task is None and not self._failed:
            self.close()

    def expire(self) -> None:
        """Drop a client who was too slow; one that reads, however slowly, gets more time."""
        if self._transport is None:
            return
        left = self._transport.get_write_buffer_size()
        if self._room is not None and left < self._unread_bytes:
            self._unread_bytes = left
            self.due = self._loop.time() + self._bounds.stall_s
        elif self._task is None and self._began is not None and self.keeps_alive:
            self._fail(BadRequest("The request did not arrive in time. Send it without pauses."))
        elif self._task is None and self.keeps_alive:
            self.close()
        else:
            self._transport.abort()

    @property
    def is_busy(self) -> bool:
        """Tell whether a request is being answered, or an answer is still on its way out."""
        return self._task is not None or (self._transport is not None and self._transport.get_write_buffer_size() > 0)

    # ── asyncio.Protocol ────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client, within the bound on connections."""
        socket = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass
        if len(self._clients) >= self._bounds.connections:
            socket.abort()
            return
        self._transport = socket
        socket.set_write_buffer_limits(high=self._bounds.unread_bytes)
        self._clients.add(self)
        self.due = self._loop.time() + self._bounds.idle_s

    def data_received(self, data: bytes) -> None:
        """Parse what arrived. While an answer is under way no more is read than one buffer."""
        if self._failed:
            return
        self._note_time()
        self._bodiless_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if self._bodiless_bytes > self._bounds.header_bytes:
                self._fail(self._head_too_large())
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, PointsmanError) else BadRequest("The request cannot be parsed. Send valid HTTP/1.1."))
        except httptools.HttpParserError as error:
            self._fail(BadRequest(f"The request is not valid HTTP/1.1 ({error}). Send it through an ordinary HTTP client."))

    def _note_time(self) -> None:
        # A head has one span in all, a body one after each piece and ten in all.
        now = self._loop.time()
        stall_s = self._bounds.stall_s
        if self._began is None:
            self._began = now
            if self._task is None:
                self.due = now + stall_s
        elif self._body_bytes and self._task is None:
            self.due = min(now + stall_s, self._began + stall_s * _SPANS_A_REQUEST)

    def eof_received(self) -> bool:
        """A client that shuts its side down has gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the work for a client who has gone."""
        del exc
        self._clients.discard(self)
        self._transport = None
        self._waiting.clear()
        self.resume_writing()
        self.due = _NEVER
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client does not read: hold the answer back, for a bounded time."""
        if self._room is None and self._transport is not None:
            self._room = self._loop.create_future()
            self._unread_bytes = self._transport.get_write_buffer_size()
            self.due = self._loop.time() + self._bounds.stall_s

    def resume_writing(self) -> None:
        """The client reads again."""
        room, self._room = self._room, None
        if room is not None:
            self.due = _NEVER if self._task is not None else self._loop.time() + self._bounds.stall_s
            if not room.done():
                room.set_result(None)

    # ── llhttp callbacks ────────────────────────────────────────────────────────────────────────────────────────────

    def on_url(self, url: bytes) -> None:
        """Keep a part of the request target."""
        self._url += url
        self._header_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header that is read. It may come once only, and not behind the body, where nobody checks it."""
        self._header_bytes += len(name) + len(value)
        key = read_name(name)
        if key is None or self._is_in_body:
            return
        if key in self._headers:
            raise BadRequest(f"The header `{key}` came twice. Send it once.", field=key)
        self._headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Refuse what could be read in two ways, before any body is read."""
        self._check_head()
        self._is_in_body = True
        self._bodiless_bytes = 0
        headers, version = self._headers, self._parser.get_http_version()
        if version != "1.1" and (version != "1.0" or "transfer-encoding" in headers):
            raise BadRequest("Only HTTP/1.1 and plain 1.0 are spoken here. Use an ordinary HTTP client.")
        if version == "1.1" and "host" not in headers:
            raise BadRequest("The request names no `Host`. Send it through an ordinary HTTP client.", field="host")
        if self._parser.should_upgrade():
            raise BadRequest("This connection speaks HTTP/1.1 only. Send no `Upgrade` and no CONNECT.", field="upgrade")
        if "transfer-encoding" in headers and headers["transfer-encoding"].strip().lower() != "chunked":
            raise BadRequest("Only the transfer encoding `chunked` is understood. Send the body plain.", field="transfer-encoding")
        if int(headers.get("content-length", "0")) > self._bounds.body_bytes:
            raise self._too_large()
        if "expect" in headers and version == "1.1" and self._task is None and headers["expect"].lower() == "100-continue":
            self.write(_CONTINUE)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body, within bounds."""
        self._bodiless_bytes = 0
        self._body_bytes += len(data)
        if self._body_bytes > self._bounds.body_bytes:
            raise self._too_large()
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Hand the request on, or let it wait for the one before it."""
        self._check_head()  # with what came behind the body
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        encoding = self._headers.get("content-encoding")
        if encoding is not None:
            body = inflate(body, encoding, limit_bytes=self._bounds.body_bytes)
        request = Request(method=self._parser.get_method().decode(), path=self.path, headers=self._headers, body=body)
        waiting = _Waiting(request, is_last=not self._parser.should_keep_alive(), takes_chunks=self._parser.get_http_version() == "1.1")
        self._clear()
        if self._task is None:
            self._start(waiting)
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise BadRequest("Too many requests were sent before the first was answered. Wait for answers.")
        self._waiting.append(waiting)
        if self._transport is not None:
            self._transport.pause_reading()

    def _check_head(self) -> None:
        if self._header_bytes > self._bounds.header_bytes:
            raise self._head_too_large()

    def _head_too_large(self) -> TooLarge:
        return TooLarge(f"The request's headers exceed {self._bounds.header_bytes} bytes. Send fewer, or raise `server.bounds.max_header_bytes`.")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body exceeds {self._bounds.body_bytes} bytes. Send less, or raise `server.bounds.max_body_bytes`.")

    # ── one request after another ───────────────────────────────────────────────────────────────────────────────────

    def _start(self, waiting: _Waiting) -> None:
        self.due = _NEVER
        self._is_last = waiting.is_last
        self.takes_chunks = waiting.takes_chunks
        self._is_head = waiting.request.method == "HEAD"
        self._task = self._loop.create_task(self._serve(waiting.request))

    async def _serve(self, request: Request) -> None:
        try:
            await self._answer(request, self)
            if self._room is not None:  # the next answer must not be put on top of one that is not read
                await self._room
        except BaseException:
            self._task = None
            if self._transport is not None:
                self._transport.abort()  # half an answer must not look like a whole one
            raise
        self._task = None
        if self._transport is not None:
            self._next()

    def _next(self) -> None:
        self._is_head = False
        if not self.keeps_alive:
            self.close()
        elif self._waiting:
            waiting = self._waiting.popleft()
            if not self._waiting and self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
            self._start(waiting)
        else:
            self.due = self._loop.time() + (self._bounds.idle_s if self._began is None else self._bounds.stall_s)

    @property
    def path(self) -> str:
        """The path of the request that is being read, without its query; empty between requests."""
        return self._url.partition(b"?")[0].decode("latin-1")

    def _fail(self, error: PointsmanError) -> None:
        """
        Answer bytes that are no request, then close: what follows cannot be told apart from an attack.

        What the client is still sending is read and dropped for a moment: closing at once could destroy the answer on its way (RFC 9112, section 9.6).
        """
        self._failed = True
        self._is_last = True
        if self._transport is None:
            return
        if self._task is not None:
            self._transport.abort()
            return
        self._refuse(error, self)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.due = self._loop.time() + min(_LINGER_S, self._bounds.stall_s)
