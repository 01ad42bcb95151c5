"""
Which time a page speaks of: the last 24 hours, 7, 30 or 90 days up to now, this calendar month or the last (UTC). Every question of the console is bounded by
one of these.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
DEFAULT: Final = "7d"
# Name → how long, how wide one step of a chart is, and how people say it.
_KNOWN: Final[Mapping[str, tuple[int, int, str]]] = {
    "24h": (DAY_MS, HOUR_MS, "the last 24 hours"),
    "7d": (7 * DAY_MS, 6 * HOUR_MS, "the last 7 days"),
    "30d": (30 * DAY_MS, DAY_MS, "the last 30 days"),
    "90d": (90 * DAY_MS, DAY_MS, "the last 90 days"),
}
NAMES: Final = tuple(_KNOWN)
# Name → how people say it, and how many months ago it began.
MONTHS: Final[Mapping[str, tuple[str, int]]] = {"month": ("this month", 0), "last-month": ("last month", 1)}
_JANUARY: Final = 1
_DECEMBER: Final = 12


class Span(Struct, frozen=True, kw_only=True):
    """
    A span of time in Unix milliseconds, from `since_ms` up to but without `until_ms`, both whole hours (whole days from 30 days on), as roll-ups are kept.

    `step_ms` is the width of one step of its charts; `says` is how people name it; `now_ms` is when it was asked. `before_ms` is
    where the span before begins, if it is not as long: that of a month is the month before.
    """

    name: str
    since_ms: int
    until_ms: int
    step_ms: int
    says: str
    now_ms: int
    before_ms: int | None = None

    @property
    def before(self) -> "Span":
        """The span before this one, up to the hour in it that is now: what is compared has lasted as long."""
        length = self.until_ms - self.since_ms
        if self.before_ms is not None:
            lasted = min(self.until_ms, (self.now_ms // HOUR_MS + 1) * HOUR_MS) - self.since_ms
            until = self.since_ms if self.until_ms <= self.now_ms else min(self.before_ms + lasted, self.since_ms)
            return Span(name=self.name, since_ms=self.before_ms, until_ms=until, step_ms=self.step_ms, says=self.says, now_ms=self.now_ms)
        until = min(self.until_ms, (self.now_ms // HOUR_MS + 1) * HOUR_MS) - length
        return Span(name=self.name, since_ms=self.since_ms - length, until_ms=until, step_ms=self.step_ms, says=self.says, now_ms=self.now_ms)

    @property
    def values(self) -> dict[str, object]:
        """The two ends, as questions name them."""
        return {"since_ms": self.since_ms, "until_ms": self.until_ms}

    @property
    def steps(self) -> list[int]:
        """When each step of a chart begins."""
        return list(range(self.since_ms, self.until_ms, self.step_ms))


def span_of(name: str, now_ms: int) -> Span:
    """Return the span of this name that ends with the present hour or day; the usual one where there is none of this name."""
    if name in MONTHS:
        return _month(name, now_ms)
    name = name if name in _KNOWN else DEFAULT
    length, step, says = _KNOWN[name]
    until = (now_ms // step + 1) * step
    return Span(name=name, since_ms=until - length, until_ms=until, step_ms=step, says=says, now_ms=now_ms)


def _month(name: str, now_ms: int) -> Span:
    label, ago = MONTHS[name]
    says = f"the {label}" if ago else label
    now = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    first = datetime(now.year, now.month, 1, tzinfo=UTC)
    for _ in range(ago):
        first = _earlier(first)
    until_ms = _ms(_later(first)) if ago else (now_ms // DAY_MS + 1) * DAY_MS
    return Span(name=name, since_ms=_ms(first), until_ms=until_ms, step_ms=DAY_MS, says=says, now_ms=now_ms, before_ms=_ms(_earlier(first)))


def _earlier(first: datetime) -> datetime:
    return first.replace(year=first.year - 1, month=_DECEMBER) if first.month == _JANUARY else first.replace(month=first.month - 1)


def _later(first: datetime) -> datetime:
    return first.replace(year=first.year + 1, month=_JANUARY) if first.month == _DECEMBER else first.replace(month=first.month + 1)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
