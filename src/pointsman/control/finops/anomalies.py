"""
Days on which money flowed unusually: as a whole, and by workflow, target and key. How a day is judged belongs to `unusual`.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pointsman.control.finops.sentences import amount
from pointsman.control.finops.series import begun, by_day
from pointsman.control.finops.span import DAY_MS, Span, day_name
from pointsman.control.finops.spoken import ANOMALY, Spoken
from pointsman.control.finops.unusual import look
from pointsman.storage.sql import Database

BY: Final = ("all", "workflow", "target")
FALSE_ALARMS: Final = 1 / 60
_HISTORY_DAYS: Final = 56
_LEAST_NANO_USD: Final = 100_000_000  # what moved by less than ten cents wakes nobody


class Anomaly(Struct, frozen=True, kw_only=True):
    """One day that was unlike its weekdays before. `by` is `all`, `workflow`, `target` or `key`; `apart` counts scales, against `limit`."""

    day_ms: int
    by: str
    name: str
    nano_usd: int
    expected_nano_usd: int
    apart: float
    limit: float

    @property
    def spoken(self) -> Spoken:
        """What is to be said of it, once for the day."""
        who = "Everything together" if self.by == "all" else f"The {self.by} `{self.name}`"
        says = f"{who} cost {amount(self.nano_usd)} on {day_name(self.day_ms)}; {amount(self.expected_nano_usd)} were to be expected of such a day."
        return Spoken(
            kind=ANOMALY,
            subject=f"{self.by}/{self.name}",
            rule="higher" if self.apart > 0 else "lower",
            says=says,
            value=abs(self.apart),
            threshold=self.limit,
            period_ms=self.day_ms,
        )


def anomalies(db: Database, day_ms: int, *, by: Sequence[str] = BY, false_alarms: float = FALSE_ALARMS, least_nano_usd: int = _LEAST_NANO_USD) -> list[Anomaly]:
    """
    Return what was unusual on a whole day (its start, UTC), the furthest apart first.

    `false_alarms` is how many usual days in one may be called unusual over everything that is looked at together: 1/60 is one in two months. What moved by
    less than `least_nano_usd` is left out. `key` in `by` counts the calls themselves and takes longer.
    """
    start = day_ms // DAY_MS * DAY_MS
    span = Span(since_ms=max(start - _HISTORY_DAYS * DAY_MS, 0), until_ms=start + DAY_MS)
    series = [(kind, name, days) for kind in by for name, days in by_day(db, span, by=kind).items()]
    found: list[Anomaly] = []
    for kind, name, days in series:
        seen = look(begun(days), false_alarms=false_alarms / len(series))
        if seen is None or not seen.is_unusual or abs(days[-1] - seen.expected_nano_usd) < least_nano_usd:
            continue
        found.append(Anomaly(day_ms=start, by=kind, name=name, nano_usd=days[-1], expected_nano_usd=seen.expected_nano_usd, apart=seen.apart, limit=seen.limit))
    return sorted(found, key=lambda one: -abs(one.apart))
