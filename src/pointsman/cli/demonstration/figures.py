"""
The demo's figures, read from the gateway's own ledger. Nothing is counted here that the ledger does not say, except what the application saw.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from pointsman.cli.demonstration.folder import FRONTIER, HYBRID
from pointsman.ledger.report import CapabilityReport, HardwareReport, report
from pointsman.settings.ledger_place import Place
from pointsman.storage.open import open_reading
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

_HOUR_MS: Final = 3_600_000
_CALLS: Final = "SELECT place, target, latency_ms, cost_nano_usd FROM call WHERE capability = :capability AND call_id >= :since ORDER BY latency_ms"
_UNSURE: Final = "error IN ('schema', 'not_json', 'truncated')"
_TROUBLE: Final = (
    "SELECT COALESCE(SUM(unsure), 0) AS escalated,"
    " COALESCE(SUM(CASE WHEN failed = 1 OR (unsure = 1 AND resting = 1) THEN 1 ELSE 0 END), 0) AS failed_over FROM ("
    f"SELECT MAX(CASE WHEN {_UNSURE} THEN 1 ELSE 0 END) AS unsure, MAX(CASE WHEN {_UNSURE} THEN 0 ELSE 1 END) AS failed,"
    " MAX(CASE WHEN call.considered LIKE '%=breaker:%' THEN 1 ELSE 0 END) AS resting FROM attempt JOIN call ON call.call_id = attempt.call_id"
    " WHERE call.capability = :capability AND call.call_id >= :since AND attempt.error IS NOT NULL GROUP BY attempt.call_id) AS troubled"
)
_ORDER: Final = ("rules", "cache", "private", "cloud")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The calls that one target of one place answered. Latencies in milliseconds."""

    place: str
    target: str
    calls: int
    p50_ms: float
    p95_ms: float
    cost_nano_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """
    One look at the ledger.

    `escalated` calls went a rung up because an answer was not good enough; `failed_over` because a target failed or was resting after failures.
    """

    hybrid: CapabilityReport = field(default_factory=lambda: CapabilityReport(capability=HYBRID))
    frontier: CapabilityReport = field(default_factory=lambda: CapabilityReport(capability=FRONTIER))
    sites: tuple[Site, ...] = ()
    escalated: int = 0
    failed_over: int = 0
    hardware: tuple[HardwareReport, ...] = ()

    @property
    def times_cheaper(self) -> float | None:
        """How many times more a resolved ticket costs with the frontier model alone."""
        ours, theirs = self.hybrid.cost_per_useful_nano_usd, self.frontier.cost_per_useful_nano_usd
        return theirs / ours if ours and theirs else None


def read(database: Place, *, since_ms: int) -> Figures:
    """Read the figures since the hour of a time: what the demo sends live begins after its history. Raises `Unusable` without a ledger."""
    with closing(open_reading(database)) as db:
        return _read(db, since_ms // _HOUR_MS * _HOUR_MS)


def _read(db: Database, since_ms: int) -> Figures:
    told = report(db, since_ms=since_ms, until_ms=time.time_ns() // 1_000_000)
    asked = {"capability": HYBRID, "since": first_id(since_ms)}
    by_name = {one.capability: one for one in told.capabilities}
    trouble = db.rows(_TROUBLE, asked)[0]
    return Figures(
        hybrid=by_name.get(HYBRID, CapabilityReport(capability=HYBRID)),
        frontier=by_name.get(FRONTIER, CapabilityReport(capability=FRONTIER)),
        sites=_sites(db.rows(_CALLS, asked)),
        escalated=trouble["escalated"],
        failed_over=trouble["failed_over"],
        hardware=told.hardware,
    )


def _sites(calls: Sequence[Row]) -> tuple[Site, ...]:
    found: dict[tuple[str, str], list[Row]] = {}
    for call in calls:
        found.setdefault((call["place"] or "none", call["target"] or ""), []).append(call)
    sites = [
        Site(
            place=place,
            target=target,
            calls=len(rows),
            p50_ms=_at(rows, 0.5),
            p95_ms=_at(rows, 0.95),
            cost_nano_usd=sum(row["cost_nano_usd"] or 0 for row in rows),
        )
        for (place, target), rows in found.items()
    ]
    return tuple(sorted(sites, key=lambda site: (_ORDER.index(site.place) if site.place in _ORDER else len(_ORDER), -site.calls)))


def _at(rows: Sequence[Row], share: float) -> float:
    return rows[min(int(share * len(rows)), len(rows) - 1)]["latency_ms"]
