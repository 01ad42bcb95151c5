"""
The values of a cascade, and how what is believed of one rung moves with what was seen of another. Money in nano-dollars, as floats: these are expectations.
"""

from typing import Final

from msgspec import Struct, structs

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
    """
    What a call is worth and must keep to: a right answer earns `value_nano_usd`, a wrong one that is given costs `error_nano_usd`.

    `within_s` and `most_nano_usd` bound the whole way, all rungs on it together; None does not.
    """

    value_nano_usd: float = 0.0
    error_nano_usd: float = 0.0
    delay_nano_usd_per_s: float = 0.0
    within_s: float | None = None
    most_nano_usd: float | None = None

    def worth(self, right: float) -> float:
        """Return what it is worth to give an answer that is right with this probability."""
        return self.value_nano_usd * right - self.error_nano_usd * (1 - right)

    def price(self, step: Step) -> float:
        """Return what it costs to try the step, waiting included."""
        return step.cost_nano_usd + self.delay_nano_usd_per_s * step.latency_s


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
    """
    Whether to go on after an answer, and to which `target`; `gain_nano_usd` is what that is expected to bring over giving the answer at hand (negative: lose).

    `right` is the probability that what is given in the end is right.
    """

    go: bool
    target: str = ""
    gain_nano_usd: float = 0.0
    right: float = 0.0


def given(right: float, other: float, *, together: float) -> tuple[float, float]:
    """Return the probability that one is right, if the other is and if it is not: of the pair of bits that has these means and this correlation."""
    spread = (right * (1 - right) * other * (1 - other)) ** 0.5
    both = min(max(right * other + together * spread, right + other - 1, 0.0), right, other)
    return (both / other if other > 0 else right), ((right - both) / (1 - other) if other < 1 else right)


def learned_of(step: Step, *, after: Step, right: float, together: float) -> Step:
    """Return the step as it looks after an answer of `after` that is right with probability `right`."""
    if_right, if_wrong = given(step.right, after.right, together=together)
    return structs.replace(step, right=right * if_right + (1 - right) * if_wrong)
