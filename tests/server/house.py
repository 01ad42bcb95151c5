"""
A gateway on a real socket in this process, in front of a scripted vendor; and a client that sends exact bytes.
"""

import asyncio
import socket
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import yaml
from tests.transport.vendor import Vendor, chunk, eventually, stream_head
from tests.values import openai_answer

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.intake.keys import mint
from pointsman.server.bounds import ClientBounds
from pointsman.server.listener import Client
from pointsman.server.site import Site
from pointsman.settings.load import Settings, load

ASK = msgspec.json.encode({"model": "support", "messages": [{"role": "user", "content": "hi"}]})
ASK_STREAM = msgspec.json.encode({"model": "support", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
CHUNK = b'data: {"id":"c","model":"small","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = b'data: {"id":"c","model":"small","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
STREAM = stream_head() + chunk(CHUNK) + chunk(END) + b"0\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(openai_answer()), openai_answer())
MINTED = mint(bytes(range(32)))
KEY = f"Authorization: Bearer {MINTED.secret}"


def keys_of(**told: Any) -> dict[str, Any]:
    """Return the configuration of the key whose secret is in `KEY`."""
    return {"web": {"sha256": MINTED.sha256, **told}}


def post(body: bytes = ASK, *headers: str, path: str = "/v1/chat/completions") -> bytes:
    """Return a whole POST of JSON, unless a header says something else."""
    kind = () if any(line.lower().startswith("content-type:") for line in headers) else ("Content-Type: application/json",)
    lines = "".join(f"{line}\r\n" for line in (*kind, *headers))
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


@dataclass(frozen=True)
class Got:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def message(self) -> str:
        return self.json["error"]["message"]


class Caller:
    """A raw connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Read the head of one answer."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def answer(self) -> Got:
        """Read one whole answer."""
        status, headers = await self.head()
        if "content-length" in headers:
            return Got(status, headers, await self.reader.readexactly(int(headers["content-length"])))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        while (line := await self.reader.readline()) != b"\r\n":
            name, value = line.decode().strip().split(": ")
            headers[f"trailer {name}"] = value
        return Got(status, headers, body)

    async def rest(self) -> bytes:
        """Read until the gateway closes."""
        return await self.reader.read()

    def leave(self) -> None:
        self.writer.transport.abort()


class ToldTime:
    """The loop as connections of clients see it: all is real but its time, which passes only as a test says. A slow machine changes nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def pass_by(self, seconds: float) -> None:
        self._now += seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


class House:
    """A gateway that listens. `told` is merged into its configuration file. How long clients take is told through `time`."""

    def __init__(self, vendor: Vendor | None = None, *, bounds: ClientBounds | None = None, tls: Any = None, **told: Any) -> None:
        self._vendor = vendor
        self._bounds = bounds or ClientBounds()
        self._tls = tls
        self._told = told
        self.clients: set[Client] = set()
        self.callers: list[Caller] = []

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.settings = self._load(Path(self._folder.name))
        self.gateway = Gateway(self.settings, environ={}, clock=system_clock())
        self.site = Site(self.gateway)
        loop = asyncio.get_running_loop()
        self.time = ToldTime(loop)
        seen: Any = self.time
        self._server = await loop.create_server(
            lambda: Client(seen, self._bounds, answer=self.site.answer, refuse=self.site.refuse, clients=self.clients), "127.0.0.1", 0, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweeping = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *args: object) -> None:
        self._sweeping.cancel()
        for caller in self.callers:
            caller.leave()
        self._server.close()
        await asyncio.sleep(0)
        self.gateway.close()
        self._folder.cleanup()

    def _load(self, folder: Path) -> Settings:
        url = self._vendor.url if self._vendor is not None else "http://127.0.0.1:1/v1"
        file = {
            "vendors": {"acme": {"kind": "openai_compatible", "base_url": url, "region": "here"}},
            "targets": {"acme/small": {"vendor": "acme", "model": "small", "price": {"input_usd_per_million": 1000, "output_usd_per_million": 2000}}},
            "capabilities": {"support": {"ladder": ["acme/small"], "retries": {"per_target": 0}}},
            **self._told,
        }
        path = folder / "pointsman.yaml"
        path.write_text(yaml.safe_dump(file))
        return load(path, facts(Prices(system_clock().wall_ms)))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.003)
            self.gateway.sweep()
            for client in [client for client in self.clients if client.due <= self.time.time()]:
                client.expire()

    async def due(self, *in_s: float) -> None:
        """Wait until the clients who are here have this long, from earliest to latest: then the gateway has seen what they did."""
        await eventually(lambda: sorted(client.due - self.time.time() for client in self.clients) == list(in_s))

    def hold_little(self) -> None:
        """Keep the kernel from taking megabytes for a client that does not read them."""
        self._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)

    async def caller(self, **options: Any) -> Caller:
        """Connect."""
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port, **options))
        self.callers.append(caller)
        return caller

    async def ask(self, data: bytes) -> Got:
        """Send bytes on a connection of their own and read one answer."""
        caller = await self.caller()
        caller.send(data)
        return await caller.answer()


async def with_house(work: Callable[[House], Awaitable[None]], *scripts: Any, **options: Any) -> None:
    """Run a test against a gateway in front of a scripted vendor."""
    async with Vendor(*scripts) as vendor, House(vendor, **options) as house:
        await work(house)
