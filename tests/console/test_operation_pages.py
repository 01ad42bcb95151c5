"""What operators do in the console: shut off, open and close incidents, go back. Each asks first, needs the permission, and is on record."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from tests.console.house import HOUR, NOW, OPERATOR, House, csrf, in_a_house, text_of
from tests.ledger.entries import a_record, an_entry

from pointsman.app.facts import Prices, facts
from pointsman.console.pages.objectives import promise
from pointsman.control.snapshots.history import Kept, keep
from pointsman.intake.keys import mint
from pointsman.settings.load import load
from pointsman.settings.workflows import Objective
from pointsman.storage.open import open_writing

VIEWER = mint(bytes([3] * 32))
KEYS = {"ops": {"sha256": OPERATOR.sha256, "scopes": ["admin"], "team": "care"}, "board": {"sha256": VIEWER.sha256, "scopes": ["call"], "groups": ["board"]}}
ROLES = {"roles": {"viewer": {"groups": ["board"], "permissions": ["console.read"]}}}
CHANGES = (
    "/console/incidents",
    "/console/incidents/any/note",
    "/console/incidents/any/close",
    "/console/vendors/switch",
    "/console/rollback",
)


async def send(browser: httpx2.AsyncClient, page: httpx2.Response, path: str, **form: str) -> httpx2.Response:
    return await browser.post(path, data={"csrf": csrf(page), **form})


async def an_incident(browser: httpx2.AsyncClient, **form: str) -> str:
    listed = await browser.get("/console/incidents")
    opened = await send(browser, listed, "/console/incidents", **{"title": "Answers are wrong", **form})
    assert opened.status_code == 303, opened.text
    return opened.headers["location"]


def path_of(house: House) -> Path:
    return house.gateway.settings.folder / "pointsman.yaml"


def change(house: House, **sections: Any) -> None:
    """Change the file and let the gateway take it up, as its watch does."""
    told = {**yaml.safe_load(path_of(house).read_text()), **sections}
    path_of(house).write_text(yaml.safe_dump(told))
    house.gateway.reload(load(path_of(house), facts(Prices(lambda: NOW))))


def put_on_record(house: House, at_ms: int) -> str:
    """Keep the present configuration as the gateway's writer does, so that its time is known."""
    settings = house.gateway.settings
    with closing(open_writing(house.gateway.place)) as db:
        keep(db, Kept(digest=settings.snapshot.digest, since_ms=at_ms, parent=None, author="ann"), files=settings.texts)
    return settings.snapshot.digest


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", CHANGES)
def test_what_changes_something_needs_more_than_the_permission_to_read(path: str) -> None:
    async def work(house: House) -> None:
        refused = await house.browser(authorization=f"Bearer {VIEWER.secret}").post(path, data={"title": "x"})
        assert refused.status_code == 403
        assert "administration (scope admin )" in text_of(refused)

    in_a_house(work, keys=KEYS, identity=ROLES)


@pytest.mark.parametrize("path", CHANGES)
def test_a_form_without_the_word_of_the_session_changes_nothing(path: str) -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        assert (await browser.post(path, data={"title": "x"})).status_code == 401
        assert "No incident" in text_of(await browser.get("/console/incidents"))

    in_a_house(work)


def test_whoever_may_only_read_sees_no_button_and_no_question_of_a_change() -> None:
    async def work(house: House) -> None:
        house.history()
        reader = house.browser(authorization=f"Bearer {VIEWER.secret}")
        for path in ("/console/incidents", "/console/vendors", "/console/objectives", "/console/cost"):
            page = await reader.get(path)
            assert page.status_code == 200, path
            main = page.text.partition("<main")[2]
            assert 'method="post"' not in main, path
            assert "/console/vendors/switch" not in main
        for path in ("/console/vendors/switch?kind=target&name=acme/small", "/console/rollback"):
            assert (await reader.get(path)).status_code == 403

    in_a_house(work, keys=KEYS, identity=ROLES)


# ── vendors and targets ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_target_is_told_with_what_it_did_and_costs_and_a_vendor_with_its_terms() -> None:
    async def work(house: House) -> None:
        house.history()
        shown = text_of(await (await house.signed_in()).get("/console/vendors"))
        assert "retention unknown" in shown
        small, large = shown.partition("acme/small")[2].partition("acme/large")[0], shown.partition("acme/large")[2]
        assert "$1.00 in, $2.00 out" in small
        assert "122 100.0% answered 24.7% 40" in small, "calls that ended there, and the attempts that failed there in the last week"
        assert "0.0% 0" in large

    in_a_house(work)


