"""
Settings: which snapshots of the configuration were in force when, and what each changed. Digests of keys are never shown.
"""

from typing import Final

from msgspec import Struct

from pointsman.console.frame import Ask, Shown
from pointsman.control.snapshots.difference import Difference, difference
from pointsman.control.snapshots.history import Kept, NoSuchSnapshot, history, whole
from pointsman.core.errors import UnknownRoute
from pointsman.storage.sql import Database

_MOST: Final = 50
_MOST_LINES: Final = 2000


class Line(Struct, frozen=True, kw_only=True):
    """One line of a difference and what it is: `plus`, `minus`, `place-in-file` or nothing of these."""

    text: str
    kind: str


def settings(ask: Ask, db: Database) -> Shown:
    """Show the snapshots, newest first."""
    found = history(db, before_ms=_before(ask), most=_MOST + 1)
    values = {"found": found[:_MOST], "older": found[_MOST - 1].since_ms if len(found) > _MOST else None, "in_force": ask.control.snapshot.digest}
    return Shown(template="settings.html", title="Settings", values=values, has_span=False)


def snapshot(ask: Ask, db: Database) -> Shown:
    """Show what one snapshot changed. Raises `UnknownRoute`."""
    try:
        found = whole(db, ask.path["digest"])
    except NoSuchSnapshot as error:
        raise UnknownRoute(error.message) from error
    since = ask.word("since", longest=20)
    kept = (
        next((one for one in history(db, before_ms=int(since) + 1, most=1) if one.digest == found.kept.digest), found.kept) if since.isdigit() else found.kept
    )
    told = _since_parent(db, kept, files=dict(found.files))
    values = {
        "kept": kept,
        "sentences": () if told is None else told.sentences,
        "diffs": {} if told is None else {name: lines(text) for name, text in told.diffs.items()},
        "files": list(found.files),
        "is_in_force": found.kept.digest == ask.control.snapshot.digest,
    }
    return Shown(template="snapshot.html", title=f"Snapshot {found.kept.digest}", values=values, has_span=False)


def lines(diff: str) -> list[Line]:
    """Return the lines of a unified difference with what each is."""
    return [Line(text=text, kind=_kind(text)) for text in diff.splitlines()[:_MOST_LINES]]


def _kind(text: str) -> str:
    if text.startswith(("+++", "---", "@@")):
        return "place-in-file"
    return {"+": "plus", "-": "minus"}.get(text[:1], "")


def _since_parent(db: Database, kept: Kept, *, files: dict[str, str]) -> Difference | None:
    if kept.parent is None:
        return None
    try:
        return difference(whole(db, kept.parent).files, files)
    except NoSuchSnapshot:  # its record is older than what is kept
        return None


def _before(ask: Ask) -> int:
    told = ask.word("before", longest=20)
    return int(told) if told.isdigit() else 1 << 62
