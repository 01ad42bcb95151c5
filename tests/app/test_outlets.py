"""
Pools over reloads: kept while nothing about their vendor changes, and out with a reason when it cannot be reached.
"""

import time
from pathlib import Path
from types import ModuleType

import pytest
from tests.settings.files import settings_of
from tests.transport.certificates import certificate
from tests.transport.vault_server import TOKEN, vault_server

from pointsman.app.outlets import Outlets
from pointsman.core.snapshot import Snapshot
from pointsman.places.models.outlet import Outlet
from pointsman.settings.secrets import SecretUnusable
from pointsman.transport.bounds import Bounds

HTTPS = """
capabilities: {{support: {{ladder: [acme/small, beta/small]}}}}
vendors:
  acme: {{kind: openai_compatible, base_url: "https://llm.example.com/v1", credential: "{credential}", ca_file: ca.pem}}
  beta: {{kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(certificate().ca.read_bytes())
    (tmp_path / "acme.key").write_text("secret-one")
    (tmp_path / "acme.key").chmod(0o600)
    return tmp_path


def a_snapshot(folder: Path, credential: str = "file:acme.key") -> Snapshot:
    return settings_of(folder, HTTPS.format(credential=credential)).snapshot


def outlets_in(folder: Path, **environ: str) -> Outlets:
    return Outlets(folder=folder, environ=environ, bounds=Bounds())


def connected(outlets: Outlets, snapshot: Snapshot) -> dict[str, Outlet]:
    found, missing = outlets.connect(snapshot)
    assert missing == []
    return found


def test_a_reload_that_changes_nothing_keeps_every_pool_also_of_tls(folder: Path) -> None:
    outlets = outlets_in(folder)
    assert connected(outlets, a_snapshot(folder)) == connected(outlets, a_snapshot(folder))


@pytest.mark.parametrize("name", ["acme.key", "ca.pem"])
def test_a_changed_file_makes_a_new_pool_for_its_vendor_alone(folder: Path, name: str) -> None:
    outlets = outlets_in(folder)
    before = connected(outlets, a_snapshot(folder))
    (folder / name).write_text((folder / name).read_text() + ("\n" if name == "ca.pem" else "2"))
    after = connected(outlets, a_snapshot(folder))
    assert after["acme/small"] != before["acme/small"]
    assert after["beta/small"] == before["beta/small"]


def test_a_secret_of_the_environment_is_read(folder: Path) -> None:
    assert outlets_in(folder, KEY="secret-one").connect(a_snapshot(folder, "env:KEY"))[1] == []


def test_a_secret_is_never_shown(folder: Path) -> None:
    (folder / "acme.key").write_text("hunter22")
    outlets = outlets_in(folder)
    connected(outlets, a_snapshot(folder))
    assert "hunter22" not in repr(vars(outlets))


def test_a_missing_secret_leaves_one_vendor_out_and_says_so(folder: Path) -> None:
    found, [missing] = outlets_in(folder).connect(a_snapshot(folder, "env:GONE"))
    assert found.keys() == {"beta/small"}
    assert "Set the environment variable `GONE`." in missing.message


@pytest.mark.parametrize(("text", "mode", "says"), [("", 0o600, "is empty"), ("short", 0o600, "fewer than 8"), ("secret-one", 0o644, "chmod 600")])
def test_a_secret_that_must_not_be_used_lets_nothing_start_and_a_reload_leaves_all_as_it_was(folder: Path, text: str, mode: int, says: str) -> None:
    outlets = outlets_in(folder)
    before = connected(outlets, a_snapshot(folder))
    (folder / "acme.key").write_text(text)
    (folder / "acme.key").chmod(mode)
    for one in (outlets, outlets_in(folder)):
        with pytest.raises(SecretUnusable, match=f"acme.key`.*{says}"):
            one.connect(a_snapshot(folder))
    (folder / "acme.key").write_text("secret-one")
    (folder / "acme.key").chmod(0o600)
    assert connected(outlets, a_snapshot(folder)) == before


def test_a_secret_of_vault_is_fetched_beforehand_and_a_rotation_makes_a_new_pool(folder: Path) -> None:
    with vault_server() as server:
        server.entries["kv/acme"] = {"key": "sk-first-of-vault"}
        server.lease_s = 1
        outlets = outlets_in(folder, VAULT_ADDR=server.url, VAULT_TOKEN=TOKEN)
        snapshot = a_snapshot(folder, "vault:kv/acme#key")
        outlets.prepare(snapshot)
        before = connected(outlets, snapshot)
        assert len(server.seen) == 1
        server.entries["kv/acme"] = {"key": "sk-second-of-vault"}
        until = time.monotonic() + 20
        while not outlets.renew():
            assert time.monotonic() < until
        after = connected(outlets, snapshot)
        assert after["acme/small"] != before["acme/small"]
        assert after["beta/small"] == before["beta/small"]


def test_vault_that_is_away_leaves_one_vendor_out_and_says_so(folder: Path) -> None:
    outlets = outlets_in(folder, VAULT_ADDR="http://127.0.0.1:1", VAULT_TOKEN=TOKEN)
    snapshot = a_snapshot(folder, "vault:kv/acme#key")
    outlets.prepare(snapshot)
    found, [missing] = outlets.connect(snapshot)
    assert found.keys() == {"beta/small"}
    assert "Start or unseal it" in missing.message
    assert outlets.trouble == missing.message
    assert (outlets_in(folder).renew(), outlets_in(folder).trouble) == (False, None)


def test_what_vault_did_not_say_is_asked_for_again_by_renewing_alone_and_never_by_connecting(folder: Path) -> None:
    with vault_server() as server:
        server.raw = (503, b"sealed")
        outlets = outlets_in(folder, VAULT_ADDR=server.url, VAULT_TOKEN=TOKEN)
        snapshot = a_snapshot(folder, "vault:kv/acme#key")
        outlets.prepare(snapshot, "vault:kv/login#secret", "env:NOT_ASKED_FOR", None)
        assert len(server.seen) == 2
        assert [error.message for error in outlets.connect(snapshot)[1]] == [outlets.trouble]
        server.raw = None
        server.entries["kv/acme"] = {"key": "sk-late-of-vault"}
        assert (len(outlets.connect(snapshot)[1]), outlets.renew(), len(server.seen)) == (1, False, 2)
        until, changed = time.monotonic() + 20, False
        while outlets.trouble is not None:
            changed = outlets.renew() or changed
            assert time.monotonic() < until
        assert changed
        assert connected(outlets, snapshot).keys() == {"acme/small", "beta/small"}


def test_a_keyring_that_is_not_installed_leaves_one_vendor_out_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: dict[str, ModuleType | None] = {"keyring": None}
    monkeypatch.setattr("sys.modules", {**__import__("sys").modules, **gone})
    found, [missing] = outlets_in(folder).connect(a_snapshot(folder, "keyring:a/b"))
    assert found.keys() == {"beta/small"}
    assert "pointsman[keyring]" in missing.message


def test_an_authority_that_is_none_leaves_one_vendor_out_and_says_so(folder: Path) -> None:
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    found, [missing] = outlets_in(folder).connect(a_snapshot(folder))
    assert found.keys() == {"beta/small"}
    assert "holds no certificate" in missing.message


def test_an_authority_that_has_gone_leaves_one_vendor_out_and_says_so(folder: Path) -> None:
    snapshot = a_snapshot(folder)
    (folder / "ca.pem").unlink()
    found, [missing] = outlets_in(folder).connect(snapshot)
    assert found.keys() == {"beta/small"}
    assert "(No such file or directory)" in missing.message


@pytest.mark.parametrize(("propagate", "told"), [("none", set()), ("private", {"own/llama"}), ("all", {"own/llama", "acme/small"})])
def test_a_trace_is_told_to_those_targets_that_may_learn_it(folder: Path, propagate: str, told: set[str]) -> None:
    source = """
        capabilities: {support: {ladder: [own/llama, acme/small]}}
        targets:
          own/llama: {vendor: own, model: llama}
          acme/small: {vendor: acme, model: small}
        vendors:
          own: {kind: vllm, base_url: "http://127.0.0.1:1/v1"}
          acme: {kind: openai_compatible, base_url: "http://127.0.0.1:1/v1"}
        """
    outlets = outlets_in(folder)
    found, _ = outlets.connect(settings_of(folder, source).snapshot, propagate=propagate)
    assert {name for name, outlet in found.items() if outlet.propagates} == told
    outlets.close()
