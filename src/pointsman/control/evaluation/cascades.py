"""
Cascades between the two ends: the cheapest model answers, its answer is looked at, and the best single one is asked too where that is expected to pay.
"""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.assess.signals import of_text
from pointsman.control.evaluation.engine import Expected
from pointsman.control.evaluation.grid import Floats, Grid
from pointsman.control.evaluation.lines import Ends, Line
from pointsman.decision.answers.cascade import TOGETHER, Step, learned_of
from pointsman.decision.answers.fitting import Judged, fit_verifier
from pointsman.decision.answers.verifier import Verifier

_FOLDS: Final = 5
_MOST_LABELS: Final = 4_000  # of a verifier: more teach it little
_OWN: Final = 100  # labels from which on a capability has a verifier of its own
_LEAST: Final = 10
_MOST_TOGETHER: Final = 0.9
_STEPS: Final = 101
ALL: Final = ""


class Seen(Struct, frozen=True, kw_only=True):
    """What is believed after the cheap answer was seen, by prompt: of that answer, and of the one that the best single model would give."""

    cheap: Floats
    best: Floats

    @property
    def gain(self) -> Floats:
        """How much better the other answer is expected to be."""
        return self.best - self.cheap


def has_answers(grid: Grid, weak: int) -> bool:
    """Tell whether the cheapest model's answers are known on enough prompts to learn from them."""
    return sum(1 for _, model in grid.answers if model == weak) >= _LEAST


def verifiers(grid: Grid, crossed: Expected, *, ends: Ends, seed: int) -> dict[str, bytes]:
    """
    Return what was learned of the cheapest model's answers, by capability; under no name, from all of them. `crossed` are predictions of prompts that were
    not learned from: what was would be believed too much.
    """
    groups: dict[str, list[Judged]] = {ALL: []}
    order: list[int] = np.random.default_rng(seed).permutation(len(grid.prompts)).tolist()
    for row in order:
        judged = _judged(grid, row, ends=ends, prior=crossed.quality[row])
        if judged is not None:
            groups[ALL].append(judged)
            if grid.capabilities[row]:
                groups.setdefault(grid.capabilities[row], []).append(judged)
    return {name: fit_verifier(group[:_MOST_LABELS], seed=seed) for name, group in groups.items() if name == ALL or len(group) >= _OWN}


def _judged(grid: Grid, row: int, *, ends: Ends, prior: Floats) -> Judged | None:
    prompt, answer = grid.prompts[row], grid.answers.get((row, ends.weak))
    score, other = float(grid.score[row, ends.weak]), float(grid.score[row, ends.strong])
    if answer is None or isnan(score):
        return None
    onward = None if isnan(other) else (other, float(prior[ends.strong]))
    return Judged(score=score, prior=float(prior[ends.weak]), prompt=prompt, answer=answer, evidence=of_text(prompt, answer), onward=onward)


def crossed(grid: Grid, predicted: Expected, *, ends: Ends, correlation: float, seed: int) -> Seen:
    """Return what is believed of each prompt of a grid, all of whose cheap answers are known, by what the others teach. `predicted` is so, too."""
    parts = np.random.default_rng(seed).permutation(len(grid.prompts)) % _FOLDS
    cheap, best = np.zeros(len(parts)), np.zeros(len(parts))
    for part in range(_FOLDS):
        own, others = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        learned = verifiers(grid.at(others), predicted.at(others), ends=ends, seed=seed)
        found = seen(learned, asked_of(grid.at(own), ends.weak), expected=predicted.at(own), ends=ends, correlation=correlation)
        cheap[own], best[own] = found.cheap, found.best
    return Seen(cheap=cheap, best=best)


def asked_of(grid: Grid, weak: int) -> list[tuple[str, str, str]]:
    """Return prompt, capability and cheap answer of each; no text where it is not known."""
    return [(prompt, name, grid.answers.get((row, weak), "")) for row, (prompt, name) in enumerate(zip(grid.prompts, grid.capabilities, strict=True))]


def together(score: Floats, crossed: Expected, *, ends: Ends) -> float:
    """Return how much the two ends succeed together beyond what was predicted of each: the correlation of what predictions miss, at least 0."""
    columns = [ends.weak, ends.strong]
    missed: Floats = (score - crossed.quality)[:, columns]
    both = missed[~np.isnan(missed).any(axis=1)]
    if len(both) < _LEAST or not both.std(axis=0).all():
        return TOGETHER
    one, other = both[:, 0] - both[:, 0].mean(), both[:, 1] - both[:, 1].mean()
    return float(np.clip((one * other).mean() / (one.std() * other.std()), 0.0, _MOST_TOGETHER))


def seen(learned: Mapping[str, bytes], asked: Sequence[tuple[str, str, str]], *, expected: Expected, ends: Ends, correlation: float) -> Seen:
    """Return what is believed after the cheap answers. `asked` is prompt, capability and answer of each."""
    known = {name: Verifier(kept) for name, kept in learned.items()}
    cheap: list[float] = []
    best: list[float] = []
    for row, (prompt, capability, answer) in enumerate(asked):
        prior, other = float(expected.quality[row, ends.weak]), float(expected.quality[row, ends.strong])
        verifier = known.get(capability) or known[ALL]
        evidence = of_text(prompt, answer)
        right, _ = verifier.right(prompt, answer, evidence=evidence, prior=prior)
        ahead = verifier.onward(prompt, answer, evidence=evidence, prior=other)
        first, then = Step(target="first", right=prior), Step(target="then", right=other)
        cheap.append(right)
        best.append(learned_of(then, after=first, right=right, together=correlation).right if ahead is None else ahead)
    return Seen(cheap=np.array(cheap), best=np.array(best))


def line(believed: Seen, score: Floats, *, spent: Floats, ends: Ends) -> Line:
    """Return the line of the cascade. `score` and `spent` (n, m) are the models' own: the cheap answer is always paid."""
    gain = believed.gain
    limits = np.unique(np.quantile(gain, np.linspace(0.0, 1.0, _STEPS)))
    calls = np.array([gain >= limit for limit in limits] + [np.zeros_like(gain, dtype=bool)])
    cheap, best = score[:, ends.weak], score[:, ends.strong]
    quality, cost = np.where(calls, best, cheap), spent[:, ends.weak] + calls * spent[:, ends.strong]
    return Line(name="cascade", quality=quality, cost=cost)
