"""
Improvement over time: what each snapshot of the configuration was predicted to do, beside what it did.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.ledger.slices import HOUR_MS, Slice
from pointsman.settings.workflows import Workflow
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

_MOST: Final = 200
_NOTHING: Final[Mapping[str, int]] = {}


class Improvement(Struct, frozen=True, kw_only=True):
    """
    One snapshot in one workflow. Rates are shares from 0 to 1, money nano-dollars for a call, and a figure without anything to count is None.

    `useful_rate` is of the mature units that were opened while it was in force, by whole hours, as `worth_nano_usd` is the cost of a useful one.
    `predicted_effect` is what its release said of the useful rate; `realised_effect` how much that rate differs from the snapshot before, or where no outcome
    is told the rate of answered calls (`realised_of` says which: `useful` or `answered`).
    """

    workflow: str
    snapshot: str
    since_ms: int | None
    author: str
    calls: int
    answered_rate: float
    escalation_rate: float
    cost_per_call_nano_usd: float | None
    mean_ms: float
    units: int
    useful_rate: float | None
    worth_nano_usd: float | None
    predicted_effect: float | None
    realised_effect: float | None
    realised_of: str | None


def improvement(db: Database, where: Slice, *, now_ms: int, workflows: Mapping[str, Workflow]) -> list[Improvement]:
    """Return what each snapshot of the slice did, by workflow in the order in which they came into force."""
    rows = db.rows(query("metrics/improvement"), where.values())
    released = db.rows(query("metrics/releases"), where.values() | {"most": _MOST})
    since = {row["digest"]: row["since_ms"] for row in reversed(released)}  # the last time that it came into force
    found: list[Improvement] = []
    for name in sorted({row["workflow"] for row in rows}):
        of_name = sorted((row for row in rows if row["workflow"] == name), key=lambda row: (since.get(row["snapshot"], 0), row["snapshot"]))
        window_ms = (workflows.get(name) or Workflow(name=name, capabilities=())).window_ms
        read = _Read(db, where, released=released, mature_ms=where.mature_ms(window_ms, now_ms=now_ms))
        before: Improvement | None = None
        for row in of_name:
            before = read.one(row, before=before)
            found.append(before)
    return found


class _Read:
    def __init__(self, db: Database, where: Slice, *, released: list[Row], mature_ms: int) -> None:
        self._db = db
        self._where = where
        self._released = released
        self._mature_ms = mature_ms

    def one(self, row: Row, *, before: Improvement | None) -> Improvement:
        workflow, digest, calls = row["workflow"], row["snapshot"], row["calls"]
        mine = [one for one in self._released if one["digest"] == digest]
        since_ms = mine[0]["since_ms"] if mine else None
        predicted = next((one["predicted_effect"] for one in mine if one["workflow"] == workflow), None)
        units = self._units(workflow, since_ms)
        count, useful = units.get("units", 0), units.get("useful", 0)
        rate = useful / count if units.get("told") else None
        answered = row["ok"] / calls
        known = calls - row["cost_unknown"]
        effect, of = _effect(rate, answered, before=before)
        return Improvement(
            workflow=workflow,
            snapshot=digest,
            since_ms=since_ms,
            author=mine[0]["author"] if mine else "",
            calls=calls,
            answered_rate=answered,
            escalation_rate=row["escalations"] / calls,
            cost_per_call_nano_usd=row["cost_nano_usd"] / known if known else None,
            mean_ms=row["latency_ms"] / calls,
            units=count,
            useful_rate=rate,
            worth_nano_usd=(units["cost_nano_usd"] + units["human_nano_usd"]) / useful if useful else None,
            predicted_effect=predicted,
            realised_effect=effect,
            realised_of=of,
        )

    def _units(self, workflow: str, since_ms: int | None) -> Row:
        """Return the sums of mature units that were opened in the whole hours in which a snapshot alone was in force."""
        if since_ms is None:
            return _NOTHING
        until_ms = min((one["since_ms"] for one in self._released if one["since_ms"] > since_ms), default=self._where.end_ms)
        first_ms = max(-(-since_ms // HOUR_MS) * HOUR_MS, self._where.first_ms)
        end_ms = min(until_ms // HOUR_MS * HOUR_MS, self._mature_ms)
        if first_ms >= end_ms:
            return _NOTHING
        asked = self._where.values() | {"workflow": workflow, "since_ms": first_ms, "until_ms": end_ms, "mature_ms": end_ms}
        rows = self._db.rows(query("metrics/completion"), asked)
        return rows[0] if rows else _NOTHING


def _effect(useful_rate: float | None, answered: float, *, before: Improvement | None) -> tuple[float | None, str | None]:
    if before is None:
        return None, None
    if useful_rate is not None and before.useful_rate is not None:
        return useful_rate - before.useful_rate, "useful"
    return answered - before.answered_rate, "answered"
