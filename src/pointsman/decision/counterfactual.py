"""
What would have changed a choice by value: the nearest changes, each found by asking the objective again and proven by it.

Only what is on record is needed: the candidates as they were weighed, and what they were weighed by. A change is one number: a quality, a price or a delay of
one candidate, or one of the criteria. It is the smallest, rounded away from what was, and what is stated was tried: with that number the choice differs.
"""

from collections.abc import Callable, Iterator
from math import erfc, isfinite, sqrt
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.money import dollars
from pointsman.core.routing import Criteria, Routing, Weighed

What = Literal["quality", "price", "delay", "value", "error", "delay_price", "floor", "confidence", "within", "price_limit", "loss", "sure"]

_BOUND: Final = 1.6449  # `low` and `high` hold 90 % of a normal distribution
_DOUBLINGS: Final = 60
_HALVINGS: Final = 50
_LEAST: Final = 1000.0  # nano-dollars: where a search of an amount begins that was nothing
_UNSET: Final = 10.0  # a change of what nobody had set is further than any change of a number that counted
_MS: Final = 1000.0


class Situation(Struct, frozen=True, kw_only=True):
    """A choice by value as it is on record."""

    weighed: tuple[Weighed, ...]
    routing: Routing


class Change(Struct, frozen=True, kw_only=True):
    """
    With `needed` in the place of `was`, `chosen` would have been taken. `target` is whose number it is, empty for one of the criteria.

    Money in nano-dollars, delays in milliseconds, `within` in seconds, the rest 0..1. `size` is the change as a share of what was.
    """

    what: What
    target: str
    was: float | None
    needed: float
    chosen: str
    size: float
    says: str


class _Knob(Struct, frozen=True, kw_only=True):
    """One number that may be turned. `end` is how far; infinite where only the search ends it. `wants` is who shall be chosen, None for anybody else."""

    what: What
    target: str = ""
    was: float | None
    start: float
    end: float
    turn: Callable[[float], Situation]
    wants: str | None = None


def best(situation: Situation) -> str:
    """Return who is taken when nothing is tried: of those that may be, the one that is worth most; the incumbent where none may."""
    incumbent = situation.routing.incumbent.name
    may = [one for one in situation.weighed if not _barred(one, situation)]
    return max(may, key=lambda one: (one.value_nano_usd, one.target == incumbent)).target if may else incumbent


def nearest(situation: Situation, *, chosen: str) -> tuple[Change, ...]:
    """
    Return what would have changed the choice, the nearest first, one change a number.

    Nothing, if the objective by itself does not choose `chosen`: then something else did, such as a trial or a conversation that stayed.
    """
    if best(situation) != chosen:
        return ()
    found = (_turned(knob, situation, chosen=chosen) for knob in _knobs(situation, chosen=chosen))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.size, one.what, one.target)))


# ── the objective, asked again ──────────────────────────────────────────────────────────────────────────────────────


def _worth(one: Weighed, criteria: Criteria) -> float:
    wrong = criteria.error_nano_usd * criteria.risk * (1 - one.quality)
    waiting = 0.0 if criteria.bulk else criteria.delay_nano_usd_per_s * (one.latency_ms or 0.0) / _MS
    return criteria.value_nano_usd * one.quality - wrong - waiting - (one.cost_nano_usd or 0)


def _barred(one: Weighed, situation: Situation) -> bool:
    routing = situation.routing
    criteria = routing.criteria
    if criteria.within_s is not None and one.latency_ms is not None and one.latency_ms > criteria.within_s * _MS:
        return True
    if criteria.cost_nano_usd is not None and one.cost_nano_usd is not None and one.cost_nano_usd > criteria.cost_nano_usd:
        return True
    if criteria.quality_floor > 0 and _above(one.quality - criteria.quality_floor, _sd(one)) < criteria.confidence:
        return True
    if one.target == routing.incumbent.name:
        return False
    return one.reason.startswith("guarantee") or _worse(one, situation) > 1 - routing.sure


def _worse(one: Weighed, situation: Situation) -> float:
    """Return the probability that a candidate is worse than the incumbent by more than is allowed."""
    routing = situation.routing
    there = next((other for other in situation.weighed if other.target == routing.incumbent.name), None)
    if there is None:
        return 0.0
    return 1 - _above(one.quality - there.quality + routing.loss, sqrt(_sd(one) ** 2 + _sd(there) ** 2))


def _sd(one: Weighed) -> float:
    # A bound that lies at 0 or 1 was cut off there: the other one tells.
    return max(one.high - one.quality, one.quality - one.low, 0.0) / _BOUND


