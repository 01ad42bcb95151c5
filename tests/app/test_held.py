"""
What calls under way reserve of a budget: the running gateway's meters beside the ledger.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ledger.entries import a_record, an_entry
from tests.values import a_call

from pointsman.app.control import Control
from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.rooms import budget_of
from pointsman.control.finops.budgets import Standing, standings
from pointsman.core.call import Sampling
from pointsman.settings.load import load

_CONFIGURATION = """
capabilities: {answer: {ladder: [small]}}
targets: {small: {vendor: mine, model: m, price: {input_usd_per_million: 1, output_usd_per_million: 1000000}}}
vendors: {mine: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}}
limits: [{name: month, by: tenant, budget_usd: 1000, period: month}]
"""
USD = 10**9


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "pointsman.yaml"
    path.write_text(_CONFIGURATION)
    found = Gateway(load(path, facts(Prices(system_clock().wall_ms))), environ={}, clock=system_clock())
    yield found
    found.close()


async def swept(gateway: Gateway) -> None:
    gateway.sweep()


def standing(control: Control) -> Standing:
    budgets = [budget_of(limit) for limit in control.snapshot.limits]
    with control.reading() as db:
        (one,) = standings(db, budgets, now_ms=control.now_ms(), held=control.held)
    return one


def test_what_calls_under_way_reserve_is_committed_until_they_end(gateway: Gateway) -> None:
    control, intake = Control(gateway), gateway.stages.intake
    gateway.ledger.book(a_record(at_ms=control.now_ms(), capability="answer", entries=(an_entry(cost=3 * USD),)))
    gateway.ledger.flush()
    for limit in intake.budgets():
        intake.seed(limit, {"default": 3 * USD})
    assert (standing(control).spent_nano_usd, standing(control).committed_nano_usd) == (3 * USD, 0)

    call = a_call(capability="answer", sampling=Sampling(max_tokens=5))
    reservation = intake.reserve(intake.identify(None, None, user=None), control.snapshot.capabilities["answer"], call=call)
    reserved = standing(control).committed_nano_usd
    assert reserved is not None
    assert 5 * USD <= reserved < 6 * USD  # five tokens at a dollar each, and the prompt
    assert standing(control).used_share == pytest.approx((3 * USD + reserved) / (1000 * USD))

    reservation.settle(0, 0)
    asyncio.run(swept(gateway))  # a few dozen times a second, what calls gave back is written
    assert standing(control).committed_nano_usd == 0


def test_a_budget_that_is_not_there_holds_nothing(gateway: Gateway) -> None:
    assert Control(gateway).held("week", "default") == 0
