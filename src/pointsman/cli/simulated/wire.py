"""
One answer of the simulated vendor on its way: heads, bodies, pace, and how each fault looks on the wire.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from pointsman.cli.simulated.asked import Asked
from pointsman.cli.simulated.behaviour import Behaviour, Model
from pointsman.cli.simulated.connection import Client
from pointsman.cli.simulated.faults import Fault
from pointsman.cli.simulated.mind import Said
from pointsman.cli.simulated.protocol import Piece, Protocol

_PHRASES: Final = MappingProxyType({**{status.value: status.phrase for status in HTTPStatus}, 529: "Overloaded"})
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream; charset=utf-8"
_FOREVER_S: Final = 3600.0
_BLOCK: Final = b" " * 65_536
_LEAST_WAIT_S: Final = 0.001
_HTML: Final = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1></body></html>"
_HALVES: Final = 2

WHOLE, CUT, STALLED = "answered", "cut", "stalled"


@dataclass(slots=True, kw_only=True)
class Record:
    """One request as the vendor received it, and how its answer ended: `answering`, `answered`, `cut`, `stalled` or `client_left`."""

    number: str
    path: str
    headers: Mapping[str, str]
    body: Any
    model: str = ""
    fault: str | None = None
    status: int = 0
    pieces: int = 0
    ended: str = field(default="answering")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and the client who waits for its answer. `behaviour` tells its pace; the delays of faults are meant as they are."""

    client: Client
    protocol: Protocol
    record: Record
    behaviour: Behaviour

    def refuse(self, status: int, message: str) -> None:
        """Send an error in the vendor's shape."""
        self.fail(status, self.protocol.error(status, message, number=self.record.number))

    def fail(self, status: int, body: bytes, *, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Send a body with a status."""
        self.record.status = status
        self.client.write(self._head(status, {"content-type": _JSON, "content-length": str(len(body)), **headers}) + body)
        self.record.ended = WHOLE

    async def send(self, asked: Asked, said: Said, *, model: Model, fault: Fault | None) -> None:
        """Send the answer at the model's pace, as the fault leaves it."""
        self.record.status = 200
        if fault is not None and fault.name == "slow_first_byte":
            await asyncio.sleep(fault.amount)
        number = self.record.number
        if asked.stream:
            parts = self.protocol.stream(asked, said, number=number)
            top = self._head(200, {"content-type": _EVENTS, "cache-control": "no-cache", "transfer-encoding": "chunked"})
            wait_s = model.first_token_s
        else:
            if fault is not None and fault.name == "no_end_mark":
                said = replace(said, finish="unfinished")
            body = self.protocol.whole(asked, said, number=number)
            parts = [Piece(body[: len(body) // _HALVES]), Piece(body[len(body) // _HALVES :])]
            wait_s = model.first_token_s + said.tokens_out / model.tokens_per_s
            top = b""
        parts, ending = self._shaped(parts, asked, fault=fault)
        if not top:
            length = sum(len(part.data) for part in parts) if ending == WHOLE else len(self.protocol.whole(asked, said, number=number))
            top = self._head(200, {"content-type": _JSON, "content-length": str(length)})
        await self.behaviour.pause(wait_s / self.behaviour.speed)
        await self._write(top, parts, is_chunked=asked.stream, pace=_Pace(model, self.behaviour.speed, fault=fault))
        await self._end(ending, is_chunked=asked.stream)

    async def send_fault(self, asked: Asked, fault: Fault) -> bool:
        """Send what a fault puts in the answer's place; return False if it only shapes an answer."""
        protocol, number = self.protocol, self.record.number
        match fault.name:
            case "context_length":
                self.fail(400, protocol.too_long_error(number))
            case "refuse_request":
                self.fail(400, protocol.refusal_error(number))
            case "status_429":
                wait = {"retry-after": f"{fault.amount:g}"}
                self.fail(429, protocol.error(429, "Rate limit reached (simulated).", number=number), headers=wait)
            case "html_page":
                self.fail(200, _HTML, headers={"content-type": "text/html; charset=utf-8"})
            case "empty_body":
                self.fail(200, b"")
            case "redirect":
                self.fail(307, b"", headers={"location": "http://127.0.0.1:9/elsewhere"})
            case "huge_body":
                await self._huge(asked, int(fault.amount))
            case name if name.startswith("status_"):
                status = int(name.removeprefix("status_"))
                self.refuse(status, f"This failure is simulated ({status}).")
            case _:
                return False
        return True

    # ── how faults shape an answer ──────────────────────────────────────────────────────────────────────────────────

    def _shaped(self, parts: list[Piece], asked: Asked, *, fault: Fault | None) -> tuple[Sequence[Piece], str]:
        number = self.record.number
        at = int(fault.amount) if fault is not None and asked.stream else 1
        match fault.name if fault is not None else "":
            case "cut_before_first_chunk":
                return [], CUT
            case "cut_after_chunks":
                return parts[:at], CUT
            case "stall":
                return parts[:at], STALLED
            case "no_end_mark":
                return (parts[: -self.protocol.end_events] if asked.stream else parts), WHOLE
            case "error_event" if asked.stream:
                return [*parts[:at], Piece(self.protocol.broken(number))], WHOLE
            case "error_event":
                return [Piece(self.protocol.error(500, "This failure is simulated.", number=number))], WHOLE
            case "malformed_json":
                return [parts[0], *([Piece(b'data: {"type": "mess\n\n')] if asked.stream else [])], WHOLE
            case _:
                return parts, WHOLE

    async def _write(self, top: bytes, parts: Sequence[Piece], *, is_chunked: bool, pace: "_Pace") -> None:
        self.client.write(top)
        for part in parts:
            await pace.wait(part.tokens)
            for data in pace.split(part.data):
                self.client.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)
                await self.client.drain()
                await pace.rest()
            self.record.pieces += 1

    async def _end(self, ending: str, *, is_chunked: bool) -> None:
        self.record.ended = ending
        if ending == STALLED:
            await asyncio.sleep(_FOREVER_S)
        elif ending == CUT:
            self.client.close()
        elif is_chunked:
            self.client.write(b"0\r\n\r\n")

    async def _huge(self, asked: Asked, size: int) -> None:
        self.record.status = 200
        kind = _EVENTS if asked.stream else _JSON
        self.client.write(self._head(200, {"content-type": kind, "content-length": str(size)}))
        for _ in range(size // len(_BLOCK)):
            self.client.write(_BLOCK)
            await self.client.drain()
            await asyncio.sleep(0)  # a client who does not mind being flooded must not starve the others
        self.client.write(_BLOCK[: size % len(_BLOCK)])
        self.record.ended = WHOLE

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        return head(status, {**headers, **self.protocol.headers(self.record.number)}, keeps_alive=self.client.keeps_alive)


def head(status: int, headers: Mapping[str, str], *, keeps_alive: bool) -> bytes:
    """Return the head of an answer."""
    lines = {**headers, "server": "simulated", **({} if keeps_alive else {"connection": "close"})}
    told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {_PHRASES[status]}\r\n{told}\r\n".encode("latin-1")


class _Pace:
    """When the next piece may be sent. Waits too short to be kept are saved up."""

    def __init__(self, model: Model, speed: float, *, fault: Fault | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._token_s = 1 / model.tokens_per_s / speed
        self._trickle_s = fault.amount if fault is not None and fault.name == "trickle" else None
        self._due = self._loop.time()

    async def wait(self, tokens: int) -> None:
        self._due += tokens * self._token_s
        left = self._due - self._loop.time()
        if left > _LEAST_WAIT_S:
            await asyncio.sleep(left)

    def split(self, data: bytes) -> Sequence[bytes]:
        return [data] if self._trickle_s is None else [data[at : at + 1] for at in range(len(data))]

    async def rest(self) -> None:
        if self._trickle_s is not None:
            await asyncio.sleep(self._trickle_s)
