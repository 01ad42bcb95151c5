"""
One-time links that lead into the console, in the file of sessions: the digest of each and until when it leads in.

A table of its own, which programs that do not know it leave alone. It is looked at so seldom that the file is opened each time.
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from pointsman.core.errors import Unusable
from pointsman.storage.database import make_private, transaction, write_ahead

_BUSY_S: Final = 2.0
_TABLE: Final = "CREATE TABLE IF NOT EXISTS link (digest TEXT PRIMARY KEY, until_s REAL NOT NULL) WITHOUT ROWID"


def put_link(path: Path, digest: str, *, until_s: float) -> None:
    """Keep the digest of a link, until which it leads in once. One that was kept before leads in no more. Raises `Unusable`."""
    with _opened(path) as connection:
        connection.execute("DELETE FROM link")
        connection.execute("INSERT INTO link (digest, until_s) VALUES (?, ?)", (digest, until_s))


def use_link(path: Path, digest: str, *, now_s: float) -> bool:
    """Use a link up; tell whether it led in. Raises `Unusable`."""
    with _opened(path) as connection:
        found = connection.execute("SELECT until_s FROM link WHERE digest = ?", (digest,)).fetchone()
        connection.execute("DELETE FROM link WHERE digest = ?", (digest,))
    return found is not None and now_s < found[0]


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    try:
        make_private(path)
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            write_ahead(connection, _BUSY_S)
            with transaction(connection):
                connection.execute(_TABLE)
                yield connection
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"`{path}` cannot be read or written ({error}). Free the disk, or correct the rights of the file.") from error
