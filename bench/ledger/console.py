"""
What the console weighs: the first page over the wire, how soon a headless Chromium that knows nothing yet has it ready, and what twenty tabs add to the server.

    python bench/ledger/console.py [FOLDER]

FOLDER holds a `pointsman.yaml` and its ledger; without one an empty gateway is measured. The gateway is a process of its own: memory is that of `pointsman up`.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.journeys.browsing import Tab, chromium

from pointsman.cli.demonstration.processes import free_port

ROUNDS = 7
TABS = 20
PATIENCE_S = 30
EMPTY: dict[str, Any] = {
    "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
    "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
    "capabilities": {"support": {"ladder": ["acme/small"]}},
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        if len(sys.argv) > 1:
            shutil.copytree(sys.argv[1], home)
        else:
            home.mkdir()
            (home / "pointsman.yaml").write_text(yaml.safe_dump(EMPTY))
        told = yaml.safe_load((home / "pointsman.yaml").read_text())
        told["server"] = {**told.get("server", {}), "listen": f"127.0.0.1:{free_port()}", "admin": f"127.0.0.1:{free_port()}"}
        (home / "pointsman.yaml").write_text(yaml.safe_dump(told))
        out = home / "up.out"
        with out.open("wb") as file:
            up = subprocess.Popen(
                [sys.executable, "-c", "from pointsman.cli.main import main; main()", "up", "--json"], cwd=home, stdout=file, stderr=subprocess.DEVNULL
            )
        try:
            measure(up.pid, started(out))
        finally:
            up.terminate()
            up.wait()


def measure(pid: int, told: dict[str, Any]) -> None:
    url = f"{told['admin']}/console"
    settled(pid)
    print(f"server before anybody looked: {rss_mb(pid):.1f} MB")
    with chromium() as browser:
        entered = Tab(browser)
        begun = time.perf_counter()
        entered.open(told["console"])
        print(f"first page of all, with the import of the console: {1000 * (time.perf_counter() - begun):.0f} ms until nothing loads any more")
        state: Any = entered.context.storage_state()
        entered.close()
        cold, weights = [], []
        for _ in range(ROUNDS):
            tab = Tab(browser, state=state)  # a context of its own: nothing is kept from the one before
            tab.page.goto(url)
            tab.page.wait_for_selector("#cost canvas")
            ready = tab.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
            tab.page.wait_for_load_state("networkidle")
            cold.append(ready)
            weights.append(tab.bytes)
            assert tab.faults == []
            tab.close()
        kb, ms = statistics.median(weights) / 1000, statistics.median(cold)
        print(f"over the wire, cold: {kb:.1f} kB; ready, chart drawn: {ms:.0f} ms (median of {ROUNDS}, worst {max(cold):.0f})")
        first = rss_mb(pid)
        tabs = [Tab(browser, state=state) for _ in range(TABS)]
        for tab in tabs:
            tab.open(f"{url}?live=1")
        time.sleep(25)  # each looks again twice
        print(f"server with one tab: {first:.1f} MB, with {TABS} that look again every ten seconds: {rss_mb(pid):.1f} MB")
        for tab in tabs:
            assert tab.faults == []
            tab.close()


def started(out: Path) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            return json.loads(out.read_text())
        except ValueError:
            time.sleep(0.05)
    raise SystemExit("the gateway did not start")


def settled(pid: int) -> None:
    """Wait until the gateway has begun all that it does beside calls, so that none of it is taken for the console."""
    before = 0.0
    for _ in range(PATIENCE_S // 3):
        now = rss_mb(pid)
        if abs(now - before) < 1:
            return
        before = now
        time.sleep(3)


def rss_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
