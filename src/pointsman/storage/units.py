"""
Units of business: what each cost, what came of it, and the sums of both by hour, kept up in the transaction of the calls, charges and outcomes.

A unit opens with its first call. What is told of it before is kept and counts from then on. A roll-up moves by what a unit is now less what it was, so that
it equals the sum over its units whatever comes late, twice or in another order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct, to_builtins
from msgspec.structs import astuple

from pointsman.core.entry import CallRecord, Outcome
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import HUMAN, Charge
from pointsman.storage.outcomes import OUTCOME_COLUMNS, Standing, named, standing
from pointsman.storage.several import add, by_keys, insert, replace
from pointsman.storage.sql import Database, Row
from pointsman.storage.told import Told, is_shadow

_HOUR_MS: Final = 3_600_000
_HOUR_S: Final = 3600
_KEYS: Final = ("tenant", "workflow", "unit")
_CHARGE_COLUMNS: Final = ("charge_id", "at_ms", "kind", *_KEYS, "queue", "seconds", "nano_usd", "source")
_ROLL_UP_KEYS: Final = ("bucket_ms", "workflow", "tenant", "team", "application")
_ROLL_UP_SUMS: Final = (
    "units",
    "told",
    "useful",
    "reversed",
    "in_time",
    "calls",
    "cost_nano_usd",
    "cost_unknown",
    "hardware_nano_usd",
    "overhead_nano_usd",
    "human_nano_usd",
    "human_s",
    "escalated",
    "to_person",
    "value_nano_usd",
)

Key = tuple[str, str, str]
Called = Sequence[tuple[CallRecord, Told]]


class Unit(Struct, kw_only=True):
    """One row of the table `unit`."""

    tenant: str
    workflow: str
    unit: str
    opened_ms: int
    last_ms: int
    team: str
    application: str
    tags: str
    calls: int = 0
    cost_nano_usd: int = 0
    cost_unknown: int = 0
    hardware_nano_usd: int = 0
    overhead_nano_usd: int = 0
    human_nano_usd: int = 0
    human_s: float = 0.0
    escalations: int = 0
    to_person: int = 0
    state: str = "open"
    outcome_kind: str | None = None
    outcome_id: str | None = None
    closed_ms: int | None = None
    value_nano_usd: int | None = None
    in_time: int = 0

    def call(self, record: CallRecord, told: Told, *, tags: str) -> bool:
        """Add a call; tell whether the unit is older than was known."""
        is_older = record.started_ms < self.opened_ms
        if is_older:
            self.opened_ms, self.tags = record.started_ms, tags
            self.team, self.application = record.team or "", record.application or ""
        self.last_ms = max(self.last_ms, record.started_ms)
        self.calls += not is_shadow(record)
        self.cost_nano_usd += told.known_nano_usd
        self.cost_unknown += told.cost_nano_usd is None
        self.hardware_nano_usd += told.hardware_nano_usd
        self.overhead_nano_usd += told.overhead_nano_usd
        self.escalations += told.escalated_from is not None
        self.to_person += told.to_person
        return is_older

    def charge(self, kind: str, *, nano_usd: int, seconds: float) -> None:
        """Add money that no attempt stands for."""
        if kind == HUMAN:
            self.human_nano_usd += nano_usd
            self.human_s += seconds
        else:
            self.cost_nano_usd += nano_usd

    def stand(self, now: Standing) -> None:
        """Take over what is told of the unit."""
        self.state, self.outcome_kind, self.outcome_id = now.state, now.kind, now.outcome_id
        self.closed_ms, self.value_nano_usd, self.in_time = now.closed_ms, now.value_nano_usd, int(now.in_time)

    def rolled(self) -> tuple[tuple[object, ...], tuple[float, ...]]:
        """Return the key of the roll-up that the unit counts in, and what it adds to it."""
        state = self.state
        return (
            (self.opened_ms // _HOUR_MS * _HOUR_MS, self.workflow, self.tenant, self.team, self.application),
            (
                1,
                int(state != "open"),
                int(state == "useful"),
                int(state == "reversed"),
                self.in_time,
                self.calls,
                self.cost_nano_usd,
                self.cost_unknown,
                self.hardware_nano_usd,
                self.overhead_nano_usd,
                self.human_nano_usd,
                self.human_s,
                int(self.escalations > 0),
                int(self.to_person > 0),
                self.value_nano_usd or 0,
            ),
        )


_COLUMNS: Final = Unit.__struct_fields__


class _Touched:
    """The units that a batch touches, as they were and as they become."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.units: dict[Key, Unit] = {}
        self._moves: dict[tuple[object, ...], list[float]] = {}

    def load(self, keys: Iterable[Key]) -> None:
        for row in by_keys(self._db, "unit", columns=_COLUMNS, keys=_KEYS, wanted=keys):
            unit = Unit(**row)
            self.units[unit.tenant, unit.workflow, unit.unit] = unit
            self._roll(unit, sign=-1)

    def write(self) -> None:
        for unit in self.units.values():
            self._roll(unit, sign=1)
        rows = [astuple(self.units[key]) for key in sorted(self.units)]
        replace(self._db, "unit", columns=_COLUMNS, keys=_KEYS, rows=rows)
        moves = {key: sums for key, sums in self._moves.items() if any(sums)}
        add(self._db, "rollup_unit", keys=_ROLL_UP_KEYS, sums=_ROLL_UP_SUMS, rows=moves)

    def _roll(self, unit: Unit, *, sign: int) -> None:
        key, sums = unit.rolled()
        there = self._moves.setdefault(key, [0] * len(sums))
        for place, value in enumerate(sums):
            there[place] += sign * value


