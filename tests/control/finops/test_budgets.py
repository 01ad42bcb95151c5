"""
Budgets: what is spent, what will be, and what is said of it once.
"""

import pytest
from msgspec.structs import replace
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.budgets import Budget, Standing, alerts, burn_rates, standings
from pointsman.control.finops.forecast import PACE, Expected
from pointsman.control.finops.series import by_day, by_hour
from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span
from pointsman.control.finops.spoken import speak
from pointsman.core.ids import uuid7
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

TEAM = Budget(name="month", by="team", nano_usd=310 * rows.USD)
NOW_MS = rows.OCT_MS + 10 * DAY_MS + 12 * HOUR_MS


def spend(db: Database, days: int, *, each: int, since_ms: int = rows.OCT_MS, **told: str) -> None:
    for day in range(days):
        rows.flow(db, bucket_ms=since_ms + day * DAY_MS, cost_nano_usd=each, **{"team": "eu", **told})


def test_ten_dollars_a_day_will_be_310_in_october(each_database: Database) -> None:
    spend(each_database, 40, each=10 * rows.USD, since_ms=rows.OCT_MS - 30 * DAY_MS)
    rows.flow(each_database, bucket_ms=NOW_MS, cost_nano_usd=5 * rows.USD, team="eu")
    (one,) = standings(each_database, [TEAM], now_ms=NOW_MS, held=lambda budget, who: 136 * rows.USD * ((budget, who) == ("month", "default/eu")))
    assert (one.subject, one.spent_nano_usd, one.period) == ("default/eu", 105 * rows.USD, rows.OCTOBER)
    assert one.used_share == pytest.approx((105 + 31) / 310)
    assert one.forecast is not None
    assert one.backtest is not None
    assert one.forecast.nano_usd == pytest.approx(310 * rows.USD, rel=1e-6)
    assert one.backtest.error == pytest.approx(0, abs=1e-9)
    assert [spoken.rule for spoken in alerts(one)] == ["forecast 1"] if one.forecast.nano_usd >= 310 * rows.USD else alerts(one) == []


def test_a_budget_of_one_team_counts_only_that_team(each_database: Database) -> None:
    spend(each_database, 5, each=rows.USD)
    spend(each_database, 5, each=2 * rows.USD, team="us")
    spend(each_database, 5, each=4 * rows.USD, team="")
    both = standings(each_database, [TEAM], now_ms=NOW_MS)
    assert [(one.subject, one.spent_nano_usd) for one in both] == [("default/us", 10 * rows.USD), ("default/eu", 5 * rows.USD)]
    assert [one.subject for one in standings(each_database, [replace(TEAM, only="eu")], now_ms=NOW_MS)] == ["default/eu"]
    assert [one.subject for one in standings(each_database, [replace(TEAM, by="tenant", only="default")], now_ms=NOW_MS)] == ["default"]


def test_a_day_and_an_hour_are_foreseen_by_their_pace(each_database: Database) -> None:
    rows.flow(each_database, bucket_ms=NOW_MS - HOUR_MS, cost_nano_usd=6 * rows.USD, team="eu")
    (day,) = standings(each_database, [replace(TEAM, period="day")], now_ms=NOW_MS)
    assert day.forecast == Expected(nano_usd=12 * rows.USD, low_nano_usd=6 * rows.USD, high_nano_usd=18 * rows.USD, method=PACE)
    assert standings(each_database, [replace(TEAM, period="hour")], now_ms=NOW_MS) == []
    (hour,) = standings(each_database, [replace(TEAM, period="hour")], now_ms=NOW_MS - HOUR_MS + 60_000)
    assert hour.forecast is None  # one minute tells nothing of an hour


