"""
How good a router is: curves of quality over cost or over the share of calls to the stronger model, and the numbers that are read off them.

PGR is the part of the gap between a weak and a strong model that is closed; APGR the area under it over the share of strong calls, CPT(x) the smallest share
that closes x of it (Ong et al., RouteLLM, arXiv 2406.18665: ten thresholds with equally many prompts between them, straight lines between the points). AIQ is
the area under the non-decreasing convex hull in the plane of cost and quality, over the range of cost (Hu et al., RouterBench, arXiv 2403.12031). Pure.
"""

from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.grid import Floats, Whole

BINS: Final = 10
_STEPS: Final = 200
_NOTHING: Final = 1e-12


class Curve(Struct, frozen=True, kw_only=True):
    """Points by rising `x`, a share of strong calls or a cost, each with the mean quality there."""

    x: Floats
    quality: Floats


def sent(gain: Floats, *, bins: int = BINS) -> Floats:
    """
    Return, for each of at most `bins` + 1 thresholds between which equally many prompts lie, which prompts go to the strong model: (thresholds, n) of 0 and 1.

    `gain` (n) says how much a prompt is thought to need it. The first row is everybody, the last nobody; prompts of equal gain go together.
    """
    limits = np.unique(np.quantile(gain, np.linspace(0.0, 1.0, bins + 1)))
    everybody = np.ones_like(gain, dtype=bool)
    rows = [gain >= limit for limit in limits[:-1]] or [everybody]
    return np.array([*rows, gain > limits[-1]], dtype=np.float64)


def best(gain: Floats, *, bins: int = BINS) -> Floats:
    """Return as `sent` does which prompts go to the strong model, if `gain` is known: equal gains are parted, by their order, so that no share is skipped."""
    order = np.argsort(-gain, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.array([rank < round(share * len(gain)) for share in np.linspace(1.0, 0.0, bins + 1)], dtype=np.float64)


def by_share(strong_calls: Floats, *, weak: Floats, strong: Floats, weight: Floats) -> Curve:
    """
    Return the curve of quality over the share of strong calls. `strong_calls` (k, n) says which; `weak` and `strong` (n) are the scores.

    `weight` (n) adds up to 1.
    """
    share = strong_calls @ weight
    quality = float(weak @ weight) + strong_calls @ (weight * (strong - weak))
    order = np.argsort(share, kind="stable")
    return Curve(x=share[order], quality=quality[order])


def recovered(curve: Curve, *, weak: float, strong: float) -> Curve:
    """Return the curve of PGR. `weak` and `strong` are mean qualities and differ."""
    return Curve(x=curve.x, quality=(curve.quality - weak) / (strong - weak))


def apgr(curve: Curve, *, weak: float, strong: float) -> float:
    """Return the area under the PGR of a curve over shares, taken over the shares that it spans."""
    pgr = recovered(curve, weak=weak, strong=strong)
    width = float(pgr.x[-1] - pgr.x[0])
    return float(np.trapezoid(pgr.quality, pgr.x)) / width if width > 0 else float(pgr.quality.mean())


def cpt(curve: Curve, level: float, *, weak: float, strong: float) -> float | None:
    """Return the smallest share at which `level` of the gap is closed, on straight lines between the points; None where it never is."""
    pgr = recovered(curve, weak=weak, strong=strong)
    above = np.flatnonzero(pgr.quality >= level)
    if not len(above):
        return None
    first = int(above[0])
    if first == 0:
        return float(pgr.x[0])
    x0, x1 = pgr.x[first - 1], pgr.x[first]
    y0, y1 = pgr.quality[first - 1], pgr.quality[first]
    return float(x0 + (x1 - x0) * (level - y0) / (y1 - y0))


def hull(points: Curve) -> Curve:
    """Return the upper convex hull of points, as far as it rises: what can be had by mixing them at random."""
    order = np.lexsort((-points.quality, points.x))
    kept: list[tuple[float, float]] = []
    for x, y in zip(points.x[order].tolist(), points.quality[order].tolist(), strict=True):
        if kept and y <= kept[-1][1]:
            continue
        while len(kept) > 1 and (kept[-1][1] - kept[-2][1]) * (x - kept[-2][0]) <= (y - kept[-2][1]) * (kept[-1][0] - kept[-2][0]):
            kept.pop()
        kept.append((x, y))
    return Curve(x=np.array([x for x, _ in kept]), quality=np.array([y for _, y in kept]))


def aiq(points: Curve, *, low: float, high: float) -> float:
    """Return the area under the hull between two costs, over their distance. Below the cheapest point there is nothing to be had but that point's quality."""
    top = hull(points)
    if high <= low:
        return float(top.quality[-1])
    inside = top.x[(top.x > low) & (top.x < high)]
    at = np.array([low, *inside.tolist(), high])
    return float(np.trapezoid(np.interp(at, top.x, top.quality), at) / (high - low))


def prices(quality: Floats, cost: Floats, *, steps: int = _STEPS) -> Floats:
    """
    Return prices of a unit of cost at which choices change, rising from 0: enough of them to draw a curve.

    `quality` and `cost` (n, m) are what is expected. They are quantiles of the prices at which one model overtakes another on some prompt.
    """
    several: list[Floats] = []
    models = quality.shape[1]
    for one in range(models):
        for other in range(one + 1, models):
            dearer, better = cost[:, one] - cost[:, other], quality[:, one] - quality[:, other]
            counts = (np.abs(dearer) > _NOTHING) & (better * dearer > 0)
            several.append(better[counts] / dearer[counts])
    found = np.concatenate(several) if several else np.zeros(0)
    if not len(found):
        return np.array([0.0, 1e9])
    return np.unique([0.0, *np.quantile(found, np.linspace(0.0, 1.0, steps)).tolist(), float(found.max()) * 1.001 + 1e-9])


def chosen(quality: Floats, cost: Floats, *, price: float) -> Whole:
    """Return the model (n) that is worth most on each prompt at a price of a unit of cost; the cheaper one of two that are worth the same."""
    worth = quality - price * cost
    best = worth >= worth.max(axis=1, keepdims=True) - _NOTHING
    return np.where(best, cost, np.inf).argmin(axis=1)
