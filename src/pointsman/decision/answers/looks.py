"""
What a look at an answer is expected to tell, before there is one: how a belief spreads when a check of known strength has looked.

The check is taken to see a number that is normally distributed, around one mean for good answers and around another for bad ones (the binormal model of ROC
analysis); AUROC fixes the distance of the means. The number is cut into a few ranges, so that everything after it is a finite sum.
"""

from functools import lru_cache
from importlib import import_module
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRID: Final = 21  # beliefs from 0 to 1 at which the sum is worked out
FINDINGS: Final = 9  # ranges that what the check sees is cut into
_BEYOND: Final = 1.75  # standard deviations beyond the means that are still cut
_BLIND: Final = 0.505
_SHARP: Final = 0.995


@lru_cache(maxsize=128)
def tells(strength: float) -> float:
    """Return how often a check of this strength, cut in the middle between good and bad, is right."""
    return NormalDist().cdf(_apart(strength) / 2)


@lru_cache(maxsize=128)
def chances(strength: float) -> tuple[tuple[float, float], ...]:
    """Return how probable each finding of a check of this strength is for a good answer, and for a bad one. All is one finding if it sees nothing."""
    if strength <= _BLIND:
        return ((1.0, 1.0), *((0.0, 0.0),) * (FINDINGS - 1))
    normal = NormalDist()
    apart = _apart(strength)
    step = (apart + 2 * _BEYOND) / (FINDINGS - 2)
    cuts = [-_BEYOND + step * index for index in range(FINDINGS - 1)]
    good = [0.0, *(normal.cdf(cut - apart) for cut in cuts), 1.0]
    bad = [0.0, *(normal.cdf(cut) for cut in cuts), 1.0]
    return tuple((good[index + 1] - good[index], bad[index + 1] - bad[index]) for index in range(FINDINGS))


@lru_cache(maxsize=128)
def spread(strength: float) -> "NDArray[np.float64]":
    """Return the matrix (GRID, GRID) that turns a function of the belief after the look into its mean by the belief before: `before = after @ spread`."""
    np = import_module("numpy")
    before = np.linspace(0.0, 1.0, GRID)
    found = np.zeros((GRID, GRID))
    for good, bad in chances(strength):
        if not good + bad:
            continue
        seen = before * good + (1 - before) * bad
        after = before * good / np.maximum(seen, 1e-300) * (GRID - 1)
        low = np.minimum(after.astype(int), GRID - 2)
        np.add.at(found, (low, np.arange(GRID)), seen * (1 - (after - low)))
        np.add.at(found, (low + 1, np.arange(GRID)), seen * (after - low))
    found.setflags(write=False)
    return found


def _apart(strength: float) -> float:
    """Return how many standard deviations good and bad are apart."""
    return 2**0.5 * NormalDist().inv_cdf(min(max(strength, 0.5), _SHARP))
