"""How values read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.console import words
from pointsman.console.words import NONE

DAY = 86_400_000


@pytest.mark.parametrize(
    ("nano_usd", "says"),
    [
        (None, NONE),
        (0, "$0.00"),
        (5, "$0.000000005"),
        (1_234, "$0.0000012"),
        (12_345_678, "$0.012"),
        (999_999_999, "$1.00"),
        (1_234_567_890, "$1.23"),
        (999_990_000_000, "$999.99"),
        (12_345_600_000_000, "$12,346"),
        (-12_345_600_000_000, "-$12,346"),
        (-1_500_000_000, "-$1.50"),
        (1234.6, "$0.0000012"),
    ],
)
def test_money_has_as_many_digits_as_count(nano_usd: float | None, says: str) -> None:
    assert words.money(nano_usd) == says


@pytest.mark.parametrize(
    ("share", "digits", "says"),
    [
        (None, 0, NONE),
        (0.0, 0, "0%"),
        (1.0, 1, "100.0%"),
        (0.5, 0, "50%"),
        (0.999, 0, "99.9%"),
        (0.9999, 1, "99.9%"),
        (0.0001, 0, "<1%"),
        (0.0001, 1, "<1%"),
    ],
)
def test_a_share_that_is_not_all_never_reads_as_all_and_one_that_is_not_nothing_never_as_nothing(share: float | None, digits: int, says: str) -> None:
    assert words.percent(share, digits) == says


@pytest.mark.parametrize(
    ("milliseconds", "says"),
    [
        (None, NONE),
        (0, "0 ms"),
        (0.21, "0.2 ms"),
        (9.96, "10.0 ms"),
        (340.4, "340 ms"),
        (1240, "1.2 s"),
        (180_000, "3 min"),
        (7_200_000, "2 h"),
        (3 * DAY, "3 days"),
    ],
)
def test_times_are_told_in_the_unit_that_people_think_in(milliseconds: float | None, says: str) -> None:
    assert words.took(milliseconds) == says


@pytest.mark.parametrize(("milliseconds", "says"), [(0, "0 s"), (900, "0 s"), (1500, "1 s"), (DAY, "1 day"), (8 * DAY, "8 days")])
def test_a_span_is_told_in_its_greatest_whole_unit(milliseconds: float, says: str) -> None:
    assert words.lasting(milliseconds) == says


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [(None, 1, NONE), (1, None, NONE), (1, 0, NONE), (110, 100, "+10%"), (97, 100, "−3%"), (100.2, 100, "steady"), (100.6, 100, "+1%"), (300, 20, "+1,400%")],  # noqa: RUF001
)
def test_a_change_is_told_with_its_sign_and_a_small_one_as_none(now: float | None, before: float | None, says: str) -> None:
    assert words.told_change(words.change(now, before)) == says


@pytest.mark.parametrize(("number", "says"), [(None, NONE), (999, "999"), (9_999, "9,999"), (12_400, "12.4k"), (3_140_000, "3.1M")])
def test_numbers_fit_their_cards(number: float | None, says: str) -> None:
    assert words.short(number) == says


def test_moments_hold_the_exact_time_for_the_readers_own_zone() -> None:
    assert words.moment(None) == NONE
    assert words.moment(1_767_225_600_123) == '<time datetime="2026-01-01T00:00:00.123+00:00">01 Jan 2026, 00:00 UTC</time>'
    assert "data-exact" in words.moment(0, "%H:%M:%S")
    assert (words.step(1_767_225_600_000, DAY), words.step(1_767_225_600_000, DAY // 4)) == ("01 Jan", "01 Jan 00:00")
    assert (words.ago(None, 0), words.ago(0, 59_000), words.ago(0, 300_000)) == (NONE, "just now", "5 min ago")
    assert (words.plural(1, "call"), words.plural(2, "call"), words.plural(0, "success", many="successes")) == ("1 call", "2 calls", "0 successes")
    assert (words.times(None), words.times(2.44)) == (NONE, "2.4×")  # noqa: RUF001


@settings(max_examples=60, deadline=None)
@given(st.integers(-(10**18), 10**18))
def test_what_money_says_is_near_what_it_is(nano_usd: int) -> None:
    told = words.money(nano_usd)
    value = float(told.replace("$", "").replace(",", "")) * 1e9
    assert abs(value - nano_usd) <= max(abs(nano_usd) * 0.05, 0.5)
    assert told.startswith("-") is (nano_usd < 0)
