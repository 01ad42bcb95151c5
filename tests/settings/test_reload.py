"""
Hot reload as the settings see it: what counts as a change, and what a bad change does.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.settings.files import FIVE_LINES, known, settings_of

from pointsman.settings import load as loading
from pointsman.settings.load import Reloader, load
from pointsman.settings.mistakes import SettingsInvalid

RULES = FIVE_LINES + "    rules: rules.csv\n"
TABLE = 'when,then,answer\n"text == ""hello""",answer,Hello!\n'
SECRET = FIVE_LINES + 'vendors: {openai: {kind: openai, credential: "file:openai.key"}}\n'


def a_reloader(folder: Path, source: str) -> tuple[Reloader, Path]:
    settings = settings_of(folder, source)
    return Reloader(folder / "pointsman.yaml", known(), current=settings), folder / "pointsman.yaml"


def test_without_a_change_there_is_nothing_to_do(tmp_path: Path) -> None:
    reloader, _ = a_reloader(tmp_path, FIVE_LINES)
    assert reloader.check() is None


def test_a_good_change_is_a_new_snapshot_once(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    path.write_text(FIVE_LINES + "      - openai/gpt-5\n")
    found = reloader.check()
    assert found is not None
    assert len(found.snapshot.capabilities["support"].ladder) == 2
    assert reloader.check() is None


def test_a_bad_change_is_told_once_and_its_correction_is_seen(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    path.write_text("capabilities: [")
    with pytest.raises(SettingsInvalid):
        reloader.check()
    assert reloader.check() is None
    path.write_text(FIVE_LINES + "# corrected\n")
    assert reloader.check() is not None


def test_whoever_asks_is_told_again(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    path.write_text("capabilities: [")
    for _ in range(2):
        with pytest.raises(SettingsInvalid):
            reloader.check(force=True)
    path.write_text(FIVE_LINES)
    assert reloader.check(force=True) is not None
    assert reloader.check(force=True) is not None


def test_a_changed_decision_table_is_a_new_snapshot(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text(TABLE)
    reloader, _ = a_reloader(tmp_path, RULES)
    (tmp_path / "rules.csv").write_text(TABLE.replace("Hello!", "Good day!"))
    found = reloader.check()
    assert found is not None
    assert found.snapshot.rules["rules.csv"].rows[0]["answer"] == "Good day!"


def test_a_table_that_was_missing_is_seen_when_it_comes(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    path.write_text(RULES)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        reloader.check()
    assert reloader.check() is None
    (tmp_path / "rules.csv").write_text(TABLE)
    found = reloader.check()
    assert found is not None
    assert found.snapshot.rules


def test_a_file_that_is_gone_is_told_and_its_return_is_seen(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    path.unlink()
    with pytest.raises(SettingsInvalid, match="No such file"):
        reloader.check()
    assert reloader.check() is None
    path.write_text(FIVE_LINES)
    assert reloader.check() is not None


def test_a_rotated_secret_asks_for_new_connections_under_the_same_snapshot(tmp_path: Path) -> None:
    (tmp_path / "openai.key").write_text("one")
    reloader, path = a_reloader(tmp_path, SECRET)
    before = load(path, known()).snapshot.digest
    (tmp_path / "openai.key").write_text("two")
    found = reloader.check()
    assert found is not None
    assert found.snapshot.digest == before
    assert reloader.check() is None


def test_a_secret_rotates_even_while_the_main_file_has_mistakes(tmp_path: Path) -> None:
    (tmp_path / "openai.key").write_text("one")
    reloader, path = a_reloader(tmp_path, SECRET)
    path.write_text("capabilities: [")
    with pytest.raises(SettingsInvalid):
        reloader.check()
    (tmp_path / "openai.key").write_text("two")
    found = reloader.check()
    assert found is not None
    assert found.snapshot.capabilities


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_a_change(tmp_path: Path) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    old = path.stat()
    new = tmp_path / "new"
    new.write_text(FIVE_LINES.replace("support", "assists"))
    os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
    new.replace(path)
    found = reloader.check()
    assert found is not None
    assert "assists" in found.snapshot.capabilities


def test_a_change_while_the_file_is_being_read_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reloader, path = a_reloader(tmp_path, FIVE_LINES)
    real: Any = loading.parse

    def parse_late(source: str, *args: Any, **more: Any) -> Any:
        path.write_text(FIVE_LINES.replace("support", "latest"))  # an editor saves again
        return real(source, *args, **more)

    path.write_text(FIVE_LINES.replace("support", "second"))
    with monkeypatch.context() as patch:
        patch.setattr(loading, "parse", parse_late)
        found = reloader.check()
    assert found is not None
    assert "second" in found.snapshot.capabilities
    found = reloader.check()
    assert found is not None
    assert "latest" in found.snapshot.capabilities
