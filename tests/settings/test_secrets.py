import sys
from pathlib import Path
from types import ModuleType

import pytest

from pointsman.core.errors import CredentialMissing, ExtraMissing
from pointsman.settings.secret_value import local
from pointsman.settings.secrets import SecretUnusable, environment, is_reference, presume, secret


class FakeKeyring(ModuleType):
    """Stands in for the package `keyring`."""

    def __init__(self, known: dict[tuple[str, str], str], *, is_locked: bool = False) -> None:
        super().__init__("keyring")
        self._known = known
        self._is_locked = is_locked

    def get_password(self, service: str, user: str) -> str | None:
        if self._is_locked:
            raise RuntimeError("hunter22 is locked away")
        return self._known.get((service, user))


def found(reference: str, folder: Path = Path("/nowhere"), **environ: str) -> str:
    return secret(reference, folder=folder, environ=environ).bound_to(local("tests")).reveal_to(local("tests"))


def test_a_secret_comes_from_the_environment() -> None:
    assert found("env:KEY", KEY=" hunter22\n") == "hunter22"


def test_a_secret_comes_from_a_file_beside_the_configuration_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "acme.key").write_text("hunter22\n")
    (tmp_path / "acme.key").chmod(0o600)
    assert found("file:acme.key", tmp_path) == "hunter22"
    assert found(f"file:{tmp_path / 'acme.key'}") == "hunter22"


def test_a_secret_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring({("pointsman", "acme/key"): "hunter22"}))
    assert found("keyring:pointsman/acme/key") == "hunter22"
    with pytest.raises(CredentialMissing, match=r"`keyring:pointsman/other` is empty or missing. Store it with `keyring set pointsman other`."):
        found("keyring:pointsman/other")


def test_a_keyring_that_is_locked_is_told_without_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring({}, is_locked=True))
    with pytest.raises(CredentialMissing, match=r"cannot be asked for `a/b` \(RuntimeError\)") as caught:
        found("keyring:a/b")
    assert "hunter22" not in caught.value.message


def test_a_keyring_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'pointsman\[keyring\]'"):
        found("keyring:a/b")


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [
        ("env:GONE", "Set the environment variable `GONE`."),
        ("env:BLANK", "Set the environment variable `BLANK`."),
        ("file:gone.key", "Write the key into the file `gone.key`."),
        ("file:broken.key", "Write the key into the file `broken.key`."),
        ("file:a\0b", "Write the key into the file"),
    ],
)
def test_a_reference_that_leads_to_nothing_tells_what_to_do(tmp_path: Path, reference: str, remedy: str) -> None:
    (tmp_path / "broken.key").write_bytes(b"\xff\xfe")
    (tmp_path / "broken.key").chmod(0o600)
    with pytest.raises(CredentialMissing, match="empty or missing") as caught:
        found(reference, tmp_path, BLANK="  ")
    assert remedy in caught.value.message


@pytest.mark.parametrize("value", ["hunter\n22", "hunter\r\nX-Evil: 2", "hünter22", "hunter\x0022"])
def test_a_secret_that_would_break_out_of_its_header_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(CredentialMissing, match="another character that no key has") as caught:
        found("env:KEY", KEY=value)
    assert "2" not in caught.value.message


def test_what_is_no_reference_is_refused_and_not_shown() -> None:
    with pytest.raises(CredentialMissing) as caught:
        found("hunter22")
    assert "hunter22" not in caught.value.message


@pytest.mark.parametrize("value", ["", "  ", "short", "1234567"])
def test_an_empty_or_short_secret_is_refused_by_name(tmp_path: Path, value: str) -> None:
    (tmp_path / "acme.key").touch(mode=0o600)
    (tmp_path / "acme.key").write_text(value)
    for reference in ("env:KEY", "file:acme.key"):
        with pytest.raises(SecretUnusable, match=f"`{reference}` (is empty|has fewer than 8)") as caught:
            found(reference, tmp_path, KEY=value)
        assert not value.strip() or value not in caught.value.message
    assert found("env:KEY", KEY="12345678") == "12345678"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_closes_it(tmp_path: Path, mode: int) -> None:
    (tmp_path / "acme.key").write_text("hunter22")
    (tmp_path / "acme.key").chmod(mode)
    with pytest.raises(SecretUnusable, match=rf"open to others \(mode 0{mode:o}\). Run `chmod 600 acme.key`."):
        found("file:acme.key", tmp_path)
    (tmp_path / "acme.key").chmod(0o400)
    assert found("file:acme.key", tmp_path) == "hunter22"


def test_a_file_of_the_system_may_be_readable_for_our_group_but_never_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So orchestrators mount secrets for processes of other users."""
    (tmp_path / "acme.key").write_text("hunter22")
    (tmp_path / "acme.key").chmod(0o440)
    owner = (tmp_path / "acme.key").stat().st_uid
    if owner != 0:
        pytest.skip("only the system's own user can make a file of the system")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert found("file:acme.key", tmp_path) == "hunter22"
    (tmp_path / "acme.key").chmod(0o444)
    with pytest.raises(SecretUnusable, match="open to others"):
        found("file:acme.key", tmp_path)


@pytest.mark.parametrize("text", ["env:A_1", "file:a b", "keyring:a/b/c", "vault:kv/team/acme#api_key"])
def test_a_reference_is_known_by_its_form(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["env:", "env:A-B", "file:", "keyring:a", "keyring:/b", "hunter22", "ENV:A", "", "vault:kv#f", "vault:kv/a", "vault:kv/a#"])
def test_what_has_no_such_form_is_no_reference(text: str) -> None:
    assert not is_reference(text)


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_TEST", "1")
    assert environment()["POINTSMAN_TEST"] == "1"


def test_what_is_presumed_of_the_environment_gives_way_to_what_somebody_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OF_A_LIBRARY", raising=False)
    presume("OF_A_LIBRARY", "1")
    presume("OF_A_LIBRARY", "2")
    assert environment()["OF_A_LIBRARY"] == "1"
    monkeypatch.delenv("OF_A_LIBRARY")
