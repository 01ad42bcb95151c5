"""
What will be spent: golden sums by hand, the interval's promise by simulation, and how the method is measured.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.control.finops.forecast import backtest, expected

WEEK = (100, 100, 100, 100, 100, 20, 10)


def steady(days: int, *, first: int = 0) -> list[int]:
    return [WEEK[(first + day) % 7] for day in range(days)]


def test_a_steady_series_goes_on_as_it_was() -> None:
    found = expected([50] * 20, 3, share=[1.0] * 10)
    assert found is not None
    assert (found.nano_usd, found.low_nano_usd, found.high_nano_usd) == (500, 500, 500)


def test_only_the_part_of_today_that_is_left_is_meant() -> None:
    found = expected([80] * 20, 0, share=[0.25])
    assert found is not None
    assert found.nano_usd == 20


def test_a_weekend_is_foreseen_to_cost_what_weekends_do() -> None:
    weekend, workdays = (expected(steady(54), 5, share=[1.0, 1.0]), expected(steady(52), 3, share=[1.0, 1.0]))
    assert weekend is not None
    assert workdays is not None
    assert weekend.nano_usd == pytest.approx(30, rel=0.2)  # a factor is drawn towards 1 by a quarter of a day's weight
    assert workdays.nano_usd == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize("history", [[], [5], [5, 5]])
def test_two_days_foretell_nothing(history: list[int]) -> None:
    assert expected(history, 0, share=[1.0]) is None


def test_where_nothing_was_spent_nothing_is_foreseen() -> None:
    found = expected([0] * 30, 0, share=[1.0] * 5)
    assert found is not None
    assert (found.nano_usd, found.high_nano_usd) == (0, 0)


@settings(max_examples=20, deadline=None)
@given(history=st.lists(st.integers(0, 10**13), min_size=3, max_size=80), weekday=st.integers(0, 6), days=st.integers(1, 31))
def test_what_is_foreseen_lies_within_its_bounds_and_is_never_negative(history: list[int], weekday: int, days: int) -> None:
    found = expected(history, weekday, share=[1.0] * days)
    assert found is not None
    assert 0 <= found.low_nano_usd <= found.nano_usd <= found.high_nano_usd


@settings(max_examples=20, deadline=None)
@given(history=st.lists(st.integers(1, 10**9), min_size=3, max_size=60), times=st.integers(2, 1000))
def test_in_another_currency_the_same_is_foreseen(history: list[int], times: int) -> None:
    one, many = (expected([day * by for day in history], 2, share=[1.0] * 9) for by in (1, times))
    assert one is not None
    assert many is not None
    assert many.nano_usd == pytest.approx(one.nano_usd * times, abs=times)


def test_four_of_five_intervals_hold_what_came() -> None:
    """Weekdays, 20 % noise and a level that goes 1 % a day its own way; the rest of a month from eight weeks."""
    random = np.random.default_rng(7)
    held, errors = 0, []
    for _ in range(60):
        noise = np.exp(random.normal(0, 0.2, 76) + np.cumsum(random.normal(0, 0.01, 76)))
        series = [int(day * 1_000_000 * by) for day, by in zip(steady(76), noise, strict=True)]
        found = expected(series[:56], 0, share=[1.0] * 20)
        actual = sum(series[56:])
        assert found is not None
        held += found.low_nano_usd <= actual <= found.high_nano_usd
        errors.append(abs(found.nano_usd - actual) / actual)
    assert 0.65 <= held / 60 <= 0.98
    assert np.mean(errors) < 0.12


def test_the_backtest_tells_how_wrong_the_method_was() -> None:
    steady_past, jump = backtest([100] * 30, 0, horizon=5), backtest([100] * 20 + [200] * 10, 0, horizon=5)
    assert steady_past is not None
    assert jump is not None
    assert (steady_past.origins, steady_past.error, steady_past.covered) == (12, 0.0, 1.0)
    assert jump.error > 0.1


@pytest.mark.parametrize("history", [[100] * 15, [0] * 60])
def test_without_days_to_check_against_there_is_no_backtest(history: Any) -> None:
    assert backtest(history, 0, horizon=5) is None
