"""
Bug classes of other gateways in who may come in, as black boxes over HTTP: B4, B5, B6, B9, B18 and B20.

Two workers serve, so that whatever one of them learns the other must know too. Answers come from a rule, so that no vendor is needed.
"""

import http.client
import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.journeys.gateway import POINTSMAN, Gateway
from tests.journeys.oidc_provider import AUDIENCE, CLIENT_ID, CLIENT_SECRET
from tests.journeys.processes import PATIENCE_S, SOON_S, Process, eventually

from pointsman.intake.keys import mint
from pointsman.server.admin import admin_app

KEYS: Final = {name: mint(secrets.token_bytes(32)) for name in ("web", "other", "ops", "leaver")}
_ENOUGH: Final = 24  # connections after which both workers have been asked


class ProviderProcess:
    """The provider as a process of its own, steered over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, **told: Any) -> dict[str, Any]:
        return httpx2.post(f"{self.url}/control", json=told, timeout=PATIENCE_S).json()

    def token(self, **claims: Any) -> str:
        return self.control(token=claims)["token"]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderProcess]:
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-c",
        f"import sys, runpy; sys.path.insert(0, {str(root)!r}); runpy.run_module('tests.journeys.oidc_provider', run_name='__main__')",
    ]
    with Process(command, folder=tmp_path_factory.mktemp("provider"), name="provider") as process:
        yield ProviderProcess(process.first_line())


def settings_of(provider: ProviderProcess, **identity: Any) -> dict[str, Any]:
    login = {"issuer": provider.url, "client_id": CLIENT_ID, "client_secret": "env:OIDC_SECRET", "algorithms": ["ES256"], "claims": {"user": "email"}}
    return {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
        "capabilities": {"support": {"ladder": ["acme/small"], "rules": "rules.csv"}, "hr": {"ladder": ["acme/small"], "rules": "rules.csv"}},
        "keys": {
            "web": {"sha256": KEYS["web"].sha256, "capabilities": ["support"]},
            "other": {"sha256": KEYS["other"].sha256},
            "ops": {"sha256": KEYS["ops"].sha256, "scopes": ["admin"]},
            "leaver": {"sha256": KEYS["leaver"].sha256},
        },
        "identity": {
            "issuers": {"ci": {"issuer": provider.url, "audience": AUDIENCE, "algorithms": ["ES256"], "capabilities": ["support"]}},
            "login": login,
            "roles": {
                "user": {"groups": ["staff"], "permissions": ["capability:support"]},
                "lead": {"groups": ["leads"], "permissions": ["policy.read", "policy.change", "identity.revoke"]},
            },
            **identity,
        },
        "server": {"workers": 2},
    }


def a_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    folder = tmp_path_factory.mktemp(name)
    (folder / "rules.csv").write_text("when,then,answer\ntrue,answer,By a rule.\n")
    return folder


@pytest.fixture(scope="module")
def gateway(provider: ProviderProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(a_folder(tmp_path_factory, "identity"), settings_of(provider), environ={"OIDC_SECRET": CLIENT_SECRET}) as running:
        yield running


def admin(gateway: Gateway, method: str, path: str, **options: Any) -> httpx2.Response:
    return httpx2.request(method, f"http://127.0.0.1:{gateway.admin_port}{path}", timeout=PATIENCE_S, **options)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def statuses(gateway: Gateway, secret: str, *, times: int = _ENOUGH) -> set[int]:
    """Ask so often, each time on a new connection, that every worker has been asked."""
    return {gateway.chat("support", key=secret).status_code for _ in range(times)}


def refused_within(gateway: Gateway, secret: str, since: float) -> float:
    """Return the seconds after which both workers refuse."""
    eventually(lambda: statuses(gateway, secret) == {401}, "the refusal by every worker")
    return time.monotonic() - since


class Browser:
    """A person's browser at the admin listener."""

    def __init__(self, gateway: Gateway, provider: ProviderProcess, **person: Any) -> None:
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{gateway.admin_port}", timeout=PATIENCE_S, follow_redirects=True)
        provider.control(person={"sub": secrets.token_hex(4), "email": "ada@example.com", "groups": ["staff"], **person})
        gateway._clients.append(self.client)  # it closes them at its end
        got = self.client.get("/login")
        assert "Who am I" in got.text, got.text

    @property
    def word(self) -> str:
        return self.client.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]

    def post(self, path: str, **data: str) -> httpx2.Response:
        return self.client.post(path, data={"csrf": self.word, **data})

    def secret_for_calls(self) -> str:
        return "ps_" + self.post("/session/token").text.partition("<code>ps_")[2].partition("</code>")[0]


