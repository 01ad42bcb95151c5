"""
One client's connection to the simulated vendor: requests in, bytes out, cut when told.

Deliberately not the gateway's listener: that keeps what the gateway needs, this keeps everything a client sent.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast

import httptools


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` is without its query; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name."""
        return self.headers.get(name)


class Client(asyncio.Protocol):
    """Answers one request after another. `answer` is cancelled when the client leaves; `refuse(message, client)` is told of bytes that are no request."""

    def __init__(self, answer: "Callable[[Request, Client], Awaitable[None]]", refuse: "Callable[[str, Client], None]", *, everyone: "set[Client]") -> None:
        self._answer = answer
        self._refuse = refuse
        self._everyone = everyone
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self.keeps_alive = True
        self._clear()

    def _clear(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send bytes; bytes for a client who has gone are dropped."""
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the client does not read."""
        await self._can_write.wait()

    def close(self) -> None:
        """Close after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> "asyncio.Task[None] | None":
        """Close at once; return the answering that this cancels, if there is one."""
        if self._transport is not None:
            self._transport.abort()
        return self._task

    # ── asyncio.Protocol ────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass
        self._everyone.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(f"The request is not valid HTTP/1.1 ({error}).", self)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering a client who has gone."""
        del exc
        self._everyone.discard(self)
        self._transport = None
        self._waiting.clear()
        self._can_write.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._can_write.set()

    # ── llhttp callbacks ────────────────────────────────────────────────────────────────────────────────────────────

    def on_url(self, url: bytes) -> None:
        """Keep a part of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Answer the request, or let it wait for the one before it."""
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = Request(method=self._parser.get_method().decode(), path=path, headers=self._headers, body=b"".join(self._body))
        self._clear()
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._next()

    def _next(self) -> None:
        request, self.keeps_alive = self._waiting.popleft()
        self._task = asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        try:
            await self._answer(request, self)
        finally:
            self._task = None
            if not self.keeps_alive:
                self.close()
            elif self._waiting:
                self._next()
