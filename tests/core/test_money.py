"""Money: whole nano-dollars, and unknown is not zero."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.money import add, dollars, nano


@pytest.mark.parametrize(
    ("usd", "expected"),
    [("1", 1_000_000_000), (0.1, 100_000_000), (Decimal("0.0000000005"), 1), ("0.0000000004", 0), (3e-09, 3), (0.15, 150_000_000)],
)
def test_dollars_become_nano_dollars_rounded_half_up(usd: Decimal | float | str, expected: int) -> None:
    assert nano(usd) == expected


@pytest.mark.parametrize(
    ("amount", "told"),
    [(1_500_000_000, "$1.50"), (0, "$0.00"), (42_000, "$0.000042"), (1, "$0.000000001"), (1_234_567_000_000_000, "$1,234,567.00"), (None, "unknown")],
)
def test_people_are_shown_as_many_digits_as_there_are(amount: int | None, told: str) -> None:
    assert dollars(amount) == told


@given(st.integers(0, 10**18))
def test_what_is_shown_is_what_is_kept(amount: int) -> None:
    assert nano(dollars(amount).lstrip("$").replace(",", "")) == amount


@given(st.lists(st.one_of(st.none(), st.integers(-(10**12), 10**12))))
def test_a_sum_with_an_unknown_part_is_unknown(amounts: list[int | None]) -> None:
    known = [amount for amount in amounts if amount is not None]
    assert add(*amounts) == (sum(known) if len(known) == len(amounts) else None)
