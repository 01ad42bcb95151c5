"""
In which order the rungs are tried, which answers are looked at, and when to stop: one sum in money, planned before the call and again after each answer.

An answer that is given earns `value` if it is right and costs `error` if it is wrong; every rung on the way costs its price and its delay. An answer that was
looked at moves the belief in it, and in the rungs after it: what one model finds hard, another often does too. Nothing is known here of where the numbers
come from. Pure; money in nano-dollars (as floats: these are expectations), time in seconds, probabilities in 0..1.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

LONGEST: Final = 5  # rungs that are planned over; more are cut to the best by themselves
TOGETHER: Final = 0.3  # correlation of two models' successes, where nothing is known


class Step(Struct, frozen=True, kw_only=True):
    """
    A rung that may be tried. `right` is the probability of a good answer before one is seen, `strength` how well the check of its answer tells good from bad
    (AUROC: 0.5 nothing, 1 everything). Only the answer of a `checkable` one may be looked at before it is given.
    """

    target: str
    right: float
    cost_nano_usd: float = 0.0
    latency_s: float = 0.0
    strength: float = 0.5
    checkable: bool = False


class Stakes(Struct, frozen=True, kw_only=True):
    """What the call is worth and must keep to: `within_s` and `most_nano_usd` bound the whole way, None does not."""

    value_nano_usd: float = 0.0
    error_nano_usd: float = 0.0
    delay_nano_usd_per_s: float = 0.0
    within_s: float | None = None
    most_nano_usd: float | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """
    The best way: `order` of targets; the answers of `checked` ones are looked at before they are given. Empty where nothing keeps to the bounds.

    `value_nano_usd` is what is expected in all, price and delay taken off; `right` the probability that what is given is right.
    """

    order: tuple[str, ...] = ()
    checked: frozenset[str] = frozenset()
    value_nano_usd: float = 0.0
    cost_nano_usd: float = 0.0
    delay_s: float = 0.0
    right: float = 0.0


class Onward(Struct, frozen=True, kw_only=True):
    """Whether to go on after an answer, to which `target`, and what that is expected to gain (negative: to lose) over giving the answer at hand."""

    go: bool
    target: str = ""
    gain_nano_usd: float = 0.0
    right: float = 0.0


def plan(steps: Sequence[Step], *, stakes: Stakes, together: float = TOGETHER) -> Plan:
    """Return the way that is expected to be worth most. `together` is the correlation of two rungs' successes."""
    best = Plan()
    for step in steps:
        one = _alone(step, stakes)
        if _keeps(one, stakes) and (not best.order or one.value_nano_usd > best.value_nano_usd):
            best = one
    return best


def go_on(right: float, rest: Sequence[Step], *, answered: Step, stakes: Stakes, together: float = TOGETHER) -> Onward:
    """
    Return whether one of the `rest` is worth its price after an answer of `answered` that is right with probability `right`.

    The bounds of `stakes` are here what is left of them.
    """
    known = [beliefs(step, after=answered, right=right, together=together) for step in rest]
    onward = plan(known, stakes=stakes, together=together)
    gain = onward.value_nano_usd - _worth(right, stakes)
    if not onward.order:
        return Onward(go=False, right=right)
    return Onward(go=gain > 0, target=onward.order[0], gain_nano_usd=gain, right=onward.right)


def beliefs(step: Step, *, after: Step, right: float, together: float) -> Step:
    """Return the step with what an answer of `after`, which is right with probability `right`, says about it."""
    if_right, if_wrong = given(step.right, after.right, together=together)
    return Step(
        target=step.target,
        right=right * if_right + (1 - right) * if_wrong,
        cost_nano_usd=step.cost_nano_usd,
        latency_s=step.latency_s,
        strength=step.strength,
        checkable=step.checkable,
    )


def given(right: float, other: float, *, together: float) -> tuple[float, float]:
    """Return the probability that one is right, if the other is and if it is not: the pair of bits that has these means and this correlation."""
    spread = (right * (1 - right) * other * (1 - other)) ** 0.5
    both = min(max(right * other + together * spread, right + other - 1, 0.0), right, other)
    return (both / other if other > 0 else right), ((right - both) / (1 - other) if other < 1 else right)


def _alone(step: Step, stakes: Stakes) -> Plan:
    price = step.cost_nano_usd + stakes.delay_nano_usd_per_s * step.latency_s
    return Plan(
        order=(step.target,),
        value_nano_usd=_worth(step.right, stakes) - price,
        cost_nano_usd=step.cost_nano_usd,
        delay_s=step.latency_s,
        right=step.right,
    )


def _worth(right: float, stakes: Stakes) -> float:
    return stakes.value_nano_usd * right - stakes.error_nano_usd * (1 - right)


def _keeps(way: Plan, stakes: Stakes) -> bool:
    late = stakes.within_s is not None and way.delay_s > stakes.within_s
    return not (late or (stakes.most_nano_usd is not None and way.cost_nano_usd > stakes.most_nano_usd))
