"""
The file of sessions, revocations and approvals: shared, small, and readable by its owner only.
"""

import sqlite3
import stat
from pathlib import Path

import pytest

from pointsman.core.errors import Unusable
from pointsman.storage.identity_file import IdentityFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pointsman-identity.db"


def test_what_one_process_writes_another_sees_and_is_told_of_once(path: Path) -> None:
    one, other = IdentityFile(path), IdentityFile(path)
    assert (other.has_changed(), other.has_changed()) == (True, False)
    one.revoke("subject", "ada", now_s=1.0)
    one.put_session("d1", "told", seen_s=5.0)
    assert (other.has_changed(), other.has_changed()) == (True, False)
    assert other.revoked(2.0) == {"key": frozenset(), "token": frozenset(), "subject": {"ada"}}
    assert list(other.sessions()) == [("told", 5.0)]
    assert one.has_changed(), "and what it wrote itself counts as news too"
    one.close()
    other.close()


def test_a_session_changes_ends_and_is_never_used_earlier_than_before(path: Path) -> None:
    file = IdentityFile(path)
    file.put_session("d1", "first", seen_s=5.0)
    file.use_sessions({"d1": 9.0, "unknown": 3.0})
    file.use_sessions({"d1": 7.0})
    file.put_session("d1", "second", seen_s=1.0)
    assert list(file.sessions()) == [("second", 9.0)]
    file.drop_sessions(["d1"])
    assert list(file.sessions()) == []
    file.close()


def test_a_revocation_lapses_with_what_it_was_about_and_can_be_taken_back(path: Path) -> None:
    file = IdentityFile(path)
    file.revoke("token", "t-1", now_s=0.0, until_s=100.0)
    file.revoke("subject", "ada", now_s=0.0)
    assert file.revoked(99.0)["token"] == {"t-1"}
    assert file.revoked(101.0)["token"] == frozenset()
    file.revoke("key", "ab", now_s=200.0)
    assert file._rows("SELECT count(*) FROM revoked") == [(2,)], "what has lapsed is forgotten"
    assert (file.restore("subject", "ada"), file.restore("subject", "ada")) == (True, False)
    assert file.revoked(200.0) == {"key": {"ab"}, "token": frozenset(), "subject": frozenset()}
    file.close()


def test_a_person_approves_once_and_approvals_are_used_up(path: Path) -> None:
    file = IdentityFile(path)
    assert file.in_force() is None
    file.put_in_force("d1", "text one", now_s=0.0)
    for person in ("p1", "p2", "p1"):
        file.approve("d2", person=person, user=person.upper(), now_s=1.0)
    assert [person for person, _, _ in file.approvals("d2")] == ["p1", "p2"]
    file.put_in_force("d2", "text two", now_s=2.0)
    assert file.in_force() == ("d2", "text two")
    assert len(file.approvals("d2")) == 2, "a slower worker must still find them"
    file.put_in_force("d3", "text three", now_s=3.0)
    assert file.approvals("d2") == [], "to go back is another change"
    file.forget_in_force()
    assert file.in_force() is None
    file.close()


def test_nobody_else_can_read_it(path: Path) -> None:
    IdentityFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_none_or_of_a_newer_version_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all, however long the text may be" * 30)
    with pytest.raises(Unusable, match="cannot be read"):
        IdentityFile(path)
    path.unlink()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(Unusable, match="newer version"):
        IdentityFile(path)
    with pytest.raises(Unusable, match="rights"):
        IdentityFile(path.parent / "missing" / "x.db")


def test_a_file_that_breaks_while_it_is_used_is_told_as_ours(path: Path) -> None:
    file = IdentityFile(path)
    file._connection.execute("DROP TABLE revoked")
    with pytest.raises(Unusable, match="cannot be read or written"):
        file.revoked(1.0)
    with pytest.raises(Unusable, match="cannot be read or written"):
        file.revoke("key", "x", now_s=1.0)
    file.close()
