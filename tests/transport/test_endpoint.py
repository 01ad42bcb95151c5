"""A credential and its origin, bound together."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transport.certificates import certificate

from pointsman.core.errors import Unusable
from pointsman.core.http import Outgoing
from pointsman.transport.endpoint import Endpoint, endpoint

SECRET = {"authorization": "Bearer sk-very-secret"}


def _head(made: Endpoint, path: str = "/chat/completions", **headers: str) -> list[str]:
    return made.request(Outgoing(path=path, body=b"", headers=headers)).decode().split("\r\n")


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://llm.example.com", "POST /chat/completions HTTP/1.1", "llm.example.com"),
        ("https://llm.example.com/v1/", "POST /v1/chat/completions HTTP/1.1", "llm.example.com"),
        ("https://LLM.example.com:443/v1", "POST /v1/chat/completions HTTP/1.1", "llm.example.com"),
        ("http://llm.example.com:8080/a/b", "POST /a/b/chat/completions HTTP/1.1", "llm.example.com:8080"),
        ("https://[::1]:8443/v1", "POST /v1/chat/completions HTTP/1.1", "[::1]:8443"),
        ("https://bücher.example/v1", "POST /v1/chat/completions HTTP/1.1", "xn--bcher-kva.example"),
    ],
)
def test_a_base_url_becomes_a_request_line_and_a_host(url: str, line: str, host: str) -> None:
    lines = _head(endpoint(url, credential_headers=lambda _: SECRET))
    assert lines[0] == line
    assert f"host: {host}" in lines
    assert "authorization: Bearer sk-very-secret" in lines


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://llm.example.com",
        "https://",
        "https://user:pass@llm.example.com",
        "https://llm.example.com?key=1",
        "https://llm.example.com#a",
        "https://llm.example.com:99999",
        "https://[::1",
        "https://llm.example.com/a b",
        "https://" + "a" * 64 + ".example",
    ],
)
def test_what_is_no_base_url_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(Unusable, match="Write `https://host"):
        endpoint(url, credential_headers=lambda _: SECRET)


@pytest.mark.parametrize("secret", ["a\r\nx-evil: 1", "a\nb", "a\0b", "sk-“quoted”"])
def test_a_credential_that_no_header_can_carry_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(Unusable) as refused:
        endpoint("https://llm.example.com", credential_headers=lambda _: {"x-api-key": secret})
    assert secret not in str(refused.value)


def test_a_credential_is_shown_nowhere() -> None:
    made = endpoint("https://llm.example.com", credential_headers=lambda _: SECRET)
    assert "secret" not in repr(made)
    assert "secret" not in str(made)


@given(st.text())
def test_no_path_or_header_can_add_a_line_to_a_request(text: str) -> None:
    """Whatever a model is called: either the request has exactly the lines we wrote, or there is none."""
    made = endpoint("https://llm.example.com", credential_headers=lambda _: SECRET)
    plain = len(_head(made, more="x"))
    for path, value in (("/" + text, "x"), ("/chat", text)):
        try:
            lines = _head(made, path, more=value)
        except ValueError:
            continue
        assert len(lines) == plain
        assert lines[0].count(" ") == 2


def test_what_a_vendor_repeats_of_our_credential_is_hidden() -> None:
    made = endpoint("https://llm.example.com", credential_headers=lambda _: {**SECRET, "x-short": "key"})
    assert made.hide(b"wrong key: sk-very-secret, sk-very-secret!") == b"wrong key: [credential], [credential]!"
    assert made.hide(b"a short key is no reason to cut words") == b"a short key is no reason to cut words"


def test_endpoints_are_equal_if_and_only_if_they_may_share_connections(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(certificate().ca.read_bytes())
    made = endpoint("https://llm.example.com/v1", credential_headers=lambda _: SECRET, ca_file=str(ca))
    assert endpoint("https://llm.example.com:443/v1/", credential_headers=lambda _: SECRET, ca_file=str(ca)) == made
    assert endpoint("https://llm.example.com/v2", credential_headers=lambda _: SECRET, ca_file=str(ca)) != made
    assert endpoint("https://llm.example.com/v1", credential_headers=lambda _: {"authorization": "Bearer other-secret"}, ca_file=str(ca)) != made
    assert endpoint("https://llm.example.com/v1", credential_headers=lambda _: SECRET) != made
    ca.write_bytes(ca.read_bytes() + b"\n")
    assert endpoint("https://llm.example.com/v1", credential_headers=lambda _: SECRET, ca_file=str(ca)) != made


def test_a_missing_or_strange_authority_is_told_with_a_remedy(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(Unusable, match="Name a readable PEM file"):
            endpoint("https://llm.example.com", credential_headers=lambda _: {}, ca_file=str(path))
    (tmp_path / "binary").write_bytes(pickle.dumps(["\xff"]) + b"\xff")
    with pytest.raises(Unusable, match="no PEM file"):
        endpoint("https://llm.example.com", credential_headers=lambda _: {}, ca_file=str(tmp_path / "binary"))
