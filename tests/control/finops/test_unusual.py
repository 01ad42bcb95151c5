"""
Unusual days: found soon when money doubles, seldom called where nothing happened.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.anomalies import anomalies
from pointsman.control.finops.span import DAY_MS
from pointsman.control.finops.unusual import look
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

WEEK = np.array([1.0, 1.1, 1.05, 1.0, 0.9, 0.4, 0.3])


def series(random: np.random.Generator, *, days: int = 57, scatter: float = 0.15) -> np.ndarray:
    first = int(random.integers(7))
    return 1e9 * WEEK[(first + np.arange(days)) % 7] * np.exp(random.normal(0, scatter, days))


def is_called(days: np.ndarray, *, false_alarms: float = 1 / 60) -> bool:
    found = look([int(day) for day in days], false_alarms=false_alarms)
    assert found is not None
    return found.is_unusual


def test_usual_days_are_called_unusual_no_more_often_than_was_asked_for() -> None:
    random = np.random.default_rng(1)
    assert sum(is_called(series(random)) for _ in range(150)) <= 150 / 60 * 2


def test_three_times_the_money_is_found_on_the_first_day() -> None:
    random = np.random.default_rng(2)
    found = 0
    for _ in range(40):
        days = series(random)
        days[-1] *= 3
        found += is_called(days)
    assert found >= 38


def test_twice_the_money_is_found_within_two_days() -> None:
    random = np.random.default_rng(3)
    found = 0
    for _ in range(40):
        days = series(random, days=58)
        days[-2:] *= 2
        found += is_called(days[:-1]) or is_called(days)
    assert found >= 36


def test_a_quiet_sunday_is_usual_and_a_quiet_monday_is_not() -> None:
    week = [100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 10_000]
    sunday, monday = look((week * 6)[:42], false_alarms=0.01), look([*week * 6, 10_000], false_alarms=0.01)
    assert sunday is not None
    assert monday is not None
    assert not sunday.is_unusual
    assert monday.is_unusual
    assert monday.expected_nano_usd == pytest.approx(100_000, rel=0.01)
    assert monday.apart < 0


@pytest.mark.parametrize("days", [[100] * 21, [0] * 40, []])
def test_too_few_days_or_none_with_money_are_not_judged(days: list[int]) -> None:
    assert look(days, false_alarms=0.01) is None


@settings(max_examples=15, deadline=None)
@given(days=st.lists(st.integers(10**6, 10**9), min_size=22, max_size=57), times=st.integers(2, 10**4))
def test_the_currency_does_not_matter(days: list[int], times: int) -> None:
    one, many = look(days, false_alarms=0.01), look([day * times for day in days], false_alarms=0.01)
    assert one is not None
    assert many is not None
    assert many.apart == pytest.approx(one.apart, rel=1e-6, abs=1e-6)


def test_one_target_that_runs_away_is_named_with_what_was_to_be_expected(each_database: Database) -> None:
    for day in range(40):
        at = rows.OCT_MS + day * DAY_MS
        rows.flow(each_database, bucket_ms=at, cost_nano_usd=10 * rows.USD + day % 3 * 10**8, target="acme/large")
        rows.flow(each_database, bucket_ms=at, cost_nano_usd=(90 if day == 39 else 5) * rows.USD + day % 2 * 10**8, target="acme/small")
    day = rows.OCT_MS + 39 * DAY_MS
    found = anomalies(each_database, day + 5)
    assert {(one.by, one.name) for one in found} == {("all", ""), ("workflow", "support"), ("target", "acme/small")}
    assert found[0].spoken.says == "The target `acme/small` cost $90.10 on 2026-11-09; $4.98 were to be expected of such a day."
    assert found[0].spoken.event_id == f"anomaly:target/acme/small:higher:{day}"
    assert next(one for one in found if one.by == "all").spoken.says.startswith("Everything together cost")
    assert anomalies(each_database, day, least_nano_usd=100 * rows.USD) == []
    assert anomalies(each_database, day - DAY_MS) == []
