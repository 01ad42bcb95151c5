"""
Going back to an earlier snapshot: what it would change first, then, for whoever confirms exactly that, the change itself.
"""

from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.console.pages.settings import lines
from pointsman.control.incidents.record import NoSuchIncident
from pointsman.control.snapshots.history import NoSuchSnapshot
from pointsman.core.errors import BadRequest, UnknownRoute
from pointsman.storage.sql import Database

_DIGITS: Final = 20


def ask_rollback(ask: Ask, db: Database) -> Shown:
    """Show what going back would change. Raises `UnknownRoute`."""
    del db
    to, incident = ask.word("to"), ask.word("incident")
    try:
        found = ask.control.steering.way_back(ask.who, to=to or None)
    except NoSuchSnapshot as error:
        raise UnknownRoute(error.message) from error
    values = {
        "goal": found.to,
        "to": to,
        "incident": incident,
        "files": found.files,
        "sentences": found.difference.sentences,
        "diffs": {name: lines(text) for name, text in found.difference.diffs.items()},
    }
    return Shown(template="rollback.html", title=f"Go back to {found.to.digest}", values=values, has_span=False)


def roll_back(ask: Ask, db: Database) -> Shown:
    """Go back. Raises `BadRequest` where what was confirmed is no longer what would be done, `UnknownRoute`, `SettingsInvalid` and `Unusable`."""
    del db
    to, incident, expected = (ask.form.get(name, "") for name in ("to", "incident", "expected"))
    if not expected.isdigit() or len(expected) > _DIGITS:
        raise BadRequest("Confirm on the page that shows what would change.", field="expected")
    try:
        ask.control.steering.roll_back(ask.who, expected_ms=int(expected), to=to or None, incident_id=incident)
    except (NoSuchSnapshot, NoSuchIncident) as error:
        raise UnknownRoute(error.message) from error
    return Shown(to=f"/console/incidents/{incident}" if incident else "/console/settings")
