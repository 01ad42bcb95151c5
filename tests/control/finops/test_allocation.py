"""
Who bears what: every line worked out by hand, and the law that nothing is lost or counted twice.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.allocation import BYS, allocation
from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span
from pointsman.storage.open import open_writing
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]


@pytest.fixture
def october(each_database: Database) -> Database:
    """Support: eu 30 (one call of unknown cost), us 12. Sales: 8 without a team. Outside of the span: 1000."""
    db = each_database
    rows.flow(db, team="eu", calls=10, cost_nano_usd=30, cost_unknown=1)
    rows.flow(db, team="us", calls=4, cost_nano_usd=12, target="own/llama", place="private", bucket_ms=rows.OCT_MS + 5 * HOUR_MS)
    rows.flow(db, workflow="sales", capability="write", calls=2, cost_nano_usd=8, bucket_ms=rows.OCT_MS + 30 * DAY_MS + 23 * HOUR_MS)
    rows.flow(db, team="eu", calls=99, cost_nano_usd=1000, bucket_ms=rows.OCTOBER.until_ms)
    rows.unit(db, "t-1", team="eu")
    rows.charge(db, "c-1", unit="t-1", nano_usd=7, seconds=60.0)
    rows.charge(db, "c-2", nano_usd=5)
    rows.charge(db, "c-3", workflow="sales", kind="correction", nano_usd=-2)
    for day, nano_usd in enumerate((15, 25)):
        rows.charge(
            db, f"licence/crm/{day}", at_ms=rows.OCT_MS + day * DAY_MS, kind="licence", tenant="", workflow="sales", nano_usd=nano_usd, source="licence:crm"
        )
    rows.charge(db, "licence/office/0", kind="licence", tenant="", workflow="", nano_usd=3, source="licence:office")
    rows.hardware(db, "own/llama", paid=100, busy=12)
    rows.tag(db, "project", "alpha", cost=25, calls=6)
    return db


def lines(db: Database, by: Any, **more: Any) -> dict[str, int]:
    return {one.name: one.total_nano_usd for one in allocation(db, rows.OCTOBER, by=by, **more).lines}


def test_a_team_bears_its_calls_and_the_people_who_worked_on_its_items(october: Database) -> None:
    found = allocation(october, rows.OCTOBER, by="team")
    assert [(one.name, one.calls, one.attempts_nano_usd, one.human_nano_usd) for one in found.lines] == [("eu", 10, 30, 7), ("us", 4, 12, 0), ("", 2, 8, 0)]
    assert {(one.kind, one.name): one.nano_usd for one in found.unallocated} == {
        ("idle hardware", "own/llama"): 88,
        ("human", "support"): 5,
        ("correction", "sales"): -2,
        ("licence", "crm"): 40,
        ("licence", "office"): 3,
    }
    assert found.total_nano_usd == 30 + 12 + 8 + 7 + 5 - 2 + 88 + 43
    assert found.allocated_share == 49 / 191
    assert found.coverage == 1 - 1 / 16


def test_a_workflow_bears_its_licences_and_everything_that_people_did_for_it(october: Database) -> None:
    assert lines(october, "workflow") == {"support": 30 + 12 + 7 + 5, "sales": 8 - 2 + 40}


def test_a_target_bears_what_it_answered_and_no_person(october: Database) -> None:
    found = allocation(october, rows.OCTOBER, by="target")
    assert {one.name: one.total_nano_usd for one in found.lines} == {"acme/small": 38, "own/llama": 12}
    assert sum(one.nano_usd for one in found.unallocated if one.kind == "human") == 12


def test_calls_without_the_tag_stand_in_a_line_without_a_name(october: Database) -> None:
    found = allocation(october, rows.OCTOBER, by="tag", tag="project")
    assert [(one.name, one.calls, one.attempts_nano_usd) for one in found.lines] == [("alpha", 6, 25), ("", 10, 25)]


@pytest.mark.parametrize("by", BYS)
def test_however_it_is_told_apart_the_lines_add_up_to_the_same_total(october: Database, by: Any) -> None:
    found = allocation(october, rows.OCTOBER, by=by, tag="project")
    assert sum(one.total_nano_usd for one in found.lines) + sum(one.nano_usd for one in found.unallocated) == found.total_nano_usd == 191


def test_the_ragged_ends_of_a_span_are_read_by_the_hour(october: Database) -> None:
    span = Span(since_ms=rows.OCT_MS + HOUR_MS, until_ms=rows.OCT_MS + 30 * DAY_MS + 23 * HOUR_MS)
    assert {one.name: one.attempts_nano_usd for one in allocation(october, span, by="team").lines} == {"us": 12}
    span = Span(since_ms=rows.OCT_MS + HOUR_MS, until_ms=rows.OCT_MS + 6 * HOUR_MS)
    assert {one.name: one.attempts_nano_usd for one in allocation(october, span, by="team").lines} == {"us": 12}


def test_a_licence_counts_on_the_days_for_which_it_was_booked(october: Database) -> None:
    sales = next(one for one in allocation(october, rows.OCTOBER, by="workflow").lines if one.name == "sales")
    assert (sales.licence_nano_usd, sales.other_nano_usd) == (40, -2)
    first = next(one for one in allocation(october, rows.days(1), by="workflow").lines if one.name == "sales")
    assert first.licence_nano_usd == 15


def test_where_every_call_has_the_tag_there_is_no_line_without_a_name(each_database: Database) -> None:
    rows.flow(each_database, calls=1, cost_nano_usd=5)
    rows.tag(each_database, "project", "alpha", cost=5)
    assert [one.name for one in allocation(each_database, rows.OCTOBER, by="tag", tag="project").lines] == ["alpha"]


def test_an_empty_ledger_has_no_lines_and_no_share(each_database: Database) -> None:
    found = allocation(each_database, rows.OCTOBER, by="team")
    assert (found.lines, found.unallocated, found.total_nano_usd, found.allocated_share, found.coverage) == ((), (), 0, None, 1.0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(hours=st.lists(st.integers(0, 24 * 40), min_size=1, max_size=8, unique=True), cut=st.integers(0, 24 * 40))
def test_two_spans_that_touch_bear_what_the_span_over_both_bears(hours: list[int], cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with closing(open_writing(path)) as db:
        for number, hour in enumerate(hours):
            rows.flow(db, bucket_ms=rows.OCT_MS + hour * HOUR_MS, cost_nano_usd=3**number, team="eu")
        first, middle, last = rows.OCT_MS, rows.OCT_MS + cut * HOUR_MS, rows.OCT_MS + 24 * 40 * HOUR_MS + HOUR_MS

        def total(since: int, until: int) -> int:
            return allocation(db, Span(since_ms=since, until_ms=until), by="team").total_nano_usd

        assert total(first, middle) + total(middle, last) == total(first, last) >= sum(3**number for number in range(len(hours)))
