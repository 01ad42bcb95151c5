"""
What is asked of a prediction, what it is learned from, and what it says. Values only: no arrays, so that reading them costs the gateway nothing.
"""

from typing import Final, Literal

from msgspec import Struct

Basis = Literal["none", "capability", "prompt", "answer"]
"""What a prediction rests on: nothing, outcomes of the capability, the prompt as well, or the answer as well."""

_BOUND: Final = 1.6449  # of a normal distribution, 5 % lie above


class Prompt(Struct, frozen=True, kw_only=True):
    """What is to be answered: its text, or the bytes that `Predictor.features` made of it. `tokens_in` is the length that the target is charged for."""

    text: str | bytes = ""
    capability: str = ""
    task: str = ""
    tokens_in: int | None = None


class Label(Struct, frozen=True, kw_only=True):
    """
    What came of one prompt at one target. `score` 0..1, or None where nobody judged: cost, length and latency are learned all the same.

    `weight` is what the label counts (a doubtful grader less than 1; a label drawn with a probability may count more). `at_ms` is when it was told.
    """

    prompt: Prompt
    target: str
    score: float | None = None
    cost_nano_usd: int | None = None
    tokens_out: int | None = None
    latency_s: float | None = None
    weight: float = 1.0
    at_ms: int = 0


class Prediction(Struct, frozen=True, kw_only=True):
    """
    What a target is expected to do with a prompt. `quality` is the expected score, `sd` how far that expectation may be off; None is unknown.

    `novelty` is 0 where much like it was seen and 1 where nothing was. `labels` is how many outcomes the expectation is worth.
    """

    target: str
    quality: float
    sd: float
    cost_nano_usd: float | None = None
    tokens_out: float | None = None
    latency_s: float | None = None
    novelty: float = 1.0
    labels: float = 0.0
    basis: Basis = "none"

    @property
    def low(self) -> float:
        """The quality that is exceeded with 95 %: with `high`, an interval of 90 %."""
        return max(0.0, self.quality - _BOUND * self.sd)

    @property
    def high(self) -> float:
        """The quality that is not exceeded with 95 %."""
        return min(1.0, self.quality + _BOUND * self.sd)
