"""
Canaries: tens of thousands of words that nobody has said before, planted in every position of requests, and then looked for in every byte of everything.

    python bench/governance/canaries.py [CANARIES]

`pointsman up` runs as a process at the log level `debug`, with a cache, retries, an audit log with copies and content kept in full. Vendors in each zone run
here and keep all they hear; they fail in every way, and their models repeat everything. A canary is a word that only its declaration covers, an identifier,
a secret, or a header. Looked for plainly, in Base64 at each offset and in hex, in

- every byte of every file under the gateway's folder while it runs and after it has ended: ledger with its log and free pages, audit log and copies,
  sealed content, keys, what it printed on both outputs;
- what its administration says (`/metrics`, `/readyz`);
- what each vendor heard.

A unit and a user are names that the ledger is there to keep: in it, and only in it, they are allowed.
"""

import asyncio
import base64
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # not this folder: it has a `secrets.py`

import ahocorasick  # noqa: E402
import httpx2  # noqa: E402
from tests.journeys.adversary.cases import FAULTS  # noqa: E402
from tests.journeys.adversary.house import KEYS, PLACES, House, wire  # noqa: E402
from tests.journeys.adversary.oracle import Value, may_see  # noqa: E402
from tests.journeys.adversary.plants import HEADERS, POSITIONS, a_value, word  # noqa: E402
from tests.journeys.gateway import Gateway  # noqa: E402

AT_ONCE: Final = 8
PER_REQUEST: Final = (6, 10, 14)
PATHS: Final = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
CHUNK: Final = 10_000
# A user may be named in the body too.
LEDGER: Final = frozenset({"x-pointsman-unit", "x-pointsman-user", "user_field", "anthropic metadata"})


