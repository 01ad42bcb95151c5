"""Spans: whole hours or days up to now, and the same length of time before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.console.span import DAY_MS, HOUR_MS, MONTHS, NAMES, span_of

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(("name", "steps"), [("24h", 24), ("7d", 28), ("30d", 30), ("90d", 90), ("unknown", 28)])
def test_a_span_has_whole_steps_and_holds_now(name: str, steps: int) -> None:
    span = span_of(name, NOON)
    assert len(span.steps) == steps
    assert span.since_ms <= NOON < span.until_ms


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 4_000_000_000_000))
def test_what_is_compared_has_lasted_as_long_to_the_hour(name: str, now_ms: int) -> None:
    span = span_of(name, now_ms)
    before = span.before
    lasted = min(span.until_ms, (now_ms // HOUR_MS + 1) * HOUR_MS) - span.since_ms
    assert before.until_ms - before.since_ms == lasted
    assert before.until_ms <= span.since_ms
    assert span.since_ms - before.since_ms == span.until_ms - span.since_ms


def test_a_month_is_a_calendar_month_and_is_compared_with_the_one_before() -> None:
    this, last = span_of("month", NOON), span_of("last-month", NOON)
    december = 1_764_547_200_000  # 2025-12-01
    assert (this.since_ms, this.until_ms) == (NOON - 12 * HOUR_MS, NOON + 12 * HOUR_MS)
    assert (this.before.since_ms, this.before.until_ms) == (december, december + 13 * HOUR_MS)  # as far into the month as now
    assert (last.since_ms, last.until_ms) == (december, this.since_ms)
    assert (last.before.since_ms, last.before.until_ms) == (december - 30 * DAY_MS, december)  # November has thirty days


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(MONTHS)), st.integers(0, 4_000_000_000_000))
def test_months_are_whole_days_one_after_the_other(name: str, now_ms: int) -> None:
    span = span_of(name, now_ms)
    before = span.before
    assert span.since_ms % DAY_MS == span.until_ms % DAY_MS == 0
    assert 0 < span.until_ms - span.since_ms <= 31 * DAY_MS
    assert before.since_ms < before.until_ms <= span.since_ms
