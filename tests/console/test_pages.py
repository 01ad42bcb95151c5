"""What each page tells of a ledger whose figures are known, and what it tells of an empty one."""

import re
from contextlib import closing

import pytest
from tests.console.house import HOUR, NOW, House, csrf, in_a_house, text_of
from tests.ledger.entries import a_record, an_entry, an_outcome

from pointsman.app.facts import Prices, facts
from pointsman.app.switches import ledger_of
from pointsman.console.words import NONE
from pointsman.settings.load import load
from pointsman.storage.open import open_writing

EMPTY = {
    "/console/calls": "pointsman ask",
    "/console/workflows/support": "pointsman ask triage",
    "/console/keys": "figures are of the newest",
}


# ── without calls ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("path", "says"), EMPTY.items())
def test_an_empty_page_shows_the_command_that_fills_it(path: str, says: str) -> None:
    async def work(house: House) -> None:
        assert says in text_of(await (await house.signed_in()).get(path))

    in_a_house(work)


def test_the_first_page_of_a_gateway_without_calls_says_so() -> None:
    async def work(house: House) -> None:
        shown = text_of(await (await house.signed_in()).get("/console"))
        assert "No calls in the last 7 days." in shown
        assert f"Cost per useful outcome {NONE}" in shown

    in_a_house(work)


def test_a_gateway_without_limits_and_keys_is_told_how_to_make_them() -> None:
    async def work(house: House) -> None:
        shown = text_of(await (await house.signed_in()).get("/console/keys"))
        assert "pointsman keys create" in shown
        assert "budget_usd" in shown

    in_a_house(work, keys=None, limits=[])


# ── overview ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_page_tells_five_figures_against_the_span_before_and_what_changed() -> None:
    async def work(house: House) -> None:
        house.history()
        page = await (await house.signed_in()).get("/console")
        shown = text_of(page)
        assert page.text.count('class="label"') == 5
        # The span ends with the quarter of a day: 162 tickets since 24 January, 18:00, and two other calls, one of them refused.
        assert "Calls 164 " in shown
        assert "99.4% answered" in shown
        changed = shown.partition("What changed")[2].partition("Workflows")[0]
        assert re.search(r"support A useful ticket cost \$0.0053, 10\d% more than before \(\$0.0026\)", changed), changed
        assert "of calls ran in" not in changed, "they ran in the same place as before"
        assert "rules 1% cloud 99% none 1%" in shown

    in_a_house(work)


def test_the_chart_is_a_table_first_with_every_step_of_the_span() -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        for span, steps in (("24h", 24), ("7d", 28), ("30d", 30), ("90d", 90)):
            page = await browser.get(f"/console?span={span}")
            table = page.text.partition('id="cost"')[2].partition("</table>")[0]
            assert table.count("data-at=") == steps, span
        cost = sum(int(value) for value in re.findall(r'data-at="\d+">[^<]*</th><td data-value="(\d+)"', table))
        assert cost == 480 * 2_000_000 + 42 * 9_000_000

    in_a_house(work)


# ── workflow ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workflow_is_told_from_its_first_calls_to_its_outcomes_and_what_they_cost() -> None:
    async def work(house: House) -> None:
        house.history()
        page = await (await house.signed_in()).get("/console/workflows/support?span=30d")
        shown = text_of(page)
        assert "care@example.com answers for it" in shown
        assert re.search(r"tickets opened 482 calls, 481 answered 482 100.0%", shown)
        assert re.search(r"an outcome was told of \d+% the window has passed 432 89.6%", shown)
        assert re.search(r"useful 0 successes taken back 384 79.7%", shown)
        assert "Calls answered by cloud" in shown
        assert "People's minutes" in shown
        assert "schema model acme/small 42" in shown, "what fails"
        assert f'href="/console/calls/{house.went_on.call_id}"' in page.text, "with an example"

    in_a_house(work, costs={"human_usd_per_hour": 60})


def test_a_workflow_that_nobody_configured_is_shown_while_its_calls_are_on_record() -> None:
    async def work(house: House) -> None:
        house.remember([a_record(1, at_ms=NOW - HOUR, capability="gone", workflow="gone")])
        browser = await house.signed_in()
        assert "no longer configured" in text_of(await browser.get("/console/workflows/gone"))
        assert "no longer configured" in text_of(await browser.get("/console/workflows"))

    in_a_house(work)


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def listed(browser: object, path: str) -> list[str]:
    page = await browser.get(path)  # type: ignore[attr-defined]
    assert page.status_code == 200, page.text
    return re.findall(r'<th scope="row" class="nowrap"><a href="/console/calls/([^"]+)"', page.text)


