"""
What was spent day by day and hour by hour, by who bears it: the series that forecasts and alerts look at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

# A team, application or user of one tenant is never counted with that of another.
_WITHIN_TENANT: Final = frozenset({"team", "application", "user"})
_KEYED: Final = frozenset({"key", "user"})
ALL: Final = ""

# By name of who bears it: nano-dollars for each day or hour of a span, in order.
Series = Mapping[str, Sequence[int]]


def by_day(db: Database, span: Span, *, by: str) -> Series:
    """
    Return what each value of `by` spent on each day of a span; a team, application or user is named `tenant/value`, `all` has the one name ''.

    From `rollup_day`; keys and users are in no roll-up, so that they are counted from the calls of each day.
    """
    return _series(db, span.days, step_ms=DAY_MS, by=by)


def by_hour(db: Database, span: Span, *, by: str) -> Series:
    """Return what each value of `by` spent in each hour of a span."""
    return _series(db, span.hours, step_ms=HOUR_MS, by=by)


def _series(db: Database, span: Span, *, step_ms: int, by: str) -> Series:
    starts = range(span.since_ms, span.until_ms, step_ms)
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(starts))
    for start, row in _keyed(db, starts) if by in _KEYED else _rolled(db, span, step_ms=step_ms):
        name = _name(row, by)
        if name is not None:
            found[name][(start - span.since_ms) // step_ms] += row["cost_nano_usd"]
    return dict(found)


def _rolled(db: Database, span: Span, *, step_ms: int) -> Iterable[tuple[int, Row]]:
    name = "finops/days" if step_ms == DAY_MS else "finops/hours"
    return ((row["bucket_ms"], row) for row in db.rows(query(name), {"since_ms": span.since_ms, "until_ms": span.until_ms}))


def _keyed(db: Database, starts: range) -> Iterable[tuple[int, Row]]:
    for start in starts:
        bounds = {"first_id": first_id(max(start, 0)), "last_id": first_id(start + starts.step)}
        yield from ((start, row) for row in db.rows(query("finops/keyed"), bounds))


def _name(row: Row, by: str) -> str | None:
    if by == "all":
        return ALL
    value = row[{"key": "key_id", "user": "who"}.get(by, by)]
    if not value:
        return None
    return f"{row['tenant']}/{value}" if by in _WITHIN_TENANT else str(value)


def begun(days: Sequence[int]) -> Sequence[int]:
    """Leave out the days before the first on which anything was spent: there was nothing to spend it on."""
    first = next((number for number, day in enumerate(days) if day), len(days))
    return days[first:]
