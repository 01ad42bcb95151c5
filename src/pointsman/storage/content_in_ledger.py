"""
What retention and erasure change in the ledger's own rows: records that have had their time go, and users who were erased lose their names.

Sums stay right: roll-ups are not touched, and a call keeps its cost when its user is forgotten.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from pointsman.storage.content import Held
from pointsman.storage.database import transaction
from pointsman.storage.records import first_id

ERASED: Final = "(erased)"
_UNHELD: Final = """NOT EXISTS (SELECT 1 FROM held WHERE held.tenant = {table}.tenant AND (
    held.kind = 'tenant' OR (held.kind = 'unit' AND held.name = {table}.unit){more}))"""
_OF_CALL: Final = _UNHELD.format(table="call", more=" OR (held.kind = 'subject' AND held.name = call.user)")
_OF_OUTCOME: Final = _UNHELD.format(table="outcome", more="")
_SECOND_MS: Final = 1000


def classes_of_calls(connection: sqlite3.Connection) -> list[str]:
    """Return the classes of data that calls are recorded with."""
    return [str(row[0]) for row in connection.execute("SELECT DISTINCT data_class FROM call")]


def count_calls(connection: sqlite3.Connection, before_ms: Mapping[str, int], *, held: Sequence[Held]) -> int:
    """Return how many calls of each class began before its time and are not held."""
    _note_held(connection, held)
    return sum(
        int(connection.execute(f"SELECT COUNT(*) FROM call WHERE data_class = ? AND call_id < ? AND {_OF_CALL}", (name, first_id(ms))).fetchone()[0])
        for name, ms in before_ms.items()
    )


def drop_calls(connection: sqlite3.Connection, before_ms: Mapping[str, int], *, held: Sequence[Held]) -> int:
    """Delete the calls of each class that began before its time and are not held, with their attempts; return how many calls."""
    _note_held(connection, held)
    dropped = 0
    for name, ms in before_ms.items():
        where = (name, first_id(ms))
        with transaction(connection):
            chosen = f"SELECT call_id FROM call WHERE data_class = ? AND call_id < ? AND {_OF_CALL}"
            connection.execute(f"DELETE FROM attempt WHERE call_id IN ({chosen})", where)
            dropped += connection.execute(f"DELETE FROM call WHERE data_class = ? AND call_id < ? AND {_OF_CALL}", where).rowcount
    return dropped


def count_outcomes(connection: sqlite3.Connection, before_ms: int, *, held: Sequence[Held]) -> int:
    """Return how many outcomes were told of a time before this one and are not held."""
    _note_held(connection, held)
    return int(connection.execute(f"SELECT COUNT(*) FROM outcome WHERE at_ms < ? AND {_OF_OUTCOME}", (before_ms,)).fetchone()[0])


def drop_outcomes(connection: sqlite3.Connection, before_ms: int, *, held: Sequence[Held]) -> int:
    """Delete the outcomes that were told of a time before this one and are not held; return how many."""
    _note_held(connection, held)
    with transaction(connection):
        return connection.execute(f"DELETE FROM outcome WHERE at_ms < ? AND {_OF_OUTCOME}", (before_ms,)).rowcount


def users_of(connection: sqlite3.Connection, tenant: str, *, since_ms: int = 0) -> list[str]:
    """Return the users of a tenant's calls since a time."""
    rows = connection.execute("SELECT DISTINCT user FROM call WHERE tenant = ? AND call_id >= ? AND user IS NOT NULL", (tenant, first_id(since_ms)))
    return [str(row[0]) for row in rows if row[0] != ERASED]


def count_user(connection: sqlite3.Connection, tenant: str, *, user: str, until_ms: int) -> int:
    """Return how many calls of a user there are up to a time."""
    found = connection.execute("SELECT COUNT(*) FROM call WHERE tenant = ? AND user = ? AND call_id < ?", (tenant, user, first_id(until_ms + 1)))
    return int(found.fetchone()[0])


def units_of(connection: sqlite3.Connection, tenant: str, *, user: str) -> list[str]:
    """Return the units of a user's calls, and those that name the user."""
    rows = connection.execute(
        "SELECT unit FROM call WHERE tenant = ?1 AND (user = ?2 OR instr(lower(unit), lower(?2)) > 0)"
        " UNION SELECT unit FROM outcome WHERE tenant = ?1 AND instr(lower(unit), lower(?2)) > 0",
        (tenant, user),
    )
    return [str(row[0]) for row in rows]


def forget_user(connection: sqlite3.Connection, tenant: str, *, user: str, until_ms: int, units: Mapping[str, str]) -> int:
    """
    Take a user's name out of the calls up to a time, and out of the units and outcomes that hold it; return how many calls there were.

    `units` maps each unit that names the user to what stands in its place, so that calls and outcomes of one unit stay together.
    """
    before = first_id(until_ms + 1)
    with transaction(connection):
        calls = connection.execute("UPDATE call SET user = ? WHERE tenant = ? AND user = ? AND call_id < ?", (ERASED, tenant, user, before)).rowcount
        for unit, instead in units.items():
            connection.execute("UPDATE call SET unit = ? WHERE tenant = ? AND unit = ? AND call_id < ?", (instead, tenant, unit, before))
            connection.execute("UPDATE outcome SET unit = ? WHERE tenant = ? AND unit = ? AND at_ms <= ?", (instead, tenant, unit, until_ms + _SECOND_MS))
        connection.execute(
            "UPDATE outcome SET outcome_id = 'erased-' || recorded WHERE tenant = ? AND instr(lower(outcome_id), lower(?)) > 0 AND at_ms <= ?",
            (tenant, user, until_ms + _SECOND_MS),
        )
    return calls


def _note_held(connection: sqlite3.Connection, held: Sequence[Held]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS held (tenant TEXT, kind TEXT, name TEXT)")
    connection.execute("DELETE FROM held")
    connection.executemany("INSERT INTO held VALUES (?, ?, ?)", held)
