"""
What a log tells of another policy: a row per decision, in columns. Numbers only.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Evidence(Struct, frozen=True, kw_only=True):
    """
    Decisions of a log, each with what came of it.

    `reward` is what came of it, in any one unit. `behaviour` is the probability with which it was done, above 0; `proposed` that with which the other policy
    would have done the same. `predicted` is what was expected of what was done; `expected` what is expected of the other policy there, over all it might
    do. `cluster` numbers the units: decisions of one unit share their fate.
    """

    reward: Floats
    behaviour: Floats
    proposed: Floats
    predicted: Floats
    expected: Floats
    cluster: Whole

    @property
    def size(self) -> int:
        """The number of decisions."""
        return len(self.reward)

    @property
    def weight(self) -> Floats:
        """How many decisions of the other policy each stands for, on average 1."""
        return self.proposed / self.behaviour


def evidence_of(rows: Sequence[tuple[float, float, float, float, float]], units: Sequence[str]) -> Evidence:
    """Return evidence from rows of (reward, behaviour, proposed, predicted, expected), and the unit of each."""
    columns = np.asarray(rows, dtype=np.float64).reshape(len(rows), 5).T
    numbered = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    return Evidence(
        reward=columns[0],
        behaviour=columns[1],
        proposed=columns[2],
        predicted=columns[3],
        expected=columns[4],
        cluster=np.asarray([numbered[unit] for unit in units], dtype=np.int64),
    )
