"""
The product's own prediction, asked as a table is: labels in, and for many prompts at once what each model is expected to reach and to cost.

Costs are handed over in units of the dearest model's mean, as so many nano-dollars: prediction wants a currency, tables have any.
"""

import time
from collections.abc import Sequence
from math import isnan
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Grid, Whole
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prediction, Prompt

UNIT: Final = 1_000_000_000
DRAWS: Final = 64
_FOLDS: Final = 5


class Expected(Struct, frozen=True, kw_only=True):
    """What is expected of `n` prompts × `m` models: quality, how far it may be off, and relative cost. `cpu_us` (n) is what each prediction took."""

    quality: Floats
    sd: Floats
    cost: Floats
    cpu_us: Floats

    def at(self, rows: Whole) -> "Expected":
        """Return what is expected of some of the prompts."""
        return Expected(quality=self.quality[rows], sd=self.sd[rows], cost=self.cost[rows], cpu_us=self.cpu_us[rows])


def label(prompt: Prompt, model: str, *, score: float, cost: float | None) -> Label:
    """Return a label. `cost` is relative."""
    return Label(prompt=prompt, target=model, score=score, cost_nano_usd=None if cost is None else round(cost * UNIT))


def labels(grid: Grid, rows: Whole, *, spent: Floats) -> list[Label]:
    """Return a label for each known score of these rows. `spent` (n, m) is the relative cost."""
    found: list[Label] = []
    numbers: list[int] = rows.tolist()
    for row in numbers:
        prompt = Prompt(text=grid.prompts[row], capability=grid.capabilities[row])
        scores: list[tuple[int, float]] = [(column, score) for column, score in enumerate(grid.score[row].tolist()) if not isnan(score)]
        found += [label(prompt, grid.models[column], score=score, cost=float(spent[row, column])) for column, score in scores]
    return found


def learned(grid: Grid, rows: Whole, *, spent: Floats, seed: int, embedder: Embedder | None = None) -> Parameters:
    """Return what these rows teach."""
    return fit(labels(grid, rows, spent=spent), embedder=embedder, seed=seed)


def blind(parameters: Parameters) -> Parameters:
    """Return parameters that look at the capability only, and not at the prompt."""
    return msgspec.structs.replace(parameters, prompts=b"")


def expected(predictor: Predictor, prompts: Sequence[Prompt], *, models: Sequence[str]) -> Expected:
    """Return what is expected of each prompt."""
    found: list[tuple[Prediction, ...]] = []
    took: list[float] = []
    for prompt in prompts:
        started = time.thread_time_ns()
        found.append(predictor.predict(prompt, models))
        took.append((time.thread_time_ns() - started) / 1000)
    flat = [one for row in found for one in row]
    shape = (len(found), len(models))
    return Expected(
        quality=np.array([one.quality for one in flat]).reshape(shape),
        sd=np.array([one.sd for one in flat]).reshape(shape),
        # An unknown cost is as much as the dearest model's.
        cost=np.array([1.0 if one.cost_nano_usd is None else one.cost_nano_usd / UNIT for one in flat]).reshape(shape),
        cpu_us=np.array(took),
    )


def crossed(grid: Grid, *, spent: Floats, seed: int, embedder: Embedder | None = None) -> Expected:
    """Return what is expected of each prompt by what the others teach: labels that were learned from say nothing of how good a prediction is."""
    parts = np.random.default_rng(seed).permutation(len(grid.prompts)) % _FOLDS
    found: list[Expected] = []
    order: list[Whole] = []
    prompts = prompts_of(grid)
    for part in range(min(_FOLDS, len(grid.prompts))):
        own = np.flatnonzero(parts == part)
        others = np.flatnonzero(parts != part)
        predictor = Predictor(learned(grid, others, spent=spent, seed=seed, embedder=embedder), embedder=embedder)
        found.append(expected(predictor, [prompts[row] for row in own], models=grid.models))
        order.append(own)
    back = np.argsort(np.concatenate(order))
    return Expected(
        quality=np.concatenate([one.quality for one in found])[back],
        sd=np.concatenate([one.sd for one in found])[back],
        cost=np.concatenate([one.cost for one in found])[back],
        cpu_us=np.concatenate([one.cpu_us for one in found])[back],
    )


class Guard(Struct, frozen=True, kw_only=True):
    """Another model than the best single one, `strong` by its column, may be chosen only if it is worse by more than `loss` with probability 1 - `sure`."""

    strong: int
    loss: float
    sure: float


def guarded(predictor: Predictor, prompts: Sequence[Prompt], *, known: Expected, models: Sequence[str], guard: Guard) -> Expected:
    """
    Return what is expected with every model that the guard shuts out made worse than the best single one at any price: so it is never chosen.

    What is unlike anything seen is doubtful, and so stays with the best single model.
    """
    best = models[guard.strong]
    shut = np.array(
        [[predictor.worse_than(prompt, model, incumbent=best, loss=guard.loss) > 1 - guard.sure for model in models] for prompt in prompts], dtype=bool
    )
    least = known.quality.min(axis=1, keepdims=True) - 1.0
    return msgspec.structs.replace(
        known, quality=np.where(shut, least, known.quality), cost=np.where(shut, known.cost[:, [guard.strong]], known.cost), sd=np.where(shut, 0.0, known.sd)
    )


def draws(predictor: Predictor, prompts: Sequence[Prompt], *, models: Sequence[str], seed: int) -> Floats:
    """Return draws of what each model's quality may be: (n, draws, m)."""
    rng = np.random.default_rng(seed)
    return np.array([predictor.draw(prompt, models, rng=rng, n=DRAWS) for prompt in prompts])


def prompts_of(grid: Grid) -> list[Prompt]:
    """Return the grid's prompts as they are asked about."""
    return [Prompt(text=text, capability=capability) for text, capability in zip(grid.prompts, grid.capabilities, strict=True)]