def keep_units(db: Database, called: Called, *, outcomes: Sequence[Outcome], charges: Sequence[Charge], workflows: Mapping[str, Workflow]) -> None:
    """Bring the units up with calls, charges and outcomes that have just been written; the charges themselves are written here."""
    by_key: dict[Key, list[tuple[CallRecord, Told]]] = {}
    for record, told in called:
        by_key.setdefault((record.tenant, told.workflow, record.unit), []).append((record, told))
    spoken = _spoken_of(db, outcomes, workflows=workflows)
    touched = _Touched(db)
    touched.load(sorted({*by_key, *spoken, *((one.tenant, one.workflow, one.unit) for one in charges if one.unit)}))
    fresh = {key for key in by_key if key not in touched.units}
    again = fresh | {key for key in spoken if key in touched.units}
    for key, calls in by_key.items():
        unit = touched.units.get(key) or touched.units.setdefault(key, _opened(calls[0][0], key))
        for record, told in calls:
            if unit.call(record, told, tags=tags_of(record)):
                again.add(key)
    for row in by_keys(db, "charge", columns=_CHARGE_COLUMNS, keys=_KEYS, wanted=sorted(fresh)):  # what was charged before the first call
        _charge(touched, row)
    pairs = {(tenant, unit) for tenant, _, unit in again} | {(one.tenant, one.unit) for one in outcomes if one.human_s}
    told_of = _by_pair(by_keys(db, "outcome", columns=OUTCOME_COLUMNS, keys=("tenant", "unit"), wanted=sorted(pairs)))
    worked = [one for rows in told_of.values() for row in rows if row["human_s"] for one in _worked(row, touched.units, workflows=workflows)]
    for row in _write_charges(db, [*charges, *worked]):
        _charge(touched, row)
    for key in again:
        unit = touched.units[key]
        workflow = workflows.get(unit.workflow) or Workflow(name=unit.workflow, capabilities=())
        rows = told_of.get((unit.tenant, unit.unit), [])
        unit.stand(standing([row for row in rows if named(row, workflows) in {None, unit.workflow}], unit.opened_ms, workflow=workflow))
    touched.write()


def hourly(seconds: float, workflow: Workflow | None) -> int:
    """Return what people's time costs in nano-dollars."""
    return 0 if workflow is None else round(seconds * workflow.human_hourly_nano_usd / _HOUR_S)


def tags_of(record: CallRecord) -> str:
    """Return the tags as they are kept: a JSON object."""
    return msgspec.json.encode(record.tags).decode() if record.tags else "{}"


def _opened(record: CallRecord, key: Key) -> Unit:
    tenant, workflow, unit = key
    return Unit(
        tenant=tenant,
        workflow=workflow,
        unit=unit,
        opened_ms=record.started_ms,
        last_ms=record.started_ms,
        team=record.team or "",
        application=record.application or "",
        tags=tags_of(record),
    )


def _spoken_of(db: Database, outcomes: Sequence[Outcome], *, workflows: Mapping[str, Workflow]) -> set[Key]:
    """Return the keys of the units that outcomes may speak of."""
    found: set[Key] = set()
    anywhere: set[tuple[str, str]] = set()
    for outcome in outcomes:
        workflow = named({"workflow": outcome.workflow, "capability": outcome.capability}, workflows)
        if workflow is None:
            anywhere.add((outcome.tenant, outcome.unit))
        else:
            found.add((outcome.tenant, workflow, outcome.unit))
    found |= {(tenant, name, unit) for tenant, unit in anywhere for name in workflows}
    for row in by_keys(db, "call", columns=_KEYS, keys=("tenant", "unit"), wanted=sorted(anywhere), is_distinct=True):
        found.add((row["tenant"], row["workflow"], row["unit"]))
    return found


def _by_pair(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["tenant"], row["unit"]), []).append(row)
    return found


def _worked(outcome: Row, units: Iterable[Key], *, workflows: Mapping[str, Workflow]) -> list[Charge]:
    """Return the charge for the time that an outcome tells of; none yet where it is not known which workflow bears it."""
    tenant, unit = outcome["tenant"], outcome["unit"]
    told = named(outcome, workflows)
    workflow = min((key[1] for key in units if key[0] == tenant and key[2] == unit), default=None) if told is None else told
    if workflow is None:
        return []
    return [
        Charge(
            charge_id=f"outcome/{tenant}/{outcome['outcome_id']}",
            at_ms=outcome["at_ms"],
            kind=HUMAN,
            nano_usd=hourly(outcome["human_s"], workflows.get(workflow)),
            tenant=tenant,
            workflow=workflow,
            unit=unit,
            queue=outcome["queue"] or "",
            seconds=outcome["human_s"],
            source=outcome["source"],
        )
    ]


def _write_charges(db: Database, charges: Sequence[Charge]) -> list[Row]:
    """Write the charges that are not there yet; return their rows."""
    if not charges:
        return []
    there = {row["charge_id"] for row in by_keys(db, "charge", columns=("charge_id",), keys=("charge_id",), wanted=[(one.charge_id,) for one in charges])}
    new = {one.charge_id: to_builtins(one) for one in reversed(charges) if one.charge_id not in there}
    insert(db, "charge", columns=_CHARGE_COLUMNS, rows=[[row[name] for name in _CHARGE_COLUMNS] for row in new.values()])
    return [*new.values()]


def _charge(touched: _Touched, row: Row) -> None:
    unit = touched.units.get((row["tenant"], row["workflow"], row["unit"]))
    if unit is not None:
        unit.charge(row["kind"], nano_usd=row["nano_usd"], seconds=row["seconds"])
