"""
Incidents: those that are open and those that were, one with everything that is known of it, and what people do about it: open, note, close.
"""

from datetime import UTC, datetime
from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.control.incidents.record import NoSuchIncident, incidents
from pointsman.core.errors import BadRequest, UnknownRoute
from pointsman.storage.sql import Database

_PAGE: Final = 50
_LIST: Final = "/console/incidents"
_LONGEST: Final = 500


def incident_list(ask: Ask, db: Database) -> Shown:
    """Show incidents, newest first."""
    before = ask.word("before")
    found = incidents(db, before=before, most=_PAGE + 1) if before else incidents(db, most=_PAGE + 1)
    values = {
        "found": found[:_PAGE],
        "older": found[_PAGE - 1].incident_id if len(found) > _PAGE else None,
        "workflows": tuple(ask.control.workflows),
        "targets": tuple(ask.control.snapshot.targets),
    }
    return Shown(template="incidents.html", title="Incidents", values=values, has_span=False)


def incident(ask: Ask, db: Database) -> Shown:
    """Show everything about one incident. Raises `UnknownRoute`."""
    del db  # the desk opens the ledger for itself
    try:
        story = ask.control.steering.desk.story(ask.path["incident_id"], after=ask.word("after"))
    except NoSuchIncident as error:
        raise UnknownRoute(error.message) from error
    values = {
        "story": story,
        "one": story.incident,
        "until_ms": story.incident.until_ms or ask.control.now_ms(),
        "is_in_force": story.incident.snapshot == ask.control.snapshot.digest,
        "is_first": not ask.word("after"),
    }
    return Shown(template="incident.html", title=story.incident.title, values=values, has_span=False)


def open_incident(ask: Ask, db: Database) -> Shown:
    """Open an incident by hand. Raises `BadRequest`."""
    del db
    title = _said(ask, "title")
    found = ask.control.steering.open(
        title, actor=ask.who, workflow=ask.form.get("workflow", ""), target=ask.form.get("target", ""), since_ms=_since(ask.form.get("since", ""))
    )
    return Shown(to=f"{_LIST}/{found}")


def note(ask: Ask, db: Database) -> Shown:
    """Tell something on the timeline. Raises `BadRequest` and `UnknownRoute`."""
    del db
    _about(ask, says=_said(ask, "says"), is_end=False)
    return Shown(to=f"{_LIST}/{ask.path['incident_id']}#timeline")


def close(ask: Ask, db: Database) -> Shown:
    """Close an incident with a note. Raises `BadRequest` and `UnknownRoute`."""
    del db
    _about(ask, says=_said(ask, "says"), is_end=True)
    return Shown(to=f"{_LIST}/{ask.path['incident_id']}")


def _about(ask: Ask, *, says: str, is_end: bool) -> None:
    steering = ask.control.steering
    try:
        (steering.close if is_end else steering.note)(ask.path["incident_id"], says, actor=ask.who)
    except NoSuchIncident as error:
        raise UnknownRoute(error.message) from error


def _said(ask: Ask, name: str) -> str:
    told = ask.form.get(name, "").strip()
    if not 0 < len(told) <= _LONGEST:
        raise BadRequest(f"Say it in up to {_LONGEST} characters: it is what others read later.", field=name)
    return told


def _since(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise BadRequest(f"`{text[:40]}` is no time. Write it as 2026-01-31T14:30 (UTC).", field="since") from error
