"""
TLS on both sides: the SDK to the gateway, and the gateway to an upstream whose authority is a private one: another gateway.
"""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.journeys.certificates import Authority
from tests.journeys.gateway import Gateway
from tests.journeys.processes import PATIENCE_S
from tests.journeys.sdks import Asked, Sdk, every_sdk
from tests.journeys.upstreams import PRICE, SAID, Upstreams, settings

from pointsman.cli.demonstration.processes import free_port
from pointsman.intake.keys import mint

_KEY = mint(secrets.token_bytes(32))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def head_office(upstreams: Upstreams, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that speaks TLS and wants a key."""
    certificate, key = authority.certify("head-office")
    more: dict[str, Any] = {
        "server": {"tls": {"certificate": str(certificate), "key": str(key)}},
        "keys": {"branch": {"sha256": _KEY.sha256}},
    }
    with Gateway(tmp_path_factory.mktemp("head-office"), settings(upstreams, **more), ca_file=authority.ca_file) as running:
        yield running


@pytest.fixture(scope="module")
def branch(head_office: Gateway, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose vendors are the first one, with and without trust in its authority, and under a name it was not certified for."""
    folder = tmp_path_factory.mktemp("branch")
    (folder / "ca.pem").write_bytes(authority.ca_file.read_bytes())
    (folder / "key.txt").write_text(_KEY.secret + "\n", encoding="utf-8")
    (folder / "key.txt").chmod(0o600)
    key = {"credential": "file:key.txt"}
    vendors = {
        "trusted": {"kind": "openai_compatible", "base_url": f"{head_office.url}/v1", "ca_file": "ca.pem", **key},
        "trusted-anthropic": {"kind": "anthropic_compatible", "base_url": head_office.url, "ca_file": "ca.pem", **key},
        "untrusted": {"kind": "openai_compatible", "base_url": f"{head_office.url}/v1", **key},
        "misnamed": {"kind": "openai_compatible", "base_url": f"https://localhost:{head_office.port}/v1", "ca_file": "ca.pem", **key},
    }
    targets = {name: {"vendor": name, "model": "mock-openai", "price": PRICE} for name in vendors}
    capabilities = {name: {"ladder": [name]} for name in vendors} | {"safe-after-all": {"ladder": ["untrusted", "misnamed", "trusted"]}}
    with Gateway(folder, {"vendors": vendors, "targets": targets, "capabilities": capabilities}) as running:
        yield running


@pytest.mark.parametrize("mode", ["whole", "stream", "async", "async-stream"])
@every_sdk
def test_an_sdk_reaches_a_gateway_behind_tls(head_office: Gateway, sdk: Sdk, mode: str) -> None:
    said = sdk.ask(head_office, "mock-anthropic", Asked("Where is my parcel?"), mode, key=_KEY.secret)
    assert said.text == SAID


def test_an_sdk_that_does_not_trust_the_authority_is_not_served(head_office: Gateway) -> None:
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"{head_office.url}/livez", timeout=PATIENCE_S)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"http://127.0.0.1:{head_office.port}/livez", timeout=PATIENCE_S)
    assert head_office.get("/livez").status_code == 200


@pytest.mark.parametrize("capability", ["trusted", "trusted-anthropic"])
@pytest.mark.parametrize("mode", ["whole", "stream"])
@every_sdk
def test_an_upstream_with_a_private_authority_is_trusted_by_its_file(branch: Gateway, sdk: Sdk, capability: str, mode: str) -> None:
    assert sdk.ask(branch, capability, Asked("Where is my parcel?"), mode).text == SAID


@pytest.mark.parametrize("capability", ["untrusted", "misnamed"])
@every_sdk
def test_an_upstream_that_cannot_be_trusted_is_sent_nothing(branch: Gateway, head_office: Gateway, sdk: Sdk, capability: str) -> None:
    since_ms = time.time_ns() // 1_000_000
    with branch.recorded(capability) as records, pytest.raises(sdk.errors.InternalServerError, match=r"failed \(tls\)"):
        sdk.create(sdk.client(branch), capability)
    assert {row["error"] for row in branch.attempts(records[0]["call_id"])} == {"tls"}
    with head_office.recorded("mock-openai"):
        head_office.chat("mock-openai", key=_KEY.secret)  # what came before it is written before it
    assert len(head_office.rows("SELECT 1 FROM call WHERE started_ms >= ?", since_ms)) == 1


def test_the_next_target_is_tried_when_one_cannot_be_trusted(branch: Gateway) -> None:
    answer = branch.chat("safe-after-all")
    assert answer.headers["x-pointsman-target"] == "trusted"
    assert [row["error"] for row in branch.attempts(answer.headers["x-request-id"])] == ["tls", "tls", None]


def test_a_key_file_that_is_no_key_stops_the_start(upstreams: Upstreams, authority: Authority, tmp_path: Path) -> None:
    certificate, _ = authority.certify("lonely")
    gateway = Gateway(tmp_path, {**settings(upstreams), "server": {"tls": {"certificate": str(certificate), "key": str(certificate)}}})
    gateway.write({**gateway.settings, "server": {**gateway.settings["server"], "listen": f"127.0.0.1:{free_port()}", "admin": f"127.0.0.1:{free_port()}"}})
    told = gateway.cli("up", expect=3)
    assert "`server.tls` cannot be used" in told.stderr
