"""Figures of a text, and sums that are worked out again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.assess.figures import figures, from_nowhere, sums


def test_figures_are_read_as_people_write_them() -> None:
    assert figures("1,234.5 and 1.234,5, 3.14 or 2,5; 1,000 of 12.") == [1234.5, 1234.5, 3.14, 2.5, 1000.0, 12.0]
    assert figures("1.234.567 and 0.125 and none") == [1234567.0, 0.125]


def test_a_sum_that_is_right_counts_for_an_answer_and_one_that_is_wrong_against() -> None:
    found = sums("She has 16 - 3 - 4 = 9 eggs and makes 9 * $2 = $<<9*2=18>>18. In all (2 + 3) x 4 = 20, but 7 * 8 = 54.")
    assert (found.right, found.wrong) == (3, 1)
    assert found.results == (9.0, 18.0, 20.0, 54.0)


@pytest.mark.parametrize("text", ["20% * 50 = 10", "10 / 4 = 2.5", "1,000 ÷ 8 = 125", "2 - 5 = -3", "1/3 + 1/3 = 0.667", "12 × 3 = €36"])  # noqa: RUF001
def test_sums_are_right_in_the_ways_they_are_written(text: str) -> None:
    assert (sums(text).right, sums(text).wrong) == (1, 0)


@pytest.mark.parametrize("text", ["", "5 = 5", "x + 2 = 4", "3 / 0 = 1", "(1 + 2 = 3", "(2 + 3) 4 * 1 = 20", "on 2024-01-02 we met", "1 +% 2 = 3"])
def test_what_is_no_sum_is_not_held_against_anybody(text: str) -> None:
    assert sums(text).wrong == 0


@settings(max_examples=60)
@given(numbers=st.lists(st.integers(1, 500), min_size=2, max_size=5), signs=st.lists(st.sampled_from("+-*"), min_size=4, max_size=4))
def test_every_sum_that_is_worked_out_correctly_is_right(numbers: list[int], signs: list[str]) -> None:
    written = str(numbers[0]) + "".join(f" {sign} {number}" for sign, number in zip(signs, numbers[1:], strict=False))
    result = eval(written)
    assert sums(f"{written} = {result}").right == 1
    assert sums(f"{written} = {result + max(abs(result), 10)}").wrong == 1


def test_figures_from_nowhere_are_those_that_nothing_before_explains() -> None:
    known = [200.0, 40.0]
    assert from_nowhere(sums("200 * 0.4 = 80 and 80 + 200 = 280 and 280 * 3 = 840"), known) == 0.0
    assert from_nowhere(sums("200 * 37 = 7400"), known) == 0.5
    assert from_nowhere(sums("no sums at all"), known) == 0.0
