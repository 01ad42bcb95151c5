"""
How long pages of the console take, over a ledger of millions of events: the whole way from the request to the HTML, in this process.

    python bench/ledger/pages.py LEDGER [ROUNDS]

LEDGER is a `pointsman.db` such as `bench/ledger/generate.py` writes; it is opened for reading only. The clock stands at its newest call. Goals: p99 of the
first page and of a workflow's page up to 150 ms, of one call up to 20 ms.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from pointsman.app.control import Control
from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway
from pointsman.console.routes import routes
from pointsman.core.clock import Clock
from pointsman.intake.keys import mint
from pointsman.server.admin import admin_app
from pointsman.settings.load import load
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Database

ROUNDS = 100
OPERATOR = mint(bytes([7] * 32))
DAY_MS = 86_400_000


def main() -> None:
    ledger, rounds = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    known = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    print(f"{ledger}: {ledger.stat().st_size / 1e9:.1f} GB, {count(known, 'call')} calls, {count(known, 'attempt')} attempts")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = told(known)
        (home / "pointsman.yaml").write_text(yaml.safe_dump(settings))
        asyncio.run(measure(home, known, ledger=ledger, rounds=rounds))


class Beside(Control):
    """What pages get, but for the ledger: the gateway itself writes into one of its own."""

    def __init__(self, gateway: Gateway, ledger: Path) -> None:
        super().__init__(gateway)
        self._ledger = ledger

    @contextmanager
    def reading(self) -> Generator[Database]:
        """Give a connection to the measured ledger."""
        with closing(open_reading(self._ledger)) as db:
            yield db


def count(known: sqlite3.Connection, table: str) -> str:
    found = known.execute(f"SELECT SUM({'calls' if table == 'call' else 'calls + fallbacks'}) FROM rollup_day").fetchone()[0]
    return f"{found or 0:,}"


def told(known: sqlite3.Connection) -> dict[str, Any]:
    """Return a configuration that knows the workflows, capabilities and targets of the ledger."""
    targets = [row[0] for row in known.execute("SELECT DISTINCT target FROM rollup_day WHERE place NOT IN ('rules', 'cache', 'none') ORDER BY 1")]
    pairs = known.execute("SELECT DISTINCT workflow, capability FROM rollup_day ORDER BY 1, 2").fetchall()
    workflows: dict[str, list[str]] = {}
    for workflow, capability in pairs:
        workflows.setdefault(workflow, []).append(capability)
    price = {"input_usd_per_million": 1, "output_usd_per_million": 3}
    objectives = {
        "answered": {"kind": "success", "share": 0.99, "window": "30d"},
        "quick": {"kind": "latency", "threshold_ms": 2000, "share": 0.95, "window": "30d"},
    }
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {name: {"vendor": "acme", "model": "any", "price": price} for name in targets},
        "capabilities": {capability: {"ladder": targets[:3]} for _, capability in pairs},
        "workflows": {name: {"capabilities": told, "value_usd": 1, "objectives": objectives} for name, told in workflows.items()},
        "costs": {"baseline": targets[0], "tags": ["project"]},
        "keys": {"ops": {"sha256": OPERATOR.sha256, "scopes": ["admin"], "team": "platform"}},
        "limits": [{"name": "teams", "by": "team", "budget_usd": 1000, "period": "month"}],
    }


async def measure(home: Path, known: sqlite3.Connection, *, ledger: Path, rounds: int) -> None:
    newest_ms = known.execute("SELECT started_ms FROM call ORDER BY call_id DESC LIMIT 1").fetchone()[0]
    clock = Clock(monotonic_s=time.monotonic, wall_ms=lambda: newest_ms + 1000, sleep=asyncio.sleep, chance=lambda: 0.5)
    gateway = Gateway(load(home / "pointsman.yaml", facts(Prices(clock.wall_ms))), environ={}, clock=clock)
    app = admin_app(gateway, reload=lambda: None, trouble=lambda: None, more=lambda gateway, guard: routes(Beside(gateway, ledger), guard))
    try:
        headers = {"authorization": f"Bearer {OPERATOR.secret}"}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8801", headers=headers, timeout=600) as browser:
            for name, path in pages(known).items():
                await one(browser, name, path=path, rounds=rounds)
    finally:
        gateway.close()


def pages(known: sqlite3.Connection) -> dict[str, str]:
    workflow = known.execute("SELECT workflow FROM rollup_day GROUP BY workflow ORDER BY SUM(calls) DESC LIMIT 1").fetchone()[0]
    newest = known.execute("SELECT call_id FROM call ORDER BY call_id DESC LIMIT 1 OFFSET 5000").fetchone()[0]
    found = {}
    for span in ("7d", "30d", "90d"):
        found[f"overview {span}"] = f"/console?span={span}"
        found[f"workflow {span}"] = f"/console/workflows/{workflow}?span={span}"
        found[f"cost {span}"] = f"/console/cost?span={span}"
        found[f"per outcome {span}"] = f"/console/cost/outcomes?workflow={workflow}&span={span}"
        found[f"savings {span}"] = f"/console/cost/savings?span={span}"
        found[f"vendors {span}"] = f"/console/vendors?span={span}"
    return {
        **found,
        "one call": f"/console/calls/{newest}",
        "calls": "/console/calls?span=30d",
        "budgets": "/console/cost/budgets",
        "avoidable 30d": f"/console/cost/savings?workflow={workflow}&span=30d",
        "what if 30d": f"/console/cost/what-if?ask=prices&span=30d&{'&'.join(f'in.{name}=1' for name in targets(known)[:1])}",
        "objectives": "/console/objectives",
        "incidents": "/console/incidents",
    }


def targets(known: sqlite3.Connection) -> list[str]:
    return [row[0] for row in known.execute("SELECT DISTINCT target FROM rollup_day WHERE place NOT IN ('rules', 'cache', 'none') ORDER BY 1")]


async def one(browser: httpx2.AsyncClient, name: str, *, path: str, rounds: int) -> None:
    took: list[float] = []
    until = time.perf_counter() + 60
    while len(took) < rounds + 1 and (time.perf_counter() < until or len(took) < 2):
        begun = time.perf_counter()
        got = await browser.get(path)
        took.append(1000 * (time.perf_counter() - begun))
        assert got.status_code == 200, got.text
    first, warm = took[0], sorted(took[1:])
    print(
        f"{name:18} first {first:7.1f} ms   p50 {warm[len(warm) // 2]:7.1f}   p99 {warm[min(round(0.99 * len(warm)), len(warm) - 1)]:7.1f}   of {len(warm)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
