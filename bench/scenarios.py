"""
The figures that are promised, one function each: what is run, and what is read from it. A figure is (name, value, unit, goal or None).
"""

import importlib.metadata
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contenders
from contenders import MOCK_PORT, Contender
from measure import Bench, Round, first_answer, median

_REPO = Path(__file__).parent.parent
_CONNECTIONS = 32
_RATE = 200


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `goal` is the bound, below which (`at_most`) or above which the value should stand."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = True

    @property
    def holds(self) -> bool | None:
        """Tell whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


@contextmanager
def running(*all_of: Contender) -> Iterator[None]:
    """Start contenders, and stop them whatever happens."""
    try:
        for one in all_of:
            one.start()
        yield
    finally:
        for one in reversed(all_of):
            one.stop()


def throughput(bench: Bench) -> list[Figure]:
    """Everything on against nginx, and an exact-cache hit against nginx; one core, closed loop."""
    nginx, ours = contenders.nginx(bench.folder), contenders.pointsman(bench.folder)
    count, seconds = (3, 1.0) if bench.is_quick else (5, 4.0)
    with running(contenders.mock(bench.mock, spins=5000), nginx, ours):
        for model in ("chat", "cached"):
            bench.round("closed", ours, (_CONNECTIONS, 0.5), model=model)
        found = bench.rounds(
            count,
            {
                "nginx": lambda: bench.round("closed", nginx, (_CONNECTIONS, seconds)),
                "ours": lambda: bench.round("closed", ours, (_CONNECTIONS, seconds)),
                "cached": lambda: bench.round("closed", ours, (_CONNECTIONS, seconds), model="cached"),
            },
        )
    base = median(found["nginx"], lambda one: one.per_s)
    figures = [Figure(name="nginx", value=base, unit="requests/s per core"), _cpu("nginx", found["nginx"])]
    for name, told, goal in (("ours", "everything on", 0.35), ("cached", "exact-cache hit", 0.7)):
        speed = median(found[name], lambda one: one.per_s)
        figures += [
            Figure(name=told, value=speed, unit="requests/s per core"),
            _cpu(told, found[name]),
            Figure(name=f"{told}, p99", value=median(found[name], lambda one: one.told["latency"]["p99"]) / 1000, unit="ms at 32 connections"),
            Figure(name=told, value=speed / base, unit="of nginx", goal=goal, at_most=False),
            Figure(name=f"{told}, by CPU", value=median(found["nginx"], _cpu_us) / median(found[name], _cpu_us), unit="of nginx"),
        ]
    return figures


def _cpu_us(one: Round) -> float:
    return one.cpu_us


def _cpu(name: str, rounds: list[Round]) -> Figure:
    return Figure(name=f"{name}, CPU", value=median(rounds, _cpu_us), unit="µs per request")


def added_latency(bench: Bench) -> list[Figure]:
    """200 requests a second in an open loop, a vendor that takes 20 ms; what is added to asking it directly."""
    nginx, ours = contenders.nginx(bench.folder), contenders.pointsman(bench.folder)
    count, seconds = (2, 3.0) if bench.is_quick else (5, 8.0)
    with running(contenders.mock(bench.mock, delay_ms=20), nginx, ours):
        found = _open_rounds(bench, count, seconds, {"direct": MOCK_PORT, "through nginx": nginx, "through Pointsman": ours})
    return _added(found, {"through Pointsman": (0.4, 1.5), "through nginx": (None, None)})


def _open_rounds(bench: Bench, count: int, seconds: float, all_of: dict[str, Contender | int]) -> dict[str, list[Round]]:
    each: dict[str, Callable[[], Round]] = {name: (lambda at=at: bench.round("open", at, (_RATE, seconds))) for name, at in all_of.items()}
    return bench.rounds(count, each)


def _added(found: dict[str, list[Round]], goals: dict[str, tuple[float | None, float | None]]) -> list[Figure]:
    figures: list[Figure] = []
    for name, bounds in goals.items():
        for quantile, goal in zip(("p50", "p99"), bounds, strict=True):
            # Each round is compared with the direct one beside it, so that what slows the machine slows both.
            pairs = zip(found[name], found["direct"], strict=True)
            added = statistics.median((a.told["latency"][quantile] - b.told["latency"][quantile]) / 1000 for a, b in pairs)
            figures.append(Figure(name=f"added {name}, {quantile}", value=added, unit="ms at 200/s", goal=goal))
    return figures


def first_token(bench: Bench) -> list[Figure]:
    """20 streams at a time: what is added to the time to the first event."""
    nginx, ours = contenders.nginx(bench.folder), contenders.pointsman(bench.folder)
    count, streams = (3, 100) if bench.is_quick else (5, 300)
    with running(contenders.mock(bench.mock, delay_ms=20, chunks=20, gap_ms=10), nginx, ours):
        each: dict[str, Callable[[], Round]] = {
            name: (lambda at=at: bench.round("stream", at, (20, streams))) for name, at in (("direct", MOCK_PORT), ("nginx", nginx), ("ours", ours))
        }
        found = {name: [one() for _ in range(count)] for name, one in each.items()} if bench.is_quick else bench.rounds(count, each)
    figures: list[Figure] = []
    for name, goal in (("ours", 1.0), ("nginx", None)):
        for quantile in ("p50", "p99"):
            added = median(found[name], lambda one: one.told["first"][quantile]) - median(found["direct"], lambda one: one.told["first"][quantile])  # noqa: B023 - called at once
            figures.append(
                Figure(name=f"added time to first token, {name}, {quantile}", value=added / 1000, unit="ms", goal=goal if quantile == "p50" else None)
            )
    return figures


def many_streams(bench: Bench) -> list[Figure]:
    """1,000 streams at a time of one event in 100 ms: CPU for each thousand events, how long an event is on its way, and stalls (over 250 ms)."""
    nginx, ours = contenders.nginx(bench.folder), contenders.pointsman(bench.folder)
    chunks, streams = (60, 1000) if bench.is_quick else (100, 2000)
    figures: list[Figure] = []
    with running(contenders.mock(bench.mock, chunks=chunks, gap_ms=100), nginx, ours):
        for name, at, goal in (("ours", ours, 50.0), ("nginx", nginx, None)):
            one = bench.round("stream", at, (1000, streams))
            told = one.told["forward"]
            figures += [
                Figure(name=f"1,000 streams, {name}, CPU", value=one.cpu_ms_per_1000_chunks, unit="ms per 1,000 events", goal=goal),
                Figure(name=f"1,000 streams, {name}, event on its way, p50", value=told["p50"] / 1000, unit="ms"),
                Figure(name=f"1,000 streams, {name}, event on its way, p99", value=told["p99"] / 1000, unit="ms"),
                Figure(
                    name=f"1,000 streams, {name}, stalls and errors", value=one.told["stalls"] + one.told["errors"], unit="", goal=None if goal is None else 0
                ),
            ]
    return figures


def start_and_rest(bench: Bench) -> list[Figure]:
    """Cold start to the first answer, and memory at rest after it."""
    ours = contenders.pointsman(bench.folder)
    starts: list[float] = []
    resting = 0.0
    with running(contenders.mock(bench.mock)):
        for _ in range(3 if bench.is_quick else 7):
            try:
                starts.append(first_answer(ours))
                time.sleep(0.3)
                resting = ours.rss_mib()
            finally:
                ours.stop()
    return [
        Figure(name="cold start to first answer", value=statistics.median(starts), unit="s", goal=0.6),
        Figure(name="idle memory (RSS)", value=resting, unit="MiB", goal=60),
    ]


def two_workers(bench: Bench) -> list[Figure]:
    """
    What a second worker brings.

    With the load on the same two cores, the wall figure of two is what the load leaves of the second core. So the promise is read from CPU: two workers that
    share one core and one worker on it, same load; what each request costs more with two is what they cost each other (locks, one ledger file).
    """
    seconds = 1.5 if bench.is_quick else 4.0
    mock = contenders.mock(bench.mock)
    layouts = {"one": (1, "0"), "two on one core": (2, "0"), "two on both cores": (2, "0,1")}
    found: dict[str, list[Round]] = {name: [] for name in layouts}
    for _ in range(2 if bench.is_quick else 4):
        for name, (workers, cores) in layouts.items():
            ours = contenders.pointsman(bench.folder, workers=workers, cores=cores)
            with running(mock, ours):
                time.sleep(0.5)
                bench.round("burst", ours, (64, 0.5))
                found[name].append(bench.round("burst", ours, (64, seconds)))
    wall = median(found["two on both cores"], lambda one: one.per_s) / median(found["one"], lambda one: one.per_s)
    cost = median(found["one"], lambda one: one.cpu_us) / median(found["two on one core"], lambda one: one.cpu_us)
    return [
        Figure(name="two workers, wall, load on the same two cores", value=wall, unit="of one"),
        Figure(name="two workers, by CPU per request", value=2 * cost, unit="of one", goal=1.8, at_most=False),
    ]


def flat_memory(bench: Bench) -> list[Figure]:
    """Memory over 200,000 requests and 2,000 streams that are left half-way."""
    ours = contenders.pointsman(bench.folder)
    wanted = 20_000 if bench.is_quick else 200_000
    aborts = 400 if bench.is_quick else 2_000
    with running(contenders.mock(bench.mock, chunks=50, gap_ms=5), ours):
        speed = bench.round("closed", ours, (_CONNECTIONS, 2.0)).per_s
        bench.round("abort", ours, (50, 100))
        before = ours.rss_mib()
        bench.round("closed", ours, (_CONNECTIONS, wanted / speed))
        between = ours.rss_mib()
        bench.round("abort", ours, (50, aborts))
        after = ours.rss_mib()
    return [
        Figure(name=f"memory grown over {wanted:,} requests", value=between - before, unit="MiB", goal=4),
        Figure(name=f"memory grown over {aborts:,} streams left half-way", value=after - between, unit="MiB", goal=4),
    ]


def footprint(bench: Bench) -> list[Figure]:
    """Modules, the help text, the wheel, what an installation brings."""
    counted = subprocess.run([sys.executable, "-c", "import sys, pointsman.app.gateway; print(len(sys.modules))"], capture_output=True, check=True)
    helps: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run([Path(sys.executable).parent / "pointsman", "--help"], capture_output=True, check=True)
        helps.append(time.monotonic() - began)
    wheels = bench.folder / "wheels"
    told = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", wheels, _REPO]
    subprocess.run(told, check=True)
    return [
        Figure(name="modules after importing the gateway", value=float(counted.stdout), unit="", goal=600),
        Figure(name="`pointsman --help`", value=statistics.median(helps), unit="s", goal=0.2),
        Figure(name="wheel", value=next(wheels.glob("*.whl")).stat().st_size / 1e6, unit="MB", goal=1),
        Figure(name="distributions of the core install", value=len(_closure("pointsman")), unit="", goal=15),
    ]


def _closure(name: str) -> set[str]:
    found: set[str] = set()
    to_see = [name]
    while to_see:
        one = to_see.pop().lower().replace("_", "-")
        if one in found:
            continue
        try:
            needs: list[Any] = importlib.metadata.requires(one) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # only for other systems
        found.add(one)
        to_see += [_bare(told) for told in needs if "extra ==" not in told]
    return found


def _bare(requirement: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else " " for char in requirement).split()[0]


def others(bench: Bench, all_of: list[Contender]) -> list[Figure]:
    """Other gateways, forwarding to the same mock: throughput and added latency."""
    figures: list[Figure] = []
    seconds = 2.0 if bench.is_quick else 5.0
    for other in all_of:
        with running(contenders.mock(bench.mock)):
            first_answer(other, within_s=90)
            try:
                bench.round("closed", other, (_CONNECTIONS, 2))
                rounds = [bench.round("closed", other, (_CONNECTIONS, seconds)) for _ in range(2)]
                memory = other.rss_mib()
            finally:
                other.stop()
        figures += [
            Figure(name=other.name, value=median(rounds, lambda one: one.per_s), unit="requests/s per core"),
            _cpu(other.name, rounds),
            Figure(name=f"{other.name}, memory", value=memory, unit="MiB"),
        ]
    return figures
