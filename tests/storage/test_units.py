"""
Units against a model that knows the whole history and computes each unit from nothing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.ledger.entries import HOUR_MS, START_MS, a_charge, a_record, a_review, a_score, an_entry, an_outcome
from tests.storage.databases import each_database, each_place, postgres_place
from tests.storage.sums import check_roll_ups

from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.place import Place
from pointsman.ledger.balance import balance, balance_of_sums
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch, Charge
from pointsman.storage.database import migrate, migrations
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database, SqliteDatabase

__all__ = ["each_database", "each_place"]

USD = 1_000_000_000
WORKFLOWS = {
    "support": Workflow(
        name="support",
        capabilities=("answer", "triage"),
        useful=frozenset({"resolved"}),
        window_ms=10 * HOUR_MS,
        complete_ms=2 * HOUR_MS,
        value_nano_usd=5 * USD,
        human_hourly_nano_usd=36 * USD,
    ),
    "sales": Workflow(name="sales", capabilities=("sales",)),
}
TICKET = "ticket-1"


def in_memory() -> SqliteDatabase:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, migrations())
    return SqliteDatabase(connection)


def write(db: Database, *records: CallRecord, **more: Any) -> None:
    write_batch(db, Batch(records=records, **more), workflows=WORKFLOWS)


def a_call(number: int = 0, *, unit: str = TICKET, workflow: str = "support", **more: Any) -> CallRecord:
    return a_record(number, unit=unit, workflow=workflow, **more)


def the_unit(db: Database, unit: str = TICKET, workflow: str = "support") -> dict[str, Any]:
    found = db.rows("SELECT * FROM unit WHERE unit = :unit AND workflow = :workflow", {"unit": unit, "workflow": workflow})
    assert len(found) == 1
    return dict(found[0])


def state(db: Database, unit: str = TICKET, workflow: str = "support") -> str:
    return the_unit(db, unit, workflow)["state"]


def balanced(db: Database) -> bool:
    check_roll_ups(db)
    rows, sums = balance(db), balance_of_sums(db)
    return rows.difference == sums.difference == 0 and sums.units == rows.units


def test_a_unit_is_what_its_calls_cost_and_how_they_went(each_database: Database) -> None:
    write(
        each_database,
        a_call(
            1,
            entries=(
                an_entry(0, cost=100, target="own/small", place=Place.PRIVATE, price_id="hardware", error="schema"),
                an_entry(1, cost=700),
                an_entry(2, cost=30, target="judge", kind="judge"),
                an_entry(3, cost=None, target="other", shadow=True),
            ),
            team="care",
            application="desk",
            tags={"project": "apollo"},
        ),
        a_call(2, at_ms=START_MS + HOUR_MS, entries=(an_entry(0, cost=5, target="desk", place=Place.PEOPLE, kind="person"),), team="other"),
    )
    found = the_unit(each_database)
    assert (found["opened_ms"], found["last_ms"], found["calls"]) == (START_MS, START_MS + HOUR_MS, 2)
    assert (found["team"], found["application"], found["tags"]) == ("care", "desk", '{"project":"apollo"}')
    assert (found["cost_nano_usd"], found["cost_unknown"], found["hardware_nano_usd"], found["overhead_nano_usd"]) == (835, 1, 100, 30)
    assert (found["escalations"], found["to_person"], found["state"]) == (1, 1, "open")
    assert balanced(each_database)
    call = each_database.rows("SELECT target, escalated_from, cost_nano_usd FROM call ORDER BY call_id")
    assert [tuple(row.values()) for row in call] == [("acme/small", "own/small", None), ("desk", None, 5)]


def test_a_call_that_began_earlier_and_ends_later_opens_its_unit(each_database: Database) -> None:
    write(each_database, a_call(1, at_ms=START_MS + HOUR_MS, team="late"))
    write(each_database, a_call(2, at_ms=START_MS, team="early", tags={"a": "b"}))
    found = the_unit(each_database)
    assert (found["opened_ms"], found["last_ms"], found["team"], found["tags"]) == (START_MS, START_MS + HOUR_MS, "early", '{"a":"b"}')
    assert balanced(each_database)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([an_outcome()], ("useful", "resolved", 5 * USD, 1)),
        ([an_outcome(value_nano_usd=7)], ("useful", "resolved", 7, 1)),
        ([an_outcome(kind="closed")], ("failed", "closed", None, 1)),  # the workflow says what is useful, not the outcome
        ([an_outcome(at_ms=START_MS + 3 * HOUR_MS)], ("useful", "resolved", 5 * USD, 0)),
        ([an_outcome(at_ms=START_MS + 10 * HOUR_MS)], ("useful", "resolved", 5 * USD, 0)),
        ([an_outcome(at_ms=START_MS + 10 * HOUR_MS + 1)], ("open", None, None, 0)),
        ([an_outcome(at_ms=START_MS - HOUR_MS)], ("useful", "resolved", 5 * USD, 1)),  # clocks differ
        ([an_outcome(), an_outcome(outcome_id="o-2", kind="reopened", at_ms=START_MS + 1)], ("failed", "reopened", None, 1)),
        ([an_outcome(outcome_id="o-2", kind="reopened", at_ms=START_MS + 1), an_outcome()], ("failed", "reopened", None, 1)),
        ([an_outcome(), an_outcome(outcome_id="o-2", kind="rejected")], ("failed", "rejected", None, 1)),  # at the same time: the last that arrived
        ([an_outcome(kind="closed"), an_outcome(outcome_id="o-2", at_ms=START_MS - 1, supersedes="o-1")], ("useful", "resolved", 5 * USD, 1)),
        ([an_outcome(outcome_id="o-2", at_ms=START_MS - 1, supersedes="o-1"), an_outcome(kind="closed")], ("useful", "resolved", 5 * USD, 1)),
        ([an_outcome(), an_outcome(outcome_id="o-2", at_ms=START_MS + 11 * HOUR_MS, kind="x", supersedes="o-1")], ("useful", "resolved", 5 * USD, 1)),
        ([an_outcome(), an_outcome(outcome_id="o-2", at_ms=START_MS + 1, reversed=True)], ("reversed", "resolved", None, 1)),
        ([an_outcome(), an_outcome(kind="repeated")], ("useful", "resolved", 5 * USD, 1)),
        ([an_outcome(supersedes="o-1")], ("open", None, None, 0)),
        ([an_outcome(tenant="other")], ("open", None, None, 0)),
        ([an_outcome(workflow="sales")], ("open", None, None, 0)),
        ([an_outcome(capability="triage")], ("useful", "resolved", 5 * USD, 1)),  # a capability of the workflow speaks for it
        ([an_outcome(capability="elsewhere")], ("open", None, None, 0)),
        ([an_outcome(workflow="support", capability="sales")], ("useful", "resolved", 5 * USD, 1)),
    ],
)
@pytest.mark.parametrize("order", ["together", "before", "after", "one by one"])
def test_the_last_outcome_in_the_window_that_is_not_superseded_counts(told: Sequence[Outcome], expected: tuple[Any, ...], order: str) -> None:
    with closing(in_memory()) as db:
        if order == "together":
            write(db, a_call(1), outcomes=told)
        elif order == "before":
            write(db, outcomes=told)
            write(db, a_call(1))
        else:
            write(db, a_call(1))
            for part in [told] if order == "after" else [[one] for one in told]:
                write(db, outcomes=part)
        found = the_unit(db)
        assert (found["state"], found["outcome_kind"], found["value_nano_usd"], found["in_time"]) == expected
        assert balanced(db)


def test_an_outcome_that_names_no_workflow_speaks_of_every_unit_of_its_name(each_database: Database) -> None:
    write(each_database, a_call(1), a_call(2, workflow="sales"), a_call(3, workflow="unknown"), a_call(4, unit="other"), outcomes=[an_outcome()])
    assert [state(each_database, workflow=name) for name in ("support", "sales", "unknown")] == ["useful"] * 3
    assert state(each_database, "other") == "open"
    write(each_database, outcomes=[an_outcome(outcome_id="o-2", kind="reopened", success=False, at_ms=START_MS + 1)])
    assert [state(each_database, workflow=name) for name in ("support", "sales", "unknown")] == ["failed"] * 3
    assert balanced(each_database)


def test_an_outcome_in_time_for_the_first_call_that_is_known_counts_by_the_one_that_was_first(each_database: Database) -> None:
    write(each_database, a_call(1, at_ms=START_MS + 9 * HOUR_MS), outcomes=[an_outcome(at_ms=START_MS + 11 * HOUR_MS)])
    assert state(each_database) == "useful"
    write(each_database, a_call(2, at_ms=START_MS))
    assert state(each_database) == "open"
    assert balanced(each_database)


def test_the_time_that_people_worked_is_charged_once_to_the_unit(each_database: Database) -> None:
    told = an_outcome(human_s=100.0, queue="second line")
    write(each_database, a_call(1), outcomes=[told])
    write(each_database, outcomes=[told, an_outcome(human_s=999.0)])
    found = the_unit(each_database)
    assert (found["human_s"], found["human_nano_usd"]) == (100.0, 1 * USD)
    charge = each_database.rows("SELECT kind, nano_usd, seconds, queue, workflow, unit, at_ms FROM charge")
    assert [tuple(row.values()) for row in charge] == [("human", USD, 100.0, "second line", "support", TICKET, START_MS)]
    assert balanced(each_database)


def test_time_told_before_the_first_call_waits_for_whoever_bears_it(each_database: Database) -> None:
    write(each_database, outcomes=[an_outcome(human_s=100.0), an_outcome(outcome_id="o-2", human_s=50.0, workflow="support")])
    assert balance(each_database).of_unknown_units == USD // 2  # the other does not say which workflow bears it
    write(each_database, a_call(1), a_call(2, workflow="sales"))
    assert the_unit(each_database)["human_s"] == 50.0
    assert the_unit(each_database, workflow="sales")["human_s"] == 100.0  # once, although there are two units of this name
    assert balanced(each_database)


def test_charges_belong_to_their_unit_whenever_it_opens(each_database: Database) -> None:
    early = a_charge("c-1", -300, unit=TICKET)
    write(each_database, charges=[early, a_charge("c-2", 7), a_charge("c-3", 11, workflow=""), a_charge("c-4", 2, kind="human", unit=TICKET, seconds=9.0)])
    found = balance(each_database)
    assert (found.without_unit, found.without_workflow, found.of_unknown_units) == (7, 11, -298)
    write(each_database, a_call(1), charges=[early, a_charge("c-5", 40, unit=TICKET), a_charge("c-5", 41, unit=TICKET)])
    unit = the_unit(each_database)
    assert (unit["cost_nano_usd"], unit["human_nano_usd"], unit["human_s"]) == (1_000 - 300 + 40, 2, 9.0)
    assert balance(each_database).unallocated == 18
    assert balanced(each_database)


def test_a_review_is_placed_by_its_call_charged_once_and_replaced_by_what_is_told_later(each_database: Database) -> None:
    call = a_call(1)
    write(each_database, call, reviews=[a_review("r-1", call.call_id, done_ms=None, assigned_ms=START_MS, verdict=None)])
    write(each_database, reviews=[a_review("r-1", call.call_id, seconds=100.0, verdict="edited")], scores=[a_score("s-1", call.call_id, is_human=True)])
    write(each_database, reviews=[a_review("r-1", call.call_id, seconds=100.0, verdict="rejected"), a_review("r-2", "unknown", seconds=1.0, nano_usd=5)])
    first, second = each_database.rows("SELECT workflow, unit, tenant, verdict, nano_usd FROM review ORDER BY review_id")
    assert tuple(first.values()) == ("support", TICKET, "default", "rejected", USD)
    assert tuple(second.values()) == ("", "", "", "accepted", 5)
    assert the_unit(each_database)["human_nano_usd"] == USD
    assert balance(each_database).without_workflow == 5
    score = each_database.rows("SELECT workflow, value, is_human FROM score")
    assert [tuple(row.values()) for row in score] == [("support", 0.8, 1)]
    assert balanced(each_database)


def test_money_is_rolled_up_by_tag_and_day(each_database: Database) -> None:
    write(each_database, a_call(1, tags={"project": "apollo", "feature": "search"}), a_call(2, tags={"project": "apollo"}, entries=(an_entry(cost=None),)))
    write(each_database, a_call(3, at_ms=START_MS + 24 * HOUR_MS, tags={"project": "apollo"}))
    rows = each_database.rows("SELECT bucket_ms, tag, value, calls, cost_nano_usd, cost_unknown FROM rollup_tag_day ORDER BY bucket_ms, tag")
    assert [tuple(row.values()) for row in rows] == [
        (START_MS, "feature", "search", 1, 1_000, 0),
        (START_MS, "project", "apollo", 2, 1_000, 1),
        (START_MS + 24 * HOUR_MS, "project", "apollo", 1, 1_000, 0),
    ]


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────

names = st.sampled_from(["support", "sales"])
items = st.sampled_from(["t-1", "t-2", "t-3"])
times = st.integers(START_MS, START_MS + 14 * HOUR_MS)


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    numbers = count()
    entries = st.builds(
        an_entry,
        cost=st.one_of(st.none(), st.integers(0, 10**12)),
        target=st.sampled_from(["acme/small", "own/llama"]),
        error=st.sampled_from([None, "cut", "schema"]),
        price_id=st.sampled_from([None, "contract:test", "hardware"]),
        kind=st.sampled_from(["model", "judge", "summary"]),
        shadow=st.booleans(),
    )

    def call(unit: str, workflow: str, at_ms: int, tried: list[Any]) -> CallRecord:
        return a_record(next(numbers), at_ms=at_ms, unit=unit, workflow=workflow, entries=tuple(replaced(one, seq) for seq, one in enumerate(tried)))

    outcomes = st.builds(
        an_outcome,
        unit=items,
        outcome_id=st.sampled_from(["a", "b", "c", "d"]),
        kind=st.sampled_from(["resolved", "closed"]),
        success=st.booleans(),
        at_ms=times,
        workflow=st.one_of(st.none(), names),
        supersedes=st.one_of(st.none(), st.sampled_from(["a", "b"])),
        reversed=st.booleans(),
        human_s=st.one_of(st.none(), st.integers(0, 1000).map(float)),
        value_nano_usd=st.one_of(st.none(), st.integers(0, 10**10)),
    )
    charges = st.builds(
        a_charge,
        charge_id=st.sampled_from(["a", "b", "c"]),
        nano_usd=st.integers(-(10**9), 10**9),
        kind=st.sampled_from(["human", "correction"]),
        workflow=st.one_of(st.just(""), names),
        unit=st.one_of(st.just(""), items),
    )
    calls = st.builds(call, items, names, times, st.lists(entries, max_size=3))
    return draw(
        st.lists(
            st.builds(
                Batch,
                records=st.lists(calls, max_size=4),
                outcomes=st.lists(outcomes, max_size=3),
                charges=st.lists(charges, max_size=2),
                hardware=st.lists(
                    st.tuples(st.just("own/llama"), st.just(START_MS), st.just(5.0), st.integers(0, 99), st.just(1.0), st.integers(0, 99)), max_size=2
                ),
            ),
            max_size=5,
        )
    )


def replaced(entry: Any, seq: int) -> Any:
    return an_entry(seq, cost=entry.cost_nano_usd, target=entry.target, error=entry.error, price_id=entry.price_id, kind=entry.kind, shadow=entry.shadow)


def states_of(history: Sequence[Batch]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """The model: what stands of each unit when everything is known."""
    calls = [call for batch in history for call in batch.records]
    first: dict[str, Outcome] = {}
    for batch in history:
        for one in batch.outcomes:
            first.setdefault(one.outcome_id, one)
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for workflow, unit in {(call.workflow, call.unit) for call in calls}:
        mine = [call for call in calls if (call.workflow, call.unit) == (workflow, unit)]
        opened = min(call.started_ms for call in mine)
        window = WORKFLOWS[workflow].window_ms
        told = [one for one in first.values() if one.unit == unit and one.workflow in {None, workflow} and one.at_ms <= opened + window]
        left = [one for one in told if all(other.supersedes != one.outcome_id for other in told)]
        standing: tuple[Any, ...] = ("open", None)
        if left:
            last = left[0]
            for one in left[1:]:
                last = one if one.at_ms >= last.at_ms else last
            useful = last.kind == "resolved" if workflow == "support" else last.success
            standing = ("reversed" if last.reversed else "useful" if useful else "failed", last.outcome_id)
        cost = sum(entry.cost_nano_usd or 0 for call in mine for entry in call.entries)
        found[workflow, unit] = (opened, len(mine), cost, *standing)
    return found


def holds(db: Database, history: Sequence[Batch]) -> None:
    for batch in history:
        write_batch(db, batch, workflows=WORKFLOWS)
    assert balanced(db)
    corrected: dict[tuple[str, str], int] = {}
    charges: dict[str, Charge] = {}
    for batch in history:
        for one in batch.charges:
            charges.setdefault(one.charge_id, one)
    for one in charges.values():
        if one.kind != "human":
            corrected[one.workflow, one.unit] = corrected.get((one.workflow, one.unit), 0) + one.nano_usd
    rows = db.rows("SELECT * FROM unit")
    assert {
        (row["workflow"], row["unit"]): (
            row["opened_ms"],
            row["calls"],
            row["cost_nano_usd"] - corrected.get((row["workflow"], row["unit"]), 0),
            row["state"],
            row["outcome_id"],
        )
        for row in rows
    } == states_of(history)


@settings(max_examples=60, deadline=None)
@given(history=batches())
def test_units_roll_ups_and_books_are_right_whatever_comes_late_twice_or_in_another_order(history: list[Batch]) -> None:
    with closing(in_memory()) as db:
        holds(db, history)


@settings(max_examples=6, deadline=None, phases=[Phase.generate])  # to shrink a fault is for the law above, which needs no server
@given(history=batches())
def test_the_same_holds_on_postgresql(history: list[Batch]) -> None:
    with closing(open_writing(postgres_place())) as db:
        holds(db, history)
