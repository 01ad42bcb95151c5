"""
How probable it is that an answer is right: what was believed before, moved by what is seen of the answer, as far as labels bear it out. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.decision.answers.features import surface

_UNSURE: Final = 0.15


class Judged(Struct, frozen=True, kw_only=True):
    """
    An answer whose worth is known. `prompt` and `answer` are texts, or `features` is what `Verifier.features` once made of them.

    `prior` is the probability of a good answer that was predicted from the prompt alone; `evidence` is that of its grade; `score` in 0..1.
    """

    score: float
    prior: float
    prompt: str = ""
    answer: str = ""
    evidence: Mapping[str, float] = {}
    features: bytes | None = None
    weight: float = 1.0


def fit_verifier(labels: Sequence[Judged], *, seed: int = 0) -> bytes:
    """Return what a `Verifier` is made of, learned from the labels of one capability; few labels move little."""
    return b""


class Verifier:
    """Judges answers of one capability. Without anything learned (`b""`) it goes by the declared signals, cautiously."""

    strength: float = 0.5

    def __init__(self, learned: bytes = b"") -> None:
        self._learned = learned

    def right(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float], prior: float) -> tuple[float, float]:
        """Return the probability that the answer is right, and its standard deviation. `answer` may be what `features` returned."""
        return prior, _UNSURE

    def features(self, prompt: str, answer: str, *, evidence: Mapping[str, float]) -> bytes:
        """Return what may be kept of an answer to learn from it later: numbers, no words."""
        return b"".join(round(number * 100).to_bytes(4, signed=True) for number in surface(prompt, answer))
