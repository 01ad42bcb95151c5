"""
One client connection: strict HTTP/1.1 in, answers out, one request at a time.

An `asyncio.Protocol` on llhttp, which refuses two lengths, folded headers, bare line feeds and chunk tricks by itself (ADR 0002). This file
adds bounds on size and time, and cancels the work when the client goes away. What a request means is not known here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, cast

import httptools

from pointsman.core.errors import BadRequest, PointsmanError, TooLarge
from pointsman.server.bounds import ClientBounds
from pointsman.server.request import Request, read_name
from pointsman.transport.inflate import inflate

_NEVER: Final = float("inf")
_ONCE: Final = frozenset({"authorization", "x-api-key", "host", "content-type", "content-encoding"})
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Client(asyncio.Protocol):
    """
    One connection of a client.

    `answer(request, client)` is awaited for each request and writes to the client itself; `refuse(error, client)` writes the answer to bytes that
    are no request. `due` is the loop time at which the client has been too slow; the sweep compares it.
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
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._is_last = False
        self._failed = False
        self.due = _NEVER
        self._clear()

    def _clear(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, data: bytes) -> None:
        """Send bytes; bytes for a client who has gone are dropped."""
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the client does not read what it was sent."""
        if self._room is not None:
            await self._room

    @property
    def keeps_alive(self) -> bool:
        """Tell whether another request may follow on this connection."""
        return not self._is_last

    def close(self) -> None:
        """Close after what was written has been sent."""
        self._is_last = True
        if self._transport is not None:
            self._transport.close()

    def close_when_idle(self) -> None:
        """Close now if there is nothing to answer, else after the answer in hand."""
        self._is_last = True
        if self._task is None:
            self.close()

    def expire(self) -> None:
        """Drop a client who was too slow."""
        if self._task is None and self._transport is not None and self._url:
            self._fail(BadRequest("The request did not arrive in time. Send it without pauses."))
        elif self._transport is not None:
            self._transport.abort()

    @property
    def work(self) -> "asyncio.Task[None] | None":
        """The answering of a request that is under way, if one is."""
        return self._task

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
        if self._task is None and (self._body_bytes or not self._url):
            self.due = self._loop.time() + self._bounds.stall_s  # a head has one such span in all, a body one after each piece
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, PointsmanError) else BadRequest("The request cannot be parsed. Send valid HTTP/1.1."))
        except httptools.HttpParserUpgrade:
            self._fail(BadRequest("This connection speaks HTTP/1.1 only. Send no `Upgrade`."))
        except httptools.HttpParserError as error:
            self._fail(BadRequest(f"The request is not valid HTTP/1.1 ({error}). Send it through an ordinary HTTP client."))

    def eof_received(self) -> bool:
        """A client that shuts its side down has gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the work for a client who has gone."""
        del exc
        self._clients.discard(self)
        self._transport = None
        self._waiting.clear()
        self.due = _NEVER
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client does not read: hold the answer back, for a bounded time."""
        if self._room is None:
            self._room = self._loop.create_future()
            self.due = self._loop.time() + self._bounds.stall_s

    def resume_writing(self) -> None:
        """The client reads again."""
        room, self._room = self._room, None
        if room is not None:
            self.due = _NEVER
            if not room.done():
                room.set_result(None)

    # ── llhttp callbacks ────────────────────────────────────────────────────────────────────────────────────────────

    def on_url(self, url: bytes) -> None:
        """Keep a part of the request target."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header that is read; those that decide who asks and what the body is may come once only."""
        self._count_head(len(name) + len(value))
        key = read_name(name)
        if key is None:
            return
        if key in self._headers and key in _ONCE:
            raise BadRequest(f"The header `{key}` came twice. Send it once.", field=key)
        self._headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Refuse what could be read in two ways, before any body is read."""
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise BadRequest("Only HTTP/1.1 and 1.0 are spoken here. Use an ordinary HTTP client.")
        if self._headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
            raise BadRequest("Only the transfer encoding `chunked` is understood. Send the body plain.", field="transfer-encoding")
        if int(self._headers.get("content-length", "0")) > self._bounds.body_bytes:
            raise self._too_large()
        if self._headers.get("expect", "").lower() == "100-continue":
            self.write(_CONTINUE)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body, within bounds."""
        self._body_bytes += len(data)
        if self._body_bytes > self._bounds.body_bytes:
            raise self._too_large()
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Hand the request on, or let it wait for the one before it."""
        if not self._parser.should_keep_alive():
            self._is_last = True
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        encoding = self._headers.get("content-encoding")
        if encoding is not None:
            body = inflate(body, encoding, limit_bytes=self._bounds.body_bytes)
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = Request(method=self._parser.get_method().decode(), path=path, headers=self._headers, body=body)
        self._clear()
        if self._task is None:
            self._start(request)
        else:
            self._waiting.append(request)
            if self._transport is not None:
                self._transport.pause_reading()

    def _count_head(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._bounds.header_bytes:
            raise TooLarge(f"The request's headers exceed {self._bounds.header_bytes} bytes. Send fewer, or raise `server.bounds.max_header_bytes`.")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body exceeds {self._bounds.body_bytes} bytes. Send less, or raise `server.bounds.max_body_bytes`.")

    # ── one request after another ───────────────────────────────────────────────────────────────────────────────────

    def _start(self, request: Request) -> None:
        self.due = _NEVER
        self._task = self._loop.create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        try:
            await self._answer(request, self)
        finally:
            self._task = None
            if self._transport is not None:
                self._next()

    def _next(self) -> None:
        if self._is_last and not self._waiting:
            self.close()
            return
        if self._room is None:
            self.due = self._loop.time() + self._bounds.idle_s
        if self._waiting:
            request = self._waiting.popleft()
            if not self._waiting and self._transport is not None:
                self._transport.resume_reading()
            self._start(request)

    def _fail(self, error: PointsmanError) -> None:
        """Answer bytes that are no request, then close: what follows cannot be told apart from an attack."""
        self._failed = True
        self._is_last = True
        if self._task is None:
            self._refuse(error, self)
            self.close()
        elif self._transport is not None:
            self._transport.abort()
