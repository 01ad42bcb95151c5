"""
One way to ask two databases: SQL in the part that SQLite and PostgreSQL share, with `:name` parameters, and rows as mappings.

What is shared: named columns in every INSERT, `ON CONFLICT (…) DO UPDATE SET n = table.n + excluded.n`, window functions, `"user"` quoted, truths as 0 and 1,
integer division by `/` on integers only, no functions of dates or JSON. Sums of integers come back as integers from both.

What differs without a word and is therefore not used: MAX and MIN of two arguments (write CASE), a comparison as a number (write CASE), LIKE on letters of
either case (write LOWER on both sides), the order of NULL (write NULLS FIRST or LAST), columns beside GROUP BY, and CAST of a fraction to INTEGER (one cuts,
the other rounds). To ask whether `a` holds `b`, which is not empty: `REPLACE(a, b, '') <> a`.
"""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Row = Mapping[str, Any]
Values = Mapping[str, object]


class Database(Protocol):
    """A connection for one thread at a time. What goes wrong is told as `sqlite3.Error` by every database: see `storage/faults`."""

    def rows(self, sql: str, values: Values = ...) -> list[Row]:
        """Return what a question finds."""
        ...

    def execute(self, sql: str, values: Values = ...) -> int:
        """Change something; return how many rows were changed."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Change something once for each row of values, which stand for the `?` of the statement in order."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. It waits for other writers; within it nobody else writes to the file (SQLite) or to the same rows (PostgreSQL)."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class SqliteDatabase:
    """A SQLite connection as `Database`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.row_factory = None

    def rows(self, sql: str, values: Values | None = None) -> list[Row]:
        """Return what a question finds."""
        found = self.connection.execute(sql, values or {})
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row)) for row in found]  # noqa: B905 - SQLite names as many as it gives; a check would cost a tenth

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Change something; return how many rows were changed."""
        return self.connection.execute(sql, values or {}).rowcount

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
