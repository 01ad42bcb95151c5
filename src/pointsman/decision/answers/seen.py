"""
One answer as it is seen: named numbers and hashed words, and the bytes that they can be kept as. Pure; no numpy.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.decision.answers.features import NAMES, hashed, surface

# What a signal says before any label has: log odds for each unit of it. Cautious: each alone moves a belief by little, save where a vendor or a check is plain.
_DECLARED: Final[Mapping[str, float]] = {
    "refused": -4.0,
    "declines": -2.0,
    "truncated": -2.0,
    "cut": -0.7,
    "doubts": -0.3,
    "sums_wrong": -0.5,
    "from_nowhere": -0.5,
}
# Signals that speak for an answer above a value and against it below: (value, log odds for each unit).
_CENTRED: Final[Mapping[str, tuple[float, float]]] = {
    "agrees": (0.6, 2.0),
    "consistent": (0.6, 2.0),
    "judged": (0.6, 3.0),
    "logprob_mean": (-0.3, 1.0),
}
_FARTHEST: Final = 3.0


class Seen(Struct, frozen=True, kw_only=True):
    """An answer: `surface` and `evidence` by name, `words` as (bucket, sign)."""

    surface: Mapping[str, float]
    evidence: Mapping[str, float]
    words: tuple[tuple[int, int], ...]


class _Kept(Struct, frozen=True, array_like=True):
    surface: tuple[float, ...]
    evidence: dict[str, float]
    words: tuple[int, ...]  # bucket + 1, negative for the sign


def read(prompt: str, answer: str | bytes, *, evidence: Mapping[str, float]) -> Seen:
    """Return what is seen of an answer, or what was once seen of it if `answer` is what `features` returned."""
    if isinstance(answer, bytes):
        kept = msgspec.msgpack.decode(answer, type=_Kept)
        words = tuple((abs(code) - 1, 1 if code > 0 else -1) for code in kept.words)
        return Seen(surface=dict(zip(NAMES, kept.surface, strict=True)), evidence=kept.evidence, words=words)
    return Seen(surface=dict(zip(NAMES, surface(prompt, answer), strict=True)), evidence=evidence, words=hashed(answer))


def features(prompt: str, answer: str, *, evidence: Mapping[str, float]) -> bytes:
    """Return what is seen of an answer as bytes."""
    codes = tuple((bucket + 1) * sign for bucket, sign in hashed(answer))
    rounded = {name: round(value, 4) for name, value in evidence.items()}
    return msgspec.msgpack.encode(_Kept(tuple(round(value, 4) for value in surface(prompt, answer)), rounded, codes))


def declared(evidence: Mapping[str, float]) -> float:
    """Return by how much the declared signals move the log odds of an answer, where nothing else is known."""
    total = sum(weight * evidence.get(name, 0.0) for name, weight in _DECLARED.items())
    total += sum(slope * (evidence[name] - middle) for name, (middle, slope) in _CENTRED.items() if name in evidence)
    return max(-2 * _FARTHEST, min(_FARTHEST, total))
