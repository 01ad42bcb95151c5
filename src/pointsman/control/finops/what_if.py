"""
What a span would have cost at other prices, or with another ladder. Nothing is changed; what is assumed is said.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.finops.frontier import Answered, answered
from pointsman.control.finops.intervals import Floats, Interval
from pointsman.control.finops.savings import at_price
from pointsman.control.finops.span import DAY_MS, Span
from pointsman.control.finops.spent import units
from pointsman.control.finops.tiers import Raised, prompts_of, raised
from pointsman.core.reply import Usage
from pointsman.core.target import Price
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

AT_PRICES: Final = (
    "The same targets answer the same calls with the same tokens.",
    "A call's whole cost counts for the target that answered: what failed attempts elsewhere cost changes with it.",
    "Calls of unknown cost cost nothing before, and nothing after.",
    "The interval is over days: what another span of as many days like these would show.",
)
OTHER_LADDER: Final = (
    "A call at a target costs what its calls cost on average, retries and escalations before it included; people's time per item stays as it is.",
    "A target is as good for the calls moved to it as for those it answered; which items it was asked was routing, not chance.",
    "Where no item of a target was told, its success is the mean of all, and the interval is as wide as that is unsure.",
    "Latency is the mean of each target's calls.",
)
_DRAWS: Final = 2000
_TAIL: Final = 0.025


class Line(Struct, frozen=True, kw_only=True):
    """One target: what it cost, and what it would have."""

    target: str
    calls: int
    now_nano_usd: int
    then_nano_usd: int


class Repriced(Struct, frozen=True, kw_only=True):
    """
    A span of whole days at other prices. `change` is then - now with an interval over days; None with fewer than a week of days.

    Per useful outcome: attempts and people of items opened in the span, per useful item; None without any.
    """

    span: Span
    lines: tuple[Line, ...]
    change: Interval | None
    per_useful_now_nano_usd: int | None
    per_useful_then_nano_usd: int | None
    assumptions: tuple[str, ...] = AT_PRICES

    @property
    def now_nano_usd(self) -> int:
        """What was paid."""
        return sum(line.now_nano_usd for line in self.lines)

    @property
    def then_nano_usd(self) -> int:
        """What would have been paid."""
        return sum(line.then_nano_usd for line in self.lines)


class Reladdered(Struct, frozen=True, kw_only=True):
    """A workflow with other shares of calls for its model targets. Money in nano-dollars, latency in milliseconds, shares 0 to 1 of the models' calls."""

    workflow: str
    span: Span
    shares_now: Mapping[str, float]
    shares_then: Mapping[str, float]
    cost_now: int
    cost_then: int
    success_now: float
    success_then: float
    latency_now_ms: float
    latency_then_ms: float
    per_useful_now: int | None
    per_useful_then: int | None
    change: Interval | None
    assumptions: tuple[str, ...] = OTHER_LADDER


