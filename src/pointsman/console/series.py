"""
What charts show over time: calls, cost and useful outcomes for each step of a span, whole steps without gaps.
"""

from msgspec import Struct

from pointsman.console.frame import Ask
from pointsman.console.span import DAY_MS
from pointsman.ledger.metrics import Point, Slice, series
from pointsman.storage.database import query
from pointsman.storage.sql import Database


class Step(Struct, frozen=True, kw_only=True):
    """
    One step of a chart, from `at_ms` on.

    `useful` are the useful ones of the units opened in it, `each` what those units cost for each of them; None without any. `near` is the share of calls that
    ran without the cloud.
    """

    at_ms: int
    calls: int = 0
    ok: int = 0
    cost_nano_usd: int = 0
    units: int = 0
    useful: int = 0
    spent_nano_usd: int = 0
    near: float | None = None

    @property
    def each(self) -> float | None:
        """What a useful outcome cost."""
        return self.spent_nano_usd / self.useful if self.useful else None


def steps(ask: Ask, db: Database, *, workflow: str | None = None) -> list[Step]:
    """Return every step of the span, those in which nothing happened as well."""
    span = ask.span
    where = Slice(since_ms=span.since_ms, until_ms=span.until_ms, workflow=workflow)
    step = "day" if span.step_ms >= DAY_MS else "hour"
    points = series(db, where, step=step, now_ms=ask.control.now_ms(), workflows=ask.control.workflows)
    values = {**span.values, "workflow": workflow, "step_ms": span.step_ms}
    table = "console/places_day" if step == "day" else "console/places_hour"
    near = {row["at_ms"]: row["near"] / row["calls"] for row in db.rows(query(table), values) if row["calls"]}
    grouped: dict[int, list[Point]] = {at: [] for at in span.steps}
    for point in points:
        grouped.setdefault(span.since_ms + (point.at_ms - span.since_ms) // span.step_ms * span.step_ms, []).append(point)
    return [_step(at, grouped[at], near=near.get(at)) for at in span.steps]


def _step(at_ms: int, points: list[Point], *, near: float | None) -> Step:
    return Step(
        at_ms=at_ms,
        calls=sum(one.calls for one in points),
        ok=sum(one.ok for one in points),
        cost_nano_usd=sum(one.money.loaded for one in points),
        units=sum(one.units for one in points),
        useful=sum(one.useful for one in points),
        spent_nano_usd=sum(one.worth.money.loaded for one in points),
        near=near,
    )
