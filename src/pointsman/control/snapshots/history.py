"""
Which snapshot was in force when, and of which files it was made. Rows are written when one takes effect, and before a roll-back writes over what is there.
"""

import json
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Refused
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_SHORTEST: Final = 6
_END_OF_TIME: Final = 1 << 62


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


def before(db: Database, digest: str, *, most: int = 200) -> Whole:
    """Return the last snapshot in force before this one that is another. Raises `NoSuchSnapshot`."""
    told = history(db, most=most)
    began = next((index for index, one in enumerate(told) if one.digest == digest), -1)
    found = next((one for one in told[began + 1 :] if one.digest != digest), None)
    if found is None:
        raise NoSuchSnapshot(f"No snapshot was in force before `{digest}`. `pointsman rollback --list` shows those that are on record.")
    return whole(db, found.digest)


def keep(db: Database, kept: Kept, files: Mapping[str, str]) -> None:
    """Put a snapshot on record."""
    with db.transaction():
        db.execute(
            query("incidents/snapshot_keep"),
            {"digest": kept.digest, "since_ms": kept.since_ms, "parent": kept.parent, "author": kept.author, "files": json.dumps(files)},
        )


def _whole(row: Mapping[str, object]) -> Whole:
    told = {name: value for name, value in row.items() if name != "files"}
    return Whole(kept=Kept(**told), files=json.loads(str(row["files"])))  # type: ignore[arg-type]  # columns of the schema
