"""
Spans of time that money is counted over: whole hours, whole days, calendar months. Everything is UTC.
"""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_MONTH: Final = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


class Span(Struct, frozen=True, kw_only=True):
    """From `since_ms` on, until before `until_ms` (Unix milliseconds)."""

    since_ms: int
    until_ms: int

    @property
    def hours(self) -> "Span":
        """The span widened to whole hours."""
        return _whole(self, HOUR_MS)

    @property
    def days(self) -> "Span":
        """The span widened to whole days."""
        return _whole(self, DAY_MS)

    @property
    def day_starts(self) -> range:
        """The start of each day in it, in Unix milliseconds."""
        days = self.days
        return range(days.since_ms, days.until_ms, DAY_MS)

    def values(self, workflow: str = "") -> dict[str, object]:
        """Return the parameters of a question of roll-ups: whole days are read by the day, the ragged ends by the hour."""
        whole = self.hours
        first, last = -(-whole.since_ms // DAY_MS) * DAY_MS, whole.until_ms // DAY_MS * DAY_MS
        if first >= last:
            first = last = whole.until_ms
        return {"since_ms": whole.since_ms, "until_ms": whole.until_ms, "day_since_ms": first, "day_until_ms": last, "workflow": workflow}


def month(text: str) -> Span:
    """Return the span of a month such as `2026-10`. Raises `ValueError`."""
    found = _MONTH.match(text)
    if not found:
        raise ValueError(f"`{text}` is no month. Write one as `2026-10`.")
    return _month_span(int(found[1]), int(found[2]))


def month_of(at_ms: int) -> Span:
    """Return the calendar month that a time lies in."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return _month_span(at.year, at.month)


def before(span: Span) -> Span:
    """Return the span to compare with: the month before a calendar month, else the same length directly before."""
    if month_of(span.since_ms) == span:
        return month_of(span.since_ms - 1)
    return Span(since_ms=max(2 * span.since_ms - span.until_ms, 0), until_ms=span.since_ms)


def day_name(at_ms: int) -> str:
    """Return a day as `2026-10-31`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def _month_span(year: int, number: int) -> Span:
    first = datetime(year, number, 1, tzinfo=UTC)
    until = first + timedelta(days=calendar.monthrange(year, number)[1])
    return Span(since_ms=int(first.timestamp()) * 1000, until_ms=int(until.timestamp()) * 1000)


def _whole(span: Span, step_ms: int) -> Span:
    return Span(since_ms=span.since_ms // step_ms * step_ms, until_ms=-(-span.until_ms // step_ms) * step_ms)
