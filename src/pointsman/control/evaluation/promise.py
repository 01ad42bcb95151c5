"""
The promise of `risk=EPS,DELTA`: on prompts drawn like those it was calibrated on, the expected quality is at most EPS below that of always asking the best
single model, except with probability DELTA over the draw of the calibration. What was learned from does not calibrate.

It is about the mean over the mix of capabilities that the pairs were drawn from: one of them alone may lose more. Each can be promised for by itself instead.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.figures import Figure, figure, weights
from pointsman.control.evaluation.grid import Floats, Whole
from pointsman.control.evaluation.modes import PRICE
from pointsman.decision.guarantee.sequence import Pair, Proof, prove
from pointsman.decision.guarantee.split import is_kept_apart

_NEVER: Final = 2.0


class Part(Struct, frozen=True, kw_only=True):
    """What was proven for one capability by its own pairs."""

    capability: str
    proof: Proof


class Promise(Struct, frozen=True, kw_only=True):
    """
    What was proven, with `pairs` pairs: at a predicted advantage of `threshold` or more the preferred model answers. None: nothing is proven, and `why`.

    `capabilities` are those that pairs came from: nothing is promised for others. `bound` is what the loss on the calibration is at most. Where there are
    `parts`, each capability goes by what was proven for itself, and not by what was proven for all together.
    """

    threshold: float | None
    pairs: int
    elsewhere: int
    mean: float
    bound: float
    why: str
    missing: int
    capabilities: frozenset[str]
    parts: tuple[Part, ...] = ()

    def threshold_of(self, capability: str) -> float:
        """Return from which predicted advantage on the preferred model answers there: no advantage reaches 2."""
        found = self.threshold if not self.parts else next((one.proof.threshold for one in self.parts if one.capability == capability), None)
        return _NEVER if found is None or capability not in self.capabilities else found


def preferred(expected: Expected, *, strong: int) -> tuple[Whole, Floats]:
    """Return for each prompt the other model that is worth most, with its cost at a fixed price, and by how much its expected quality is above the best's."""
    worth = expected.quality - PRICE * expected.cost
    worth[:, strong] = -np.inf
    column = worth.argmax(axis=1)
    rows = np.arange(len(column))
    return column, expected.quality[rows, column] - expected.quality[:, strong]


def promised(expected: Expected, score: Floats, *, strong: int, risk: tuple[float, float], capabilities: Sequence[str], is_each: bool = False) -> Promise:
    """
    Calibrate on prompts whose scores (n, m) are known, with the capability of each. `risk` is the loss and how sure it is not exceeded; with `is_each` every
    capability is promised for by itself, each with the whole probability.
    """
    pairs = _pairs(expected, score, strong=strong)
    proof = prove(pairs, loss=risk[0], sure=risk[1])
    return Promise(
        threshold=proof.threshold,
        pairs=proof.pairs,
        elsewhere=proof.pairs_elsewhere,
        mean=proof.mean,
        bound=proof.bound,
        why=proof.why,
        missing=proof.missing or 0,
        capabilities=frozenset(capabilities),
        parts=_parts(pairs, capabilities, risk=risk) if is_each else (),
    )


def _parts(pairs: Sequence[Pair], capabilities: Sequence[str], *, risk: tuple[float, float]) -> tuple[Part, ...]:
    found: dict[str, list[Pair]] = {}
    for pair, capability in zip(pairs, capabilities, strict=True):
        found.setdefault(capability, []).append(pair)
    return tuple(Part(capability=name, proof=prove(several, loss=risk[0], sure=risk[1])) for name, several in sorted(found.items()))


def _pairs(expected: Expected, score: Floats, *, strong: int) -> list[Pair]:
    column, advantage = preferred(expected, strong=strong)
    lost = score[:, strong] - score[np.arange(len(column)), column]
    return [Pair(advantage=float(gain), loss=float(loss)) for gain, loss in zip(advantage, lost, strict=True)]


def kept(promise: Promise, expected: Expected, *, strong: int, capabilities: Sequence[str]) -> Whole:
    """Return the column of each prompt under a promise: that of the best single model wherever the promise does not reach."""
    column, advantage = preferred(expected, strong=strong)
    thresholds = {name: promise.threshold_of(name) for name in set(capabilities)}
    return np.where(advantage >= np.array([thresholds[name] for name in capabilities]), column, strong)


class Outcome(Struct, frozen=True, kw_only=True):
    """
    What a promise came to on `prompts` others than those it was calibrated on: the mean loss of quality, the share of calls that left the best single model,
    and the cost in units of always asking it.
    """

    promise: Promise
    prompts: int
    loss: Figure
    elsewhere: Figure
    cost: Figure


class Halves(Struct, frozen=True, kw_only=True):
    """Prompts of which every score (n, m) is known, with what was expected of them and what they cost. Half of them calibrate."""

    expected: Expected
    score: Floats
    spent: Floats
    capabilities: tuple[str, ...]
    keys: tuple[str, ...]


def tried(what: Halves, *, strong: int, risk: tuple[float, float], times: int, seed: int) -> Outcome:
    """Calibrate on one half, parted by the names of the prompts, and see on the other what it came to."""
    apart = np.array([is_kept_apart(key) for key in what.keys])
    calibrates, others = np.flatnonzero(apart), np.flatnonzero(~apart)
    names = [what.capabilities[row] for row in calibrates.tolist()]
    promise = promised(what.expected.at(calibrates), what.score[calibrates], strong=strong, risk=risk, capabilities=names)
    column = kept(promise, what.expected.at(others), strong=strong, capabilities=[what.capabilities[row] for row in others.tolist()])
    rows = np.arange(len(column))
    score, spent = what.score[others], what.spent[others]
    lost, cost = score[:, strong] - score[rows, column], spent[rows, column]
    drawn = weights(len(rows), times=times, seed=seed) if times and len(rows) else np.zeros((0, len(rows)))
    away = (column != strong).astype(np.float64)
    most = spent[:, strong]
    return Outcome(
        promise=promise,
        prompts=len(rows),
        loss=figure(_mean(lost), drawn @ lost),
        elsewhere=figure(_mean(away), drawn @ away),
        cost=figure(_mean(cost) / _mean(most), drawn @ cost / (drawn @ most)),
    )


def _mean(of: Floats) -> float:
    return float(of.mean()) if len(of) else float("nan")
