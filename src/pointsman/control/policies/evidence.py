"""
What a log tells of another policy: a row per decision, in columns. Numbers only.
"""

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from msgspec import Struct

# Weights are cut here: half of the largest that a floor of 1 % lets stand. What is cut off is left to the predictions.
CAP: Final = 50.0

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Evidence(Struct, frozen=True, kw_only=True):
    """
    Decisions of a log, each with what came of it.

    `reward` is what came of it, in any one unit. `behaviour` is the probability with which it was done, above 0; `proposed` that with which the other policy
    would have done the same. `predicted` is what was expected of what was done; `expected` what is expected of the other policy there, over all it might
    do. `cluster` numbers the units: decisions of one unit share their fate. Where the probabilities of everything that might have been done are known,
    `squared` is the mean square of the weight over what might have been drawn, and `unsupported` how often the other policy does what never was.
    """

    reward: Floats
    behaviour: Floats
    proposed: Floats
    predicted: Floats
    expected: Floats
    cluster: Whole
    squared: Floats | None = None
    unsupported: Floats | None = None

    @property
    def size(self) -> int:
        """The number of decisions."""
        return len(self.reward)

    @property
    def weight(self) -> Floats:
        """How many decisions of the other policy each stands for, on average 1."""
        return self.proposed / self.behaviour


class Log(Struct, frozen=True, kw_only=True):
    """
    Decisions of a log with everything that might have been done: arrays of shape (decisions, candidates) beside what was done, `action`.

    `predicted` is needed only where `proposed` is above 0, and for what was done.
    """

    reward: Floats
    action: Whole
    behaviour: Floats
    proposed: Floats
    predicted: Floats
    cluster: Whole


def evidence_of(log: Log, *, cap: float = CAP) -> Evidence:
    """Return the evidence of a log. Weights will be cut at `cap`."""
    rows = np.arange(len(log.action))
    tried = log.behaviour > 0.0
    ratio = np.minimum(np.divide(log.proposed, log.behaviour, out=np.zeros_like(log.proposed), where=tried), cap)
    return Evidence(
        reward=log.reward,
        behaviour=log.behaviour[rows, log.action],
        proposed=log.proposed[rows, log.action],
        predicted=log.predicted[rows, log.action],
        expected=_sum(np.where(log.proposed > 0.0, log.proposed * log.predicted, 0.0)),
        cluster=log.cluster,
        squared=_sum(log.behaviour * ratio * ratio),
        unsupported=_sum(np.where(tried, 0.0, log.proposed)),
    )


def numbered(units: Sequence[object]) -> Whole:
    """Return a number for each unit, the same for equal ones, in the order in which they are first seen."""
    numbers: dict[object, int] = {}
    return np.asarray([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)


def _sum(of: Floats) -> Floats:
    return cast("Floats", of.sum(axis=1))
