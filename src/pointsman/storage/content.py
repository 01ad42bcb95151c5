"""
Kept content ↔ rows, sealed as they come. Which keys open them, and when they must go, is decided above.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from pointsman.storage.database import transaction

_COLUMNS: Final = "call_id, tenant, subject, unit, label, keeping, said_ms, not_before_ms, until_ms, day, day_key, subject_key, request, answer"
_UNHELD: Final = """NOT EXISTS (SELECT 1 FROM held WHERE held.tenant = content.tenant AND (
    held.kind = 'tenant' OR (held.kind = 'subject' AND held.name = content.subject) OR (held.kind = 'unit' AND held.name = content.unit)))"""

Held = tuple[str, str, str]  # tenant, kind, name


class ContentRow(Struct, frozen=True, kw_only=True):
    """One row. Times are Unix milliseconds; `day` counts days since 1970 and is the one on which `until_ms` falls."""

    call_id: str
    tenant: str
    subject: str
    unit: str
    label: str
    keeping: int
    said_ms: int
    not_before_ms: int
    until_ms: int
    day: int
    day_key: str
    subject_key: str
    request: bytes | None
    answer: bytes | None


def write_content(connection: sqlite3.Connection, rows: Iterable[ContentRow]) -> None:
    """Write rows together or not at all. Content of a call that is there already stays as it is. Raises `sqlite3.Error`."""
    values = [tuple(getattr(row, name) for name in ContentRow.__struct_fields__) for row in rows]
    with transaction(connection):
        connection.executemany(f"INSERT INTO content ({_COLUMNS}) VALUES ({','.join('?' * 14)}) ON CONFLICT DO NOTHING", values)


def read_content(connection: sqlite3.Connection, call_id: str) -> ContentRow | None:
    """Return the content of a call, or None."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM content WHERE call_id = ?", (call_id,)).fetchone()
    return None if found is None else ContentRow(**dict(zip(ContentRow.__struct_fields__, found, strict=True)))


def count_expired(connection: sqlite3.Connection, now_ms: int, *, held: Sequence[Held]) -> int:
    """Return how many rows are past their end and not held."""
    _note_held(connection, held)
    found = connection.execute(f"SELECT COUNT(*) FROM content WHERE until_ms <= ? AND not_before_ms <= ? AND {_UNHELD}", (now_ms, now_ms)).fetchone()
    return int(found[0])


def drop_expired(connection: sqlite3.Connection, now_ms: int, *, held: Sequence[Held]) -> int:
    """Delete the rows that are past their end and not held; return how many."""
    _note_held(connection, held)
    with transaction(connection):
        return connection.execute(f"DELETE FROM content WHERE until_ms <= ? AND not_before_ms <= ? AND {_UNHELD}", (now_ms, now_ms)).rowcount


def days_in_use(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the (tenant, day) of which content is left."""
    return {(str(tenant), str(day)) for tenant, day in connection.execute("SELECT DISTINCT tenant, day FROM content")}


def rows_of(connection: sqlite3.Connection, tenant: str, *, subject: str) -> list[tuple[str, str, int]]:
    """Return (call id, unit digest, time) of all content of a subject."""
    rows = connection.execute("SELECT call_id, unit, said_ms FROM content WHERE tenant = ? AND subject = ?", (tenant, subject))
    return [(str(call_id), str(unit), int(said_ms)) for call_id, unit, said_ms in rows]


def drop_subject(connection: sqlite3.Connection, tenant: str, *, subject: str, until_ms: int) -> int:
    """Delete all content of a subject that was said up to a time; return how many rows there were."""
    with transaction(connection):
        return connection.execute("DELETE FROM content WHERE tenant = ? AND subject = ? AND said_ms <= ?", (tenant, subject, until_ms)).rowcount


def _note_held(connection: sqlite3.Connection, held: Sequence[Held]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS held (tenant TEXT, kind TEXT, name TEXT)")
    connection.execute("DELETE FROM held")
    connection.executemany("INSERT INTO held VALUES (?, ?, ?)", held)
