"""
Files for their owner alone, made without ever touching one that is in use.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.storage.audit_salts import Salts
from pointsman.storage.content_files import open_file
from pointsman.storage.identity_file import IdentityFile

_VISITOR = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT COUNT(*) FROM sqlite_master').fetchone()[0]); c.close()"


def visit(path: Path) -> int:
    """Have another process open the file, read it and close it."""
    done = subprocess.run([sys.executable, "-c", _VISITOR, str(path)], capture_output=True, text=True, check=True, timeout=30)
    return int(done.stdout)


def _content(path: Path) -> Any:
    return open_file(path, "content")


def _keys(path: Path) -> Any:
    return open_file(path, "keys")


@pytest.mark.parametrize("make", [_content, _keys, IdentityFile], ids=["content", "keys", "identity"])
def test_a_file_that_is_open_twice_keeps_its_log_when_another_process_closes_it(make: Callable[[Path], Any], tmp_path: Path) -> None:
    """
    Else the second opening would take away the first one's locks, the visitor would take itself for the last, and what is written from then on would
    be in a deleted file: seen by nobody, and lost with a power failure.
    """
    path = tmp_path / "a.db"
    first = make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    writer = getattr(first, "_connection", first)
    writer.execute("CREATE TABLE written_before (one INTEGER)")
    second = make(path)
    before = visit(path)
    assert path.with_name("a.db-wal").exists()
    writer.execute("CREATE TABLE written_after (one INTEGER)")
    assert visit(path) == before + 1
    for one in (first, second):
        one.close()


def test_the_salts_of_the_audit_log_are_as_safe(tmp_path: Path) -> None:
    first = Salts(tmp_path)
    path = tmp_path / "subjects.db"
    first.of("acme", "ada")
    first.commit()
    second = Salts(tmp_path)
    visit(path)
    salt = first.of("acme", "bob")
    first.commit()
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert salt in {bytes(row[0]) for row in reader.execute("SELECT salt FROM salt")}
    reader.close()
    for one in (first, second):
        one.close()
