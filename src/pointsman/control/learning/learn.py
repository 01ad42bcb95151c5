"""
One round of learning: parameters in force and evidence → parameters, with what moved in words. Pure.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.learning.evidence import Evidence
from pointsman.control.learning.moved import moved
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.parameters import Parameters

LEAST_NEW: Final = 10  # judgements that are worth a version
_GROWN: Final = 1.25  # after so much more evidence the model of prompts is made anew
_LEAST_FITTED: Final = 100


class Learnt(Struct, frozen=True, kw_only=True):
    """What a round of learning came to. `fitted` counts the judgements of the last fit from the ground up."""

    parameters: Parameters
    why: tuple[str, ...]
    fitted: int


def learn(parameters: Parameters, evidence: Evidence, *, anew: Evidence | None = None, fitted: int = 0) -> Learnt:
    """
    Return the parameters with the evidence learned. `anew` is all evidence that there is: then everything is learned from them, and from nothing else.
    """
    if anew is not None:
        # Who judges answers is learned from their texts, and is kept until it is learned anew from those.
        after, count = replace(fit(anew.labels), verifiers=parameters.verifiers), len(anew.judged)
    else:
        after, count = update(parameters, evidence.labels), fitted
    return Learnt(parameters=after, why=moved(parameters, after, kinds=evidence.kinds), fitted=count)


def is_material(evidence: Evidence) -> bool:
    """Tell whether enough was told for a version of its own."""
    return len(evidence.judged) >= LEAST_NEW


def is_due_anew(labels: int, *, fitted: int) -> bool:
    """Tell whether there is so much more evidence than at the last fit that another one is worth its while."""
    return labels >= max(_LEAST_FITTED, round(fitted * _GROWN))
