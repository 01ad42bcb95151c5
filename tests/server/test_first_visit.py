"""
The first way in: a link that works once makes a session of whoever operates this gateway.
"""

import re

import pytest
from tests.console.house import NOW, House, csrf, in_a_house
from tests.values import Time

from pointsman.intake.sessions import LINK, LINK_S
from pointsman.server.first_visit import new_link


def test_a_link_makes_a_session_that_may_administer_but_approve_no_change_of_the_policy() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        who = (await browser.get("/v1/admin/whoami")).json()
        assert (who["user"], who["key"], who["scopes"]) == ("operator", "@@people", ["admin"])
        assert (await browser.get("/v1/admin/snapshot")).status_code == 200
        word = csrf(await browser.get("/"))
        refused = await browser.post("/v1/admin/policy/approve", data={"csrf": word, "digest": "0" * 16})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_role")

    in_a_house(work)


def test_the_cookie_is_kept_from_scripts_and_from_other_sites_forms() -> None:
    async def work(house: House) -> None:
        got = await house.browser().get(house.link())
        cookie = got.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert f"max-age={int(LINK.session_s)}" in cookie
        assert got.headers["cache-control"] == "no-store"

    in_a_house(work)


@pytest.mark.parametrize("link", ["/enter", "/enter?code=", "/enter?code=wrong"])
def test_a_link_that_is_none_leads_nowhere_and_says_how_to_get_one(link: str) -> None:
    async def work(house: House) -> None:
        house.link()
        got = await house.browser().get(link)
        assert (got.status_code, "pointsman console link" in got.text, "set-cookie" in got.headers) == (401, True, False)

    in_a_house(work)


def test_a_link_is_used_up_by_the_first_who_follows_it_and_lasts_a_quarter_of_an_hour() -> None:
    time = Time(wall_ms=NOW)

    async def work(house: House) -> None:
        link = house.link()
        assert (await house.browser().get(link)).status_code == 303
        assert (await house.browser().get(link)).status_code == 401
        late = house.link()
        time.advance(LINK_S)
        assert (await house.browser().get(late)).status_code == 401

    in_a_house(work, time)


def test_a_session_ends_when_nobody_used_it_for_two_hours_and_its_row_goes_with_the_next_sign_in() -> None:
    time = Time(wall_ms=NOW)

    async def work(house: House) -> None:
        browser = await house.signed_in()
        time.advance(LINK.idle_s - 1)
        assert (await browser.get("/console")).status_code == 200
        time.advance(LINK.idle_s)
        assert (await browser.get("/console")).status_code == 401
        assert (await browser.get("/console/calls")).status_code == 401
        again = house.browser()
        assert (await again.get(house.link())).status_code == 303
        assert len(list(house.gateway.standing.file().sessions())) == 1

    in_a_house(work, time)


def test_the_session_of_a_link_has_no_secret_for_calls() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        got = await browser.post("/session/token", data={"csrf": csrf(await browser.get("/"))})
        assert (got.status_code, "signed in" in got.json()["error"]["message"]) == (400, True)

    in_a_house(work)


def test_where_people_sign_in_through_a_provider_a_link_leads_to_it() -> None:
    async def work(house: House) -> None:
        link = house.link()
        got = await house.browser().get(link)
        assert (got.status_code, got.headers["location"]) == (303, "/login")
        refused = await house.browser().get("/console")
        assert (refused.status_code, 'href="/login"' in refused.text) == (401, True)

    login = {"issuer": "https://id.example.com", "client_id": "pointsman", "url": "http://127.0.0.1:8801"}
    in_a_house(work, identity={"login": login})


@pytest.mark.parametrize(
    ("admin", "begins"),
    [
        ("127.0.0.1:8801", "http://127.0.0.1:8801/enter?code="),
        ("0.0.0.0:9000", "http://127.0.0.1:9000/enter?code="),
        ("[::]:9000", "http://127.0.0.1:9000/enter?code="),
        ("[::1]:9000", "http://[::1]:9000/enter?code="),
        ("localhost:9000", "http://127.0.0.1:9000/enter?code="),
    ],
)
def test_a_link_names_an_address_that_a_browser_can_open(admin: str, begins: str) -> None:
    async def work(house: House) -> None:
        link = new_link(house.gateway.standing.path, admin, now_s=0.0)
        assert link.startswith(begins)
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", link.removeprefix(begins)), "256 random bits"

    in_a_house(work)
