"""
Betting against a claim about a mean: an upper confidence bound that holds for any bounded losses and any number of them.

Who bets each time a fair price that the mean loss is below `m` cannot grow rich if it is not. So a gambler's wealth that ever reached 1/δ refutes
"the mean is at least m" with probability of error δ at most (Ville's inequality), without a normal approximation. Source: Waudby-Smith and Ramdas, Estimating
means of bounded random variables by betting (2024); the stakes here are its predictable plug-in stakes for a fixed number of draws.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MOST: Final = 0.9  # of the stake that could lose everything
_WORTH: Final = 10.0  # how many pairs the first guess of the spread counts for
_FIRST: Final = 0.05  # that guess: the squared loss of a pair, before any was seen
_STEPS: Final = 40


def stakes(losses: Array, *, sure: float) -> Array:
    """Return what is staked on each loss (last axis), from those before it alone: about what a bet needs that is to be won within this many draws."""
    n = losses.shape[-1]
    squares = losses * losses
    before: Array = np.cumsum(squares, axis=-1) - squares
    spread: Array = (before + _FIRST * _WORTH) / (np.arange(n, dtype=np.float64) + _WORTH)
    return np.sqrt(2 * np.log(1 / (1 - sure)) / (n * spread))


def wealth(losses: Array, weights: Array, *, mean: Any, stake: Array) -> Array:
    """
    Return the logarithm of the most that the gambler ever had who bets that the mean loss is below `mean`. Losses are in -1..1, weights in 0..1.

    A weight is how much rarer its draw was than it should have been, at most 1: the least probability of a draw divided by its own.
    """
    factors = 1 + np.minimum(stake, _MOST / (1 - mean)) * weights * (mean - losses)
    return np.maximum(np.cumsum(np.log(factors), axis=-1).max(axis=-1), 0.0)


def upper_bound(losses: Array, weights: Array, *, sure: float) -> float:
    """Return what the mean loss is at most, with probability `sure`: 1 if nothing can be said."""
    stake, needed = stakes(losses, sure=sure), np.log(1 / (1 - sure))
    low, high = -1.0, 1.0 - 1e-9
    if losses.size == 0 or wealth(losses, weights, mean=high, stake=stake) < needed:
        return 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if wealth(losses, weights, mean=middle, stake=stake) >= needed else (middle, high)
    return high


def least_pairs(loss: float, *, sure: float) -> int:
    """Return how many pairs are the least that can prove anything: so many without any loss at all."""
    return int(np.ceil(np.log(1 / (1 - sure)) / np.log1p(_MOST * loss / (1 - loss))))
