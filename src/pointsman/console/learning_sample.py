"""
What choices by value came to, from a sample of calls that is spread evenly over a span: what was saved against the incumbent, and how much was tried.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row
from pointsman.storage.weighed import weighed_of

_PARTS: Final = 24
_EACH: Final = 200
_BOUND: Final = 1.6449
_FEWEST: Final = 30
_FEWEST_OWN: Final = 10  # calls of the incumbent by which what is expected of it is corrected


class Sample(Struct, frozen=True, kw_only=True):
    """
    Calls of one capability that were looked at. Money is nano-dollars a call.

    `saved` is what the incumbent was expected to cost less what was paid, on average over the `priced` calls of which both are known, with its bounds of 90 %;
    None for too few. `expected` is what the incumbent was expected to cost. `tried` is the share of trials, `chance` the mean probability of what was tried.
    """

    calls: int = 0
    priced: int = 0
    saved: float | None = None
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    tried: float | None = None
    chance: float | None = None


def sampled(db: Database, *, since_ms: int, until_ms: int, incumbents: Mapping[str, str]) -> dict[str, Sample]:
    """Return a sample for each capability (name → its incumbent now)."""
    bounds = [since_ms + (until_ms - since_ms) * part // _PARTS for part in range(_PARTS + 1)]
    rows: dict[str, list[Row]] = {name: [] for name in incumbents}
    for first, last in pairwise(bounds):
        for row in db.rows(query("console/learning_sample"), {"first_id": first_id(first), "last_id": first_id(last), "most": _EACH}):
            if row["capability"] in rows:
                rows[row["capability"]].append(row)
    return {name: _sample(found, incumbent=incumbents[name]) for name, found in rows.items()}


def _sample(rows: list[Row], *, incumbent: str) -> Sample:
    if not rows:
        return Sample()
    trials = [row["propensity"] for row in rows if row["mode"] == "explore"]
    scale = _scale(rows, incumbent)
    pairs = [pair for row in rows if (pair := _against(row, incumbent, scale=scale)) is not None]
    found = Sample(calls=len(rows), priced=len(pairs), tried=len(trials) / len(rows), chance=fmean(trials) if trials else None)
    if len(pairs) < _FEWEST:
        return found
    saved = [expected - paid for expected, paid in pairs]
    mean, reach = fmean(saved), _BOUND * stdev(saved) / sqrt(len(saved))
    return replace(found, saved=mean, low=mean - reach, high=mean + reach, expected=fmean(expected for expected, _ in pairs))


def _scale(rows: list[Row], incumbent: str) -> float:
    """Return what the incumbent's answers cost for each dollar that was expected of them: predictions may be off, above all before lengths are learned."""
    own = [(row["cost_nano_usd"], expected) for row in rows if _is_own(row, incumbent) and (expected := _expected(row, incumbent))]
    return sum(paid for paid, _ in own) / sum(expected for _, expected in own) if len(own) >= _FEWEST_OWN else 1.0


def _against(row: Row, incumbent: str, *, scale: float) -> tuple[float, float] | None:
    """Return what the incumbent was expected to cost and what was paid. Where it answered alone, what was paid is what it costs."""
    paid = row["cost_nano_usd"]
    if paid is None:
        return None
    if _is_own(row, incumbent):
        return paid, paid
    expected = _expected(row, incumbent)
    return None if expected is None else (expected * scale, paid)


def _is_own(row: Row, incumbent: str) -> bool:
    return bool(row["target"] == incumbent and row["attempts"] == 1 and row["cost_nano_usd"] is not None)


def _expected(row: Row, incumbent: str) -> int | None:
    return next((one.cost_nano_usd for one in weighed_of(row["weighed"]) if one.target == incumbent), None)
