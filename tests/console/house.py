"""
The console in this process: a gateway that nobody calls, a ledger with a small history, and browsers without a window.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import yaml
from tests.ledger.entries import a_record, an_entry, an_outcome, write
from tests.values import Time

from pointsman.app.control import Control
from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway
from pointsman.app.switches import ledger_of
from pointsman.console.routes import routes
from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.place import Place
from pointsman.intake.keys import mint
from pointsman.server.admin import admin_app
from pointsman.server.first_visit import new_link
from pointsman.settings.load import load
from pointsman.storage.open import open_writing

URL = "http://127.0.0.1:8801"
HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_767_225_600_000 + 30 * DAY + 12 * HOUR  # 2026-01-31T12:00:00Z
READER, OPERATOR = mint(bytes([1] * 32)), mint(bytes([2] * 32))
SETTINGS: Mapping[str, Any] = {
    "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
    "targets": {
        "acme/small": {"vendor": "acme", "model": "small", "price": {"input_usd_per_million": 1, "output_usd_per_million": 2}},
        "acme/large": {"vendor": "acme", "model": "large", "price": {"input_usd_per_million": 10, "output_usd_per_million": 20}},
    },
    "capabilities": {"triage": {"ladder": ["acme/small", "acme/large"]}, "quiet": {"ladder": ["acme/small"]}},
    "workflows": {"support": {"capabilities": ["triage"], "owner": "care@example.com", "unit": "ticket", "value_usd": 2.5, "window": "1d"}},
    "keys": {
        "web": {"sha256": READER.sha256, "team": "care", "scopes": ["call"]},
        "ops": {"sha256": OPERATOR.sha256, "scopes": ["admin"]},
    },
    "limits": [{"name": "care-month", "by": "team", "only": "care", "budget_usd": 1, "period": "month"}],
}


class House:
    """The admin listener with the console, and its gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.app = admin_app(gateway, reload=lambda: None, trouble=gateway.trouble, more=lambda gateway, guard: routes(Control(gateway), guard))

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url=URL, headers=headers)

    def link(self) -> str:
        return new_link(self.gateway.standing.path, "127.0.0.1:8801", now_s=self.gateway.standing.now_s)

    async def signed_in(self) -> httpx2.AsyncClient:
        browser = self.browser()
        got = await browser.get(self.link())
        assert (got.status_code, got.headers["location"]) == (303, "/console")
        return browser

    def remember(self, *args: Any, **told: Any) -> None:
        """Write into the ledger as the gateway does."""
        with closing(open_writing(ledger_of(self.gateway.settings))) as db:
            write(db, *args, **{"workflows": self.gateway.settings.workflows, **told})

    def history(self) -> None:
        """Write twenty days of calls."""
        told = history()
        self.remember(told.records, outcomes=told.outcomes)
        self.went_on, self.refused, self.ruled = told.went_on, told.refused, told.ruled


@dataclass
class Told:
    """Calls, what became of their units, and some of the calls by what is special about them."""

    records: list[CallRecord]
    outcomes: list[Outcome]
    went_on: CallRecord
    refused: CallRecord
    ruled: CallRecord


def history() -> Told:
    """Return twenty days: each hour a ticket's call to `acme/small`; in the last week every fourth goes on to `acme/large`. Most tickets are resolved."""
    records, outcomes = [], []
    for hour in range(20 * 24):
        at = NOW - (20 * 24 - hour) * HOUR + 60_000
        first = an_entry(0, cost=2_000_000, error="schema" if hour % 4 == 0 and at > NOW - 7 * DAY else None, latency_ms=300.0)
        second = an_entry(1, cost=9_000_000, target="acme/large", latency_ms=900.0, begun_ms=300.0)
        entries = (first, second) if first.error else (first,)
        unit = f"ticket-{hour:04}"
        more: dict[str, Any] = {"capability": "triage", "workflow": "support", "unit": unit, "team": "care", "found": {"email": 1}}
        latency_ms = sum(one.latency_ms for one in entries)
        reason = "next_after:acme/small" if first.error else "first_choice"
        records.append(a_record(hour, at_ms=at, entries=entries, latency_ms=latency_ms, reason=reason, **more))
        if hour % 10:
            kind = "resolved" if hour % 5 else "lost"
            outcomes.append(an_outcome(unit, f"o-{hour}", workflow="support", kind=kind, success=kind == "resolved", at_ms=at + HOUR, human_s=60.0))
    refused = a_record(9999, at_ms=NOW - HOUR, entries=(), status="no_place_allowed", reason="", considered=(("acme/small", "policy:restricted"),))
    rule = an_entry(cost=0, target="rules", place=Place.RULES, usage=None, price_id=None, kind="rule")
    ruled = a_record(9998, at_ms=NOW - 2 * HOUR, entries=(rule,), reason="rule")
    return Told(records=[*records, refused, ruled], outcomes=outcomes, went_on=records[-4], refused=refused, ruled=ruled)


@asynccontextmanager
async def a_house(time: Time | None = None, **settings: Any) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory(prefix="pointsman-test-") as folder:
        path = Path(folder) / "pointsman.yaml"
        path.write_text(yaml.safe_dump({name: value for name, value in {**SETTINGS, **settings}.items() if value is not None}))
        clock = (time or Time(wall_ms=NOW)).clock
        gateway = Gateway(load(path, facts(Prices(clock.wall_ms))), environ={}, clock=clock)
        try:
            yield House(gateway)
        finally:
            gateway.close()


def in_a_house(work: Callable[[House], Awaitable[None]], time: Time | None = None, **settings: Any) -> None:
    async def main() -> None:
        async with a_house(time, **settings) as house:
            await work(house)

    asyncio.run(main())


def csrf(page: httpx2.Response) -> str:
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


def text_of(page: httpx2.Response) -> str:
    """Return what a reader of the page reads: its text without tags, one space between words."""
    body = page.text.partition("<main")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
