"""
The numbers of an evaluation: for each line what it saves and reaches, for a pair what share of strong calls closes how much of the gap, with intervals.

Intervals are percentiles of a bootstrap over prompts (95 %), in which the baselines are drawn with the same prompts.
"""

from typing import Any, Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation import curves
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.lines import Ends, Line

LEVELS: Final = (0.95, 0.99, 1.0)
CPT_LEVELS: Final = (0.5, 0.8, 0.95)
_BELOW: Final = 1e-12


class Figure(Struct, frozen=True, kw_only=True):
    """A number with its interval. `value` None: it is not reached, or means nothing here."""

    value: float | None
    low: float | None = None
    high: float | None = None


class LineFigures(Struct, frozen=True, kw_only=True):
    """
    What a line reaches. `cost_at` is, by level, the least cost at which that part of the best single model's quality is kept, in units of always asking that
    model; `peak` the highest quality on it. `curve` is cost in those units, and quality, of each way to choose.
    """

    name: str
    aiq: Figure
    peak: Figure
    cost_at: dict[str, Figure]
    curve: list[tuple[float, float]] = []


class PairFigures(Struct, frozen=True, kw_only=True):
    """What a line reaches between two models, by the share of strong calls. `curve` is share and PGR by threshold."""

    name: str
    apgr: Figure
    cpt: dict[str, Figure]
    curve: list[tuple[float, float]]


def weights(prompts: int, *, times: int, seed: int) -> Floats:
    """Return how often each prompt is drawn in each resample, over their number: (times, n)."""
    rng = np.random.default_rng(seed)
    if not times:
        return np.zeros((0, prompts))
    return rng.multinomial(prompts, np.full(prompts, 1.0 / prompts), size=times) / prompts


def line_figures(line: Line, *, score: Floats, spent: Floats, strong: int, drawn: Floats) -> LineFigures:
    """Return the figures of a line. `score` and `spent` (n, m) are the models' own; `strong` is the column of the best single one."""
    singles = spent.mean(axis=0)
    plain = np.full((1, len(score)), 1.0 / len(score))
    told = _costs(line, plain, score=score[:, strong], spent=spent[:, strong])
    spread = _costs(line, drawn, score=score[:, strong], spent=spent[:, strong])
    quality, cost = drawn @ line.quality.T, drawn @ line.cost.T
    low, high = float(singles.min()), float(singles.max())
    areas = [curves.aiq(curves.Curve(x=x, quality=y), low=low, high=high) for x, y in zip(cost, quality, strict=True)]
    return LineFigures(
        name=line.name,
        aiq=figure(curves.aiq(line.curve, low=low, high=high), np.array(areas)),
        peak=figure(float(line.quality.mean(axis=1).max()), quality.max(axis=1) if len(drawn) else np.zeros(0)),
        cost_at={name: figure(float(told[name][0]), spread[name]) for name in told},
        curve=_points(line.curve, unit=float(spent[:, strong].mean())),
    )


def _costs(line: Line, drawn: Floats, *, score: Floats, spent: Floats) -> dict[str, Floats]:
    quality, cost = drawn @ line.quality.T, drawn @ line.cost.T
    best, price = drawn @ score, drawn @ spent
    return {
        f"{level:.0%}": np.where(quality >= level * best[:, None] - _BELOW, cost, np.inf).min(axis=1) / np.where(price > 0, price, np.nan) for level in LEVELS
    }


def pair_figures(name: str, *, calls: Floats, score: Floats, ends: Ends, drawn: Floats) -> PairFigures | None:
    """Return the figures of a line between two models; None where the strong one is not better. `calls` (k, n) are the strong calls by threshold."""
    weak, strong = score[:, ends.weak], score[:, ends.strong]
    found = _pair(calls, weak=weak, strong=strong)
    if found is None:
        return None
    spread: list[tuple[float, ...]] = []
    for weight in drawn:
        one = _pair(calls, weak=weak, strong=strong, weight=weight)
        if one is not None:
            spread.append(one[0])
    table = np.array(spread) if spread else np.zeros((0, 1 + len(CPT_LEVELS)))
    told = [figure(value, table[:, at]) for at, value in enumerate(found[0])]
    return PairFigures(
        name=name,
        apgr=told[0],
        cpt={f"{level:.0%}": figure for level, figure in zip(CPT_LEVELS, told[1:], strict=True)},
        curve=_points(found[1]),
    )


def _pair(calls: Floats, *, weak: Floats, strong: Floats, weight: Floats | None = None) -> tuple[tuple[float, ...], curves.Curve] | None:
    many = np.full(len(weak), 1.0 / len(weak)) if weight is None else weight
    low, high = float(many @ weak), float(many @ strong)
    if high <= low:
        return None
    curve = curves.by_share(calls, weak=weak, strong=strong, weight=many)
    levels = [curves.cpt(curve, level, weak=low, strong=high) for level in CPT_LEVELS]
    numbers = (curves.apgr(curve, weak=low, strong=high), *(float("inf") if level is None else level for level in levels))
    return numbers, curves.recovered(curve, weak=low, strong=high)


def _points(curve: curves.Curve, *, unit: float = 1.0) -> list[tuple[float, float]]:
    return [(round(x / (unit or 1.0), 6), round(y, 6)) for x, y in zip(curve.x.tolist(), curve.quality.tolist(), strict=True)]


def figure(value: Any, spread: Floats) -> Figure:
    """Return a number with the interval of what it was in the resamples. What is not finite is unknown."""
    known = spread[~np.isnan(spread)]
    if not len(known):
        return Figure(value=_known(value))
    low, high = np.quantile(known, (0.025, 0.975), method="nearest")
    return Figure(value=_known(value), low=_known(low), high=_known(high))


def _known(value: Any) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
