"""
Learn then test: the boldest threshold for which the promise is proven, by tests in a fixed order from the safest on.

Each threshold is tested at the full level, and the first that fails ends it: so all that passed hold together with probability `sure`. The order and the
thresholds must not be made from the pairs they are tested on, and what predicted the advantages must not have learned from them (see `split`).
Source: Angelopoulos, Bates, Candès, Jordan and Lei, Learn then test (2021).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pointsman.decision.guarantee.betting import Array, least_pairs, refutes, upper_bound
from pointsman.decision.guarantee.pair import Pair

# From where hardly anything leaves the incumbent to where all does. The finer the steps, the more is proven before one fails; predictions that differ little
# need fine ones where most of them are.
_COARSE, _FINE, _MOST = 0.01, 0.0025, 0.6
THRESHOLDS: Final = (
    *(round(_MOST - _COARSE * step, 4) for step in range(30)),
    *(round(_MOST / 2 - _FINE * step, 4) for step in range(240)),
    *(round(-_MOST / 2 - _COARSE * step, 4) for step in range(31)),
)

# Whoever checks a promise measures it on traffic that is finite too, and its chance adds to that of the calibration: a third of δ is kept back for that.
_TESTED: Final = 2 / 3
_USEFUL: Final = 0.05  # the share of traffic for which it is worth to say how many pairs are missing
_SPREADS: Final = 1.7  # how many standard errors a test asks for, about


class Proof(Struct, frozen=True, kw_only=True):
    """
    What the tests found. `threshold` is None where none passed: then `why` is `too_few` or `not_proven`, and `missing` about how many more pairs it takes.

    `missing` is None where no number would do: what is lost is too much. `share_elsewhere` is the part of the traffic that leaves the incumbent.
    """

    threshold: float | None
    pairs: int
    pairs_elsewhere: int = 0
    share_elsewhere: float = 0.0
    mean: float = 0.0
    bound: float = 1.0
    why: str = ""
    missing: int | None = 0


def prove(pairs: Sequence[Pair], *, loss: float, sure: float, thresholds: Sequence[float] = THRESHOLDS) -> Proof:
    """Return the boldest proven threshold. `thresholds` stand from the largest, which is the safest, to the smallest."""
    level = 1 - _TESTED * (1 - sure)
    least = least_pairs(loss, sure=level)
    if len(pairs) < least:
        return Proof(threshold=None, pairs=len(pairs), why="too_few", missing=least - len(pairs))
    weights = np.array([pair.weight for pair in pairs])
    away = np.array([pair.advantage for pair in pairs]) >= np.array(thresholds)[:, None]
    losses = np.where(away, np.array([pair.loss for pair in pairs]), 0.0)
    passed = refutes(losses, weights, mean=loss, sure=level)
    boldest = (len(passed) if passed.all() else int(np.argmin(passed))) - 1
    if boldest < 0 or not away[boldest].any():
        return Proof(threshold=None, pairs=len(pairs), why="not_proven", missing=_missing(losses, away, weights=weights, loss=loss))
    return Proof(
        threshold=thresholds[boldest],
        pairs=len(pairs),
        pairs_elsewhere=int(away[boldest].sum()),
        share_elsewhere=_mean(away[boldest], weights),
        mean=_mean(losses[boldest], weights),
        bound=min(loss, upper_bound(losses[boldest], weights, sure=level)),
    )


def _mean(row: NDArray[np.float64 | np.bool_], weights: Array) -> float:
    return float((weights * row).sum() / weights.sum())


def _missing(losses: Array, away: NDArray[np.bool_], *, weights: Array, loss: float) -> int | None:
    """Return about how many more pairs would prove a threshold that lets a useful share go, if they are like these."""
    needs = [
        (_SPREADS * float(row.std()) / (loss - _mean(row, weights))) ** 2
        for row, gone in zip(losses, away, strict=True)
        if _mean(gone, weights) >= _USEFUL and _mean(row, weights) < loss
    ]
    return max(1, int(min(needs)) + 1 - losses.shape[1]) if needs else None
