"""
Error budgets and how fast they burn: arithmetic on counts of good and all. Pure; where counts come from belongs to `counting`.

A burn rate of 1 uses up the budget in exactly the objective's window. An alert speaks only if a long and a short window both burn faster than their
rule's rate (Beyer et al., The Site Reliability Workbook, chapter 5): the long one tells that it matters, the short one that it still goes on. Windows are
scaled to the objective's own, which there is 30 days.

Two rules of our own:
1. A rate that even a total failure could not reach is lowered: of an objective of 90 %, nothing can burn faster than 10.
2. Few calls prove little. An alert needs `LEAST_BAD` bad ones, and so many of all that a service just within its budget would show as many with a chance of
   at most `CHANCE` (Chernoff's bound on the binomial tail).
"""

import math
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from pointsman.settings.workflows import Objective

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_USUAL_MS: Final = 30 * _DAY_MS
_LEAST_SHORT_MS: Final = 60_000
_REACHABLE: Final = 0.8  # of the rate at which everything is bad
LEAST_BAD: Final = 4
CHANCE: Final = 1e-3


class Counts(Struct, frozen=True, kw_only=True):
    """How many were good, of how many. `good` may be a part of a count where a bucket is cut."""

    good: float = 0.0
    total: float = 0.0

    @property
    def bad(self) -> float:
        """How many were not good."""
        return max(self.total - self.good, 0.0)

    @property
    def share(self) -> float | None:
        """The share that was good; None of nothing."""
        return self.good / self.total if self.total else None


class Rule(Struct, frozen=True, kw_only=True):
    """When to speak: both windows burn at least at `rate`."""

    name: str
    severity: str
    rate: float
    long_ms: int
    short_ms: int


class Burn(Struct, frozen=True, kw_only=True):
    """An objective whose budget burns too fast: which rule says so, and how fast the long window burns."""

    objective: Objective
    rule: Rule
    rate: float
    counts: Counts

    @property
    def says(self) -> str:
        """The alert as a sentence."""
        name = f"`{self.objective.workflow}` misses its objective `{self.objective.name}`"
        over = f"{self.counts.bad:.0f} of {self.counts.total:.0f} in the last {_span(self.rule.long_ms)} were not good"
        left = f"at this rate the error budget of {_span(self.objective.window_ms)} is gone in {_span(self.objective.window_ms / self.rate)}"
        return f"{name}: {over}; {left}."


class Standing(Struct, frozen=True, kw_only=True):
    """How an objective stands: counts over its window, and the share of its error budget that is left (below 0 when overspent; None of nothing)."""

    objective: Objective
    counts: Counts
    budget_left: float | None
    burn_1h: float | None


# Counts of the time from … to … (Unix milliseconds).
Count = Callable[[int, int], Counts]


def rules_of(objective: Objective) -> tuple[Rule, ...]:
    """Return the rules of an objective, the most urgent first."""
    part = objective.window_ms / _USUAL_MS
    most = _REACHABLE / budget_of(objective)
    told = (("fast", "page", 14.4, _HOUR_MS, 5), ("middle", "page", 6.0, 6 * _HOUR_MS, 30), ("slow", "ticket", 1.0, 3 * _DAY_MS, 360))
    return tuple(
        Rule(
            name=name,
            severity=severity,
            rate=min(rate, most),
            long_ms=max(round(long_ms * part), 12 * _LEAST_SHORT_MS),
            short_ms=max(round(minutes * 60_000 * part), _LEAST_SHORT_MS),
        )
        for name, severity, rate, long_ms, minutes in told
    )


def budget_of(objective: Objective) -> float:
    """Return the share that may be bad. Of a promise of everything it is next to nothing, so that there is a rate."""
    return max(1.0 - objective.share, 1e-6)


def rate_of(objective: Objective, counts: Counts) -> float | None:
    """Return how many times faster than allowed the budget burns; None of nothing."""
    return None if not counts.total else counts.bad / counts.total / budget_of(objective)


def burning(objective: Objective, count: Count, *, now_ms: int) -> Burn | None:
    """Return the most urgent rule that speaks, or None."""
    for rule in rules_of(objective):
        long = count(now_ms - rule.long_ms, now_ms)
        rate = rate_of(objective, long)
        if rate is None or rate < rule.rate or not is_known(objective, long):
            continue
        short = rate_of(objective, count(now_ms - rule.short_ms, now_ms))
        if short is not None and short >= rule.rate:
            return Burn(objective=objective, rule=rule, rate=rate, counts=long)
    return None


def standing(objective: Objective, count: Count, *, now_ms: int) -> Standing:
    """Return how an objective stands over its whole window."""
    counts = count(now_ms - objective.window_ms, now_ms)
    rate = rate_of(objective, counts)
    hour = rate_of(objective, count(now_ms - _HOUR_MS, now_ms))
    return Standing(objective=objective, counts=counts, budget_left=None if rate is None else 1.0 - rate, burn_1h=hour)


def is_known(objective: Objective, counts: Counts) -> bool:
    """Tell whether so many bad ones are more than chance would bring to a service that is just within its budget."""
    budget, total = budget_of(objective), counts.total
    if counts.bad < LEAST_BAD or total <= 0:
        return False
    seen = min(counts.bad / total, 1.0)
    if seen <= budget:
        return False
    apart = seen * math.log(seen / budget) + ((1 - seen) * math.log((1 - seen) / (1 - budget)) if seen < 1 else 0.0)
    return total * apart >= -math.log(CHANCE)


def _span(ms: float) -> str:
    for unit_ms, name in ((_DAY_MS, "days"), (_HOUR_MS, "hours")):
        if ms >= 2 * unit_ms:
            return f"{ms / unit_ms:.3g} {name}"
    return f"{ms / 60_000:.3g} minutes"
