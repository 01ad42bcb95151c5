"""
No connection goes where none may go: whatever an operator writes by mistake, whatever names lead to, and whatever a caller puts into a request.

An audit hook of the interpreter sees every connection and every look-up of the process, so nothing is believed that was not watched.
"""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.journeys.oidc_provider import Provider
from tests.server.house import WHOLE, House, post
from tests.transport import ssrf_vectors as vectors
from tests.transport.vault_server import TOKEN, vault_server
from tests.transport.vendor import ASK, ASK_STREAM, QUICK, Talk, Vendor, answer

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import system_clock
from pointsman.app.identity_issuers import Issuers, ProviderWrong
from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.ledger.audit.copying import WitnessPlace, place_of
from pointsman.settings.identity_values import Issuer
from pointsman.settings.load import load
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.storage.audit_copies import ask_witness
from pointsman.transport.bounds import Bounds
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.endpoint import endpoint
from pointsman.transport.lookup import Lookup, look_up
from pointsman.transport.pool import Pool
from pointsman.transport.vault import vault_of

_CREDENTIAL: Final = {"authorization": "Bearer sk-very-secret"}


class _Watch:
    """Every connection and look-up of the process while it is on. Hooks cannot be taken away, so there is one."""

    def __init__(self) -> None:
        self.on = False
        self.connected: list[Any] = []
        self.looked_up: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: Any) -> None:
        if not self.on:
            return
        if event == "socket.connect":
            self.connected.append(arguments[1])
        elif event == "socket.getaddrinfo":
            self.looked_up.append(str(arguments[0]))


_WATCH: Final = _Watch()


@contextmanager
def watched() -> Iterator[_Watch]:
    _WATCH.connected, _WATCH.looked_up, _WATCH.on = [], [], True
    try:
        yield _WATCH
    finally:
        _WATCH.on = False


class Canary(BaseHTTPRequestHandler):
    """Whoever comes here was led astray."""

    def do_GET(self) -> None:
        self.server.heard.append(self.requestline)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_CONNECT = do_HEAD = do_GET  # noqa: N815 - the names are the base class's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def canary() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    server.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    assert server.heard == []  # type: ignore[attr-defined]


def test_there_are_enough_vectors_and_no_two_are_the_same() -> None:
    closed = vectors.closed_to_operators(1)
    assert len(closed) == len(set(closed)) >= 300


# ── what an operator writes ─────────────────────────────────────────────────────────────────────────────────────────


def _mistakes(tmp_path: Path, file: dict[str, Any]) -> set[str]:
    path = tmp_path / "pointsman.yaml"
    path.write_text(yaml.safe_dump(file))
    try:
        load(path, facts(Prices(system_clock().wall_ms)))
    except SettingsInvalid as invalid:
        return {mistake.path for mistake in invalid.mistakes}
    return set()


def _file(**more: Any) -> dict[str, Any]:
    vendors = {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}, **more.pop("vendors", {})}
    return {"vendors": vendors, "targets": {"t": {"vendor": "acme", "model": "m"}}, "capabilities": {"support": {"ladder": ["t"]}}, **more}


def test_no_vendor_can_be_configured_at_an_address_with_two_readings_or_of_nobody(tmp_path: Path) -> None:
    urls = [*vectors.closed_to_operators(8000), *vectors.in_the_open(8000)]
    vendors = {f"v{index}": {"kind": "openai_compatible", "base_url": url} for index, url in enumerate(urls)}
    with watched() as watch:
        found = _mistakes(tmp_path, _file(vendors=vendors))
    assert [url for index, url in enumerate(urls) if f"vendors.v{index}.base_url" not in found] == []
    assert (watch.connected, watch.looked_up) == ([], [])


