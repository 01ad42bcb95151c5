"""What the pages of money tell of a ledger whose figures are known: who bears it, why it changed, what is left, what was saved, and what if."""

import csv
import io
from contextlib import closing
from typing import Any

import pytest
from tests.console.house import DAY, HOUR, NOW, House, in_a_house, text_of
from tests.ledger.entries import a_record, an_entry

from pointsman.app.switches import ledger_of
from pointsman.console.pages.cost_budgets import tone
from pointsman.console.pages.cost_exports import months
from pointsman.console.pages.cost_outcomes import drivers
from pointsman.control.finops.budgets import Budget, Standing
from pointsman.control.finops.forecast import Expected
from pointsman.control.finops.span import month
from pointsman.core.place import Place
from pointsman.ledger.charges import licence_charges
from pointsman.settings.costs_shape import Licence
from pointsman.storage.open import open_writing

ALL = 20 * 24 * 2_000_000 + 42 * 9_000_000  # what the calls of the history cost, in nano-dollars
TABS = ("/console/cost", "/console/cost/outcomes", "/console/cost/budgets", "/console/cost/savings", "/console/cost/what-if", "/console/cost/exports")


def lines(file: Any) -> list[dict[str, str]]:
    assert file.headers["content-disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(file.text)))


def use_hardware(house: House) -> None:
    values = {"at": NOW - 2 * HOUR, "target": "acme/large"}
    with closing(open_writing(ledger_of(house.gateway.settings))) as db:
        db.execute(
            "INSERT INTO infra_cost (hour_ms, target, paid_s, paid_nano_usd, busy_s, busy_nano_usd) VALUES (:at, :target, 3600, 1000000000, 900, 250000000)",
            values,
        )


# ── without calls ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/console/cost", "pointsman ask"),
        ("/console/cost/outcomes", "pointsman ask triage"),
        ("/console/cost/budgets", "Nothing was spent against a budget in its period."),
        ("/console/cost/savings", "hardware: {hourly_usd"),
        ("/console/cost/what-if", "Choose a workflow first"),
        ("/console/cost/exports", "pointsman export focus"),
    ],
)
def test_an_empty_page_says_what_fills_it(path: str, says: str) -> None:
    async def work(house: House) -> None:
        assert says in text_of(await (await house.signed_in()).get(path))

    in_a_house(work)


def test_without_budgets_prices_and_workflows_each_page_says_what_to_write() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        assert "budget_usd: 500" in text_of(await browser.get("/console/cost/budgets"))
        assert "input_usd_per_million" in text_of(await browser.get("/console/cost/savings"))
        assert "No target has a price of tokens." in text_of(await browser.get("/console/cost/what-if"))

    in_a_house(work, limits=[], targets={name: {"vendor": "acme", "model": "any"} for name in ("acme/small", "acme/large")})


# ── who bears it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lines_add_up_to_everything_that_was_paid_and_nobody_bears_what_is_idle() -> None:
    async def work(house: House) -> None:
        house.history()
        use_hardware(house)
        shown = text_of(await (await house.signed_in()).get("/console/cost?by=team&span=30d"))
        assert "Everything together $10.09" in shown, "1.338 for calls, 8 for 8 hours of people, 0.75 for hardware"
        assert "nobody: idle hardware acme/large $0.75" in shown
        assert "care $9.34" in shown
        assert "Has a name 92.6%" in shown

    in_a_house(work, costs={"human_usd_per_hour": 1.1111111111})


def test_every_way_of_telling_apart_has_a_file_with_the_same_total() -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        totals = {}
        for by in ("team", "application", "workflow", "capability", "tenant", "place", "target", "tag"):
            page = await browser.get(f"/console/cost?by={by}&span=30d")
            assert page.status_code == 200
            rows = lines(await browser.get(f"/console/cost.csv?by={by}&span=30d"))
            assert rows[0]["by"] in {by, "tag project"}
            totals[by] = sum(int(row["total_nano_usd"]) for row in rows)
        assert set(totals.values()) == {ALL}, totals

    in_a_house(work, costs={"tags": ["project"]})


def test_a_tag_is_a_choice_only_where_costs_are_allocated_by_tags() -> None:
    async def work(house: House) -> None:
        house.history()
        page = await (await house.signed_in()).get("/console/cost?by=tag")
        assert ">tag<" not in page.text
        assert "Who bears it, by workflow" in text_of(page)

    in_a_house(work)


