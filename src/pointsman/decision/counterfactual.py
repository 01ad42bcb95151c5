"""
What would have changed a choice by value: the nearest changes, each found by asking the objective again and proven by it.

Only what is on record is needed: the candidates as they were weighed, and what they were weighed by. A change is one number: a quality, a price or a delay of
one candidate, or one of the criteria. It is the smallest, rounded away from what was, and what is stated was tried: with that number the choice differs.
"""

from collections.abc import Callable, Iterator
from math import erfc, isclose, isfinite, sqrt
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.money import dollars
from pointsman.core.routing import Criteria, Routing, Weighed
from pointsman.decision.criteria import WORDS
from pointsman.decision.prediction.values import Prediction
from pointsman.decision.value import Candidate, Scale

What = Literal["quality", "price", "delay", "value", "error", "delay_price", "floor", "confidence", "within", "price_limit", "risk", "volume", "loss", "sure"]

_BOUND: Final = 1.6449  # `low` and `high` hold 90 % of a normal distribution
_DOUBLINGS: Final = 60
_HALVINGS: Final = 50
_LEAST: Final = 1000.0  # nano-dollars: where a search of an amount begins that was nothing
_UNSET: Final = 10.0  # a change of what nobody had set is further than any change of a number that counted
_MS: Final = 1000.0
_NEAR: Final = 1e-9
_LOSSES: Final = (0.0001, 0.499)  # as far as an owner may set them and mean it
_SURES: Final = (0.001, 0.999)
_FIXED: Final = ("guarantee:", "guard:novel", "guard:unknown")


class Situation(Struct, frozen=True, kw_only=True):
    """A choice by value as it is on record. The criteria of `routing` are those of the call: what its request set stands in the place of the owner's."""

    weighed: tuple[Weighed, ...]
    routing: Routing


class Change(Struct, frozen=True, kw_only=True):
    """
    With `needed` in the place of `was`, `chosen` would have been taken. `target` is whose number it is, empty for one of the criteria.

    Money in nano-dollars, delays in milliseconds, `within` in seconds, the rest 0..1. `size` is the change as a share of what was; another word counts 1.
    """

    what: What
    target: str
    was: float | None
    needed: float
    chosen: str
    size: float
    says: str


class _Knob(Struct, frozen=True, kw_only=True):
    """
    One number that may be turned. `end` is how far; infinite where only the search ends it. `wants` is who shall be chosen, None for anybody else.

    One that `is_word` has no numbers between: it is written as a word.
    """

    what: What
    target: str = ""
    was: float | None
    start: float
    end: float
    turn: Callable[[float], Situation]
    wants: str | None = None
    is_word: bool = False


def best(situation: Situation) -> str:
    """Return who goes first when nothing is tried: of those that keep to the bounds best and may go before the incumbent, the one that is worth most."""
    scale, candidates = _scale(situation)
    incumbent = _incumbent(situation)
    order = sorted(
        range(len(candidates)),
        key=lambda at: (scale.breach(candidates[at]), -scale.worth(candidates[at]), at != incumbent, at),
    )
    weighed = situation.weighed
    return weighed[next(at for at in order if _passes(weighed[at], weighed[incumbent], situation=situation))].target


def nearest(situation: Situation, *, chosen: str) -> tuple[Change, ...]:
    """
    Return what would have changed the choice, the nearest first, one change a number.

    Nothing, if the objective by itself does not choose `chosen`: then something else did, such as a trial, a cascade, or criteria that are not on record.
    """
    if not situation.weighed or not _is_on_record(situation) or best(situation) != chosen:
        return ()
    found: dict[tuple[str, str, str], Change] = {}
    for knob in _knobs(situation, chosen=chosen):
        change = _turned(knob, situation, chosen=chosen)
        if change is not None and _is_known(change, situation):
            found.setdefault((change.what, change.target, change.chosen), change)
    return tuple(sorted(found.values(), key=lambda one: (one.size, one.what, one.target)))


# ── the objective, asked again ──────────────────────────────────────────────────────────────────────────────────────


def _scale(situation: Situation) -> tuple[Scale, list[Candidate]]:
    candidates = [
        Candidate(
            target=one.target,
            seen=Prediction(target=one.target, quality=one.quality, sd=_sd(one)),
            cost_nano_usd=one.cost_nano_usd,
            latency_s=None if one.latency_ms is None else one.latency_ms / _MS,
        )
        for one in situation.weighed
    ]
    return Scale(situation.routing.criteria, candidates), candidates


def _is_on_record(situation: Situation) -> bool:
    """Tell whether the candidates were weighed by these criteria: a request may have told its own."""
    scale, candidates = _scale(situation)
    return all(isclose(scale.worth(one), seen.value_nano_usd, rel_tol=_NEAR, abs_tol=2) for one, seen in zip(candidates, situation.weighed, strict=True))


def _incumbent(situation: Situation) -> int:
    """Return which candidate is the incumbent; the first where that one could not take the call."""
    wanted = situation.routing.incumbent.name
    return next((at for at, one in enumerate(situation.weighed) if one.target == wanted), 0)


