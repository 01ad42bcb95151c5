"""
Ways over several rungs: how much an answer must be worth for a way to be as good as the incumbent, and the way that is then the best.

A target whose answers are checked may go first although it is worse than the incumbent: what counts is the quality of the way as a whole. Its price of quality
is found as the least at which the best way (`answers.cascade`) still loses no more against the incumbent than the owner allows, with a margin for what is not
known of the targets on its share of the answers. Where the owner says that an answer is worth more, it is. Pure.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.routing import Criteria
from pointsman.decision.answers.cascade import Stakes, Step, plan
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.value import Candidate, Scale, deviations

# What a right answer is worth, as multiples of what the incumbent's costs: below the first nothing is checked, at the last everything goes to the best.
_LEVELS: Final = tuple(2.0**power for power in range(-2, 11))
_DIGITS: Final = 2


class Way(Struct, frozen=True):
    """The targets to try in this order, and what a right answer is worth by which it is the best order."""

    order: tuple[str, ...]
    worth_nano_usd: float


class Terms(Struct, frozen=True, kw_only=True):
    """Of a way: by how much it may be worse than the `incumbent`, how sure that must be, whose answers are `checked`, and who `may_end` it."""

    incumbent: str
    loss: float
    sure: float
    checked: frozenset[str]
    may_end: frozenset[str]


class _KindStep(Struct, frozen=True):
    """A step up to rounding: its quality, its price in units of the incumbent's, what is not known of its quality."""

    right: float
    price: float
    unknown: float
    is_checked: bool
    may_end: bool


class _Kind(Struct, frozen=True):
    """What the worth follows from, up to rounding."""

    steps: tuple[_KindStep, ...]
    incumbent: int
    strength: float
    together: float
    loss: float
    z: float


class _Planned(Struct, frozen=True):
    """A way by places of steps, its price in units of the incumbent's, and the probability that what is given is right."""

    order: tuple[int, ...]
    price: float
    right: float


def stakes_told(criteria: Criteria) -> Stakes:
    """Return what is at stake by the owner's word."""
    return Stakes(
        value_nano_usd=float(criteria.value_nano_usd),
        error_nano_usd=criteria.error_nano_usd * criteria.risk,
        delay_nano_usd_per_s=0.0 if criteria.bulk else float(criteria.delay_nano_usd_per_s),
        within_s=criteria.within_s,
        most_nano_usd=None if criteria.cost_nano_usd is None else float(criteria.cost_nano_usd),
    )


def stakes_at(worth_nano_usd: float, criteria: Criteria) -> Stakes:
    """Return what is at stake if a right answer instead of a wrong one is worth at least so much."""
    told = stakes_told(criteria)
    least = max(told.value_nano_usd, worth_nano_usd - told.error_nano_usd)
    return replace(told, value_nano_usd=least)


def step_of(one: Candidate, scale: Scale, *, strength: float, is_checked: bool) -> Step:
    """Return a candidate as a step of a way."""
    cost, latency = scale.cost(one), scale.latency_s(one)
    return Step(target=one.target, right=one.seen.quality, cost_nano_usd=cost, latency_s=latency, strength=strength, checkable=is_checked)


def best_way(among: Sequence[Candidate], scale: Scale, *, criteria: Criteria, verifier: Verifier, terms: Terms) -> Way:
    """
    Return the best way over some candidates, the incumbent among them.

    Its order is empty where none is good: one whose answers are given unseen may do so, and those before it are checked.
    """
    prices = [scale.price(one) for one in among]
    at = next(place for place, one in enumerate(among) if one.target == terms.incumbent)
    unit = max(prices[at], 1.0)
    kind = _Kind(
        steps=tuple(
            [
                _KindStep(round(one.seen.quality, 2), _rounded(price / unit), _rounded(_unknown(one)), one.target in terms.checked, one.target in terms.may_end)
                for one, price in zip(among, prices, strict=True)
            ]
        ),
        incumbent=at,
        strength=round(verifier.strength, 2),
        together=round(verifier.together, 2),
        loss=terms.loss,
        z=round(deviations(terms.sure), 3),
    )
    worth = _least(kind) * unit
    stakes = stakes_at(worth, criteria)
    if _has_room(among, scale, stakes=stakes):
        order = tuple([among[place].target for place in _planned(kind, _rounded((stakes.value_nano_usd + stakes.error_nano_usd) / unit)).order])
    else:
        steps = [step_of(one, scale, strength=verifier.strength, is_checked=one.target in terms.checked) for one in among]
        order = plan(steps, stakes=stakes, together=verifier.together).order
    is_good = bool(order) and order[-1] in terms.may_end and all(name in terms.checked for name in order[:-1])
    return Way(order, worth) if is_good else Way((), 0.0)


def _has_room(among: Sequence[Candidate], scale: Scale, *, stakes: Stakes) -> bool:
    """Tell whether no way can break the bounds: all together would keep to them."""
    is_quick = stakes.within_s is None or sum([scale.latency_s(one) for one in among]) <= stakes.within_s
    return is_quick and (stakes.most_nano_usd is None or sum([scale.cost(one) for one in among]) <= stakes.most_nano_usd)


def _unknown(one: Candidate) -> float:
    """
    Return how far the quality of a target may be off, on average over its calls in the capability.

    Of one prompt less is known than that; but a way is kept to what it loses over many.
    """
    quality = min(max(one.seen.quality, 0.05), 0.95)
    return sqrt(quality * (1 - quality) / (one.seen.labels + 1))


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


@lru_cache(maxsize=4096)
def _least(kind: _Kind) -> float:
    """Return the least of the levels at which the best way is as good as it must be; the last one is taken for it."""
    low, high = 0, len(_LEVELS) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_good(kind, _LEVELS[middle]) else (middle + 1, high)
    return _LEVELS[low]


@lru_cache(maxsize=8192)
def _planned(kind: _Kind, level: float) -> _Planned:
    """Return the best way if a right answer is worth so much."""
    steps = [
        Step(target=str(at), right=one.right, cost_nano_usd=one.price, strength=kind.strength, checkable=one.is_checked) for at, one in enumerate(kind.steps)
    ]
    found = plan(steps, stakes=Stakes(value_nano_usd=level), together=kind.together)
    return _Planned(tuple([int(name) for name in found.order]), found.cost_nano_usd, found.right)


def _is_good(kind: _Kind, level: float) -> bool:
    found = _planned(kind, level)
    first, last, there = kind.steps[found.order[0]], kind.steps[found.order[-1]], kind.steps[kind.incumbent]
    if len(found.order) == 1 or not last.may_end:
        return last.may_end
    # What is not sent on is answered by another than the incumbent.
    elsewhere = 1 - min(max((found.price - first.price) / there.price, 0.0), 1.0) if there.price > 0 else 1.0
    margin = kind.z * elsewhere * sqrt(first.unknown**2 + there.unknown**2)
    return found.right >= there.right - kind.loss + margin
