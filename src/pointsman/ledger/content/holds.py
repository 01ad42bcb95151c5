"""
Legal holds: what must not go, whatever else says so. They stand with the keys, so that restoring a backup can neither lift nor bring back one.
"""

import sqlite3
import threading
from typing import Protocol

from msgspec import Struct

from pointsman.storage import keys as rows
from pointsman.storage.database import transaction

Held = tuple[str, str, str]  # tenant, kind, name


class Hold(Struct, frozen=True, kw_only=True):
    """A legal hold on a `subject` or `unit` of a tenant, or on the whole `tenant` (then `name` is empty)."""

    tenant: str
    kind: str
    name: str
    held_ms: int
    who: str
    why: str


class Names(Protocol):
    """What knows names by digests, and seals them. It is the key store; the two are apart because each is enough to read at once."""

    def subject(self, tenant: str, user: str | None) -> str:
        """Return the digest of a user."""
        ...

    def unit(self, tenant: str, unit: str | None) -> str:
        """Return the digest of a unit."""
        ...

    def sealed(self, tenant: str, name: str, *, bound_to: bytes) -> bytes:
        """Return a name sealed under its tenant's key."""
        ...

    def unsealed(self, tenant: str, sealed: bytes, *, bound_to: bytes) -> str | None:
        """Return the name again, or None if it cannot be opened."""
        ...


class Holds:
    """The holds of one file of keys. May be used by several threads."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock, *, names: Names) -> None:
        self._connection = connection
        self._lock = lock
        self._names = names

    def put(self, hold: Hold) -> None:
        """Put a hold on record; one that stands already is replaced."""
        name = self._digest(hold.tenant, hold.kind, name=hold.name)
        sealed = self._names.sealed(hold.tenant, hold.name, bound_to=_bound(hold.tenant, hold.kind, name=name))
        row = rows.HoldRow(tenant=hold.tenant, kind=hold.kind, name=name, sealed=sealed, held_ms=hold.held_ms, who=hold.who, why=hold.why)
        with self._lock, transaction(self._connection):
            rows.add_hold(self._connection, row)

    def release(self, tenant: str, kind: str, *, name: str) -> bool:
        """Take a hold away; tell whether there was one."""
        digest = self._digest(tenant, kind, name=name)
        with self._lock, transaction(self._connection):
            return bool(rows.drop_hold(self._connection, tenant, kind=kind, name=digest))

    def all(self) -> list[Hold]:
        """Return every hold with its name in the open, or with its digest if the tenant's key was destroyed."""
        with self._lock:
            found = rows.holds(self._connection)
        return [Hold(tenant=row.tenant, kind=row.kind, name=self._in_open(row), held_ms=row.held_ms, who=row.who, why=row.why) for row in found]

    def digests(self) -> list[Held]:
        """Return every hold as content knows it: by digests."""
        with self._lock:
            return [(row.tenant, row.kind, row.name) for row in rows.holds(self._connection)]

    def _digest(self, tenant: str, kind: str, *, name: str) -> str:
        match kind:
            case "subject":
                return self._names.subject(tenant, name)
            case "unit":
                return self._names.unit(tenant, name)
            case _:
                return ""

    def _in_open(self, row: rows.HoldRow) -> str:
        found = self._names.unsealed(row.tenant, row.sealed, bound_to=_bound(row.tenant, row.kind, name=row.name))
        return row.name if found is None else found


def _bound(tenant: str, kind: str, *, name: str) -> bytes:
    return f"hold\0{tenant}\0{kind}\0{name}".encode()
