"""
A ledger in memory, for laws that need a new one for each example.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from pointsman.storage.database import migrate, migrations
from pointsman.storage.sql import Database, SqliteDatabase


@contextmanager
def a_ledger() -> Iterator[Database]:
    """Give an empty ledger with the newest tables."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, migrations())
        yield SqliteDatabase(connection)