# ── B4: authorisation is decided by the route that answers ──────────────────────────────────────────────────────────

_PATHS: Final = [
    "/v1/admin/snapshot", "//v1/admin/snapshot", "/v1/admin/snapshot/", "/v1/./admin/snapshot", "/v1/x/../admin/snapshot", "/livez/../v1/admin/snapshot",
    "/v1/admin%2fsnapshot", "/v1/admin/snapshot%00", "/v1/admin/snapshot;x=/livez", "/v1/admin/snapshot?/livez", "/v1/admin/snapshot#/livez",
    "http://127.0.0.1/v1/admin/snapshot", "http://livez/v1/admin/snapshot", "/V1/Admin/Snapshot", "/v1/admin/snapsh%6ft", "/%2e/v1/admin/snapshot",
]  # fmt: skip
_HOSTS: Final = ["127.0.0.1", "localhost", "x/livez?", "127.0.0.1/livez", "127.0.0.1:80/livez#", "[::1]", "@127.0.0.1", "127.0.0.1\\livez", "", "livez"]


@pytest.mark.parametrize("path", _PATHS)
def test_b4_no_spelling_of_a_path_or_host_opens_a_route_that_needs_a_permission(gateway: Gateway, path: str) -> None:
    for host in _HOSTS:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=PATIENCE_S)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("host", host)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status in (400, 401, 403, 404, 421), (path, host, body)
        assert b"capabilities" not in body


def test_b4_every_route_declares_who_may_use_it_and_refuses_everybody_else(gateway: Gateway) -> None:
    """The generated matrix: route × who comes. A new route without a row fails."""
    web = bearer(KEYS["web"].secret)
    for (method, path), permission in routes().items():
        strangers = admin(gateway, method, path).status_code
        service = admin(gateway, method, path, headers=web).status_code
        if permission == "":
            assert strangers != 403, path
        else:
            assert strangers == 401, path
            assert service == 403 or permission == "*", path


def routes() -> Mapping[tuple[str, str], str]:
    """Return what each route of the admin listener declares."""
    return admin_app(cast("Any", None), reload=lambda: None, trouble=lambda: None).state.declared


# ── B5: a token is known by all of it ───────────────────────────────────────────────────────────────────────────────


def test_b5_a_token_is_believed_by_every_worker_and_with_one_bit_changed_by_none(gateway: Gateway, provider: ProviderProcess) -> None:
    token = provider.token()
    assert statuses(gateway, token) == {200}

    @examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
    @given(place=st.integers(0, len(token) - 1), bit=st.integers(0, 6))
    def changed(place: int, bit: int) -> None:
        raw = bytearray(token.encode())
        raw[place] ^= 1 << bit
        if not raw.decode().isprintable() or raw.decode() != raw.decode().strip():
            return
        assert gateway.chat("support", key=raw.decode()).status_code == 401

    changed()
    assert gateway.chat("support", key=token[:200]).status_code == 401


def test_b5_two_tokens_with_the_same_beginning_are_two_people(gateway: Gateway, provider: ProviderProcess) -> None:
    one, two = provider.token(sub="one", jti="x"), provider.token(sub="two", jti="x")
    assert one[:60] == two[:60]
    for token, user in ((one, "one"), (two, "two"), (one, "one")):
        assert admin(gateway, "GET", "/v1/admin/whoami", headers=bearer(token)).json()["user"] == user