def test_terms_and_a_price_that_are_unknown_say_so() -> None:
    async def work(house: House) -> None:
        shown = text_of(await (await house.signed_in()).get("/console/vendors"))
        assert "keeps data 30 days" in shown
        assert "does not learn from data" in shown
        assert "agreed: dpa" in shown
        assert "review overdue" in shown
        assert "unknown costs will be too" in shown

    in_a_house(
        work,
        limits=[],
        vendors={
            "acme": {
                "kind": "openai_compatible",
                "base_url": "http://127.0.0.1:1/v1",
                "terms": {"retention_days": 30, "trains": False, "agreements": ["dpa"], "next_review": "2026-01-01"},
            }
        },
        targets={"acme/small": {"vendor": "acme", "model": "small"}, "acme/large": {"vendor": "acme", "model": "large"}},
    )


def test_a_target_is_switched_off_with_a_reason_after_a_page_that_says_what_is_left() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        asked = await browser.get("/console/vendors/switch?kind=target&name=acme/small")
        assert "triage goes to acme/large" in text_of(asked)
        assert "quiet has no other target" in text_of(asked)
        empty = await send(browser, asked, "/console/vendors/switch", kind="target", name="acme/small", state="off", reason=" ")
        assert empty.status_code == 400
        done = await send(browser, asked, "/console/vendors/switch", kind="target", name="acme/small", state="off", reason="it lies")
        assert (done.status_code, done.headers["location"]) == (303, "/console/vendors")
        house.gateway.switches.look()
        shown = await browser.get("/console/vendors")
        assert "The target acme/small was switched off by operator: it lies" in text_of(shown)
        assert text_of(shown).count("switched off") == 2, "in words at the top, and where its state stands"
        asked = await browser.get("/console/vendors/switch?kind=target&name=acme/small")
        assert "it lies" in text_of(asked)
        assert (await send(browser, asked, "/console/vendors/switch", kind="target", name="acme/small", state="on")).status_code == 303
        house.gateway.switches.look()
        assert house.gateway.switches.off == ()

    in_a_house(work)


def test_a_switch_for_nothing_that_is_there_is_not_offered() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        assert (await browser.get("/console/vendors/switch?kind=target&name=gone")).status_code == 404
        asked = await browser.get("/console/vendors/switch?kind=capability&name=triage")
        assert "Every call to triage is refused" in text_of(asked)
        assert (await browser.get("/console/vendors/switch?kind=planet&name=mars")).status_code == 400
        assert (await send(browser, asked, "/console/vendors/switch", kind="capability", name="triage", state="sideways")).status_code == 400

    in_a_house(work)


# ── incidents ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_incident_is_opened_by_hand_told_on_and_closed() -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        where = await an_incident(browser, workflow="support", since="2026-01-30T00:00")
        shown = await browser.get(where)
        assert "workflow support" in text_of(shown)
        assert re.search(r"Not answered 1 of \d+ calls", text_of(shown))
        assert "schema model acme/small" in text_of(shown)
        assert f'href="/console/calls/{house.went_on.call_id}"' in shown.text
        assert (await send(browser, shown, f"{where}/note", says="It is the ladder.")).status_code == 303
        assert (await send(browser, shown, f"{where}/close", says="The ladder is back.")).status_code == 303
        closed = text_of(await browser.get(where))
        assert "It is the ladder." in closed
        assert "The ladder is back." in closed
        assert "Close it" not in closed
        assert (await send(browser, shown, f"{where}/close", says="again")).status_code == 404
        assert "closed" in text_of(await browser.get("/console/incidents"))

    in_a_house(work)


@pytest.mark.parametrize("form", [{"title": ""}, {"title": "x" * 501}, {"since": "yesterday"}])
def test_an_incident_needs_words_and_a_time_that_is_one(form: dict[str, str]) -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        listed = await browser.get("/console/incidents")
        assert (await send(browser, listed, "/console/incidents", **{"title": "wrong", **form})).status_code == 400

    in_a_house(work)


def test_an_incident_that_is_not_there_is_no_page_and_takes_no_note() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        listed = await browser.get("/console/incidents")
        assert (await browser.get("/console/incidents/gone")).status_code == 404
        assert (await send(browser, listed, "/console/incidents/gone/note", says="x")).status_code == 404

    in_a_house(work)


# ── the way back ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_going_back_shows_the_difference_does_exactly_that_and_tells_the_incident() -> None:
    async def work(house: House) -> None:
        was = path_of(house).read_text()
        old = put_on_record(house, NOW - 5 * HOUR)
        change(house, capabilities={"triage": {"ladder": ["acme/large"]}, "quiet": {"ladder": ["acme/small"]}})
        put_on_record(house, NOW - 2 * HOUR)
        browser = await house.signed_in()
        where = await an_incident(browser)
        assert "Roll back…" in text_of(await browser.get(where))
        asked = await browser.get(f"/console/rollback?incident={where.rpartition('/')[2]}")
        assert f"Go back to {old}" in text_of(asked)
        assert "ladder is acme/small → acme/large, and was acme/large" in text_of(asked)
        assert 'class="plus"' in asked.text
        form = dict(re.findall(r'name="(to|incident|expected)" value="([^"]*)"', asked.text))
        assert path_of(house).read_text() != was, "asking changes nothing"
        done = await send(browser, asked, "/console/rollback", **form)
        assert (done.status_code, done.headers["location"]) == (303, where)
        assert path_of(house).read_text() == was
        assert f"Rolled back to snapshot {old}" in text_of(await browser.get(where))

    in_a_house(work)


