"""
What it cost and what it was worth, by capability: the numbers of `pointsman report`.

Cost per useful outcome = the cost of all calls of a capability, failed and retried attempts included ÷ its useful units. Unknown costs are
not zero: the share of calls with a known cost is shown beside every sum.
"""

from dataclasses import dataclass, field
from typing import Final

from pointsman.ledger.scorecard import quantile
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database

_HOUR_MS: Final = 3_600_000


@dataclass(slots=True, kw_only=True)
class CapabilityReport:
    """One capability in a span of time. Money in nano-dollars, latencies in milliseconds."""

    capability: str
    calls: int = 0
    ok: int = 0
    fallbacks: int = 0
    cost_nano_usd: int = 0
    cost_unknown: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    calls_by_place: dict[str, int] = field(default_factory=dict[str, int])
    units: int = 0
    units_told: int = 0
    useful: int = 0
    value_nano_usd: int | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def coverage(self) -> float:
        """The share of calls whose cost is known, 0 to 1."""
        return 1 - self.cost_unknown / self.calls if self.calls else 1.0

    @property
    def cost_per_useful_nano_usd(self) -> int | None:
        """What a useful outcome cost; None without any, or while no cost is known."""
        return round(self.cost_nano_usd / self.useful) if self.useful and self.coverage > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareReport:
    """One target on own hardware: what was paid for, and how much of it calls used."""

    target: str
    paid_s: float
    paid_nano_usd: int
    busy_s: float
    busy_nano_usd: int

    @property
    def idle_nano_usd(self) -> int:
        """What was paid while no call ran. No capability bears it."""
        return self.paid_nano_usd - self.busy_nano_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All capabilities in a span of time (Unix milliseconds, whole hours)."""

    since_ms: int
    until_ms: int
    capabilities: tuple[CapabilityReport, ...]
    hardware: tuple[HardwareReport, ...]


def report(db: Database, *, since_ms: int, until_ms: int) -> Report:
    """Read the report from a ledger opened with `open_reading`. The span is widened to whole hours, because roll-ups are kept by the hour."""
    since_ms, until_ms = since_ms // _HOUR_MS * _HOUR_MS, -(-until_ms // _HOUR_MS) * _HOUR_MS
    span = {"since_ms": since_ms, "until_ms": until_ms}
    found: dict[str, CapabilityReport] = {}
    for row in db.rows(query("report_calls"), span):
        one = found.setdefault(row["capability"], CapabilityReport(capability=row["capability"]))
        one.calls += row["calls"]
        one.ok += row["ok"]
        one.fallbacks += row["fallbacks"]
        one.cost_nano_usd += row["cost_nano_usd"]
        one.cost_unknown += row["cost_unknown"]
        one.tokens_in += row["tokens_in"]
        one.tokens_out += row["tokens_out"]
        one.calls_by_place[row["place"]] = row["calls"]
    # A call's id is a little older than its start; an hour is more than any request waits at the door.
    for row in db.rows(query("report_units"), {**span, "first_id": first_id(max(since_ms - _HOUR_MS, 0))}):
        one = found.get(row["capability"])
        if one is None:  # its first call was written between the two questions: the next report has it
            continue
        one.units, one.units_told, one.useful, one.value_nano_usd = row["units"], row["told"], row["useful"], row["value_nano_usd"]
    bins: dict[str, list[tuple[int, int]]] = {}
    for row in db.rows(query("report_latency"), span):
        bins.setdefault(row["capability"], []).append((row["bin"], row["calls"]))
    for name in bins.keys() & found.keys():
        found[name].p50_ms, found[name].p95_ms = quantile(bins[name], 0.5), quantile(bins[name], 0.95)
    hardware = tuple(HardwareReport(**row) for row in db.rows(query("report_hardware"), span))
    return Report(since_ms=since_ms, until_ms=until_ms, capabilities=tuple(found.values()), hardware=hardware)
