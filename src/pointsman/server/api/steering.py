"""
Operations over incidents and snapshots: what went wrong, what changed, and the way back.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from pointsman.app.incident_desk import RolledBack, Story
from pointsman.control.incidents.record import Incident
from pointsman.control.snapshots import history
from pointsman.control.snapshots.difference import Difference, difference
from pointsman.control.snapshots.history import Kept, NoSuchSnapshot
from pointsman.core.errors import BadRequest
from pointsman.server.api.operation import Ask, Operation
from pointsman.surfaces.names import checked

Most = Annotated[int, Meta(ge=1, le=200, description="How many at most.")]
AtMs = Annotated[int, Meta(ge=0, le=4_102_444_800_000, description="Unix milliseconds.")]
Name = Annotated[str, Meta(max_length=200)]
Says = Annotated[str, Meta(min_length=1, max_length=4_000, description="What others read later.")]


class WhichIncidents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents: older than the one `before`, and perhaps only those nobody closed."""

    before: Name | None = None
    open_only: bool = False
    most: Most = 50


class Incidents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Incidents, newest first. `before` asks for the next ones; null at the end."""

    incidents: tuple[Incident, ...]
    before: str | None


class WhichCalls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which call on those that were met are told: `met.after` of the answer before."""

    after: Name = ""


