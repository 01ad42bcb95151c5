"""
What each mechanism saved against a stated baseline: everything answered by one target.

Counterfactual = the same tokens at the baseline's price; where no tokens flowed (rules, cache, refusals) the average tokens of a call of that capability that
a model answered. Savings may be negative. Over all mechanisms they add up to baseline - actual. It says nothing of whether the baseline would have been
better.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.control.finops.span import Span
from pointsman.control.finops.spent import Flow, spent
from pointsman.control.finops.tiers import Raised, prompts_of, raised
from pointsman.core.place import Place
from pointsman.core.reply import Usage
from pointsman.core.target import Price
from pointsman.ledger.prices import cost
from pointsman.storage.sql import Database

ASSUMPTIONS: Final = (
    "Each call would have taken the same tokens at the baseline, with the same part read from a cache.",
    "A call that a rule, the cache or a refusal answered would have taken the average tokens of its capability's calls that a model answered.",
    "Calls of unknown cost are left out on both sides. Tokens of judges and shadows are taken out by their share of the cost.",
)
OVERHEAD: Final = "judges, summaries, shadows"
SAME: Final = "the baseline itself"
_MODELS: Final = frozenset({Place.PRIVATE.value, Place.CLOUD.value, Place.EDGE.value})
_BY_PLACE: Final[Mapping[str, str]] = {
    Place.RULES.value: "rules",
    Place.CACHE.value: "cache",
    Place.PRIVATE.value: "private models",
    Place.EDGE.value: "edge models",
    Place.PEOPLE.value: "people",
    "none": "refused or stopped before any attempt",
}
_ROUTED: Final = "other cloud models"


class Saving(Struct, frozen=True, kw_only=True):
    """One mechanism: calls of known cost, what they cost, and what the baseline would have cost for them."""

    mechanism: str
    calls: int = 0
    actual_nano_usd: int = 0
    baseline_nano_usd: int = 0

    @property
    def saved_nano_usd(self) -> int:
        """Baseline less actual; negative where the mechanism cost more."""
        return self.baseline_nano_usd - self.actual_nano_usd


class Savings(Struct, frozen=True, kw_only=True):
    """
    Savings by mechanism, the largest first. `unknown_calls` were left out because their cost is unknown.

    `unvalued_calls` took no tokens and no model answered a call of their workflow: nobody knows what they would have cost, so that they count nothing.
    """

    span: Span
    baseline: str
    price_id: str
    lines: tuple[Saving, ...]
    unknown_calls: int
    unvalued_calls: int
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @property
    def actual_nano_usd(self) -> int:
        """What was paid for calls of known cost."""
        return sum(line.actual_nano_usd for line in self.lines)

    @property
    def baseline_nano_usd(self) -> int:
        """What the baseline would have cost."""
        return sum(line.baseline_nano_usd for line in self.lines)

    @property
    def saved_nano_usd(self) -> int:
        """Baseline less actual."""
        return self.baseline_nano_usd - self.actual_nano_usd


def savings(db: Database, span: Span, *, target: str, price: Price, workflow: str = "") -> Savings:
    """Return what each mechanism saved in a span of whole hours against `target` at `price`, in one workflow or in all."""
    tiers = raised(price, prompts_of(db, span.hours, prices=(price,), workflow=workflow))
    return saved(spent(db, span, workflow=workflow), span.hours, target=target, tiers=tiers)


def saved(flows: Sequence[Flow], span: Span, *, target: str, tiers: Raised) -> Savings:
    """Return what each mechanism saved in these flows, at a price and what its tiers raise."""
    price, average = tiers.price, averages(flows)
    lines: dict[str, Saving] = {}
    unknown = unvalued = 0
    for flow in flows:
        known = flow.calls - flow.cost_unknown
        unknown += flow.cost_unknown
        usage = _usage(flow, known) if flow.tokens_in + flow.tokens_out else average(flow)
        if usage is None:
            unvalued += known
        per_call = not (flow.tokens_in + flow.tokens_out)
        baseline = 0 if usage is None else at_price(usage, price, calls=known, times=known if per_call else 1, raised_by=tiers.of(flow.target))
        actual = flow.cost_nano_usd if known else 0
        overhead = min(flow.overhead_nano_usd, actual)
        _add(lines, _mechanism(flow, target), calls=known, actual=actual - overhead, baseline=baseline)
        if overhead:
            _add(lines, OVERHEAD, calls=0, actual=overhead, baseline=0)
    ordered = sorted(lines.values(), key=lambda line: (-line.saved_nano_usd, line.mechanism))
    return Savings(
        span=span,
        baseline=target,
        price_id=price.price_id,
        lines=tuple(ordered),
        unknown_calls=unknown,
        unvalued_calls=unvalued,
        assumptions=(*ASSUMPTIONS, *tiers.says),
    )


def averages(flows: Iterable[Flow]) -> Callable[[Flow], Usage | None]:
    """Return what a call like those of a flow takes on average where a model answers: of its capability, else of its workflow, else of all; else None."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for flow in flows:
        if flow.place not in _MODELS:
            continue
        for key in ((flow.workflow, flow.capability), (flow.workflow,), ()):
            there = sums.setdefault(key, [0, 0, 0, 0])
            for place, more in enumerate((flow.calls, flow.tokens_in, flow.tokens_out, flow.cache_read)):
                there[place] += more

    def of(flow: Flow) -> Usage | None:
        for key in ((flow.workflow, flow.capability), (flow.workflow,), ()):
            calls, tokens_in, tokens_out, cache_read = sums.get(key, [0, 0, 0, 0])
            if calls and tokens_in + tokens_out:
                return Usage(tokens_in=tokens_in // calls, tokens_out=tokens_out // calls, cache_read=cache_read // calls)
        return None

    return of


def at_price(usage: Usage, price: Price, *, calls: int, times: int = 1, raised_by: tuple[int, int] = (1, 1)) -> int:
    """Return what tokens cost at a price's lowest rates, `times` over and raised by a ratio, and the price's fee for each of the calls."""
    return cost(usage, Price(price_id=price.price_id, rates=price.rates)) * times * raised_by[0] // raised_by[1] + price.per_request_nano_usd * calls


def _usage(flow: Flow, known: int) -> Usage:
    """Return the tokens of a flow's calls of known cost, less those of its overhead by its share of the cost."""
    kept = (flow.cost_nano_usd - flow.overhead_nano_usd, flow.cost_nano_usd) if flow.cost_nano_usd > 0 else (1, 1)

    def part(tokens: int) -> int:
        return tokens * known * kept[0] // (flow.calls * kept[1])

    return Usage(tokens_in=part(flow.tokens_in), tokens_out=part(flow.tokens_out), cache_read=part(flow.cache_read))


def _mechanism(flow: Flow, target: str) -> str:
    return SAME if flow.target == target else _BY_PLACE.get(flow.place, _ROUTED)


def _add(lines: dict[str, Saving], mechanism: str, *, calls: int, actual: int, baseline: int) -> None:
    there = lines.get(mechanism, Saving(mechanism=mechanism))
    lines[mechanism] = Saving(
        mechanism=mechanism,
        calls=there.calls + calls,
        actual_nano_usd=there.actual_nano_usd + actual,
        baseline_nano_usd=there.baseline_nano_usd + baseline,
    )
