"""
A gateway over real files, whose tickets are told of by the hundred.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.ledger.entries import a_record, a_score, an_entry, an_outcome

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.incident_desk import desk_at, present_of
from pointsman.app.learning import Learner
from pointsman.core.clock import Clock
from pointsman.settings.load import Settings, load
from pointsman.storage.batch import Batch

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 30 * DAY_MS
_CONFIGURATION = """
capabilities:
  triage: {ladder: [large, small], unit: ticket, routing: {by: value}}
targets:
  large: {vendor: mine, model: l, price: {input_usd_per_million: 10, output_usd_per_million: 10}}
  small: {vendor: mine, model: s, price: {input_usd_per_million: 1, output_usd_per_million: 1}}
vendors: {mine: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}}
"""


class Site:
    """A gateway over real files, and a learner beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "pointsman.yaml"
        self.path.write_text(_CONFIGURATION)
        real = system_clock()
        self.now_ms = NOW_MS
        self.clock = Clock(monotonic_s=real.monotonic_s, wall_ms=lambda: self.now_ms, sleep=real.sleep, chance=real.chance)
        self.gateway = Gateway(self.load(), environ={}, clock=self.clock)
        self.learner = Learner(lambda: self.gateway.settings, price_of=self.gateway.prices.of, now_ms=self.clock.wall_ms)
        self.told = 0
        self.good: set[str] = set()
        self.calls: list[str] = []

    def load(self) -> Settings:
        return load(self.path, facts(Prices(self.clock.wall_ms)))

    def reload(self) -> None:
        self.now_ms += 1
        assert self.gateway.reload(self.load())
        self.gateway.ledger.flush()

    def configure(self, routing: str, more: str = "") -> None:
        self.path.write_text(_CONFIGURATION.replace("routing: {by: value}", routing) + more)
        self.reload()

    def is_good(self, call_id: str) -> bool:
        return call_id in self.good

    def roll_back(self, *, to: str) -> None:
        settings = self.load()
        desk_at(self.gateway.place, self.clock.wall_ms).roll_back(
            self.path, check=self.load, present=present_of(settings, author="ann", now_ms=self.now_ms), to=to
        )
        self.reload()

    def tell(self, target: str, *, good: int, bad: int, features: Callable[[bool], str | None] = lambda _: None) -> None:
        """Book calls of tickets whose time is over, and say what became of each. `features` is what was looked at in a ticket that went well, or not."""
        outcomes = []
        for number in range(self.told, self.told + good + bad):
            at_ms, unit = NOW_MS - 20 * DAY_MS + number * 1000, f"t{number}"
            is_good = number - self.told < good
            record = a_record(number, at_ms=at_ms, capability="triage", unit=unit, entries=(an_entry(target=target),), features=features(is_good))
            self.gateway.ledger.book(record)
            self.good |= {record.call_id} if is_good else set()
            self.calls.append(record.call_id)
            outcomes.append(an_outcome(unit, f"o{number}", at_ms=at_ms + 1000, success=is_good))
        self.told += good + bad
        self.gateway.ledger.flush()
        asyncio.run(self.gateway.ledger.record_outcomes(outcomes))

    def grade(self, target: str, values: Mapping[int, float]) -> None:
        """Grade what a target would have said to calls that another one answered, by their numbers."""
        scores = [a_score(f"g{number}", self.calls[number], value=value, target=target, workflow="triage") for number, value in values.items()]
        asyncio.run(self.gateway.ledger.record(Batch(scores=scores)))