# ── B6: one extractor ───────────────────────────────────────────────────────────────────────────────────────────────


def test_b6_the_same_key_has_the_same_limits_in_whichever_header_it_comes(gateway: Gateway, provider: ProviderProcess) -> None:
    for secret in (KEYS["web"].secret, provider.token()):
        body = {"model": "hr", "messages": [{"role": "user", "content": "hi"}]}
        told = [gateway.post("/v1/chat/completions", json=body, headers=headers) for headers in (bearer(secret), {"x-api-key": secret})]
        assert [one.status_code for one in told] == [404, 404], "`hr` is not theirs"
        listed = [gateway.get("/v1/models", headers=headers).json()["data"] for headers in (bearer(secret), {"x-api-key": secret})]
        assert listed[0] == listed[1]
        assert [one["id"] for one in listed[0]] == ["support"]


def test_b6_two_credentials_are_refused_whichever_of_them_would_do(gateway: Gateway, provider: ProviderProcess) -> None:
    token, web, other = provider.token(), KEYS["web"].secret, KEYS["other"].secret
    for first, second in ((web, other), (token, web), (web, token), (token, provider.token())):
        headers = {**bearer(first), "x-api-key": second}
        assert gateway.chat("support", headers=headers).status_code == 401
        assert admin(gateway, "GET", "/v1/admin/whoami", headers=headers).status_code == 401
    twice = [("authorization", f"Bearer {KEYS['ops'].secret}"), ("authorization", f"Bearer {web}")]
    assert admin(gateway, "GET", "/v1/admin/whoami", headers=twice).status_code == 400
    browser = Browser(gateway, provider)
    assert browser.client.get("/v1/admin/whoami", headers=bearer(KEYS["ops"].secret)).status_code == 400


def test_b6_a_cookie_opens_nothing_where_applications_call(gateway: Gateway, provider: ProviderProcess) -> None:
    browser = Browser(gateway, provider)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
    assert gateway.chat("support", headers={"cookie": cookie}).status_code == 401
    secret = next(iter(browser.client.cookies.values()))
    assert gateway.chat("support", key=secret).status_code == 401


# ── B9 and B18: nothing is open that nobody opened ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("secret", ["", "Bearer", "null", "undefined", "pm_", "ps_", "..", "a.b.c", "admin", "0" * 52, "ps_" + "A" * 43])
def test_b9_an_empty_or_made_up_credential_is_none(gateway: Gateway, secret: str) -> None:
    shown = ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}, {"authorization": f"Basic {secret}"}, {"cookie": f"pointsman={secret}"})
    for headers in ({name: value.strip() for name, value in one.items()} for one in shown):
        assert gateway.chat("support", headers=headers).status_code == 401
        assert admin(gateway, "GET", "/v1/admin/snapshot", headers=headers).status_code == 401


