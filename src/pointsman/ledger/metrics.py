"""
The figures of workflows as pages and reports show them: scorecards, series, funnels, waterfalls, failure patterns, and what each snapshot changed.

Only roll-ups and rows by key are read, and every question is bounded in time.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pointsman.ledger.metrics_failures import FailurePattern, failure_patterns
from pointsman.ledger.metrics_snapshots import Improvement, improvement
from pointsman.ledger.scorecard import hardware, money_of, scorecards, worth_of
from pointsman.ledger.scorecard_values import Choice, Coverage, Hardware, Money, Scorecard, Worth
from pointsman.ledger.slices import DAY_MS, HOUR_MS, Slice
from pointsman.settings.workflows import Workflow
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

__all__: Final = (
    "Choice",
    "Coverage",
    "FailurePattern",
    "Funnel",
    "Hardware",
    "Improvement",
    "Part",
    "Point",
    "Scorecard",
    "Slice",
    "Waterfall",
    "failure_patterns",
    "funnel",
    "funnel_of",
    "hardware",
    "improvement",
    "scorecards",
    "series",
    "waterfall",
)

_STEP_MS: Final[Mapping[str, int]] = {"hour": HOUR_MS, "day": DAY_MS}
_NOTHING: Final[Mapping[str, int]] = {}


class Point(Struct, frozen=True, kw_only=True):
    """
    One hour or day. `money` is what its calls cost, with people's work on the units that were opened in it.

    `units`, `told`, `useful`, `reversed` are of the units opened in it and `worth` says what those cost. They may still change unless `is_mature`.
    """

    at_ms: int
    calls: int
    ok: int
    cost_unknown: int
    money: Money
    escalations: int
    to_person: int
    tokens_in: int
    tokens_out: int
    mean_ms: float | None
    units: int
    told: int
    useful: int
    reversed: int
    value_nano_usd: int
    worth: Worth
    is_mature: bool


class Funnel(Struct, frozen=True, kw_only=True):
    """Units from their first call to what became of them; `calls` and `answered` count the calls on the way. Each of the others is a part of the one before."""

    calls: int
    answered: int
    opened: int
    matured: int
    told: int
    useful: int
    reversed: int


class Part(Struct, frozen=True, kw_only=True):
    """One part of a cost: in all, and for each useful outcome (nano-dollars; None without any)."""

    name: str
    nano_usd: int
    each_nano_usd: float | None


class Waterfall(Struct, frozen=True, kw_only=True):
    """
    What a useful outcome cost, part by part; the parts add up to what the units cost, to the nano-dollar.

    A part is a place (the cost of a call stands with the place that answered, or was asked last), `overhead` (judges, summaries, shadows), `human`,
    `licences`, or `other_spans`: what was spent on these units outside of the span, less what calls of the span spent on older units.
    `is_provisional` while no unit is mature: then all units are counted as told so far.
    """

    parts: tuple[Part, ...]
    useful: int
    units: int
    is_provisional: bool
    coverage: Coverage

    @property
    def nano_usd(self) -> int:
        """The sum of the parts."""
        return sum(part.nano_usd for part in self.parts)


def series(db: Database, where: Slice, *, step: Literal["hour", "day"], now_ms: int, workflows: Mapping[str, Workflow]) -> list[Point]:
    """Return a point for each hour or day (UTC) of the slice in which something happened, in order. A slice of many workflows matures with its slowest."""
    step_ms = _STEP_MS[step]
    # The days of the ends are whole: a day is not cut.
    values = where.values() | {"since_ms": where.first_ms // step_ms * step_ms, "until_ms": -(-where.end_ms // step_ms) * step_ms, "step_ms": step_ms}
    calls = {row["bucket_ms"]: row for row in db.rows(query(f"metrics/series_{step}"), values)}
    units = {row["bucket_ms"]: row for row in db.rows(query("metrics/series_units"), values)}
    mature_ms = now_ms - _window_ms(where, workflows)
    return [_point(at, calls=calls.get(at, _NOTHING), units=units.get(at, _NOTHING), is_mature=at + step_ms <= mature_ms) for at in sorted({*calls, *units})]


def funnel(db: Database, where: Slice, *, now_ms: int, workflows: Mapping[str, Workflow]) -> Funnel:
    """Return how many units of the slice got how far, as told so far; `matured` says how many of them cannot change any more."""
    return funnel_of(scorecards(db, where, now_ms=now_ms, workflows=workflows, is_brief=True))


def funnel_of(cards: Sequence[Scorecard]) -> Funnel:
    """Return the funnel of scorecards that are known already."""
    return Funnel(
        calls=sum(card.calls for card in cards),
        answered=sum(card.ok for card in cards),
        opened=sum(card.units.units for card in cards),
        matured=sum(card.units.matured for card in cards),
        told=sum(card.units.told for card in cards),
        useful=sum(card.units.provisional_useful for card in cards),
        reversed=sum(card.units.reversed for card in cards),
    )


def waterfall(db: Database, where: Slice, *, now_ms: int, workflows: Mapping[str, Workflow]) -> Waterfall:
    """Return the parts of the cost of a useful outcome, of mature units where there are any."""
    mature_ms = where.mature_ms(_window_ms(where, workflows), now_ms=now_ms)
    rows = db.rows(query("metrics/completion"), where.values() | {"mature_ms": mature_ms})
    mature = [row for row in rows if row["is_mature"]]
    is_provisional = not mature
    counted, until_ms = (rows, where.end_ms) if is_provisional else (mature, mature_ms)
    span = replace(where, since_ms=where.first_ms, until_ms=until_ms)
    licences = 0 if where.is_of_callers else sum(row["nano_usd"] for row in db.rows(query("metrics/licences"), span.timed()) if row["workflow"])
    worth = worth_of(counted, licences=licences)
    named = _by_place(db.rows(query("metrics/model_choice"), span.values()))
    spent = worth.money.loaded - worth.money.human - worth.money.licences
    named |= {"human": worth.money.human, "licences": licences, "other_spans": spent - sum(named.values())}
    parts = tuple(Part(name=name, nano_usd=cost, each_nano_usd=cost / worth.useful if worth.useful else None) for name, cost in named.items() if cost)
    return Waterfall(parts=parts, useful=worth.useful, units=sum(row["units"] for row in counted), is_provisional=is_provisional, coverage=worth.coverage)


def _by_place(rows: Sequence[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row["place"]] = found.get(row["place"], 0) + row["cost_nano_usd"] - row["overhead_nano_usd"]
    return found | {"overhead": sum(row["overhead_nano_usd"] for row in rows)}


def _point(at_ms: int, *, calls: Row, units: Row, is_mature: bool) -> Point:
    return Point(
        at_ms=at_ms,
        **{name: calls.get(name, 0) for name in ("calls", "ok", "cost_unknown", "escalations", "to_person", "tokens_in", "tokens_out")},
        **{name: units.get(name, 0) for name in ("units", "told", "useful", "reversed", "value_nano_usd")},
        money=money_of([calls], human=units.get("human_nano_usd", 0), licences=0),
        mean_ms=calls["latency_ms"] / calls["calls"] if calls else None,
        worth=worth_of([units], licences=0),
        is_mature=is_mature,
    )


def _window_ms(where: Slice, workflows: Mapping[str, Workflow]) -> int:
    asked = [one for name, one in workflows.items() if where.workflow in (None, name)]
    return max((one.window_ms for one in asked), default=Workflow(name="", capabilities=()).window_ms)
