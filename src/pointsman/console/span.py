"""
Which time a page speaks of: the last 24 hours, 7, 30 or 90 days, up to now. Every question of the console is bounded by one of these.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
DEFAULT: Final = "7d"
# Name → how long, how wide one step of a chart is, and how people say it.
_KNOWN: Final[Mapping[str, tuple[int, int, str]]] = {
    "24h": (DAY_MS, HOUR_MS, "24 hours"),
    "7d": (7 * DAY_MS, 6 * HOUR_MS, "7 days"),
    "30d": (30 * DAY_MS, DAY_MS, "30 days"),
    "90d": (90 * DAY_MS, DAY_MS, "90 days"),
}
NAMES: Final = tuple(_KNOWN)


class Span(Struct, frozen=True, kw_only=True):
    """
    A span of time in Unix milliseconds, from `since_ms` up to but without `until_ms`, both whole hours (whole days from 30 days on), as roll-ups are kept.

    `step_ms` is the width of one step of its charts; `says` is how people name it; `now_ms` is when it was asked.
    """

    name: str
    since_ms: int
    until_ms: int
    step_ms: int
    says: str
    now_ms: int

    @property
    def before(self) -> "Span":
        """The span before this one, up to the hour in it that is now: what is compared has lasted as long."""
        length = self.until_ms - self.since_ms
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
    name = name if name in _KNOWN else DEFAULT
    length, step, says = _KNOWN[name]
    until = (now_ms // step + 1) * step
    return Span(name=name, since_ms=until - length, until_ms=until, step_ms=step, says=says, now_ms=now_ms)
