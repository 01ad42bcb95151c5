"""
One round of learning: parameters in force and evidence → parameters, with what moved in words. Pure.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.learning.evidence import Evidence
from pointsman.control.learning.moved import moved
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Label

LEAST_NEW: Final = 10  # judgements that are worth a version
_GROWN: Final = 1.25  # after so much more evidence the model of prompts is made anew
_LEAST_FITTED: Final = 100


class Learnt(Struct, frozen=True, kw_only=True):
    """
    What a round of learning came to. `fitted` counts the judgements of the last fit from the ground up, `unread` the prompts that were looked at by another
    embedder, and so teach nothing of prompts.
    """

    parameters: Parameters
    why: tuple[str, ...]
    fitted: int
    unread: int = 0


def learn(parameters: Parameters, evidence: Evidence, *, anew: Evidence | None = None, fitted: int = 0, embedder: Embedder | None = None) -> Learnt:
    """
    Return the parameters with the evidence learned. `anew` is all evidence that there is: then everything is learned from them, and from nothing else.

    With another `embedder` (None: words are hashed) than before, what was known of prompts is let go: nothing can be added to it.
    """
    embedder = Embedder() if embedder is None else embedder
    before, is_other = parameters, parameters.table != embedder.table_name
    if is_other:
        parameters = replace(parameters, table=embedder.table_name, prompts=b"")
    if anew is not None:
        # Who judges answers is learned from their texts, and is kept until it is learned anew from those.
        after, count = replace(fit(anew.labels, embedder=embedder), verifiers=parameters.verifiers), len(anew.judged)
    else:
        after, count = update(parameters, evidence.labels, embedder=embedder), fitted
    unread = _unread((evidence if anew is None else anew).labels, embedder=embedder)
    why = [*moved(parameters, after, kinds=evidence.kinds, embedder=embedder)]
    if is_other and before.prompts:
        why.append("Prompts are looked at in another way from now on, so what was known of them is learned anew.")
    if unread:
        why.append(f"{unread:,} prompts were looked at in another way and teach nothing of prompts.")
    return Learnt(parameters=after, why=tuple(why), fitted=count, unread=unread)


def _unread(labels: Sequence[Label], *, embedder: Embedder) -> int:
    seen = {label.prompt.text for label in labels if isinstance(label.prompt.text, bytes) and label.prompt.text}
    return sum(embedder.numbers(one) is None for one in seen)


def is_material(evidence: Evidence) -> bool:
    """Tell whether enough was told for a version of its own."""
    return len(evidence.judged) >= LEAST_NEW


def is_due_anew(labels: int, *, fitted: int) -> bool:
    """Tell whether there is so much more evidence than at the last fit that another one is worth its while."""
    return labels >= max(_LEAST_FITTED, round(fitted * _GROWN))
