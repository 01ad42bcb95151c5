"""
Every question in `storage/queries` is understood by both databases as it stands.
"""

import re
from pathlib import Path

import pytest

from pointsman.storage import database
from pointsman.storage.database import query
from pointsman.storage.sql import Database

FOLDER = Path(database.__file__).parent / "queries"
NAMES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.sql"))
NAME_OF_VALUE = re.compile(r"(?<![:\w]):([a-z_]\w*)")
NUMBER = re.compile(r"_(ms|s|usd|hours|days)$|^(limit|most|offset)$")


def test_there_are_questions() -> None:
    assert "report_calls" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_understood(each_database: Database, name: str) -> None:
    asked = query(name)
    # A text in quotes is taken for a number by PostgreSQL where a number is meant, and by SQLite where it is compared with a column of numbers.
    names = NAME_OF_VALUE.findall(re.sub(r"'[^']*'|--[^\n]*", "", asked))
    values = {name: 1 if NUMBER.search(name) else "1" for name in names}
    each_database.rows(asked, values)
