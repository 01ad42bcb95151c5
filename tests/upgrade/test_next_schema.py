"""
A newer version starts while this one still runs: what only grew is written on, what changed is refused.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import a_record, an_outcome, report_of, write

from pointsman.core.errors import Unusable
from pointsman.settings.ledger_place import Place
from pointsman.storage import postgres_schema
from pointsman.storage.database import migrate, migrations
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.sql import Database, SqliteDatabase

NEXT = migrations()[-1][0] + 1
GROWN = "ALTER TABLE call ADD COLUMN colour TEXT;\nALTER TABLE unit ADD COLUMN weight REAL NOT NULL DEFAULT 0;\nCREATE TABLE more (name TEXT PRIMARY KEY);\n"
CHANGED = f"ALTER TABLE call RENAME COLUMN status TO ending;\nUPDATE compatible SET oldest_schema = {NEXT};\n"


def bring_up(db: Any, script: str) -> None:
    """Do what a newer version does when it starts."""
    known = [*migrations(), (NEXT, script)]
    if isinstance(db, SqliteDatabase):
        migrate(db.connection, known)
    else:
        postgres_schema.migrate(db, known)


def test_this_version_goes_on_writing_to_a_ledger_that_only_grew(each_place: Place) -> None:
    with closing(open_writing(each_place)) as mine:
        write(mine, [a_record(1, unit="ticket-1")])
        with closing(open_writing(each_place)) as newer:
            bring_up(newer, GROWN)
        write(mine, [a_record(2, unit="ticket-1")], outcomes=[an_outcome("ticket-1")])
    with closing(open_writing(each_place)) as again:  # and after a restart
        write(again, [a_record(3, unit="ticket-1")])
        assert again.rows("SELECT calls, weight, state FROM unit") == [{"calls": 3, "weight": 0.0, "state": "useful"}]
    [one] = report_of(each_place).capabilities
    assert (one.calls, one.useful) == (3, 1)


@pytest.mark.parametrize("opening", [open_writing, open_reading])
def test_a_ledger_that_changed_is_refused(each_place: Place, opening: Any) -> None:
    with closing(open_writing(each_place)) as newer:
        bring_up(newer, CHANGED)
    with pytest.raises(Unusable, match=rf"newer version \(schema {NEXT}, this one knows {NEXT - 1}\). Upgrade Pointsman"):
        opening(each_place)


def test_the_first_schema_is_written_by_nobody_who_comes_after(each_database: Database) -> None:
    """Its programs fill columns by their position, so they would fill the wrong ones."""
    assert each_database.rows("SELECT oldest_schema FROM compatible") == [{"oldest_schema": 2}]


@pytest.mark.parametrize("script", [script for number, script in migrations() if number > 2] + [GROWN, CHANGED])
def test_a_migration_that_does_more_than_add_says_so(script: str) -> None:
    does_more = any(word in script.upper() for word in ("DROP ", "RENAME ", "DELETE "))
    assert does_more == ("UPDATE compatible" in script)


def test_a_newer_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(open_writing(path)) as db:
        db.execute("DROP TABLE compatible")
        db.execute(f"PRAGMA user_version={NEXT}")
    with pytest.raises(Unusable, match="Upgrade Pointsman"):
        open_writing(path)
