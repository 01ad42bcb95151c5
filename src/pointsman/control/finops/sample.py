"""
Items of a workflow, drawn so that each has about the same chance: all of them where they are few, else some in a row from each 16th of them.
"""

from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.finops.span import HOUR_MS, Span
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

MOST: Final = 10_000
_PARTS: Final = 16
USEFUL: Final = "useful"
OPEN: Final = "open"


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
        return self.state == USEFUL

    @property
    def is_told(self) -> bool:
        """Whether anything was told of it."""
        return self.state != OPEN


class Sample(Struct, frozen=True, kw_only=True):
    """Items that were drawn, out of how many."""

    items: tuple[Item, ...]
    out_of: int


def sample(db: Database, workflow: str, *, span: Span, most: int = MOST, seed: int = 1) -> Sample:
    """Return at most `most` items opened in a span of whole hours. The same seed draws the same items."""
    rows, total = drawn(db, "sampled", workflow=workflow, span=span, most=most, seed=seed)
    return Sample(items=msgspec.convert([dict(row) for row in rows], tuple[Item, ...], strict=False), out_of=total)


def drawn(db: Database, name: str, *, workflow: str, span: Span, most: int, seed: int = 1, **more: object) -> tuple[list[Row], int]:
    """
    Return what a question says of at most `most` items opened in a span of whole hours, in order of time; and how many were opened.

    Of more items, some are taken from each 16th of them, in a row from a random one of its hours on. An hour of more than a 16th is drawn from by itself, so
    that there are at most 65 questions.
    """
    whole = span.hours
    bounds: dict[str, object] = {"workflow": workflow, "since_ms": whole.since_ms, "until_ms": whole.until_ms}
    hours = [(int(row["bucket_ms"]), int(row["units"])) for row in db.rows(query("finops/unit_hours"), bounds)]
    total = sum(count for _, count in hours)
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    owed = 0.0
    for part in _parts(hours, total=total, most=most):
        count = sum(one for _, one in part)
        owed += count * min(most / total, 1.0)
        quota, owed = round(owed), owed - round(owed)
        since, until = part[0][0], part[-1][0] + HOUR_MS
        start = since if count <= quota else _start(part, random)
        found = _asked(db, name, bounds=bounds | more | {"since_ms": start, "until_ms": until, "most": quota})
        left = quota - len({(row["tenant"], row["unit"]) for row in found})
        if left and start > since:  # round the part
            rows += _asked(db, name, bounds=bounds | more | {"since_ms": since, "until_ms": start, "most": left})
        rows += found
    return rows, total


def _parts(hours: list[tuple[int, int]], *, total: int, most: int) -> list[list[tuple[int, int]]]:
    """Split hours into runs of about as many items each, an hour of very many by itself; one run where everything is read."""
    parts: list[list[tuple[int, int]]] = []
    least = total / (_PARTS if total > most else 1)
    seen = 0
    for hour in hours:
        if not parts or seen >= least * len(parts) or least <= hour[1] < total:
            parts.append([])
        parts[-1].append(hour)
        seen += hour[1]
    return parts


def _start(part: list[tuple[int, int]], random: np.random.Generator) -> int:
    """Return a time within a run of hours, in each hour as often as it has items."""
    pick = int(random.integers(sum(count for _, count in part)))
    for hour, count in part:
        if pick < count:
            return hour + pick * HOUR_MS // count
        pick -= count
    return part[0][0]


def _asked(db: Database, name: str, *, bounds: dict[str, object]) -> list[Row]:
    return list(db.rows(query(f"finops/{name}"), bounds))
