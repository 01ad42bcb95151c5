"""
What a question about the ledger is asked of: a span of time, and who or what it is narrowed to.
"""

from typing import Final

from msgspec import Struct

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000


class Slice(Struct, frozen=True, kw_only=True):
    """
    A span (Unix ms, widened to whole hours, because roll-ups are kept by the hour) and what it is narrowed to; None leaves it wide.

    A `team` or `application` of `''` are the calls without one. Units, reviews and scores belong to workflows: `capability` does not narrow them.
    Latencies and failures are not kept by `tenant`, `team` and `application`.
    """

    since_ms: int
    until_ms: int
    workflow: str | None = None
    tenant: str | None = None
    team: str | None = None
    application: str | None = None
    capability: str | None = None

    @property
    def first_ms(self) -> int:
        """The first hour."""
        return self.since_ms // HOUR_MS * HOUR_MS

    @property
    def end_ms(self) -> int:
        """The end of the last hour."""
        return -(-self.until_ms // HOUR_MS) * HOUR_MS

    @property
    def is_of_callers(self) -> bool:
        """Whether it is narrowed to some callers."""
        return (self.tenant, self.team, self.application) != (None, None, None)

    def mature_ms(self, window_ms: int, *, now_ms: int) -> int:
        """Return the hour before which every unit that was opened has had its whole window, within the span."""
        return max(self.first_ms, min(self.end_ms, (now_ms - window_ms) // HOUR_MS * HOUR_MS))

    def values(self) -> dict[str, object]:
        """
        Return the parameters that the queries of `metrics/` share.

        Whole days are read from `rollup_day` (`first_day_ms` to `last_day_ms`), what is left of the span from `rollup_hour`.
        """
        first_day_ms, last_day_ms = -(-self.first_ms // DAY_MS) * DAY_MS, self.end_ms // DAY_MS * DAY_MS
        if first_day_ms > last_day_ms:
            first_day_ms = last_day_ms = self.end_ms
        return {
            "since_ms": self.first_ms,
            "until_ms": self.end_ms,
            "first_day_ms": first_day_ms,
            "last_day_ms": last_day_ms,
            "workflow": self.workflow,
            "tenant": self.tenant,
            "team": self.team,
            "application": self.application,
            "capability": self.capability,
        }

    def timed(self) -> dict[str, object]:
        """Return the parameters of a question that only a workflow narrows."""
        return {"since_ms": self.first_ms, "until_ms": self.end_ms, "workflow": self.workflow}
