"""
The incident desk: incidents put together with what the other rooms know. What was in force, what changed before, what calls were met, and the way back.

It opens the ledger for each question and answers with values: the console, the command line and the watch use it alike. It blocks.
"""

import secrets
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.app.switches import Off, ledger_of, switched
from pointsman.control.alerts.telling import recent
from pointsman.control.incidents import record
from pointsman.control.incidents.affected import Affected, MetPage, affected, met_calls
from pointsman.control.incidents.record import Incident, Note
from pointsman.control.learning.version import named_in
from pointsman.control.snapshots import history
from pointsman.control.snapshots.difference import Difference, difference
from pointsman.control.snapshots.history import Kept, Whole
from pointsman.control.snapshots.restore import restore
from pointsman.core.errors import Unusable
from pointsman.core.ids import uuid7
from pointsman.settings.ledger_place import Place
from pointsman.settings.load import Settings
from pointsman.storage.learned import is_digest
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.sql import Database

_LOOK_BACK_MS: Final = 86_400_000
_MOST_CHANGES: Final = 30
_RANDOM_BITS: Final = 74
_DIGITS: Final = 16

Open = Callable[[], Database]


class Story(Struct, frozen=True, kw_only=True):
    """Everything about one incident. `before` is the snapshot that a roll-back would bring back, None if there is none."""

    incident: Incident
    timeline: tuple[Note, ...]
    affected: Affected
    met: MetPage
    switches: tuple[Off, ...]
    before: Kept | None


class RolledBack(Struct, frozen=True, kw_only=True):
    """What a roll-back did: to which snapshot, which files were written, and what that changed."""

    to: Kept
    files: tuple[str, ...]
    difference: Difference


class Desk:
    """Works on incidents. `read` and `write` open the ledger; `now_ms` is Unix time in milliseconds; `random_bits` makes identifiers (74 bits)."""

    def __init__(self, read: Open, write: Open, *, now_ms: Callable[[], int], random_bits: Callable[[], int]) -> None:
        self._read = read
        self._write = write
        self._now_ms = now_ms
        self._random_bits = random_bits

    def open(self, title: str, *, by: str, workflow: str = "", target: str = "", since_ms: int | None = None, severity: str = "page") -> Incident:
        """Open an incident by hand; it begins now unless `since_ms` says when."""
        return self._opened(title, by=by, scope=(workflow, target), since_ms=since_ms, severity=severity)

    def open_for(self, event_id: str, says: str, *, workflow: str, since_ms: int, severity: str) -> Incident:
        """Open an incident for an alert, or join the alert to the open one of this workflow."""
        with closing(self._write()) as db:
            found = record.open_about(db, workflow)
            if found is not None:
                record.tell(db, found.incident_id, note=Note(at_ms=self._now_ms(), kind="alert", actor="pointsman", says=says))
                return found
        return self._opened(says, by="pointsman", scope=(workflow, ""), since_ms=since_ms, severity=severity, cause=event_id)

    def list(self, *, before: str | None = None, closed_too: bool = True, most: int = 50) -> tuple[Incident, ...]:
        """Return incidents, newest first."""
        with closing(self._read()) as db:
            return record.incidents(db, closed_too=closed_too, most=most, **({} if before is None else {"before": before}))

    def story(self, incident_id: str, *, after: str = "") -> Story:
        """Return everything about an incident; `after` pages on in its calls. Raises `NoSuchIncident`."""
        now_ms = self._now_ms()
        with closing(self._read()) as db:
            found = record.incident_of(db, incident_id)
            return Story(
                incident=found,
                timeline=record.timeline(db, incident_id),
                affected=affected(db, found, now_ms=now_ms),
                met=met_calls(db, found, now_ms=now_ms, after=after),
                switches=switched(db),
                before=_before(db, found),
            )

    def note(self, incident_id: str, says: str, *, by: str, kind: str = "note") -> None:
        """Add a line to the timeline. Raises `NoSuchIncident`."""
        with closing(self._write()) as db:
            record.tell(db, incident_id, note=Note(at_ms=self._now_ms(), kind=kind, actor=by, says=says))

    def close(self, incident_id: str, says: str, *, by: str) -> None:
        """Close an incident. Raises `NoSuchIncident`."""
        with closing(self._write()) as db:
            record.close(db, incident_id, note=Note(at_ms=self._now_ms(), kind="closed", actor=by, says=says))

    def roll_back(self, path: Path, *, check: Callable[[], object], present: Whole, to: str | None = None) -> RolledBack:
        """
        Write the files of an earlier snapshot back: that of the digest `to`, else the one in force before.

        Where the files are not those in force, because they are wrong or wait for approval, those in force come back instead.
        `present` is what is there now; it is put on record first. What is written takes effect as any change does, with every approval it needs.
        Raises `NoSuchSnapshot`, and as `restore` does.
        """
        with closing(self._write()) as db:
            goal, is_in_force = _goal(db, present, to=to)
            if not is_in_force:
                history.keep(db, present.kept, files=present.files)
        told = difference(present.files, goal.files)
        files = {**goal.files, **dict.fromkeys(_learned_since(goal, present))}
        return RolledBack(to=goal.kept, files=restore(path, files, check=check), difference=told)

    def way_back(self, present: Whole, *, to: str | None = None) -> RolledBack:
        """Return what `roll_back` would do, and do nothing: `files` are those that differ. Raises `NoSuchSnapshot`."""
        with closing(self._read()) as db:
            goal, _ = _goal(db, present, to=to)
        told = difference(present.files, goal.files)
        return RolledBack(to=goal.kept, files=tuple(told.diffs), difference=told)

    def changes(self, *, since_ms: int, until_ms: int) -> tuple[Note, ...]:
        """Return what changed in a span, in words: snapshots with their differences, switches, alerts. Oldest first."""
        with closing(self._read()) as db:
            return _changes(db, since_ms, until_ms=until_ms)

    def _opened(self, title: str, *, by: str, scope: tuple[str, str], since_ms: int | None, severity: str, cause: str = "") -> Incident:
        now_ms = self._now_ms()
        begins_ms = now_ms if since_ms is None else since_ms
        with closing(self._write()) as db:
            # When exactly a slow burn began nobody knows: what is looked into is what was in force when it was seen.
            kept = history.in_force(db, at_ms=now_ms if cause else begins_ms)
            incident = Incident(
                incident_id=uuid7(now_ms=now_ms, random_bits=self._random_bits()),
                opened_ms=now_ms,
                severity=severity,
                title=title,
                since_ms=begins_ms,
                opened_by=by,
                workflow=scope[0],
                target=scope[1],
                cause=cause,
                snapshot="" if kept is None else kept.digest,
            )
            record.open_incident(db, incident, notes=_changes(db, begins_ms - _LOOK_BACK_MS, until_ms=now_ms + 1, but=cause))
            return incident


