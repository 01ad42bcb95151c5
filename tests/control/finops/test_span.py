"""
Spans of time: months, what to compare with, and the share of a month.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.control.finops.span import DAY_MS, Span, before, day_name, month, month_of

OCTOBER = month("2026-10")


def test_a_month_is_its_days_in_utc() -> None:
    assert (day_name(OCTOBER.since_ms), day_name(OCTOBER.until_ms - 1), len(OCTOBER.day_starts)) == ("2026-10-01", "2026-10-31", 31)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "october", "2026-10-01", ""])
def test_what_is_no_month_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="Write one as `2026-10`"):
        month(text)


def test_a_month_is_compared_with_the_month_before_and_another_span_with_its_own_length() -> None:
    assert before(OCTOBER) == month("2026-09")
    assert before(month("2026-01")) == month("2025-12")
    span = Span(since_ms=OCTOBER.since_ms, until_ms=OCTOBER.since_ms + DAY_MS)
    assert before(span) == Span(since_ms=OCTOBER.since_ms - DAY_MS, until_ms=OCTOBER.since_ms)


@given(at_ms=st.integers(0, 4_000_000_000_000))
def test_every_time_lies_in_its_month(at_ms: int) -> None:
    found = month_of(at_ms)
    assert found.since_ms <= at_ms < found.until_ms
    assert month_of(found.until_ms - 1) == found
