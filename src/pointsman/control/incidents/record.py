"""
Incidents on record: opened by an alert or by hand, told on a timeline, closed with a note.

What changed before one and what rolls it back is known to other rooms; here it is a line on the timeline.
"""

from typing import Final

from msgspec import Struct

from pointsman.core.errors import Refused
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_LAST: Final = "~"  # sorts after every id
_MOST_NOTE: Final = 4_000


class NoSuchIncident(Refused):
    """No incident of this id is on record, or it is closed already. Remedy: `pointsman incident list` shows those that are."""

    code = "no_such_incident"


class Incident(Struct, frozen=True, kw_only=True):
    """
    Something went wrong from `since_ms` to `until_ms` (None: it goes on). Times in Unix milliseconds. `workflow` and `target` are "" where it is not one
    alone; `cause` is the alert that opened it, or ""; `snapshot` was in force when it began, or when an alert saw it.
    """

    incident_id: str
    opened_ms: int
    severity: str
    title: str
    since_ms: int
    opened_by: str
    workflow: str = ""
    target: str = ""
    cause: str = ""
    snapshot: str = ""
    until_ms: int | None = None
    closed_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has closed it."""
        return self.closed_ms is None


class Note(Struct, frozen=True, kw_only=True):
    """One line of a timeline. `kind`: `opened`, `alert`, `changed`, `note`, `rolled_back`, `switched`, `closed`."""

    at_ms: int
    kind: str
    actor: str
    says: str
    seq: int = 0


def open_incident(db: Database, incident: Incident, *, notes: tuple[Note, ...] = ()) -> None:
    """Put an incident on record, with what is known of it so far."""
    told = {name: getattr(incident, name) for name in Incident.__struct_fields__ if name not in {"until_ms", "closed_ms"}}
    with db.transaction():
        db.execute(query("incidents/incident_open"), told)
        _tell(db, incident.incident_id, note=Note(at_ms=incident.opened_ms, kind="opened", actor=incident.opened_by, says=incident.title))
        for note in notes:
            _tell(db, incident.incident_id, note=note)


def tell(db: Database, incident_id: str, *, note: Note) -> None:
    """Add a line to the timeline. Raises `NoSuchIncident`."""
    with db.transaction():
        if not db.rows(query("incidents/incident"), {"incident_id": incident_id}):
            raise _unknown(incident_id)
        _tell(db, incident_id, note=note)


def close(db: Database, incident_id: str, *, note: Note) -> None:
    """Close an incident with a note. Raises `NoSuchIncident`, also for one that is closed."""
    with db.transaction():
        if not db.execute(query("incidents/incident_close"), {"incident_id": incident_id, "at_ms": note.at_ms}):
            raise _unknown(incident_id)
        _tell(db, incident_id, note=note)


def incident_of(db: Database, incident_id: str) -> Incident:
    """Return an incident. Raises `NoSuchIncident`."""
    rows = db.rows(query("incidents/incident"), {"incident_id": incident_id})
    if not rows:
        raise _unknown(incident_id)
    return Incident(**rows[0])


def incidents(db: Database, *, before: str = _LAST, closed_too: bool = True, most: int = 50) -> tuple[Incident, ...]:
    """Return incidents, newest first, from the one before an id on."""
    rows = db.rows(query("incidents/incident_list"), {"before": before, "closed_too": int(closed_too), "most": most})
    return tuple(Incident(**row) for row in rows)


def timeline(db: Database, incident_id: str) -> tuple[Note, ...]:
    """Return what was told, oldest first."""
    return tuple(Note(**row) for row in db.rows(query("incidents/incident_timeline"), {"incident_id": incident_id}))


def open_about(db: Database, workflow: str) -> Incident | None:
    """Return the newest open incident of a workflow that an alert opened, so that a second alert joins it; None if there is none."""
    return next((one for one in incidents(db, closed_too=False) if one.workflow == workflow and one.cause), None)


def _tell(db: Database, incident_id: str, *, note: Note) -> None:
    told = {"incident_id": incident_id, "at_ms": note.at_ms, "kind": note.kind, "actor": note.actor, "says": note.says[:_MOST_NOTE]}
    db.execute(query("incidents/incident_note"), told)


def _unknown(incident_id: str) -> NoSuchIncident:
    return NoSuchIncident(f"No incident `{incident_id[:40]}` is open or on record. `pointsman incident list` shows those that are.")
