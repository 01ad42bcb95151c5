"""
Unit economics and their intervals: golden ratios, coverage by simulation, and samples that are fair.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.economics import economics
from pointsman.control.finops.frontier import avoidable
from pointsman.control.finops.intervals import difference, ratio, wilson
from pointsman.control.finops.sample import sample
from pointsman.control.finops.span import HOUR_MS
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]


def test_an_item_costs_what_all_cost_over_all_and_a_useful_one_over_the_useful(each_database: Database) -> None:
    for number in range(20):
        state = "useful" if number % 2 else "open" if number == 0 else "failed"
        more = {"cost_nano_usd": 90, "overhead_nano_usd": 9, "human_nano_usd": 10, "human_s": 120.0, "team": "eu" if number < 12 else "us"}
        rows.unit(each_database, f"t-{number}", state=state, opened_ms=rows.OCT_MS + number, value_nano_usd=1000, cost_unknown=int(number == 3), **more)
    rows.items(each_database, units=20)
    whole, eu, us = economics(each_database, "support", span=rows.OCTOBER, by="team", mature_before_ms=rows.OCT_MS + 5)
    assert whole.per_unit is not None
    assert whole.per_useful is not None
    assert whole.value_per_cost is not None
    assert whole.human_minutes is not None
    assert whole.overhead_share is not None
    assert (whole.name, whole.items, whole.out_of, whole.useful) == ("support", 20, 20, 10)
    assert (whole.per_unit.value, whole.per_useful.value, whole.value_per_cost.value) == (100, 200, 5)
    assert (whole.human_minutes.value, whole.overhead_share.value) == (2, pytest.approx(0.1))
    assert (whole.coverage, whole.told_share, whole.mature_share) == (0.95, 0.95, 0.25)
    assert 130 < whole.per_useful.low < 200 < whole.per_useful.high < 420
    assert (eu.name, eu.items, us.name, us.items) == ("eu", 12, "us", 8)
    assert us.per_useful is not None
    assert us.per_useful.high == float("inf")  # eight items are too few for bounds


def test_the_same_seed_says_the_same(each_database: Database) -> None:
    for number in range(30):
        rows.unit(each_database, f"t-{number}", cost_nano_usd=number, opened_ms=rows.OCT_MS + number)
    rows.items(each_database, units=30)
    one, again = (economics(each_database, "support", span=rows.OCTOBER, seed=3) for _ in range(2))
    assert one == again != economics(each_database, "support", span=rows.OCTOBER, seed=4)


def test_without_items_there_is_nothing_to_say(each_database: Database) -> None:
    assert economics(each_database, "support", span=rows.OCTOBER) == []


def test_a_sample_takes_from_each_hour_in_proportion(each_database: Database) -> None:
    with each_database.transaction():
        for hour, count in ((0, 300), (1, 100), (3, 200)):
            rows.items(each_database, bucket_ms=rows.OCT_MS + hour * HOUR_MS, units=count)
            for number in range(count):
                rows.unit(each_database, f"{hour}-{number}", opened_ms=rows.OCT_MS + hour * HOUR_MS + number * 10_000)
    drawn = sample(each_database, "support", span=rows.OCTOBER, most=60, seed=2)
    by_hour = [sum(item.unit.startswith(f"{hour}-") for item in drawn.items) for hour in range(4)]
    assert by_hour == [30, 10, 0, 20]
    assert drawn.out_of == 600
    assert len({item.unit for item in drawn.items}) == 60
    assert len(sample(each_database, "support", span=rows.OCTOBER, most=600).items) == 600
    assert len(sample(each_database, "support", span=rows.OCTOBER, most=2).items) == 2


class Counting:
    """A database that counts questions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.asked = 0

    def rows(self, sql: str, values: Any = ()) -> Any:
        self.asked += 1
        return self._db.rows(sql, values)


def test_however_many_items_there_are_a_bounded_number_of_questions_is_asked(each_database: Database) -> None:
    with each_database.transaction():
        for hour in range(200):
            rows.items(each_database, bucket_ms=rows.OCT_MS + hour * HOUR_MS, units=3)
            for number in range(3):
                rows.unit(each_database, f"{hour}-{number}", opened_ms=rows.OCT_MS + hour * HOUR_MS + number * 60_000)
    db: Any = Counting(each_database)
    assert len(sample(db, "support", span=rows.OCTOBER, most=100).items) == 100
    assert db.asked <= 33
    few: Any = Counting(each_database)
    assert avoidable(few, "support", span=rows.OCTOBER) == []
    assert economics(few, "support", span=rows.OCTOBER) != []
    assert few.asked <= 5


