"""
What the admin listener answers to those who mean it ill, or who speak HTTP in their own way: always JSON, never a fault of its own.
"""

import json
from typing import Any, Final

import httpx2
import pytest
from tests.console.house import House, csrf
from tests.server.api.site import code, on_a_site

from pointsman.app.gateway import Gateway

INCIDENTS: Final = "/v1/admin/incidents"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b"null"),
        (JSON, b"[]"),
        (JSON, b'{"title": null}'),
        (JSON, b'{"title": true}'),
        (JSON, b'{"title": 5}'),
        (JSON, b'{"title": "x", "since_ms": "5"}'),
        (JSON, b'{"title": {"a": "b"}}'),
        (JSON, b'{"title": 1e400}'),
        (JSON, b'{"title": "x", "since_ms": 1.5}'),
        (JSON, b'{"title": "x", "since_ms": ' + b"9" * 4_000 + b"}"),
        (JSON, b'{"title": "x", "title": "y"}'),
        (JSON, b'{"title": "x", "titl\\u0065": "y"}'),
        (JSON, b'{"title": "\xff"}'),
        (JSON, b'{"title": "\\ud800"}'),
        (JSON, b'{"title": "\\u0000"}'),
        (JSON, b"\xef\xbb\xbf{}"),
        (JSON, b'{"a": ' * 2_000 + b"1" + b"}" * 2_000),
        (JSON, b"[" * 16_000),
        (JSON, b'{"title": "' + b"x" * 20_000 + b'"}'),
        (JSON, b'{"title": "x", "csrf": "y", "isAdmin": "1"}'),
        (FORM, b"title=x&title=y"),
        (FORM, b"title=%00"),
        (FORM, b"title=\xff"),
        (FORM, b"title"),
        (FORM, b"a=1&" * 100),
        ("text/plain", b"title=x"),
        ("text/plain", b'{"title": "x"}'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n--x--\r\n'),
        ("application/json5", b'{"title": "x"}'),
        ("", b"title=x"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_nothing_is_done(kind: str, body: bytes) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert code(await program.post(INCIDENTS, content=body, headers={"content-type": kind})) == (400, "bad_request")
        assert (await program.get(INCIDENTS)).json()["incidents"] == []

    on_a_site(work)


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8"])
def test_a_body_may_say_what_it_is_in_every_way_that_http_knows(kind: str) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert (await program.post(INCIDENTS, content=b'{"title": "x", "since_ms": 5}', headers={"content-type": kind})).status_code == 201

    on_a_site(work)


def test_a_name_is_kept_and_given_back_as_it_is_whatever_it_would_be_elsewhere() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        for title in ("'; DROP TABLE incident; --", '"><script>alert(1)</script>', "{{7*7}}", "=cmd()", "%s%n", "${jndi:x}", "../../etc/passwd"):
            made = (await program.post(INCIDENTS, json={"title": title})).json()["incident_id"]
            got = await program.get(f"{INCIDENTS}/{made}")
            assert got.json()["incident"]["title"] == title
            assert (got.headers["content-type"], got.headers["x-content-type-options"]) == (JSON, "nosniff")
        assert "<script" not in (await program.get(f"{INCIDENTS}/<script>")).text.replace("`<script>`", "")

    on_a_site(work)


@pytest.mark.parametrize("name", ["%00", "%0a", "x" * 201, "%F0%9F%92%A9", "..%2f..%2fetc", "%27%20OR%201=1", "~"])
def test_a_name_in_a_path_that_nothing_has_leads_nowhere(name: str) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        for path in (INCIDENTS, "/v1/admin/snapshots"):
            assert code(await program.get(f"{path}/{name}"))[0] in {400, 404}

    on_a_site(work)


def test_a_method_that_a_path_does_not_know_is_told_those_that_it_does() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        for path, allowed in (("/livez", "GET, HEAD"), ("/v1/admin/switches", "GET, HEAD, POST"), (INCIDENTS, "GET, HEAD, POST"), ("/v1/admin/reload", "POST")):
            for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                got = await program.request(method, path)
                assert code(got) == (405, "unknown_route")
                assert got.headers["allow"] == allowed
        assert (await program.head(INCIDENTS)).status_code == 200

    on_a_site(work)


@pytest.mark.parametrize("path", ["/nothing", "/v1/admin/incidents/", "/v1/admin", "/V1/admin/incidents", "//v1/admin/incidents", "/v1/outcomes"])
def test_a_path_that_leads_nowhere_is_told_so_in_json(path: str) -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        assert code(await program.get(path)) == (404, "unknown_route")

    on_a_site(work)


def test_a_page_of_another_origin_can_do_nothing_in_the_name_of_who_signed_in() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        browser = await house.signed_in()
        word = csrf(await browser.get("/console"))
        told = {"title": "x"}
        assert code(await browser.post(INCIDENTS, json=told)) == (401, "not_authenticated")
        assert code(await browser.post(INCIDENTS, json={**told, "csrf": "guessed"})) == (401, "not_authenticated")
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
            assert code(await browser.post(INCIDENTS, json={**told, "csrf": word}, headers=headers)) == (401, "not_authenticated")
            assert code(await program.post(INCIDENTS, json=told, headers=headers)) == (401, "not_authenticated")
        got = await browser.post(INCIDENTS, json={**told, "csrf": word})
        assert got.status_code == 201
        assert (await browser.get(f"{INCIDENTS}/{got.json()['incident_id']}")).json()["incident"]["opened_by"] == "operator"
        assert (await browser.post(INCIDENTS, json=told, headers={"x-csrf-token": word})).status_code == 201

    on_a_site(work)


def test_who_shows_nothing_is_told_how_to() -> None:
    async def work(house: House, program: httpx2.AsyncClient) -> None:
        got = await house.browser().get(INCIDENTS)
        assert (code(got), got.headers["www-authenticate"]) == ((401, "not_authenticated"), "Bearer")
        wrong = await house.browser(authorization="Bearer pm-nobody").get(INCIDENTS)
        assert code(wrong) == (401, "not_authenticated")
        assert code(await program.get(INCIDENTS, headers={"host": "evil.example"})) == (401, "not_authenticated")

    on_a_site(work)


def test_a_fault_of_our_own_is_told_without_its_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise ZeroDivisionError("the inside")

    async def work(house: House, program: httpx2.AsyncClient) -> None:
        monkeypatch.setattr(Gateway, "notes", broken)
        transport = httpx2.ASGITransport(app=house.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8801") as client:
            got = await client.get("/readyz")
        assert code(got) == (500, "internal")
        assert "inside" not in json.dumps(got.json()).replace("unexpected went wrong in Pointsman itself", "").replace("inside of", "")

    on_a_site(work)
