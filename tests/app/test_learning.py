"""
Learning from a real ledger, over real files: what is put in force, what is not, and the way back.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.entries import a_record, an_entry, an_outcome

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.learning import RESTS, Learner
from pointsman.control.learning.known import known
from pointsman.core.clock import Clock
from pointsman.settings.load import Settings, load

_DAY_MS = 86_400_000
_NOW_MS = 1_767_225_600_000 + 30 * _DAY_MS
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
        self.clock = Clock(monotonic_s=real.monotonic_s, wall_ms=lambda: _NOW_MS, sleep=real.sleep, chance=real.chance)
        self.gateway = Gateway(self.load(), environ={}, clock=self.clock)
        self.learner = Learner(lambda: self.gateway.settings, price_of=self.gateway.prices.of, now_ms=self.clock.wall_ms)
        self.told = 0

    def load(self) -> Settings:
        return load(self.path, facts(Prices(self.clock.wall_ms)))

    def reload(self) -> None:
        assert self.gateway.reload(self.load())
        self.gateway.ledger.flush()

    def tell(self, target: str, *, good: int, bad: int) -> None:
        """Book calls of tickets whose time is over, and say what became of each."""
        outcomes = []
        for number in range(self.told, self.told + good + bad):
            at_ms, unit = _NOW_MS - 20 * _DAY_MS + number * 1000, f"t{number}"
            self.gateway.ledger.book(a_record(number, at_ms=at_ms, capability="triage", unit=unit, entries=(an_entry(target=target),)))
            outcomes.append(an_outcome(unit, f"o{number}", at_ms=at_ms + 1000, success=number - self.told < good))
        self.told += good + bad
        self.gateway.ledger.flush()
        asyncio.run(self.gateway.ledger.record_outcomes(outcomes))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = Site(tmp_path)
    yield found
    found.gateway.close()


def test_outcomes_become_parameters_in_force(site: Site) -> None:
    site.tell("small", good=30, bad=10)
    site.tell("large", good=38, bad=2)

    found = site.learner.round()
    site.reload()

    assert found.is_new
    assert site.gateway.stages.snapshot.learned == found.version.parameters
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    by_target = {one.target: one for one in known(learned.predictor.parameters)}
    assert by_target["small"].quality < by_target["large"].quality
    assert found.version.why[0] == "Learned from 80 outcomes."


def test_whoever_goes_back_is_not_overruled(site: Site) -> None:
    site.tell("small", good=20, bad=0)
    site.learner.round()
    first = site.path.with_name("learned.json").read_bytes()
    site.reload()
    site.tell("small", good=0, bad=20)
    assert site.learner.round().is_new
    site.path.with_name("learned.json").write_bytes(first)
    site.reload()

    assert site.learner.round().says == RESTS
    assert site.learner.round(by_hand=True).is_new
