"""
The numbers of an evaluation, worked out by hand.

Four prompts; the weak model is right on 1 and 2, the strong one on 1, 3 and 4: weak 0.5, strong 0.75.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.control.evaluation import curves
from pointsman.control.evaluation.curves import Curve

WEAK = np.array([1.0, 1.0, 0.0, 0.0])
STRONG = np.array([1.0, 0.0, 1.0, 1.0])
EVENLY = np.full(4, 0.25)


def curve(*points: tuple[float, float]) -> Curve:
    return Curve(x=np.array([x for x, _ in points]), quality=np.array([y for _, y in points]))


def test_a_router_that_knows_who_needs_the_strong_model_closes_the_gap_twice_at_half_the_calls() -> None:
    calls = curves.sent(np.array([0.2, 0.1, 0.9, 0.8]), bins=4)
    found = curves.by_share(calls, weak=WEAK, strong=STRONG, weight=EVENLY)
    assert found.x.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.quality.tolist() == [0.5, 0.75, 1.0, 1.0, 0.75]
    # PGR is 0, 1, 2, 2, 1; the area by trapezia is 0.25 × (0.5 + 1.5 + 2 + 1.5) = 1.375.
    assert curves.recovered(found, weak=0.5, strong=0.75).quality.tolist() == [0.0, 1.0, 2.0, 2.0, 1.0]
    assert curves.apgr(found, weak=0.5, strong=0.75) == pytest.approx(1.375)
    assert curves.cpt(found, 0.5, weak=0.5, strong=0.75) == pytest.approx(0.125)
    assert curves.cpt(found, 0.8, weak=0.5, strong=0.75) == pytest.approx(0.2)


def test_a_router_that_is_always_wrong_needs_all_calls() -> None:
    found = curves.by_share(curves.sent(np.array([0.8, 0.9, 0.1, 0.2]), bins=4), weak=WEAK, strong=STRONG, weight=EVENLY)
    assert found.quality.tolist() == [0.5, 0.25, 0.25, 0.5, 0.75]
    # PGR is 0, -1, -1, 0, 1: the area is 0.25 × (-0.5 - 1 - 0.5 + 0.5) = -0.375.
    assert curves.apgr(found, weak=0.5, strong=0.75) == pytest.approx(-0.375)
    assert curves.cpt(found, 0.5, weak=0.5, strong=0.75) == pytest.approx(0.875)


def test_a_part_of_the_gap_that_is_never_closed_has_no_share() -> None:
    assert curves.cpt(curve((0.0, 0.5), (1.0, 0.6)), 0.8, weak=0.5, strong=0.75) is None


def test_a_gap_that_is_closed_from_the_start_needs_no_strong_call() -> None:
    assert curves.cpt(curve((0.0, 0.8), (1.0, 0.75)), 0.5, weak=0.5, strong=0.75) == 0.0


def test_prompts_of_equal_gain_go_together() -> None:
    assert curves.sent(np.array([0.5, 0.5, 0.5, 0.5])).tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert curves.sent(np.array([0.1, 0.7, 0.7, 0.7]), bins=2).tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]


def test_ten_bins_of_a_hundred_prompts_are_eleven_shares_a_tenth_apart() -> None:
    calls = curves.sent(np.arange(100.0))
    assert np.allclose(calls.mean(axis=1), [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


def test_what_is_known_beforehand_is_parted_at_every_share_even_where_gains_are_equal() -> None:
    assert curves.best(np.array([1.0, 1.0, 1.0, 0.0]), bins=4).tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_the_hull_leaves_out_what_a_mix_of_others_beats_and_what_costs_more_for_less() -> None:
    found = curves.hull(curve((1.0, 0.2), (2.0, 0.3), (3.0, 0.8), (4.0, 0.7), (3.0, 0.1), (5.0, 0.9)))
    assert found.x.tolist() == [1.0, 3.0, 5.0]
    assert found.quality.tolist() == [0.2, 0.8, 0.9]


def test_aiq_is_the_area_under_the_hull_over_its_range_of_cost() -> None:
    # From 1 to 3 the mean height is 0.5, from 3 to 5 it is 0.85, and from 5 to 6 it stays 0.9: (1 + 1.7 + 0.9) / 5.
    points = curve((1.0, 0.2), (3.0, 0.8), (5.0, 0.9))
    assert curves.aiq(points, low=1.0, high=6.0) == pytest.approx(3.6 / 5)
    assert curves.aiq(points, low=2.0, high=2.0) == 0.9  # models of one price: what is best at it


def test_at_a_price_of_nothing_the_best_is_chosen_and_at_a_high_one_the_cheapest() -> None:
    quality, cost = np.array([[0.5, 0.9, 0.8], [0.6, 0.6, 0.9]]), np.array([[0.1, 1.0, 0.5], [0.1, 1.0, 0.5]])
    assert curves.chosen(quality, cost, price=0.0).tolist() == [1, 2]
    assert curves.chosen(quality, cost, price=0.5).tolist() == [2, 2]  # 0.45, 0.40, 0.55 and 0.55, 0.10, 0.65
    assert curves.chosen(quality, cost, price=10.0).tolist() == [0, 0]
    found = curves.prices(quality, cost)
    assert found[0] == 0.0
    assert curves.chosen(quality, cost, price=float(found[-1])).tolist() == [0, 0]


def test_of_two_that_are_worth_the_same_the_cheaper_one_is_chosen() -> None:
    assert curves.chosen(np.array([[0.5, 0.5]]), np.array([[1.0, 0.2]]), price=0.0).tolist() == [1]


def test_models_of_one_price_need_no_more_than_two_prices() -> None:
    assert curves.prices(np.array([[0.1, 0.9]]), np.array([[1.0, 1.0]])).tolist() == [0.0, 1e9]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=30))
def test_sending_everybody_closes_the_gap_and_sending_nobody_none_of_it(rows: list[tuple[float, int, int]]) -> None:
    gain, weak, strong = (np.array([float(row[at]) for row in rows]) for at in range(3))
    found = curves.by_share(curves.sent(gain), weak=weak, strong=strong, weight=np.full(len(rows), 1 / len(rows)))
    assert (found.x[0], found.x[-1]) == pytest.approx((0.0, 1.0))
    assert (found.quality[0], found.quality[-1]) == pytest.approx((weak.mean(), strong.mean()))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0, 1)), min_size=1, max_size=12))
def test_the_hull_is_never_below_a_point_and_never_falls(points: list[tuple[float, float]]) -> None:
    found = curves.hull(curve(*points))
    assert (np.diff(found.quality) > 0).all()
    assert all(np.interp(x, found.x, found.quality) >= y - 1e-9 for x, y in points if x >= found.x[0])