def test_keys_and_users_are_counted_from_the_calls_of_each_day(each_database: Database) -> None:
    for number, (key, who, cost) in enumerate([("web", "ann", 5), ("web", "bob", 7), ("app", None, None)]):
        at = NOW_MS + number
        row = {
            "call_id": uuid7(now_ms=at, random_bits=number),
            "started_ms": at,
            "capability": "answer",
            "unit": "u",
            "key_id": key,
            "tenant": "t",
            "user": who,
        }
        rest = {
            "data_class": "internal",
            "snapshot": "s",
            "status": "ok",
            "reason": "",
            "latency_ms": 1.0,
            "attempts": 1,
            "cost_nano_usd": cost,
            "considered": "",
        }
        rows.put(each_database, "call", {**row, **rest})
    span = Span(since_ms=rows.OCT_MS, until_ms=rows.OCT_MS + 12 * DAY_MS)
    assert {name: sum(days) for name, days in by_day(each_database, span, by="key").items()} == {"web": 12, "app": 0}
    assert {name: days[10] for name, days in by_day(each_database, span, by="user").items()} == {"t/ann": 5, "t/bob": 7}
    (one,) = standings(each_database, [Budget(name="k", by="key", nano_usd=24, only="web")], now_ms=NOW_MS + HOUR_MS)
    assert (one.spent_nano_usd, one.used_share) == (12, 0.5)
    assert by_hour(each_database, Span(since_ms=NOW_MS, until_ms=NOW_MS + HOUR_MS), by="key")["web"] == [12]


STANDING = Standing(budget=TEAM, subject="default/eu", period=rows.OCTOBER, spent_nano_usd=0)


def said(spent: int, foreseen: int, **more: object) -> list[str]:
    ahead = Expected(nano_usd=foreseen * rows.USD, low_nano_usd=0, high_nano_usd=foreseen * rows.USD)
    return [one.rule for one in alerts(replace(STANDING, spent_nano_usd=spent * rows.USD, forecast=ahead, **more))]


@pytest.mark.parametrize(
    ("spent", "foreseen", "rules"),
    [
        (100, 300, []),
        (155, 300, ["spent 0.5"]),
        (250, 300, ["spent 0.8"]),
        (100, 311, ["forecast 1"]),
        (250, 400, ["spent 0.8", "forecast 1"]),
        (311, 400, ["spent 1"]),
    ],
)
def test_the_highest_share_that_was_passed_is_said(spent: int, foreseen: int, rules: list[str]) -> None:
    assert said(spent, foreseen) == rules


def test_own_shares_are_the_ones_that_speak() -> None:
    used = replace(STANDING, spent_nano_usd=100 * rows.USD, forecast=Expected(nano_usd=290 * rows.USD, low_nano_usd=0, high_nano_usd=1))
    assert [one.rule for one in alerts(used, shares=[0.3, 0.9])] == ["spent 0.3", "forecast 0.9"]


def test_a_budget_of_nothing_is_used_up() -> None:
    nothing = replace(STANDING, budget=replace(TEAM, nano_usd=0))
    assert (nothing.used_share, nothing.forecast_share) == (1.0, None)
    assert burn_rates([5] * 72, nano_usd=0, period_hours=744) == {}


def test_money_that_flows_ten_times_too_fast_speaks_and_stops_when_it_is_over() -> None:
    even = 1000
    rates = burn_rates([even] * 66 + [10 * even] * 6, nano_usd=even * 744, period_hours=744)
    assert rates["fast"] == (10.0, 10.0)
    assert said(1, 1, burn=rates) == ["burn fast"]
    over = burn_rates([even] * 64 + [10 * even] * 6 + [0] * 2, nano_usd=even * 744, period_hours=744)
    assert said(1, 1, burn=over) == []
    slow = burn_rates([3 * even] * 72, nano_usd=even * 744, period_hours=744)
    assert said(1, 1, burn=slow) == ["burn slow"]


def test_each_rule_speaks_once_a_period(each_database: Database) -> None:
    used = replace(STANDING, spent_nano_usd=160 * rows.USD)
    first = speak(each_database, alerts(used), at_ms=1)
    assert [one.says for one in first] == ["Budget `month` of `default/eu`: $160.00 of $310.00 this month are spent (52%)."]
    assert speak(each_database, alerts(used), at_ms=2) == []
    assert len(speak(each_database, alerts(replace(used, period=rows.SEPTEMBER)), at_ms=3)) == 1
    assert [row["at_ms"] for row in each_database.rows("SELECT at_ms FROM budget_event ORDER BY at_ms")] == [1, 3]
