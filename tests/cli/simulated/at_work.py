"""
A simulated vendor for a test, and a client that shows what really came over the socket.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.vendor import Running, start

FAST = Behaviour(speed=1000)
_KEY = {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}


def with_vendor(work: Callable[[Running], Awaitable[None]], behaviour: Behaviour = FAST) -> None:
    async def run() -> None:
        running = await start(behaviour)
        try:
            await work(running)
        finally:
            await running.close()

    asyncio.run(run())


@asynccontextmanager
async def connected(running: Running) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, close: bool = True) -> bytes:
    lines = {"host": "x", "content-length": str(len(body)), **(_KEY if headers is None else headers), **({"connection": "close"} if close else {})}
    return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n" + body


def chat(model: str, *, stream: bool = False, text: str = "Hello", **more: Any) -> bytes:
    return msgspec.json.encode({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **more})


async def sent(running: Running, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request and return what came until the vendor closed: status, headers, the body as it was on the wire."""
    async with connected(running) as (reader, writer):
        writer.write(data)
        whole = await reader.read()
        head, _, body = whole.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def openai(running: Running, model: str, *, stream: bool = False, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return await sent(running, request("POST", "/v1/chat/completions", chat(model, stream=stream, **more)))


async def anthropic(running: Running, model: str, *, stream: bool = False, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return await sent(running, request("POST", "/v1/messages", chat(model, stream=stream, max_tokens=100, **more)))


async def control(running: Running, method: str, path: str, told: object | None = None) -> tuple[int, Any]:
    status, _, body = await sent(running, request(method, path, b"" if told is None else msgspec.json.encode(told), {}))
    return status, msgspec.json.decode(body)


def events(body: bytes) -> list[bytes]:
    """Return the server-sent events of a chunked body, one to a chunk; the last entry is empty if the body ended as it should."""
    found: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return found
