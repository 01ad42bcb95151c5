"""
What each target is expected to do with a prompt, from learned parameters.

Where the capability is known, its own outcomes say how good a target is there, and the prompt only how far it lies from what is usual; how much of that is
believed was measured when the model was fitted. Where it is not, the prompt says all, and the less it is like anything seen the less that is.
"""

from collections.abc import Mapping, Sequence
from math import erfc, sqrt
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from pointsman.decision.prediction.cells import Expected, Outlook
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.model import Guess, Regression, unpacked
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.values import Prediction, Prompt

Array = Any

_CLUELESS: Final = 0.3  # the standard deviation of the quality of a target of which nothing is known
_UNKNOWN: Final = 0.5
_CLOSE: Final = 1e-6


class _Looked(Struct, frozen=True):
    """A prompt as it was looked at: what the model says of it, and how far it lies from what its capability is like (targets); None for one not known."""

    guess: Guess
    apart: Array


class Predictor:
    """
    Predicts from `parameters`, with the `embedder` that they were fitted with; with another one the prompt is not looked at. Safe for several threads.
    """

    def __init__(self, parameters: Parameters, *, embedder: Embedder | None = None) -> None:
        self.parameters = parameters
        self.embedder = embedder
        self._model: Regression | None = None
        self._reader: Embedder | None = None
        self._centres: dict[str, Array] = {}
        if parameters.prompts:
            self._reader = Embedder() if embedder is None else embedder
            model = unpacked(parameters.prompts)
            self._model = Regression(model) if model.embedder == self._reader.name else None
        self._outlook = Outlook(parameters.cells, self._guesses)
        self._last: tuple[tuple[str | bytes, str], _Looked | None] = (("", ""), None)

    def predict(self, prompt: Prompt, targets: Sequence[str]) -> tuple[Prediction, ...]:
        """Return what is expected of each target, in the order of `targets`. A target of which nothing is known has the basis `none`."""
        looked = self._look(prompt)
        return tuple(self._plain(prompt, target) if looked is None else self._closer(prompt, target, looked=looked) for target in targets)

    def features(self, prompt: Prompt) -> bytes:
        """Return what is looked at in a prompt, as numbers that `predict` and `update` take in place of its text; empty where nothing is."""
        if isinstance(prompt.text, bytes):
            return prompt.text
        return b"" if self._reader is None or not prompt.text else self._reader.features(prompt.text)

    def worse_than(self, prompt: Prompt, target: str, *, incumbent: str, loss: float) -> float:
        """
        Return the probability that the target's quality is more than `loss` below that of the incumbent.

        Both are judged together: what makes a prompt hard makes it hard for both. Of a target of which nothing is known it is at least even.
        """
        if target == incumbent:
            return 0.0
        one, other = self.predict(prompt, (target, incumbent))
        variance = one.sd**2 + other.sd**2 - 2 * self._together(target, incumbent) * one.sd * other.sd
        return erfc((one.quality - other.quality + loss) / sqrt(2 * max(variance, _CLOSE**2))) / 2

    def draw(self, prompt: Prompt, targets: Sequence[str], *, rng: Generator, n: int) -> Any:
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
        return _Looked(guess, slopes[0] * common + slopes[1] * (apart - common))

    def _plain(self, prompt: Prompt, target: str) -> Prediction:
        known = self._outlook.of(prompt.capability, target, task=prompt.task)
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
        plain, known = self._plain(prompt, target), self._outlook.of(prompt.capability, target, task=prompt.task)
        model = self._model
        place = None if model is None else model.places.get(target)
        if model is None or place is None or known is None:
            return plain
        guess, noise = looked.guess, float(model.noise[place, place])
        is_known = bool(prompt.capability) and known.n > 0 and prompt.capability in self._centres
        share, beyond = float(guess.share[place]), guess.beyond / model.model.ridge
        if is_known:
            # What is unlike the capability's own prompts is doubtful; the more of those were judged, the more ways to be like them are known.
            quality = known.quality + float(looked.apart[place])
            variance = known.sd**2 + noise * max(model.model.slopes) ** 2 * share * plain.novelty + noise * beyond * plain.novelty**2
        else:
            quality, variance = float(guess.quality[place]), noise * (share + beyond)
        return self._sized(plain, known, sizes=guess.sizes, quality=min(1.0, max(0.0, quality)), sd=sqrt(variance), novelty=guess.beyond)

    @staticmethod
    def _sized(plain: Prediction, known: Expected, *, sizes: Array, quality: float, sd: float, novelty: float) -> Prediction:
        cost, tokens, latency = sizes.tolist()
        return Prediction(
            target=plain.target,
            quality=quality,
            sd=sd,
            cost_nano_usd=None if known.cost_nano_usd is None else known.cost_nano_usd * cost,
            tokens_out=None if known.tokens_out is None else known.tokens_out * tokens,
            latency_s=None if known.latency_s is None else known.latency_s * latency,
            novelty=novelty,
            labels=max(0.0, known.noise / max(sd, _CLOSE) ** 2),
            basis="prompt",
        )

    def _together(self, one: str, other: str) -> float:
        """Return how far what is not known of two targets goes together, −1..1."""
        places = {} if self._model is None else self._model.places
        if one == other:
            return 1.0
        return float(self._model.correlation[places[one], places[other]]) if self._model is not None and one in places and other in places else 0.0
