"""
One SQLite file in WAL mode: opened, brought to the current schema, and closed. What is in the tables is known to its neighbours.

Migrations are numbered SQL files, applied in order, each in a transaction. From the second on, the ledger itself says which is the oldest schema whose programs
may still write to it (the table `compatible`), so that an older program goes on while a newer one starts. Any other newer file is refused: an older program
could not know what it would break.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pointsman.core.errors import LedgerUnavailable, Unusable

_BUSY_S: Final = 10.0
_AGAIN_S: Final = 0.01
_MOST_WAL_BYTES: Final = 64 * 1024 * 1024

Migrations = Sequence[tuple[int, str]]


def open_database(path: Path, *, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """Open the file, making it if need be. Raises `Unusable` for one of a newer version or without a folder, `LedgerUnavailable` if it cannot be opened."""
    if not path.parent.is_dir():
        raise Unusable(f"There is no folder `{path.parent}` for the ledger. Make it, or name another file under `server.database`.")
    try:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        try:
            migrate(connection, migrations())
            write_ahead(connection, busy_s)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise LedgerUnavailable(
            f"The ledger `{path}` cannot be opened ({error}). Free the disk, unlock the file, or name another under `server.database`."
        ) from error
    return connection


def _make_private(path: Path) -> None:
    """Make the file for its owner alone: it names users. What SQLite writes beside it gets the same mode."""
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open database file: {error.strerror}") from error


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for questions only. Raises `Unusable` if there is none, or none of this version."""
    if not path.exists():
        raise Unusable(f"There is no ledger at `{path}` yet. Start the gateway with `pointsman up`, or name the file with `--database`.")
    known = migrations()[-1][0]
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            found = _version(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{path}` cannot be read ({error}). Name the file of a gateway with `--database`.") from error
    try:
        check_readable(found, known, oldest=lambda: _oldest(connection), named=str(path))
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


def make_private(path: Path) -> None:
    """
    Make an empty file for its owner alone, unless there is one. Raises `OSError`.

    A file that is there is not even opened: closing it would take away the locks that connections of this process hold on it (SQLite, "How To Corrupt", 2.2),
    and the next process to close the file would delete the write-ahead log from under them.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """All or nothing. On a full disk it is often the commit that fails: that too leaves nothing behind."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@cache
def query(name: str) -> str:
    """Return a query of `storage/queries` by its name, such as `report_calls` or `worth/coverage`."""
    return resources.files("pointsman.storage").joinpath(f"queries/{name}.sql").read_text(encoding="utf-8")


def migrations(kind: str = "") -> Migrations:
    """Return the migrations of a kind of file as (version, SQL), in order; of the ledger where none is named."""
    folder = resources.files("pointsman.storage").joinpath("migrations", kind)
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [(int(entry.name.split("_")[0]), entry.read_text(encoding="utf-8")) for entry in files]


def migrate(connection: sqlite3.Connection, known: Migrations) -> None:
    """Bring a file up to the last of the known migrations. Another process may do the same at the same time. Raises `Unusable` for a newer file."""
    found = _version(connection)
    if found > known[-1][0]:
        check_writable(found, known[-1][0], oldest=_oldest(connection))
    for version, script in known:
        if version <= found:
            continue
        with transaction(connection):
            if _version(connection) >= version:  # another worker was faster
                continue
            for statement in statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version}")


def statements(script: str) -> Generator[str]:
    """Return the statements of a script one by one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def write_ahead(connection: sqlite3.Connection, busy_s: float) -> None:
    """
    Choose a write-ahead log that is on the disk when a commit returns, and shrinks again after a long reader held it open.

    Turning it on is the one step for which SQLite does not wait when somebody else is at it.
    """
    until = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(_AGAIN_S)
    # A commit holds a batch of 50 ms, and the thread that waits for the disk is the writer's own: FULL costs calls nothing.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA journal_size_limit={_MOST_WAL_BYTES}")


def _version(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as found:
        return int(found.fetchone()[0])


def _oldest(connection: sqlite3.Connection) -> int | None:
    """Return the oldest schema whose programs may write to this file, or None if it does not say."""
    try:
        with closing(connection.execute("SELECT oldest_schema FROM compatible")) as found:
            row = found.fetchone()
    except sqlite3.OperationalError:  # no such table
        return None
    return None if row is None else int(row[0])


def check_writable(found: int, known: int, *, oldest: int | None) -> None:
    """Let a program that knows one schema write to a newer one only if the newer one says so. Raises `Unusable`."""
    if oldest is None or oldest > known:
        raise Unusable(f"The ledger was written by a newer version (schema {found}, this one knows {known}). Upgrade Pointsman, or name another ledger.")


def check_readable(found: int, known: int, *, oldest: Callable[[], int | None], named: str) -> None:
    """Let a program that knows one schema read that one, or a newer one which it might write to. Raises `Unusable`."""
    if found < known:
        raise Unusable(f"The ledger `{named}` is of an older version (schema {found}, this one reads {known}). Start the gateway once: it brings it up.")
    if found > known:
        check_writable(found, known, oldest=oldest())
