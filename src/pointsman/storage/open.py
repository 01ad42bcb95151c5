"""
Where the ledger is, and how it is opened: a SQLite file, or a PostgreSQL database by its URL.
"""

import sqlite3
from pathlib import Path
from typing import Final

from pointsman.core.errors import LedgerUnavailable, Unusable
from pointsman.settings.ledger_place import Place, without_password
from pointsman.storage import postgres_schema
from pointsman.storage.database import migrations, open_database, open_reader
from pointsman.storage.postgres import PostgresDatabase
from pointsman.storage.sql import Database, SqliteDatabase

_BUSY_S: Final = 10.0


def open_writing(place: Place, *, busy_s: float = _BUSY_S) -> Database:
    """
    Open the ledger to write, with the newest tables; a file is made if need be. `busy_s` is how long others' locks are waited for.

    Raises `Unusable` for a ledger of a newer version or a file without a folder, `LedgerUnavailable` if it cannot be opened, `ExtraMissing`.
    """
    if isinstance(place, Path):
        return SqliteDatabase(open_database(place, busy_s=busy_s))
    try:
        db = PostgresDatabase(place, busy_s=busy_s)
        try:
            postgres_schema.migrate(db, migrations())
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"The ledger `{name_of(place)}` cannot be opened ({error}). Start the server, or correct `server.database`.") from error
    return db


def open_reading(place: Place) -> Database:
    """Open an existing ledger for questions only. Raises `Unusable` if there is none, or none that this version reads; `ExtraMissing`."""
    if isinstance(place, Path):
        return SqliteDatabase(open_reader(place))
    try:
        db = PostgresDatabase(place, busy_s=_BUSY_S, is_reader=True)
        try:
            postgres_schema.check(db, migrations(), url=place)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{name_of(place)}` cannot be read ({error}). Start the server, or name another with `--database`.") from error
    return db


def name_of(place: Place) -> str:
    """Return how a ledger is called in messages: never with a password."""
    return str(place) if isinstance(place, Path) else without_password(place)


def exists(place: Place) -> bool:
    """Tell whether there may be a ledger: a file that is there, or any database."""
    return place.exists() if isinstance(place, Path) else True
