"""
Who bears a cost and what it was worth: units by team, application or tenant, calls by tag, and the workflows as the ledger knows them.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from pointsman.ledger.scorecard import told_of, worth_of
from pointsman.ledger.scorecard_values import Coverage, Units, Worth
from pointsman.ledger.slices import DAY_MS, Slice
from pointsman.settings.workflows import Workflow
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

By = Literal["team", "application", "tenant"]


class Owned(Struct, frozen=True, kw_only=True):
    """The units of one workflow that one team, application or tenant opened; the name is empty for those without. `worth` is of mature units."""

    workflow: str
    name: str
    calls: int
    units: Units
    worth: Worth
    provisional: Worth


class Tagged(Struct, frozen=True, kw_only=True):
    """The calls of one workflow with one value of a tag."""

    workflow: str
    tag: str
    value: str
    calls: int
    cost_nano_usd: int
    cost_unknown: int

    @property
    def coverage(self) -> Coverage:
        """Whether their cost is known."""
        return Coverage.of(self.calls, self.cost_unknown)


def by_owner(db: Database, where: Slice, *, by: By, now_ms: int, workflows: Mapping[str, Workflow]) -> list[Owned]:
    """Return the units of a slice by workflow and name. Licences are of a whole workflow, so that none are in it."""
    usual = Workflow(name="", capabilities=()).window_ms
    windows = {name: one.window_ms for name, one in workflows.items()}
    grouped: dict[tuple[str, str], list[Row]] = {}
    for window_ms in sorted({usual, *windows.values()}):
        asked = where.values() | {"by": by, "mature_ms": where.mature_ms(window_ms, now_ms=now_ms)}
        for row in db.rows(query("metrics/by_owner"), asked):
            if windows.get(row["workflow"], usual) == window_ms:
                grouped.setdefault((row["workflow"], row["name"]), []).append(row)
    return [_owned(workflow, name, rows=rows) for (workflow, name), rows in sorted(grouped.items())]


def by_tag(db: Database, where: Slice) -> list[Tagged]:
    """Return the calls of a slice by tag, by whole days."""
    days = {"since_ms": where.first_ms // DAY_MS * DAY_MS, "until_ms": -(-where.end_ms // DAY_MS) * DAY_MS}
    return [Tagged(**row) for row in db.rows(query("metrics/by_tag"), where.timed() | days)]


def known_workflows(db: Database) -> Mapping[str, Workflow]:
    """Return the workflows as they were last in force, for whoever has the ledger without its configuration."""
    return {
        row["name"]: Workflow(
            name=row["name"],
            capabilities=(),
            owner=row["owner"],
            unit=row["unit_name"],
            window_ms=row["window_ms"],
            complete_ms=row["complete_ms"],
            value_nano_usd=row["value_nano_usd"],
            human_hourly_nano_usd=row["human_hourly_nano_usd"],
        )
        for row in db.rows(query("metrics/workflows"))
    }


def _owned(workflow: str, name: str, *, rows: list[Row]) -> Owned:
    empty: Row = {}
    young = next((row for row in rows if not row["is_mature"]), empty)
    mature = next((row for row in rows if row["is_mature"]), empty)
    return Owned(
        workflow=workflow,
        name=name,
        calls=sum(row["calls"] for row in rows),
        units=told_of(young, mature),
        worth=worth_of([mature], licences=0),
        provisional=worth_of(rows, licences=0),
    )