def at_prices(db: Database, span: Span, *, prices: Mapping[str, Price], now: Mapping[str, Price] | None = None, workflow: str = "", seed: int = 1) -> Repriced:
    """
    Return what a span of whole days would have cost had these targets had these prices, in one workflow or in all.

    With `now`, the prices there are, a target's cost changes in the proportion of the two: what its calls took elsewhere before is not priced as if it had
    been taken there.
    """
    days = span.days
    rows = db.rows(query("finops/days"), {"since_ms": days.since_ms, "until_ms": days.until_ms})
    prompts = prompts_of(db, days, prices=[*prices.values(), *(now or {}).values()], workflow=workflow, seed=seed)
    at, at_now = ({name: raised(price, prompts) for name, price in told.items()} for told in (prices, now or {}))
    paid_there: dict[str, list[int]] = {}
    by_day = np.zeros(len(days.day_starts))
    for row in rows:
        if workflow and row["workflow"] != workflow:
            continue
        price, known = at.get(row["target"]), at_now.get(row["target"])
        then = row["cost_nano_usd"] if price is None else _at(row, price) if known is None else _in_proportion(row, price, known=known)
        line = paid_there.setdefault(row["target"], [0, 0, 0])
        for place, more in enumerate((row["calls"], row["cost_nano_usd"], then)):
            line[place] += more
        by_day[(row["bucket_ms"] - days.since_ms) // DAY_MS] += then - row["cost_nano_usd"]
    lines = tuple(Line(target=name, calls=one[0], now_nano_usd=one[1], then_nano_usd=one[2]) for name, one in sorted(paid_there.items()))
    paid, would = sum(line.now_nano_usd for line in lines), sum(line.then_nano_usd for line in lines)
    items = units(db, days, workflow=workflow)
    useful, attempts = sum(one.useful for one in items), sum(one.cost_nano_usd for one in items)
    people = sum(one.human_nano_usd for one in items)
    moved = round(attempts * would / paid) if paid else attempts
    return Repriced(
        span=days,
        lines=lines,
        change=_over_days(by_day, seed=seed),
        per_useful_now_nano_usd=round((attempts + people) / useful) if useful else None,
        per_useful_then_nano_usd=round((moved + people) / useful) if useful else None,
        assumptions=(*AT_PRICES, *sorted({says for one in (*at.values(), *(at_now[name] for name in at if name in at_now)) for says in one.says})),
    )


def other_ladder(
    db: Database, workflow: str, *, span: Span, shares: Mapping[str, float], per_call: Mapping[str, float] | None = None, seed: int = 1
) -> Reladdered | None:
    """
    Return what a workflow would have cost with these shares of its models' calls by target; they are made to add up to 1.

    `per_call` is the cost of a call (nano-dollars) of targets that answered none in the span. None where no model answered. Raises `ValueError` for a target
    whose cost of a call is not known.
    """
    every = answered(db, workflow, span=span, seed=seed)
    calls = sum(one.calls for one in every.values())
    if not calls or not sum(shares.values()):
        return None
    costs = {**(per_call or {}), **{name: one.per_call_nano_usd for name, one in every.items() if one.per_call_nano_usd is not None}}
    then = {name: share / sum(shares.values()) for name, share in shares.items() if share}
    now = {name: one.calls / calls for name, one in every.items()}
    missing = sorted(name for name in then if name not in costs)
    if missing:
        raise ValueError(f"no call of `{missing[0]}` has a known cost in this span. Name a target that answered, or a longer span.")
    items = units(db, span, workflow=workflow)
    useful, people = sum(one.useful for one in items), sum(one.human_nano_usd for one in items)
    rest = sum(one.cost_nano_usd for one in items) - _cost(now, costs, calls=calls)
    cost_now, cost_then = _cost(now, costs, calls=calls), _cost(then, costs, calls=calls)
    drawn = _success(every, now, then=then, seed=seed)
    mean_now, mean_then = _weighed(now, every), _weighed(then, every)
    useful_then = useful * mean_then / mean_now if mean_now else 0.0
    per_now = round((cost_now + rest + people) / useful) if useful else None
    return Reladdered(
        workflow=workflow,
        span=span.hours,
        shares_now=now,
        shares_then=then,
        cost_now=cost_now,
        cost_then=cost_then,
        success_now=mean_now,
        success_then=mean_then,
        latency_now_ms=_latency(now, every),
        latency_then_ms=_latency(then, every),
        per_useful_now=per_now,
        per_useful_then=round((cost_then + rest + people) / useful_then) if useful_then else None,
        change=_change((cost_now + rest + people, cost_then + rest + people), useful, drawn=drawn) if per_now and useful_then else None,
    )


def _at(row: Row, tiers: Raised) -> int:
    known = row["calls"] - row["cost_unknown"]
    part = [row[name] * known // row["calls"] for name in ("tokens_in", "tokens_out", "cache_read")]
    usage = Usage(tokens_in=part[0], tokens_out=part[1], cache_read=part[2])
    return at_price(usage, tiers.price, calls=known, raised_by=tiers.of(row["target"]))


def _in_proportion(row: Row, price: Raised, *, known: Raised) -> int:
    at_known = _at(row, known)
    return round(row["cost_nano_usd"] * _at(row, price) / at_known) if at_known else _at(row, price)


def _over_days(by_day: Floats, *, seed: int) -> Interval | None:
    if len(by_day) < 7:  # noqa: PLR2004 - days of a week
        return None
    draws = np.random.default_rng(seed).choice(by_day, size=(_DRAWS, len(by_day))).sum(axis=1)
    low, high = (float(np.quantile(draws, level)) for level in (_TAIL, 1 - _TAIL))
    return Interval(value=float(by_day.sum()), low=low, high=high)


def _cost(shares: Mapping[str, float], costs: Mapping[str, float], *, calls: int) -> int:
    return round(calls * sum(share * costs.get(name, 0.0) for name, share in shares.items()))


def _mean_success(every: Mapping[str, Answered]) -> float:
    told = sum(one.told for one in every.values())
    return sum(one.useful for one in every.values()) / told if told else 0.0


def _weighed(shares: Mapping[str, float], every: Mapping[str, Answered]) -> float:
    mean = _mean_success(every)
    return sum(share * (every[name].success.value if name in every and every[name].told else mean) for name, share in shares.items())


def _latency(shares: Mapping[str, float], every: Mapping[str, Answered]) -> float:
    known = {name: share for name, share in shares.items() if name in every}
    return sum(share * every[name].latency_ms for name, share in known.items()) / sum(known.values()) if known else 0.0


def _success(every: Mapping[str, Answered], now: Mapping[str, float], *, then: Mapping[str, float], seed: int) -> Sequence[float]:
    """Return draws of success then / success now. A target of which nothing was told may be anything around the mean: as if two items were told of it."""
    random = np.random.default_rng(seed)
    mean = _mean_success(every)
    names = sorted({*now, *then})
    rates: dict[str, Floats] = {}
    for name in names:
        one = every.get(name, Answered(target=name))
        rates[name] = random.beta(one.useful + 2 * mean + 0.01, one.told - one.useful + 2 * (1 - mean) + 0.01, size=_DRAWS)
    before, after = np.zeros(_DRAWS), np.zeros(_DRAWS)
    for name in names:
        before += now.get(name, 0.0) * rates[name]
        after += then.get(name, 0.0) * rates[name]
    ratios: list[float] = (after / before).tolist()
    return ratios


def _change(costs: tuple[int, int], useful: int, *, drawn: Sequence[float]) -> Interval:
    """Return the change of the cost per useful outcome."""
    changes = [costs[1] / (useful * max(ratio, 1e-9)) - costs[0] / useful for ratio in drawn]
    low, middle, high = (float(np.quantile(changes, level)) for level in (_TAIL, 0.5, 1 - _TAIL))
    return Interval(value=middle, low=low, high=high)
