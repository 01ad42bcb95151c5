"""
What capabilities show without a look at the prompt: outcomes, costs, lengths and times per capability and target, each drawn towards what is known of the
task and of the target elsewhere, as far as its own evidence is thin.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, log, log1p, sqrt
from typing import Final

from msgspec import Struct

from pointsman.decision.prediction.parameters import Cell, Moments
from pointsman.decision.prediction.values import Label

_STRENGTH: Final = 8.0  # outcomes that a first guess is worth
_UNKNOWN: Final = 0.5
_NOISE: Final = 0.2  # variance of a score about its mean, until scores tell
_SHORTEST_S: Final = 1e-3


class Expected(Struct, frozen=True):
    """What a target is expected to do in a capability; `n` outcomes of the capability itself."""

    quality: float
    sd: float
    n: float
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


class Outlook:
    """What is expected of each target, worked out once for all capabilities that were seen."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        overall = _grouped(cells, lambda cell: (cell.target,))
        tasks = _grouped((cell for cell in cells if cell.task), lambda cell: (cell.task, cell.target))
        self._overall = {key: _expected(cell, None) for key, cell in overall.items()}
        self._tasks = {key: _expected(cell, self._overall[key[1],]) for key, cell in tasks.items()}
        self._own = {(cell.capability, cell.target): _expected(cell, self._first(cell.task, cell.target)) for cell in cells}

    def of(self, capability: str, target: str, *, task: str = "") -> Expected | None:
        """Return what is expected, from the closest that is known; None of a target that was never seen."""
        return self._own.get((capability, target)) or self._first(task, target)

    def _first(self, task: str, target: str) -> Expected | None:
        return self._tasks.get((task, target)) or self._overall.get((target,))


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


def _expected(cell: Cell, first: Expected | None) -> Expected:
    guess, scores = (first.quality if first else _UNKNOWN), cell.scores
    quality = (scores.total + _STRENGTH * guess) / (scores.n + _STRENGTH)
    noise = (scores.spread + _STRENGTH * _NOISE) / (scores.n + _STRENGTH)
    return Expected(
        quality,
        sqrt(noise / (scores.n + _STRENGTH)),
        scores.n,
        _size(cell.paid, first.cost_nano_usd if first else None),
        _size(cell.wrote, first.tokens_out if first else None),
        _length(cell.took, first.latency_s if first else None),
    )


def _size(moments: Moments, guess: float | None) -> float | None:
    return guess if moments.n == 0 else exp(moments.mean + moments.spread / moments.n / 2) - 1


def _length(moments: Moments, guess: float | None) -> float | None:
    return guess if moments.n == 0 else exp(moments.mean + moments.spread / moments.n / 2)
