"""
The demo's figures, read from the gateway's own ledger. Nothing is counted here that the ledger does not say, except what the application saw.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pointsman.cli.demonstration.folder import FRONTIER, HYBRID
from pointsman.ledger.report import CapabilityReport, HardwareReport, report
from pointsman.storage.database import open_reader

_BEGINNING_MS: Final = 0
_CALLS: Final = "SELECT place, target, latency_ms, cost_nano_usd FROM call WHERE capability = ? ORDER BY latency_ms"
_UNSURE: Final = "error IN ('schema', 'not_json', 'truncated')"
_TROUBLE: Final = (
    "SELECT COALESCE(SUM(unsure), 0), COALESCE(SUM(failed OR (unsure AND resting)), 0) FROM ("
    f"SELECT MAX({_UNSURE}) AS unsure, MAX(NOT {_UNSURE}) AS failed, considered LIKE '%=breaker:%' AS resting"
    " FROM attempt JOIN call USING (call_id) WHERE capability = ? AND error IS NOT NULL GROUP BY call_id)"
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


def read(database: Path) -> Figures:
    """Read the figures. Raises `Unusable` without a ledger."""
    connection = open_reader(database)
    try:
        return _read(connection)
    finally:
        connection.close()


def _read(connection: sqlite3.Connection) -> Figures:
    told = report(connection, since_ms=_BEGINNING_MS, until_ms=time.time_ns() // 1_000_000)
    by_name = {one.capability: one for one in told.capabilities}
    escalated, failed = connection.execute(_TROUBLE, (HYBRID,)).fetchone()
    return Figures(
        hybrid=by_name.get(HYBRID, CapabilityReport(capability=HYBRID)),
        frontier=by_name.get(FRONTIER, CapabilityReport(capability=FRONTIER)),
        sites=_sites(connection.execute(_CALLS, (HYBRID,)).fetchall()),
        escalated=escalated,
        failed_over=failed,
        hardware=told.hardware,
    )


def _sites(calls: Sequence[sqlite3.Row]) -> tuple[Site, ...]:
    found: dict[tuple[str, str], list[sqlite3.Row]] = {}
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


def _at(rows: Sequence[sqlite3.Row], share: float) -> float:
    return rows[min(int(share * len(rows)), len(rows) - 1)]["latency_ms"]
