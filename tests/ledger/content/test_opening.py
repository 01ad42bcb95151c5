"""
The master key: made at the first start, never guessed, never made again while keys wait for it.
"""

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.ledger.content.opening import Files, open_files
from pointsman.settings.retention_compile import retention_of
from pointsman.settings.retention_shape import Retention as Told
from pointsman.settings.secrets import SecretUnusable

LONG = "a-master-key-of-the-tests-0123456789"


def opened(folder: Path, environ: dict[str, str] | None = None, **keys: Any) -> Files:
    retention = retention_of(msgspec.convert({"keys": keys}, Told))
    return open_files(folder, retention, ledger="pointsman.db", environ=environ or {})


def test_at_the_first_start_a_master_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    files = opened(tmp_path)
    master = tmp_path / "pointsman-master.key"
    assert stat.S_IMODE(master.stat().st_mode) == 0o600
    assert len(master.read_text().strip()) >= 43
    subject = files.keys.subject("acme", "ada")
    assert opened(tmp_path).keys.subject("acme", "ada") == subject
    assert (files.ledger, files.content, files.copies) == (tmp_path / "pointsman.db", tmp_path / "pointsman-content.db", None)
    assert opened(tmp_path, copies="safe").copies == tmp_path / "safe"


def test_a_master_key_that_went_missing_is_not_made_again(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "pointsman-master.key").unlink()
    with pytest.raises(Unusable, match=r"`file:pointsman-master.key` is missing, and without it no kept content can be read"):
        opened(tmp_path)
    assert not (tmp_path / "pointsman-master.key").exists()


def test_a_master_key_may_come_from_elsewhere(tmp_path: Path) -> None:
    opened(tmp_path, {"MASTER": LONG}, master="env:MASTER")
    assert not (tmp_path / "pointsman-master.key").exists()
    with pytest.raises(CredentialMissing, match="`env:MASTER`"):
        opened(tmp_path, master="env:MASTER")


@pytest.mark.parametrize(("master", "says"), [("", "is empty"), ("short", "fewer than 8"), ("x" * 31, "fewer than 32")])
def test_an_empty_or_short_master_key_is_refused_by_name(tmp_path: Path, master: str, says: str) -> None:
    with pytest.raises(SecretUnusable, match=f"`env:MASTER`.*{says}"):
        opened(tmp_path, {"MASTER": master}, master="env:MASTER")


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "pointsman-master.key").chmod(0o644)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        opened(tmp_path)


def test_a_master_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"cannot be written \(No such file or directory\)"):
        opened(tmp_path, master="file:nowhere/master.key")


def test_of_two_workers_that_start_at_once_both_use_the_first_ones_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pointsman-master.key").touch(mode=0o600)
    (tmp_path / "pointsman-master.key").write_text(LONG)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)  # as it looked a moment before
        files = opened(tmp_path)
    assert opened(tmp_path).keys.subject("acme", "ada") == files.keys.subject("acme", "ada")
