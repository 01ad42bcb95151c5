"""
Betting against a claim about a mean: tests and an upper bound that hold for any bounded losses and any number of them.

Who bets at fair odds that the mean loss is below `mean` cannot grow rich if it is not. So a gambler who ever has 1/δ of what he began with refutes "the mean
is at least this" with a probability of error of δ at most (Ville's inequality): no normal approximation, no assumption about the spread.
How much is staked is free, as long as it is decided from what was seen before. WSR (Waudby-Smith and Ramdas, 2024) stake so as to grow; here it is known how
many draws there will be and how much is needed, so he plays to arrive there with the last: he holds the stake that copies an option which pays 1/δ if the
test at the end would refute, and nothing otherwise. That costs little against a normal test, which promises nothing at a finite number.
"""

from math import exp, log
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MOST: Final = 0.9  # of the stake that could lose everything
_FIRST: Final = 0.1  # the squared loss of a pair, before any was seen
_WORTH: Final = 5.0  # for how many pairs that guess counts
_HOPE: Final = 1.5  # times the stake that is enough if nothing more is lost: what is rarely lost at all is proven by few pairs
_BOLDEST: Final = 2.0  # times the option's stake is the most for that hope: with losses on both sides it would be ruin
_NEAR_ZERO: Final = 1e-3
_REACH: Final = 30.0
_COARSE: Final = 0.02
_PARTS: Final = 40

# How much of his wealth an owner of the option holds in the game, by the logarithm of δ × wealth, times the spread still to come.
_POINTS: Final = (*(-_REACH + 0.02 * step for step in range(int(_REACH / 0.02))), -1e-6)
_HELD: Final = tuple(NormalDist().pdf(NormalDist().inv_cdf(exp(point))) / exp(point) for point in _POINTS)


def refutes(losses: Array, weights: Array, *, mean: Any, sure: float) -> NDArray[np.bool_]:
    """
    Return for each row of losses (-1..1, in the order they were drawn) whether it refutes that their mean is `mean` or more, with probability `sure`.

    A weight (0..1) is the least probability of a draw divided by that of this one. `mean` is a number below 1, or one for each row.
    """
    draws = losses.shape[1]
    needed, points, held = log(1 / (1 - sure)), np.array(_POINTS), np.array(_HELD)
    least_loss = np.asarray(mean, dtype=np.float64)
    most, hopes = _MOST / (1 - least_loss), _HOPE / np.maximum(least_loss, _NEAR_ZERO)
    has, done = np.zeros(len(losses)), np.zeros(len(losses), dtype=np.bool_)
    squares = np.full(len(losses), _FIRST * _WORTH)
    for draw, loss in enumerate(np.ascontiguousarray(losses.T)):
        ahead = squares / (draw + _WORTH) * (draws - draw)
        option = np.interp(has - needed, points, held) / np.sqrt(ahead)
        stake = np.minimum(np.maximum(option, np.minimum((needed - has) * hopes / (draws - draw), _BOLDEST * option)), most)
        has += np.log1p(stake * weights[draw] * (mean - loss))
        done |= has >= needed
        squares += (weights[draw] * loss) ** 2
    return done


def upper_bound(losses: Array, weights: Array, *, sure: float) -> float:
    """Return what the mean of a row of losses is at most, with probability `sure`: 1 where nothing can be said."""
    coarse: Array = np.arange(-1.0, 1.0, _COARSE)
    kept = _last_kept(coarse, losses, weights=weights, sure=sure)
    base = float(coarse[kept]) if kept >= 0 else -1.0
    fine: Array = base + np.arange(1, _PARTS, dtype=np.float64) * (_COARSE / _PARTS)
    return min(1.0, base + (_last_kept(fine, losses, weights=weights, sure=sure) + 2) * (_COARSE / _PARTS))


def _last_kept(means: Array, losses: Array, *, weights: Array, sure: float) -> int:
    """Return the place of the largest mean that is not refuted, -1 if all are."""
    refuted = refutes(np.tile(losses, (len(means), 1)), weights, mean=means, sure=sure)
    return len(means) - 1 - int(np.argmin(refuted[::-1])) if not refuted.all() else -1


def least_pairs(loss: float, *, sure: float) -> int:
    """Return below how many pairs nothing can be proven, even if none of them lost anything."""
    return int(np.ceil(log(1 / (1 - sure)) / np.log1p(_MOST * loss / (1 - loss))))
