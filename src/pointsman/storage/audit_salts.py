"""
Keys of the people in the audit log: a random one for each user of a tenant, under which their name is digested, until it is destroyed.

Rows are found by an HMAC of tenant and user, never by a name. The file and its key must not be in ordinary backups: with an old copy the digests
of somebody who was erased could be told again.
"""

import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pointsman.storage.database import write_ahead

_SALT_BYTES: Final = 32
_BUSY_S: Final = 10.0
_MOST_KNOWN: Final = 100_000
_PRIVATE: Final = 0o600


class Salts:
    """
    The keys, for one thread of one process; others may use the same files.

    Keys that are new are on the disk after `commit`. Raises `sqlite3.Error` or `OSError` when the files cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._master = _master(folder / "subjects.key")
        path = folder / "subjects.db"
        path.touch(mode=_PRIVATE)
        self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA secure_delete=ON")
        write_ahead(self._connection, _BUSY_S)
        self._connection.execute("CREATE TABLE IF NOT EXISTS salt (lookup BLOB PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID")
        self._known: dict[tuple[str, str], bytes] = {}
        self._version = self._seen()

    def of(self, tenant: str, user: str) -> bytes:
        """Return the key of a user, a new one if there is none."""
        found = self._known.get((tenant, user))
        if found is None:
            found = self.find(tenant, user) or self._new(tenant, user)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[tenant, user] = found
        return found

    def find(self, tenant: str, user: str) -> bytes | None:
        """Return the key of a user, or None: never seen, or erased."""
        row = self._connection.execute("SELECT salt FROM salt WHERE lookup = ?", (self._lookup(tenant, user),)).fetchone()
        return None if row is None else bytes(row[0])

    def all(self) -> Iterator[bytes]:
        """Return every key that is left."""
        return (bytes(row[0]) for row in self._connection.execute("SELECT salt FROM salt"))

    def refresh(self) -> None:
        """Forget what is remembered if another process changed the file: somebody may have been erased."""
        seen = self._seen()
        if seen != self._version:
            self._known.clear()
            self._version = seen

    def commit(self) -> None:
        """Put new keys on the disk."""
        if self._connection.in_transaction:
            self._connection.commit()

    def undo(self) -> None:
        """Forget keys that could not be put on the disk."""
        self._known.clear()
        if self._connection.in_transaction:
            self._connection.rollback()

    def forget(self, tenant: str, user: str) -> bool:
        """Destroy the key of a user. Tell whether there was one."""
        self._known.pop((tenant, user), None)
        done = self._connection.execute("DELETE FROM salt WHERE lookup = ?", (self._lookup(tenant, user),)).rowcount > 0
        # The write-ahead log still holds the row as it was.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return done

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _new(self, tenant: str, user: str) -> bytes:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        # Another process may have been faster since we looked.
        lookup = self._lookup(tenant, user)
        self._connection.execute("INSERT OR IGNORE INTO salt VALUES (?, ?)", (lookup, secrets.token_bytes(_SALT_BYTES)))
        return bytes(self._connection.execute("SELECT salt FROM salt WHERE lookup = ?", (lookup,)).fetchone()[0])

    def _lookup(self, tenant: str, user: str) -> bytes:
        told = f"{tenant}\0{user}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._master, told, "sha256")

    def _seen(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _master(path: Path) -> bytes:
    """Return the key that rows are found by. Of several processes that make it at the same time one wins."""
    if not path.exists():
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        try:
            os.write(descriptor, secrets.token_bytes(_SALT_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(beside, path)
        except FileExistsError:
            pass  # another process made it first
        finally:
            beside.unlink()
    return path.read_bytes()
