"""
What goes on beside the calls: burning objectives are told and become incidents, budgets speak once, licences are charged, days are sealed.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.entries import a_record, an_entry
from tests.telemetry.text import value

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.app.rooms import Rooms, budget_of
from pointsman.core.clock import Clock
from pointsman.core.principal import Limit, LimitBy, Period
from pointsman.ledger.content.holds import Hold
from pointsman.settings.load import load
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Row

_DAY_MS = 86_400_000
_NOW_MS = 1_767_225_600_000 + 14 * _DAY_MS + 43_200_000  # 2026-01-15T12:00:00Z
_CONFIGURATION = """
capabilities: {answer: {ladder: [small]}}
targets: {small: {vendor: mine, model: m, price: {input_usd_per_million: 1, output_usd_per_million: 1}}}
vendors: {mine: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}}
workflows:
  support: {capabilities: [answer], objectives: {answered: {kind: success, share: 0.99, window: 7d}}}
costs: {licences: {suite: {usd_per_month: 31, workflow: support}}}
limits: [{name: month, by: tenant, budget_usd: 1, period: month}]
"""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "pointsman.yaml"
    path.write_text(_CONFIGURATION)
    real = system_clock()
    clock = Clock(monotonic_s=real.monotonic_s, wall_ms=lambda: _NOW_MS, sleep=real.sleep, chance=real.chance)
    found = Gateway(load(path, facts(Prices(clock.wall_ms))), environ={}, clock=clock)
    yield found
    found.close()


def rows(gateway: Gateway, sql: str) -> list[Row]:
    with closing(open_reading(gateway.place)) as db:
        return db.rows(sql)


def book(gateway: Gateway, *, failed: int, ok: int, cost: int = 1_000, ago_ms: int = 600_000) -> None:
    for number in range(failed + ok):
        status = "exhausted" if number < failed else "ok"
        at_ms = _NOW_MS - ago_ms - number * 100
        record = a_record(number, at_ms=at_ms, capability="answer", workflow="support", status=status, entries=(an_entry(cost=cost),))
        gateway.ledger.book(record)
    gateway.ledger.flush()


def test_an_objective_that_burns_is_told_once_and_becomes_an_incident(gateway: Gateway) -> None:
    book(gateway, failed=80, ok=120)
    rooms = Rooms(gateway)

    rooms.look()
    rooms.look()

    (event,) = rows(gateway, "SELECT kind, subject, says FROM budget_event")
    assert (event["kind"], event["subject"]) == ("burn", "support/answered")
    (incident,) = rows(gateway, "SELECT workflow, opened_by, snapshot FROM incident")
    assert (incident["workflow"], incident["opened_by"]) == ("support", "pointsman")
    assert incident["snapshot"] == gateway.stages.snapshot.digest


def test_where_incidents_are_off_a_burn_is_told_and_nothing_is_opened(gateway: Gateway, tmp_path: Path) -> None:
    book(gateway, failed=80, ok=120)
    rooms = Rooms(gateway)
    path = tmp_path / "pointsman.yaml"
    path.write_text(_CONFIGURATION + "alerts: {incidents: false}\n")
    assert gateway.reload(load(path, facts(gateway.prices)))

    rooms.look()

    assert len(rows(gateway, "SELECT kind FROM budget_event")) == 1
    assert rows(gateway, "SELECT incident_id FROM incident") == []


def test_a_quiet_service_is_told_nothing(gateway: Gateway) -> None:
    book(gateway, failed=0, ok=200)
    rooms = Rooms(gateway)
    rooms.look()
    rooms.speak_of_money()
    assert rows(gateway, "SELECT kind FROM budget_event") == []


def test_a_budget_that_is_used_up_speaks_once_in_its_period(gateway: Gateway) -> None:
    book(gateway, failed=0, ok=20, cost=60_000_000)  # 1.20 of 1 dollar
    rooms = Rooms(gateway)

    rooms.speak_of_money()
    said = rows(gateway, "SELECT rule, subject FROM budget_event")
    rooms.speak_of_money()

    assert said
    assert all("month" in row["subject"] for row in said)
    assert rows(gateway, "SELECT rule, subject FROM budget_event") == said


def test_metrics_tell_what_was_spent_and_what_burns_as_of_the_last_look(gateway: Gateway) -> None:
    book(gateway, failed=80, ok=120, cost=60_000_000)
    rooms = Rooms(gateway)
    assert value(gateway.telemetry.render_metrics(), "pointsman_budget_spent_usd", budget="month") is None

    rooms.look()
    rooms.speak_of_money()
    book(gateway, failed=0, ok=1)

    text = gateway.telemetry.render_metrics()
    assert value(text, "pointsman_budget_spent_usd", budget="month") == pytest.approx(200 * 0.06)
    for window in ("1h", "6h"):
        assert value(text, "pointsman_objective_burn_rate", workflow="support", objective="answered", window=window) == pytest.approx(0.4 / 0.01)


def test_licences_are_charged_by_the_day_and_days_that_are_over_are_sealed(gateway: Gateway, tmp_path: Path) -> None:
    book(gateway, failed=0, ok=3, ago_ms=3 * _DAY_MS)
    rooms = Rooms(gateway)

    asyncio.run(rooms.daily())
    asyncio.run(rooms.daily())

    (charged,) = rows(gateway, "SELECT COUNT(*) AS days, SUM(nano_usd) AS nano_usd FROM charge WHERE kind = 'licence' AND workflow = 'support'")
    assert (charged["days"], charged["nano_usd"]) == (15, 15 * 1_000_000_000)
    assert list((tmp_path / "pointsman.segments" / "call").rglob("*.parquet"))


def test_sealed_days_leave_the_database_when_the_settings_say_so_but_for_what_is_held(gateway: Gateway, tmp_path: Path) -> None:
    ledger = gateway.ledger
    for number, unit in enumerate(("free", "held")):
        ledger.book(a_record(number, at_ms=_NOW_MS - 40 * _DAY_MS, capability="answer", workflow="support", tenant="acme", unit=unit))
    ledger.flush()
    gateway.holds.put(Hold(tenant="acme", kind="unit", name="held", held_ms=_NOW_MS, who="tests", why="case 7"))
    rooms = Rooms(gateway)
    asyncio.run(rooms.daily())
    assert len(rows(gateway, "SELECT unit FROM call")) == 2

    path = tmp_path / "pointsman.yaml"
    path.write_text(_CONFIGURATION + "retention: {detach_after: 30d}\n")
    assert gateway.reload(load(path, facts(gateway.prices)))
    asyncio.run(rooms.daily())

    assert rows(gateway, "SELECT unit FROM call") == [{"unit": "held"}]


def test_its_jobs_do_what_they_are_named_for(gateway: Gateway) -> None:
    book(gateway, failed=80, ok=120)

    async def work() -> None:
        for _, job in Rooms(gateway).jobs():
            await job()

    asyncio.run(work())
    assert rows(gateway, "SELECT incident_id FROM incident")
    assert rows(gateway, "SELECT charge_id FROM charge")


def test_what_it_cannot_do_is_noted_for_the_operator(gateway: Gateway) -> None:
    rooms = Rooms(gateway)
    assert "objectives" not in gateway.notes()
    (gateway.settings.folder / "pointsman.db").rename(gateway.settings.folder / "away.db")

    rooms.look()

    assert "objectives" in gateway.notes()


def test_a_limit_in_money_is_a_budget_with_the_same_words() -> None:
    budget = budget_of(Limit(name="day", by=LimitBy.TEAM, only="care", budget_nano_usd=5, period=Period.DAY))
    assert (budget.name, budget.by, budget.only, budget.nano_usd, budget.period) == ("day", "team", "care", 5, "day")
