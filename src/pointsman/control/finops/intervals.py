"""
Intervals: of a ratio of sums over items (bootstrap, bias-corrected and accelerated), of a share (Wilson), of a difference of shares (Newcombe). Numbers only.
"""

from math import sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

_DRAWS: Final = 1000
_BLOCKS: Final = 500
_LEAST: Final = 10
_NORMAL: Final = NormalDist()

Floats = npt.NDArray[np.float64]


class Interval(Struct, frozen=True, kw_only=True):
    """An estimate with the bounds between which it lies with this confidence."""

    value: float
    low: float
    high: float
    confidence: float = 0.95


def ratio(above: Floats, below: Floats, *, seed: int = 1, confidence: float = 0.95) -> Interval | None:
    """
    Return sum(above) / sum(below) over items with a BCa interval (Efron 1987) from 1,000 seeded draws of the items.

    Of many items, 500 blocks of items that stand in a row are drawn instead: what neighbours in time have in common widens the interval, as it should.
    None where the sum below is 0. With fewer than ten items, or where a draw in a hundred has nothing below, the bounds are unknown: 0 and infinite.
    """
    total = float(np.sum(below))
    if total == 0:
        return None
    value = float(np.sum(above)) / total
    few = len(above) < _LEAST
    above, below = _blocks(above), _blocks(below)
    drawn = _drawn(above, below, seed=seed)
    finite = np.isfinite(drawn)
    if few or np.mean(finite) < 0.99:  # noqa: PLR2004 - a draw in a hundred
        return Interval(value=value, low=0.0, high=float("inf"), confidence=confidence)
    drawn = drawn[finite]
    tail, push = (1 - confidence) / 2, _acceleration(above, below)
    low, high = (float(np.quantile(drawn, _adjusted(level, drawn, value=value, push=push))) for level in (tail, 1 - tail))
    return Interval(value=value, low=low, high=high, confidence=confidence)


def wilson(hits: int, of: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with its Wilson score interval; of nothing, everything is possible."""
    if not of:
        return Interval(value=0.0, low=0.0, high=1.0, confidence=confidence)
    z = _NORMAL.inv_cdf(0.5 + confidence / 2)
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Interval(value=share, low=max(middle - half, 0.0), high=min(middle + half, 1.0), confidence=confidence)


def difference(one: Interval, other: Interval) -> Interval:
    """Return one share less another, with Newcombe's interval (1998, method 10) from their Wilson intervals."""
    value = one.value - other.value
    low = value - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = value + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(value=value, low=low, high=high, confidence=one.confidence)


def _blocks(values: Floats) -> Floats:
    if len(values) <= 2 * _BLOCKS:
        return values
    starts = np.arange(_BLOCKS) * len(values) // _BLOCKS
    sums: Floats = np.add.reduceat(values, starts)
    return sums


def _drawn(above: Floats, below: Floats, *, seed: int) -> Floats:
    picks = np.random.default_rng(seed).integers(len(above), size=(_DRAWS, len(above)))
    under = below[picks].sum(axis=1)
    return np.divide(above[picks].sum(axis=1), under, out=np.full(_DRAWS, np.nan), where=under != 0)


def _acceleration(above: Floats, below: Floats) -> float:
    """Return how the scatter grows with the value, from leaving out one item at a time."""
    under = np.sum(below) - below
    left = np.divide(np.sum(above) - above, under, out=np.full(len(above), np.nan), where=under != 0)
    apart = np.nanmean(left) - left
    spread = float(np.nansum(apart**2))
    return float(np.nansum(apart**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _adjusted(level: float, drawn: Floats, *, value: float, push: float) -> float:
    below = float(np.count_nonzero(drawn < value) + np.count_nonzero(drawn == value) / 2) / len(drawn)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / (2 * len(drawn))), 1 - 1 / (2 * len(drawn))))
    z = bias + _NORMAL.inv_cdf(level)
    return _NORMAL.cdf(bias + z / (1 - push * z))