def test_every_call_of_a_span_is_on_exactly_one_page() -> None:
    async def work(house: House) -> None:
        house.history()
        browser, path, seen = await house.signed_in(), "/console/calls?span=30d", []
        for _ in range(30):
            found = await listed(browser, path)
            seen += found
            if len(found) < 50:
                break
            path = f"/console/calls?span=30d&before={found[-1]}"
        assert len(seen) == len(set(seen)) == 482
        assert seen == sorted(seen, reverse=True)

    in_a_house(work)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("workflow=support", 50),
        ("target=acme/large&span=30d", 42),
        ("status=not answered", 1),
        ("status=no_place_allowed", 1),
        ("place=rules", 1),
        ("place=cloud&team=care&capability=triage", 50),
        ("key=nobody", 0),
        ("until=2026-01-24T12:00&span=90d&target=acme/large", 0),
        ("span=24h&team=care", 23),
    ],
)
def test_filters_leave_what_fits(asked: str, count: int) -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        assert len(await listed(browser, f"/console/calls?{asked}")) == count
        if count == 0:
            assert "No call fits" in text_of(await browser.get(f"/console/calls?{asked}"))

    in_a_house(work)


def test_a_time_that_is_none_is_refused_with_an_example() -> None:
    async def work(house: House) -> None:
        got = await (await house.signed_in()).get("/console/calls?until=yesterday")
        assert (got.status_code, "2026-01-31T14:30" in text_of(got)) == (400, True)

    in_a_house(work)


def test_what_is_rare_is_looked_for_a_bounded_way_back_and_one_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(house: House) -> None:
        monkeypatch.setattr("pointsman.console.pages.calls._SCAN", 100)
        house.history()
        browser = await house.signed_in()
        page = await browser.get("/console/calls?span=30d&status=cancelled")
        assert "The newest 100 calls were looked through." in text_of(page)
        further = page.text.partition("before=")[2].partition('"')[0].partition("&")[0]
        assert len(await listed(browser, f"/console/calls?span=30d&before={further}")) == 50

    in_a_house(work)


# ── one call ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_tells_its_decision_first_in_sentences() -> None:
    async def work(house: House) -> None:
        house.history()
        shown = text_of(await (await house.signed_in()).get(f"/console/calls/{house.went_on.call_id}"))
        for says in (
            "Ran on acme/large (cloud), because it comes after acme/small in the ladder.",
            "acme/small was tried first and answered, but the answer did not fit the schema, after 300 ms, so the next was asked.",
            "It went a tier up: the answer of acme/small was not good enough.",
            "The data counted as internal ; found in it: 1 email.",
            "It took 1.2 s and cost $0.011 in 2 attempts.",
        ):
            assert says in shown, shown
        assert shown.index("Ran on acme/large") < shown.index("Attempts")

    in_a_house(work)


def test_a_call_that_was_refused_tells_what_closed_every_target() -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        shown = text_of(await browser.get(f"/console/calls/{house.refused.call_id}"))
        assert "The policy closes every target for this data, so nothing was sent." in shown
        assert "acme/small was closed by the policy for restricted data." in shown
        assert "Nothing was tried: the call was refused before." in shown
        assert "Answered by a rule" in text_of(await browser.get(f"/console/calls/{house.ruled.call_id}"))

    in_a_house(work)


# ── one unit ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_shows_its_calls_what_was_told_and_what_it_cost_with_peoples_minutes() -> None:
    async def work(house: House) -> None:
        house.history()
        house.remember(outcomes=[an_outcome("ticket-0478", "late", workflow="support", kind="reopened", success=False, reversed=True, at_ms=NOW)])
        shown = text_of(await (await house.signed_in()).get("/console/units/support/ticket-0478"))
        assert "Cost in all $1.00" in shown, "a minute of a person at 60 dollars an hour, and 2 thousandths for the call"
        assert "reversed reopened" in shown
        assert "taken back" in shown
        assert "human" in shown
        assert "acme/small" in shown

    in_a_house(work, costs={"human_usd_per_hour": 60})


def test_a_unit_with_a_slash_in_its_name_is_found_and_an_unknown_one_is_not() -> None:
    async def work(house: House) -> None:
        house.remember([a_record(1, at_ms=NOW - HOUR, capability="triage", workflow="support", unit="2026/4711", entries=(an_entry(cost=None),))])
        browser = await house.signed_in()
        shown = text_of(await browser.get("/console/units/support/2026%2F4711?tenant=default"))
        assert "1 call of unknown cost" in shown
        assert "No outcome yet" in shown
        assert (await browser.get("/console/units/support/4711")).status_code == 404

    in_a_house(work)


