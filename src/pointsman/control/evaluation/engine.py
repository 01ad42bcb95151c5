"""
The product's own prediction, asked as a table is: labels in, and for many prompts at once what each model is expected to reach and to cost.

Costs are handed over in units of the dearest model's mean, as so many nano-dollars: prediction wants a currency, tables have any.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Grid, Whole
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prediction, Prompt

UNIT: Final = 1_000_000_000


class Expected(Struct, frozen=True, kw_only=True):
    """What is expected of `n` prompts × `m` models: quality, how far it may be off, and relative cost."""

    quality: Floats
    sd: Floats
    cost: Floats


def labels(grid: Grid, rows: Whole, *, spent: Floats) -> list[Label]:
    """Return a label for each known score of these rows. `spent` (n, m) is the relative cost."""
    found: list[Label] = []
    numbers: list[int] = rows.tolist()
    for row in numbers:
        prompt = Prompt(text=grid.prompts[row], capability=grid.capabilities[row])
        for column, model in enumerate(grid.models):
            score = float(grid.score[row, column])
            if score == score:  # noqa: PLR0124 - not NaN
                found.append(Label(prompt=prompt, target=model, score=score, cost_nano_usd=round(float(spent[row, column]) * UNIT)))
    return found


def learned(grid: Grid, rows: Whole, *, spent: Floats, seed: int) -> Parameters:
    """Return what these rows teach."""
    return fit(labels(grid, rows, spent=spent), seed=seed)


def expected(parameters: Parameters, prompts: Sequence[Prompt], *, models: Sequence[str]) -> Expected:
    """Return what is expected of each prompt."""
    predictor = Predictor(parameters)
    return tabled([predictor.predict(prompt, models) for prompt in prompts])


def tabled(predictions: Sequence[Sequence[Prediction]]) -> Expected:
    """Return predictions as a table. An unknown cost is as much as the dearest model's."""
    shape = (len(predictions), len(predictions[0]) if predictions else 0)
    flat = [one for row in predictions for one in row]
    return Expected(
        quality=np.array([one.quality for one in flat]).reshape(shape),
        sd=np.array([one.sd for one in flat]).reshape(shape),
        cost=np.array([1.0 if one.cost_nano_usd is None else one.cost_nano_usd / UNIT for one in flat]).reshape(shape),
    )


def prompts_of(grid: Grid) -> list[Prompt]:
    """Return the grid's prompts as they are asked about."""
    return [Prompt(text=text, capability=capability) for text, capability in zip(grid.prompts, grid.capabilities, strict=True)]
