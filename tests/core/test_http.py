"""Dead-lines that shrink with the time that is left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.http import Deadlines

spans = st.floats(0.001, 1000)
deadlines = st.builds(Deadlines, connect_s=spans, first_byte_s=spans, gap_s=spans, total_s=spans)


def test_with_time_enough_nothing_changes() -> None:
    told = Deadlines(total_s=60)
    assert told.within(60) is told
    assert told.within(59.995) is told


def test_with_less_time_left_neither_the_whole_nor_connecting_takes_longer() -> None:
    assert Deadlines(connect_s=5, total_s=60).within(2) == Deadlines(connect_s=2, total_s=2)
    assert Deadlines(connect_s=1, total_s=60).within(2) == Deadlines(connect_s=1, total_s=2)


@given(deadlines, spans)
def test_nothing_ever_grows_and_the_whole_fits_into_what_is_left(told: Deadlines, left_s: float) -> None:
    now = told.within(left_s)
    assert now.total_s <= min(told.total_s, left_s + 0.01)
    assert now.connect_s <= told.connect_s
    assert (now.first_byte_s, now.gap_s) == pytest.approx((told.first_byte_s, told.gap_s))
