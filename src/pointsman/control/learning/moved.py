"""
What moved between two sets of parameters, in words.
"""

from collections.abc import Mapping
from typing import Final

from pointsman.control.learning.known import Known, known
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.parameters import Parameters

_MOST: Final = 8
_SEEN: Final = 0.005  # what is less is not seen with two digits
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "human": ("judgement by people", "judgements by people"),
    "outcome": ("outcome", "outcomes"),
    "check": ("failed check", "failed checks"),
    "judge": ("score", "scores"),
}


def moved(before: Parameters, after: Parameters, *, kinds: Mapping[str, int], embedder: Embedder | None = None) -> tuple[str, ...]:
    """Return sentences: first what was learned from, then what moved most, such as "`small` on `triage`: 0.81 → 0.84"."""
    was = {(one.capability, one.target): one for one in known(before, embedder=embedder)}
    moves = [(one, was.get((one.capability, one.target))) for one in known(after, embedder=embedder)]
    moves = [(one, old) for one, old in moves if _step(one, old) >= _SEEN]
    moves.sort(key=lambda pair: (-_step(*pair), pair[0].capability, pair[0].target))
    told = [_sentence(one, old) for one, old in moves[:_MOST]]
    if len(moves) > _MOST:
        told.append(f"{len(moves) - _MOST} more moved.")
    return (_learned_from(kinds), *told)


def _learned_from(kinds: Mapping[str, int]) -> str:
    parts = [f"{kinds[kind]:,} {words[kinds[kind] != 1]}" for kind, words in _KINDS.items() if kinds.get(kind)]
    return f"Learned from {', '.join(parts)}." if parts else "Nothing new was told of answers."


def _step(one: Known, old: Known | None) -> float:
    return 1.0 if old is None else abs(one.quality - old.quality)


def _sentence(one: Known, old: Known | None) -> str:
    if old is None:
        return f"`{one.target}` on `{one.capability}`: {one.quality:.2f}, the first that is known ({one.labels:,.0f})."
    return f"`{one.target}` on `{one.capability}`: {old.quality:.2f} → {one.quality:.2f} after {max(one.labels - old.labels, 0):,.0f} more."
