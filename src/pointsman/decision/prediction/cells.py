"""
What capabilities show without a look at the prompt: outcomes, costs, lengths and times per capability and target, each drawn towards what is known of the
task and of the target elsewhere, as far as its own evidence is thin.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, log, log1p, sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.decision.prediction.parameters import Cell, Moments
from pointsman.decision.prediction.values import Label

_STRENGTH: Final = 8.0  # outcomes that a first guess is worth
_UNKNOWN: Final = 0.5
_NOISE: Final = 0.2  # variance of a score about its mean, until scores tell
_SHORTEST_S: Final = 1e-3
_FEW: Final = 3  # outcomes from which a capability tells how far capabilities differ
_OWN: Final = 4.0  # capabilities that tell as much of how far those of one target differ as all targets together do
_WEAKEST: Final = 3.0
_WEAKEST_OWN: Final = 1.0
_STRONGEST: Final = 60.0

Guesses = Callable[[str], Mapping[str, float]]


class Expected(Struct, frozen=True):
    """What a target is expected to do in a capability; `n` outcomes of the capability itself, `noise` the variance of one about its mean."""

    quality: float
    sd: float
    n: float
    noise: float
    cost_nano_usd: float | None
    tokens_out: float | None
    latency_s: float | None


def counted(cells: Iterable[Cell], labels: Sequence[Label]) -> tuple[Cell, ...]:
    """Return the cells with the labels added, in the order of their names."""
    found = {(cell.capability, cell.target): cell for cell in cells}
    for label in labels:
        key = (label.prompt.capability, label.target)
        old = found.get(key) or Cell(capability=key[0], task=label.prompt.task, target=key[1])
        found[key] = _plus(old, label)
    return tuple(found[key] for key in sorted(found))


def _plus(cell: Cell, label: Label) -> Cell:
    weight = label.weight
    return Cell(
        capability=cell.capability,
        task=label.prompt.task or cell.task,
        target=cell.target,
        scores=_with(cell.scores, label.score, weight=weight),
        paid=_with(cell.paid, None if label.cost_nano_usd is None else log1p(label.cost_nano_usd), weight=1.0),
        wrote=_with(cell.wrote, None if label.tokens_out is None else log1p(label.tokens_out), weight=1.0),
        took=_with(cell.took, None if label.latency_s is None else log(max(label.latency_s, _SHORTEST_S)), weight=1.0),
    )


def _with(moments: Moments, value: float | None, *, weight: float) -> Moments:
    return moments if value is None else moments.plus(Moments(weight, weight * value, weight * value * value))


def _no_guesses(_: str) -> Mapping[str, float]:
    return {}


class Outlook:
    """
    What is expected of each target, worked out once for all capabilities that were seen. `guesses` tells of a capability what to expect of targets before its
    own outcomes count, where something better is known than what they reach on the whole.
    """

    def __init__(self, cells: Sequence[Cell], guesses: Guesses = _no_guesses) -> None:
        overall = _grouped(cells, lambda cell: (cell.target,))
        tasks = _grouped((cell for cell in cells if cell.task), lambda cell: (cell.task, cell.target))
        self._overall = {key: _expected(cell, None, strength=_STRENGTH) for key, cell in overall.items()}
        within, apart, own = _differing(cells, {target: known.quality for (target,), known in self._overall.items()})
        self.strength = min(_STRONGEST, max(_WEAKEST, within / max(apart, within / _STRONGEST)))
        self._tasks = {key: _expected(cell, self._overall[key[1],], strength=self.strength) for key, cell in tasks.items()}
        self._own = {
            (cell.capability, cell.target): _expected(
                cell, self._first(cell.task, cell.target), apart=own.get(cell.target, apart), guess=guesses(cell.capability).get(cell.target)
            )
            for cell in cells
        }

    def of(self, capability: str, target: str, *, task: str = "") -> Expected | None:
        """Return what is expected, from the closest that is known; None of a target that was never seen."""
        return self._own.get((capability, target)) or self._first(task, target)

    def _first(self, task: str, target: str) -> Expected | None:
        """Return what is expected of a target in a capability of which nothing is known: as on the whole, but less surely, for capabilities differ."""
        found = self._tasks.get((task, target)) or self._overall.get((target,))
        return None if found is None else replace(found, sd=sqrt(found.sd**2 + found.noise / self.strength), n=0.0)


def _differing(cells: Sequence[Cell], overall: Mapping[str, float]) -> tuple[float, float, Mapping[str, float]]:
    """
    Return the variance of scores within capabilities, and by their moments that of the means of capabilities: of all targets, and of each.

    Some targets are good at everything, others at little: the second tell more by a few outcomes. What a target shows of that is drawn to what all show.
    """
    told: dict[str, list[Moments]] = {}
    for cell in cells:
        if cell.scores.n >= _FEW:
            told.setdefault(cell.target, []).append(cell.scores)
    within = _within([scores for each in told.values() for scores in each], _NOISE)
    between = {target: _between(each, overall[target], within=_within(each, within)) for target, each in told.items()}
    total, count = sum(between.values()), sum(map(len, told.values()))
    apart = max((total + _FEW * _NOISE / _STRENGTH) / (count + _FEW), within / _STRONGEST)
    return within, apart, {target: (between[target] + _OWN * apart) / (len(each) + _OWN) for target, each in told.items()}


def _within(told: Sequence[Moments], guess: float) -> float:
    return (sum(scores.spread for scores in told) + _STRENGTH * guess) / (sum(scores.n - 1 for scores in told) + _STRENGTH)


def _between(told: Sequence[Moments], middle: float, *, within: float) -> float:
    return sum((scores.mean - middle) ** 2 - within / scores.n for scores in told)


def _grouped(cells: Iterable[Cell], key: Callable[[Cell], tuple[str, ...]]) -> Mapping[tuple[str, ...], Cell]:
    found: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        old = found.get(key(cell), Cell(capability="", task=cell.task, target=cell.target))
        found[key(cell)] = Cell(
            capability="",
            task=cell.task,
            target=cell.target,
            scores=old.scores.plus(cell.scores),
            paid=old.paid.plus(cell.paid),
            wrote=old.wrote.plus(cell.wrote),
            took=old.took.plus(cell.took),
        )
    return found


def _expected(cell: Cell, first: Expected | None, *, strength: float = 0.0, apart: float = 0.0, guess: float | None = None) -> Expected:
    """Return what is expected. `strength` is how many outcomes the first guess is worth; 0: what follows from how far it may be `apart` (a variance)."""
    scores = cell.scores
    if guess is None:
        guess = first.quality if first else _UNKNOWN
    noise = (scores.spread + _STRENGTH * (first.noise if first else _NOISE)) / (scores.n + _STRENGTH)
    if not strength:
        strength = min(_STRONGEST, max(_WEAKEST_OWN, noise / max(apart, noise / _STRONGEST)))
    return Expected(
        (scores.total + strength * guess) / (scores.n + strength),
        sqrt(noise / (scores.n + strength)),
        scores.n,
        noise,
        _size(cell.paid, first.cost_nano_usd if first else None),
        _size(cell.wrote, first.tokens_out if first else None),
        _length(cell.took, first.latency_s if first else None),
    )


def distances(outlook: Outlook, labels: Iterable[Label]) -> list[tuple[float | None, ...]]:
    """Return the logarithms of what each label cost, of its tokens and of its seconds, less what was expected of its capability."""
    found: list[tuple[float | None, ...]] = []
    for label in labels:
        known = outlook.of(label.prompt.capability, label.target, task=label.prompt.task)
        told = (label.cost_nano_usd, label.tokens_out, label.latency_s)
        usual = (None, None, None) if known is None else (known.cost_nano_usd, known.tokens_out, known.latency_s)
        found.append(tuple(_ratio(one, other) for one, other in zip(told, usual, strict=True)))
    return found


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None or one <= 0 or other <= 0 else log(one / other)


def _size(moments: Moments, guess: float | None) -> float | None:
    return guess if moments.n == 0 else exp(moments.mean + moments.spread / moments.n / 2) - 1


def _length(moments: Moments, guess: float | None) -> float | None:
    return guess if moments.n == 0 else exp(moments.mean + moments.spread / moments.n / 2)
