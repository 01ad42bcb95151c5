"""
One evaluation: a router against the lines that it must be set against, on prompts that it has not learned from.

Lines: `router` chooses by prompt and capability; `guarded` does so where it is safe; `capability` does so without a look at the prompt; `cascade` lets the
cheapest model answer, looks at its answer and asks the best single one where that is expected to pay; the others stand in `lines`.
"""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import cascades, curves, engine, figures, lines, promise
from pointsman.control.evaluation.beforehand import Beforehand, Known, beforehand
from pointsman.control.evaluation.engine import Guard
from pointsman.control.evaluation.figures import LineFigures, PairFigures
from pointsman.control.evaluation.fitted import Fitted
from pointsman.control.evaluation.grid import Floats, Grid, Whole, relative
from pointsman.control.evaluation.lines import Ends, Line
from pointsman.control.evaluation.parts import ends
from pointsman.core.errors import BadRequest
from pointsman.decision.prediction.predictor import Predictor


class Single(Struct, frozen=True, kw_only=True):
    """What a model reaches by itself: its mean score, its cost in units of the best single model's, and what it was expected to reach on average."""

    model: str
    quality: float
    cost: float
    expected: float


class Report(Struct, frozen=True, kw_only=True):
    """
    What was found on `prompts` held-out prompts, learned from `labels` others. `left_out` lack the score of some model.

    `strong` is the best single model on what was learned from, `weak` the cheapest. Costs and levels are in units of always asking `best`, the best single one
    on these very prompts. `cpu_us` is the median time of a prediction.
    """

    prompts: int
    labels: int
    left_out: int
    weak: str
    strong: str
    best: str
    has_costs: bool
    singles: list[Single]
    lines: list[LineFigures]
    pair: list[PairFigures]
    beforehand: list[Beforehand]
    cpu_us: float


class Held(Struct, frozen=True, kw_only=True):
    """The prompts of an evaluation: a whole grid, its relative costs (n, m), and the two ends that were known before."""

    grid: Grid
    spent: Floats
    ends: Ends
    has_costs: bool
    left_out: int
    labels: int

    @property
    def best(self) -> int:
        """The model that is best on these very prompts: that is what is to be reached, even if something else looked better before."""
        return ends(self.grid.score, self.spent.mean(axis=0)).strong


def held(grid: Grid, learned: Whole, *, rows: Whole) -> Held:
    """Return what is evaluated on. Raises `BadRequest` where there is nothing to compare."""
    if len(grid.models) == 1:
        raise BadRequest(f"Only `{grid.models[0]}` has outcomes: there is nothing to choose between. Import those of a second model.")
    if not len(rows):
        raise BadRequest("Everything was learned from, so nothing is left to evaluate on. Fit with fewer --labels, or import prompts of the split `test`.")
    test = grid.at(rows)
    whole = test.whole
    if not len(whole):
        raise BadRequest("No held-out prompt has a score of every model, so models cannot be compared. Score some prompts on all of them and import those.")
    known = grid.at(learned)
    spent, mean, has_costs = relative(grid)
    return Held(
        grid=test.at(whole),
        spent=spent[rows][whole],
        ends=ends(known.score, mean),
        has_costs=has_costs,
        left_out=len(rows) - len(whole),
        labels=len(learned),
    )


