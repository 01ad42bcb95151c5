"""
Writing files back: all of them or none, whatever goes wrong, and over a crash too.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.control.snapshots import restore as room
from pointsman.control.snapshots.restore import finish, restore
from pointsman.core.errors import Unusable
from pointsman.settings.mistakes import Mistake, SettingsInvalid

OLD = {"pointsman.yaml": "old: 1\r\n", "rules.csv": "old\n", "more/schema.json": "{}\n"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "pointsman.yaml").write_text("new: 1\n")
    (tmp_path / "rules.csv").write_text("new\n")
    (tmp_path / "acme.key").write_text("secret")
    return tmp_path / "pointsman.yaml"


def good() -> None:
    pass


def bad() -> None:
    raise SettingsInvalid([Mistake(file="pointsman.yaml", path="", line=1, says="it is wrong.", remedy="Correct it.")])


def there(path: Path) -> dict[str, str]:
    found = (one for one in sorted(path.parent.rglob("*")) if one.is_file())
    return {one.relative_to(path.parent).as_posix(): one.read_bytes().decode() for one in found}


def test_all_files_come_back_as_they_were_and_others_stay(path: Path) -> None:
    path.chmod(0o640)
    assert restore(path, OLD, check=good) == ("pointsman.yaml", "rules.csv", "more/schema.json")
    assert there(path) == {**OLD, "acme.key": "secret"}
    assert path.stat().st_mode & 0o777 == 0o640
    assert restore(path, OLD, check=good) == ()


def test_a_configuration_by_another_name_is_the_configuration_still(path: Path) -> None:
    restore(path, {"elsewhere.yaml": "old: 1\n"}, check=good)
    assert path.read_text() == "old: 1\n"
    assert not path.with_name("elsewhere.yaml").exists()


def test_a_file_that_could_not_be_put_back_is_not_written_over(path: Path) -> None:
    (path.parent / "rules.csv").write_bytes("Grüße\n".encode("latin-1"))
    with pytest.raises(Unusable, match="Move it away"):
        restore(path, OLD, check=bad)
    assert (path.parent / "rules.csv").read_bytes() == b"Gr\xfc\xdfe\n"


def test_what_does_not_pass_its_check_changes_nothing(path: Path) -> None:
    before = there(path)
    with pytest.raises(SettingsInvalid):
        restore(path, OLD, check=bad)
    assert there(path) == before


@pytest.mark.parametrize("fails_at", range(4))
def test_a_file_that_cannot_be_replaced_leaves_all_as_they_were(path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    before = there(path)
    replaced = 0
    really = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal replaced
        replaced += 1
        if replaced - 1 == fails_at:
            raise OSError(28, "No space left on device")
        return really(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises((Unusable, OSError), match="No space"):
        restore(path, OLD, check=good)
    assert {name: text for name, text in there(path).items() if not name.startswith(".")} == before


@pytest.mark.parametrize("name", ["../outside.csv", "/etc/outside.csv"])
def test_nothing_outside_the_folder_is_written(path: Path, name: str) -> None:
    before = there(path)
    with pytest.raises(Unusable, match="outside"):
        restore(path, {**OLD, name: "x"}, check=good)
    assert there(path) == before


class Crash(BaseException):
    """The machine stops."""


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(crash_at=st.integers(0, 8))
def test_after_a_crash_all_are_as_they_were_or_all_are_restored(tmp_path_factory: pytest.TempPathFactory, crash_at: int) -> None:
    path = tmp_path_factory.mktemp("crash") / "pointsman.yaml"
    path.write_text("new: 1\n")
    path.with_name("rules.csv").write_text("new\n")
    before = there(path)
    step = 0
    really = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal step
        step += 1
        if step > crash_at:
            raise Crash
        return really(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(Crash) if step > crash_at else None)
        with suppress(Crash):
            restore(path, OLD, check=good)
    finish(path)
    assert {name: text for name, text in there(path).items() if not name.startswith(".")} in (before, OLD)


def test_a_journal_that_is_left_is_completed(path: Path) -> None:
    journal = path.with_name(".pointsman.yaml.journal")
    journal.write_text(json.dumps({str(path): "old: 1\n", str(path.with_name("rules.csv")): None}))
    assert finish(path)
    assert not finish(path)
    assert there(path) == {"pointsman.yaml": "old: 1\n", "acme.key": "secret"}


def test_drafts_are_for_the_owner_alone_until_they_have_their_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(os.fstat(descriptor).st_mode & 0o777)
        really(descriptor)

    monkeypatch.setattr(room.os, "fsync", fsync)
    restore(path, OLD, check=good)
    assert set(seen) == {0o600}
