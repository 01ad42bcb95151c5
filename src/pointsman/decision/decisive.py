"""
What decided a choice by value beside the worth of its candidates, in sentences: a guarantee that is not in force, a guard, looks at answers that did not pay,
trials that were not made. Told from what is on record and what the owner wrote; each only where it decided the matter. Pure.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from pointsman.core.label import Level
from pointsman.core.routing import Routing, Weighed

_PROMISE: Final = "guarantee:"
_GUARDS: Final = ("guard:", _PROMISE)
_UNLEARNED: Final = frozenset({"guard:unknown", "guarantee:none", "guarantee:other_parameters"})
_KEPT_BACK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "guard:worse": "it is not surely enough as good",
        "guard:novel": "nothing like this call was seen",
        "guard:unknown": "nothing was learned of it",
        "guarantee:none": "nothing is promised for this capability yet",
        "guarantee:lapsed": "the promise has lapsed",
        "guarantee:other_parameters": "the promise was proven with other parameters than those in force",
        "guarantee:other_incumbent": "the promise is about another incumbent",
        "guarantee:other_promise": "the promise is milder than what is asked for",
        "guarantee:not_covered": "the promise is about other targets",
        "guarantee:not_preferred": "the promise lets only the target go first that it prefers for this call",
        "guarantee:below_threshold": "its predicted advantage is below what the promise was proven for",
        "guarantee:drift:scores": "the traffic is no longer like that which the promise was proven on",
        "guarantee:drift:loss": "more was lost than was promised",
    }
)


class Occasion(Struct, frozen=True, kw_only=True):
    """
    What a choice was made in. `level` is that of the data, `reason` the code of who went first, empty where it is not on record; `is_spent` tells that the
    day's money for trials was.
    """

    level: Level
    reason: str
    is_trial: bool = False
    is_spent: bool = False


def decisive(weighed: tuple[Weighed, ...], routing: Routing, *, first: str | None, now: Occasion) -> tuple[str, ...]:
    """Return the sentences; none where the worth of the candidates alone decided. `first` is who goes first when nothing is tried."""
    there = next((one for one in weighed if one.target == first), None)
    if there is None or len(weighed) == 1:
        return ()
    others = [one for one in weighed if one is not there]
    told = (_kept_back(others, routing, there=there, now=now), _looks(others, routing, there=there, now=now), _trials(others, routing, now=now))
    return tuple(chain.from_iterable(told))


def _kept_back(others: list[Weighed], routing: Routing, *, there: Weighed, now: Occasion) -> Iterator[str]:
    """Tell what kept the worthiest back, if it is worth more than who goes first or keeps to the bounds where that one does not."""
    name = routing.incumbent.name
    if now.reason == "stands_in":
        yield f"The incumbent `{name}` cannot take the call, and of nobody that can is it sure enough that it is as good."
        return
    is_broken = bool(there.reason) and not there.reason.startswith(_GUARDS)
    better = [one for one in others if one.reason.startswith(_GUARDS) and (is_broken or one.value_nano_usd > there.value_nano_usd)]
    if not better:
        return
    one = max(better, key=lambda one: one.value_nano_usd)
    more = "is expected to be worth more than" if one.value_nano_usd > there.value_nano_usd else "keeps to the bounds better than"
    yield f"`{one.target}` {more} `{there.target}`, but may not go before `{name}`: {_KEPT_BACK.get(one.reason, one.reason)}."
    if one.reason in _UNLEARNED and routing.shadow is None and (routing.guarantee or routing.explore is None):
        how = "`routing.shadow`" if routing.guarantee else "`routing.shadow` or `routing.explore`"
        yield f"Nobody asks `{one.target}` by the way: {how} would, and so bring what is missing."


def _looks(others: list[Weighed], routing: Routing, *, there: Weighed, now: Occasion) -> Iterator[str]:
    """Tell what became of ways over answers that are looked at."""
    if now.reason == "cascade":
        yield f"Answers of `{there.target}` are looked at before they are given, and that way as a whole is worth more than any target alone."
        return
    checked = sorted(one.target for one in others if one.target in routing.checked and (routing.guarantee or one.value_nano_usd > there.value_nano_usd))
    if not checked or not now.reason:
        return
    names = ", ".join(f"`{name}`" for name in checked)
    if routing.guarantee:
        if any(one.target in checked and one.reason.startswith(_PROMISE) for one in others):
            yield f"No way that looks at answers of {names} first is weighed: a guarantee is about whoever goes first, not about ways over several."
        return
    yield f"No way that looks at answers of {names} first is worth more and, as a whole, surely enough as good as `{routing.incumbent.name}`."


def _trials(others: list[Weighed], routing: Routing, *, now: Occasion) -> Iterator[str]:
    """Tell why nothing can be tried, where the owner lets something be."""
    trial = routing.explore
    if trial is None or trial.share <= 0 or now.is_trial or any(one.probability > 0 for one in others):
        return
    if now.level > trial.ceiling:
        yield f"Nothing is tried here: `explore` takes data up to `{trial.ceiling.name.lower()}`, and this is `{now.level.name.lower()}`."
    elif now.reason == "stays":
        yield "Nothing is tried here: the conversation stands there, and nothing is tried in the middle of one."
    elif now.is_spent:
        yield "Nothing is tried here: the day's money for it (`explore.usd_per_day`) is spent."
    else:
        yield "Nothing is tried here: nothing was learned yet, or bounds, a conversation or the day's money stand against each of the others."
