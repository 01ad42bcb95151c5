"""
What each target is expected to do with a prompt, from learned parameters.
"""

from collections.abc import Sequence
from math import erfc, sqrt
from typing import TYPE_CHECKING, Any, Final

from pointsman.decision.prediction.cells import Outlook
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Prediction, Prompt

if TYPE_CHECKING:
    from numpy.random import Generator

_CLUELESS: Final = 0.3  # the standard deviation of the quality of a target of which nothing is known


class Predictor:
    """Predicts from `parameters`, with the `embedder` that they were fitted with. Safe for several threads: nothing changes after it is made."""

    def __init__(self, parameters: Parameters, *, embedder: object | None = None) -> None:
        self.parameters = parameters
        self.embedder = embedder
        self._outlook = Outlook(parameters.cells)

    def predict(self, prompt: Prompt, targets: Sequence[str]) -> tuple[Prediction, ...]:
        """Return what is expected of each target, in the order of `targets`. A target of which nothing is known has the basis `none`."""
        return tuple(self._plain(prompt, target) for target in targets)

    def features(self, prompt: Prompt) -> bytes:
        """Return what is looked at in a prompt, as numbers that `predict` and `update` take in place of its text; empty where nothing is."""
        return prompt.text if isinstance(prompt.text, bytes) else b""

    def worse_than(self, prompt: Prompt, target: str, incumbent: str, *, loss: float) -> float:
        """Return the probability that the target's quality is more than `loss` below that of the incumbent."""
        one, other = self.predict(prompt, (target, incumbent))
        sd = sqrt(one.sd**2 + other.sd**2)
        return erfc((one.quality - other.quality + loss) / sd / sqrt(2)) / 2 if target != incumbent else 0.0

    def draw(self, prompt: Prompt, targets: Sequence[str], rng: "Generator", n: int) -> Any:
        """Return `n` draws from what the quality of each target may be, an array of shape (n, targets) in 0..1."""
        found = self.predict(prompt, targets)
        return rng.normal([one.quality for one in found], [one.sd for one in found], size=(n, len(found))).clip(0.0, 1.0)

    def _plain(self, prompt: Prompt, target: str) -> Prediction:
        known = self._outlook.of(prompt.capability, target, task=prompt.task)
        if known is None:
            return Prediction(target=target, quality=0.5, sd=_CLUELESS)
        return Prediction(
            target=target,
            quality=known.quality,
            sd=known.sd,
            cost_nano_usd=known.cost_nano_usd,
            tokens_out=known.tokens_out,
            latency_s=known.latency_s,
            novelty=1 / (1 + known.n),
            labels=known.n,
            basis="capability",
        )
