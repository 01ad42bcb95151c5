"""
What drove a change of cost between two spans: volume, outcomes, effort, which target answered, tokens, prices, unknown costs, people, licences, timing.

Cost = items x (calls per item x SUM over targets(share x known x tokens per call x cost per token) + timing + people per item) + licences, and cost per
useful outcome = cost / (items x outcome rate). Each factor's part is its Shapley share; the parts add up to the change to the nano-dollar.
Numbers only; reading them belongs to `outcomes`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.finops.shapley import Factors, parts, whole

VOLUME: Final = "volume"
RATE: Final = "outcome rate"
EFFORT: Final = "calls per item"
MIX: Final = "which target"
SIZE: Final = "tokens per call"
PRICE: Final = "price"
UNKNOWN: Final = "unknown costs"
PEOPLE: Final = "people's time"
LICENCES: Final = "licences"
TIMING: Final = "timing"


class TargetFacts(Struct, frozen=True, kw_only=True):
    """Calls that one target answered; `cost_unknown` counts those of which some cost is unknown."""

    calls: int = 0
    cost_unknown: int = 0
    tokens: int = 0
    cost_nano_usd: int = 0


class GroupFacts(Struct, frozen=True, kw_only=True):
    """
    Items opened in a span and what they cost until now, with the calls of the span by target.

    `attempts_nano_usd` is of the items; the sum over `targets` is of the span's calls. They differ by calls for items of another span: timing.
    """

    units: int = 0
    told: int = 0
    useful: int = 0
    attempts_nano_usd: int = 0
    human_nano_usd: int = 0
    human_s: float = 0.0
    licence_nano_usd: int = 0
    value_nano_usd: int = 0
    targets: Mapping[str, TargetFacts] = {}

    @property
    def cost_nano_usd(self) -> int:
        """Attempts, people and licences."""
        return self.attempts_nano_usd + self.human_nano_usd + self.licence_nano_usd

    @property
    def calls(self) -> int:
        """Calls of the span."""
        return sum(one.calls for one in self.targets.values())

    @property
    def cost_unknown(self) -> int:
        """Calls of which some cost is unknown."""
        return sum(one.cost_unknown for one in self.targets.values())

    @property
    def coverage(self) -> float:
        """The share of calls whose cost is wholly known, 0 to 1."""
        return 1 - self.cost_unknown / self.calls if self.calls else 1.0

    @property
    def per_useful_nano_usd(self) -> int | None:
        """Cost per useful outcome; None without any, or while no call's cost is known."""
        return round(self.cost_nano_usd / self.useful) if self.useful and (self.coverage > 0 or not self.calls) else None


def drivers_of_cost(old: GroupFacts, new: GroupFacts) -> dict[str, int]:
    """Return what each driver has in the change of the cost, in nano-dollars. The parts add up to it exactly."""
    before, now = _factors(old, new), _factors(new, old)
    return whole(parts(before, now, value=_cost), new.cost_nano_usd - old.cost_nano_usd, rest=TIMING)


def drivers_per_outcome(old: GroupFacts, new: GroupFacts) -> dict[str, int] | None:
    """Return what each driver has in the change of the cost per useful outcome, in nano-dollars; None where one of the two is not known."""
    here, there = new.per_useful_nano_usd, old.per_useful_nano_usd
    if here is None or there is None:
        return None
    return whole(parts(_factors(old, new), _factors(new, old), value=_per_outcome), here - there, rest=TIMING)


def _factors(group: GroupFacts, other: GroupFacts) -> Factors:
    """Return the factors of a group. What a span says nothing about (no item, no call of a target) is taken from the other, so that it drives nothing."""
    names = sorted({*group.targets, *other.targets})
    calls = sum(one.calls for one in group.targets.values())
    items = group if group.units else other
    per_item = max(items.units, 1)
    item_calls = sum(one.calls for one in items.targets.values())
    spans_cost = sum(one.cost_nano_usd for one in items.targets.values())
    mix_of = group if calls else other
    mix_calls = max(sum(one.calls for one in mix_of.targets.values()), 1)
    rows = [_rates(group.targets.get(name), other.targets.get(name)) for name in names]
    known, size, price = (np.array([row[part] for row in rows], dtype=float) for part in range(3))
    return {
        VOLUME: float(group.units),
        RATE: group.useful / group.units if group.units else other.useful / max(other.units, 1),
        EFFORT: item_calls / per_item,
        MIX: np.array([mix_of.targets.get(name, TargetFacts()).calls / mix_calls for name in names], dtype=float),
        UNKNOWN: known,
        SIZE: size,
        PRICE: price,
        TIMING: (items.attempts_nano_usd - spans_cost) / per_item,
        PEOPLE: items.human_nano_usd / per_item,
        LICENCES: float(group.licence_nano_usd),
    }


def _rates(mine: TargetFacts | None, other: TargetFacts | None) -> tuple[float, float, float]:
    """Return the known share of the calls, the tokens per call, and the cost per token where it is known; per call where there are no tokens."""
    here = mine if mine is not None and mine.calls else other if other is not None and other.calls else TargetFacts(calls=1)
    known = 1 - here.cost_unknown / here.calls
    if known == 0 and not here.cost_nano_usd:
        lender = other if other is not None and other.calls > other.cost_unknown else None
        return 0.0, here.tokens / here.calls or 1.0, 0.0 if lender is None else _price(lender)
    # A call may be known in part; then its part is counted as if it were a known call's.
    known = known or 1.0
    size = here.tokens / here.calls or 1.0
    return known, size, here.cost_nano_usd / (here.calls * known * size)


def _price(one: TargetFacts) -> float:
    size = one.tokens / one.calls or 1.0
    return one.cost_nano_usd / ((one.calls - one.cost_unknown) * size)


def _cost(factors: Factors) -> float:
    per_call = float(np.sum(factors[MIX] * factors[UNKNOWN] * factors[SIZE] * factors[PRICE]))
    return factors[VOLUME] * (factors[EFFORT] * per_call + factors[TIMING] + factors[PEOPLE]) + factors[LICENCES]


def _per_outcome(factors: Factors) -> float:
    return _cost(factors) / (factors[VOLUME] * factors[RATE])
