"""
Many rows in few statements, in the SQL that SQLite and PostgreSQL share: inserts, sums that are added to, and reads by key.

Between two statements the interpreter's lock is let go and taken again, and a server is asked and answers: both cost more than a row. The texts of
statements are few, so that they are compiled once.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from pointsman.storage.sql import Database, Row

_SIZES: Final = (64, 8, 1)
_KEYS_AT_ONCE: Final = (128, 16, 1)
_Rows = Sequence[Sequence[object]]


def insert(db: Database, table: str, *, columns: tuple[str, ...], rows: _Rows, conflict: str = "") -> None:
    """Insert rows of values in the order of the columns. `conflict` is the clause that says what becomes of a row whose key is there already."""
    done = 0
    for size in _SIZES:
        whole = (len(rows) - done) // size
        if whole:
            part = rows[done : done + whole * size]
            db.many(_insertion(table, columns, size=size, conflict=conflict), part if size == 1 else [*_joined(part, size)])
            done += whole * size


def add(db: Database, table: str, *, keys: tuple[str, ...], sums: tuple[str, ...], rows: Mapping[tuple[Any, ...], Sequence[float]]) -> None:
    """Add to the sums that stand under these keys. In the order of the keys, so that two writers never wait for each other crosswise."""
    if rows:
        added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
        flat = [(*key, *rows[key]) for key in sorted(rows)]
        insert(db, table, columns=keys + sums, rows=flat, conflict=f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}")


def replace(db: Database, table: str, *, columns: tuple[str, ...], keys: tuple[str, ...], rows: _Rows) -> None:
    """Insert rows, or put them in the place of those with the same key."""
    told = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    insert(db, table, columns=columns, rows=rows, conflict=f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {told}")


def by_keys(
    db: Database, table: str, *, columns: tuple[str, ...], keys: tuple[str, ...], wanted: Iterable[tuple[object, ...]], is_distinct: bool = False
) -> list[Row]:
    """Return the rows, or the distinct ones, whose key columns hold one of the wanted values. Needs an index that begins with the key columns."""
    left = list(dict.fromkeys(wanted))
    found: list[Row] = []
    while left:
        size = next(size for size in _KEYS_AT_ONCE if len(left) >= size or size == 1)
        part, left = left[:size], left[size:]
        values = {f"v{number}": value for number, value in enumerate(chain.from_iterable(part))}
        found += db.rows(_selection(table, columns, keys=keys, size=size, what="SELECT DISTINCT" if is_distinct else "SELECT"), values)
    return found


def _joined(rows: _Rows, size: int) -> Iterable[list[object]]:
    return ([*chain.from_iterable(rows[start : start + size])] for start in range(0, len(rows), size))


@cache
def _insertion(table: str, columns: tuple[str, ...], *, size: int, conflict: str) -> str:
    one = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([one] * size)} {conflict}"


@cache
def _selection(table: str, columns: tuple[str, ...], *, keys: tuple[str, ...], size: int, what: str) -> str:
    width = len(keys)
    told = ", ".join(f"({', '.join(f':v{number}' for number in range(start, start + width))})" for start in range(0, size * width, width))
    names = ", ".join(f"w{number}" for number in range(width))
    joined = " AND ".join(f"{table}.{key} = wanted.w{number}" for number, key in enumerate(keys))
    listed = ", ".join(f"{table}.{name} AS {name}" for name in columns)
    return f"WITH wanted ({names}) AS (VALUES {told}) {what} {listed} FROM wanted JOIN {table} ON {joined}"
