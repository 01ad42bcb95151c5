"""
Prices that were fixed before the held-out prompts were seen: what they came to there is what an owner would have had, who does not know the future either.
"""

from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import curves
from pointsman.control.evaluation.cascades import Seen
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.figures import LEVELS, Figure, figure
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.lines import Ends

_STEPS: Final = 101
_ALWAYS: Final = 1e9  # a price at which nothing is asked twice


class Beforehand(Struct, frozen=True, kw_only=True):
    """
    The `price` of cost that kept `level` of the best single model's quality for least on what was learned from, each prompt predicted from the others.

    `quality` and `cost` are what it came to on the held-out prompts, in units of the best single model's. Without a price that model is always asked.
    """

    line: str
    level: str
    price: float | None
    quality: Figure
    cost: Figure


class Known(Struct, frozen=True, kw_only=True):
    """
    Scores and relative costs (n, m), with what was expected of them, and of a cascade what was believed after the cheap answer.

    `best` is the column of the best single model there.
    """

    expected: Expected
    score: Floats
    spent: Floats
    seen: Seen | None = None
    best: int = 0

    def prices(self) -> list[float]:
        """Return the prices that are tried."""
        if self.seen is None:
            return curves.prices(self.expected.quality, self.expected.cost).tolist()
        return [0.0, *np.unique(np.quantile(np.maximum(self.seen.gain, 0.0), np.linspace(0.0, 1.0, _STEPS))).tolist(), _ALWAYS]

    def at(self, price: float, *, ends: Ends) -> tuple[Floats, Floats]:
        """Return the scores and costs (n) of choosing at a price."""
        rows = np.arange(len(self.score))
        if self.seen is None:
            way = curves.chosen(self.expected.quality, self.expected.cost, price=price)
            return self.score[rows, way], self.spent[rows, way]
        goes = self.seen.gain > price * self.expected.cost[:, ends.strong]
        return np.where(goes, self.score[:, ends.strong], self.score[:, ends.weak]), self.spent[:, ends.weak] + goes * self.spent[:, ends.strong]


def beforehand(name: str, before: Known, *, after: Known, ends: Ends, drawn: Floats) -> list[Beforehand]:
    """Fix a price for each level on what was known before, and see what it comes to after. `drawn` are the resamples' weights over what came after."""
    return [_fixed(name, level, price=_price(before, level=level, ends=ends), after=after, drawn=drawn, ends=ends) for level in LEVELS]


def _price(before: Known, *, level: float, ends: Ends) -> float | None:
    goal, most = level * float(before.score[:, ends.strong].mean()), float(before.spent[:, ends.strong].mean())
    found: list[tuple[float, float]] = []
    for price in before.prices():
        quality, cost = before.at(price, ends=ends)
        if float(quality.mean()) >= goal:
            found.append((float(cost.mean()), price))
    best = min(found, default=None)
    return None if best is None or best[0] >= most else best[1]


def _fixed(name: str, level: float, *, price: float | None, after: Known, drawn: Floats, ends: Ends) -> Beforehand:
    best, most = after.score[:, after.best], after.spent[:, after.best]
    quality, cost = (after.score[:, ends.strong], after.spent[:, ends.strong]) if price is None else after.at(price, ends=ends)
    return Beforehand(
        line=name,
        level=f"{level:.0%}",
        price=price,
        quality=figure(_ratio(quality.mean(), best.mean()), _ratio(drawn @ quality, drawn @ best)),
        cost=figure(_ratio(cost.mean(), most.mean()), _ratio(drawn @ cost, drawn @ most)),
    )


def _ratio(one: Floats, other: Floats) -> Floats:
    return np.divide(one, other, out=np.full_like(np.asarray(one, dtype=np.float64), np.nan), where=np.asarray(other) > 0)
