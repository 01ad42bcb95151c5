import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger.busy import BusyMeter

HOURLY = 3_600_000_000  # a million nano-dollars a second


def test_a_call_alone_bears_the_price_of_its_time() -> None:
    meter = BusyMeter(HOURLY, 0.0)
    mark = meter.start(10.0)
    assert meter.stop(mark, 12.5) == 2_500_000


def test_two_calls_at_once_share_each_second() -> None:
    meter = BusyMeter(HOURLY, 0.0)
    first = meter.start(0.0)
    second = meter.start(1.0)
    assert meter.stop(first, 3.0) == 2_000_000  # one second alone, two halves
    assert meter.stop(second, 4.0) == 2_000_000  # two halves, one second alone


def test_idle_time_is_paid_for_and_borne_by_no_call() -> None:
    meter = BusyMeter(HOURLY, 0.0)
    mark = meter.start(4.0)
    assert meter.stop(mark, 5.0) == 1_000_000
    spent = meter.take(10.0)
    assert (spent.paid_s, spent.paid_nano_usd, spent.busy_s, spent.busy_nano_usd) == (10.0, 10_000_000, 1.0, 1_000_000)


def test_what_was_taken_is_not_taken_again() -> None:
    meter = BusyMeter(HOURLY, 0.0)
    meter.start(0.0)
    meter.take(5.0)
    assert meter.take(6.0).busy_nano_usd == 1_000_000


def test_a_new_price_counts_from_the_moment_it_is_told() -> None:
    meter = BusyMeter(HOURLY, 0.0)
    mark = meter.start(0.0)
    meter.reprice(3 * HOURLY, 2.0)
    assert meter.stop(mark, 3.0) == 2_000_000 + 3_000_000


calls = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 100)), min_size=1, max_size=12)


@given(calls=calls, hourly=st.integers(1, 10**12))
def test_the_shares_of_all_calls_add_up_to_the_price_of_the_busy_time(calls: list[tuple[float, float]], hourly: int) -> None:
    meter = BusyMeter(hourly, 0.0)
    events = sorted([(start, 0, index) for index, (start, _) in enumerate(calls)] + [(start + span, 1, index) for index, (start, span) in enumerate(calls)])
    marks: dict[int, float] = {}
    shares = 0
    for at, is_end, index in events:
        if is_end:
            shares += meter.stop(marks[index], at)
        else:
            marks[index] = meter.start(at)
    spent = meter.take(2000.0)
    assert abs(shares - spent.busy_nano_usd) <= len(calls) + spent.busy_nano_usd * 1e-9
    assert spent.busy_nano_usd == pytest.approx(hourly * spent.busy_s / 3600, abs=1)
    assert spent.busy_nano_usd <= spent.paid_nano_usd


@given(steps=st.lists(st.floats(0.001, 7), max_size=200), hourly=st.integers(1, 10**10))
def test_asking_often_loses_no_money_to_rounding(steps: list[float], hourly: int) -> None:
    meter = BusyMeter(hourly, 0.0)
    now = paid = 0.0
    for step in steps:
        now += step
        paid += meter.take(now).paid_nano_usd
    assert paid == pytest.approx(hourly * now / 3600, abs=1)
