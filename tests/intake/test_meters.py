"""Limits and budgets: what is admitted, what is given back, and the laws that hold whatever comes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import Failed
from pointsman.core.principal import Limit, LimitBy, Period
from pointsman.intake.cells import Cell, Cells, OwnCells, SharedCells
from pointsman.intake.errors import OverBudget, OverLimit
from pointsman.intake.meters import Meter, Meters, Reservation, lapses_s, meter, period_start_s

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC).timestamp()


def a_meter(value: str = "web", *, name: str = "team", **more: Any) -> Meter:
    return meter(Limit(name=name, by=LimitBy.KEY, **more), value)


def reserve(meters: Meters, *each: Meter, tokens: int = 0, cost: int = 0, at: float = NOON) -> Reservation:
    return meters.reserve(each, tokens=tokens, cost_nano_usd=cost, now_s=at)


@pytest.fixture(params=["own", "shared"])
def cells(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cells]:
    if request.param == "own":
        yield OwnCells()
        return
    shared = SharedCells(tmp_path / "limits")
    yield shared
    shared.close()


def test_requests_beyond_the_limit_are_refused_and_told_when_to_come_again(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(requests_per_minute=3)
    for _ in range(3):
        reserve(meters, each, at=NOON + 10)
    with pytest.raises(OverLimit, match="`team` allows no more requests now") as refused:
        reserve(meters, each, at=NOON + 10)
    # The minute ends in 50 s; a third of it must then have left the window.
    assert refused.value.retry_after_s == 71
    reserve(meters, each, at=NOON + 10 + 71)


def test_each_value_has_a_count_of_its_own(cells: Cells) -> None:
    meters = Meters(cells)
    reserve(meters, a_meter("web", requests_per_minute=1))
    reserve(meters, a_meter("app", requests_per_minute=1))
    with pytest.raises(OverLimit):
        reserve(meters, a_meter("web", requests_per_minute=1))


def test_a_burst_at_the_turn_of_the_minute_is_held_back_by_the_minute_before(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(requests_per_minute=10)
    for _ in range(10):
        reserve(meters, each, at=NOON + 59)
    with pytest.raises(OverLimit) as refused:
        reserve(meters, each, at=NOON + 61)
    assert refused.value.retry_after_s == 5  # at 6 s into the minute a tenth has left
    reserve(meters, each, at=NOON + 61 + 5)


def test_the_minute_before_is_not_swept_out_while_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.intake.cells._FIRST_SWEEP", 1)
    meters, each = Meters(OwnCells()), a_meter(requests_per_minute=10, budget_nano_usd=10, period=Period.HOUR)
    for _ in range(10):
        reserve(meters, each, cost=1, at=NOON + 59)
    for user in range(100):
        reserve(meters, a_meter(f"user {user}", requests_per_minute=1), at=NOON + 61)
    assert meters.spent(each, NOON + 61) == 10
    with pytest.raises(OverLimit):
        reserve(meters, each, at=NOON + 61)


def test_after_a_quiet_minute_nothing_is_held_back(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(requests_per_minute=2)
    for at in (NOON, NOON, NOON + 120, NOON + 120):
        reserve(meters, each, at=at)


def test_a_call_that_may_use_more_than_the_limit_is_not_told_to_wait(cells: Cells) -> None:
    with pytest.raises(OverLimit, match="Lower `max_tokens`") as refused:
        reserve(Meters(cells), a_meter(tokens_per_minute=100), tokens=101)
    assert refused.value.retry_after_s is None


def test_what_was_not_used_is_given_back(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(tokens_per_minute=100, budget_nano_usd=100)
    reserve(meters, each, tokens=90, cost=90).settle(10, 5)
    reserve(meters, each, tokens=90, cost=90)
    assert meters.spent(each, NOON) == 95


def test_other_workers_know_what_was_given_back_once_it_is_settled(tmp_path: Path) -> None:
    cells, others = SharedCells(tmp_path / "limits"), SharedCells(tmp_path / "limits")
    here, there, each = Meters(cells), Meters(others), a_meter(budget_nano_usd=100)
    reserve(here, each, cost=100).settle(0, 10)
    with pytest.raises(OverBudget):
        reserve(there, each, cost=90)
    here.settle()
    reserve(there, each, cost=90)
    cells.close()
    others.close()


class FullCells(OwnCells):
    """Cells that have no room for another name than `web`."""

    def write(self, name: str, cell: Cell, *, now_s: float) -> None:
        if "eve" in name and name not in self._cells:
            raise Failed("The table of limits is full. Limit by team or key instead of by user.")
        super().write(name, cell, now_s=now_s)


def test_where_one_limit_has_no_room_left_to_count_in_the_others_have_counted_nothing() -> None:
    meters = Meters(FullCells())
    team = a_meter(requests_per_minute=2, tokens_per_minute=100, budget_nano_usd=100)
    for _ in range(3):
        with pytest.raises(Failed):
            reserve(meters, team, a_meter("eve", name="each", requests_per_minute=1), tokens=60, cost=60)
    assert meters.spent(team, NOON) == 0
    reserve(meters, team, tokens=40, cost=40)
    reserve(meters, team, tokens=60, cost=60)


def test_settling_twice_changes_nothing_more(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(budget_nano_usd=100)
    reservation = reserve(meters, each, cost=50)
    reservation.settle(0, 10)
    reservation.settle(0, 0)
    assert meters.spent(each, NOON) == 10


def test_what_is_unknown_stays_at_the_estimate(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(tokens_per_minute=100, budget_nano_usd=100)
    reserve(meters, each, tokens=60, cost=60).settle(None, None)
    assert meters.spent(each, NOON) == 60
    with pytest.raises(OverLimit):
        reserve(meters, each, tokens=41, cost=0)


def test_a_call_that_used_more_than_was_thought_is_counted_whole(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(budget_nano_usd=100)
    reserve(meters, each, cost=10).settle(0, 150)
    with pytest.raises(OverBudget, match=r"`team` for this month"):
        reserve(meters, each, cost=1)


def test_a_correction_in_the_next_minute_belongs_to_the_one_before(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(tokens_per_minute=100)
    long_call = reserve(meters, each, tokens=100, at=NOON + 59)
    with pytest.raises(OverLimit):
        reserve(meters, each, tokens=10, at=NOON + 61)
    reserve(meters, each, tokens=1, at=NOON + 61)
    long_call.settle(0, 0)
    reserve(meters, each, tokens=99, at=NOON + 61)


def test_a_correction_after_the_window_has_passed_changes_nothing(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(tokens_per_minute=100)
    long_call = reserve(meters, each, tokens=100)
    reserve(meters, each, tokens=100, at=NOON + 180)
    long_call.settle(0, 0)
    with pytest.raises(OverLimit):
        reserve(meters, each, tokens=1, at=NOON + 180)


def test_a_late_correction_of_money_does_not_reach_the_next_period(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(budget_nano_usd=100, period=Period.HOUR)
    late = reserve(meters, each, cost=80)
    reserve(meters, each, cost=70, at=NOON + 3600)
    late.settle(0, 0)
    assert meters.spent(each, NOON + 3600) == 70


@pytest.mark.parametrize("tight", [{"requests_per_minute": 0}, {"tokens_per_minute": 5}, {"budget_nano_usd": 5}])
def test_when_one_of_several_limits_refuses_nothing_is_set_aside_under_any(cells: Cells, tight: dict[str, Any]) -> None:
    meters = Meters(cells)
    wide = a_meter(name="wide", requests_per_minute=1, tokens_per_minute=10, budget_nano_usd=10)
    with pytest.raises((OverLimit, OverBudget)):
        reserve(meters, wide, a_meter(name="tight", **tight), tokens=10, cost=10)
    assert meters.spent(wide, NOON) == 0
    reserve(meters, wide, tokens=10, cost=10)


def test_without_limits_nothing_is_counted(cells: Cells) -> None:
    reserve(Meters(cells), tokens=10**9, cost=10**12).settle(1, 1)


def test_what_was_spent_before_this_process_began_counts(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(budget_nano_usd=100)
    meters.seed(each, 70, now_s=NOON)
    with pytest.raises(OverBudget):
        reserve(meters, each, cost=31)
    reserve(meters, each, cost=30)


def test_what_was_reserved_meanwhile_is_not_forgotten_when_the_past_becomes_known(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(budget_nano_usd=100)
    reserve(meters, each, cost=90)
    meters.seed(each, 70, now_s=NOON)
    assert meters.spent(each, NOON) == 90


def test_a_worker_whose_clock_is_a_moment_late_does_not_empty_the_new_minute(cells: Cells) -> None:
    early, late = Meters(cells), Meters(cells)
    each = a_meter(requests_per_minute=2, budget_nano_usd=2, period=Period.HOUR)
    for _ in range(2):
        reserve(early, each, cost=1, at=NOON + 0.001)
    with pytest.raises(OverLimit):
        reserve(late, each, cost=1, at=NOON - 0.001)
    assert early.spent(each, NOON) == 2


def test_a_clock_that_was_far_ahead_does_not_close_the_door_for_long(cells: Cells) -> None:
    meters, each = Meters(cells), a_meter(requests_per_minute=1)
    reserve(meters, each, at=NOON + 86400)
    reserve(meters, each, at=NOON)


@pytest.mark.parametrize(
    ("period", "start"),
    [(Period.HOUR, (2026, 2, 28, 23)), (Period.DAY, (2026, 2, 28, 0)), (Period.MONTH, (2026, 2, 1, 0))],
)
def test_a_budget_begins_anew_with_its_calendar_period(cells: Cells, period: Period, start: tuple[int, int, int, int]) -> None:
    before = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC).timestamp()
    meters, each = Meters(cells), a_meter(budget_nano_usd=10, period=period)
    reserve(meters, each, cost=10, at=before)
    with pytest.raises(OverBudget):
        reserve(meters, each, cost=1, at=before)
    reserve(meters, each, cost=10, at=before + 1)
    assert period_start_s(period, before) == datetime(*start, tzinfo=UTC).timestamp()


@given(st.sampled_from(Period), st.floats(0, 4e9))
def test_a_period_has_begun_and_lapses_later(period: Period, at: float) -> None:
    start = period_start_s(period, at)
    assert start <= at < lapses_s(period, start)


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────

gaps = st.lists(st.floats(0, 45), max_size=60)


@given(gaps, st.integers(1, 6))
def test_never_more_than_the_limit_in_a_calendar_minute_and_never_twice_in_any_sixty_seconds(waits: list[float], allowed: int) -> None:
    meters, each = Meters(OwnCells()), a_meter(requests_per_minute=allowed)
    now, admitted = NOON, []
    for wait in waits:
        now += wait
        with suppress(OverLimit):
            reserve(meters, each, at=now)
            admitted.append(now)
    minutes: defaultdict[int, int] = defaultdict(int)
    for at in admitted:
        minutes[int(at // 60)] += 1
    assert all(count <= allowed for count in minutes.values())
    assert all(sum(at <= other < at + 60 for other in admitted) <= 2 * allowed for at in admitted)


@given(gaps, st.integers(1, 6), st.floats(0, 59))
def test_whoever_waits_as_long_as_told_is_admitted(waits: list[float], allowed: int, into: float) -> None:
    meters, each = Meters(OwnCells()), a_meter(requests_per_minute=allowed)
    now = NOON + into
    for wait in waits:
        now += wait
        try:
            reserve(meters, each, at=now)
        except OverLimit as refused:
            now += refused.retry_after_s or 0
            reserve(meters, each, at=now)


@given(st.data())
def test_whatever_the_order_of_reserving_and_settling_the_sum_is_what_was_used(data: st.DataObject) -> None:
    meters, each = Meters(OwnCells()), a_meter(budget_nano_usd=10**9, tokens_per_minute=10**9)
    estimates = data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=10))
    used = data.draw(st.lists(st.integers(0, 2000), min_size=len(estimates), max_size=len(estimates)))
    open_calls: list[tuple[Reservation, int]] = []
    for estimate, actual in zip(estimates, used, strict=True):
        open_calls.append((reserve(meters, each, tokens=estimate, cost=estimate), actual))
        while open_calls and data.draw(st.booleans()):
            reservation, spent = open_calls.pop(data.draw(st.integers(0, len(open_calls) - 1)))
            reservation.settle(spent, spent)
    for reservation, spent in open_calls:
        reservation.settle(spent, spent)
    assert meters.spent(each, NOON) == sum(used)
    with pytest.raises(OverLimit):
        reserve(meters, each, tokens=10**9 - sum(used) + 1)
    reserve(meters, each, tokens=10**9 - sum(used))
