"""
From labels to parameters: anew, or from parameters that are in force.
"""

from collections.abc import Sequence

import msgspec

from pointsman.decision.prediction.cells import counted
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Label


def fit(labels: Sequence[Label], *, embedder: object | None = None, seed: int = 0) -> Parameters:
    """
    Return what the labels teach. `embedder` turns prompts into numbers (None: by hashing their words); `seed` decides what has to be drawn.
    """
    _ = embedder, seed  # no model of prompts yet
    return Parameters(cells=counted((), labels))


def update(parameters: Parameters, labels: Sequence[Label]) -> Parameters:
    """Return the parameters with further labels added to what they rest on."""
    return msgspec.structs.replace(parameters, cells=counted(parameters.cells, labels))