def desk_of(settings: Settings, now_ms: Callable[[], int]) -> Desk:
    """Return the desk over the ledger of a configuration."""
    return desk_at(ledger_of(settings), now_ms)


def desk_at(place: Place, now_ms: Callable[[], int]) -> Desk:
    """Return the desk over a ledger."""
    return Desk(partial(open_reading, place), partial(open_writing, place), now_ms=now_ms, random_bits=partial(secrets.randbits, _RANDOM_BITS))


def present_of(settings: Settings, *, author: str, now_ms: int) -> Whole:
    """Return what stands in the files now, as a snapshot."""
    return Whole(kept=Kept(digest=settings.snapshot.digest, since_ms=now_ms, parent=None, author=author), files=settings.texts)


def broken_at(path: Path, *, author: str, now_ms: int) -> Whole:
    """Return a configuration that has mistakes as a snapshot, so that it can be put on record before it is written over. Raises `Unusable`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"`{path}` cannot be read. Put a file there, or name another with `--config`.") from error
    digest = sha256(text.encode()).hexdigest()[:_DIGITS]
    return Whole(kept=Kept(digest=digest, since_ms=now_ms, parent=None, author=author), files={path.name: text})


def _changes(db: Database, since_ms: int, *, until_ms: int, but: str = "") -> tuple[Note, ...]:
    told = [_snapshot_note(db, one) for one in history.history(db, before_ms=until_ms, most=_MOST_CHANGES) if one.since_ms >= since_ms]
    told += [Note(at_ms=one.since_ms, kind="switched", actor=one.actor, says=_sentence(one.says)) for one in switched(db) if one.since_ms >= since_ms]
    alerts = recent(db, since_ms=since_ms, until_ms=until_ms, most=_MOST_CHANGES)
    told += [Note(at_ms=one.at_ms, kind="alert", actor="pointsman", says=one.says) for one in alerts if one.event_id != but]
    return tuple(sorted(told, key=lambda note: note.at_ms))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _snapshot_note(db: Database, kept: Kept) -> Note:
    now, was = (history.newest(db, before_ms=ms) for ms in (kept.since_ms + 1, kept.since_ms))
    sentences = () if now is None or was is None else difference(was.files, now.files).sentences
    says = " ".join(sentences) or "It is the first on record."
    return Note(at_ms=kept.since_ms, kind="changed", actor=kept.author, says=f"Snapshot `{kept.digest}` took effect. {says}")


def _goal(db: Database, present: Whole, *, to: str | None) -> tuple[Whole, bool]:
    """Return the snapshot that a roll-back brings back, and whether what is there now is in force. Raises `NoSuchSnapshot`."""
    in_force = history.newest(db)
    is_in_force = in_force is not None and history.is_same(in_force, present)
    if to is not None:
        return history.whole(db, to), is_in_force
    return (history.before(db, present) if in_force is None or is_in_force else in_force), is_in_force


def _learned_since(goal: Whole, present: Whole) -> list[str]:
    """Return the files that name learned parameters where a snapshot had none: going back to it means to choose without any again."""
    return [name for name, text in present.files.items() if name not in goal.files and is_digest(named_in(text))]


def _before(db: Database, incident: Incident) -> Kept | None:
    try:
        return history.before(db, history.whole(db, incident.snapshot)).kept
    except history.NoSuchSnapshot:
        return None