def test_private_and_public_vendors_can_be_configured(tmp_path: Path) -> None:
    """What is closed above is closed for a reason, and not because everything is."""
    near = ("127.0.0.1", "localhost", "[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "[fd12:3456::1]", "ollama", "llm.internal", "my_box.lan")
    far = ("api.example.com", "api.example.com.", "8.8.8.8", "[2600::1]", "[64:ff9b::808:808]", "xn--bcher-kva.example", "1.example", "0x7f.example")
    urls = [*(f"http://{host}:8000/v1" for host in near), *(f"https://{host}/v1" for host in (*near, *far))]
    vendors = {f"v{index}": {"kind": "openai_compatible", "base_url": url} for index, url in enumerate(urls)}
    assert _mistakes(tmp_path, _file(vendors=vendors)) == set()
    for url in urls:
        endpoint(url, credential_headers=lambda _: _CREDENTIAL)


@pytest.mark.parametrize("field", ["issuer", "jwks"])
def test_no_issuer_can_be_configured_there_either(tmp_path: Path, field: str) -> None:
    # `file:PATH` is how keys beside the configuration are told; what it leads to is read, and never asked over a network.
    urls = [url for url in (*vectors.closed_to_operators(8000), *vectors.in_the_open(8000)) if not url.startswith("file:")]
    urls += [f"http://{host}/" for host in ("10.0.0.1", "192.168.1.1", "id.internal")]
    told = {"issuer": "https://id.example.com", "capabilities": ["*"]}
    issuers = {f"i{index}": {**told, "audience": f"a{index}", field: url} for index, url in enumerate(urls)}
    with watched() as watch:
        found = _mistakes(tmp_path, _file(identity={"issuers": issuers}))
    assert [url for index, url in enumerate(urls) if f"identity.issuers.i{index}.{field}" not in found] == []
    assert (watch.connected, watch.looked_up) == ([], [])


def test_nothing_connects_there_even_past_the_configuration(canary: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport looks for itself: endpoints, look-ups, Vault and witnesses."""
    urls = [*vectors.closed_to_operators(canary.server_port), *vectors.in_the_open(canary.server_port)]
    Names(monkeypatch, api_example_com=[["8.8.8.8"]], localhost_example=[["8.8.8.8"]])

    async def pools() -> None:
        for url in urls:
            with pytest.raises((Unusable, AnswerBroken)):
                await Pool(endpoint(url, credential_headers=lambda _: _CREDENTIAL), Bounds()).fetch(ASK, QUICK)
            with pytest.raises(AnswerBroken):
                await look_up(Lookup(url=url, headers=_CREDENTIAL))

    with watched() as watch:
        asyncio.run(pools())
        for url in urls:
            with pytest.raises((Unusable, CredentialMissing)):
                _ask_vault(url.removesuffix("/"))
        for url in vectors.closed_to_operators(canary.server_port):
            with pytest.raises(ValueError, match="witness"):
                place_of(f"witness:{url}", Path("/nowhere"))
    assert [told for told in watch.connected if told] == []


def _ask_vault(url: str) -> None:
    vault = vault_of({"VAULT_ADDR": url, "VAULT_TOKEN": TOKEN}, folder=Path("/nowhere"), now=lambda: 0.0)
    if vault is None:
        raise Unusable("no address")
    vault.read("kv/a#b")


# ── where names lead ────────────────────────────────────────────────────────────────────────────────────────────────


class Names:
    """A resolver: each look-up of a name takes its next answer, and the last one from then on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(told) for name, told in answers.items()}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look)

    def _look(self, host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        told = self._answers.get(name)
        if told is None:
            return self._real(host, port, *more, **named)
        self.asked.append(name)
        found = told.pop(0) if len(told) > 1 else told[0]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


_LEADS: Final = [
    *([address] for address in (*vectors.NOBODY_4, *vectors.NOBODY_6)),
    *([wrapped.strip("[]")] for address in vectors.NOBODY_4[:3] for wrapped in vectors.wrapped(address) if "%" not in wrapped),
    ["8.8.8.8", "169.254.169.254"],
    ["169.254.169.254", "8.8.8.8"],
    ["fe80::1%2"],
]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_to_nobody_is_not_connected_to(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(url: str) -> None:
        with pytest.raises(AnswerBroken, match="leads to"):
            await Pool(endpoint(url, credential_headers=lambda _: _CREDENTIAL), Bounds()).fetch(ASK, QUICK)
        with pytest.raises(AnswerBroken, match="leads to" if scheme == "https" else "another machine"):
            await look_up(Lookup(url=url))

    for leads in _LEADS:
        Names(monkeypatch, evil_internal=[leads])
        with watched() as watch:
            asyncio.run(main(f"{scheme}://evil.internal/v1"))
            with pytest.raises((CredentialMissing, Unusable)):
                _ask_vault(f"{scheme}://evil.internal")
            with pytest.raises(OSError, match="leads to"):
                ask_witness(f"{scheme}://evil.internal", "old 0\n\n")
        assert watch.connected == [], leads


def test_without_tls_a_near_name_is_not_followed_out_into_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file says that data stays near; whoever answers for the name does not change that."""

    async def main(host: str) -> None:
        with pytest.raises(AnswerBroken, match="leads to"):
            await Pool(endpoint(f"http://{host}/v1", credential_headers=lambda _: _CREDENTIAL), Bounds()).fetch(ASK, QUICK)

    Names(monkeypatch, llm_internal=[["8.8.8.8"]], other_lan=[["10.0.0.1", "2600::1"]])
    with watched() as watch:
        asyncio.run(main("llm.internal"))
        asyncio.run(main("other.lan"))
        Names(monkeypatch, localhost=[["8.8.8.8"]])
        with pytest.raises(AnswerBroken, match="leads to"):
            asyncio.run(look_up(Lookup(url="http://localhost/keys")))
        with pytest.raises(CredentialMissing):
            _ask_vault("http://localhost")
    assert watch.connected == []


def test_a_name_that_leads_elsewhere_by_the_next_look_leads_no_connection_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: looked up once for each connection, and connected to what was checked."""

    async def main() -> None:
        async with Vendor(_answering) as vendor:
            names = Names(monkeypatch, changing_internal=[["127.0.0.1"], ["169.254.169.254"]])
            pool = Pool(endpoint(f"http://changing.internal:{vendor.port}/v1", credential_headers=lambda _: _CREDENTIAL), Bounds())
            with watched() as watch:
                assert (await pool.fetch(ASK, QUICK)).status == 200
                assert names.asked == ["changing.internal"]
                with pytest.raises(AnswerBroken, match="leads to"):
                    await pool.fetch(ASK, QUICK)
            assert watch.connected == [("127.0.0.1", vendor.port)]
            assert b"host: changing.internal" in vendor.requests[0]
            pool.close()

    asyncio.run(main())


def test_of_several_good_addresses_the_first_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Vendor(_answering) as vendor:
            Names(monkeypatch, both_internal=[["::1", "127.0.0.1"]], none_internal=[["127.0.0.2", "127.0.0.3"]], empty_internal=[[]])
            pool = Pool(endpoint(f"http://both.internal:{vendor.port}/v1", credential_headers=lambda _: _CREDENTIAL), Bounds())
            assert (await pool.fetch(ASK, QUICK)).status == 200
            pool.close()
            for host in ("none.internal", "empty.internal"):
                with pytest.raises(AnswerBroken, match="cannot connect"):
                    await Pool(endpoint(f"http://{host}:1/v1", credential_headers=lambda _: _CREDENTIAL), Bounds()).fetch(ASK, QUICK)

    asyncio.run(main())
    Names(monkeypatch, localhost=[["127.0.0.2", "127.0.0.3"]])
    with pytest.raises(CredentialMissing, match="cannot be asked"):
        _ask_vault("http://localhost:1")


async def _answering(talk: Talk) -> None:
    await talk.request()
    talk.write(answer(headers="connection: close\r\n"))


# ── redirects and proxies ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_no_redirect_is_followed_so_no_credential_goes_along(status: str, canary: ThreadingHTTPServer) -> None:
    away = f"location: http://127.0.0.1:{canary.server_port}/\r\nrefresh: 0; url=http://127.0.0.1:{canary.server_port}/\r\n"

    async def redirecting(talk: Talk) -> None:
        await talk.request()
        talk.write(answer(status=status, headers=away))

    async def main() -> None:
        async with Vendor(redirecting) as vendor:
            pool = vendor.pool()
            with watched() as watch:
                assert (await pool.fetch(ASK, QUICK)).status == int(status[:3])
                stream = await pool.open(ASK_STREAM, QUICK)
                assert stream.status == int(status[:3])
                stream.close(whole=False)
            assert {told[1] for told in watch.connected} == {vendor.port}
            pool.close()

    asyncio.run(main())


def test_a_vault_or_witness_that_redirects_is_not_followed(canary: ThreadingHTTPServer) -> None:
    class Away(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("location", f"http://127.0.0.1:{canary.server_port}/")
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name is the base class's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Away)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with pytest.raises(CredentialMissing, match="307"):
        _ask_vault(f"http://127.0.0.1:{server.server_port}")
    assert ask_witness(f"http://127.0.0.1:{server.server_port}", "old 0\n\n")[0] == 307
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_proxy_that_the_environment_names_is_not_asked(canary: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "socks_proxy"):
        for spelt in (name, name.upper()):
            monkeypatch.setenv(spelt, f"http://127.0.0.1:{canary.server_port}")

    async def main(provider: Provider) -> None:
        async with Vendor(_answering) as vendor:
            assert (await vendor.pool().fetch(ASK, QUICK)).status == 200
        assert (await look_up(Lookup(url=f"{provider.url}/jwks"))).status == 200

    with Provider() as provider, vault_server() as vault:
        vault.entries["kv/a"] = {"b": "sk-of-the-vault"}
        asyncio.run(main(provider))
        _ask_vault(vault.url)
        assert vault.seen == ["/v1/kv/data/a"]
        with pytest.raises(OSError, match="refused"):
            ask_witness("http://127.0.0.1:1", "old 0\n\n")


# ── what a provider of identities says ──────────────────────────────────────────────────────────────────────────────


def test_a_discovery_document_cannot_name_what_the_configuration_could_not(canary: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Its `jwks_uri` and endpoints are asked as strictly as what an operator names."""
    told: dict[str, Any] = {}

    class Discovery(Provider):
        def _discovery(self) -> dict[str, Any]:
            return {"issuer": self.url, **told}

    async def keys(issuer: Issuer) -> None:
        issuers = Issuers(tmp_path, system_clock())
        with pytest.raises(ProviderWrong):
            await issuers.get((await issuers.discover(issuer)).jwks_uri, issuer)

    with Discovery() as provider:
        issuer = Issuer(name="ci", issuer=provider.url, audience="a")
        port = int(provider.url.rpartition(":")[2])
        for url in vectors.closed_to_operators(canary.server_port)[::7] + vectors.in_the_open(canary.server_port)[::5]:
            told["jwks_uri"] = url
            with watched() as watch:
                asyncio.run(keys(issuer))
            assert {where[1] for where in watch.connected} == {port}, url


@pytest.mark.parametrize("name", ["jwks_uri", "authorization_endpoint", "token_endpoint"])
def test_a_provider_with_tls_cannot_lead_to_something_without_on_this_machine(name: str, tmp_path: Path, canary: ThreadingHTTPServer) -> None:
    document = {"issuer": "https://id.example.com", "jwks_uri": "https://id.example.com/keys", name: f"http://127.0.0.1:{canary.server_port}/"}

    class Told(Issuers):
        async def get(self, url: str, issuer: Issuer) -> bytes:
            assert url == "https://id.example.com/.well-known/openid-configuration"
            return json.dumps(document).encode()

    with pytest.raises(ProviderWrong, match="without TLS"):
        asyncio.run(Told(tmp_path, system_clock()).discover(Issuer(name="ci", issuer="https://id.example.com", audience="a")))


# ── what a caller says ──────────────────────────────────────────────────────────────────────────────────────────────

Place = Callable[[str], tuple[bytes, tuple[str, ...]]]


def _body(**more: Any) -> bytes:
    return json.dumps({"model": "support", "messages": [{"role": "user", "content": "hi"}], **more}).encode()


def _says(content: Any) -> bytes:
    return _body(messages=[{"role": "user", "content": content}])


_SCHEMA: Final = {"type": "object", "properties": {"a": {"type": "string"}}}
_PLACES: Final[Sequence[Place]] = (
    lambda url: (_says([{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": url}]), ()),
    lambda url: (_says([{"type": "file", "file": {"file_id": url, "filename": url}}, {"type": "text", "text": "x"}]), ()),
    lambda url: (_body(base_url=url, api_base=url, api_key="sk-mine", custom_llm_provider="openai", extra_body={"base_url": url, "api_base": url}), ()),
    lambda url: (_body(litellm_params={"api_base": url, "model_list": [{"litellm_params": {"api_base": url}}]}, fallbacks=[{"api_base": url}]), ()),
    lambda url: (_body(metadata={"base_url": url, "callback": url, "webhook_url": url}, user=url[:60]), ()),
    lambda url: (_body(tools=[{"type": "function", "function": {"name": "f", "parameters": {**_SCHEMA, "$ref": url}}}]), ()),
    lambda url: (_body(tools=[{"type": "function", "function": {"name": "f", "parameters": {"$id": url, "$ref": "b.json", "$schema": url}}}]), ()),
    lambda url: (_body(response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {**_SCHEMA, "$defs": {"x": {"$schema": url}}}}}), ()),
    lambda url: (_body(response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {"allOf": [{"$dynamicRef": url}]}}}), ()),
    lambda url: (_body(tools=[{"type": "mcp", "server_url": url, "server_label": "x"}], mcp_servers=[{"type": "url", "url": url}]), ()),
    lambda url: (_body(model=url), ()),
    lambda url: (_body(), _headers(url)),
)


def _headers(url: str) -> tuple[str, ...]:
    plain = "".join(letter for letter in url if letter.isascii() and letter.isprintable())
    names = (
        "x-api-base", "x-base-url", "x-openai-base-url", "x-target-url", "x-forwarded-host", "forwarded", "x-original-url", "x-rewrite-url", "x-proxy-url",
        "proxy", "referer", "origin", "x-pointsman-target", "x-pointsman-vendor", "x-litellm-api-base", "destination", "x-callback-url", "via",
    )  # fmt: skip
    return tuple(f"{name}: {plain}" for name in names)


def _anthropic(url: str) -> bytes:
    image = {"type": "image", "source": {"type": "url", "url": url}}
    document = {"type": "document", "source": {"type": "url", "url": url}}
    servers = [{"type": "url", "url": url, "name": "x", "authorization_token": "t"}]
    said = [{"role": "user", "content": [image, document, {"type": "text", "text": url}]}]
    return json.dumps({"model": "support", "max_tokens": 10, "messages": said, "mcp_servers": servers, "base_url": url}).encode()


def test_nothing_that_a_caller_says_makes_the_gateway_connect_or_look_up_anything(canary: ThreadingHTTPServer) -> None:
    """Each vector in one place of a request after the other: the gateway talks to its vendor and to nobody else, and looks nothing up."""

    async def vendor(talk: Talk) -> None:
        while True:
            await talk.request()
            talk.write(WHOLE)

    async def main() -> None:
        async with Vendor(vendor) as acme, House(acme, server={"bounds": {"max_header_bytes": 60_000}}) as house:
            caller = await house.caller()
            statuses: list[int] = []
            with watched() as watch:
                for index, url in enumerate(vectors.every(canary.server_port)):
                    body, headers = _PLACES[index % len(_PLACES)](url)
                    caller.send(post(body, *headers))
                    statuses.append((await caller.answer()).status)
                    if index % 5 == 0:
                        caller.send(post(_anthropic(url), "anthropic-version: 2023-06-01", path="/v1/messages"))
                        statuses.append((await caller.answer()).status)
            assert {told[1] for told in watch.connected} <= {acme.port}
            assert set(watch.looked_up) <= {"127.0.0.1"}
            assert set(statuses) <= {200, 400, 403, 404}
            assert statuses.count(200) >= 100
            for request in acme.requests:
                head = request.partition(b"\r\n\r\n")[0].lower()
                assert f":{canary.server_port}".encode() not in head, "no header of a caller is passed on"
                assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")

    asyncio.run(main())


@pytest.mark.parametrize("target", ["http://127.0.0.1:{}/v1/chat/completions", "//127.0.0.1:{}/", "@127.0.0.1:{}/", "/v1/../@127.0.0.1:{}", "127.0.0.1:{}"])
def test_a_request_target_with_a_host_is_no_way_out(target: str, canary: ThreadingHTTPServer) -> None:
    """The gateway is no forward proxy."""

    async def main() -> None:
        async with House() as house:
            for method in ("GET", "POST", "CONNECT", "OPTIONS"):
                head = f"{method} {target.format(canary.server_port)} HTTP/1.1\r\nHost: localhost\r\n"
                with watched() as watch:
                    got = await house.ask(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                assert got.status in (400, 404)
                assert {told[1] for told in watch.connected} <= {house.port}

    asyncio.run(main())


def test_a_witness_at_a_usable_url_is_taken() -> None:
    assert place_of("witness:https://w.example:1", Path("/nowhere")) == WitnessPlace("https://w.example:1")