def _above(mean: float, sd: float) -> float:
    """Return the probability that a normal variable is not below 0."""
    return erfc(-mean / sd / sqrt(2)) / 2 if sd > 0 else float(mean >= 0)


# ── what may be turned ──────────────────────────────────────────────────────────────────────────────────────────────


def _knobs(situation: Situation, *, chosen: str) -> Iterator[_Knob]:
    for one in situation.weighed:
        yield from _of_candidate(situation, one, is_chosen=one.target == chosen)
    yield from _of_criteria(situation)
    yield from _of_guard(situation)


def _of_candidate(situation: Situation, one: Weighed, *, is_chosen: bool) -> Iterator[_Knob]:
    """Another is made better until it is taken, the chosen one worse until it is not."""
    wants = None if is_chosen else one.target

    def turn(make: Callable[[float], Weighed]) -> Callable[[float], Situation]:
        return lambda value: _with(situation, one, make(value))

    yield _Knob(
        what="quality",
        target=one.target,
        was=one.quality,
        start=one.quality,
        end=0.0 if is_chosen else 1.0,
        turn=turn(lambda value: _of_quality(one, value)),
        wants=wants,
    )
    if one.cost_nano_usd is not None:
        cost = float(one.cost_nano_usd)
        end = float("inf") if is_chosen else 0.0
        yield _Knob(
            what="price",
            target=one.target,
            was=cost,
            start=cost,
            end=end,
            turn=turn(lambda value: replace(one, cost_nano_usd=round(value))),
            wants=wants,
        )
    if one.latency_ms is not None:
        end = float("inf") if is_chosen else 0.0
        yield _Knob(
            what="delay",
            target=one.target,
            was=one.latency_ms,
            start=one.latency_ms,
            end=end,
            turn=turn(lambda value: replace(one, latency_ms=value)),
            wants=wants,
        )


def _of_criteria(situation: Situation) -> Iterator[_Knob]:
    told = situation.routing.criteria

    def turn(change: Callable[[float], Criteria]) -> Callable[[float], Situation]:
        return lambda value: _under(situation, change(value))

    amounts: tuple[tuple[What, int, Callable[[float], Criteria]], ...] = (
        ("value", told.value_nano_usd, lambda value: replace(told, value_nano_usd=round(value))),
        ("error", told.error_nano_usd, lambda value: replace(told, error_nano_usd=round(value))),
        ("delay_price", told.delay_nano_usd_per_s, lambda value: replace(told, delay_nano_usd_per_s=round(value))),
    )
    for what, was, change in amounts:
        for end in (0.0, float("inf")):
            yield _Knob(what=what, was=was, start=was, end=end, turn=turn(change))
    for end in (0.0, 1.0):
        yield _Knob(
            what="floor",
            was=told.quality_floor,
            start=told.quality_floor,
            end=end,
            turn=turn(lambda value: replace(told, quality_floor=value)),
        )
        if told.quality_floor > 0:
            yield _Knob(what="confidence", was=told.confidence, start=told.confidence, end=end, turn=turn(lambda value: replace(told, confidence=value)))
    yield from _of_limits(situation, turn=turn)


def _of_limits(situation: Situation, *, turn: Callable[[Callable[[float], Criteria]], Callable[[float], Situation]]) -> Iterator[_Knob]:
    """A limit that is not set begins where nothing breaks it."""
    told = situation.routing.criteria
    slowest = max((one.latency_ms or 0.0 for one in situation.weighed), default=0.0) / _MS
    dearest = float(max((one.cost_nano_usd or 0 for one in situation.weighed), default=0))
    for end in (0.0, float("inf")):
        start = slowest if told.within_s is None else told.within_s
        yield _Knob(what="within", was=told.within_s, start=start, end=end, turn=turn(lambda value: replace(told, within_s=value)))
        start = dearest if told.cost_nano_usd is None else float(told.cost_nano_usd)
        yield _Knob(what="price_limit", was=told.cost_nano_usd, start=start, end=end, turn=turn(lambda value: replace(told, cost_nano_usd=round(value))))


def _of_guard(situation: Situation) -> Iterator[_Knob]:
    routing = situation.routing
    for end in (0.0, 0.5):
        yield _Knob(what="loss", was=routing.loss, start=routing.loss, end=end, turn=lambda value: replace(situation, routing=replace(routing, loss=value)))
    for end in (0.0, 1.0):
        yield _Knob(what="sure", was=routing.sure, start=routing.sure, end=end, turn=lambda value: replace(situation, routing=replace(routing, sure=value)))


