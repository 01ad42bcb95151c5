"""
One way to ask two databases: SQL in the part that SQLite and PostgreSQL share, with `:name` parameters, and rows as mappings.

What is shared: named columns in every INSERT, `ON CONFLICT (…) DO UPDATE SET n = table.n + excluded.n`, window functions, `"user"` quoted, truths as 0 and 1,
integer division by `/` on integers only, no functions of dates or JSON. Sums of integers come back as integers from both.
"""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

Row = Mapping[str, Any]
Values = Mapping[str, object]


class Database(Protocol):
    """A connection for one thread. What the database says of a fault comes as `sqlite3.Error` or as the driver's own `Error`: see `storage/faults`."""

    def rows(self, sql: str, values: Values = ...) -> list[Row]:
        """Return what a question finds."""
        ...

    def execute(self, sql: str, values: Values = ...) -> int:
        """Change something; return how many rows were changed."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Change something once for each row of values, which stand for the `?` of the statement in order."""
        ...

    def transaction(self) -> "_Whole":
        """All or nothing."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class _Whole(Protocol):
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> bool | None: ...


class SqliteDatabase:
    """A SQLite connection as `Database`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, values: Values | None = None) -> list[Row]:
        """Return what a question finds."""
        found = self.connection.execute(sql, dict(values or {}))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Change something; return how many rows were changed."""
        return self.connection.execute(sql, dict(values or {})).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Change something once for each row of values, which stand for the `?` of the statement in order."""
        self.connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing. On a full disk it is often the commit that fails: that too leaves nothing behind."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()