class Evaluation:
    """What is known before the figures are worked out: predictions of the held-out prompts, and of those that were learned from by the others."""

    def __init__(self, what: Held, known: Grid, *, value: Fitted, guard: tuple[float, float] | None = None) -> None:
        """Predict. `known` is the grid that was learned from, `guard` a loss and how sure it is that it is not exceeded."""
        self._guard = guard
        self.what = what
        self.value = value
        self._parameters = value.learned
        self._prompts = engine.prompts_of(what.grid)
        self.expected = engine.expected(value.predictor, self._prompts, models=what.grid.models)
        self._known = known.at(known.whole)

    def report(self, *, drawn: Floats) -> Report:
        """Return the figures of all lines. `drawn` are the resamples' weights."""
        what, grid, two = self.what, self.what.grid, self.what.ends
        unit = float(what.spent[:, what.best].mean()) or 1.0
        seen = self._seen()
        return Report(
            prompts=len(grid.prompts),
            labels=what.labels,
            left_out=what.left_out,
            weak=grid.models[two.weak],
            strong=grid.models[two.strong],
            best=grid.models[what.best],
            has_costs=what.has_costs,
            singles=[
                Single(
                    model=model,
                    quality=round(float(grid.score[:, at].mean()), 6),
                    cost=round(float(what.spent[:, at].mean()) / unit, 6),
                    expected=round(float(self.expected.quality[:, at].mean()), 6),
                )
                for at, model in enumerate(grid.models)
            ],
            lines=[figures.line_figures(line(), score=grid.score, spent=what.spent, strong=what.best, drawn=drawn) for line in self._lines(seen)],
            pair=self._pairs(seen, drawn),
            beforehand=self._beforehand(seen, drawn),
            cpu_us=round(float(np.median(self.expected.cpu_us)), 1),
        )

    def _lines(self, seen: cascades.Seen | None) -> Iterator[Callable[[], Line]]:
        """Yield how each line is made: one at a time is in memory."""
        what, expected = self.what, self.expected
        score, spent, two = what.grid.score, what.spent, what.ends
        yield lambda: lines.by_price("router", quality=expected.quality, cost=expected.cost, score=score, spent=spent)
        if self._guard is not None:
            predictor, guard = self.value.predictor, Guard(strong=two.strong, loss=self._guard[0], sure=self._guard[1])
            safe = engine.guarded(predictor, self._prompts, known=expected, models=what.grid.models, guard=guard)
            yield lambda: lines.by_price("guarded", quality=safe.quality, cost=safe.cost, score=score, spent=spent)
        if seen is not None:
            yield lambda: cascades.line(seen, score, spent=spent, ends=two)
        if len(set(what.grid.capabilities)) > 1:
            blind = engine.expected(Predictor(engine.blind(self._parameters), embedder=self.value.embedder), self._prompts, models=what.grid.models)
            yield lambda: lines.by_price("capability", quality=blind.quality, cost=blind.cost, score=score, spent=spent)
        yield lambda: lines.length(what.grid, spent, ends=two)
        yield lambda: lines.random(score, spent, ends=two)
        yield lambda: lines.zero(score, spent)
        yield lambda: lines.oracle(score, spent)

    def _seen(self) -> cascades.Seen | None:
        """Return what is believed after the cheap answers; None where they are not known."""
        grid, two, learned = self.what.grid, self.what.ends, self._parameters.verifiers
        if not learned or grid.models[two.weak] != self.value.weak or any((row, two.weak) not in grid.answers for row in range(len(grid.prompts))):
            return None
        return cascades.seen(learned, cascades.asked_of(grid, two.weak), expected=self.expected, ends=two, correlation=self.value.together)

    def _pairs(self, seen: cascades.Seen | None, drawn: Floats) -> list[PairFigures]:
        """Return the figures between the two ends, by the share of calls to the strong one."""
        score, two, quality = self.what.grid.score, self.what.ends, self.expected.quality
        several = {"router": curves.sent(quality[:, two.strong] - quality[:, two.weak])}
        if seen is not None:
            several["cascade"] = curves.sent(seen.gain)
        several["length"] = curves.sent(lines.sizes(self.what.grid))
        several["random"] = np.repeat(np.linspace(0.0, 1.0, curves.BINS + 1)[:, None], len(score), axis=1)
        several["oracle"] = curves.best(score[:, two.strong] - score[:, two.weak])
        found = [figures.pair_figures(name, calls=calls, score=score, ends=two, drawn=drawn) for name, calls in several.items()]
        return [one for one in found if one is not None]

    def _beforehand(self, seen: cascades.Seen | None, drawn: Floats) -> list[Beforehand]:
        """Return what prices came to that were fixed on what was learned from."""
        known, two = self._known, self.what.ends
        if not len(known.prompts):
            return []
        spent, _, _ = relative(known)
        crossed = engine.crossed(known, spent=spent, seed=self.value.drawn.seed, embedder=self.value.embedder)
        before = Known(expected=crossed, score=known.score, spent=spent)
        after = Known(expected=self.expected, score=self.what.grid.score, spent=self.what.spent, best=self.what.best)
        found = beforehand("router", before, after=after, ends=two, drawn=drawn)
        if seen is not None and all((row, two.weak) in known.answers for row in range(len(known.prompts))):
            believed = cascades.crossed(known, crossed, ends=two, correlation=self.value.together, seed=self.value.drawn.seed)
            before, after = msgspec.structs.replace(before, seen=believed), msgspec.structs.replace(after, seen=seen)
            found += beforehand("cascade", before, after=after, ends=two, drawn=drawn)
        return found

    def promised(self, risk: tuple[float, float], *, times: int, seed: int) -> promise.Outcome:
        """Return what a promise comes to on half of the held-out prompts, if it is calibrated on the other half."""
        grid = self.what.grid
        halves = promise.Halves(
            expected=self.expected,
            score=grid.score,
            spent=self.what.spent,
            capabilities=grid.capabilities,
            keys=tuple(f"{name}\0{text}" for text, name in zip(grid.prompts, grid.capabilities, strict=True)),
        )
        return promise.tried(halves, strong=self.what.ends.strong, risk=risk, times=times, seed=seed)
