"""
Sessions, revocations and approvals in one small SQLite file beside the ledger, shared by all workers and the command line.

It is read again only when somebody else has written to it, which SQLite tells in microseconds (`PRAGMA data_version`). Secrets are kept as digests.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from pointsman.core.errors import Unusable
from pointsman.storage.database import make_private, transaction, write_ahead

_VERSION: Final = 1
_BUSY_S: Final = 2.0
_SCHEMA: Final = (
    "CREATE TABLE session (digest TEXT PRIMARY KEY, seen_s REAL NOT NULL, told TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE revoked (kind TEXT NOT NULL, name TEXT NOT NULL, at_s REAL NOT NULL, until_s REAL, PRIMARY KEY (kind, name)) WITHOUT ROWID",
    "CREATE TABLE approval (digest TEXT NOT NULL, person TEXT NOT NULL, user TEXT NOT NULL, at_s REAL NOT NULL, PRIMARY KEY (digest, person)) WITHOUT ROWID",
    "CREATE TABLE in_force (one INTEGER PRIMARY KEY CHECK (one = 1), digest TEXT NOT NULL, source TEXT NOT NULL, since_s REAL NOT NULL)",
)

Approval = tuple[str, str, float]  # person, the name that people read, Unix seconds
KINDS: Final = ("key", "token", "subject")


class IdentityFile:
    """The file at `path`; it is made by the first who opens it, readable by its owner only. Raises `Unusable` where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: int | None = None
        try:
            make_private(path)
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def has_changed(self) -> bool:
        """Tell whether somebody has written since this was last asked; true at first."""
        version = int(self._rows("PRAGMA data_version")[0][0])
        changed, self._seen = version != self._seen, version
        return changed

    # ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def sessions(self) -> Sequence[tuple[str, float]]:
        """Return each session as it was told, with when it was last used (Unix seconds)."""
        return [(told, seen_s) for told, seen_s in self._rows("SELECT told, seen_s FROM session")]

    def put_session(self, digest: str, told: str, *, seen_s: float) -> None:
        """Keep a session, or what has changed of it."""
        self._write(("INSERT INTO session VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET told = excluded.told", (digest, seen_s, told)))

    def use_sessions(self, used: Mapping[str, float]) -> None:
        """Note when sessions were last used."""
        self._write(*(("UPDATE session SET seen_s = max(seen_s, ?) WHERE digest = ?", (at_s, digest)) for digest, at_s in used.items()))

    def drop_sessions(self, digests: Iterable[str]) -> None:
        """End sessions."""
        self._write(*(("DELETE FROM session WHERE digest = ?", (digest,)) for digest in digests))

    # ── revocations ─────────────────────────────────────────────────────────────────────────────────────────────────

    def revoked(self, now_s: float) -> Mapping[str, frozenset[str]]:
        """Return who and what is shut out now: kind → names."""
        rows = self._rows("SELECT kind, name FROM revoked WHERE until_s IS NULL OR until_s > ?", now_s)
        return {kind: frozenset(name for found, name in rows if found == kind) for kind in KINDS}

    def revoke(self, kind: str, name: str, *, now_s: float, until_s: float | None = None) -> None:
        """Shut somebody or something out; after `until_s` it is over anyway, and forgotten."""
        self._write(
            ("DELETE FROM revoked WHERE until_s <= ?", (now_s,)),
            ("INSERT INTO revoked VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET until_s = excluded.until_s", (kind, name, now_s, until_s)),
        )

    def restore(self, kind: str, name: str) -> bool:
        """Let somebody or something in again; tell whether it was shut out."""
        was = bool(self._rows("SELECT 1 FROM revoked WHERE kind = ? AND name = ?", kind, name))
        self._write(("DELETE FROM revoked WHERE kind = ? AND name = ?", (kind, name)))
        return was

    # ── approvals ───────────────────────────────────────────────────────────────────────────────────────────────────

    def approvals(self, digest: str) -> Sequence[Approval]:
        """Return who has approved a change, the first first."""
        return [(person, user, at_s) for person, user, at_s in self._rows("SELECT person, user, at_s FROM approval WHERE digest = ? ORDER BY at_s", digest)]

    def approve(self, digest: str, *, person: str, user: str, now_s: float) -> None:
        """Note that a person approves a change. Doing so twice changes nothing."""
        self._write(("INSERT OR IGNORE INTO approval VALUES (?, ?, ?, ?)", (digest, person, user, now_s)))

    def in_force(self) -> tuple[str, str] | None:
        """Return digest and text of the configuration that was approved last, if there is one."""
        rows = self._rows("SELECT digest, source FROM in_force")
        return (rows[0][0], rows[0][1]) if rows else None

    def put_in_force(self, digest: str, source: str, *, now_s: float) -> None:
        """Note what is in force from now on. Approvals of what was in force before are used up."""
        self._write(
            ("DELETE FROM approval WHERE digest IN (SELECT digest FROM in_force WHERE digest != ?)", (digest,)),
            ("INSERT OR REPLACE INTO in_force VALUES (1, ?, ?, ?)", (digest, source, now_s)),
        )

    def forget_in_force(self) -> None:
        """Note that nothing needs approval any more."""
        self._write(("DELETE FROM in_force", ()), ("DELETE FROM approval", ()))

    # ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        write_ahead(self._connection, _BUSY_S)  # what was revoked stays revoked through a power failure
        with transaction(self._connection):
            found = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            if found > _VERSION:
                raise Unusable(f"`{self._path}` was written by a newer version. Upgrade Pointsman, or move the file away: that ends every session.")
            if found == 0:
                for statement in _SCHEMA:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version={_VERSION}")

    def _rows(self, query: str, *values: object) -> list[Any]:
        try:
            with closing(self._connection.execute(query, values)) as found:
                return found.fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _write(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        try:
            with transaction(self._connection):
                for statement, values in statements:
                    self._connection.execute(statement, values)
            self._seen = None  # SQLite tells of what others write, not of this
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> Unusable:
        return Unusable(f"`{self._path}` cannot be read or written ({error}). Free the disk, or correct the rights of the file.")
