"""
Logistic regression with a start and a ridge of its own for each column, by Newton's method; and what puts several judgements together and straightens them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_ROUNDS: Final = 12
_NEAR: Final = 1e-5
_STEP: Final = 4.0  # the longest step of a slope in one round
_KNOTS: Final = 16


def odds(chance: Numbers) -> Numbers:
    """Return the log odds."""
    sure = np.clip(chance, 1e-4, 1 - 1e-4)
    return np.log(sure / (1 - sure))


def chance(log_odds: Numbers) -> Numbers:
    """Return the probability."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))


def regress(inputs: Numbers, scores: Numbers, *, weights: Numbers, start: Numbers, ridge: Numbers) -> tuple[Numbers, Numbers]:
    """
    Return the slopes (columns) that move `start` (log odds, rows) towards the scores, and their covariance.

    `ridge` (columns) is what each slope's square costs, as the inverse of the variance that it is expected to have.
    """
    slopes = np.zeros(inputs.shape[1])
    bend = np.diag(ridge)
    for _ in range(_ROUNDS):
        now = chance(start + inputs @ slopes)
        weight = weights * np.maximum(now * (1 - now), 1e-6)
        bend = (inputs * weight[:, None]).T @ inputs + np.diag(ridge)
        step = np.linalg.solve(bend, inputs.T @ (weights * (scores - now)) - ridge * slopes)
        slopes = slopes + np.clip(step, -_STEP, _STEP)
        if np.abs(step).max(initial=0.0) < _NEAR:
            break
    return slopes, np.asarray(np.linalg.inv(bend), dtype=float)


def straightened(values: Numbers, scores: Numbers, *, weights: Numbers) -> tuple[tuple[float, float], ...]:
    """Return the points (log odds, probability) of a rising curve through the scores: pooled neighbours, thinned out to a few."""
    order = np.argsort(values, kind="stable")
    blocks: list[tuple[float, float, float]] = []  # sums of weight, weight × value, weight × score
    for index in order:
        weight = float(weights[index])
        block = (weight, weight * float(values[index]), weight * float(scores[index]))
        while blocks and blocks[-1][2] * block[0] >= block[2] * blocks[-1][0]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    thin = max(1, len(blocks) // _KNOTS)
    groups = [blocks[start : start + thin] for start in range(0, len(blocks), thin)]
    sums = [tuple(map(sum, zip(*group, strict=True))) for group in groups]
    return tuple((value / weight, score / weight) for weight, value, score in sums)


def auroc(values: Numbers, scores: Numbers, *, weights: Numbers) -> float:
    """Return the probability that a good answer is ranked above a bad one (ties count half); 0.5 if there are not both."""
    good, bad = weights * scores, weights * (1 - scores)
    if good.sum() <= 0 or bad.sum() <= 0:
        return 0.5
    levels, where = np.unique(values, return_inverse=True)
    ups, downs = np.bincount(where, good, len(levels)), np.bincount(where, bad, len(levels))
    return float((ups * (np.cumsum(downs) - downs / 2)).sum() / (good.sum() * bad.sum()))
