"""
What will be spent until the end of a period: level x weekday, with an interval, and how wrong the same method was on the days that are known.

Level: mean of the last eight weeks without their weekdays' pattern, each week back counting half as much. Weekday: its mean over the mean of all, drawn
towards 1 by a quarter of a day's weight. Interval: 80 % from the scatter of days and from how far the level moved from week to week. Numbers only.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

METHOD: Final = "level x weekday, half-life 7 days"
PACE: Final = "pace so far"
_HISTORY_DAYS: Final = 56
_WEEK: Final = 7
_LEAST_FOR_WEEKDAYS: Final = 14
_LEAST: Final = 3
_HALF_LIFE_DAYS: Final = 7.0
_PRIOR_DAYS: Final = 0.25
_EFFECTIVE_DAYS: Final = 2 * _HALF_LIFE_DAYS / 0.6931
_WIDTH: Final = 1.2816  # the normal quantile of 0.9: 80 % lie between -1.28 and 1.28

_Floats = npt.NDArray[np.float64]


class Expected(Struct, frozen=True, kw_only=True):
    """An amount that is expected, in nano-dollars, with the bounds between which it should end in four of five cases."""

    nano_usd: int
    low_nano_usd: int
    high_nano_usd: int
    method: str = METHOD


class Backtest(Struct, frozen=True, kw_only=True):
    """
    How the method would have done: over `origins` days in the past, each forecasting the `horizon` days after it from the days before it.

    `error` is the mean of |forecast - actual| / actual; `covered` the share of actual sums within the interval.
    """

    origins: int
    horizon: int
    error: float
    covered: float


def expected(history: Sequence[int], weekday: int, *, share: Sequence[float]) -> Expected | None:
    """
    Return what will be spent on days to come. `history` is whole days up to yesterday, the last of which fell on the day before `weekday` (0 to 6).

    `share` says how much of each day to come is meant, from today on: `[0.25, 1, 1]` is the last quarter of today and two days. None with under three days.
    """
    days = np.asarray(history[-_HISTORY_DAYS:], dtype=float)
    if len(days) < _LEAST:
        return None
    weekdays = (weekday - len(days) + np.arange(len(days))) % _WEEK
    factors = _factors(days, weekdays)
    plain = days / factors[weekdays]
    weights = 0.5 ** (np.arange(len(days))[::-1] / _HALF_LIFE_DAYS)
    level = float(np.average(plain, weights=weights))
    meant = np.asarray(share) * factors[(weekday + np.arange(len(share))) % _WEEK]
    total = level * float(np.sum(meant))
    noise, drift = _scatter(plain, level)
    # The level is an estimate, a week old on average, and goes on moving: a mean over h days of what moves by chance lies a third of h weeks' moves away.
    moves = noise**2 * (1 / min(_EFFECTIVE_DAYS, len(days)) + 1 / len(days)) + drift**2 * (1 + len(share) / (3 * _WEEK))
    wide = level * sqrt(float(np.sum(meant**2)) * noise**2 * (1 + _WEEK / len(days)) + float(np.sum(meant)) ** 2 * moves)
    return Expected(nano_usd=round(total), low_nano_usd=max(round(total - _WIDTH * wide), 0), high_nano_usd=round(total + _WIDTH * wide))


def backtest(history: Sequence[int], weekday: int, *, horizon: int) -> Backtest | None:
    """Return how wrong the method was on whole days up to the day before `weekday`. None with too few days to tell."""
    errors: list[float] = []
    inside = 0
    for origin in range(_LEAST_FOR_WEEKDAYS, len(history) - horizon + 1):
        actual = sum(history[origin : origin + horizon])
        found = expected(history[:origin], (weekday - len(history) + origin) % _WEEK, share=[1.0] * horizon)
        if found is None or not actual:
            continue
        errors.append(abs(found.nano_usd - actual) / actual)
        inside += found.low_nano_usd <= actual <= found.high_nano_usd
    return Backtest(origins=len(errors), horizon=horizon, error=sum(errors) / len(errors), covered=inside / len(errors)) if errors else None


def _factors(days: _Floats, weekdays: npt.NDArray[np.int64]) -> _Floats:
    mean = float(np.mean(days))
    if len(days) < _LEAST_FOR_WEEKDAYS or mean == 0:
        return np.ones(_WEEK)
    counts = np.bincount(weekdays, minlength=_WEEK)
    sums = np.bincount(weekdays, weights=days, minlength=_WEEK)
    # A weekday that never cost anything would make a level without bounds.
    return np.maximum((sums + _PRIOR_DAYS * mean) / (counts + _PRIOR_DAYS) / mean, 0.05)


def _scatter(plain: _Floats, level: float) -> tuple[float, float]:
    """Return how far single days lie from the level, and how far the level itself went in a week; both as shares of it."""
    if level <= 0:
        return 0.0, 0.0
    noise = float(np.std(plain[-4 * _WEEK :])) / level
    weeks = np.array([np.mean(plain[max(end - _WEEK, 0) : end]) for end in range(len(plain), 0, -_WEEK)]) / level
    if len(weeks) < _LEAST:
        return noise, noise
    # What noise alone moves a week's mean by is no drift.
    moved = float(np.mean(np.diff(weeks) ** 2))
    return noise, sqrt(max(moved - 2 * noise**2 / _WEEK, moved / 4))
