"""
The bound: what it says of a mean is wrong no more often than it may be, whatever the losses are like.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.decision.guarantee.betting import least_pairs, refutes, upper_bound

LOSS, SURE = 0.02, 0.9


def drawn(times: int, pairs: int, *, worse: float, better: float = 0.0, seed: int = 1) -> Any:
    """Return rows of losses: 1 with one probability, -1 with another, else 0."""
    chance = np.random.default_rng(seed).random((times, pairs))
    return np.where(chance < worse, 1.0, np.where(chance < worse + better, -1.0, 0.0))


@pytest.mark.parametrize("better", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("pairs", [150, 500])
def test_a_promise_that_does_not_hold_is_proven_no_more_often_than_it_may_be(pairs: int, better: float) -> None:
    """The worst case: the true loss is exactly what must not be exceeded."""
    wrongly = refutes(drawn(2000, pairs, worse=LOSS + better, better=better), np.ones(pairs), mean=LOSS, sure=SURE).mean()

    assert wrongly <= 1 - SURE + 3 * np.sqrt(0.09 / 2000)


@settings(max_examples=15)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=4), st.sampled_from([0.5, 0.8, 0.9, 0.99]), st.integers(0, 10**6))
def test_whatever_losses_are_like_the_bound_errs_no_more_often_than_it_may(values: list[float], sure: float, seed: int) -> None:
    losses = np.random.default_rng(seed).choice(values, size=(800, 60))
    wrongly = refutes(losses, np.ones(60), mean=min(float(np.mean(values)), 0.999), sure=sure).mean()

    assert wrongly <= (1 - sure) + 4 * np.sqrt(sure * (1 - sure) / 800)


def test_a_promise_that_holds_with_room_is_proven_nearly_as_often_as_by_a_normal_test() -> None:
    losses = drawn(400, 1000, worse=0.035, better=0.03)
    proven = refutes(losses, np.ones(1000), mean=LOSS, sure=SURE).mean()
    normal = (losses.mean(axis=1) + 1.2816 * losses.std(axis=1) / np.sqrt(1000) <= LOSS).mean()

    assert proven >= normal - 0.12


def test_pairs_that_were_drawn_more_often_than_others_count_less() -> None:
    """Half of all prompts gain and are drawn twice as often as the other half, which loses: the mean is 0, and 1/3 is gained where that is not seen."""
    is_often = np.random.default_rng(3).random((60, 150)) < 2 / 3
    losses = np.where(is_often, -1.0, 1.0)
    weights = np.where(is_often, 0.5, 1.0)
    wrongly = np.mean([refutes(row[None], weight, mean=0.0, sure=SURE)[0] for row, weight in zip(losses, weights, strict=True)])

    assert wrongly <= 0.2
    assert refutes(losses, np.ones(150), mean=0.0, sure=SURE).mean() > 0.8


def test_the_bound_lies_above_the_mean_and_comes_closer_with_more_pairs() -> None:
    bounds = [upper_bound(drawn(1, pairs, worse=0.05)[0], np.ones(pairs), sure=SURE) for pairs in (100, 400, 1600)]

    assert bounds == sorted(bounds, reverse=True)
    assert 0.05 < bounds[-1] < 0.07


def test_nothing_is_bounded_by_nothing_and_gains_are_bounded_below_zero() -> None:
    assert upper_bound(np.zeros(1), np.ones(1), sure=0.99) > 0.9
    assert upper_bound(np.ones(50), np.ones(50), sure=SURE) == 1.0
    assert upper_bound(-np.ones(1000), np.ones(1000), sure=SURE) < -0.9


@pytest.mark.parametrize(("loss", "sure"), [(0.02, 0.9), (0.1, 0.9), (0.05, 0.99)])
def test_the_least_number_of_pairs_proves_a_promise_if_nothing_was_lost(loss: float, sure: float) -> None:
    least = least_pairs(loss, sure=sure)

    assert not refutes(np.zeros((1, least - 1)), np.ones(least - 1), mean=loss, sure=sure)[0]
    assert refutes(np.zeros((1, least * 2)), np.ones(least * 2), mean=loss, sure=sure)[0]
