"""
A gateway whose secrets are in Vault: it starts with them, follows a rotation, and waits for a Vault that is away.
"""

import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S, Process, eventually
from tests.journeys.upstreams import PRICE, Simulator
from tests.transport.vault_server import TOKEN, VaultServer, vault_server

FEW_SECONDS: Final = 5.0


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with vault_server() as server:
        server.entries["kv/sim"] = {"key": "sk-first-of-vault"}
        server.entries["kv/pointsman"] = {"master": secrets.token_urlsafe(32)}
        yield server


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A vendor that takes any key, and keeps which it was shown."""
    command = [sys.executable, "-m", "pointsman.cli.simulated", "--speed", "40"]
    with Process(command, folder=tmp_path_factory.mktemp("any-key"), name="simulated") as process:
        yield Simulator(process.first_line().rsplit(" ", 1)[-1])


def in_vault(vendor: Simulator, **more: Any) -> dict[str, Any]:
    told = {"kind": "simulated", "base_url": f"{vendor.url}/v1"}
    names = ("sealed", "open")
    return {
        "vendors": {"sealed": {**told, "credential": "vault:kv/sim#key"}, "open": {**told, "credential": "env:UPSTREAM_KEY"}},
        "targets": {name: {"vendor": name, "model": "sim-mid", "price": PRICE} for name in names},
        "capabilities": {name: {"ladder": [name]} for name in names},
        **more,
    }


def environ(server: VaultServer) -> dict[str, str]:
    return {"VAULT_ADDR": server.url, "VAULT_TOKEN": TOKEN, "VAULT_REREAD_S": "0.5"}


def shown(gateway: Gateway, vendor: Simulator) -> str:
    """Return the key that the vendor is shown by a call."""
    words = f"Where is parcel {secrets.randbelow(1000)}?"
    answer = gateway.chat("sealed", words)
    assert answer.status_code == 200, answer.text
    return vendor.requests("sim-mid")[-1]["headers"]["authorization"].removeprefix("Bearer ")


def test_a_secret_that_is_rotated_in_vault_is_used_seconds_later_without_a_restart(vendor: Simulator, vault: VaultServer, tmp_path: Path) -> None:
    with Gateway(tmp_path, in_vault(vendor), environ=environ(vault)) as gateway:
        assert shown(gateway, vendor) == "sk-first-of-vault"
        vault.entries["kv/sim"] = {"key": "sk-second-of-vault"}
        began = time.monotonic()
        eventually(lambda: shown(gateway, vendor) == "sk-second-of-vault", "the use of the rotated secret", within_s=FEW_SECONDS)
        assert time.monotonic() - began < FEW_SECONDS
        assert gateway.snapshot() in gateway.process.said()
        assert "sk-" not in gateway.process.said()


def test_a_vault_that_is_sealed_at_the_start_leaves_its_targets_out_until_it_answers(vendor: Simulator, vault: VaultServer, tmp_path: Path) -> None:
    vault.raw = (503, b'{"errors":["Vault is sealed"]}')
    with Gateway(tmp_path, in_vault(vendor), environ=environ(vault)) as gateway:
        assert gateway.chat("sealed").status_code == 502
        assert gateway.chat("open").status_code == 200
        assert "Vault answers 503 for `kv/sim`" in health(gateway)["notes"]["vault"]
        vault.raw = None
        eventually(lambda: gateway.chat("sealed").status_code == 200, "the first call with the secret", within_s=3 * FEW_SECONDS)
        assert shown(gateway, vendor) == "sk-first-of-vault"
        assert "notes" not in health(gateway)


def test_the_master_key_of_kept_content_may_be_in_vault(vendor: Simulator, vault: VaultServer, tmp_path: Path) -> None:
    kept = {"retention": {"content": "full", "keys": {"master": "vault:kv/pointsman#master"}}}
    with Gateway(tmp_path, in_vault(vendor, **kept), environ=environ(vault)) as gateway:
        call = gateway.chat("open", "Where is parcel 17?").headers["x-request-id"]
        eventually(lambda: rows(tmp_path / "pointsman-content.db") == 1, "the keeping of what was said")
        assert "Where is parcel 17?" in gateway.cli("retention", "show", call).stdout
    assert not (tmp_path / "pointsman-master.key").exists()
    del vault.entries["kv/pointsman"]
    with pytest.raises(AssertionError, match="vault kv put -mount=kv pointsman master="):
        Gateway(tmp_path, gateway.settings, environ=environ(vault)).start()


def health(gateway: Gateway) -> dict[str, Any]:
    return httpx2.get(f"http://127.0.0.1:{gateway.admin_port}/readyz", timeout=PATIENCE_S).json()


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT COUNT(*) FROM content").fetchone()[0]
