"""
Which calls an incident met: how many, from roll-ups; and which, a page at a time in the order of time.

Every question is bounded: a span of at most a week, and of single calls a fixed number looked at for each page.
"""

from typing import Final

from msgspec import Struct

from pointsman.control.incidents.record import Incident
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_LONGEST_MS: Final = 7 * 86_400_000
_SCAN: Final = 5_000
_MOST_SCANS: Final = 10


class Failing(Struct, frozen=True, kw_only=True):
    """Attempts that failed in the same way, by whole hours."""

    target: str
    kind: str
    error: str
    failed: int


class Met(Struct, frozen=True, kw_only=True):
    """One call that failed, met a failed attempt, was judged to be bad, or rejected by a person."""

    call_id: str
    started_ms: int
    capability: str
    workflow: str
    unit: str
    target: str
    status: str
    latency_ms: float


class Affected(Struct, frozen=True, kw_only=True):
    """What an incident met. `calls` are all in its span, `failed` those not answered, `fallbacks` those that another target answered."""

    calls: int
    failed: int
    fallbacks: int
    failing: tuple[Failing, ...]


class MetPage(Struct, frozen=True, kw_only=True):
    """Some of the calls, and where the next page begins; None at the end."""

    met: tuple[Met, ...]
    after: str | None


def affected(db: Database, incident: Incident, *, now_ms: int) -> Affected:
    """Return how many calls an incident met, by whole minutes (failures by whole hours)."""
    since_ms, until_ms = _span(incident, now_ms)
    scope = {"workflow": incident.workflow, "target": incident.target, "until_ms": until_ms}
    counts = db.rows(query("incidents/incident_counts"), {**scope, "since_ms": since_ms // _MINUTE_MS * _MINUTE_MS})[0]
    failing = db.rows(query("incidents/incident_failures"), {**scope, "since_ms": since_ms // _HOUR_MS * _HOUR_MS})
    return Affected(**counts, failing=tuple(Failing(**row) for row in failing))


def met_calls(db: Database, incident: Incident, *, now_ms: int, after: str = "", most: int = 20) -> MetPage:
    """Return calls that an incident met. A page may be short, or empty, and still not be the last: only so many calls are looked at for each."""
    since_ms, until_ms = _span(incident, now_ms)
    last_id, at = first_id(until_ms), max(after, first_id(since_ms))
    found: list[Met] = []
    for _ in range(_MOST_SCANS):
        told = {"workflow": incident.workflow, "target": incident.target, "after": at, "last_id": last_id, "scan": _SCAN}
        rows = db.rows(query("incidents/incident_calls"), told)
        for row in rows:
            at = row["call_id"]
            if row["is_met"]:
                found.append(Met(**{name: row[name] for name in Met.__struct_fields__}))
                if len(found) == most:
                    return MetPage(met=tuple(found), after=at)
        if len(rows) < _SCAN:
            return MetPage(met=tuple(found), after=None)
    return MetPage(met=tuple(found), after=at)


def _span(incident: Incident, now_ms: int) -> tuple[int, int]:
    until_ms = now_ms if incident.until_ms is None else incident.until_ms
    return max(incident.since_ms, until_ms - _LONGEST_MS), until_ms + 1