def test_a_booked_licence_stands_where_it_was_booked() -> None:
    async def work(house: House) -> None:
        house.history()
        told = list(licence_charges("seats", Licence(usd_per_month=31, workflow="support"), since_ms=NOW - 2 * DAY, until_ms=NOW - DAY))
        with closing(open_writing(ledger_of(house.gateway.settings))) as db:
            for one in told:
                db.execute(
                    "INSERT INTO charge (charge_id, at_ms, kind, tenant, workflow, unit, queue, seconds, nano_usd, source) "
                    "VALUES (:id, :at, 'licence', '', 'support', '', '', 0, :cost, 'licence:seats')",
                    {"id": one.charge_id, "at": one.at_ms, "cost": one.nano_usd},
                )
        browser = await house.signed_in()
        by_workflow = {row["name"]: row for row in lines(await browser.get("/console/cost.csv?by=workflow&span=7d"))}
        assert by_workflow["support"]["licence_nano_usd"] == str(2 * 10**9)
        by_team = text_of(await browser.get("/console/cost?by=team&span=7d"))
        assert "nobody: licence of seats $2.00" in by_team
        assert by_team.partition("Everything $")[2].split()[-1] == "$2.00"  # the last column of the last line is that of licences

    in_a_house(work)


def test_the_chart_shows_the_largest_three_and_the_rest_together_in_every_step() -> None:
    async def work(house: House) -> None:
        house.remember(
            [
                a_record(n, at_ms=NOW - n * HOUR, entries=(an_entry(0, cost=n * 1_000_000),), team=f"team-{n}", capability="triage", workflow="support")
                for n in range(1, 6)
            ]
        )
        page = await (await house.signed_in()).get("/console/cost?by=team&span=24h")
        table = page.text.partition('id="spent"')[2].partition("</table>")[0]
        assert [name for name in ("team-5", "team-4", "team-3", "team-2", "the rest") if f">{name}<" in table] == ["team-5", "team-4", "team-3", "the rest"]
        assert table.count("data-at=") == 24
        assert table.count('data-value="5000000"') == 1

    in_a_house(work)


def test_a_team_of_two_tenants_is_told_apart_with_its_tenant() -> None:
    async def work(house: House) -> None:
        pair = [a_record(n, at_ms=NOW - HOUR, entries=(an_entry(0, cost=1_000),), team="care", tenant=tenant) for n, tenant in enumerate(("one", "two"))]
        house.remember(pair)
        page = await (await house.signed_in()).get("/console/cost?by=team&span=24h")
        table = page.text.partition('id="spent"')[2].partition("</table>")[0]
        assert ">one/care<" in table
        assert ">two/care<" in table

    in_a_house(work)


# ── per useful outcome ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_change_of_a_useful_outcome_is_told_in_sentences_and_its_parts_add_up() -> None:
    async def work(house: House) -> None:
        house.history()
        page = await (await house.signed_in()).get("/console/cost/outcomes?span=7d")
        shown = text_of(page)
        assert "more than before." in shown
        assert "`" not in shown
        together = shown.partition("Together ")[2].partition(" ")[0]
        assert together == "+$0.0026", "escalations to the large target began in the last week"
        assert "`acme/large`" not in shown
        assert "acme/large" in shown.partition("What drove the change")[2]

    in_a_house(work)


def test_the_file_of_outcomes_has_a_line_for_all_and_one_for_each_owner() -> None:
    async def work(house: House) -> None:
        house.history()
        rows = lines(await (await house.signed_in()).get("/console/cost/outcomes.csv?workflow=support&by=application&span=30d"))
        assert rows[0]["name"] == "all"
        assert (rows[0]["items"], rows[0]["useful"], rows[0]["cost_nano_usd"]) == ("482", "384", str(ALL))

    in_a_house(work)


def test_reasons_are_ranked_by_how_much_they_moved_and_those_that_did_not_are_left_out() -> None:
    assert [(one.name, one.tone, one.share) for one in drivers({"price": -5, "volume": 0, "tokens per call": 20})] == [
        ("tokens per call", "bad", 1.0),
        ("price", "good", 0.25),
    ]
    assert drivers(None) == []


# ── budgets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_budget_is_told_with_its_forecast_and_what_there_is_to_say() -> None:
    async def work(house: House) -> None:
        house.history()
        shown = text_of(await (await house.signed_in()).get("/console/cost/budgets"))
        assert "care-month team care $1.34 $1.00 a month 134%" in shown
        assert "of default/care : $1.34 of $1.00 this month are spent or reserved (134%)." in shown

    in_a_house(work)


def test_a_budget_of_keys_is_told_from_what_was_counted_without_a_forecast() -> None:
    async def work(house: House) -> None:
        assert "not forecast" not in text_of(await (await house.signed_in()).get("/console/cost/budgets"))

    in_a_house(work, limits=[{"name": "each", "by": "key", "budget_usd": 1, "period": "month"}])


@pytest.mark.parametrize(("spent", "tells"), [(10, "accent"), (80, "warn"), (100, "bad")])
def test_a_budget_is_coloured_by_how_near_its_end_it_is(spent: int, tells: str) -> None:
    budget = Budget(name="month", by="team", nano_usd=100)
    assert tone(Standing(budget=budget, subject="default/care", period=month("2026-01"), spent_nano_usd=spent)) == tells


