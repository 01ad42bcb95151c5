"""
How probable it is that an answer is right: what was believed before, moved by what is seen of the answer, as far as labels bear it out.

Without labels only declared signals count, cautiously. With labels a logistic regression and small trees correct that start, each shrunk towards it; they are
put together by how well they did on labels that they had not seen (`fitting`). Pure; numpy is loaded only where something was learned.
"""

from collections.abc import Mapping
from importlib import import_module
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any, Final

from pointsman.decision.answers.learnt import Learnt, decode
from pointsman.decision.answers.seen import Seen, declared, features, read
from pointsman.decision.answers.steps import TOGETHER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PRIOR: Final = "prior"  # the column of what was believed before, in log odds
MISSING: Final = "?"  # before the name of a signal: whether it could not be read
CLIP: Final = 4.0  # standard deviations beyond which an input is taken for less
UNSEEN: Final = 0.6  # strength of the declared signals, where no label has told
_DOUBT: Final = 0.9  # standard deviation of the log odds, where nothing was learned
_LEAST: Final = 1e-4


class Verifier:
    """
    Judges answers of one capability. `learned` is what `fit_verifier` returned, or `b""`.

    `strength` is how well its look tells good from bad beyond what was believed before (AUROC), `together` how far the successes of two targets go together.
    `next_target` is whom `onward` is about, empty where it was learned without names, or not at all.
    """

    def __init__(self, learned: bytes = b"") -> None:
        learnt = decode(learned)
        self._model = None if learnt is None else _Model(learnt)
        ahead = None if learnt is None else decode(learnt.onward)
        self._ahead = None if ahead is None else _Model(ahead)
        self.strength = UNSEEN if learnt is None else learnt.strength
        self.together = TOGETHER if learnt is None or learnt.together is None else learnt.together
        self.labels = 0.0 if learnt is None else learnt.labels
        self.next_target = "" if learnt is None else learnt.next_target
        self._last: tuple[tuple[str, str | bytes, Mapping[str, float]], Seen] | None = None

    def right(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float], prior: float) -> tuple[float, float]:
        """
        Return the probability that the answer is right, and its standard deviation. `prior` is what was predicted from the prompt alone.

        Instead of the answer's text, what `features` returned may be given; then prompt and evidence are in it.
        """
        seen = self._look(prompt, answer, evidence=evidence)
        start = log_odds(prior) + declared(seen.evidence)
        chance, doubt = (_chance(start), _DOUBT) if self._model is None else self._model.judge(seen, start=start, prior=prior)
        return chance, max(chance * (1 - chance) * doubt, _LEAST)

    def onward(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float], prior: float) -> float | None:
        """
        Return the probability that the next target is right on a prompt whose answer was looked at; None where that was not learned.

        `prior` is what was predicted of the next target from the prompt alone. An answer tells of what both find hard, and of what only its own target does.
        """
        return None if self._ahead is None else self._ahead.judge(self._look(prompt, answer, evidence=evidence), start=log_odds(prior), prior=prior)[0]

    def features(self, prompt: str, answer: str, *, evidence: Mapping[str, float]) -> bytes:
        """Return what may be kept of an answer to learn from it later: numbers and hashed words, from which no sentence can be read."""
        return features(prompt, answer, evidence=evidence)

    def _look(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float]) -> Seen:
        """Look at an answer; the last one is remembered, for whoever asks of it asks of the next target too."""
        asked, last = (prompt, answer, evidence), self._last
        if last is not None and last[0] == asked:
            return last[1]
        seen = read(prompt, answer, evidence=evidence)
        if self._ahead is not None:
            self._last = (asked, seen)
        return seen


def log_odds(chance: float) -> float:
    """Return the log odds of a probability, kept off the ends."""
    sure = min(max(chance, _LEAST), 1 - _LEAST)
    return log(sure / (1 - sure))


def dense(seen: Seen, *, prior: float) -> dict[str, float]:
    """Return the named inputs of an answer, its missing signals left out."""
    return {**seen.surface, **seen.evidence, PRIOR: log_odds(prior)}


class _Model:
    """The numbers of a verifier, laid out for judging one answer at a time."""

    def __init__(self, learnt: Learnt) -> None:
        self._np = np = import_module("numpy")
        self._columns = learnt.columns
        self._places = {name: place for place, name in enumerate(learnt.columns)}
        self._mean, self._scale, self._slope, self._words = (
            np.frombuffer(kept, dtype="<f4").astype(float) for kept in (learnt.mean, learnt.scale, learnt.slope, learnt.words)
        )
        count = len(learnt.columns) + 1
        self._doubt: Numbers = np.frombuffer(learnt.doubt, dtype="<f4").astype(float).reshape(count, count)
        self._feature: Any = np.frombuffer(learnt.feature, dtype="<i2").astype(int).reshape(-1, 3)
        self._cut: Numbers = np.frombuffer(learnt.cut, dtype="<f4").astype(float).reshape(-1, 3)
        self._leaf: Numbers = np.frombuffer(learnt.leaf, dtype="<f4").astype(float).reshape(-1, 4)
        self._blend = learnt.blend
        self._knots = tuple(zip(*learnt.knots, strict=True)) if learnt.knots else None

    def judge(self, seen: Seen, *, start: float, prior: float) -> tuple[float, float]:
        """Return the probability of a good answer, and the standard deviation of its log odds."""
        np = self._np
        inputs = self._inputs(seen, prior=prior)
        line = np.append(inputs, 1.0)
        linear = float(line @ self._slope) + self._said(seen)
        trees = self._fall(inputs)
        shift, start_weight, linear_weight, tree_weight = self._blend
        value = shift + start_weight * start + linear_weight * linear + tree_weight * trees
        doubt = sqrt(max(float(line @ self._doubt @ line), 0.0) + ((linear - trees) / 2) ** 2 * min(linear_weight, tree_weight))
        chance = _chance(value)
        if self._knots is not None:
            chance = (chance + float(np.interp(value, *self._knots))) / 2
        return chance, doubt

    def _inputs(self, seen: Seen, *, prior: float) -> "Numbers":
        named = dense(seen, prior=prior)
        missing = float("nan")
        row = self._np.array([float(name[1:] not in named) if name[0] == MISSING else named.get(name, missing) for name in self._columns])
        scaled = (row - self._mean) / self._scale
        return self._np.nan_to_num(scaled).clip(-CLIP, CLIP)

    def _said(self, seen: Seen) -> float:
        if not len(self._words) or not seen.words:
            return 0.0
        return float(sum(self._words[bucket] * sign for bucket, sign in seen.words)) / sqrt(len(seen.words))

    def _fall(self, inputs: "Numbers") -> float:
        if not len(self._feature):
            return 0.0
        right = inputs[self._feature] > self._cut  # (trees, 3): each question's answer
        second = self._np.where(right[:, 0], right[:, 2], right[:, 1])
        return float(self._leaf[self._np.arange(len(right)), 2 * right[:, 0] + second].sum())


def _chance(value: float) -> float:
    return 1 / (1 + exp(-min(max(value, -30.0), 30.0)))
