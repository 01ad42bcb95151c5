"""
Prices that were fixed before the held-out prompts were seen: what they came to there is what an owner would have had, who does not know the future either.
"""

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import curves
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.figures import LEVELS, Figure, figure
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.lines import Ends


class Beforehand(Struct, frozen=True, kw_only=True):
    """
    The `price` of cost that kept `level` of the best single model's quality for least on what was learned from, each prompt predicted from the others.

    `quality` and `cost` are what it came to on the held-out prompts, in units of the best single model's. Without a price that model is always asked.
    """

    level: str
    price: float | None
    quality: Figure
    cost: Figure


class Known(Struct, frozen=True, kw_only=True):
    """Scores and relative costs (n, m) with what was expected of them."""

    expected: Expected
    score: Floats
    spent: Floats


def beforehand(before: Known, after: Known, *, ends: Ends, drawn: Floats) -> list[Beforehand]:
    """Fix a price for each level on what was known before, and see what it comes to after. `drawn` are the resamples' weights over what came after."""
    return [_fixed(level, _price(before, level=level, strong=ends.strong), after=after, strong=ends.strong, drawn=drawn) for level in LEVELS]


def _price(before: Known, *, level: float, strong: int) -> float | None:
    expected, rows = before.expected, np.arange(len(before.score))
    goal = level * float(before.score[:, strong].mean())
    found: list[tuple[float, float]] = []
    for price in curves.prices(expected.quality, expected.cost).tolist():
        way = curves.chosen(expected.quality, expected.cost, price=price)
        if float(before.score[rows, way].mean()) >= goal:
            found.append((float(before.spent[rows, way].mean()), price))
    best = min(found, default=None)
    return None if best is None or best[0] >= float(before.spent[:, strong].mean()) else best[1]


def _fixed(level: float, price: float | None, *, after: Known, strong: int, drawn: Floats) -> Beforehand:
    rows = np.arange(len(after.score))
    way = np.full(len(rows), strong) if price is None else curves.chosen(after.expected.quality, after.expected.cost, price=price)
    quality, cost = after.score[rows, way], after.spent[rows, way]
    best, most = after.score[:, strong], after.spent[:, strong]
    return Beforehand(
        level=f"{level:.0%}",
        price=price,
        quality=figure(_ratio(quality.mean(), best.mean()), _ratio(drawn @ quality, drawn @ best)),
        cost=figure(_ratio(cost.mean(), most.mean()), _ratio(drawn @ cost, drawn @ most)),
    )


def _ratio(one: Floats, other: Floats) -> Floats:
    return np.divide(one, other, out=np.full_like(np.asarray(one, dtype=np.float64), np.nan), where=np.asarray(other) > 0)