@pytest.mark.parametrize("value", ["", "short"])
def test_b9_an_empty_or_short_secret_refuses_to_start(provider: ProviderProcess, tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    folder = a_folder(tmp_path_factory, "weak")
    weak = Gateway(folder, {**settings_of(provider), "server": {}}, environ={"OIDC_SECRET": value})
    with pytest.raises(AssertionError, match="OIDC_SECRET"):
        weak.start()


def test_b18_there_is_no_credential_by_default_and_administration_has_a_door_of_its_own(gateway: Gateway) -> None:
    for name in ("admin", "root", "pointsman", "changeme", "sk-1234"):
        for headers in (bearer(name), {"x-api-key": name}):
            assert admin(gateway, "GET", "/v1/admin/snapshot", headers=headers).status_code == 401
    for path in ("/v1/admin/snapshot", "/v1/admin/whoami", "/login", "/login/callback", "/policy"):
        assert gateway.get(path, headers=bearer(KEYS["ops"].secret)).status_code == 404
    listening = admin(gateway, "GET", "/v1/admin/snapshot", headers={**bearer(KEYS["ops"].secret), "host": "evil.example:8801"})
    assert listening.status_code == 401, "a name that is not its own"


# ── B20: what is revoked is refused within a second, by every worker ────────────────────────────────────────────────


def test_b20_a_revoked_key_is_refused_by_two_workers_within_a_second(gateway: Gateway) -> None:
    secret = KEYS["leaver"].secret
    assert statuses(gateway, secret) == {200}
    gateway.cli("keys", "revoke", "leaver")
    assert refused_within(gateway, secret, time.monotonic()) <= SOON_S
    assert statuses(gateway, KEYS["web"].secret) == {200}


def test_b20_a_revoked_token_and_a_revoked_workload_are_refused_by_two_workers_within_a_second(gateway: Gateway, provider: ProviderProcess) -> None:
    one, other = provider.token(sub="job-1", jti="t-1"), provider.token(sub="job-1", jti="t-2")
    assert statuses(gateway, one) == statuses(gateway, other) == {200}
    gateway.cli("identity", "revoke", "--token", "t-1")
    assert refused_within(gateway, one, time.monotonic()) <= SOON_S
    assert statuses(gateway, other) == {200}
    gateway.cli("identity", "revoke", "--subject", "job-1")
    assert refused_within(gateway, other, time.monotonic()) <= SOON_S
    assert statuses(gateway, provider.token(sub="job-1")) == {401}, "a new token helps nobody who is shut out"
    gateway.cli("identity", "restore", "--subject", "job-1")
    eventually(lambda: statuses(gateway, other) == {200}, "the return")


def test_b20_a_session_opens_calls_and_ends_everywhere_within_a_second(gateway: Gateway, provider: ProviderProcess) -> None:
    browser = Browser(gateway, provider)
    secret = browser.secret_for_calls()
    eventually(lambda: statuses(gateway, secret) == {200}, "the session at both workers")
    assert gateway.chat("hr", key=secret).status_code == 404
    session = browser.client.get("/v1/admin/whoami").json()["session"]
    shown = json.loads(gateway.cli("identity", "show", "--json").stdout)
    assert {"session": session, "user": "ada@example.com", "groups": ["staff"]} in shown["sessions"]
    gateway.cli("identity", "revoke", "--session", session)
    assert refused_within(gateway, secret, time.monotonic()) <= SOON_S
    assert browser.client.get("/v1/admin/whoami").status_code == 401


def test_b20_an_expired_token_is_refused_although_it_was_just_known(gateway: Gateway, provider: ProviderProcess) -> None:
    now = int(time.time())
    token = provider.token(iat=now - 60, exp=now - 24)  # within the leeway of 30 s, for six seconds more
    assert statuses(gateway, token, times=4) == {200}
    eventually(lambda: statuses(gateway, token, times=8) == {401}, "the end of the token")
    assert int(time.time()) >= now + 6


def test_the_provider_rotates_its_keys_and_no_call_is_lost(gateway: Gateway, provider: ProviderProcess) -> None:
    before = provider.token()
    assert statuses(gateway, before) == {200}
    provider.control(rotate=True)
    after = provider.token()
    eventually(lambda: statuses(gateway, after) == {200}, "the new key at both workers")


def test_no_token_session_or_code_stands_in_any_log_or_file(gateway: Gateway, provider: ProviderProcess) -> None:
    token = provider.token(jti="canary")
    browser = Browser(gateway, provider)
    secret = browser.secret_for_calls()
    gateway.chat("support", key=token)
    gateway.chat("support", key=token[:-3] + "abc")
    said = gateway.process.said()
    kept = b"".join(path.read_bytes() for path in gateway.folder.rglob("*") if path.is_file())
    for canary in (token, secret, *browser.client.cookies.values(), CLIENT_SECRET, KEYS["web"].secret):
        assert canary not in said
        assert canary.encode() not in kept
    assert "code=" not in said
    assert "state=" not in said


# ── two people ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_of_the_policy_waits_for_two_different_people_also_through_a_restart(
    provider: ProviderProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = settings_of(provider, approvals={"policy": 2})
    with Gateway(a_folder(tmp_path_factory, "approvals"), told, environ={"OIDC_SECRET": CLIENT_SECRET}) as held:
        before = held.snapshot()
        held.write({**held.settings, "limits": [{"name": "pace", "by": "key", "requests_per_minute": 100_000}]})
        with_limits = eventually(lambda: (now := held.snapshot()) != before and now, "limits need nobody")
        change = {**held.settings, "keys": {**told["keys"], "web": {"sha256": KEYS["web"].sha256}}}
        held.write(change)
        digest = eventually(lambda: held.get("/readyz").json().get("waits_for_approval"), "the change to wait")
        assert digest in held.process.said()
        assert held.chat("hr", key=KEYS["web"].secret).status_code == 404

        one, two = (Browser(held, provider, groups=["leads"], email=f"{name}@example.com") for name in ("one", "two"))
        page = eventually(lambda: _page_of(one, digest), "the page of the change")
        assert "capabilities" in page, "what changes is shown"
        nobody = Browser(held, provider)
        assert nobody.post("/v1/admin/policy/approve", digest=digest).status_code == 403
        ops = admin(held, "POST", "/v1/admin/policy/approve", headers=bearer(KEYS["ops"].secret), data={"digest": digest})
        assert ops.status_code == 403, "a key is nobody"
        assert one.post("/v1/admin/policy/approve", digest="0" * 16).status_code == 400
        for _ in range(2):
            assert one.post("/v1/admin/policy/approve", digest=digest).json()["approved_by"] == ["one@example.com"]
        held.stop()
        _start_with(held, change)
        assert held.get("/readyz").json()["waits_for_approval"] == digest
        assert statuses_of(held, "hr", KEYS["web"].secret) == {404}, "the start finds what was approved last"
        _keep_revoking(held, two, provider, digest)
        assert with_limits != before


def _page_of(browser: Browser, digest: str) -> str:
    shown = browser.client.get("/policy").text
    return shown if digest in shown else ""


def _start_with(held: Gateway, change: dict[str, Any]) -> None:
    """Start again at the same addresses: other addresses would be another change."""
    held.write(change)
    held._process = Process([*POINTSMAN, "up", "--json"], folder=held.folder, name="again", environ={**held._environ})
    eventually(lambda: "ready" in held.process.out.read_text(encoding="utf-8"), "the start")


def statuses_of(gateway: Gateway, capability: str, secret: str) -> set[int]:
    return {gateway.chat(capability, key=secret).status_code for _ in range(_ENOUGH)}


def _keep_revoking(held: Gateway, two: Browser, provider: ProviderProcess, digest: str) -> None:
    """Shutting out never waits; and with the second person the change takes effect at every worker."""
    held.cli("keys", "revoke", "leaver")
    assert refused_within(held, KEYS["leaver"].secret, time.monotonic()) <= SOON_S
    waits = eventually(lambda: (now := held.get("/readyz").json()["waits_for_approval"]) != digest and now, "a key fewer is another change")
    three = Browser(held, provider, groups=["leads"], email="three@example.com")
    assert len(two.post("/v1/admin/policy/approve", digest=waits).json()["approved_by"]) == 1
    assert three.post("/v1/admin/policy/approve", digest=waits).status_code == 200
    eventually(lambda: statuses_of(held, "hr", KEYS["web"].secret) == {200}, "the change at both workers")
    assert "waits_for_approval" not in held.get("/readyz").json()
    kept = sqlite3.connect(held.folder / "pointsman-identity.db").execute("SELECT digest FROM in_force").fetchone()[0]
    assert kept == waits
