"""
A scripted vendor on a real socket: each connection runs a script that reads requests, writes exact bytes, waits, trickles or cuts.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Self, TypeVar

import uvloop

from pointsman.core.http import Deadlines, Outgoing
from pointsman.transport.bounds import Bounds
from pointsman.transport.endpoint import endpoint
from pointsman.transport.pool import Pool

T = TypeVar("T")

QUICK = Deadlines(connect_s=20.0, first_byte_s=20.0, gap_s=20.0, total_s=20.0)  # nothing waits for it: a machine that stalls must not reach it
ASK = Outgoing(path="/chat/completions", body=b"{}", headers={})
ASK_STREAM = Outgoing(path="/chat/completions", body=b"{}", headers={}, stream=True)


class Talk:
    """One connection of a client, in the hands of a script."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, vendor: "Vendor") -> None:
        self.reader = reader
        self.writer = writer
        self._vendor = vendor

    async def request(self) -> bytes:
        """Read one request and return its bytes."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        request = head + await self.reader.readexactly(size)
        self._vendor.requests.append(request)
        return request

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def trickle(self, pieces: Iterable[bytes]) -> None:
        """Write pieces so that each is a read of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.001)
            await asyncio.sleep(0)  # after a stall the timer is due before the sockets are looked at: give them a round of their own
            await asyncio.sleep(0)

    def close(self) -> None:
        self.writer.close()

    def cut(self) -> None:
        """End the connection with a reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has gone."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Talk], Awaitable[None]]


class Vendor:
    """Serves one script for each connection, in order; the last one serves all further ones."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        self.connections = 0
        self.lost = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *args: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/v1"

    def pool(self, *, ca_file: str | None = None, url: str | None = None, **bounds: Any) -> Pool:
        """Return a pool of connections to this vendor."""
        headers = {"authorization": "Bearer sk-very-secret"}
        return Pool(endpoint(url or self.url, credential_headers=lambda _: headers, ca_file=ca_file), Bounds(**bounds))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        try:
            await script(Talk(reader, writer, self))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self.lost += 1
            self._tasks.discard(task)
            writer.transport.abort()


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole answer with a length."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def stream_head(headers: str = "") -> bytes:
    """Return the head of a chunked stream of events."""
    return f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def says(*answers: bytes) -> Script:
    """Answer one request after another with these bytes, then read on until the client goes."""

    async def script(talk: Talk) -> None:
        for data in answers:
            await talk.request()
            talk.write(data)
        await talk.gone()

    return script


async def silent(talk: Talk) -> None:
    """Read and never answer."""
    await talk.gone()


async def sweeping(pool: Pool) -> None:
    """Watch over the deadlines of a pool until cancelled."""
    while True:
        pool.sweep(asyncio.get_running_loop().time())
        await asyncio.sleep(0.002)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds. The bound is far off: it is there for what never comes true, not for a slow machine."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 20
    while not condition():
        assert loop.time() < until, "it never came true"
        await asyncio.sleep(0.002)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a test on the loop of production, for fifty seconds at most."""

    async def bounded() -> T:
        async with asyncio.timeout(50):
            return await work

    return uvloop.run(bounded())
