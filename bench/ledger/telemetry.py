"""
What telemetry costs: the caller's time to note a call, the CPU of everything behind it, a collector that hangs, and a scrape.

    .venv/bin/python bench/ledger/telemetry.py [rounds]

Rounds of the ways to run are measured in turn (A B C A B C …), each in this process with the collector in another; told are medians. "Caller" is CPU of the
thread that notes, "all" that of the process: counting, making spans, encoding and sending.
"""

import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import system_clock
from pointsman.app.telemetry import Telemetry
from pointsman.core.call import Sampling
from pointsman.core.entry import CallRecord, Entry, Told
from pointsman.core.ids import uuid7
from pointsman.core.place import Dialect, Place
from pointsman.core.reply import Finish, Usage
from pointsman.settings.load import Settings, load
from pointsman.settings.secret_value import Secret
from pointsman.telemetry.measures import FIGURES

CALLS = 5_000  # their spans fit into the queue, so that all are sent
START_MS = 1_767_225_600_000


class Takes(BaseHTTPRequestHandler):
    """A collector that takes everything; one that hangs if its server is told to."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take what is sent."""
        self.rfile.read(int(self.headers["content-length"]))
        if getattr(self.server, "hangs", False):
            time.sleep(3600)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def serve(hangs: bool, told: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    server.daemon_threads = True
    server.hangs = hangs  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    told.put(server.server_address[1])
    server.serve_forever()


@contextmanager
def a_collector(*, hangs: bool = False) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    process = context.Process(target=serve, args=(hangs, told), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{told.get(timeout=20)}"
    finally:
        process.kill()
        process.join()


def settings_of(folder: Path, workflows: int = 1, **telemetry: Any) -> Settings:
    path = folder / "pointsman.yaml"
    objectives = {"answers": {"kind": "success", "share": 0.99}, "speed": {"kind": "latency", "share": 0.95, "threshold_ms": 2000}}
    path.write_text(
        json.dumps(
            {
                "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
                "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
                "capabilities": {f"c{number}": {"ladder": ["acme/small"]} for number in range(workflows)},
                "workflows": {f"workflow-{number:02}": {"capabilities": [f"c{number}"], "objectives": objectives} for number in range(workflows)},
                "telemetry": telemetry,
            }
        )
    )
    return load(path, facts(Prices(system_clock().wall_ms)))


def records(count: int, *, workflows: int = 1) -> list[CallRecord]:
    usage = Usage(tokens_in=900, tokens_out=120, cache_read=512)
    told = Told(reply_id="chatcmpl-1", model="small-2026", finish=Finish.DONE)
    entry = Entry(
        seq=0,
        place=Place.CLOUD,
        target="acme/small",
        error=None,
        latency_ms=812.0,
        first_byte_ms=130.0,
        usage=usage,
        cost_nano_usd=1_140_000,
        price_id="contract:1",
        begun_ms=1.2,
        told=told,
    )
    step = 0x9E37_79B9_7F4A_7C15
    return [
        CallRecord(
            call_id=uuid7(now_ms=START_MS + number, random_bits=number * step),
            started_ms=START_MS + number,
            capability="c0",
            unit=f"ticket-{number}",
            key_id="web",
            tenant="default",
            team="care",
            application="desk",
            user=None,
            data_class="internal",
            snapshot="0123456789abcdef",
            status="ok",
            reason="first",
            latency_ms=820.0,
            entries=(entry,),
            considered=(("acme/big", "too_dear"),),
            workflow=f"workflow-{number % workflows:02}",
            dialect=Dialect.OPENAI_CHAT,
            sampling=Sampling(max_tokens=500, temperature=0.2),
        )
        for number in range(count)
    ]


def made(settings: Settings) -> Telemetry:
    return Telemetry(settings, clock=system_clock(), secret=Secret)


def cost(settings: Settings, told: list[CallRecord]) -> tuple[float, float]:
    """Return µs of CPU for each call: the caller's, and everybody's until all is sent."""
    telemetry = made(settings)
    everybody, caller = time.process_time(), time.thread_time()
    for record in told:
        telemetry.note(record)
    noted = time.thread_time() - caller
    telemetry._tick()  # noqa: SLF001 - closing would give up what takes longer than its patience
    while telemetry._courier is not None and telemetry._courier.waiting:  # noqa: SLF001 - as above
        time.sleep(0.05)
    telemetry.close()
    return noted / len(told) * 1e6, (time.process_time() - everybody) / len(told) * 1e6


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as name, a_collector() as url:
        folder, told = Path(name), records(CALLS)
        ways = {
            "figures only (no collector)": settings_of(folder),
            "10 % of traces sampled": settings_of(folder, otlp=url, sample=0.1),
            "all traces sampled": settings_of(folder, otlp=url, sample=1.0),
            "all traces, both conventions": settings_of(folder, otlp=url, sample=1.0, semconv="both"),
        }
        for settings in ways.values():
            cost(settings, told[:2000])
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, settings in ways.items():
                found[way].append(cost(settings, told))
        print("| way | caller, µs a call | all, µs a call |\n|---|---|---|")
        for way, pairs in found.items():
            print(f"| {way} | {statistics.median(one for one, _ in pairs):.2f} | {statistics.median(both for _, both in pairs):.1f} |")
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as name, a_collector(hangs=True) as url:
        hang(settings_of(Path(name), otlp=url, sample=1.0))
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as name:
        scrape(settings_of(Path(name), workflows=40))


def hang(settings: Settings) -> None:
    telemetry, told = made(settings), records(60_000)
    took: list[float] = []
    for record in told:
        before = time.perf_counter()
        telemetry.note(record)
        took.append(time.perf_counter() - before)
        if len(took) % 2000 == 0:
            time.sleep(0.1)  # 20,000 calls a second
    took.sort()
    text = telemetry.render_metrics().decode()
    dropped = next(line for line in text.splitlines() if line.startswith('pointsman_telemetry_dropped_total{what="spans"}')).split()[-1]
    before = time.perf_counter()
    telemetry.close()
    print(f"\na collector that hangs, 60,000 calls, {3 * len(told):,} spans: noted in p50 {took[30_000] * 1e6:.2f} µs, p99 {took[59_400] * 1e6:.2f} µs,")
    print(f"left out and counted {float(dropped):,.0f} spans; closing took {time.perf_counter() - before:.2f} s")


def scrape(settings: Settings) -> None:
    telemetry = made(settings)
    for record in records(8000, workflows=40):
        telemetry.note(record)
    telemetry.render_metrics()
    took: list[float] = []
    text = b""
    for _ in range(30):
        before = time.perf_counter()
        text = telemetry.render_metrics()
        took.append(time.perf_counter() - before)
    telemetry.close()
    print(f"\na scrape of {len(FIGURES)} figures of 40 workflows: {len(text) / 1000:.1f} kB, median {statistics.median(took) * 1000:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
