"""Pictures that the server draws: attributes only, the whole of what they stand for, and words for those who do not see them."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.console.charts import PLACES, bar, mix, spark, stretch


def test_a_line_needs_two_values_and_stays_in_its_frame() -> None:
    assert spark([]) == spark([1.0]) == spark([None, 3.0]) == ""
    points = re.findall(r"([\d.]+),([\d.]+)", spark([1.0, None, 3.0, 2.0]).partition("<polyline")[2])
    assert points == [("0.0", "30.0"), ("80.0", "2.0"), ("120.0", "16.0")]
    assert "nan" not in spark([5.0, 5.0])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), st.integers(1, 10**9), min_size=1))
def test_the_parts_of_a_mix_fill_its_bar_and_are_told_in_words(shares: dict[str, int]) -> None:
    drawn = mix(shares)
    widths = [float(width) for width in re.findall(r'width="([\d.]+)"', drawn)]
    assert abs(sum(widths) - 100) < 0.1
    assert all(f"{place} " in drawn for place in shares)
    assert " style=" not in drawn


def test_a_mix_of_nothing_is_nothing() -> None:
    assert mix({}) == mix({"cloud": 0}) == ""


def test_bars_are_never_longer_than_their_track_and_what_was_short_is_still_seen() -> None:
    assert 'width="100.00"' in bar(1.7)
    assert 'width="0.00"' in bar(-1)
    assert 'x="90.00" width="10.00"' in stretch(0.9, 0.5)
    assert 'width="0.40"' in stretch(0.2, 0.0)
