"""
The files of kept content and of its keys: opened, and cleared of what was deleted. What is in their tables is known to `content` and `keys`.

Both are readable for their owner alone, and what is deleted from them is overwritten: a page that is free holds nothing.
"""

import sqlite3
from pathlib import Path
from typing import Final

from pointsman.core.errors import Unusable
from pointsman.storage.database import make_private, migrate, migrations, write_ahead

_BUSY_S: Final = 10.0


def open_file(path: Path, kind: str, *, busy_s: float = _BUSY_S) -> sqlite3.Connection:
    """
    Open a file of this kind (`content` or `keys`), making it if need be. Raises `Unusable`.

    A connection may be used by several threads, one at a time.
    """
    try:
        make_private(path)
        connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("PRAGMA temp_store=MEMORY")
            migrate(connection, migrations(kind))
            write_ahead(connection, busy_s)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise Unusable(f"The {kind} file `{path}` cannot be opened ({type(error).__name__}). Free the disk, or name another under `retention`.") from error
    return connection


def clear(connection: sqlite3.Connection) -> bool:
    """
    Rewrite the whole file so that nothing deleted is left in it, and empty its write-ahead log.

    Overwriting at deletion is not enough: when rows move between pages, copies stay behind in the gaps. Tells whether the log could be emptied;
    somebody who reads for long prevents it, and the next time it is tried again. Raises `sqlite3.Error`.
    """
    connection.execute("VACUUM")
    return empty_log(connection)


def empty_log(connection: sqlite3.Connection) -> bool:
    """Write the log back into the file and cut it to nothing. Tells whether that was possible. Raises `sqlite3.Error`."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
