"""
Signing in, as a browser sees it: every step of the flow, and every way in which a provider or a stranger can break it.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import yaml
from tests.journeys.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.values import Time

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.core.clock import Clock
from pointsman.intake.keys import mint
from pointsman.server import login
from pointsman.server.admin import admin_app
from pointsman.settings.load import load

URL = "https://admin.example.com"
MINTED = mint(bytes(range(32)))
ROLES = {
    "user": {"groups": ["staff"], "permissions": ["capability:support"]},
    "lead": {"groups": ["leads"], "permissions": ["policy.read", "policy.change", "review", "identity.revoke"]},
    "operator": {"groups": ["ops"], "permissions": ["admin", "outcomes"]},
}


class Site:
    """The admin listener in this process, and browsers in front of it."""

    def __init__(self, gateway: Gateway, provider: Provider) -> None:
        self.gateway = gateway
        self.provider = provider
        self.reloads = 0
        self.app = admin_app(gateway, reload=self._reload, trouble=gateway.trouble)

    def _reload(self) -> None:
        self.reloads += 1

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url=URL, headers=headers)

    async def signed_in(self, **person: Any) -> httpx2.AsyncClient:
        browser = self.browser()
        self.provider.person = {**self.provider.person, **person}
        got = await self.sign_in(browser)
        assert (got.status_code, got.headers["location"]) == (303, "/"), got.text
        return browser

    async def sign_in(self, browser: httpx2.AsyncClient) -> httpx2.Response:
        """Walk through the flow by hand and return the answer to the callback."""
        return await browser.get(await self.callback(browser))

    async def callback(self, browser: httpx2.AsyncClient) -> str:
        begun = await browser.get("/login")
        assert begun.status_code == 303, begun.text
        async with httpx2.AsyncClient() as outside:
            sent = await outside.get(begun.headers["location"])
        assert sent.headers["location"].startswith(URL)
        return sent.headers["location"].removeprefix(URL)


def csrf(page: httpx2.Response) -> str:
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


@asynccontextmanager
async def a_site(provider: Provider, clock: Clock | None = None, *, environ: Any = None, **identity: Any) -> AsyncIterator[Site]:
    with tempfile.TemporaryDirectory(prefix="pointsman-test-") as folder:
        usual = {
            "issuer": provider.url,
            "client_id": CLIENT_ID,
            "client_secret": "env:OIDC_SECRET",
            "url": URL,
            "algorithms": ["ES256"],
            "claims": {"user": "email"},
        }
        told = identity.pop("login", {})
        file = {
            "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
            "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
            "capabilities": {"support": {"ladder": ["acme/small"]}},
            "keys": {"ops": {"sha256": MINTED.sha256, "scopes": ["admin"]}},
            "identity": {"login": None if told is None else {**usual, **told}, "roles": ROLES, **identity},
        }
        path = Path(folder) / "pointsman.yaml"
        path.write_text(yaml.safe_dump(file))
        gateway = Gateway(load(path, facts(Prices(system_clock().wall_ms))), environ=environ or {"OIDC_SECRET": CLIENT_SECRET}, clock=clock or system_clock())
        try:
            yield Site(gateway, provider)
        finally:
            gateway.close()


def on_a_site(work: Callable[[Site], Awaitable[None]], clock: Clock | None = None, **identity: Any) -> None:
    async def main() -> None:
        with Provider() as provider:
            async with a_site(provider, clock, **identity) as site:
                provider.now = lambda: site.gateway.standing.now_s
                await work(site)

    asyncio.run(main())


def test_a_person_signs_in_sees_who_they_are_and_signs_out() -> None:
    async def work(site: Site) -> None:
        browser = await site.signed_in(groups=["leads", "<b>bold</b>"])
        page = await browser.get("/")
        for shown in ("ada@example.com", "leads", "policy.change", "&lt;b&gt;bold&lt;/b&gt;"):
            assert shown in page.text
        who = (await browser.get("/v1/admin/whoami")).json()
        assert (who["user"], who["key"], who["roles"]) == ("ada@example.com", "@@people", ["lead"])
        gone = await browser.post("/logout", data={"csrf": csrf(page)})
        assert (gone.status_code, gone.headers["location"]) == (303, "/")
        assert "Nobody is signed in" in (await browser.get("/")).text
        assert (await browser.get("/v1/admin/whoami")).status_code == 401

    on_a_site(work)


def test_the_flow_has_pkce_state_and_nonce_and_each_is_new() -> None:
    async def work(site: Site) -> None:
        asked = [parse_qs(urlsplit((await site.browser().get("/login")).headers["location"]).query) for _ in range(2)]
        for one in asked:
            assert (one["code_challenge_method"], one["response_type"], one["client_id"]) == (["S256"], ["code"], [CLIENT_ID])
            assert one["redirect_uri"] == [f"{URL}/login/callback"]
        for name in ("state", "nonce", "code_challenge"):
            assert asked[0][name] != asked[1][name]

    on_a_site(work)


def test_the_cookie_is_for_this_host_only_and_no_script_reads_it() -> None:
    async def work(site: Site) -> None:
        browser = site.browser()
        got = await site.sign_in(browser)
        cookie = next(one for one in got.headers.get_list("set-cookie") if one.startswith("__Host-pointsman="))
        for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert word in cookie
        assert "Domain" not in cookie
        secret = cookie.partition("=")[2].partition(";")[0]
        kept = b"".join(path.read_bytes() for path in site.gateway.standing.path.parent.glob("*identity*"))
        assert secret.encode() not in kept, "only its digest is kept"
        page = await browser.get("/")
        assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "DENY")
        assert "default-src 'none'" in page.headers["content-security-policy"]

    on_a_site(work)


def test_every_sign_in_makes_a_new_session() -> None:
    """A secret that somebody else planted in a browser must not become that of the person who signs in (session fixation)."""

    async def work(site: Site) -> None:
        browser = site.browser()
        browser.cookies.set("__Host-pointsman", "planted", domain="admin.example.com")
        await site.sign_in(browser)
        first = browser.cookies.get("__Host-pointsman", domain="admin.example.com")
        await site.sign_in(browser)
        assert len({"planted", first, browser.cookies.get("__Host-pointsman", domain="admin.example.com")}) == 3

    on_a_site(work)


MISBEHAVIOURS = [
    "another_state", "refuses", "mixes_up", "another_nonce", "another_audience", "another_party", "no_party", "another_issuer", "expired", "no_subject",
    "forged", "unsigned", "no_token", "no_keys", "speaks_for_another",
]  # fmt: skip


@pytest.mark.parametrize("misbehaves", MISBEHAVIOURS)
def test_a_provider_that_misbehaves_signs_nobody_in(misbehaves: str) -> None:
    async def work(site: Site) -> None:
        browser = site.browser()
        if misbehaves == "speaks_for_another":
            site.provider.misbehaves = misbehaves
            got = await browser.get("/login")
        else:
            await browser.get("/login")
            site.provider.misbehaves = misbehaves
            got = await site.sign_in(browser)
        assert got.status_code == 401
        assert "did not succeed" in got.text
        assert "script" not in got.text
        assert site.gateway.standing.register.sessions.all() == ()
        assert "Nobody is signed in" in (await browser.get("/")).text

    on_a_site(work)


def test_an_address_that_the_provider_has_not_verified_signs_nobody_in() -> None:
    async def work(site: Site) -> None:
        site.provider.person["email_verified"] = False
        assert (await site.sign_in(site.browser())).status_code == 401

    on_a_site(work)


def test_a_provider_that_is_away_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work(site: Site) -> None:
        site.provider.is_down = True
        assert (await site.browser().get("/login")).status_code == 401
        site.provider.is_down, site.provider.misbehaves = False, "no_endpoints"
        assert (await site.browser().get("/login")).status_code == 401

    on_a_site(work)
    assert "names no endpoints" in caplog.text


def test_a_sign_in_ends_once_in_the_browser_that_began_it_and_in_time() -> None:
    time_ = Time(wall_ms=system_clock().wall_ms())

    async def work(site: Site) -> None:
        browser = site.browser()
        callback = await site.callback(browser)
        assert (await site.browser().get(callback)).status_code == 401, "another browser"
        assert (await browser.get(callback)).status_code == 401, "and with that it was over"
        callback = await site.callback(browser)
        assert (await browser.get(callback)).status_code == 303
        assert (await browser.get(callback)).status_code == 401, "a second time"
        callback = await site.callback(browser)
        time_.advance(601)
        assert (await browser.get(callback)).status_code == 401, "too late"
        assert (await browser.get("/login/callback")).status_code == 401, "without anything"

    on_a_site(work, time_.clock)


@pytest.mark.parametrize("secret", ["basic", "post", "none"])
def test_the_registration_shows_its_secret_as_the_provider_wants_it(secret: str) -> None:
    async def work(site: Site) -> None:
        site.provider.misbehaves = "post_only" if secret == "post" else ""
        site.provider.client_secret = None if secret == "none" else CLIENT_SECRET
        await site.signed_in()
        (asked,) = site.provider.tokens_asked
        assert asked.get("client_secret") == (CLIENT_SECRET if secret == "post" else None)
        assert len(asked["code_verifier"]) >= 43

    on_a_site(work, None, login={"client_secret": None} if secret == "none" else {})


def test_a_session_ends_when_it_was_idle_and_when_it_is_old() -> None:
    time_ = Time(wall_ms=system_clock().wall_ms())

    async def work(site: Site) -> None:
        browser = await site.signed_in()
        time_.advance(1700)
        assert (await browser.get("/v1/admin/whoami")).status_code == 200
        time_.advance(1900)
        assert (await browser.get("/v1/admin/whoami")).status_code == 401
        browser = await site.signed_in()
        for _ in range(4):
            time_.advance(1500)
            site.gateway.standing.look()
            assert (await browser.get("/v1/admin/whoami")).status_code == 200
        time_.advance(1300)
        assert (await browser.get("/v1/admin/whoami")).status_code == 401

    on_a_site(work, time_.clock, login={"session_s": 7200, "idle_s": 1800})


def test_b20_a_person_who_is_shut_out_is_out_at_once_and_cannot_come_back() -> None:
    async def work(site: Site) -> None:
        browser, boss = await site.signed_in(groups=["staff"]), site.browser()
        site.provider.person = {"sub": "u-2", "email": "boss@example.com", "groups": ["leads"]}
        await site.sign_in(boss)
        word = csrf(await boss.get("/"))
        shown = (await boss.get("/v1/admin/sessions")).json()["sessions"]
        assert {one["user"] for one in shown} == {"ada@example.com", "boss@example.com"}
        told = await boss.post("/v1/admin/revoke", data={"subject": "ada@example.com", "csrf": word})
        assert told.json() == {"revoked": "subject", "name": "ada@example.com", "sessions_ended": 1}
        assert (await browser.get("/v1/admin/whoami")).status_code == 401
        site.provider.person = {"sub": "u-1", "email": "ada@example.com", "groups": ["staff"]}
        assert (await site.sign_in(browser)).status_code == 401
        for wrong in ({}, {"subject": ""}, {"subject": "a", "token": "b"}, {"subject": "a" * 501}):
            assert (await boss.post("/v1/admin/revoke", data={**wrong, "csrf": word})).status_code == 400
        mine = next(one["session"] for one in shown if one["user"] == "boss@example.com")
        assert (await boss.post("/v1/admin/revoke", data={"session": mine, "csrf": word})).json()["sessions_ended"] == 1
        assert (await boss.get("/v1/admin/whoami")).status_code == 401

    on_a_site(work)


def test_a_form_counts_only_if_it_is_of_a_page_of_this_session() -> None:
    async def work(site: Site) -> None:
        browser, other = await site.signed_in(), await site.signed_in(sub="u-9", email="eve@example.com")
        word, foreign = csrf(await browser.get("/")), csrf(await other.get("/"))
        assert word
        assert word != foreign
        for data, headers in (
            ({}, {}),
            ({"csrf": foreign}, {}),
            ({"csrf": word}, {"origin": "https://evil.example"}),
            ({"csrf": word}, {"sec-fetch-site": "cross-site"}),
            ({"csrf": word}, {"sec-fetch-site": "same-site"}),
        ):
            assert (await browser.post("/logout", data=data, headers=headers)).status_code == 401
        assert (await browser.post("/logout", headers={"x-csrf-token": word, "origin": URL, "sec-fetch-site": "same-origin"})).status_code == 303

    on_a_site(work)


def test_b20_a_secret_for_calls_shows_its_person_to_calls_and_dies_with_the_session() -> None:
    async def work(site: Site) -> None:
        browser = await site.signed_in(groups=["staff"])
        word = csrf(await browser.get("/"))
        page = await browser.post("/session/token", data={"csrf": word})
        secret = page.text.partition("<code>ps_")[2].partition("</code>")[0]
        bearer = f"Bearer ps_{secret}"
        intake = site.gateway.stages.intake
        principal = intake.identify(bearer, None, user="somebody else")
        assert (principal.user, principal.key.groups, intake.listed(principal)) == ("ada@example.com", {"staff"}, ("support",))
        plain = site.browser(authorization=bearer)
        assert (await plain.get("/v1/admin/whoami")).json()["session"] is None
        assert (await plain.post("/session/token")).status_code == 400, "it makes no other"
        await browser.post("/logout", data={"csrf": word})
        assert (await plain.get("/v1/admin/whoami")).status_code == 401

    on_a_site(work)


def test_a_key_administers_beside_people_and_forms_may_be_json() -> None:
    async def work(site: Site) -> None:
        program = site.browser(authorization=f"Bearer {MINTED.secret}")
        assert (await program.get("/v1/admin/snapshot")).status_code == 200
        assert (await program.post("/v1/admin/reload")).status_code == 202
        assert site.reloads == 1
        assert (await program.post("/v1/admin/revoke", json={"token": "t-1"})).json()["revoked"] == "token"
        assert site.gateway.standing.register.revoked.tokens == {"t-1"}
        for content, kind in ((b"[1]", "application/json"), (b"\xff=1", "x"), (b"&" * 200, "x"), (b"a=" + b"x" * 20_000, "x")):
            assert (await program.post("/v1/admin/revoke", content=content, headers={"content-type": kind})).status_code == 400

    on_a_site(work)


def test_where_people_cannot_sign_in_the_page_says_so() -> None:
    async def main() -> None:
        with Provider() as provider:
            issuer = {"ci": {"issuer": provider.url, "audience": "a", "capabilities": ["*"]}}
            async with a_site(provider, login=None, issuers=issuer) as site:
                assert "People cannot sign in here" in (await site.browser().get("/")).text
                assert (await site.browser().get("/login")).status_code == 404

    asyncio.run(main())


def test_people_who_begin_and_never_end_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_MOST_UNDER_WAY", 2)
    time_ = Time(wall_ms=system_clock().wall_ms())

    async def work(site: Site) -> None:
        assert [(await site.browser().get("/login")).status_code for _ in range(3)] == [303, 303, 401]
        time_.advance(601)
        assert (await site.browser().get("/login")).status_code == 303, "what took too long makes room"

    on_a_site(work, time_.clock)


def test_a_change_that_waits_is_shown_and_approved_on_its_page() -> None:
    async def work(site: Site) -> None:
        path = site.gateway.standing.path.with_name("pointsman.yaml")
        one = await site.signed_in(groups=["leads"], email="one@example.com")
        assert "There is none" in (await one.get("/policy")).text
        assert (await one.get("/v1/admin/policy/pending")).json() == {"pending": None}
        path.write_text(path.read_text().replace("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"))
        changed = load(path, facts(Prices(system_clock().wall_ms)))
        assert not site.gateway.reload(changed)
        digest = changed.identity.policy_digest
        assert (await one.get("/readyz")).json()["waits_for_approval"] == digest
        pending = (await one.get("/v1/admin/policy/pending")).json()["pending"]
        assert (pending["digest"], pending["needed"], pending["approved_by"]) == (digest, 2, [])
        page = await one.get("/policy")
        assert "+    base_url: http://127.0.0.1:2/v1" in page.text
        got = await one.post("/v1/admin/policy/approve", data={"csrf": csrf(page), "digest": digest}, headers={"accept": "text/html"})
        assert (got.status_code, got.headers["location"], site.reloads) == (303, "/policy", 1)
        assert "one@example.com" in (await one.get("/policy")).text
        key = site.browser(authorization=f"Bearer {MINTED.secret}")
        assert "Approve this change" not in (await key.get("/policy")).text
        assert (await key.post("/v1/admin/policy/approve", data={"digest": digest})).status_code == 403
        two = await site.signed_in(sub="u-2", groups=["leads"], email="two@example.com")
        secret = await two.post("/session/token", data={"csrf": csrf(await two.get("/"))})
        calls = site.browser(authorization="Bearer ps_" + secret.text.partition("<code>ps_")[2].partition("</code>")[0])
        assert (await calls.post("/v1/admin/policy/approve", data={"digest": digest})).status_code == 403, "that is what applications have"
        await two.post("/v1/admin/policy/approve", data={"csrf": csrf(await two.get("/")), "digest": digest})
        assert site.gateway.reload(changed)

    on_a_site(work, approvals={"policy": 2})


def test_the_listener_answers_to_its_own_names_only() -> None:
    async def work(site: Site) -> None:
        program = site.browser(authorization=f"Bearer {MINTED.secret}")
        for host, status in (
            ("admin.example.com", 200), ("ADMIN.internal:8801", 200), ("127.0.0.1:8801", 200), ("[::1]:8801", 200), ("localhost", 200),
            ("evil.example", 401), ("admin.example.com.evil.example", 401), ("[nonsense", 401), ("", 401),
        ):  # fmt: skip
            assert (await program.get("/v1/admin/whoami", headers={"host": host})).status_code == status, host
        for path in ("/livez", "/readyz"):
            assert (await program.get(path, headers={"host": "evil.example"})).status_code == 200, "health checks come under any name"

    on_a_site(work, hosts=["admin.internal"])


def test_a_person_administers_as_far_as_their_roles_go() -> None:
    async def work(site: Site) -> None:
        person = await site.signed_in(groups=["staff"])
        refused = await person.get("/v1/admin/snapshot")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_role")
        operator = await site.signed_in(sub="u-3", email="op@example.com", groups=["ops"])
        assert (await operator.get("/v1/admin/snapshot")).status_code == 200

    on_a_site(work)
