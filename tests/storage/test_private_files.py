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
    first, second = make(path), make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = visit(path)
    assert path.with_name("a.db-wal").exists()
    writer = getattr(first, "_connection", first)
    writer.execute("CREATE TABLE seen_by_others (one INTEGER)")
    assert visit(path) == before + 1
    for one in (first, second):
        one.close()


def test_the_salts_of_the_audit_log_are_as_safe(tmp_path: Path) -> None:
    first, second = Salts(tmp_path), Salts(tmp_path)
    path = tmp_path / "subjects.db"
    visit(path)
    salt = first.of("acme", "ada")
    first.commit()
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    count = visit(path)
    assert count >= 1
    assert bytes(reader.execute("SELECT salt FROM salt").fetchone()[0]) == salt
    reader.close()
    for one in (first, second):
        one.close()