def forms(core: str) -> Iterator[str]:
    raw = core.encode()
    yield core
    yield raw.hex()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        yield whole[(-(-8 * shift // 6) + 1 if shift else 0) : len(whole) - (1 if (len(raw) + shift) % 3 else 0)]


def where(values: list[Value], sinks: Iterable[tuple[str, bytes]]) -> Iterator[tuple[Value, str, str]]:
    """Yield each canary with each sink that holds it, and in which form."""
    told = list(sinks)
    for start in range(0, len(values), CHUNK):
        search = ahocorasick.Automaton()
        for value in values[start : start + CHUNK]:
            for form in forms(value.core):
                search.add_word(form, (value, form))
        search.make_automaton()
        for name, data in told:
            found = {id(value): (value, form) for _, (value, form) in search.iter(data.decode("latin-1"))}
            for value, form in found.values():
                yield value, name, form


class Workload:
    """Requests, each with many canaries, and who may have seen them."""

    def __init__(self, house: House, gateway: Gateway, *, seed: int) -> None:
        self._house = house
        self._gateway = gateway
        self._chance = random.Random(seed)
        self.values: list[Value] = []
        self.statuses: Counter[int] = Counter()

    async def run(self, canaries: int) -> None:
        """Make requests until so many canaries are planted."""
        async with httpx2.AsyncClient(base_url=self._gateway.url, timeout=60) as client:

            async def work() -> None:
                while len(self.values) < canaries:
                    await self._one(client)

            await asyncio.gather(*[work() for _ in range(AT_ONCE)])

    async def _one(self, client: httpx2.AsyncClient) -> None:
        chance = self._chance
        surface = chance.choice(tuple(PATHS))
        is_mild = chance.random() < 0.5
        key = chance.choice(("plain", "open", "people")) if is_mild else chance.choice(tuple(KEYS))
        body: dict[str, Any] = {"messages": [{"role": "user", "content": "Help me."}], "stream": chance.random() < 0.4}
        body["model"] = chance.choice([name for name in self._house.capabilities if name.startswith("c")])
        if surface == "anthropic":
            body["max_tokens"] = 300
        values: list[Value] = []
        for position, place in chance.sample(sorted(POSITIONS[surface].items()), k=min(chance.choice(PER_REQUEST), len(POSITIONS[surface]))):
            value, text = a_value(chance, is_mild=is_mild)
            if value.disguise != "plain":
                continue
            value.position = f"anthropic {position}" if (surface, position) == ("anthropic", "metadata") else position
            place(body, text, chance)
            values.append(value)
        secret = self._house.keys[key].secret
        headers = {"authorization": f"Bearer {secret}"} if surface == "openai" else {"x-api-key": secret, "anthropic-version": "2023-06-01"}
        for name in chance.sample(HEADERS, k=2):
            values.append(Value(core=word(chance), kind="header", data_class="secret", position=name))
            headers[name] = values[-1].core
        query = headers.pop("query", None)
        self._expect(values, key)
        for vendor in self._house.vendors.values():
            if len(vendor.faults) < 2 and chance.random() < 0.1:
                vendor.faults.append(chance.choice(FAULTS))
        self.values += values
        try:
            answer = await client.post(
                PATHS[surface] + ("" if query is None else f"?q={query}"), content=wire(body), headers={"content-type": "application/json", **headers}
            )
            self.statuses[answer.status_code] += 1
        except httpx2.HTTPError:
            self.statuses[0] += 1

    def _expect(self, values: list[Value], key: str) -> None:
        classes = set(KEYS[key][0])
        for value in values:
            classes |= {value.data_class} if value.data_class not in (None, "secret") else set()
            classes |= {"health"} if value.kind == "health" else set()
        for value in values:
            if value.data_class != "secret":
                value.seen_by |= {name for name, place in PLACES.items() if may_see(value.data_class, classes, place)}


def files(folder: Path, when: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "pointsman.yaml":
            yield f"{when}: {path.relative_to(folder)}", path.read_bytes()


def said_by_administration(gateway: Gateway) -> Iterator[tuple[str, bytes]]:
    for path in ("/metrics", "/readyz", "/livez"):
        for port in (gateway.admin_port, gateway.port):
            try:
                yield f"{path} at {port}", httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=20).content
            except httpx2.HTTPError:
                continue


async def play(folder: Path, canaries: int) -> None:
    began = time.perf_counter()
    house = House(folder / "vendors", more={"retention": {"content": "full"}})
    (folder / "vendors").mkdir()
    for vendor in house.vendors.values():
        await vendor.start()
        vendor.redirects_to = house.vendors["pub"].url
    home = folder / "gateway"
    home.mkdir()
    settings: Mapping[str, Any] = {**house.told(), "retention": {"content": "full"}}
    settings["detection"].pop("plug_ins")
    gateway = Gateway(home, dict(settings), words=["--log-level", "debug"])
    await asyncio.to_thread(gateway.start)
    try:
        work = Workload(house, gateway, seed=1)
        await work.run(canaries)
        await asyncio.sleep(2)
        sinks = [*await asyncio.to_thread(lambda: list(said_by_administration(gateway))), *files(home, "running")]
    finally:
        await asyncio.to_thread(gateway.stop)
    for vendor in house.vendors.values():
        await vendor.close()
    sinks += files(home, "ended")
    heard = [(f"vendor {name}", b"".join(vendor.heard)) for name, vendor in house.vendors.items()]
    report(work, sinks, heard)
    print(f"\n{time.perf_counter() - began:.0f} s")


def report(work: Workload, sinks: list[tuple[str, bytes]], heard: list[tuple[str, bytes]]) -> None:
    kinds = Counter(value.kind for value in work.values)
    print(f"canaries {len(work.values):,} ({', '.join(f'{name} {count:,}' for name, count in kinds.most_common())})")
    print(f"answers ({', '.join(f'{status} {count:,}' for status, count in sorted(work.statuses.items()))})")
    print(f"sinks searched: {len(sinks):,} with {sum(len(data) for _, data in sinks):,} bytes; vendors heard {sum(len(data) for _, data in heard):,} bytes")
    wrong: Counter[str] = Counter()
    positions: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for value, sink, form in where(work.values, sinks):
        is_kept = value.position in LEDGER and ".db" in sink and "pointsman.db" in sink
        (kept if is_kept else wrong)[sink] += 1
        positions[value.position] += not is_kept
        if not is_kept and sum(wrong.values()) <= 20:
            print(f"   WRONG: {value.kind} of {value.position} in {sink}: {form[:40]}")
    print(f"in sinks that may not have them: {sum(wrong.values())} {dict(wrong) or ''} {dict(positions) if wrong else ''}")
    print(f"units and users in the ledger, as is its purpose: {dict(kept)}")
    allowed = forbidden = 0
    missed: Counter[str] = Counter()
    for value, sink, form in where(work.values, heard):
        if sink.removeprefix("vendor ") in value.seen_by:
            allowed += 1
        elif value.data_class is None or value.kind in ("header", "code"):
            forbidden += 1
            print(f"   WRONG: {value.kind} of {value.position} at {sink}: {form[:40]} ({value.core})")
        else:
            missed[f"{value.kind} in {value.position} at {sink}"] += 1
    print(f"at vendors that may see them: {allowed:,}; at others although declared: {forbidden}; at others because it was not found: {sum(missed.values())}")
    for name, count in missed.most_common(20):
        print(f"   {count} {name}")


def main() -> None:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # clients of the vendors leave on purpose
    canaries = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory(prefix="canaries-", ignore_cleanup_errors=True) as name:
        asyncio.run(play(Path(name), canaries))


if __name__ == "__main__":
    main()