def test_a_budget_that_will_be_used_up_warns_before_it_is() -> None:
    ahead = Expected(nano_usd=120, low_nano_usd=90, high_nano_usd=150)
    standing = Standing(
        budget=Budget(name="month", by="team", nano_usd=100), subject="default/care", period=month("2026-01"), spent_nano_usd=10, forecast=ahead
    )
    assert tone(standing) == "warn"


# ── savings, idle ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_savings_are_told_against_the_chosen_baseline_with_what_is_assumed() -> None:
    async def work(house: House) -> None:
        house.history()
        use_hardware(house)
        browser = await house.signed_in()
        shown = text_of(await browser.get("/console/cost/savings?span=30d"))
        assert "Had acme/large answered all" in shown, "the dearest, where nothing else is told"
        assert "rules 1 " in shown
        assert "acme/large $1.00 $0.25 $0.75 75.0%" in shown
        assert "Choose a workflow above." in shown
        assert "Had acme/small answered all" in text_of(await browser.get("/console/cost/savings?span=30d&baseline=acme/small"))

    in_a_house(work)


def test_a_workflow_says_which_of_its_spending_a_cheaper_target_would_have_done_for() -> None:
    async def work(house: House) -> None:
        house.history()
        shown = text_of(await (await house.signed_in()).get("/console/cost/savings?span=30d&workflow=support")).partition("Stronger than needed")[2]
        assert "acme/small acme/large" in shown

    in_a_house(work)


# ── what if ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_price_changes_what_a_span_would_have_cost_in_proportion_and_stores_nothing() -> None:
    async def work(house: House) -> None:
        house.history()
        browser = await house.signed_in()
        same = text_of(await browser.get("/console/cost/what-if?ask=prices&span=30d&in.acme/small=1"))
        assert "It would have cost the same" in same
        half = text_of(await browser.get("/console/cost/what-if?ask=prices&span=30d&in.acme/large=5&out.acme/large=10"))
        assert "It would have cost $0.23 less" in half, "42 calls of $0.011, at half the price"

    in_a_house(work)


def test_another_ladder_tells_cost_and_success_with_how_sure_that_is() -> None:
    async def work(house: House) -> None:
        house.history()
        shown = text_of(await (await house.signed_in()).get("/console/cost/what-if?ask=ladder&span=30d&workflow=support&share.acme/small=100"))
        assert "A useful outcome would have cost" in shown
        assert "Calls at acme/small 91% 100%" in shown
        assert "(95%)" in shown

    in_a_house(work)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("ask=prices", "No price was told."),
        ("ask=prices&in.acme/small=cheap", "cheap is no amount."),
        ("ask=prices&in.acme/small=-1", "-1 is no amount."),
        ("ask=prices&in.acme/small=nan", "nan is no amount."),
        ("ask=ladder&workflow=support", "No share was told."),
        ("ask=ladder&share.acme/small=1", "No share was told."),
        ("ask=ladder&workflow=support&share.acme/small=1", "No model answered a call of support in the last 7 days."),
    ],
)
def test_a_question_that_cannot_be_reckoned_is_answered_with_what_is_missing(query: str, says: str) -> None:
    async def work(house: House) -> None:
        page = await (await house.signed_in()).get(f"/console/cost/what-if?{query}")
        assert page.status_code == 200
        assert says in text_of(page)

    in_a_house(work)


# ── exports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_month_is_given_in_focus_and_one_without_cost_is_refused() -> None:
    async def work(house: House) -> None:
        house.remember(
            [a_record(1, at_ms=NOW - HOUR, entries=(an_entry(0, cost=5_000_000, place=Place.CLOUD),), capability="triage", workflow="support", team="care")]
        )
        browser = await house.signed_in()
        rows = lines(await browser.get("/console/cost/focus.csv?month=2026-01"))
        assert sum(float(row["BilledCost"]) for row in rows) == pytest.approx(0.005)
        assert (await browser.get("/console/cost/focus.csv?month=2025-11")).status_code == 404
        assert (await browser.get("/console/cost/focus.csv?month=lately")).status_code == 400

    in_a_house(work)


def test_the_last_six_months_are_offered_this_one_first() -> None:
    assert months(NOW) == ["2026-01", "2025-12", "2025-11", "2025-10", "2025-09", "2025-08"]


def test_the_pages_of_cost_lead_to_each_other_and_keep_the_span() -> None:
    async def work(house: House) -> None:
        browser = await house.signed_in()
        for path in TABS:
            page = await browser.get(f"{path}?span=30d")
            assert all(f'href="{other}?span=30d"' in page.text for other in TABS), path

    in_a_house(work)
