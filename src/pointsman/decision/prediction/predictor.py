"""
What each target is expected to do with a prompt, from learned parameters.

Where the capability is known, its own outcomes say how good a target is there, and the prompt only how far it lies from what is usual; how much of that is
believed was measured when the model was fitted. Where it is not, the prompt says all, and the less it is like anything seen the less that is.
"""

from collections.abc import Mapping, Sequence
from math import erfc, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from msgspec import Struct

from pointsman.decision.prediction.cells import Expected, Outlook
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.model import Guess, Regression, unpacked
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Prediction, Prompt

if TYPE_CHECKING:
    from numpy.random import Generator

Array = Any

_CLUELESS: Final = 0.3  # the standard deviation of the quality of a target of which nothing is known
_UNKNOWN: Final = 0.5
_CLOSE: Final = 1e-6


class _Looked(Struct, frozen=True):
    """
    A prompt as it was looked at, by targets in the model's order: the quality that is expected if its capability is not known, how far it lies from what
    the capability is like, and how far that may be off as a share of the noise's variance. `novelty` is how little it is like anything seen, 0..1.
    """

    quality: list[float]
    apart: list[float]
    share: list[float]
    novelty: float
    sizes: list[float]


class Predictor:
    """
    Predicts from `parameters`, with the `embedder` that they were fitted with; with another one the prompt is not looked at. Safe for several threads.

    Where nothing was learned of prompts, they are read only if `reads`: so that what is kept of them can be learned from.
    """

    def __init__(self, parameters: Parameters, *, embedder: Embedder | None = None, reads: bool = False) -> None:
        self.parameters = parameters
        self.embedder = embedder
        self._model: Regression | None = None
        self._reader: Embedder | None = None
        self._centres: dict[str, Array] = {}
        if parameters.prompts or reads:
            self._reader = Embedder() if embedder is None else embedder
        if parameters.prompts and self._reader is not None:
            model = unpacked(parameters.prompts)
            self._model = Regression(model) if model.embedder == self._reader.name else None
        self._outlook = Outlook(parameters.cells, self._guesses)
        self._last: tuple[tuple[str | bytes, str], _Looked | None] = (("", ""), None)

    def predict(self, prompt: Prompt, targets: Sequence[str]) -> tuple[Prediction, ...]:
        """Return what is expected of each target, in the order of `targets`. A target of which nothing is known has the basis `none`."""
        looked = self._look(prompt)
        if looked is not None:
            return tuple([self._closer(prompt, target, looked=looked) for target in targets])
        return tuple([self._plain(target, self._outlook.of(prompt.capability, target, task=prompt.task)) for target in targets])

    def features(self, prompt: Prompt, *, is_kept: bool = True) -> bytes:
        """
        Return what is looked at in a prompt, as numbers that `predict` and `update` take in place of its text; empty where nothing is.

        Where nothing was learned of prompts, one is looked at only if that `is_kept`.
        """
        if isinstance(prompt.text, bytes):
            return prompt.text
        is_idle = self._model is None and not is_kept
        return b"" if self._reader is None or is_idle or not prompt.text else self._reader.features(prompt.text)

    def looks_at(self, prompt: Prompt) -> bool:
        """Tell whether this prompt is looked at, if any is: not so what another embedder made of one, or where nothing was kept of it."""
        return self._model is None or self._look(prompt) is not None

    def worse_than(self, prompt: Prompt, target: str, *, incumbent: str, loss: float) -> float:
        """
        Return the probability that the target's quality is more than `loss` below that of the incumbent.

        Both are judged together: what makes a prompt hard makes it hard for both. Of a target of which nothing is known it is at least even.
        """
        if target == incumbent:
            return 0.0
        one, other = self.predict(prompt, (target, incumbent))
        return self.falls_short(one, other, loss=loss)

    def falls_short(self, one: Prediction, other: Prediction, *, loss: float) -> float:
        """Return the probability that one target's quality is more than `loss` below another's, by what is predicted of both for one prompt."""
        variance = one.sd**2 + other.sd**2 - 2 * self._together(one.target, other.target) * one.sd * other.sd
        return erfc((one.quality - other.quality + loss) / sqrt(2 * max(variance, _CLOSE**2))) / 2

    def draw(self, prompt: Prompt, targets: Sequence[str], *, rng: "Generator", n: int) -> Any:
        """Return `n` draws from what the quality of each target may be, an array of shape (n, targets) in 0..1."""
        found = self.predict(prompt, targets)
        together = np.array([[self._together(one, other) for other in targets] for one in targets])
        root = np.linalg.cholesky(together + _CLOSE * np.eye(len(found)))
        drawn = rng.standard_normal((n, len(found))) @ root.T * np.array([one.sd for one in found]) + np.array([one.quality for one in found])
        return drawn.clip(0.0, 1.0)

    # ── how ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _guesses(self, capability: str) -> Mapping[str, float]:
        """Return what the model of prompts expects of a capability, and keep it: it is what a prompt's distance is measured from."""
        middle = None if self._model is None else self._model.centre(capability)
        if self._model is None or middle is None:
            return {}
        self._centres[capability] = middle
        return dict(zip(self._model.model.targets, np.clip(middle, 0, 1).tolist(), strict=True))

    def _look(self, prompt: Prompt) -> _Looked | None:
        """Look at a prompt; the last one is remembered, for one choice asks several times."""
        if self._model is None or self._reader is None or not prompt.text:
            return None
        key = (prompt.text, prompt.capability)
        last = self._last
        if last[0] == key:
            return last[1]
        numbers = self._reader.numbers(self._reader.features(prompt.text))
        looked = None if numbers is None else self._seen(self._model.guess(numbers), prompt.capability, slopes=self._model.model.slopes)
        self._last = (key, looked)
        return looked

    def _seen(self, guess: Guess, capability: str, *, slopes: tuple[float, float]) -> _Looked:
        middle = self._centres.get(capability)
        apart = guess.quality if middle is None else guess.quality - middle
        common = apart.mean()
        believed = slopes[0] * common + slopes[1] * (apart - common)
        return _Looked(guess.quality.tolist(), believed.tolist(), guess.share.tolist(), guess.novelty, guess.sizes.tolist())

    def _plain(self, target: str, known: Expected | None) -> Prediction:
        if known is None:
            return Prediction(target=target, quality=_UNKNOWN, sd=_CLUELESS)
        return Prediction(
            target=target,
            quality=known.quality,
            sd=known.sd,
            cost_nano_usd=known.cost_nano_usd,
            tokens_out=known.tokens_out,
            latency_s=known.latency_s,
            novelty=self._outlook.strength / (self._outlook.strength + known.n),
            labels=known.n,
            basis="capability",
        )

    def _closer(self, prompt: Prompt, target: str, *, looked: _Looked) -> Prediction:
        """Look at the prompt as well."""
        known, model = self._outlook.of(prompt.capability, target, task=prompt.task), self._model
        place = None if model is None else model.places.get(target)
        if model is None or place is None or known is None:
            return self._plain(target, known)
        variance = model.variances[place] * looked.share[place]
        if known.n > 0 and prompt.capability in self._centres:
            # What is unlike the capability's own prompts is doubtful; the more of those were judged, the more ways to be like them are known.
            doubt = self._outlook.strength / (self._outlook.strength + known.n)
            quality = known.quality + looked.apart[place]
            variance = known.sd**2 + doubt * variance
        else:
            quality = looked.quality[place]
        cost, tokens, latency = looked.sizes
        return Prediction(
            target=target,
            quality=min(1.0, max(0.0, quality)),
            sd=sqrt(variance),
            cost_nano_usd=_times(known.cost_nano_usd, cost),
            tokens_out=_times(known.tokens_out, tokens),
            latency_s=_times(known.latency_s, latency),
            novelty=looked.novelty,
            labels=known.noise / max(variance, _CLOSE),
            basis="prompt",
        )

    def _together(self, one: str, other: str) -> float:
        """Return how far what is not known of two targets goes together, −1..1."""
        places = {} if self._model is None else self._model.places
        if one == other:
            return 1.0
        return float(self._model.correlation[places[one], places[other]]) if self._model is not None and one in places and other in places else 0.0


def _times(usual: float | None, factor: float) -> float | None:
    return None if usual is None else usual * factor
