"""Series, funnels, waterfalls, failure patterns and snapshots against figures computed by hand, on both databases."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import HOUR_MS, START_MS, a_charge, a_record, an_entry, an_outcome
from tests.ledger.memory import a_ledger
from tests.storage.databases import each_database, each_place

from pointsman.core.entry import CallRecord
from pointsman.core.place import Place
from pointsman.ledger.metrics import Coverage, Money, Slice, failure_patterns, funnel, improvement, series, waterfall
from pointsman.ledger.metrics_owners import Tagged, by_owner, by_tag, known_workflows
from pointsman.ledger.slices import DAY_MS
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch, Dimension
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

USD = 10**9
WORKFLOWS = {
    "support": Workflow(name="support", capabilities=("support",), human_hourly_nano_usd=36 * USD),
    "leads": Workflow(name="leads", capabilities=("leads",), window_ms=DAY_MS, complete_ms=DAY_MS),
}
DAY = Slice(since_ms=START_MS, until_ms=START_MS + DAY_MS)
WEEK_LATER = START_MS + 8 * DAY_MS


def a_call(number: int, unit: str, *, cost: int | None = USD, workflow: str = "support", **more: Any) -> CallRecord:
    entries = more.pop("entries", (an_entry(cost=cost),))
    return a_record(number, unit=unit, workflow=workflow, capability=workflow, entries=entries, **more)


def keep(db: Database, **told: Any) -> None:
    write_batch(db, Batch(**told), workflows=WORKFLOWS)


# ── series ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_series_has_a_point_for_each_hour_or_day_in_which_something_happened(each_database: Database) -> None:
    calls = [a_call(1, "A"), a_call(2, "B", cost=3 * USD, at_ms=START_MS + HOUR_MS), a_call(3, "C", cost=None, at_ms=START_MS + DAY_MS)]
    keep(each_database, records=calls, outcomes=[an_outcome("B", "1", human_s=100.0, at_ms=START_MS + HOUR_MS)])
    two_days = Slice(since_ms=START_MS, until_ms=START_MS + DAY_MS + 1, workflow="support")

    hours = series(each_database, two_days, step="hour", now_ms=START_MS + 8 * DAY_MS, workflows=WORKFLOWS)
    days = series(each_database, two_days, step="day", now_ms=START_MS + 8 * DAY_MS, workflows=WORKFLOWS)

    assert [((one.at_ms - START_MS) // HOUR_MS, one.calls, one.units, one.useful, one.cost_unknown) for one in hours] == [
        (0, 1, 1, 0, 0),
        (1, 1, 1, 1, 0),
        (24, 1, 1, 0, 1),
    ]
    assert hours[1].money == Money(api=3 * USD, human=USD)
    assert [((one.at_ms - START_MS) // DAY_MS, one.calls, one.useful, one.is_mature) for one in days] == [(0, 2, 1, True), (1, 1, 0, False)]
    assert (days[0].worth.loaded_nano_usd, days[1].worth.coverage) == (5 * USD, Coverage.UNKNOWN)
    assert days[0].mean_ms == 120.0


def test_days_of_a_series_are_not_cut(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A"), a_call(2, "B", at_ms=START_MS + 12 * HOUR_MS)])
    noon = Slice(since_ms=START_MS + 12 * HOUR_MS, until_ms=START_MS + 13 * HOUR_MS)
    (day,) = series(each_database, noon, step="day", now_ms=WEEK_LATER, workflows=WORKFLOWS)
    assert (day.at_ms, day.calls, day.units) == (START_MS, 2, 2)


# ── funnel and waterfall ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_funnel_narrows_from_opened_to_useful(each_database: Database) -> None:
    calls = [a_call(1, "A"), a_call(2, "B"), a_call(3, "C", status="timeout_total"), a_call(4, "D"), a_call(5, "A")]
    told = [an_outcome("A", "1"), an_outcome("B", "2", success=False), an_outcome("D", "3"), an_outcome("D", "4", reversed=True, at_ms=START_MS + 1)]
    keep(each_database, records=calls, outcomes=told)

    found = funnel(each_database, DAY, now_ms=WEEK_LATER, workflows=WORKFLOWS)

    assert (found.calls, found.answered, found.opened, found.matured, found.told, found.useful, found.reversed) == (5, 4, 4, 4, 3, 1, 1)


def test_a_waterfall_is_what_each_place_people_and_licences_put_into_a_useful_outcome(each_database: Database) -> None:
    """
    Cloud $6 of which a judge $1; private $2; people 100 s = $1; licences $4; two useful units, of which one had a call for $0.5 on the day after.
    All: 6 + 2 + 1 + 4 + 0.5 = $13.5, that is $6.75 each.
    """
    judged = (an_entry(0, cost=5 * USD), an_entry(1, cost=USD, kind="judge"))
    private = (an_entry(0, cost=2 * USD, price_id="hardware", place=Place.PRIVATE, target="own/small"),)
    by_rule = (an_entry(0, cost=0, place=Place.RULES, target="table", kind="rule"),)
    calls = [
        a_call(1, "A", entries=judged),
        a_call(2, "B", entries=private),
        a_call(3, "C", entries=by_rule),
        a_call(4, "A", cost=USD // 2, at_ms=START_MS + DAY_MS),
    ]
    keep(
        each_database,
        records=calls,
        outcomes=[an_outcome("A", "1"), an_outcome("B", "2", human_s=100.0)],
        charges=[a_charge("l", 4 * USD, kind="licence", tenant="")],
    )

    found = waterfall(each_database, DAY, now_ms=WEEK_LATER, workflows=WORKFLOWS)

    assert {part.name: part.nano_usd for part in found.parts} == {
        "cloud": 5 * USD,
        "private": 2 * USD,
        "overhead": USD,
        "human": USD,
        "licences": 4 * USD,
        "other_spans": USD // 2,
    }
    assert {part.name: part.each_nano_usd for part in found.parts}["cloud"] == 2.5 * USD
    assert (found.nano_usd, found.useful, found.units, found.is_provisional) == (13 * USD + USD // 2, 2, 3, False)


def test_a_waterfall_before_anything_is_mature_says_that_it_is_provisional(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A"), a_call(2, "B", cost=None)])
    found = waterfall(each_database, DAY, now_ms=START_MS + HOUR_MS, workflows=WORKFLOWS)
    assert (found.is_provisional, found.useful, found.coverage) == (True, 0, Coverage.PARTIAL)
    assert [(part.name, part.each_nano_usd) for part in found.parts] == [("cloud", None)]


@settings(max_examples=15, deadline=None)
@given(costs=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10**10), st.booleans()), min_size=1, max_size=12))
def test_the_parts_of_a_waterfall_add_up_to_the_nano_dollar(costs: list[tuple[int, int, bool]]) -> None:
    """Whatever is spent on which unit, inside the span or outside of it."""
    with a_ledger() as db:
        calls = [a_call(n, f"u{unit}", cost=cost, at_ms=START_MS + later * DAY_MS) for n, (unit, cost, later) in enumerate(costs)]
        keep(db, records=calls, outcomes=[an_outcome("u1", "1", human_s=3.0)])
        found = waterfall(db, DAY, now_ms=WEEK_LATER + DAY_MS, workflows=WORKFLOWS)
        opened = {f"u{unit}" for unit, _, later in costs if not later}
        spent = sum(cost for unit, cost, _ in costs if f"u{unit}" in opened)
        assert found.nano_usd == spent + (3 * USD // 100 if "u1" in opened else 0)


# ── failure patterns ────────────────────────────────────────────────────────────────────────────────────────────────


def test_failures_are_ranked_by_how_many_more_there_are_than_elsewhere(each_database: Database) -> None:
    """
    Support at acme/small: 8 answers and 4 time-outs, 12 attempts. Leads at acme/small: 19 answers and 1 time-out, 20 attempts.
    At the rate of leads (1 / 20) there would be 0.6 time-outs in support: an excess of 3.4.
    Lift with half a failure on both sides: (4.5 / 12.5) / (1.5 / 20.5) = 4.92; log interval 1.96 × √(1/4.5 − 1/12.5 + 1/1.5 − 1/20.5) = 1.709.
    """
    failed = (an_entry(error="timeout_total"),)
    calls = [a_call(n, f"s{n}", entries=failed, status="timeout_total", snapshot="bad") for n in range(4)]
    calls += [a_call(10 + n, f"t{n}") for n in range(8)] + [a_call(30 + n, f"l{n}", workflow="leads") for n in range(19)]
    calls += [a_call(60, "x", workflow="leads", entries=failed, status="timeout_total")]
    keep(each_database, records=calls)

    first, second = failure_patterns(each_database, DAY)

    assert (first.workflow, first.target, first.kind, first.error) == ("support", "acme/small", "model", "timeout_total")
    assert (first.failed, first.attempts, first.rate, first.first_snapshot) == (4, 12, pytest.approx(1 / 3), "bad")
    assert first.excess == pytest.approx(3.4)
    assert first.lift == pytest.approx(4.92)
    assert [first.lo, first.hi] == pytest.approx([4.92 / math.exp(1.709), 4.92 * math.exp(1.709)], rel=1e-3)
    assert first.examples == tuple(call.call_id for call in reversed(calls[1:4]))  # the newest three
    assert second.workflow == "leads"
    assert second.excess < 0
    assert [one.workflow for one in failure_patterns(each_database, Slice(since_ms=DAY.since_ms, until_ms=DAY.until_ms, workflow="leads"))] == ["leads"]


def test_a_failure_with_nothing_to_compare_has_no_lift(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A", entries=(an_entry(error="overloaded"),), status="overloaded")])
    (only,) = failure_patterns(each_database, DAY)
    assert (only.lift, only.lo, only.hi, only.excess, only.rate) == (None, None, None, 1.0, 1.0)


def test_of_a_long_span_the_failures_of_its_last_thirty_days_are_looked_at(each_database: Database) -> None:
    failed = (an_entry(error="overloaded"),)
    keep(each_database, records=[a_call(1, "A", entries=failed), a_call(2, "B", entries=failed, at_ms=START_MS + 40 * DAY_MS)])
    (only,) = failure_patterns(each_database, Slice(since_ms=START_MS, until_ms=START_MS + 41 * DAY_MS))
    assert (only.failed, only.first_ms) == (1, START_MS + 40 * DAY_MS)


def test_a_failure_that_goes_on_names_the_snapshot_that_met_it_first(each_database: Database) -> None:
    failed = (an_entry(error="overloaded"),)
    calls = [a_call(1, "A", entries=failed, snapshot="later", at_ms=START_MS + 2 * HOUR_MS), a_call(2, "B", entries=failed, snapshot="sooner")]
    keep(each_database, records=calls)
    (only,) = failure_patterns(each_database, DAY)
    assert (only.failed, only.first_snapshot, only.first_ms, only.last_ms) == (2, "sooner", START_MS, START_MS + 2 * HOUR_MS)
    assert only.examples == (calls[0].call_id,)


# ── improvement ─────────────────────────────────────────────────────────────────────────────────────────────────────


def a_snapshot(digest: str, since_ms: int) -> Dimension:
    row = {"digest": digest, "since_ms": since_ms, "parent": None, "author": "ann", "files": "{}"}
    return Dimension(table="snapshot", row=tuple(row.items()))


def test_what_a_snapshot_was_predicted_to_do_stands_beside_what_it_did(each_database: Database) -> None:
    """Under `one` two of four tickets were useful, under `two` three of four: 25 points more, where 20 were predicted."""
    calls = [a_call(n, f"a{n}", snapshot="one") for n in range(4)]
    calls += [a_call(10 + n, f"b{n}", snapshot="two", cost=2 * USD, at_ms=START_MS + 2 * HOUR_MS) for n in range(4)]
    told = [an_outcome(name, name, at_ms=START_MS + 3 * HOUR_MS) for name in ("a0", "a1", "b0", "b1", "b2")]
    keep(each_database, records=calls, outcomes=told, dimensions=[a_snapshot("one", START_MS - DAY_MS), a_snapshot("two", START_MS + 2 * HOUR_MS)])
    each_database.execute(
        "INSERT INTO release (release_id, workflow, snapshot, stage, at_ms, predicted_effect, evidence) VALUES ('r', 'support', 'two', 'full', 0, 0.2, '')"
    )

    one, two = improvement(each_database, DAY, now_ms=WEEK_LATER, workflows=WORKFLOWS)

    assert (one.snapshot, one.calls, one.useful_rate, one.realised_effect, one.predicted_effect) == ("one", 4, 0.5, None, None)
    assert (two.snapshot, two.useful_rate, two.predicted_effect, two.realised_of) == ("two", 0.75, 0.2, "useful")
    assert two.realised_effect == pytest.approx(0.25)
    assert (one.cost_per_call_nano_usd, two.cost_per_call_nano_usd) == (USD, 2 * USD)
    assert (one.worth_nano_usd, two.worth_nano_usd) == (2 * USD, pytest.approx(8 * USD / 3))
    assert (two.author, two.since_ms) == ("ann", START_MS + 2 * HOUR_MS)


def test_without_outcomes_a_snapshot_is_held_against_the_rate_of_answered_calls(each_database: Database) -> None:
    calls = [a_call(1, "A", snapshot="one"), a_call(2, "B", snapshot="one", status="overloaded"), a_call(3, "C", snapshot="two", cost=None)]
    keep(each_database, records=calls, dimensions=[a_snapshot("one", START_MS - DAY_MS), a_snapshot("two", START_MS + DAY_MS - 1)])

    one, two = improvement(each_database, DAY, now_ms=WEEK_LATER, workflows=WORKFLOWS)

    assert (one.answered_rate, two.answered_rate, two.realised_effect, two.realised_of) == (0.5, 1.0, 0.5, "answered")
    assert (two.units, two.useful_rate, two.cost_per_call_nano_usd) == (0, None, None)  # it was never alone in force for a whole hour


def test_a_snapshot_that_nobody_noted_is_still_told(each_database: Database) -> None:
    keep(each_database, records=[a_call(1, "A", snapshot="lost")])
    (lost,) = improvement(each_database, DAY, now_ms=WEEK_LATER, workflows=WORKFLOWS)
    assert (lost.snapshot, lost.since_ms, lost.author, lost.units) == ("lost", None, "", 0)


# ── owners ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_units_are_told_by_team_application_and_tenant(each_database: Database) -> None:
    calls = [a_call(1, "A", team="blue"), a_call(2, "B", team="blue", application="web"), a_call(3, "C", cost=5 * USD)]
    keep(each_database, records=calls, outcomes=[an_outcome("A", "1"), an_outcome("C", "2")])

    teams = by_owner(each_database, DAY, by="team", now_ms=WEEK_LATER, workflows=WORKFLOWS)

    assert [(one.name, one.calls, one.units.units, one.worth.loaded_nano_usd) for one in teams] == [("", 1, 1, 5 * USD), ("blue", 2, 2, 2 * USD)]
    assert [one.name for one in by_owner(each_database, DAY, by="application", now_ms=WEEK_LATER, workflows=WORKFLOWS)] == ["", "web"]
    (tenant,) = by_owner(each_database, DAY, by="tenant", now_ms=START_MS, workflows=WORKFLOWS)
    assert (tenant.name, tenant.units.matured, tenant.worth.loaded_nano_usd, tenant.provisional.loaded_nano_usd) == ("default", 0, None, round(3.5 * USD))


def test_calls_are_told_by_tag_and_only_those_that_have_it(each_database: Database) -> None:
    calls = [a_call(1, "A", tags={"project": "apollo", "feature": "search"}), a_call(2, "B", tags={"project": "apollo"}, cost=None), a_call(3, "C")]
    keep(each_database, records=calls)

    found = by_tag(each_database, DAY)

    assert found == [
        Tagged(workflow="support", tag="feature", value="search", calls=1, cost_nano_usd=USD, cost_unknown=0),
        Tagged(workflow="support", tag="project", value="apollo", calls=2, cost_nano_usd=USD, cost_unknown=1),
    ]
    assert found[1].coverage is Coverage.PARTIAL


def test_the_ledger_knows_its_workflows_as_they_were_last_in_force(each_database: Database) -> None:
    def row(since_ms: int, window_ms: int) -> Dimension:
        whole: dict[str, object] = {"name": "support", "since_ms": since_ms, "owner": "ann", "unit_name": "ticket", "window_ms": window_ms}
        return Dimension(table="workflow", row=tuple({**whole, "complete_ms": 1, "value_nano_usd": None, "human_hourly_nano_usd": 2}.items()))

    keep(each_database, dimensions=[row(1, 10)])
    keep(each_database, dimensions=[row(2, 20)])
    assert known_workflows(each_database) == {
        "support": Workflow(name="support", capabilities=(), owner="ann", unit="ticket", window_ms=20, complete_ms=1, human_hourly_nano_usd=2)
    }