class NewIncident(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An incident to be opened. It begins now unless `since_ms` says when; `workflow` and `target` are of the configuration."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    workflow: Name = ""
    target: Name = ""
    since_ms: AtMs | None = None


class Opened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The incident that was opened."""

    incident_id: str


class Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line for the timeline of an incident."""

    says: Says


class Recorded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is on the timeline now."""

    incident_id: str
    recorded: bool = True


class WhichSnapshots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which snapshots: those that took effect before a time."""

    before_ms: AtMs | None = None
    most: Most = 50


class Snapshots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Snapshots, newest first. `before_ms` asks for the next ones; null at the end."""

    snapshots: tuple[Kept, ...]
    before_ms: int | None


class Against(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot is compared with: the digest of another, or the one in force before it."""

    against: Name | None = None


class SnapshotShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot and what differs from another; `against` is null where none was before. Secrets are masked."""

    snapshot: Kept
    against: Kept | None
    difference: Difference


class Back(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go back to: the digest of a snapshot, or the one in force before."""

    to: Name | None = None


class BackMeant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A roll-back that somebody looked at: `expected_ms` is `to.since_ms` of what `GET` told. With `incident`, its timeline tells of it."""

    expected_ms: AtMs
    to: Name | None = None
    incident: Name = ""


def _incidents(ask: Ask[WhichIncidents]) -> Incidents:
    told = ask.told
    before = None if told.before is None else checked(told.before, field="before")
    found = ask.control.steering.desk.list(before=before, closed_too=not told.open_only, most=told.most)
    return Incidents(incidents=found, before=found[-1].incident_id if len(found) == told.most else None)


def _open(ask: Ask[NewIncident]) -> Opened:
    told, control = ask.told, ask.control
    title = checked(told.title, field="title")
    for field, name, known in (("workflow", told.workflow, control.workflows), ("target", told.target, control.snapshot.targets)):
        if name and name not in known:
            raise BadRequest(f"There is no {field} `{name[:40]}` in the configuration. Name one that is, or leave it out.", field=field)
    if told.since_ms is not None and told.since_ms > control.now_ms():
        raise BadRequest("`since_ms` is still to come. Say when it began, in Unix milliseconds.", field="since_ms")
    opened = control.steering.open(title, actor=ask.actor, workflow=told.workflow, target=told.target, since_ms=told.since_ms)
    return Opened(incident_id=opened)


def _story(ask: Ask[WhichCalls]) -> Story:
    after = ask.told.after
    return ask.control.steering.desk.story(ask.name, after=checked(after, field="after") if after else "")


def _note(ask: Ask[Said]) -> Recorded:
    ask.control.steering.note(ask.name, _words(ask.told.says), actor=ask.actor)
    return Recorded(incident_id=ask.name)


def _close(ask: Ask[Said]) -> Recorded:
    ask.control.steering.close(ask.name, _words(ask.told.says), actor=ask.actor)
    return Recorded(incident_id=ask.name)


def _snapshots(ask: Ask[WhichSnapshots]) -> Snapshots:
    told = ask.told
    with ask.control.reading() as db:
        found = history.history(db, most=told.most, **({} if told.before_ms is None else {"before_ms": told.before_ms}))
    return Snapshots(snapshots=found, before_ms=found[-1].since_ms if len(found) == told.most else None)


def _snapshot(ask: Ask[Against]) -> SnapshotShown:
    with ask.control.reading() as db:
        found = history.whole(db, ask.name)
        if ask.told.against is not None:
            other = history.whole(db, ask.told.against)
        else:
            try:
                other = history.before(db, found)
            except NoSuchSnapshot:
                return SnapshotShown(snapshot=found.kept, against=None, difference=Difference(sentences=(), diffs={}))
    return SnapshotShown(snapshot=found.kept, against=other.kept, difference=difference(other.files, found.files))


def _way_back(ask: Ask[Back]) -> RolledBack:
    return ask.control.steering.way_back(ask.actor, to=ask.told.to)


def _roll_back(ask: Ask[BackMeant]) -> RolledBack:
    told = ask.told
    incident = checked(told.incident, field="incident") if told.incident else ""
    return ask.control.steering.roll_back(ask.actor, expected_ms=told.expected_ms, to=told.to, incident_id=incident)


def _words(text: str) -> str:
    """Return a text of several lines. Raises `BadRequest` for one that is empty or holds control characters."""
    told = text.strip()
    if not told or not all(line.isprintable() for line in told.replace("\t", " ").splitlines()):
        raise BadRequest("`says` must hold words of up to 4,000 characters. It is what others read later.", field="says")
    return told


_INCIDENTS: Final = "/v1/admin/incidents"
_ONE: Final = f"{_INCIDENTS}/{{incident_id}}"
_BACK: Final = "/v1/admin/roll-back"
_READ: Final = "console.read"

STEERING: Final[tuple[Operation[Any], ...]] = (
    Operation(method="GET", path=_INCIDENTS, permission=_READ, says="Incidents, newest first.", asked=WhichIncidents, answer=Incidents, work=_incidents),
    Operation(method="POST", path=_INCIDENTS, permission="admin", says="Open an incident by hand.", asked=NewIncident, answer=Opened, work=_open, status=201),
    Operation(
        method="GET",
        path=_ONE,
        permission=_READ,
        says="An incident with its timeline, what it met, and the snapshot a roll-back would bring.",
        asked=WhichCalls,
        answer=Story,
        work=_story,
    ),
    Operation(method="POST", path=f"{_ONE}/note", permission="admin", says="Add a line to its timeline.", asked=Said, answer=Recorded, work=_note),
    Operation(method="POST", path=f"{_ONE}/close", permission="admin", says="Close it with a note.", asked=Said, answer=Recorded, work=_close),
    Operation(
        method="GET",
        path="/v1/admin/snapshots",
        permission="policy.read",
        says="Which snapshot took effect when, newest first.",
        asked=WhichSnapshots,
        answer=Snapshots,
        work=_snapshots,
    ),
    Operation(
        method="GET",
        path="/v1/admin/snapshots/{digest}",
        permission="policy.read",
        says="A snapshot, and what differs from another.",
        asked=Against,
        answer=SnapshotShown,
        work=_snapshot,
    ),
    Operation(
        method="GET", path=_BACK, permission="admin", says="What a roll-back would change. Changes nothing.", asked=Back, answer=RolledBack, work=_way_back
    ),
    Operation(
        method="POST",
        path=_BACK,
        permission="admin",
        says="Write an earlier snapshot's files back. It takes effect as any change does, with every approval it needs.",
        asked=BackMeant,
        answer=RolledBack,
        work=_roll_back,
    ),
)
