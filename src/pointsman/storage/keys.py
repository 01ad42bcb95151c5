"""
Wrapped keys, tombstones and holds ↔ rows. What a key opens, and how it is wrapped, is not known here.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

TENANT: Final = "tenant"
DAY: Final = "day"
SUBJECT: Final = "subject"


class KeyRow(Struct, frozen=True, kw_only=True):
    """One wrapped key. `name` is a day or a subject's digest, empty for a tenant's own key."""

    tenant: str
    kind: str
    name: str
    key_id: str
    wrapped: bytes


class Tombstone(Struct, frozen=True, kw_only=True):
    """Who was erased (`subject` is a keyed digest), and when."""

    tenant: str
    subject: str
    erased_ms: int


class HoldRow(Struct, frozen=True, kw_only=True):
    """A legal hold. `kind` is `subject`, `unit` or `tenant`; `name` a keyed digest; `sealed` the name itself."""

    tenant: str
    kind: str
    name: str
    sealed: bytes
    held_ms: int
    who: str
    why: str


def read_proof(connection: sqlite3.Connection) -> bytes | None:
    """Return what tells a right master key, or None in a new file."""
    found = connection.execute("SELECT proof FROM master").fetchone()
    return None if found is None else bytes(found[0])


def write_proof(connection: sqlite3.Connection, proof: bytes) -> bytes:
    """Keep the proof unless there is one; return the one that is kept."""
    connection.execute("INSERT INTO master VALUES (1, ?) ON CONFLICT DO NOTHING", (proof,))
    return bytes(connection.execute("SELECT proof FROM master").fetchone()[0])


def replace_proof(connection: sqlite3.Connection, proof: bytes) -> None:
    """Keep the proof of a new master key."""
    connection.execute("UPDATE master SET proof = ?", (proof,))


def find_key(connection: sqlite3.Connection, tenant: str, *, kind: str, name: str) -> KeyRow | None:
    """Return a wrapped key, or None."""
    found = connection.execute("SELECT key_id, wrapped FROM key WHERE tenant = ? AND kind = ? AND name = ?", (tenant, kind, name)).fetchone()
    return None if found is None else KeyRow(tenant=tenant, kind=kind, name=name, key_id=str(found[0]), wrapped=bytes(found[1]))


def add_key(connection: sqlite3.Connection, row: KeyRow) -> None:
    """Keep a wrapped key, unless there is one by that name."""
    connection.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (row.tenant, row.kind, row.name, row.key_id, row.wrapped))


def drop_key(connection: sqlite3.Connection, tenant: str, *, kind: str, name: str) -> int:
    """Delete a key; return how many there were."""
    return connection.execute("DELETE FROM key WHERE tenant = ? AND kind = ? AND name = ?", (tenant, kind, name)).rowcount


def keys_of(connection: sqlite3.Connection, kind: str) -> list[KeyRow]:
    """Return every key of a kind."""
    rows = connection.execute("SELECT tenant, name, key_id, wrapped FROM key WHERE kind = ? ORDER BY tenant, name", (kind,))
    return [KeyRow(tenant=str(tenant), kind=kind, name=str(name), key_id=str(key_id), wrapped=bytes(wrapped)) for tenant, name, key_id, wrapped in rows]


def rewrap(connection: sqlite3.Connection, rows: Iterable[KeyRow]) -> None:
    """Replace how these keys are wrapped."""
    connection.executemany(
        "UPDATE key SET wrapped = ? WHERE tenant = ? AND kind = ? AND name = ?", [(row.wrapped, row.tenant, row.kind, row.name) for row in rows]
    )


def add_tombstone(connection: sqlite3.Connection, stone: Tombstone) -> None:
    """Keep who was erased; of two times for one, the later."""
    connection.execute(
        "INSERT INTO tombstone VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET erased_ms = MAX(erased_ms, excluded.erased_ms)",
        (stone.tenant, stone.subject, stone.erased_ms),
    )


def erased_ms(connection: sqlite3.Connection, tenant: str, *, subject: str) -> int | None:
    """Return when a subject was erased last, or None."""
    found = connection.execute("SELECT erased_ms FROM tombstone WHERE tenant = ? AND subject = ?", (tenant, subject)).fetchone()
    return None if found is None else int(found[0])


def tombstones(connection: sqlite3.Connection) -> list[Tombstone]:
    """Return who was erased, all of them."""
    rows = connection.execute("SELECT tenant, subject, erased_ms FROM tombstone ORDER BY tenant, subject")
    return [Tombstone(tenant=str(tenant), subject=str(subject), erased_ms=int(erased_ms)) for tenant, subject, erased_ms in rows]


def add_hold(connection: sqlite3.Connection, row: HoldRow) -> None:
    """Keep a hold; one that stands already is replaced."""
    connection.execute("INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?)", (row.tenant, row.kind, row.name, row.sealed, row.held_ms, row.who, row.why))


def drop_hold(connection: sqlite3.Connection, tenant: str, *, kind: str, name: str) -> int:
    """Delete a hold; return how many there were."""
    return connection.execute("DELETE FROM hold WHERE tenant = ? AND kind = ? AND name = ?", (tenant, kind, name)).rowcount


def holds(connection: sqlite3.Connection) -> list[HoldRow]:
    """Return every hold."""
    rows = connection.execute("SELECT tenant, kind, name, sealed, held_ms, who, why FROM hold ORDER BY held_ms")
    return [
        HoldRow(tenant=str(tenant), kind=str(kind), name=str(name), sealed=bytes(sealed), held_ms=int(held_ms), who=str(who), why=str(why))
        for tenant, kind, name, sealed, held_ms, who, why in rows
    ]
