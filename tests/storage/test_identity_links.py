"""
One-time links: kept by their digest, used up by the first who shows them, replaced by a newer one.
"""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.core.errors import Unusable
from pointsman.storage.identity_file import IdentityFile
from pointsman.storage.identity_links import put_link, use_link


def test_a_link_leads_in_once_and_only_in_its_time(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    put_link(path, "one", until_s=100.0)
    assert not use_link(path, "other", now_s=50.0)
    assert use_link(path, "one", now_s=50.0)
    assert not use_link(path, "one", now_s=50.0)
    put_link(path, "two", until_s=100.0)
    assert not use_link(path, "two", now_s=100.0)
    assert not use_link(path, "two", now_s=50.0), "whoever comes too late uses it up"


def test_a_newer_link_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    put_link(path, "one", until_s=100.0)
    put_link(path, "two", until_s=100.0)
    assert not use_link(path, "one", now_s=1.0)
    assert use_link(path, "two", now_s=1.0)


def test_links_and_sessions_share_a_file_whoever_makes_it_and_it_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    put_link(path, "one", until_s=100.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(IdentityFile(path)) as file:
        file.put_session("digest", "{}", seen_s=1.0)
        assert use_link(path, "one", now_s=1.0)
        assert list(file.sessions()) == [("{}", 1.0)]


def test_a_file_that_cannot_be_written_is_told_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    path.write_bytes(b"this is no database, but it is long enough to be taken for one" * 20)
    with pytest.raises(Unusable, match="correct the rights"):
        put_link(path, "one", until_s=1.0)
    with pytest.raises(Unusable, match="Free the disk"):
        put_link(tmp_path / "nowhere" / "identity.db", "one", until_s=1.0)


def test_the_link_itself_is_nowhere_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    put_link(path, "a-digest", until_s=1.0)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT digest, until_s FROM link").fetchall() == [("a-digest", 1.0)]
