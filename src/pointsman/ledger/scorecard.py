"""
One scorecard per workflow: what it cost, what it was worth, and how it went. Every figure has one query in `storage/queries/metrics`.

Roll-ups are read, and of reviews, scores and single calls a bounded part by key. Unknown costs are not zero: they are counted beside every sum.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from msgspec.structs import replace

from pointsman.ledger.scorecard_values import Choice, Coverage, Escalation, Hardware, Latency, Money, Override, Quality, Scorecard, Tokens, Units, Worth
from pointsman.ledger.slices import HOUR_MS, Slice
from pointsman.settings.workflows import Workflow
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.rollups import bin_middle_ms
from pointsman.storage.sql import Database, Row

# How many single calls and units are looked at where roll-ups do not say.
_MOST: Final = 1_000
_MOST_HOURS: Final = 72
_WEEK_HOURS: Final = 168
# The normal quantile of a two-sided interval of 95 %.
_Z: Final = 1.959964

_NO_UNITS: Final[Mapping[str, int]] = {}


def scorecards(db: Database, where: Slice, *, now_ms: int, workflows: Mapping[str, Workflow], is_brief: bool = False) -> list[Scorecard]:
    """
    Return a scorecard for each workflow that had calls or units in the slice, by name.

    `workflows` gives windows and names; one that is no longer configured is reported with the usual window.
    A brief one leaves out what is read from single rows: qualities, overrides, first bytes, and how many escalations were useful.
    """
    costs = _by_workflow(db.rows(query("metrics/cost"), where.values()))
    # Whose windows are alike is asked about at once: as a rule all are.
    units = _units(db, where, now_ms=now_ms, workflows=workflows)
    names = sorted({*costs, *units})
    read = _Read(db, where, now_ms=now_ms, is_brief=is_brief)
    return [
        read.card(name, workflows.get(name) or Workflow(name=name, capabilities=()), cost=costs.get(name, {}), units=units.get(name, ({}, {})))
        for name in names
    ]


def hardware(db: Database, where: Slice) -> tuple[Hardware, ...]:
    """Return own hardware by target, whoever used it."""
    return tuple(Hardware(**row) for row in db.rows(query("metrics/infrastructure"), where.values()))


def worth_of(sums: Sequence[Row], *, licences: int) -> Worth:
    """Return what units cost and how many were useful, from rows of `completion`."""
    units, unknown = _sum(sums, "units"), _sum(sums, "cost_unknown")
    calls = max(_sum(sums, "calls"), unknown)
    money = money_of(sums, human=_sum(sums, "human_nano_usd"), licences=licences)
    return Worth(money=money, coverage=Coverage.of(calls, unknown) if units else Coverage.KNOWN, useful=_sum(sums, "useful"))


def money_of(sums: Sequence[Row], *, human: int, licences: int) -> Money:
    """Return the parts of a cost from rows that have its sums."""
    cost, hardware_part, overhead = (_sum(sums, name) for name in ("cost_nano_usd", "hardware_nano_usd", "overhead_nano_usd"))
    return Money(api=cost - hardware_part - overhead, hardware=hardware_part, overhead=overhead, human=human, licences=licences)


def quantile(histogram: Sequence[tuple[int, int]], share: float) -> float:
    """Return the latency below which this share of calls lies, from (bin, calls) in order, to the width of a bin."""
    seen = list(accumulate(calls for _, calls in histogram))
    return bin_middle_ms(histogram[bisect_left(seen, share * seen[-1])][0])


def rectified(row: Row) -> Quality | None:
    """
    Return the mean of a metric from the sums of `quality`; None without any score.

    Prediction-powered: mean of the judges over all calls + weighted mean gap of the labels; its variance is the sum of both parts' variances.
    """
    judged, labelled, gaps = int(row["judged_n"]), int(row["human_n"]), int(row["gap_n"])
    raw = row["judged_sum"] / judged if judged else None
    if raw is not None and gaps:
        gap, gap_variance = _weighted(row, "gap")
        mean, variance = raw + gap, _variance(row, raw) / judged + gap_variance
    elif labelled and raw is None:
        mean, variance = _weighted(row, "human")
    elif raw is not None:
        mean, variance = raw, _variance(row, raw) / judged
    else:
        return None
    reach = _Z * math.sqrt(variance)
    kept = {"lo": max(mean - reach, 0.0), "hi": min(mean + reach, 1.0)}
    return Quality(metric=row["metric"], mean=min(max(mean, 0.0), 1.0), judged=judged, labelled=labelled, raw=raw, is_rectified=bool(gaps), **kept)


class _Read:
    """What is read once for all workflows of a slice."""

    def __init__(self, db: Database, where: Slice, *, now_ms: int, is_brief: bool) -> None:
        self._db = db
        self._is_brief = is_brief
        self._where = where
        self._now_ms = now_ms
        values = where.values()
        self._choices = _grouped(db.rows(query("metrics/model_choice"), values))
        self._tokens = _by_workflow(db.rows(query("metrics/tokens"), values))
        self._escalated = _by_workflow(db.rows(query("metrics/escalation"), values))
        self._bins = {} if where.is_of_callers else _grouped(db.rows(query("metrics/latency"), values | {"stride_ms": stride_ms(where)}))
        # A call's id is a little older than its start; an hour is more than any request waits at the door.
        ids = {"first_id": first_id(max(where.first_ms - HOUR_MS, 0)), "last_id": first_id(where.end_ms), "most": _MOST}
        self._first_bytes = {} if is_brief else _grouped(db.rows(query("metrics/first_byte"), values | ids))
        self._hardware = {one.target: one for one in hardware(db, where)}
        self._licences = {} if where.is_of_callers else {row["workflow"]: int(row["nano_usd"]) for row in db.rows(query("metrics/licences"), where.timed())}

    def card(self, name: str, workflow: Workflow, *, cost: Row, units: tuple[Row, Row]) -> Scorecard:
        young, mature = units
        until_ms = self._where.mature_ms(workflow.window_ms, now_ms=self._now_ms)
        licences = self._licences.get(name, 0)
        choices = tuple(_choice(row, calls=cost["calls"]) for row in self._choices.get(name, ()))
        return Scorecard(
            workflow=name,
            unit=workflow.unit,
            owner=workflow.owner,
            calls=cost.get("calls", 0),
            ok=cost.get("ok", 0),
            fallbacks=cost.get("fallbacks", 0),
            cost_unknown=cost.get("cost_unknown", 0),
            money=money_of([cost], human=_sum([young, mature], "human_nano_usd"), licences=licences),
            units=told_of(young, mature),
            worth=worth_of([mature], licences=self._licences_until(name, until_ms)),
            provisional=worth_of([young, mature], licences=licences),
            qualities=self._qualities(name),
            escalation=self._escalation(name, until_ms),
            override=self._override(name),
            latency=self._latency(name, cost),
            tokens=_tokens(self._tokens.get(name, {})),
            choices=choices,
            hardware=tuple(self._hardware[one.target] for one in choices if one.target in self._hardware),
        )

    def _licences_until(self, name: str, until_ms: int) -> int:
        if not self._licences.get(name) or until_ms >= self._where.end_ms:
            return self._licences.get(name, 0)
        span = {"since_ms": self._where.first_ms, "until_ms": until_ms, "workflow": name}
        return _sum(self._db.rows(query("metrics/licences"), span), "nano_usd")

    def _qualities(self, name: str) -> tuple[Quality, ...]:
        if self._is_brief:
            return ()
        found = (rectified(row) for row in self._db.rows(query("metrics/quality"), self._where.timed() | {"workflow": name, "most": _MOST}))
        return tuple(one for one in found if one is not None)

    def _escalation(self, name: str, until_ms: int) -> Escalation:
        row = self._escalated.get(name)
        if row is None:
            return Escalation()
        found = Escalation(up=row["escalations"] / row["calls"], to_people=row["to_person"] / row["calls"])
        if self._is_brief:
            return found
        values = self._where.values() | {"workflow": name, "mature_ms": until_ms, "most": _MOST}
        units = self._db.rows(query("metrics/useful_escalation"), values)[0]
        return replace(found, useful=units["useful"] / units["escalated"] if units["escalated"] else None)

    def _override(self, name: str) -> Override:
        if self._is_brief:
            return Override()
        row = self._db.rows(query("metrics/overrides"), self._where.values() | {"workflow": name, "most": _MOST})[0]
        if not row["reviews"]:
            return Override()
        weight = row["weight"]
        return Override(
            reviews=row["reviews"], rate=row["overridden_weight"] / weight, raw=row["overridden"] / row["reviews"], routing=row["rerouted_weight"] / weight
        )

    def _latency(self, name: str, cost: Row) -> Latency:
        histogram = [(row["bin"], row["calls"]) for row in self._bins.get(name, ())]
        p50, p95, p99 = (quantile(histogram, share) if histogram else None for share in (0.5, 0.95, 0.99))
        first = [row["first_byte_ms"] for row in self._first_bytes.get(name, ())]
        return Latency(
            mean_ms=cost["latency_ms"] / cost["calls"] if cost else None,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            first_byte_p50_ms=_nearest(first, 0.5),
            first_byte_p95_ms=_nearest(first, 0.95),
            first_byte_n=len(first),
        )


def stride_ms(where: Slice) -> int:
    """
    Return how far apart the hours are of which latencies are read: of a long span a part, spread over the hours of the day and the days of the week.

    Histograms are kept by the hour only, and a quarter of a year of them is a million rows.
    """
    hours = (where.end_ms - where.first_ms) // HOUR_MS
    stride = -(-hours // _MOST_HOURS)
    while stride > 1 and math.gcd(stride, _WEEK_HOURS) > 1:
        stride += 1
    return max(stride, 1) * HOUR_MS


def _units(db: Database, where: Slice, *, now_ms: int, workflows: Mapping[str, Workflow]) -> dict[str, tuple[Row, Row]]:
    """Return the sums of young and of mature units by workflow."""
    usual = Workflow(name="", capabilities=()).window_ms
    windows = {name: one.window_ms for name, one in workflows.items()}
    found: dict[str, tuple[Row, Row]] = {}
    for window_ms in sorted({usual, *windows.values()}):
        rows = db.rows(query("metrics/completion"), where.values() | {"mature_ms": where.mature_ms(window_ms, now_ms=now_ms)})
        for row in rows:
            name = row["workflow"]
            if windows.get(name, usual) == window_ms:
                young, mature = found.get(name, (_NO_UNITS, _NO_UNITS))
                found[name] = (young, row) if row["is_mature"] else (row, mature)
    return found


def told_of(young: Row, mature: Row) -> Units:
    """Return what became of units, from the rows of young and of mature ones."""
    both = [young, mature]
    return Units(
        units=_sum(both, "units"),
        told=_sum(both, "told"),
        reversed=_sum(both, "reversed"),
        provisional_useful=_sum(both, "useful"),
        matured=mature.get("units", 0),
        matured_told=mature.get("told", 0),
        useful=mature.get("useful", 0),
        in_time=mature.get("in_time", 0),
        value_nano_usd=_sum(both, "value_nano_usd"),
        human_s=young.get("human_s", 0.0) + mature.get("human_s", 0.0),
    )


def _choice(row: Row, *, calls: int) -> Choice:
    named = {name: row[name] for name in Choice.__struct_fields__ if name != "share"}
    return Choice(share=row["calls"] / calls, **named)


def _tokens(row: Row) -> Tokens:
    return Tokens(**{name: row[name] for name in Tokens.__struct_fields__ if name in row})


def _weighted(row: Row, what: str) -> tuple[float, float]:
    """Return a weighted mean and its variance. Of one label nothing is known about its spread: it is taken to be as wide as can be."""
    weight, labels = row[f"{what}_w"], row[f"{what}_n"]
    mean = row[f"{what}_sum"] / weight
    spread = row[f"{what}_w2_squares"] - 2 * mean * row[f"{what}_w2_sum"] + mean * mean * row[f"{what}_w2"]
    return mean, max(spread, 0.0) / weight**2 * labels / (labels - 1) if labels > 1 else 1.0


def _variance(row: Row, mean: float) -> float:
    return max(row["judged_squares"] / row["judged_n"] - mean * mean, 0.0)


def _nearest(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1] if ordered else None


def _sum(rows: Sequence[Row], name: str) -> int:
    return sum(row.get(name, 0) for row in rows)


def _by_workflow(rows: Sequence[Row]) -> dict[str, Row]:
    return {row["workflow"]: row for row in rows}


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["workflow"], []).append(row)
    return found
