"""
Which snapshot was in force when, and of which files it was made. Rows are written when one takes effect, and before a roll-back writes over what is there.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.core.errors import Refused
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_SHORTEST: Final = 6
_END_OF_TIME: Final = 1 << 62
_MOST_STEPS: Final = 500


class NoSuchSnapshot(Refused):
    """No snapshot of this digest is on record, or more was meant than its digest says. Remedy: `pointsman rollback --list` shows those that are."""

    code = "no_such_snapshot"


class Kept(Struct, frozen=True, kw_only=True):
    """A snapshot that took effect: since when (Unix milliseconds), which one was in force before, and who changed it."""

    digest: str
    since_ms: int
    parent: str | None
    author: str


class Whole(Struct, frozen=True, kw_only=True):
    """A snapshot with its files: path beside the configuration → text, the configuration first."""

    kept: Kept
    files: Mapping[str, str]


def history(db: Database, *, before_ms: int = _END_OF_TIME, most: int = 50) -> tuple[Kept, ...]:
    """Return the snapshots that took effect before a time, newest first."""
    return tuple(Kept(**row) for row in db.rows(query("incidents/snapshots"), {"before_ms": before_ms, "most": most}))


def in_force(db: Database, *, at_ms: int) -> Kept | None:
    """Return the snapshot that was in force at a time, or None before the first."""
    return next((Kept(**row) for row in db.rows(query("incidents/snapshot_at"), {"at_ms": at_ms})), None)


def whole(db: Database, digest: str) -> Whole:
    """Return the newest snapshot of a digest, of which the first six characters are enough. Raises `NoSuchSnapshot`."""
    plain = digest.isalnum() and len(digest) >= _SHORTEST
    rows = db.rows(query("incidents/snapshot_files"), {"digest": f"{digest}%", "until_ms": _END_OF_TIME}) if plain else []
    if not rows:
        raise NoSuchSnapshot(f"No snapshot `{digest[:40]}` is on record. `pointsman rollback --list` shows those that are; name six characters or more.")
    return _whole(rows[0])


def newest(db: Database, *, before_ms: int = _END_OF_TIME) -> Whole | None:
    """Return the last snapshot that took effect before a time, or None."""
    return next((_whole(row) for row in db.rows(query("incidents/snapshot_before"), {"before_ms": before_ms})), None)


def before(db: Database, now: Whole) -> Whole:
    """Return the last snapshot in force before this one that is another. Raises `NoSuchSnapshot`."""
    found = newest(db)
    began = False
    for _ in range(_MOST_STEPS):
        if found is None:
            break
        is_this = is_same(found, now)
        if began and not is_this:
            return found
        began = began or is_this
        found = newest(db, before_ms=found.kept.since_ms)
    raise NoSuchSnapshot(f"No snapshot was in force before `{now.kept.digest}`. `pointsman rollback --list` shows those that are on record.")


def is_same(one: Whole, other: Whole) -> bool:
    """Tell whether two are the same, though one may lack a file that changed while it was put on record. A digest does not cover all that is in the files."""
    both = one.files.keys() & other.files.keys()
    return one.kept.digest == other.kept.digest and all(one.files[name] == other.files[name] for name in both)


def keep(db: Database, kept: Kept, *, files: Mapping[str, str]) -> None:
    """Put a snapshot on record."""
    told = {"digest": kept.digest, "since_ms": kept.since_ms, "parent": kept.parent, "author": kept.author}
    with db.transaction():
        db.execute(query("incidents/snapshot_keep"), {**told, "files": msgspec.json.encode(dict(files)).decode()})


def _whole(row: Mapping[str, object]) -> Whole:
    told = {name: value for name, value in row.items() if name != "files"}
    return Whole(kept=Kept(**told), files=msgspec.json.decode(str(row["files"]), type=dict[str, str]))  # type: ignore[arg-type]  # columns of the schema
