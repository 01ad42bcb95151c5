"""What is tried, how often, and with which probability on record."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.label import Level
from pointsman.core.routing import Trial
from pointsman.decision.exploration import FLOOR, explore, share_of

_TRIAL = Trial(share=0.05, daily_nano_usd=1_000, ceiling=Level.INTERNAL)
_draws = st.builds(lambda seed, count: np.random.default_rng(seed).normal(size=(32, count)), st.integers(0, 999), st.integers(2, 9))
_shares = st.floats(0.0, 1.0)


def test_without_the_owners_word_nothing_is_tried() -> None:
    assert share_of(None, level=Level.PUBLIC, spent_nano_usd=0) == 0.0


def test_data_stricter_than_the_owner_allows_is_never_experimented_with() -> None:
    assert share_of(_TRIAL, level=Level.INTERNAL, spent_nano_usd=0) == 0.05
    assert share_of(_TRIAL, level=Level.CONFIDENTIAL, spent_nano_usd=0) == 0.0


def test_when_the_days_money_is_spent_nothing_more_is_tried() -> None:
    assert share_of(_TRIAL, level=Level.PUBLIC, spent_nano_usd=999) == 0.05
    assert share_of(_TRIAL, level=Level.PUBLIC, spent_nano_usd=1_000) == 0.0
    assert share_of(Trial(share=0.1), level=Level.PUBLIC, spent_nano_usd=10**15) == 0.1


def test_what_may_be_the_best_is_tried_as_often_as_the_draws_say_so() -> None:
    draws = np.array([[1.0, 2.0, 0.0]] * 3 + [[1.0, 0.0, 0.0]] * 7)
    drawn = explore(0, draws, allowed=[True, True, True], share=0.5, chance=0.75)
    assert drawn.probabilities == (1.0 - 0.31, 0.3, 0.01)
    assert drawn.index == 1
    assert drawn.is_exploring
    assert drawn.propensity == 0.3


def test_where_the_share_has_no_room_for_everybodys_floor_only_the_most_promising_are_tried() -> None:
    draws = np.array([[5.0, 1.0, 4.0, 2.0, 3.0]] * 8)
    drawn = explore(0, draws, allowed=[True] * 5, share=0.02, chance=0.0)
    assert drawn.probabilities == (0.98, 0.0, 0.01, 0.0, 0.01)
    assert drawn.index == 0
    assert not drawn.is_exploring


def test_a_tie_is_no_reason_to_leave_what_is_taken_anyway() -> None:
    drawn = explore(1, np.zeros((64, 3)), allowed=[True] * 3, share=0.5, chance=0.0)
    assert drawn.probabilities == (0.01, 0.98, 0.01)


@settings(max_examples=40)
@given(_draws, _shares, st.data())
def test_never_more_than_the_share_goes_elsewhere_and_never_where_it_may_not(draws: np.ndarray, share: float, data: st.DataObject) -> None:
    count = draws.shape[1]
    allowed = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    first = data.draw(st.integers(0, count - 1))
    drawn = explore(first, draws, allowed=allowed, share=share, chance=data.draw(st.floats(0.0, 0.999999)))
    assert abs(sum(drawn.probabilities) - 1.0) < 1e-9
    assert 1.0 - drawn.probabilities[first] <= share + 1e-9
    assert all(p == 0.0 for at, p in enumerate(drawn.probabilities) if not allowed[at] and at != first)
    assert drawn.propensity > 0.0
    least = min([p for at, p in enumerate(drawn.probabilities) if p and at != first], default=FLOOR)
    assert least >= min(FLOOR, share) - 1e-12


@settings(max_examples=15)
@given(_draws, _shares)
def test_what_is_drawn_has_exactly_the_probability_on_record(draws: np.ndarray, share: float) -> None:
    count, steps = draws.shape[1], 2_000
    drawn = [explore(0, draws, allowed=[True] * count, share=share, chance=(step + 0.5) / steps) for step in range(steps)]
    for index, probability in enumerate(drawn[0].probabilities):
        assert abs(sum(one.index == index for one in drawn) / steps - probability) <= 1.0 / steps + 1e-9
