"""
One SQLite file in WAL mode: opened, brought to the current schema, and closed. What is in the tables is known to its neighbours.

Migrations are numbered SQL files, applied in order, each in a transaction. A file of a newer version is refused: an older program could not
know what it would break.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from pointsman.core.errors import LedgerUnavailable, Unusable

_BUSY_S: Final = 10.0


def open_database(path: Path, *, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """Open the file, making it if need be. Raises `Unusable` for one of a newer version, `LedgerUnavailable` if it cannot be opened."""
    try:
        connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        _migrate(connection)
    except sqlite3.Error as error:
        raise LedgerUnavailable(
            f"The ledger `{path}` cannot be opened ({error}). Free the disk, unlock the file, or name another under `server.database`."
        ) from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for questions only. Raises `Unusable` if there is none."""
    if not path.exists():
        raise Unusable(f"There is no ledger at `{path}` yet. Start the gateway with `pointsman up`, or name the file with `--database`.")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def query(name: str) -> str:
    """Return a query of `storage/queries` by its name."""
    return resources.files("pointsman.storage").joinpath(f"queries/{name}.sql").read_text(encoding="utf-8")


def migrations() -> list[tuple[int, str]]:
    """Return the migrations as (version, SQL), in order."""
    folder = resources.files("pointsman.storage").joinpath("migrations")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [(int(entry.name.split("_")[0]), entry.read_text(encoding="utf-8")) for entry in files]


def _migrate(connection: sqlite3.Connection) -> None:
    known = migrations()
    found = _version(connection)
    if found > known[-1][0]:
        raise Unusable(f"The ledger was written by a newer version (schema {found}, this one knows {known[-1][0]}). Upgrade Pointsman, or name another file.")
    for version, script in known:
        if version <= found:
            continue
        with transaction(connection):
            if _version(connection) >= version:  # another worker was faster
                continue
            for statement in script.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
