"""
Is the last day of a series unlike the days before it? Robust: medians instead of means, so that what was unusual once does not hide what is now.

In logarithms: a weekday's effect is the median of what its days lie above or below the level; the level is the median of the last two weeks without these
effects; the scale is 1.4826 x the median of the distances from the level of each day's own two weeks. Numbers only.
"""

from collections.abc import Sequence
from math import exp
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

LEAST_DAYS: Final = 21
_MOST_DAYS: Final = 56
_WEEK: Final = 7
_LEVEL_DAYS: Final = 14
_LEAST_OF_A_WEEKDAY: Final = 3
_LEAST_SCALE: Final = 0.04
# The scale is itself an estimate from few days, and money has heavier tails than a normal law: found by simulation (bench/ledger/finops.py).
_WIDER: Final = 1.5
_PER_SIGMA: Final = 1.4826

_Floats = npt.NDArray[np.float64]


class Unusual(Struct, frozen=True, kw_only=True):
    """A day in the light of those before it: what was to be expected (nano-dollars), and by how many scales it lies apart. Below -`limit` or above `limit`."""

    expected_nano_usd: int
    apart: float
    limit: float

    @property
    def is_unusual(self) -> bool:
        """Whether it is further apart than chance explains."""
        return abs(self.apart) > self.limit


def look(days: Sequence[int], *, false_alarms: float) -> Unusual | None:
    """
    Judge the last of these days (nano-dollars, without gaps). `false_alarms` is the probability with which a usual day may be called unusual.

    None with fewer than three weeks before it, or where nothing was spent on most of them.
    """
    before = np.asarray(days[-_MOST_DAYS - 1 : -1], dtype=float)
    if len(before) < LEAST_DAYS or float(np.median(before)) <= 0:
        return None
    small = float(np.median(before)) / 100  # so that a day without any cost has a logarithm
    logs = np.log(before + small)
    weekdays = np.arange(-len(before), 0) % _WEEK
    effects = _effects(logs, weekdays)
    plain = logs - effects[weekdays]
    level = float(np.median(plain[-_LEVEL_DAYS:]))
    scale = max(_scale(plain), _LEAST_SCALE)
    foreseen = level + float(effects[0])
    apart = (float(np.log(days[-1] + small)) - foreseen) / scale
    limit = NormalDist().inv_cdf(1 - false_alarms / 2) * _WIDER
    return Unusual(expected_nano_usd=max(round(exp(foreseen) - small), 0), apart=apart, limit=limit)


def _effects(logs: _Floats, weekdays: npt.NDArray[np.int64]) -> _Floats:
    """Return what the days of each weekday lie above the level of their own week; 0 is the weekday of the day that is judged."""
    around = np.array([np.median(logs[max(day - 3, 0) : day + 4]) for day in range(len(logs))])
    apart = logs - around
    return np.array([np.median(apart[weekdays == day]) if np.sum(weekdays == day) >= _LEAST_OF_A_WEEKDAY else 0.0 for day in range(_WEEK)])


def _scale(plain: _Floats) -> float:
    apart = [abs(plain[day] - np.median(plain[day - _LEVEL_DAYS : day])) for day in range(_LEVEL_DAYS, len(plain))]
    return _PER_SIGMA * float(np.median(apart))
