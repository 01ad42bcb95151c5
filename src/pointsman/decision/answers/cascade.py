"""
In which order the rungs are tried, which answers are looked at, and when to stop: one sum in money, planned before the call and again after each answer.

An answer that is given earns its worth if it is right and costs the error if it is wrong; every rung on the way costs its price and its delay. An answer that
was looked at moves the belief in it, and in the rungs after it: what one model finds hard, another often does too. Rules, the cache and people are rungs like
any other, with their price, delay and quality. Nothing is known here of where the numbers come from. Pure.
"""

from collections.abc import Sequence
from typing import Final

from pointsman.decision.answers.programme import LONGEST, Programme
from pointsman.decision.answers.steps import TOGETHER, Onward, Plan, Stakes, Step, given, learned_of

__all__: Final = ("LONGEST", "TOGETHER", "Onward", "Plan", "Stakes", "Step", "given", "go_on", "learned_of", "plan")


def plan(steps: Sequence[Step], *, stakes: Stakes, together: float = TOGETHER) -> Plan:
    """
    Return the way that is expected to be worth most. `together` is the correlation of two rungs' successes.

    More than `LONGEST` steps are cut to those that are worth most alone and those that are cheapest for what they promise. An empty plan means that no step
    keeps to the bounds of `stakes`.
    """
    best = _best_alone(steps, stakes)
    if not any(step.checkable for step in steps):
        return best
    short = _shortlist(steps, stakes)
    if len(short) <= 1:
        return best
    found = Programme(short, stakes=stakes, together=together).plan()
    return found if len(found.order) > 1 and found.value_nano_usd > best.value_nano_usd else best


def go_on(right: float, rest: Sequence[Step], *, answered: Step, stakes: Stakes, together: float = TOGETHER) -> Onward:
    """
    Return whether one of the `rest` is worth its price after an answer of `answered` that is right with probability `right`.

    The steps carry what was believed before that answer; the bounds of `stakes` are what is left of them now.
    """
    onward = plan([learned_of(step, after=answered, right=right, together=together) for step in rest], stakes=stakes, together=together)
    gain = onward.value_nano_usd - stakes.worth(right)
    if not onward.order:
        return Onward(go=False, right=right)
    return Onward(go=gain > 0, target=onward.order[0], gain_nano_usd=gain, right=onward.right if gain > 0 else right)


def _best_alone(steps: Sequence[Step], stakes: Stakes) -> Plan:
    fitting = [step for step in steps if _keeps(step, stakes)]
    if not fitting:
        return Plan()
    best = max(fitting, key=lambda step: stakes.worth(step.right) - stakes.price(step))
    return Plan(
        order=(best.target,),
        value_nano_usd=stakes.worth(best.right) - stakes.price(best),
        cost_nano_usd=best.cost_nano_usd,
        delay_s=best.latency_s,
        right=best.right,
    )


def _keeps(step: Step, stakes: Stakes) -> bool:
    late = stakes.within_s is not None and step.latency_s > stakes.within_s
    return not (late or (stakes.most_nano_usd is not None and step.cost_nano_usd > stakes.most_nano_usd))


def _shortlist(steps: Sequence[Step], stakes: Stakes) -> tuple[Step, ...]:
    """Return the steps that a way may be made of, in the order in which they came."""
    fitting = [step for step in steps if _keeps(step, stakes)]
    if len(fitting) <= LONGEST:
        return tuple(fitting)
    by_worth = sorted(fitting, key=lambda step: stakes.price(step) - stakes.worth(step.right))
    by_price = sorted((step for step in fitting if step.checkable), key=lambda step: stakes.price(step) / max(step.right, 1e-9))
    kept = by_worth[: LONGEST - 2] + [step for step in by_price if step not in by_worth[: LONGEST - 2]][:2]
    return tuple(step for step in fitting if step in kept)
