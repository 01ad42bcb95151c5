"""
What drove a change of the cost per useful outcome, in plain sentences. Amounts come from `drivers`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pointsman.control.finops.drivers import EFFORT, LICENCES, MIX, PEOPLE, PRICE, RATE, SIZE, TIMING, UNKNOWN, VOLUME, GroupFacts, TargetFacts
from pointsman.core.money import NANO_PER_USD, dollars

_MOST_REASONS: Final = 3
_WORTH_TELLING: Final = 0.02
_NOBODY: Final = "without a name"


def sentences(name: str, old: GroupFacts, *, now: GroupFacts, drivers: Mapping[str, int] | None) -> tuple[str, ...]:
    """Return the change in one sentence, and the largest reasons in one each, the largest first."""
    who = name or _NOBODY
    here, there = now.per_useful_nano_usd, old.per_useful_nano_usd
    if here is None:
        return (f"{who}: no cost per useful outcome is known, {_why(now)}.",)
    if there is None or drivers is None:
        return (f"{who}: {amount(here)} per useful outcome; there is none to compare with, {_why(old)}.",)
    if here == there:
        return (f"{who}: {amount(here)} per useful outcome, as before.",)
    word = "more" if here > there else "less"
    told = [f"{who}: {amount(here)} per useful outcome, {amount(abs(here - there))} ({_percent(abs(here - there), there)}) {word} than before."]
    least = abs(here - there) * _WORTH_TELLING
    ranked = sorted(drivers, key=lambda driver: -abs(drivers[driver]))
    told += [_reason(driver, drivers[driver], old=old, now=now) for driver in ranked[:_MOST_REASONS] if abs(drivers[driver]) > least]
    return tuple(told)


def amount(nano_usd: int) -> str:
    """Return an amount with as many digits as a person reads: cents from a dollar up, three digits that count below."""
    if abs(nano_usd) >= NANO_PER_USD or nano_usd == 0:
        return dollars(round(nano_usd, -7))
    return dollars(round(nano_usd, min(0, 3 - len(str(abs(nano_usd))))))


def _reason(driver: str, part: int, *, old: GroupFacts, now: GroupFacts) -> str:
    return f"{'+' if part > 0 else '-'}{amount(abs(part))} {driver}: {_DETAILS[driver](old, now)}."


def _why(group: GroupFacts) -> str:
    if not group.units:
        return "because no item was opened"
    if not group.told:
        return "because no outcome was told: send them with `POST /v1/outcomes`"
    return "because nothing was useful" if not group.useful else "because no cost is known: `pointsman check` names the targets without a price"


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "from nothing"


def _rate(old: GroupFacts, now: GroupFacts) -> str:
    return f"{_percent(now.useful, now.units)} of the items were useful, {_percent(old.useful, old.units)} before"


def _effort(old: GroupFacts, now: GroupFacts) -> str:
    return f"{now.calls / max(now.units, 1):.2f} calls per item, {old.calls / max(old.units, 1):.2f} before"


def _mix(old: GroupFacts, now: GroupFacts) -> str:
    target = _furthest(old, now, of=lambda group, one: one.calls / max(group.calls, 1))
    return f"`{target}` answered {_answered(now, target)} of the calls, {_answered(old, target)} before"


def _size(old: GroupFacts, now: GroupFacts) -> str:
    target = _furthest(old, now, of=lambda group, one: one.tokens / max(group.calls, 1))
    return f"{_each(now, target, field='tokens'):,.0f} tokens per call at `{target}`, {_each(old, target, field='tokens'):,.0f} before"


def _price(old: GroupFacts, now: GroupFacts) -> str:
    target = _furthest(old, now, of=lambda group, one: one.cost_nano_usd / max(group.calls, 1))
    return f"`{target}` cost {_per_token(now, target)} a million tokens, {_per_token(old, target)} before"


def _unknown(old: GroupFacts, now: GroupFacts) -> str:
    return f"the cost of {1 - now.coverage:.0%} of the calls is unknown, {1 - old.coverage:.0%} before"


def _people(old: GroupFacts, now: GroupFacts) -> str:
    return f"{_minutes(now)} minutes of people's time per item, {_minutes(old)} before"


def _minutes(group: GroupFacts) -> str:
    """Where most items take no person, an item's mean is a small part of a minute: one decimal would tell the same of both spans."""
    minutes = group.human_s / 60 / max(group.units, 1)
    return f"{minutes:.1f}" if minutes == 0 or minutes >= 1 else f"{minutes:.2g}"


def _licences(old: GroupFacts, now: GroupFacts) -> str:
    return f"{amount(now.licence_nano_usd)} over {now.units:,} items, {amount(old.licence_nano_usd)} over {old.units:,} before"


def _timing(_: GroupFacts, now: GroupFacts) -> str:
    apart = now.attempts_nano_usd - sum(one.cost_nano_usd for one in now.targets.values())
    return f"calls worth {amount(abs(apart))} were made {'outside this span for items opened in it' if apart > 0 else 'in it for items opened before'}"


def _volume(old: GroupFacts, now: GroupFacts) -> str:
    return f"{now.units:,} items, {old.units:,} before"


def _answered(group: GroupFacts, target: str) -> str:
    return _percent(group.targets.get(target, TargetFacts()).calls, max(group.calls, 1))


def _each(group: GroupFacts, target: str, *, field: str) -> float:
    one = group.targets.get(target, TargetFacts())
    return getattr(one, field) / max(one.calls, 1)


def _per_token(group: GroupFacts, target: str) -> str:
    one = group.targets.get(target, TargetFacts())
    return amount(round(one.cost_nano_usd * 1_000_000 / one.tokens)) if one.tokens else "nothing for"


def _furthest(old: GroupFacts, now: GroupFacts, *, of: Callable[[GroupFacts, TargetFacts], float]) -> str:
    """Return the target that a number changed most for."""
    names = {*old.targets, *now.targets}
    return max(sorted(names), key=lambda name: abs(of(now, now.targets.get(name, TargetFacts())) - of(old, old.targets.get(name, TargetFacts()))))


_DETAILS: Final[Mapping[str, Callable[[GroupFacts, GroupFacts], str]]] = {
    RATE: _rate,
    EFFORT: _effort,
    MIX: _mix,
    SIZE: _size,
    PRICE: _price,
    UNKNOWN: _unknown,
    PEOPLE: _people,
    LICENCES: _licences,
    TIMING: _timing,
    VOLUME: _volume,
}
