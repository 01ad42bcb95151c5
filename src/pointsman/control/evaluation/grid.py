"""
Outcomes as a grid: a row per prompt, a column per model. What is unknown is not a number.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Grid(Struct, frozen=True, kw_only=True):
    """
    `n` prompts and `m` models. `score` (n, m) in 0..1 and `cost` (n, m), in any one unit, are NaN where they are unknown.

    `answers` are texts by prompt and model, where they are known.
    """

    prompts: tuple[str, ...]
    capabilities: tuple[str, ...]
    splits: tuple[str, ...]
    models: tuple[str, ...]
    score: Floats
    cost: Floats
    answers: Mapping[tuple[int, int], str] = {}

    @property
    def whole(self) -> Whole:
        """The prompts that every model was scored on: only they can be compared."""
        return np.flatnonzero(~np.isnan(self.score).any(axis=1))

    def at(self, rows: Sequence[int] | Whole) -> "Grid":
        """Return some of its prompts, in this order."""
        chosen = [int(row) for row in rows]
        place = {row: index for index, row in enumerate(chosen)}
        return Grid(
            prompts=tuple(self.prompts[row] for row in chosen),
            capabilities=tuple(self.capabilities[row] for row in chosen),
            splits=tuple(self.splits[row] for row in chosen),
            models=self.models,
            score=self.score[chosen],
            cost=self.cost[chosen],
            answers={(place[row], model): text for (row, model), text in self.answers.items() if row in place},
        )


def relative(grid: Grid, *, unit: float | None = None) -> tuple[Floats, Floats, bool]:
    """
    Return the cost of each outcome (n, m) and the mean of each model (m), in units of the dearest model's mean, and whether anything was known.

    An unknown cost is its model's mean; a model without any costs 1, as much as the dearest.
    """
    known = ~np.isnan(grid.cost)
    count = known.sum(axis=0)
    mean = np.where(count > 0, np.where(known, grid.cost, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    top = unit if unit is not None else float(np.nanmax(mean)) if count.any() else 0.0
    if top <= 0.0:
        return np.ones_like(grid.score), np.ones(len(grid.models)), False
    mean = np.where(np.isnan(mean), 1.0, mean / top)
    return np.where(known, grid.cost / top, mean), mean, True


def unit_of(grid: Grid) -> float:
    """Return the mean cost of the dearest model. Some cost must be known."""
    known = ~np.isnan(grid.cost)
    count = known.sum(axis=0)
    return float((np.where(known, grid.cost, 0.0).sum(axis=0)[count > 0] / count[count > 0]).max())
