"""
The lines of an evaluation: a router, and those that it must be set against. Each is several ways to choose, from cheap to good, on the same prompts.

- `random`: the cheapest model and the best single one, mixed at random. What it reaches is expected, not drawn.
- `length`: the longest prompts go to the best single model, the others to the cheapest. Needs no label.
- `zero`: any two single models mixed at random: what is reached without looking at prompts.
- `oracle`: knows every score beforehand. Nobody reaches it.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.curves import Curve, chosen, hull, prices
from pointsman.control.evaluation.grid import Floats, Grid

_MIXES: Final = 101


class Line(Struct, frozen=True, kw_only=True):
    """`quality` and `cost` (k, n): what each of `k` ways to choose reaches, and spends, on each prompt."""

    name: str
    quality: Floats
    cost: Floats

    @property
    def curve(self) -> Curve:
        """The mean quality over the mean cost."""
        cost = self.cost.mean(axis=1)
        order = np.argsort(cost, kind="stable")
        return Curve(x=cost[order], quality=self.quality.mean(axis=1)[order])


class Ends(Struct, frozen=True, kw_only=True):
    """The cheapest model and the best single one, by their columns."""

    weak: int
    strong: int


def by_price(name: str, *, quality: Floats, cost: Floats, score: Floats, spent: Floats) -> Line:
    """Return the line of a router that takes what is worth most at a price. `quality` and `cost` (n, m) are expected, `score` and `spent` (n, m) what came."""
    rows = np.arange(len(score))
    ways = [chosen(quality, cost, price=float(price)) for price in prices(quality, cost)]
    return Line(name=name, quality=np.array([score[rows, way] for way in ways]), cost=np.array([spent[rows, way] for way in ways]))


def random(score: Floats, spent: Floats, *, ends: Ends) -> Line:
    """Return the line of chance between the cheapest and the best single model."""
    return _mixed("random", score, spent=spent, mixes=[(ends.weak, ends.strong)])


def zero(score: Floats, spent: Floats) -> Line:
    """Return the line of mixing single models at random."""
    curve = Curve(x=spent.mean(axis=0), quality=score.mean(axis=0))
    top = hull(curve)
    corners = [int(np.flatnonzero((curve.x == x) & (curve.quality == y))[0]) for x, y in zip(top.x, top.quality, strict=True)]
    return _mixed("zero", score, spent=spent, mixes=list(pairwise(corners)) or [(corners[0], corners[0])])


def _mixed(name: str, score: Floats, *, spent: Floats, mixes: list[tuple[int, int]]) -> Line:
    quality: list[Floats] = []
    cost: list[Floats] = []
    for one, other in mixes:
        for share in np.linspace(0.0, 1.0, _MIXES):
            quality.append((1 - share) * score[:, one] + share * score[:, other])
            cost.append((1 - share) * spent[:, one] + share * spent[:, other])
    return Line(name=name, quality=np.array(quality), cost=np.array(cost))


def length(grid: Grid, spent: Floats, *, ends: Ends) -> Line:
    """Return the line of the rule that long prompts are hard."""
    size = sizes(grid)
    limits = np.unique(np.quantile(size, np.linspace(0.0, 1.0, _MIXES)))
    ways = [np.where(size >= limit, ends.strong, ends.weak) for limit in (*limits, np.inf)]
    rows = np.arange(len(size))
    return Line(name="length", quality=np.array([grid.score[rows, way] for way in ways]), cost=np.array([spent[rows, way] for way in ways]))


def oracle(score: Floats, spent: Floats) -> Line:
    """Return the line of who knows every score and price beforehand."""
    return by_price("oracle", quality=score, cost=spent, score=score, spent=spent)


def sizes(grid: Grid) -> Floats:
    """Return the length of each prompt in characters."""
    return np.array([float(len(prompt)) for prompt in grid.prompts])