def test_nineteen_of_twenty_intervals_hold_the_true_cost_of_a_useful_outcome() -> None:
    """Costs with a heavy tail and half of the items useful: the true cost per useful outcome is 2 * exp(0.5) = 3.297."""
    random = np.random.default_rng(5)
    held = 0
    for number in range(60):
        cost = np.exp(random.normal(0, 1, 200))
        useful = (random.random(200) < 0.5).astype(float)
        found = ratio(cost, useful, seed=number)
        assert found is not None
        held += found.low <= 2 * np.exp(0.5) <= found.high
    assert held >= 52


def test_of_many_items_blocks_are_drawn_and_intervals_hold_as_often() -> None:
    random = np.random.default_rng(6)
    held = 0
    for number in range(60):
        cost = np.exp(random.normal(0, 1, 3000))
        useful = (random.random(3000) < 0.5).astype(float)
        found = ratio(cost, useful, seed=number)
        assert found is not None
        assert found.value == pytest.approx(cost.sum() / useful.sum())
        held += found.low <= 2 * np.exp(0.5) <= found.high
    assert held >= 52


def test_what_neighbours_have_in_common_widens_the_interval() -> None:
    random = np.random.default_rng(7)
    alone = np.exp(random.normal(0, 1, 5000))
    together = np.repeat(np.exp(random.normal(0, 1, 500)), 10)
    by_one, by_ten = ratio(alone, np.ones(5000)), ratio(together, np.ones(5000))
    assert by_one is not None
    assert by_ten is not None
    assert by_ten.high - by_ten.low > 2 * (by_one.high - by_one.low)


def test_a_burst_of_items_in_one_hour_is_drawn_as_well(each_database: Database) -> None:
    with each_database.transaction():
        for hour in range(40):
            rows.items(each_database, bucket_ms=rows.OCT_MS + hour * HOUR_MS, units=500 if hour == 20 else 1)
        for number in range(500):
            rows.unit(each_database, f"burst-{number}", opened_ms=rows.OCT_MS + 20 * HOUR_MS)
        for hour in range(40):
            if hour != 20:
                rows.unit(each_database, f"hour-{hour}", opened_ms=rows.OCT_MS + hour * HOUR_MS)
    drawn = sample(each_database, "support", span=rows.OCTOBER, most=100)
    assert drawn.out_of == 539
    assert 90 <= len(drawn.items) <= 100
    assert sum(item.unit.startswith("burst") for item in drawn.items) >= 80


def test_a_ratio_of_nothing_is_not_known_and_one_of_few_has_no_bounds() -> None:
    assert ratio(np.ones(5), np.zeros(5)) is None
    few = ratio(np.ones(5), np.ones(5))
    assert few is not None
    assert (few.value, few.low, few.high) == (1.0, 0.0, float("inf"))
    rare = ratio(np.ones(50), np.array([1.0] + [0.0] * 49))  # a third of all draws have nothing below
    assert rare is not None
    assert rare.high == float("inf")


def test_wilson_and_newcombe_are_as_they_were_published() -> None:
    """Wilson (1927) for 81 of 263; Newcombe (1998), table II: 56/70 - 48/80, method 10: 0.0524 to 0.3339."""
    share = wilson(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    apart = difference(wilson(56, 70), wilson(48, 80))
    assert (round(apart.low, 4), round(apart.high, 4)) == (0.0524, 0.3339)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@settings(max_examples=30, deadline=None)
@given(of=st.integers(1, 10_000), share=st.floats(0, 1))
def test_a_share_lies_within_its_interval(of: int, share: float) -> None:
    found = wilson(round(of * share), of)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


@settings(max_examples=15, deadline=None)
@given(costs=st.lists(st.floats(0, 1e12), min_size=10, max_size=40), seed=st.integers(0, 9))
def test_a_mean_lies_within_its_bootstrap_interval_roughly(costs: list[float], seed: int) -> None:
    found = ratio(np.array(costs), np.ones(len(costs)), seed=seed)
    assert found is not None
    assert min(costs) - 1e-3 <= found.low <= found.high <= max(costs) + 1e-3
