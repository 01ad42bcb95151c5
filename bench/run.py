"""
The figures of Pointsman, measured on this machine: `make bench`, or `python bench/run.py --quick` for a first look.

Starts everything itself, on loopback, in a temporary folder, and ends it. Prints a table and writes JSON. The method is told in `bench/README.md`.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import contenders
import scenarios
from contenders import Contender, build
from measure import Bench
from scenarios import Figure

_SCENARIOS: dict[str, Callable[[Bench], list[Figure]]] = {
    "throughput": scenarios.throughput,
    "latency": scenarios.added_latency,
    "first-token": scenarios.first_token,
    "streams": scenarios.many_streams,
    "start": scenarios.start_and_rest,
    "workers": scenarios.two_workers,
    "memory": scenarios.flat_memory,
    "footprint": scenarios.footprint,
}


def main() -> None:
    told = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="pointsman-bench-"))
    try:
        bench = Bench(folder=folder, load=build("load.c", folder), mock=build("mock.c", folder), is_quick=told.quick)
        result: dict[str, Any] = {"machine": _machine(), "quick": told.quick, "figures": {}}
        for name in told.scenarios:
            _measure(name, lambda name=name: _SCENARIOS[name](bench), result)
        rivals = _rivals(told, folder)
        if rivals:
            _measure("others", lambda: scenarios.others(bench, rivals), result)
        result["thrown_away"] = bench.thrown_away
        told.output.parent.mkdir(parents=True, exist_ok=True)
        told.output.write_text(json.dumps(result, indent=1) + "\n")
        told.output.with_suffix(".md").write_text(_markdown(result))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nWritten to {told.output} and, as a table, to {told.output.with_suffix('.md')}. Rounds thrown away: {len(bench.thrown_away)}.")


def _measure(name: str, work: Callable[[], list[Figure]], result: dict[str, Any]) -> None:
    began = time.monotonic()
    figures = work()
    print(f"\n{name} ({time.monotonic() - began:.0f} s)")
    for one in figures:
        bound = "" if one.goal is None else f"  goal {'≤' if one.at_most else '≥'} {one.goal:g}: {'holds' if one.holds else 'MISSED'}"
        print(f"  {one.name:62} {_shown(one.value):>10} {one.unit:22}{bound}", flush=True)
    result["figures"][name] = [{"name": one.name, "value": one.value, "unit": one.unit, "goal": one.goal, "holds": one.holds} for one in figures]


def _markdown(result: dict[str, Any]) -> str:
    machine = result["machine"]
    told = f"{machine['at']}, commit {machine['commit']}, {machine['cores']} cores of {machine['cpu']}, Python {machine['python']}, kernel {machine['kernel']}"
    lines = [f"{told}; {len(result['thrown_away'])} rounds thrown away.", "", "| figure | value | goal |", "|---|---|---|"]
    for one in (one for figures in result["figures"].values() for one in figures):
        goal = "" if one["goal"] is None else f"{one['goal']:g} ({'holds' if one['holds'] else '**missed**'})"
        lines.append(f"| {one['name']} | {_shown(one['value'])} {one['unit']} | {goal} |")
    return "\n".join(lines) + "\n"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "unknown")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit,
        "cpu": model,
        "cores": os.cpu_count(),
        "load_average_before": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
    }


def _rivals(told: argparse.Namespace, folder: Path) -> list[Contender]:
    found: list[Contender] = []
    if told.litellm is not None:
        found.append(contenders.litellm(told.litellm, folder))
    if told.portkey is not None:
        found.append(contenders.portkey(told.portkey))
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=list(_SCENARIOS), help=f"which to run; by default all: {', '.join(_SCENARIOS)}")
    parser.add_argument("--quick", action="store_true", help="short rounds: about two minutes in all")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "dist" / "bench.json", help="where the JSON goes")
    parser.add_argument("--litellm", type=Path, help="the program `litellm` of an own environment, to be measured beside")
    parser.add_argument("--portkey", type=Path, help="the script `build/start-server.js` of `@portkey-ai/gateway`, to be measured beside")
    told = parser.parse_args()
    unknown = [name for name in told.scenarios if name not in _SCENARIOS]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; choose from {', '.join(_SCENARIOS)}")
    if sys.platform != "linux" or (os.cpu_count() or 1) < 2:
        parser.error("this needs Linux (epoll, /proc, taskset) and two cores")
    return told


if __name__ == "__main__":
    main()
