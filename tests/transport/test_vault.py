"""
Secrets from Vault: read, remembered, read again, and never sent to anything but Vault.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transport.certificates import certificate
from tests.transport.vault_server import TOKEN, VaultServer, vault_server
from tests.values import Time

from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.settings.secrets import SecretUnusable, secret
from pointsman.transport.vault import Vault, vault_of

NAME = "kv/team/acme#api_key"


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with vault_server() as running:
        running.entries["kv/team/acme"] = {"api_key": "sk-first-of-vault", "count": 3}
        yield running


def a_vault(server: VaultServer, time: Time | None = None, *, folder: Path = Path("/nowhere"), **more: str) -> Vault:
    clock = time or Time()
    found = vault_of({"VAULT_ADDR": server.url, "VAULT_TOKEN": TOKEN, **more}, folder=folder, now=lambda: clock.monotonic_s)
    assert found is not None
    return found


def test_a_reference_to_vault_leads_to_the_field_of_an_entry(server: VaultServer) -> None:
    vault = a_vault(server)
    found = secret(f"vault:{NAME}", folder=Path("/nowhere"), environ={}, vault=vault.read)
    assert found == secret("env:X", folder=Path("/nowhere"), environ={"X": "sk-first-of-vault"})
    assert server.seen == ["/v1/kv/data/team/acme"]


def test_an_entry_is_asked_for_once_and_again_when_its_time_has_come(server: VaultServer) -> None:
    time = Time()
    vault = a_vault(server, time)
    vault.read(NAME)
    assert (vault.read(NAME), vault.renew(), len(server.seen)) == ("sk-first-of-vault", False, 1)
    server.entries["kv/team/acme"] = {"api_key": "sk-second-of-vault"}
    time.advance(31)
    assert vault.renew()
    assert vault.read(NAME) == "sk-second-of-vault"
    time.advance(31)
    assert not vault.renew()
    assert len(server.seen) == 3


def test_a_lease_is_read_again_after_half_of_it(server: VaultServer) -> None:
    time = Time()
    server.lease_s = 10
    vault = a_vault(server, time)
    vault.read(NAME)
    time.advance(4.9)
    vault.renew()
    assert len(server.seen) == 1
    time.advance(0.2)
    vault.renew()
    assert len(server.seen) == 2


def test_while_vault_is_away_the_last_secret_stays_in_use_and_that_is_told(server: VaultServer) -> None:
    time = Time()
    vault = a_vault(server, time)
    vault.read(NAME)
    server.raw = (503, b"sealed")
    time.advance(31)
    assert not vault.renew()
    assert (vault.read(NAME), vault.trouble) == ("sk-first-of-vault", "Vault answers 503 for `kv/team/acme`. Check the token's policy and `VAULT_NAMESPACE`.")
    server.raw = None
    vault.renew()
    assert vault.trouble is None


def test_a_namespace_is_sent(server: VaultServer) -> None:
    server.namespace = "team-a"
    assert a_vault(server, VAULT_NAMESPACE="team-a").read(NAME) == "sk-first-of-vault"
    with pytest.raises(CredentialMissing, match="Vault answers 403"):
        a_vault(server).read(NAME)


def test_a_token_may_be_in_a_file_that_an_agent_renews(server: VaultServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("hvs.an-older-token")
    time = Time()
    vault = a_vault(server, time, folder=tmp_path, VAULT_TOKEN_FILE="token")
    with pytest.raises(CredentialMissing, match="403"):
        vault.read(NAME)
    token.write_text(TOKEN)
    assert vault.read(NAME) == "sk-first-of-vault"


@pytest.mark.parametrize("name", ["kv/team/acme#other", "kv/team/acme#count", "kv/nobody#api_key"])
def test_what_vault_does_not_have_is_missing_with_the_words_that_put_it_there(server: VaultServer, name: str) -> None:
    with pytest.raises(CredentialMissing, match="Write it with `vault kv put -mount=kv "):
        secret(f"vault:{name}", folder=Path("/nowhere"), environ={}, vault=a_vault(server).read)


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"<html>", "is no Vault"), (b'{"data":{"api_key":"sk-version-one"}}', "no key-value engine of version 2"), (b'{"data":null}', "no key-value engine")],
)
def test_an_answer_that_is_not_vaults_is_told_without_repeating_it(server: VaultServer, body: bytes, says: str) -> None:
    server.raw = (200, body)
    with pytest.raises(CredentialMissing, match=says) as caught:
        a_vault(server).read(NAME)
    assert "sk-" not in caught.value.message


def test_a_vault_that_nobody_runs_is_told(server: VaultServer) -> None:
    server.url = "http://127.0.0.1:1"
    with pytest.raises(CredentialMissing, match=r"cannot be asked for `kv/team/acme` at `http://127.0.0.1:1` \(ConnectionRefusedError\)"):
        a_vault(server).read(NAME)


def test_without_an_address_there_is_no_vault_and_its_references_say_so() -> None:
    assert vault_of({}, folder=Path("/nowhere"), now=lambda: 0.0) is None
    with pytest.raises(CredentialMissing, match="Set `VAULT_ADDR`"):
        secret(f"vault:{NAME}", folder=Path("/nowhere"), environ={})


def test_without_a_token_the_variable_is_named(server: VaultServer) -> None:
    with pytest.raises(SecretUnusable, match="`VAULT_TOKEN`"):
        a_vault(server, VAULT_TOKEN="").read(NAME)


@pytest.mark.parametrize(
    "address", ["vault.example.com", "ftp://v", "https://", "https://a:b@v", "https://v/x", "https://v:no", "http://vault.example.com:8200"]
)
def test_an_address_that_is_none_or_would_show_the_token_is_refused(address: str) -> None:
    with pytest.raises(Unusable, match="`VAULT_ADDR`"):
        vault_of({"VAULT_ADDR": address}, folder=Path("/nowhere"), now=lambda: 0.0)


def test_tls_needs_an_authority_that_is_one(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nonsense")
    environ = {"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_TOKEN": TOKEN}
    for ca_file, error in ((str(tmp_path / "no.pem"), Unusable), (str(certificate().ca), CredentialMissing)):
        vault = vault_of({**environ, "VAULT_CACERT": ca_file}, folder=tmp_path, now=lambda: 0.0)
        assert vault is not None
        with pytest.raises(error):
            vault.read(NAME)
