"""
What a choice is made by: what an answer is worth, what it may cost, and how boldly better places are looked for. Values only.
"""

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from pointsman.core.label import Level
from pointsman.core.target import Target


class Criteria(Struct, frozen=True, kw_only=True):
    """
    What one call is worth and must keep to. Money in nano-dollars, quality and probabilities in 0..1.

    A success is worth `value_nano_usd`, a wrong answer that nobody notices costs `error_nano_usd` × `risk`, a second of waiting `delay_nano_usd_per_s`. A
    target is left out whose quality is not at least `quality_floor` with probability `confidence`, or that is expected to take longer than `within_s` or to
    cost more than `cost_nano_usd`. `bulk` work may wait. `task` names what other capabilities of the same task are a first guess for.
    """

    task: str = ""
    risk: float = 1.0
    value_nano_usd: int = 0
    error_nano_usd: int = 0
    delay_nano_usd_per_s: int = 0
    quality_floor: float = 0.0
    confidence: float = 0.5
    within_s: float | None = None
    cost_nano_usd: int | None = None
    bulk: bool = False


class Trial(Struct, frozen=True, kw_only=True):
    """Calls of a capability that are spent on learning: at most `share` of them and `daily_nano_usd` a day, and only with data up to `ceiling`."""

    share: float
    daily_nano_usd: int | None = None
    ceiling: Level = Level.INTERNAL


class Routing(Struct, frozen=True, kw_only=True):
    """
    How a capability's target is chosen by value instead of the owner's order.

    Another target goes before `incumbent` only where it is worse by more than `loss` with probability at most 1 − `sure`. A request may set the criteria in
    `settable` (name → least and most). Answers of `checked` targets are seen whole and judged before they are given. Evidence for that is what `second` and
    `samples` more answers of the same target say, alike in the fields `agree_on`, how `judge` grades it, and the log-probabilities that those in `logprobs`
    tell. With `guarantee` a target other than the incumbent is chosen only under a certificate. `shadow` calls ask the others too.
    """

    criteria: Criteria = Criteria()
    incumbent: Target
    loss: float = 0.02
    sure: float = 0.9
    settable: Mapping[str, tuple[float, float]] = {}
    checked: frozenset[str] = frozenset()
    second: Target | None = None
    samples: int = 0
    agree_on: tuple[str, ...] = ()
    judge: Target | None = None
    logprobs: frozenset[str] = frozenset()
    explore: Trial | None = None
    shadow: Trial | None = None
    guarantee: bool = False


class Weighed(Struct, frozen=True, kw_only=True):
    """
    A candidate as it was seen before the choice. `low` and `high` bound the quality with 90 %; None is unknown.

    `value_nano_usd` is what it was expected to be worth less what it costs, `probability` that with which it was to be tried first, `reason` why it may not.
    Where its answer was checked, `evidence` is what was heard of it that its words do not show (signal → number).
    """

    target: str
    quality: float
    low: float
    high: float
    cost_nano_usd: int | None
    latency_ms: float | None
    value_nano_usd: int
    probability: float = 0.0
    reason: str = ""
    evidence: Mapping[str, float] | UnsetType = UNSET
