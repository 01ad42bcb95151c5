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

from pointsman.decision.guarantee.betting import least_pairs, stakes, upper_bound, wealth

# From where hardly anything leaves the incumbent to where all does, in steps that move a few in a hundred calls.
THRESHOLDS: Final = tuple(round(0.6 - 0.01 * step, 2) for step in range(121))


class Pair(Struct, frozen=True, kw_only=True):
    """
    A prompt that both answered. `advantage` is what was predicted for the preferred target, `loss` the incumbent's score less its score (-1..1).

    `weight` (0..1] is the least probability with which a pair was drawn divided by that of this one. `key` names it, `at_ms` is when it was.
    """

    advantage: float
    loss: float
    weight: float = 1.0
    key: str = ""
    at_ms: int = 0


class Proof(Struct, frozen=True, kw_only=True):
    """What the tests found. `threshold` is None where none passed: then `why` says what is missing, and `missing` how many pairs at least."""

    threshold: float | None
    pairs: int
    pairs_elsewhere: int = 0
    mean: float = 0.0
    bound: float = 1.0
    why: str = ""
    missing: int = 0


def prove(pairs: Sequence[Pair], *, loss: float, sure: float, thresholds: Sequence[float] = THRESHOLDS) -> Proof:
    """Return the boldest proven threshold. `thresholds` stand from the largest, which is the safest, to the smallest."""
    least = least_pairs(loss, sure=sure)
    if len(pairs) < least:
        return Proof(threshold=None, pairs=len(pairs), why="too_few", missing=least - len(pairs))
    advantages = np.array([pair.advantage for pair in pairs])
    losses = np.array([pair.loss for pair in pairs])
    weights = np.array([pair.weight for pair in pairs])
    applied = np.where(advantages >= np.array(thresholds)[:, None], losses, 0.0)
    passed = wealth(applied, weights, mean=loss, stake=stakes(applied, sure=sure)) >= np.log(1 / (1 - sure))
    count = len(passed) if passed.all() else int(np.argmin(passed))
    boldest = next((at for at in reversed(range(count)) if (advantages >= thresholds[at]).any()), None)
    if boldest is None:
        return Proof(threshold=None, pairs=len(pairs), why="not_proven")
    of = applied[boldest]
    return Proof(
        threshold=thresholds[boldest],
        pairs=len(pairs),
        pairs_elsewhere=int((advantages >= thresholds[boldest]).sum()),
        mean=float((weights * of).sum() / weights.sum()),
        bound=upper_bound(of, weights, sure=sure),
    )