def test_an_earlier_snapshot_leads_to_its_way_back_and_the_one_in_force_does_not() -> None:
    async def work(house: House) -> None:
        old = put_on_record(house, NOW - 5 * HOUR)
        change(house, limits=[])
        new = put_on_record(house, NOW - 2 * HOUR)
        browser = await house.signed_in()
        assert f'href="/console/rollback?to={old}"' in (await browser.get(f"/console/settings/{old}")).text
        assert "/console/rollback" not in (await browser.get(f"/console/settings/{new}")).text
        asked = await browser.get(f"/console/rollback?to={old}")
        form = dict(re.findall(r'name="(to|incident|expected)" value="([^"]*)"', asked.text))
        assert (await send(browser, asked, "/console/rollback", **form)).headers["location"] == "/console/settings"
        assert "care-month" in path_of(house).read_text()

    in_a_house(work)


def test_what_was_confirmed_is_refused_once_something_else_would_be_done() -> None:
    async def work(house: House) -> None:
        put_on_record(house, NOW - 5 * HOUR)
        change(house, limits=[])
        put_on_record(house, NOW - 2 * HOUR)
        browser = await house.signed_in()
        asked = await browser.get("/console/rollback")
        now = path_of(house).read_text()
        stale = await send(browser, asked, "/console/rollback", expected=str(NOW - 9 * HOUR))
        assert (stale.status_code, "changed since you looked" in text_of(stale)) == (400, True)
        assert (await send(browser, asked, "/console/rollback", expected="")).status_code == 400
        assert path_of(house).read_text() == now

    in_a_house(work)


def test_there_is_no_way_back_to_what_is_not_on_record() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        assert (await browser.get("/console/rollback?to=ffffffff")).status_code == 404
        listed = await browser.get("/console/incidents")
        assert (await send(browser, listed, "/console/rollback", to="ffffffff", expected="1")).status_code == 404

    in_a_house(work)


def test_a_file_with_mistakes_is_put_on_record_and_what_is_in_force_comes_back() -> None:
    async def work(house: House) -> None:
        put_on_record(house, NOW - 2 * HOUR)
        was = path_of(house).read_text()
        path_of(house).write_text("capabilities: [")
        browser = await house.signed_in()
        asked = await browser.get("/console/rollback")
        form = dict(re.findall(r'name="(to|incident|expected)" value="([^"]*)"', asked.text))
        assert (await send(browser, asked, "/console/rollback", **form)).headers["location"] == "/console/settings"
        assert path_of(house).read_text() == was

    in_a_house(work)


# ── objectives ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_objective_is_told_in_words_with_what_is_left_and_those_that_burn_first() -> None:
    async def work(house: House) -> None:
        house.remember(
            [
                a_record(n, at_ms=NOW - n * 60_000, entries=(an_entry(0, error="timeout"),), status="exhausted", capability="triage", workflow="support")
                for n in range(30)
            ]
        )
        shown = text_of(await (await house.signed_in()).get("/console/objectives"))
        assert "support misses its objective answered : 14 of 14 in the last 14 minutes" in shown
        assert "99% of calls are answered over 7 days burning 0.00% 29 overspent by" in shown
        assert shown.index("answered support") < shown.index("quick support")

    objectives = {
        "quick": {"kind": "latency", "threshold_ms": 2000, "share": 0.9, "window": "7d"},
        "answered": {"kind": "success", "share": 0.99, "window": "7d"},
    }
    in_a_house(work, workflows={"support": {"capabilities": ["triage"], "objectives": objectives}})


def test_without_objectives_the_page_shows_how_to_write_one() -> None:
    async def work(house: House) -> None:
        assert "objectives: answered: {kind: success" in text_of(await (await house.signed_in()).get("/console/objectives"))

    in_a_house(work)


@pytest.mark.parametrize(
    ("kind", "threshold", "says"),
    [
        ("success", None, "99% of calls are answered over 7 days"),
        ("latency", 1500.0, "99% of calls are answered within 1.5 s over 7 days"),
        ("quality", 0.5, "99% of judged answers score 0.5 or more over 7 days"),
        ("escalation", None, "99% of calls need no stronger target and no person over 7 days"),
        ("cost_per_outcome", 2_500_000_000.0, "99% of outcomes cost up to $2.50 over 7 days"),
    ],
)
def test_each_kind_of_objective_reads_as_a_promise(kind: Any, threshold: float | None, says: str) -> None:
    assert promise(Objective(workflow="support", name="it", kind=kind, share=0.99, window_ms=7 * 24 * HOUR, threshold=threshold)) == says
