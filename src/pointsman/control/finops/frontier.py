"""
Money on the strongest target that a cheaper one would have done for, and money for own hardware that nobody used.

A cheaper target is not worse where the lower bound of (its success - the strongest's), over items of the same workflow by who answered last, is above
-`MARGIN`; or, better, where shadows of it were good on the strongest's own calls. Items reach a target by routing, not by chance: what they ask differs.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.finops.intervals import Interval, difference, wilson
from pointsman.control.finops.sample import OPEN, USEFUL, drawn
from pointsman.control.finops.span import Span
from pointsman.control.finops.spent import spent
from pointsman.storage.sql import Database

MARGIN: Final = 0.02
LEAST: Final = 30
_MOST_ITEMS: Final = 4000
_MODELS: Final = frozenset({"private", "cloud", "edge"})


class Answered(Struct, frozen=True, kw_only=True):
    """
    What one target answered in a workflow. `told` and `useful` count drawn items whose last answer it gave; the rest is of all calls of the span.

    `latency_ms` is the mean of a call.
    """

    target: str
    place: str = ""
    calls: int = 0
    cost_unknown: int = 0
    cost_nano_usd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    escalations: int = 0
    latency_ms: float = 0.0
    told: int = 0
    useful: int = 0
    shadows: int = 0
    shadows_passed: int = 0
    shadow_nano_usd: int = 0

    @property
    def per_call_nano_usd(self) -> float | None:
        """The mean cost of a call of known cost; None without any."""
        known = self.calls - self.cost_unknown
        return self.cost_nano_usd / known if known else None

    @property
    def success(self) -> Interval:
        """The share of told items that were useful."""
        return wilson(self.useful, self.told)


class Avoidable(Struct, frozen=True, kw_only=True):
    """
    What a cheaper target would have done for in a workflow. `verdict` is `avoidable`, `unclear` or `needed`.

    `evidence` is `shadows` or `items`; `apart` the difference of success (or, of shadows, their share that passed). `nano_usd` is 0 unless it is avoidable.
    """

    workflow: str
    strongest: str
    cheaper: str
    spent_nano_usd: int
    nano_usd: int
    apart: Interval
    evidence: str
    verdict: str


def answered(db: Database, workflow: str, *, span: Span, seed: int = 1) -> dict[str, Answered]:
    """Return what each model target answered in a workflow in a span, and how its items ended, from at most 4,000 drawn items."""
    found = _calls(db, workflow, span=span)
    counts = _ended(db, workflow, span=span, seed=seed, shadowed=None)
    return {name: replace(one, **counts.get(name, {})) for name, one in found.items()}


def _calls(db: Database, workflow: str, *, span: Span) -> dict[str, Answered]:
    found: dict[str, Answered] = {}
    for flow in spent(db, span, workflow=workflow):
        if flow.place not in _MODELS:
            continue
        there = found.get(flow.target, Answered(target=flow.target, place=flow.place))
        calls = there.calls + flow.calls
        found[flow.target] = Answered(
            target=flow.target,
            place=flow.place,
            calls=calls,
            cost_unknown=there.cost_unknown + flow.cost_unknown,
            cost_nano_usd=there.cost_nano_usd + flow.cost_nano_usd,
            tokens_in=there.tokens_in + flow.tokens_in,
            tokens_out=there.tokens_out + flow.tokens_out,
            escalations=there.escalations + flow.escalations,
            latency_ms=(there.latency_ms * there.calls + flow.latency_ms) / max(calls, 1),
        )
    return found


def avoidable(db: Database, workflow: str, *, span: Span, ladder: Sequence[str] = (), margin: float = MARGIN, least: int = LEAST) -> list[Avoidable]:
    """
    Return, for each cheaper target of a workflow, whether it would have done for what the strongest answered; the largest amount first.

    The strongest is the last of `ladder` that answered; without a ladder the dearest by call. Targets with fewer than `least` told items are left out.
    """
    calls = _calls(db, workflow, span=span)
    best = _strongest(calls, ladder)
    if best is None:
        return []
    counts = _ended(db, workflow, span=span, seed=1, shadowed=best.target)
    # Who only ever answered as a shadow costs what its shadows did.
    beside = {name: Answered(target=name, calls=one["shadows"], cost_nano_usd=one["shadow_nano_usd"]) for name, one in counts.items() if one.get("shadows")}
    every = {name: replace(one, **counts.get(name, {})) for name, one in {**beside, **calls}.items()}
    strongest = every[best.target]
    found: list[Avoidable] = []
    for one in every.values():
        shadowed = one.shadows >= least
        has_items = min(one.told, strongest.told) >= least
        if one.target == strongest.target or not (shadowed or has_items):
            continue
        found.append(_judged(workflow, strongest, cheaper=one, by_shadows=shadowed, margin=margin))
    return sorted(found, key=lambda one: (-one.nano_usd, one.cheaper))


def _judged(workflow: str, strongest: Answered, *, cheaper: Answered, by_shadows: bool, margin: float) -> Avoidable:
    cheap, dear = cheaper.per_call_nano_usd, strongest.per_call_nano_usd
    known = strongest.calls - strongest.cost_unknown
    possible = 0.0 if cheap is None or dear is None else max(dear - cheap, 0.0) * known
    if by_shadows:
        apart = wilson(cheaper.shadows_passed, cheaper.shadows)
        amount, verdict = round(possible * apart.low), "avoidable" if possible and apart.low > 0 else "unclear"
    else:
        apart = difference(cheaper.success, strongest.success)
        verdict = "avoidable" if apart.low >= -margin else "unclear" if apart.high >= -margin else "needed"
        amount = round(possible) if verdict == "avoidable" else 0
    return Avoidable(
        workflow=workflow,
        strongest=strongest.target,
        cheaper=cheaper.target,
        spent_nano_usd=strongest.cost_nano_usd,
        nano_usd=amount,
        apart=apart,
        evidence="shadows" if by_shadows else "items",
        verdict=verdict,
    )


def _strongest(every: Mapping[str, Answered], ladder: Sequence[str]) -> Answered | None:
    rungs = [every[name] for name in ladder if name in every]
    if rungs:
        return rungs[-1]
    priced = [one for one in every.values() if one.per_call_nano_usd is not None]
    return max(priced, key=lambda one: (one.per_call_nano_usd or 0.0, one.target), default=None)


def _ended(db: Database, workflow: str, *, span: Span, seed: int, shadowed: str | None) -> dict[str, dict[str, int]]:
    """Count drawn items by who answered last, and shadows beside the calls that one target answered."""
    counts: dict[str, dict[str, int]] = {}
    last: dict[tuple[str, str], tuple[str, str]] = {}
    rows, _ = drawn(db, "sampled_calls", workflow=workflow, span=span, most=_MOST_ITEMS, seed=seed, shadowed=shadowed or "")
    for row in rows:
        if row["call_id"] is None:
            continue
        last[row["tenant"], row["unit"]] = (row["target"], row["state"])
        if row["shadow"]:
            _count(counts, row["shadow"], shadows=1, shadows_passed=int(not row["shadow_error"]), shadow_nano_usd=row["shadow_nano_usd"])
    for target, state in last.values():
        if state != OPEN:
            _count(counts, target, told=1, useful=int(state == USEFUL))
    return counts


def _count(counts: dict[str, dict[str, int]], target: str, **more: int) -> None:
    there = counts.setdefault(target, {})
    for name, number in more.items():
        there[name] = there.get(name, 0) + number
