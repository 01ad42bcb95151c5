"""
Many small trees, each a correction to those before it (gradient boosting of the logistic loss): two questions deep, on inputs that are cut into ranges.
"""

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pointsman.decision.answers.logistic import chance as chance_of

Numbers = NDArray[np.float64]

_TREES: Final = 140
_RATE: Final = 0.06
_ROWS: Final = 0.6  # share of the labels that a tree sees
_COLUMNS: Final = 0.4  # share of the inputs that a tree may ask for
_RANGES: Final = 24
_RIDGE: Final = 2.0
_LEAST: Final = 1.0  # weight (about p·(1 - p) a label) that a leaf must hold


class Forest(Struct, frozen=True):
    """`feature` and `cut` (trees, 3): root, left, right; an input above the cut goes right. `leaf` (trees, 4) in log odds."""

    feature: NDArray[np.intp]
    cut: Numbers
    leaf: Numbers


def grow(inputs: Numbers, scores: Numbers, *, weights: Numbers, start: Numbers, rng: np.random.Generator) -> Forest:
    """Return trees that correct `start` (log odds, one a row) towards the scores. `inputs` (rows, columns)."""
    edges = _edges(inputs)
    codes = np.stack([np.searchsorted(edges[column], inputs[:, column], side="left") for column in range(inputs.shape[1])], axis=1)
    now: Numbers = start.copy()
    features: list[list[int]] = []
    cuts: list[list[float]] = []
    leaves: list[Numbers] = []
    columns = inputs.shape[1]
    for _ in range(_TREES):
        chance: Numbers = chance_of(now)
        sampled: Numbers = weights * np.asarray(rng.random(len(inputs)) < _ROWS, dtype=float)
        slope: Numbers = sampled * (scores - chance)
        bend: Numbers = sampled * chance * (1 - chance)
        allowed = np.sort(rng.choice(columns, max(1, round(_COLUMNS * columns)), replace=False))
        asked, above, leaf, where = _tree(codes, slope=slope, bend=bend, allowed=allowed)
        features.append(asked)
        cuts.append([float(edges[column][code]) for column, code in zip(asked, above, strict=True)])
        leaves.append(_RATE * leaf)
        now = now + _RATE * leaf[where]
    return Forest(np.array(features, dtype=np.intp), np.array(cuts), np.array(leaves))


def fall(forest: Forest, inputs: Numbers) -> Numbers:
    """Return the sum of the leaves (log odds) for each row of the inputs."""
    total = np.zeros(len(inputs))
    for asked, cut, leaf in zip(forest.feature, forest.cut, forest.leaf, strict=True):
        told = np.asarray(inputs[:, asked] > cut, dtype=np.intp)
        total += leaf[2 * told[:, 0] + np.where(told[:, 0] == 1, told[:, 2], told[:, 1])]
    return total


def _edges(inputs: Numbers) -> list[Numbers]:
    """Return for each column the values between its ranges."""
    shares = np.linspace(0, 1, _RANGES + 1)[1:-1]
    return [np.unique(np.asarray(np.quantile(column, shares, method="lower"), dtype=float)) for column in inputs.T]


def _tree(codes: NDArray[np.intp], *, slope: Numbers, bend: Numbers, allowed: NDArray[np.intp]) -> tuple[list[int], list[int], Numbers, NDArray[np.intp]]:
    """Return the three questions (column, code that stays left), the four leaves, and the leaf of each row."""
    everywhere = np.ones(len(codes), dtype=bool)
    root = _split(codes, slope=slope, bend=bend, rows=everywhere, allowed=allowed)
    right = codes[:, root[0]] > root[1]
    below = [_split(codes, slope=slope, bend=bend, rows=side, allowed=allowed) for side in (~right, right)]
    left_up, right_up = (np.asarray(codes[:, asked] > code, dtype=np.intp) for asked, code in below)
    side = np.asarray(right, dtype=np.intp)
    where = 2 * side + left_up * (1 - side) + right_up * side
    leaf = np.bincount(where, slope, 4) / (np.bincount(where, bend, 4) + _RIDGE)
    return [root[0], below[0][0], below[1][0]], [root[1], below[0][1], below[1][1]], leaf, where


def _split(codes: NDArray[np.intp], *, slope: Numbers, bend: Numbers, rows: NDArray[np.bool_], allowed: NDArray[np.intp]) -> tuple[int, int]:
    """Return the column and the code whose question parts these rows best."""
    places = codes[np.ix_(rows, allowed)] + np.arange(len(allowed)) * _RANGES
    size, count = len(allowed) * _RANGES, len(allowed)
    slopes = np.bincount(places.ravel(), np.repeat(slope[rows], count), size).reshape(count, _RANGES).cumsum(axis=1)
    bends = np.bincount(places.ravel(), np.repeat(bend[rows], count), size).reshape(count, _RANGES).cumsum(axis=1)
    whole, weight = slopes[:, -1:], bends[:, -1:]
    gain = slopes**2 / (bends + _RIDGE) + (whole - slopes) ** 2 / (weight - bends + _RIDGE)
    gain[(bends < _LEAST) | (weight - bends < _LEAST)] = -1.0
    gain[:, -1] = -1.0
    best = int(gain.argmax())
    return int(allowed[best // _RANGES]), best % _RANGES
