"""
A gateway in this process with real sockets on both sides: the listener that applications talk to, and vendors in every zone that keep every byte.

It can be hurt: detectors that crash or dawdle at a word, an audit log that cannot be written, a full disk, another policy in the middle of a call.
"""

import asyncio
import errno
import json
import logging
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import yaml
from tests.journeys.adversary.oracle import Place
from tests.journeys.adversary.vendors import Vendor

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.core.clock import Clock
from pointsman.core.entry import CallRecord
from pointsman.intake.keys import mint
from pointsman.server.listener import Client
from pointsman.server.serve import _bounds, bind
from pointsman.server.site import Site
from pointsman.settings.load import Settings, load

PLACES: Final[Mapping[str, Place]] = {
    "pub": Place(zone="public_api"),
    "nowhere": Place(zone="public_api", has_region=False),
    "lax": Place(zone="public_api"),  # has an agreement, and keeps what it is sent
    "con": Place(zone="contracted"),
    "baa": Place(zone="contracted", has_baa=True),
    "lapsed": Place(zone="contracted", has_baa=True, is_open=False),
    "priv": Place(zone="private"),
    "edge": Place(zone="edge"),
}
_TERMS: Final = {"retention_days": 0, "trains": False, "agreements": ["dpa"]}
_VENDORS: Final[Mapping[str, dict[str, Any]]] = {
    "pub": {"region": "eu", "zone": "public_api"},
    "nowhere": {"zone": "public_api"},
    "lax": {"region": "eu", "terms": {"agreements": ["dpa"], "retention_days": 30, "trains": False}},
    "con": {"region": "eu", "terms": _TERMS},
    "baa": {"region": "us", "terms": {**_TERMS, "agreements": ["dpa", "baa"]}},
    "lapsed": {"region": "eu", "terms": {**_TERMS, "agreements": ["dpa", "baa"], "next_review": "2020-01-01"}},
    "priv": {"region": "eu", "zone": "private"},
    "edge": {"region": "eu", "zone": "edge"},
}
LADDERS: Final = (
    ("pub", "con", "priv"),
    ("nowhere", "lax", "pub", "edge", "priv"),
    ("lapsed", "baa", "con", "pub"),
    ("priv", "edge", "con", "pub"),
    ("edge", "priv", "baa", "lax"),
    ("priv", "pub", "nowhere"),
    ("pub",),
    ("con", "pub", "baa"),
    ("baa", "edge", "lax", "priv"),
    ("lax", "lapsed", "nowhere", "pub", "con", "baa", "edge", "priv"),
)
MIXES: Final = ("oa", "ao")  # which protocol each rung speaks: its own caller's or another
# What each key says of all its data, and its tenant.
KEYS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "plain": (("internal",), "one"),
    "open": (("public",), "one"),
    "people": (("personal",), "one"),
    "bank": (("personal", "financial"), "two"),
    "inner": (("confidential",), "two"),
    "clinic": (("health",), "two"),
    "law": (("legal",), "three"),
    "source": (("source_code",), "three"),
    "strict": (("restricted",), "three"),
    "vault": (("secret",), "three"),
}
RAW: Final = ("plain", "bank")  # who may name a target
_MIXED: Final = 4  # ladders that there are in both mixes
DETONATE, DAWDLE = "detonate-the-detector-now", "let-the-detector-dawdle-now"
BUDGET_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Answered:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class House:
    """The gateway and its vendors."""

    def __init__(self, folder: Path, *, more: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.path = folder / "pointsman.yaml"
        self.vendors = {name: Vendor(name=name) for name in PLACES}
        self.keys = {name: mint(name.encode().ljust(32, b"k")) for name in KEYS}
        self._more = dict(more or {})
        self._ahead_s = 0.0
        self._system = system_clock()
        self._clients: set[Client] = set()
        self.capabilities: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        _plug_in(self.folder)
        for vendor in self.vendors.values():
            await vendor.start()
        for vendor in self.vendors.values():
            vendor.redirects_to = self.vendors["pub"].url
        self.clock = Clock(monotonic_s=self._monotonic_s, wall_ms=self._system.wall_ms, sleep=_hardly, chance=self._system.chance)
        self.facts = facts(Prices(self.clock.wall_ms))
        self.calm = self.settings()
        self.stricter = self.settings(policy={"rules": [_NO_PEOPLE]})
        self.gateway = Gateway(self.calm, environ={}, clock=self.clock)
        book, self.failed = self.gateway.ledger.book, set[str]()

        def noting(record: CallRecord) -> None:
            self.failed |= {what for what in record.found if what.startswith("failed:")}
            book(record)

        self.gateway.ledger.book = noting
        loop = asyncio.get_running_loop()
        self.site = Site(self.gateway)
        sock = bind("127.0.0.1:0", shared=False)
        self.port = sock.getsockname()[1]
        bounds, site = _bounds(self.calm), self.site
        self._server = await loop.create_server(lambda: Client(loop, bounds, answer=site.answer, refuse=site.refuse, clients=self._clients), sock=sock)
        self._sweeping = asyncio.ensure_future(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeping.cancel()
        self._server.close()
        for client in list(self._clients):
            client.close_when_idle()
        for vendor in self.vendors.values():
            await vendor.close()
        sys.path.remove(str(self.folder / "site"))
        self.gateway.close()

    def settings(self, **more: Any) -> Settings:
        """Return the settings of this house, with other parts."""
        self.path.write_text(yaml.safe_dump({**self.told(), **self._more, **more}, sort_keys=False), encoding="utf-8")
        return load(self.path, self.facts)

    def told(self) -> dict[str, Any]:
        """Return the configuration."""
        quick = {"first_byte_s": 0.2, "gap_s": 0.15, "total_s": 20}
        retries = {"per_target": 1, "budget": 4, "backoff_s": 0.001, "longest_wait_s": 1}
        usual = {"deadlines": quick, "retries": retries}
        price = {"input_usd_per_million": 1, "output_usd_per_million": 2}
        vendors, targets = {}, {}
        for name, told in _VENDORS.items():
            vendors[f"{name}-o"] = {"kind": "openai_compatible", "base_url": f"{self.vendors[name].url}/v1", **told}
            vendors[f"{name}-a"] = {"kind": "anthropic_compatible", "base_url": self.vendors[name].url, **told}
            for dialect in "oa":
                place = {"place": "private"} if name in ("priv", "edge") else {}
                targets[f"{name}-{dialect}"] = {"vendor": f"{name}-{dialect}", "model": "m", "price": price, **place}
        capabilities = {}
        for number, ladder in enumerate(LADDERS):
            for dialect in MIXES if number < _MIXED else MIXES[number % 2 :][:1]:
                rungs = [f"{name}-{dialect[at % 2]}" for at, name in enumerate(ladder)]
                capabilities[f"c{number}-{dialect}"] = {"ladder": rungs, **usual, **({"cache": True} if number % 3 == 0 else {})}
                if number % 2:
                    capabilities[f"s{number}-{dialect}"] = {"ladder": rungs, **usual, "summariser": f"priv-{dialect[0]}"}
        self.capabilities = tuple(capabilities)
        keys = {
            name: {
                "sha256": self.keys[name].sha256,
                "data_class": list(classes),
                "tenant": tenant,
                "scopes": ["call", *(["raw_targets"] if name in RAW else [])],
            }
            for name, (classes, tenant) in KEYS.items()
        }
        detection = {"plug_ins": ["adversary"], "budget_ms": BUDGET_MS}
        audit = {"copies": ["file:outside"], "origin": "adversary.test/log"}
        return {"vendors": vendors, "targets": targets, "capabilities": capabilities, "keys": keys, "detection": detection, "audit": audit}

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def pass_time(self, seconds: float = 3600.0) -> None:
        """Let time pass between calls, so that every target is tried again and nothing is found in the cache."""
        self._ahead_s += seconds

    def _monotonic_s(self) -> float:
        return self._system.monotonic_s() + self._ahead_s

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.gateway.sweep()

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], *, leave_after_s: float | None = None) -> Answered | None:
        """Ask as an application does; or go away in the middle."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            told = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body)), "connection": "close", **headers}
            top = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items()) + "\r\n"
            writer.write(top.encode() + body)
            if leave_after_s is not None:
                await asyncio.sleep(leave_after_s)
                return None
            return _answered(await asyncio.wait_for(reader.read(), 60))
        finally:
            writer.close()

    # ── harm ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def tighten(self) -> None:
        """Put a stricter policy into force."""
        self.gateway.reload(self.stricter)

    @contextmanager
    def unwritable_log(self) -> Iterator[None]:
        """The audit log's disk is full, the ledger's is not."""
        stream = self.gateway._audit._stream  # a full disk under this one file cannot be had otherwise
        write = stream.write

        def full(_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        stream.write = full  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            stream.write = write  # pyright: ignore[reportAttributeAccessIssue]

    async def recovered(self) -> None:
        """Wait until everything can be written again."""
        end = self._system.monotonic_s() + 40
        while self.gateway.trouble() is not None:
            assert self._system.monotonic_s() < end, f"still in trouble: {self.gateway.trouble()}"
            await asyncio.sleep(0.01)


_NO_PEOPLE: Final = {"id": "no-people-outside", "effect": "forbid", "classes": ["personal"], "targets": {"zone": ["public_api", "contracted"]}}


class FullDisk:
    """While anybody is within, no file of this process can grow."""

    def __init__(self) -> None:
        self._within = 0

    def __enter__(self) -> None:
        self._within += 1
        self._set(1)

    def __exit__(self, *_: object) -> None:
        self._within -= 1
        if not self._within:
            self._set(resource.getrlimit(resource.RLIMIT_FSIZE)[1])

    def _set(self, most: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


FULL_DISK: Final = FullDisk()


async def _hardly(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.001))


def _answered(raw: bytes) -> Answered:
    top, _, rest = raw.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        rest = _joined(rest)
    return Answered(int(lines[0].split(" ")[1]) if raw else 0, headers, rest)


def _joined(rest: bytes) -> bytes:
    told = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        told, rest = told + rest[:length], rest[length + 2 :]
    return told


def _plug_in(folder: Path) -> None:
    """Install a package that brings a detector, as far as Python's metadata goes."""
    site = folder / "site"
    info = site / "adversary-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adversary\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pointsman.detectors]\nadversary = tests.journeys.adversary.detector:Fragile\n", encoding="utf-8")
    sys.path.append(str(site))


def wire(tree: Mapping[str, Any]) -> bytes:
    """Return a body as an application writes it."""
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


logging.getLogger("pointsman").addHandler(logging.NullHandler())
