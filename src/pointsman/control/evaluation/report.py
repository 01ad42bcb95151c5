"""
One evaluation: a router against the lines that it must be set against, on prompts that it has not learned from.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import curves, figures, lines
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.figures import Figure, LineFigures, PairFigures
from pointsman.control.evaluation.grid import Floats, Grid, Whole, relative
from pointsman.control.evaluation.lines import Ends, Line
from pointsman.core.errors import BadRequest


class Report(Struct, frozen=True, kw_only=True):
    """
    What was found on `prompts` held-out prompts, learned from `labels` others. `left_out` lack the score of some model.

    Costs are in units of always asking `strong`, the best single model on what was learned from; `weak` is the cheapest.
    """

    prompts: int
    labels: int
    left_out: int
    models: tuple[str, ...]
    weak: str
    strong: str
    has_costs: bool
    singles: dict[str, tuple[float, float]]
    lines: list[LineFigures]
    pair: list[PairFigures]
    calibration: Figure = Figure(value=None)


class Held(Struct, frozen=True, kw_only=True):
    """The prompts of an evaluation: a whole grid, its relative costs (n, m), and the two ends that were known before."""

    grid: Grid
    spent: Floats
    ends: Ends
    has_costs: bool
    left_out: int
    labels: int


def held(grid: Grid, learned: Whole, rows: Whole) -> Held:
    """Return what is evaluated on. Raises `BadRequest` where there is nothing to compare."""
    if len(grid.models) == 1:
        raise BadRequest(f"Only `{grid.models[0]}` has outcomes: there is nothing to choose between. Import those of a second model.")
    if not len(rows):
        raise BadRequest("Everything was learned from, so nothing is left to evaluate on. Fit with fewer --labels, or import prompts of the split `test`.")
    test = grid.at(rows)
    whole = test.whole
    if not len(whole):
        raise BadRequest("No held-out prompt has a score of every model, so models cannot be compared. Score some prompts on all of them and import those.")
    spent, mean, has_costs = relative(grid)
    known = grid.at(learned)
    return Held(
        grid=test.at(whole),
        spent=spent[rows][whole],
        ends=ends(known.score, mean),
        has_costs=has_costs,
        left_out=len(rows) - len(whole),
        labels=len(learned),
    )


def ends(score: Floats, cost: Floats) -> Ends:
    """Return the model with the highest mean score and the cheapest other one; of two that cost the same, the better. `score` (n, m), `cost` (m)."""
    known = ~np.isnan(score)
    quality = np.where(known, score, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    strong = int(np.lexsort((cost, -quality))[0])
    others = [column for column in np.lexsort((-quality, cost)).tolist() if column != strong]
    return Ends(weak=others[0] if others else strong, strong=strong)


def drawn_lines(what: Held, expected: Expected) -> list[Line]:
    """Return the lines of an evaluation, the router's first."""
    score, spent = what.grid.score, what.spent
    return [
        lines.by_price("router", quality=expected.quality, cost=expected.cost, score=score, spent=spent),
        lines.random(score, spent, ends=what.ends),
        lines.length(what.grid, spent, ends=what.ends),
        lines.zero(score, spent),
        lines.oracle(score, spent),
    ]


def report(what: Held, expected: Expected, *, drawn: Floats, more: Sequence[Line] = ()) -> Report:
    """Return the figures of all lines. `drawn` are the resamples' weights, `more` further lines."""
    grid, spent, found = what.grid, what.spent, what.ends
    several = [*drawn_lines(what, expected), *more]
    return Report(
        prompts=len(grid.prompts),
        labels=what.labels,
        left_out=what.left_out,
        models=grid.models,
        weak=grid.models[found.weak],
        strong=grid.models[found.strong],
        has_costs=what.has_costs,
        singles={model: (float(grid.score[:, at].mean()), float(spent[:, at].mean())) for at, model in enumerate(grid.models)},
        lines=[figures.line_figures(line, score=grid.score, spent=spent, strong=found.strong, drawn=drawn) for line in several],
        pair=pairs(what, expected, drawn=drawn),
        calibration=Figure(value=round(float(np.abs(expected.quality.mean(axis=0) - grid.score.mean(axis=0)).mean()), 6)),
    )


def pairs(what: Held, expected: Expected, *, drawn: Floats) -> list[PairFigures]:
    """Return the figures between the two ends, by the share of calls to the strong one."""
    gain, score, two = expected.quality[:, what.ends.strong] - expected.quality[:, what.ends.weak], what.grid.score, what.ends
    steps = np.linspace(0.0, 1.0, curves.BINS + 1)
    several = {
        "router": curves.sent(gain),
        "random": np.repeat(steps[:, None], len(score), axis=1),
        "length": curves.sent(lines.sizes(what.grid)),
        "oracle": curves.sent(score[:, two.strong] - score[:, two.weak] - 1e-9 * score[:, two.weak]),
    }
    found = [figures.pair_figures(name, calls=calls, score=score, ends=two, drawn=drawn) for name, calls in several.items()]
    return [one for one in found if one is not None]