def _passes(one: Weighed, there: Weighed, *, situation: Situation) -> bool:
    """
    Tell whether a candidate may go before the incumbent.

    What no number on record says (traffic unlike any, no certificate) stays as it was. How far the two may be off is taken as independent.
    """
    if one is there:
        return True
    if one.reason.startswith(_FIXED):
        return False
    routing = situation.routing
    if routing.guarantee:
        return True
    ahead = one.quality - there.quality + routing.loss / routing.criteria.risk
    sd = sqrt(_sd(one) ** 2 + _sd(there) ** 2)
    worse = erfc(ahead / sd / sqrt(2)) / 2 if sd > 0 else float(ahead < 0)
    return worse <= 1 - routing.sure


def _is_known(change: Change, situation: Situation) -> bool:
    """Tell whether what is on record is enough to say so: whether a certificate would have let others go first is not, only that the incumbent always may."""
    return not situation.routing.guarantee or change.chosen == situation.weighed[_incumbent(situation)].target


def _sd(one: Weighed) -> float:
    # A bound that lies at 0 or 1 was cut off there: the other one tells.
    return max(one.high - one.quality, one.quality - one.low, 0.0) / _BOUND


# ── what may be turned ──────────────────────────────────────────────────────────────────────────────────────────────


def _knobs(situation: Situation, *, chosen: str) -> Iterator[_Knob]:
    for one in situation.weighed:
        yield from _of_candidate(situation, one, is_chosen=one.target == chosen)
    yield from _of_criteria(situation)
    if not situation.routing.guarantee:
        yield from _of_guard(situation)


def _of_candidate(situation: Situation, one: Weighed, *, is_chosen: bool) -> Iterator[_Knob]:
    """Another is made better until it is taken, the chosen one worse until it is not."""
    wants = None if is_chosen else one.target

    def turn(make: Callable[[float], Weighed]) -> Callable[[float], Situation]:
        return lambda value: _with(situation, one, other=make(value))

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
    for number in sorted(WORDS["risk"].values(), key=lambda value: abs(value - told.risk)):
        yield _Knob(what="risk", was=told.risk, start=told.risk, end=number, turn=turn(lambda value: replace(told, risk=value)), is_word=True)
    bulk = float(told.bulk)
    yield _Knob(what="volume", was=bulk, start=bulk, end=1 - bulk, turn=turn(lambda value: replace(told, bulk=bool(value))), is_word=True)


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
    for end in _LOSSES:
        yield _Knob(what="loss", was=routing.loss, start=routing.loss, end=end, turn=lambda value: replace(situation, routing=replace(routing, loss=value)))
    for end in _SURES:
        yield _Knob(what="sure", was=routing.sure, start=routing.sure, end=end, turn=lambda value: replace(situation, routing=replace(routing, sure=value)))


def _of_quality(one: Weighed, quality: float) -> Weighed:
    """Return the candidate with another quality, known as well as before."""
    reach = _BOUND * _sd(one)
    return replace(one, quality=quality, low=max(quality - reach, 0.0), high=min(quality + reach, 1.0))


def _with(situation: Situation, one: Weighed, *, other: Weighed) -> Situation:
    return replace(situation, weighed=tuple(other if seen is one else seen for seen in situation.weighed))


def _under(situation: Situation, criteria: Criteria) -> Situation:
    return replace(situation, routing=replace(situation.routing, criteria=criteria))


# ── the search ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _turned(knob: _Knob, situation: Situation, *, chosen: str) -> Change | None:
    """Return the smallest turn of a knob that changes the choice, or None."""

    def differs(value: float) -> bool:
        now = best(knob.turn(value))
        return now == knob.wants if knob.wants is not None else now != chosen

    far = _far(knob, differs)
    if far is None:
        return None
    needed = far if knob.is_word else _rounded(_nearest(far, knob, differs=differs), knob, differs=differs)
    size = 1.0 if knob.is_word else _UNSET if not knob.was else abs(needed - knob.was) / abs(knob.was)
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


def _nearest(far: float, knob: _Knob, *, differs: Callable[[float], bool]) -> float:
    near = knob.start
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if differs(middle) else (middle, far)
    return far


def _rounded(value: float, knob: _Knob, *, differs: Callable[[float], bool]) -> float:
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
    was = "not set" if change.was is None else _told(change.what, _short(change.was))
    if whose is not None and change.what == "quality":
        was = f"{was} ± {max(whose.high - whose.quality, whose.quality - whose.low):.2f}"
    own = "its" if change.target == change.chosen else f"the {{}} of `{change.target}`"
    subject = _SUBJECT[change.what]
    if change.what in WORDS:
        words = {meant: word for word, meant in WORDS[change.what].items()}
        return f"`{change.chosen}` would have been chosen if {subject} were `{words[change.needed]}` (was `{words.get(change.was or 0.0, was)}`)."
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
    "risk": "`risk`",
    "volume": "`volume`",
    "loss": "`not_worse_by`",
    "sure": "`sure`",
}
_MONEY: Final = frozenset({"price", "value", "error", "delay_price", "price_limit"})


def _short(value: float) -> float:
    """Return what was with three digits: it is only told, nothing is proven by it."""
    return float(f"{value:.3g}")


def _told(what: What, value: float) -> str:
    if what in _MONEY:
        return dollars(round(value))
    if what == "delay":
        return f"{value:,.6g} ms"
    return f"{value:.6g}" + (" s" if what == "within" else "")
