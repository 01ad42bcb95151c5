"""
The promise of `risk=EPS,DELTA`: on prompts drawn like those it was calibrated on, the expected quality is at most EPS below that of always asking the best
single model, except with probability DELTA over the draw of the calibration. What was learned from does not calibrate.
"""

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.grid import Floats, Whole
from pointsman.control.evaluation.modes import PRICE
from pointsman.decision.guarantee.sequence import Pair, prove


class Promise(Struct, frozen=True, kw_only=True):
    """
    What was proven, with `pairs` pairs: at a predicted advantage of `threshold` or more the preferred model answers. None: nothing is proven, and `why`.

    `capabilities` are those that pairs came from: nothing is promised for others. `bound` is what the loss on the calibration is at most.
    """

    threshold: float | None
    pairs: int
    elsewhere: int
    mean: float
    bound: float
    why: str
    missing: int
    capabilities: frozenset[str]


def preferred(expected: Expected, *, strong: int) -> tuple[Whole, Floats]:
    """Return for each prompt the other model that is worth most, with its cost at a fixed price, and by how much its expected quality is above the best's."""
    worth = expected.quality - PRICE * expected.cost
    worth[:, strong] = -np.inf
    column = worth.argmax(axis=1)
    rows = np.arange(len(column))
    return column, expected.quality[rows, column] - expected.quality[:, strong]


def promised(expected: Expected, score: Floats, *, strong: int, risk: tuple[float, float], capabilities: frozenset[str]) -> Promise:
    """Calibrate on prompts whose scores (n, m) are known. `risk` is the loss and how sure it is not exceeded."""
    column, advantage = preferred(expected, strong=strong)
    lost = score[:, strong] - score[np.arange(len(column)), column]
    pairs = [Pair(advantage=float(gain), loss=float(loss)) for gain, loss in zip(advantage, lost, strict=True)]
    proof = prove(pairs, loss=risk[0], sure=risk[1])
    return Promise(
        threshold=proof.threshold,
        pairs=proof.pairs,
        elsewhere=proof.pairs_elsewhere,
        mean=proof.mean,
        bound=proof.bound,
        why=proof.why,
        missing=proof.missing or 0,
        capabilities=capabilities,
    )


def kept(promise: Promise, expected: Expected, *, strong: int, capabilities: list[str]) -> Whole:
    """Return the column of each prompt under a promise: that of the best single model wherever the promise does not reach."""
    column, advantage = preferred(expected, strong=strong)
    if promise.threshold is None:
        return np.full(len(column), strong)
    may = (advantage >= promise.threshold) & np.array([name in promise.capabilities for name in capabilities], dtype=bool)
    return np.where(may, column, strong)
