"""
Items of a workflow, drawn so that each has about the same chance: all of them where they are few, else from each hour in proportion, from a random minute on.
"""

from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.finops.span import HOUR_MS, Span
from pointsman.storage.database import query
from pointsman.storage.sql import Database

MOST: Final = 20_000
_USEFUL: Final = "useful"
_OPEN: Final = "open"


class Item(Struct, frozen=True, kw_only=True):
    """One item with everything it cost and was worth until now. `cost_unknown` counts its calls of unknown cost."""

    tenant: str
    unit: str
    team: str
    application: str
    opened_ms: int
    state: str
    calls: int
    cost_nano_usd: int
    cost_unknown: int
    overhead_nano_usd: int
    human_nano_usd: int
    human_s: float
    value_nano_usd: int

    @property
    def is_useful(self) -> bool:
        """Whether the last that was told of it is a success."""
        return self.state == _USEFUL

    @property
    def is_told(self) -> bool:
        """Whether anything was told of it."""
        return self.state != _OPEN


class Sample(Struct, frozen=True, kw_only=True):
    """Items that were drawn, out of how many."""

    items: tuple[Item, ...]
    out_of: int


def sample(db: Database, workflow: str, *, span: Span, most: int = MOST, seed: int = 1) -> Sample:
    """Return at most `most` items opened in a span of whole hours. The same seed draws the same items. Reads no more rows than about twice as many."""
    whole = span.hours
    bounds: dict[str, object] = {"workflow": workflow, "since_ms": whole.since_ms, "until_ms": whole.until_ms}
    hours = [(row["bucket_ms"], row["units"]) for row in db.rows(query("finops/unit_hours"), bounds)]
    total = sum(count for _, count in hours)
    if total <= most:
        return Sample(items=_items(db, workflow, since_ms=whole.since_ms, until_ms=whole.until_ms, most=most), out_of=total)
    random = np.random.default_rng(seed)
    drawn: list[Item] = []
    owed = 0.0
    for hour, count in hours:
        owed += count * most / total
        quota, owed = int(owed), owed - int(owed)
        start = hour + int(random.integers(HOUR_MS))
        found = _items(db, workflow, since_ms=start, until_ms=hour + HOUR_MS, most=quota)
        drawn += found
        if len(found) < quota:  # round the hour
            drawn += _items(db, workflow, since_ms=hour, until_ms=start, most=quota - len(found))
    return Sample(items=tuple(drawn), out_of=total)


def _items(db: Database, workflow: str, *, since_ms: int, until_ms: int, most: int) -> tuple[Item, ...]:
    if not most:
        return ()
    rows = db.rows(query("finops/sampled"), {"workflow": workflow, "since_ms": since_ms, "until_ms": until_ms, "most": most})
    return msgspec.convert([dict(row) for row in rows], tuple[Item, ...], strict=False)
