"""
A house to run calls in: real stages, a clock that is told the time, a list for a ledger, and vendors that follow a script.

The fake is where sockets begin: a `Vendor` stands in for the pool of connections, so that everything on this side of it is real.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from tests.values import Time, a_judge, a_snapshot, openai_answer

from pointsman.assess.checks import Checks
from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.entry import CallRecord
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Deadlines, Incoming, Outgoing
from pointsman.core.target import Target
from pointsman.decision.breaker import Breakers
from pointsman.decision.choose import Chooser
from pointsman.governance.detection.scanner import Detector
from pointsman.intake.admit import Intake
from pointsman.intake.cells import OwnCells
from pointsman.intake.meters import Meters
from pointsman.ledger.auditor import Auditor
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.rating import Rater
from pointsman.pipeline.run import run
from pointsman.pipeline.stages import Stages
from pointsman.pipeline.way import Answer
from pointsman.places.cache.answers import AnswerCache
from pointsman.places.models.outlet import ModelsPlace, Outlet
from pointsman.places.people.desk import PeoplePlace
from pointsman.places.rules.table import RulesPlace
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.settings.policy_text import PolicyText
from pointsman.surfaces.registry import BY_DIALECT as SURFACES
from pointsman.transport.connection import AnswerBroken

EVENT_STREAM = {"content-type": "text/event-stream"}
_HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "small"}


@dataclass(frozen=True)
class Says:
    """The vendor answers, after a while."""

    body: bytes = field(default_factory=openai_answer)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.1


@dataclass(frozen=True)
class Breaks:
    """The exchange breaks, after a while."""

    kind: FailureKind = FailureKind.CONNECT
    after_s: float = 0.1


@dataclass(frozen=True)
class Hangs:
    """Nothing comes until the caller gives up."""


@dataclass(frozen=True)
class Explodes:
    """A fault of our own, where none is expected."""


@dataclass(frozen=True)
class Streams:
    """The vendor streams these pieces; then it breaks, hangs, or ends."""

    pieces: tuple[bytes, ...]
    then: Breaks | Hangs | Explodes | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: dict(EVENT_STREAM))


Step = Says | Breaks | Hangs | Explodes | Streams


def sse(*payloads: str) -> tuple[bytes, ...]:
    return tuple(f"data: {payload}\n\n".encode() for payload in payloads)


def openai_stream(*words: str, usage: tuple[int, int] | None = (10, 5), ends: bool = True) -> tuple[bytes, ...]:
    """Return the pieces of a streamed answer as OpenAI-compatible servers write it."""
    told = [_chunk({"role": "assistant", "content": ""}), *(_chunk({"content": word}) for word in words)]
    if ends:
        told.append(_chunk({}, "stop"))
    if usage is not None:
        counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
        told.append(msgspec.json.encode({**_HEAD, "choices": [], "usage": counted}).decode())
    return sse(*told, "[DONE]") if ends else sse(*told)


def _chunk(delta: Mapping[str, str], finish: str | None = None) -> str:
    return msgspec.json.encode({**_HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).decode()


class Vendor:
    """Stands in for a pool of connections. `asked` keeps what was sent, with its dead-lines; `given_back` how each stream was left."""

    def __init__(self, time: Time, script: Iterable[Step]) -> None:
        self.time = time
        self.script = list(script)
        self.asked: list[tuple[Outgoing, Deadlines]] = []
        self.given_back: list[bool] = []
        self.running = 0

    async def fetch(self, outgoing: Outgoing, deadlines: Deadlines) -> Incoming:
        step = self._next(outgoing, deadlines)
        if isinstance(step, Says):
            self.time.advance(step.after_s)
            return Incoming(status=step.status, headers=step.headers, body=step.body)
        assert not isinstance(step, Streams), "the script streams, but nobody asked for a stream"
        await self.fail(step)
        raise AssertionError("unreachable")

    async def open(self, outgoing: Outgoing, deadlines: Deadlines) -> "Streamed":
        step = self._next(outgoing, deadlines)
        if not isinstance(step, Says | Streams):
            await self.fail(step)
        assert isinstance(step, Says | Streams)
        self.running += 1
        return Streamed(self, step)

    async def fail(self, step: Breaks | Hangs | Explodes) -> None:
        match step:
            case Breaks(kind, after_s):
                self.time.advance(after_s)
                raise AnswerBroken(Failure(kind=kind, message="as the script says"))
            case Hangs():
                await asyncio.Event().wait()
            case Explodes():
                raise RuntimeError("as the script says")

    def _next(self, outgoing: Outgoing, deadlines: Deadlines) -> Step:
        self.asked.append((outgoing, deadlines))
        return self.script.pop(0) if self.script else Says()


class Streamed:
    """One streamed answer."""

    def __init__(self, vendor: Vendor, step: Says | Streams) -> None:
        self._vendor = vendor
        self._step = step
        self._pieces = list(step.pieces) if isinstance(step, Streams) else []
        self._is_closed = False
        self.status = step.status if isinstance(step, Says) else 200
        self.first_byte_at = vendor.time.monotonic_s

    def header(self, name: bytes) -> str | None:
        return self._step.headers.get(name.decode())

    def hide(self, told: str) -> str:
        return told

    async def read(self) -> bytes | None:
        self._vendor.time.advance(0.01)
        await asyncio.sleep(0)
        if self._pieces:
            return self._pieces.pop(0)
        if isinstance(self._step, Streams) and self._step.then is not None:
            await self._vendor.fail(self._step.then)
        return None

    async def whole(self) -> Incoming:
        assert isinstance(self._step, Says)
        return Incoming(status=self._step.status, headers=self._step.headers, body=self._step.body)

    def close(self, *, whole: bool) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._vendor.running -= 1
            self._vendor.given_back.append(whole)


class House:
    """The stages of one snapshot, with scripted vendors by target."""

    def __init__(
        self,
        *capabilities: Capability,
        scripts: Mapping[str, Iterable[Step]] | None = None,
        unreachable: Iterable[str] = (),
        time: Time | None = None,
        detectors: Iterable[Detector] = (),
        policy: PolicyText | None = None,
        **more: Any,
    ) -> None:
        self.time = time or Time()
        self.booked: list[CallRecord] = []
        self.snapshot = a_snapshot(*capabilities, **more)
        asked = {name for name, target in self.snapshot.targets.items() if target.desk is None} - set(unreachable)
        self.vendors = {name: Vendor(self.time, (scripts or {}).get(name, ())) for name in asked}
        owned = {name: target.hardware for name, target in self.snapshot.targets.items() if target.hardware is not None}
        self.busy = {name: BusyMeter(hardware.hourly_nano_usd, self.time.monotonic_s) for name, hardware in owned.items()}
        self.breakers = Breakers(lambda: self.time.monotonic_s)
        self.meters = Meters(OwnCells())
        clock = self.time.clock
        self.stages = Stages(
            snapshot=self.snapshot,
            surfaces=SURFACES,
            intake=Intake(self.snapshot, self.meters, clock=clock, price_of=_own_price),
            judge=a_judge(self.snapshot, *detectors, policy=policy),
            auditor=Auditor(None, detectors=(), wall_ms=clock.wall_ms),
            chooser=Chooser(misfits=_misfits, health=lambda name: self.breakers.open_class(name) if name in self.vendors else "no_credential"),
            breakers=self.breakers,
            rules={name: RulesPlace(table) for name, table in self.snapshot.rules.items()},
            cache=AnswerCache(max_bytes=100_000, now=lambda: self.time.monotonic_s),
            models=ModelsPlace({name: self._outlet(name) for name in self.vendors}, sse_line_bytes=100_000),
            people=PeoplePlace(),
            checks=Checks(self.snapshot),
            rater=Rater(_own_price, self.busy, clock=clock),
            book=self.booked.append,
            clock=clock,
        )

    def _outlet(self, name: str) -> Outlet:
        pool: Any = self.vendors[name]
        dialect = self.snapshot.targets[name].dialect
        assert dialect is not None
        return Outlet(pool, WIRES[dialect])

    def use(self, log: Any) -> None:
        """Tell an audit log of everything from now on, as the gateway does."""
        auditor = Auditor(log, detectors=(), wall_ms=self.time.clock.wall_ms)

        def book(record: CallRecord) -> None:
            self.booked.append(record)
            auditor.closed(record)

        self.stages = replace(self.stages, auditor=auditor, book=book)

    async def run(self, call: Call, asked: Asked | None = None) -> Answer:
        return await run(call, asked or Asked(), stages=self.stages)

    def ask(self, call: Call, asked: Asked | None = None) -> bytes:
        """Run a call to its end and return what the caller received. Raises what the caller would be told."""
        return asyncio.run(self._ask(call, asked))

    async def _ask(self, call: Call, asked: Asked | None) -> bytes:
        answer = await self.run(call, asked)
        if answer.chunks is None:
            return answer.body
        async with aclosing(answer.chunks) as chunks:
            return b"".join([data async for data in chunks])

    @property
    def record(self) -> CallRecord:
        """The only record."""
        (found,) = self.booked
        return found

    @property
    def asked(self) -> dict[str, int]:
        """How often each vendor was asked."""
        return {name: len(vendor.asked) for name, vendor in self.vendors.items() if vendor.asked}


def _own_price(target: Target) -> Any:
    return target.price


def _misfits(call: Call, target: Target) -> tuple[str, ...]:
    return () if target.dialect is None else WIRES[target.dialect].misfits(call, target)
