"""
The section `routing` of a capability → core values, and which parameters are in force.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from pointsman.core.label import Level
from pointsman.core.money import nano
from pointsman.core.routing import Criteria, Routing, Trial
from pointsman.core.target import Target
from pointsman.settings import routing_shape as shape
from pointsman.settings.beside import Beside

RISKS: Final = MappingProxyType({"low": 0.5, "normal": 1.0, "high": 4.0, "critical": 16.0})
_VOLUMES: Final = MappingProxyType({"interactive": 0.0, "bulk": 1.0})
# Criteria that are told by words, and the numbers that these stand for.
WORDS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType({"risk": RISKS, "volume": _VOLUMES})


def routing_of(told: shape.Routing | None, ladder: tuple[Target, ...], *, targets: Mapping[str, Target]) -> Routing | None:
    """Return how a capability's target is chosen; None where the order of its ladder counts."""
    if told is None or told.by == "order":
        return None
    return Routing(
        criteria=criteria_of(told.criteria),
        incumbent=ladder[0] if told.incumbent is None else targets[told.incumbent],
        loss=told.not_worse_by,
        sure=told.sure,
        settable={name: (criterion(name, low), criterion(name, high)) for name, (low, high) in told.requests_may_set.items()},
        checked=frozenset(told.check or ()),
        second=None if told.second is None else targets[told.second],
        samples=told.samples,
        agree_on=tuple(told.agree_on),
        judge=None if told.judge is None else targets[told.judge],
        logprobs=frozenset(told.logprobs),
        explore=None if told.explore is None else _trial(told.explore),
        shadow=None if told.shadow is None else _trial(told.shadow),
        guarantee=told.guarantee,
    )


def criteria_of(told: shape.Criteria) -> Criteria:
    """Return criteria in nano-dollars."""
    return Criteria(
        task=told.task,
        risk=RISKS[told.risk],
        value_nano_usd=nano(told.value_usd),
        error_nano_usd=nano(told.error_usd),
        delay_nano_usd_per_s=nano(told.delay_usd_per_s),
        quality_floor=told.quality_floor,
        confidence=told.confidence,
        within_s=told.within_s,
        cost_nano_usd=None if told.cost_usd is None else nano(told.cost_usd),
        bulk=told.volume == "bulk",
    )


def parameters_in_force(told: shape.Learning, beside: Beside) -> str:
    """Return the digest of the parameters that the pointer names, or an empty text if there is none. Raises `OSError` or `ValueError`."""
    if not beside.note(told.parameters).exists():
        return ""
    found = cast("object", json.loads(beside.source(told.parameters)))
    digest = cast("dict[str, object]", found).get("parameters") if isinstance(found, dict) else None
    if not isinstance(digest, str):
        raise ValueError("it names no `parameters`")  # noqa: TRY004 - what a file says, not a programmer's mistake
    return digest


def criterion(name: str, told: float | str) -> float:
    """Return a criterion as a number. Raises `ValueError` for a text that is neither one of its words nor a number."""
    words = WORDS.get(name)
    if words is None:
        return float(told)
    if told not in words:
        raise ValueError(f"`{told}` is none of {', '.join(f'`{word}`' for word in words)}")
    return words[cast("str", told)]


def _trial(told: shape.Trial) -> Trial:
    return Trial(share=told.share, daily_nano_usd=None if told.usd_per_day is None else nano(told.usd_per_day), ceiling=Level[told.data_class.upper()])
