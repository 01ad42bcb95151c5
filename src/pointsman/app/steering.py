"""
What people do to a running gateway: shut off and let run, open and close incidents, go back to an earlier snapshot. Everything goes on record with who did it.
"""

from contextlib import closing
from pathlib import Path

from pointsman.app.facts import facts
from pointsman.app.gateway import Gateway
from pointsman.app.incident_desk import Desk, RolledBack, broken_at, desk_of, present_of
from pointsman.app.switches import Off, switch_off, switch_on
from pointsman.control.snapshots.history import Whole
from pointsman.core.errors import BadRequest
from pointsman.ledger.audit.record import Kind
from pointsman.settings.load import Settings, load
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.storage.open import open_writing


class Steering:
    """Acts on one gateway for somebody who has the permission; that is checked by who calls. It blocks: call it from a thread."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def desk(self) -> Desk:
        """The incident desk over this gateway's ledger."""
        return desk_of(self._gateway.settings, self._gateway.clock.wall_ms)

    def switch(self, kind: str, name: str, *, is_off: bool, actor: str, reason: str = "") -> bool:
        """Shut a vendor, target or capability off, or let it run again; tell whether that changed anything. Raises `BadRequest`."""
        off = Off(kind=kind, name=name, since_ms=self._gateway.clock.wall_ms(), actor=actor, reason=reason)
        with closing(open_writing(self._gateway.place)) as db:
            if is_off:
                switch_off(db, off)
            changed = is_off or switch_on(db, kind, name=name)
        self._record(f"switched_{'off' if is_off else 'on'}", actor, kind=kind, name=name, reason=reason)
        return changed

    def open(self, title: str, *, actor: str, workflow: str = "", target: str = "", since_ms: int | None = None) -> str:
        """Open an incident; return its id."""
        found = self.desk.open(title, by=actor, workflow=workflow, target=target, since_ms=since_ms)
        self._record("incident_opened", actor, incident=found.incident_id)
        return found.incident_id

    def note(self, incident_id: str, says: str, *, actor: str) -> None:
        """Tell something on an incident's timeline. Raises `NoSuchIncident`."""
        self.desk.note(incident_id, says, by=actor)

    def close(self, incident_id: str, says: str, *, actor: str) -> None:
        """Close an incident with a note. Raises `NoSuchIncident`."""
        self.desk.close(incident_id, says, by=actor)
        self._record("incident_closed", actor, incident=incident_id)

    def way_back(self, actor: str, *, to: str | None = None) -> RolledBack:
        """Return what going back would change, and change nothing. Raises `NoSuchSnapshot`."""
        return self.desk.way_back(self._present(actor), to=to)

    def roll_back(self, actor: str, *, expected_ms: int, to: str | None = None, incident_id: str = "") -> RolledBack:
        """
        Go back to the snapshot that took effect at `expected_ms`, as `way_back` told it; an incident is told of it on its timeline.

        Raises `BadRequest` where it would be another by now, `NoSuchSnapshot`, `NoSuchIncident`, `SettingsInvalid` and `Unusable`: then nothing has changed.
        """
        desk, present = self.desk, self._present(actor)
        if incident_id:
            desk.story(incident_id)  # one that is not there is told before anything is done
        if desk.way_back(present, to=to).to.since_ms != expected_ms:
            raise BadRequest("The configuration changed since you looked. Nothing was done; open the page again and look at what would change now.")
        done = desk.roll_back(self._path, check=self._load, present=present, to=to)
        self._record("rolled_back", actor, to=done.to.digest, files=len(done.files))
        if incident_id:
            desk.note(incident_id, f"Rolled back to snapshot `{done.to.digest}`. {' '.join(done.difference.sentences)}", by=actor, kind="rolled_back")
        return done

    @property
    def _path(self) -> Path:
        settings = self._gateway.settings
        return settings.folder / next(iter(settings.texts))

    def _load(self) -> Settings:
        return load(self._path, facts(self._gateway.prices))

    def _present(self, actor: str) -> Whole:
        now_ms = self._gateway.clock.wall_ms()
        try:
            return present_of(self._load(), author=actor, now_ms=now_ms)
        except SettingsInvalid:
            return broken_at(self._path, author=actor, now_ms=now_ms)

    def _record(self, what: str, actor: str, **told: str | int) -> None:
        self._gateway.auditor.happened(Kind.ADMIN, actor=actor, facts={"what": what, **told})