def _of_quality(one: Weighed, quality: float) -> Weighed:
    by = quality - one.quality
    return replace(one, quality=quality, low=min(max(one.low + by, 0.0), 1.0), high=min(max(one.high + by, 0.0), 1.0))


def _with(situation: Situation, one: Weighed, other: Weighed) -> Situation:
    """Return the situation with a candidate changed. What it was worth beside the objective (a cache that is lost elsewhere) stays as it was."""
    criteria = situation.routing.criteria
    other = replace(other, value_nano_usd=round(one.value_nano_usd + _worth(other, criteria) - _worth(one, criteria)))
    return replace(situation, weighed=tuple(other if seen is one else seen for seen in situation.weighed))


def _under(situation: Situation, criteria: Criteria) -> Situation:
    was = situation.routing.criteria
    weighed = tuple(replace(one, value_nano_usd=round(one.value_nano_usd + _worth(one, criteria) - _worth(one, was))) for one in situation.weighed)
    return Situation(weighed=weighed, routing=replace(situation.routing, criteria=criteria))


# ── the search ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _turned(knob: _Knob, situation: Situation, *, chosen: str) -> Change | None:
    """Return the smallest turn of a knob that changes the choice, or None."""

    def differs(value: float) -> bool:
        now = best(knob.turn(value))
        return now == knob.wants if knob.wants is not None else now != chosen

    far = _far(knob, differs)
    if far is None:
        return None
    near = knob.start
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if differs(middle) else (middle, far)
    needed = _rounded(far, knob, differs)
    size = _UNSET if not knob.was else abs(needed - knob.was) / abs(knob.was)
    change = Change(what=knob.what, target=knob.target, was=knob.was, needed=needed, chosen=best(knob.turn(needed)), size=size, says="")
    return replace(change, says=_says(change, situation, is_more=needed > knob.start))


def _far(knob: _Knob, differs: Callable[[float], bool]) -> float | None:
    """Return a value at which the choice differs, as near as doubling finds one."""
    if isfinite(knob.end):
        return knob.end if knob.end != knob.start and differs(knob.end) else None
    value = max(knob.start, _LEAST)
    for _ in range(_DOUBLINGS):
        if differs(value):
            return value
        value *= 2
    return None


def _rounded(value: float, knob: _Knob, differs: Callable[[float], bool]) -> float:
    """Return a number that people read, beyond the value and as near as its digits allow, at which the choice differs as well."""
    away = 1 if value > knob.start else -1
    for digits in (2, 3, 4, 6):
        step = _step(value, digits)
        for near in (round(value / step) * step, (round(value / step) + away) * step):
            near = round(near, 12)  # noqa: PLW2901 - without the dust of binary fractions
            if min(knob.start, knob.end) <= near <= max(knob.start, knob.end) and (near - value) * away >= 0 and differs(near):
                return near
    return value


def _step(value: float, digits: int) -> float:
    size = abs(value) or 1.0
    power = 0
    while size >= 10:  # noqa: PLR2004 - decimal digits
        size, power = size / 10, power + 1
    while size < 1:
        size, power = size * 10, power - 1
    return 10.0 ** (power - digits + 1)


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _says(change: Change, situation: Situation, *, is_more: bool) -> str:
    whose = next((one for one in situation.weighed if one.target == change.target), None)
    was = "not set" if change.was is None else _told(change.what, change.was)
    if whose is not None and change.what == "quality":
        was = f"{was} ± {max(whose.high - whose.quality, whose.quality - whose.low):.2f}"
    own = "its" if change.target == change.chosen else f"the {{}} of `{change.target}`"
    subject = _SUBJECT[change.what]
    told = (f"its {subject}" if own == "its" else own.format(subject)) if change.target else subject
    return f"`{change.chosen}` would have been chosen if {told} were at {'least' if is_more else 'most'} {_told(change.what, change.needed)} (was {was})."


_SUBJECT: Final = {
    "quality": "quality",
    "price": "price",
    "delay": "delay",
    "value": "the worth of a good answer",
    "error": "the cost of an unnoticed error",
    "delay_price": "the cost of a second of waiting",
    "floor": "`quality_floor`",
    "confidence": "`confidence`",
    "within": "`within_s`",
    "price_limit": "`cost_usd`",
    "loss": "`not_worse_by`",
    "sure": "`sure`",
}
_MONEY: Final = frozenset({"price", "value", "error", "delay_price", "price_limit"})


def _told(what: What, value: float) -> str:
    if what in _MONEY:
        return dollars(round(value))
    if what == "delay":
        return f"{value:,.6g} ms"
    return f"{value:.6g}" + (" s" if what == "within" else "")
