"""
The ledger's tables in PostgreSQL: the same migrations as for a file, in its words, and which of them a database has had.
"""

from typing import Final

from pointsman.core.errors import Unusable
from pointsman.settings.ledger_place import without_password
from pointsman.storage.database import Migrations, check_readable, check_writable, statements
from pointsman.storage.postgres import PostgresDatabase, schema_words

_HAS: Final = "SELECT COUNT(*) AS found FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = :name"


def migrate(db: PostgresDatabase, known: Migrations) -> None:
    """Bring a database up to the last of the known migrations. Several replicas may do so at once. Raises `Unusable` for a newer one."""
    newest = known[-1][0]
    found = version(db)
    if found > newest:
        check_writable(found, newest, oldest=_oldest(db))
    for number, script in known:
        if number <= found:
            continue
        with db.transaction():
            if version(db) >= number:  # another replica was faster
                continue
            for statement in statements(script):
                db.execute(schema_words(statement))
            _note_version(db, number)


def check(db: PostgresDatabase, known: Migrations, *, url: str) -> None:
    """Make sure that a database can be read by a program that knows these migrations. Raises `Unusable`."""
    found, named = version(db), without_password(url)
    if found == 0:
        raise Unusable(f"There is no ledger in `{named}` yet. Start the gateway with `pointsman up`, or name the database with `--database`.")
    check_readable(found, known[-1][0], oldest=lambda: _oldest(db), named=named)


def version(db: PostgresDatabase) -> int:
    """Return the number of the last migration that a database has had, or 0."""
    if not _has(db, "schema_version"):
        return 0
    return int(db.rows("SELECT COALESCE(MAX(version), 0) AS version FROM schema_version")[0]["version"])


def _note_version(db: PostgresDatabase, number: int) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
    db.execute("DELETE FROM schema_version")
    db.execute("INSERT INTO schema_version (version) VALUES (:number)", {"number": number})


def _oldest(db: PostgresDatabase) -> int | None:
    found = db.rows("SELECT oldest_schema FROM compatible") if _has(db, "compatible") else []
    return int(found[0]["oldest_schema"]) if found else None


def _has(db: PostgresDatabase, table: str) -> bool:
    return bool(db.rows(_HAS, {"name": table})[0]["found"])