# ── explain ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"capability": "triage", "text": "Where is my parcel?"}, "It would be answered by acme/small"),
        ({"text": '{"model": "triage", "messages": [{"role": "user", "content": "Hello"}]}'}, "It would be answered by acme/small"),
        ({"capability": "triage", "protocol": "anthropic", "text": "Hello"}, "It would be answered by acme/small"),
        ({"capability": "triage", "data_class": "restricted", "text": "Hello"}, "It would be refused"),
    ],
)
def test_what_is_pasted_is_explained_with_every_candidate_and_nothing_is_recorded(form: dict[str, str], says: str) -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        page = await browser.post("/console/explain", data={**form, "csrf": csrf(await browser.get("/console/explain"))})
        shown = text_of(page)
        assert page.status_code == 200
        assert says in shown
        assert "acme/large" in shown.partition("Every candidate")[2]
        assert await listed(browser, "/console/calls") == []

    in_a_house(work)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"text": "{nonsense"}, "begins like a request, but is no JSON"),
        ({"text": "Hello"}, "There is no capability"),
        ({"capability": "triage", "text": "Hello", "key": "nobody"}, "There is no key nobody"),
        ({"capability": "triage", "text": "Hello", "data_class": "nonsense"}, "There is no data class nonsense"),
    ],
)
def test_what_cannot_be_explained_stays_in_the_form_beside_the_reason(form: dict[str, str], says: str) -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        page = await browser.post("/console/explain", data={**form, "csrf": csrf(await browser.get("/console/explain"))})
        assert (page.status_code, says in text_of(page)) == (400, True), text_of(page)
        assert f">{form['text']}</textarea>" in page.text

    in_a_house(work)


# ── keys and settings ───────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_shown_with_what_they_did_and_without_any_secret() -> None:
    async def work(house: House) -> None:
        house.history()
        page = await (await house.signed_in()).get("/console/keys")
        shown = text_of(page)
        assert "web" in shown
        assert "care-month" in shown
        assert "(134%)" in shown, "1.338 of one dollar"
        digests = [digest.sha256 for key in house.gateway.stages.snapshot.keys for digest in key.digests]
        assert digests
        assert not any(digest in page.text for digest in digests)

    in_a_house(work)


def test_an_expired_key_is_marked() -> None:
    async def work(house: House) -> None:
        assert "old expired" in text_of(await (await house.signed_in()).get("/console/keys"))

    keys = {"old": {"sha256": "0" * 64, "expires": "2026-01-01T00:00:00Z"}, "none": {"sha256": "1" * 64}}
    in_a_house(work, keys=keys, limits=[])


def test_settings_list_the_snapshots_and_tell_what_each_changed() -> None:
    async def work(house: House) -> None:
        path = house.gateway.settings.folder / "pointsman.yaml"
        path.write_text(path.read_text().replace("care@example.com", "help@example.com"))
        before = house.gateway.stages.snapshot.digest
        assert house.gateway.reload(load(path, facts(Prices(house.gateway.clock.wall_ms))))
        house.gateway.ledger.flush()
        after = house.gateway.stages.snapshot.digest
        browser = await house.signed_in()
        shown = text_of(await browser.get("/console/settings"))
        assert after in shown
        told = await browser.get(f"/console/settings/{after}")
        assert told.status_code == 200
        assert before != after
        assert "The workflow support : owner is help@example.com, and was care@example.com" in text_of(told), text_of(told)
        assert (await browser.get("/console/settings/ffffffff")).status_code == 404

    in_a_house(work)


def test_a_snapshot_whose_predecessor_is_no_longer_on_record_says_so_and_the_first_has_none() -> None:
    async def work(house: House) -> None:
        with closing(open_writing(ledger_of(house.gateway.settings))) as db:
            for digest, parent in (("aaaaaaaa", None), ("bbbbbbbb", "cccccccc")):
                values = {"digest": digest, "since": NOW - HOUR, "parent": parent}
                db.execute("INSERT INTO snapshot (digest, since_ms, parent, author, files) VALUES (:digest, :since, :parent, 'ann', '{}')", values)
        browser = await house.signed_in()
        assert "It is the first on record" in text_of(await browser.get("/console/settings/aaaaaaaa"))
        assert "no longer on record" in text_of(await browser.get(f"/console/settings/bbbbbbbb?since={NOW - HOUR}"))

    in_a_house(work)
