"""The frame around every page: who comes in, what browsers are told, which time is meant, and how the look is kept."""

import re
from typing import Any, cast

import pytest
from tests.console.house import OPERATOR, READER, House, csrf, in_a_house, text_of

from pointsman.console import assets
from pointsman.console.frame import NAVIGATION
from pointsman.console.routes import routes
from pointsman.server.admin import admin_app
from pointsman.server.admin_guard import Guard

PAGES = ("/console", "/console/workflows", "/console/workflows/support", "/console/calls", "/console/explain", "/console/keys", "/console/settings")


def test_nobody_sees_a_page_without_having_signed_in_and_the_page_says_how() -> None:
    async def work(house: House) -> None:
        for path in PAGES:
            got = await house.browser().get(path)
            assert (got.status_code, got.headers["content-type"]) == (401, "text/html; charset=utf-8")
            assert "pointsman console link" in text_of(got)

    in_a_house(work)


def test_a_gateway_without_keys_lets_programs_call_but_shows_its_console_only_to_people_who_signed_in() -> None:
    async def work(house: House) -> None:
        assert (await house.browser().get("/v1/admin/snapshot")).status_code == 200
        assert (await house.browser().get("/console")).status_code == 401
        assert (await (await house.signed_in()).get("/console")).status_code == 200

    in_a_house(work, keys=None, limits=[])


def test_a_page_needs_the_permission_to_read_the_console() -> None:
    async def work(house: House) -> None:
        refused = await house.browser(authorization=f"Bearer {READER.secret}").get("/console")
        assert (refused.status_code, "console.read" in text_of(refused)) == (403, True)
        assert (await house.browser(authorization=f"Bearer {OPERATOR.secret}").get("/console")).status_code == 200

    in_a_house(work)


def test_every_route_declares_its_permission_and_only_the_files_of_the_look_are_open() -> None:
    nobody = cast("Any", None)  # routes are made without asking anybody
    guard = Guard(nobody)
    paths = {(method, route.path) for route in routes(nobody, guard) for method in (route.methods or set()) - {"HEAD"}}
    assert paths == guard.declared.keys()
    opened = {path for (_, path), permission in guard.declared.items() if not permission}
    assert opened == {"/console/static/{name}"}
    assert {path for path, _, _ in NAVIGATION} <= {path for _, path in paths}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_tells_browsers_to_run_and_load_nothing_from_elsewhere(path: str) -> None:
    async def work(house: House) -> None:
        got = await (await house.signed_in()).get(path)
        policy = got.headers["content-security-policy"]
        assert got.status_code == 200
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["cross-origin-opener-policy"] == "same-origin"
        assert " style=" not in got.text
        assert "<script>" not in got.text
        assert not any(word in got.text for word in ('src="http', 'href="http', "onclick", "javascript:"))

    in_a_house(work)


def test_what_somebody_calls_themselves_or_asks_for_is_never_html() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        wrong = "<script>alert(1)<x>"
        for path in (f"/console/workflows/{wrong}", f"/console/calls/{wrong}", f"/console/calls?status={wrong}", f"/console/units/{wrong}/{wrong}"):
            got = await browser.get(path)
            assert got.headers["content-type"] == "text/html; charset=utf-8"
            assert "<script>" not in got.text

    in_a_house(work)


def test_an_unknown_name_is_a_page_with_a_way_back() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        for path, says in (
            ("/console/workflows/none", "There is no workflow none"),
            ("/console/calls/none", "There is no call none"),
            ("/console/a/b", "There is nothing at /console/a/b"),
        ):
            got = await browser.get(path)
            assert got.status_code == 404
            assert says in text_of(got)
            assert 'href="/console"' in got.text

    in_a_house(work)


def test_a_value_that_is_too_long_to_be_meant_is_refused() -> None:
    async def work(house: House) -> None:
        got = await (await house.signed_in()).get("/console/calls", params={"workflow": "x" * 201})
        assert (got.status_code, "workflow is longer than 200 characters" in text_of(got)) == (400, True)

    in_a_house(work)


def test_files_of_the_look_are_named_by_their_content_kept_for_ever_and_sent_compressed() -> None:
    async def work(house: House) -> None:
        page = await house.browser().get("/console")
        named = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page.text)
        assert any("console." in url and url.endswith(".css") for url in named)
        for url in named:
            packed = await house.browser().get(url)
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
            plain = await house.browser(**{"accept-encoding": "identity"}).get(url)
            assert "content-encoding" not in plain.headers
            assert plain.content == packed.content
        assert (await house.browser().get("/console/static/console.000000000000.css")).status_code == 404

    in_a_house(work)


def test_pages_do_without_libraries_that_were_not_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(house: House) -> None:
        kept = {name: kind for name, kind in assets._FILES.items() if not name.startswith("vendor/")}
        monkeypatch.setattr(assets, "_FILES", {**kept, "vendor/none.js": "text/javascript"})
        page = await (await house.signed_in()).get("/console")
        assert (page.status_code, "htmx.min" in page.text, "uplot" in page.text) == (200, False, False)

    in_a_house(work)


def test_the_look_that_was_chosen_is_kept_and_leads_back_to_the_same_page_only() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        word = csrf(await browser.get("/console"))
        kept = await browser.post("/console/theme", data={"csrf": word, "theme": "dark", "back": "/console/calls?span=30d"})
        assert (kept.status_code, kept.headers["location"]) == (303, "/console/calls?span=30d")
        assert 'data-theme="dark"' in (await browser.get("/console")).text
        away = await browser.post("/console/theme", data={"csrf": word, "theme": "pink", "back": "https://evil.example"})
        assert away.headers["location"] == "/console"
        assert 'data-theme="auto"' in (await browser.get("/console")).text

    in_a_house(work)


def test_a_form_without_the_word_of_the_session_or_of_another_origin_changes_nothing() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        word = csrf(await browser.get("/console"))
        assert (await browser.post("/console/theme", data={"theme": "dark"})).status_code == 401
        foreign = await browser.post("/console/theme", data={"csrf": word, "theme": "dark"}, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 401
        assert 'data-theme="auto"' in (await browser.get("/console")).text

    in_a_house(work)


def test_the_chosen_time_goes_along_from_page_to_page_and_an_unknown_one_is_the_usual() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        page = await browser.get("/console?span=30d")
        assert 'href="/console/calls?span=30d"' in page.text
        assert "last 30 days" in text_of(page)
        assert "last 7 days" in text_of(await browser.get("/console?span=century"))

    in_a_house(work)


def test_a_ledger_that_cannot_be_read_is_told_with_its_remedy() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        house.gateway.ledger.close()  # or it would make a new one
        (house.gateway.settings.folder / "pointsman.db").unlink()
        got = await browser.get("/console")
        assert got.status_code == 500
        assert "There is no ledger at" in text_of(got)

    in_a_house(work)


def test_the_console_is_made_when_somebody_first_asks_for_it() -> None:
    async def work(house: House) -> None:
        made: list[int] = []

        def more(*_: Any) -> list[Any]:
            made.append(1)
            return []

        house.app = admin_app(house.gateway, reload=lambda: None, trouble=house.gateway.trouble, more=more)
        assert (await house.browser().get("/livez")).status_code == 200
        assert made == []
        assert (await house.browser().get("/console")).status_code == 404
        assert (await house.browser().get("/console")).status_code == 404
        assert made == [1]

    in_a_house(work)
