"""
A vendor on a real socket that answers every call, and remembers with which key it was made.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.values import openai_answer


class Vendor:
    """What the vendor saw; `hold` keeps its answers back until it is set again. `words` are what each model says (by default always the same)."""

    def __init__(self) -> None:
        self.base_url = ""
        self.keys: list[str] = []
        self.words: dict[str, str] = {}
        self.bodies: list[dict[str, Any]] = []
        self._was_asked = asyncio.Condition()
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def drop(self) -> None:
        """Close every connection, answered or not."""
        for writer in self._writers:
            writer.transport.abort()

    async def asked(self, times: int) -> None:
        """Wait until that many calls have come."""
        async with asyncio.timeout(30), self._was_asked:
            await self._was_asked.wait_for(lambda: len(self.keys) >= times)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
                self.bodies.append(msgspec.json.decode(await reader.readexactly(int(headers["content-length"]))))
                words = self.words.get(self.bodies[-1]["model"])
                self.keys.append(headers.get("authorization", "").removeprefix("bearer "))
                async with self._was_asked:
                    self._was_asked.notify_all()
                await self.may_answer.wait()
                body = openai_answer(tokens=(1000, 500)) if words is None else openai_answer(words, tokens=(1000, 500))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    server = await asyncio.start_server(vendor.talk, "127.0.0.1", 0)
    vendor.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield vendor
    finally:
        server.close()
