"""
One ledger asked three ways: `cost by workflow`, `cost per-outcome` and the scorecard tell the same money.
"""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.ledger.entries import a_record, a_review, an_entry, an_outcome
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.allocation import allocation
from pointsman.control.finops.outcomes import per_outcome
from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span
from pointsman.core.place import Place
from pointsman.ledger.charges import licence_charges
from pointsman.ledger.scorecard import scorecards
from pointsman.ledger.slices import Slice
from pointsman.settings.costs_shape import Licence
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

# An hour of people's work costs $36, a second a cent.
WORKFLOWS: Final = {
    "support": Workflow(name="support", capabilities=("answer",), human_hourly_nano_usd=36 * rows.USD),
    "sales": Workflow(name="sales", capabilities=("write",), human_hourly_nano_usd=72 * rows.USD),
}
LICENCES: Final = {
    "crm": Licence(usd_per_month=100, workflow="support"),
    "desk": Licence(usd_per_month=7.77, workflow="support"),
    "office": Licence(usd_per_month=20),
}
MUCH_LATER_MS: Final = rows.OCTOBER.until_ms + 60 * DAY_MS


def write(db: Database, days: list[int]) -> None:
    """On each of these days of October a ticket: a failed attempt, own hardware, a judge, a person for an outcome and for a review. One lead too."""
    records = [
        a_record(
            number,
            at_ms=rows.OCT_MS + day * DAY_MS + 3 * HOUR_MS,
            unit=f"ticket-{number}",
            capability="answer",
            workflow="support",
            team="eu" if day % 2 else None,
            entries=(
                an_entry(0, cost=1_000_000_007 + day, error="timeout_total"),
                an_entry(1, cost=333_333_333 + day, price_id="hardware", place=Place.PRIVATE, target="own/llama"),
                an_entry(2, cost=17 + day, kind="judge"),
            ),
        )
        for number, day in enumerate(days)
    ]
    outcomes = [an_outcome(one.unit, f"o-{one.unit}", at_ms=one.started_ms + HOUR_MS, workflow="support", human_s=31.7) for one in records]
    reviews = [a_review(f"r-{one.unit}", one.call_id, done_ms=one.started_ms + 2 * HOUR_MS, seconds=12.3) for one in records]
    lead = a_record(10_000, at_ms=rows.OCT_MS, unit="lead", capability="write", workflow="sales", entries=(an_entry(cost=5 * rows.USD),))
    charges = [
        charge for name, one in LICENCES.items() for charge in licence_charges(name, one, since_ms=rows.SEP_MS, until_ms=rows.OCTOBER.until_ms + 3 * DAY_MS)
    ]
    paid = [("own/llama", rows.OCT_MS, 3600.0, 400 * rows.USD, 900.0, 100 * rows.USD)]
    write_batch(db, Batch(records=[*records, lead], outcomes=outcomes, reviews=reviews, charges=charges, hardware=paid), workflows=WORKFLOWS)


def told(db: Database, span: Span) -> tuple[int, int, int]:
    """What `support` cost: by workflow, per outcome, on the scorecard."""
    line = next(one for one in allocation(db, span, by="workflow").lines if one.name == "support")
    whole = per_outcome(db, "support", span=span).whole.now
    (card,) = scorecards(db, Slice(since_ms=span.since_ms, until_ms=span.until_ms, workflow="support"), now_ms=MUCH_LATER_MS, workflows=WORKFLOWS)
    return line.total_nano_usd, whole.cost_nano_usd, card.money.loaded


def test_by_workflow_per_outcome_and_on_the_scorecard_a_month_costs_the_same_to_the_nano_dollar(each_database: Database) -> None:
    """
    Three tickets on the days 0, 1 and 30: attempts 3 x (1,000,000,007 + 333,333,333 + 17) + 3 x 31; people 3 x 44 s at a cent; licences $107.77.
    """
    write(each_database, [0, 1, 30])
    cost = 3 * (1_000_000_007 + 333_333_333 + 17) + 3 * 31 + 3 * 440_000_000 + 107_770_000_000
    assert told(each_database, rows.OCTOBER) == (cost, cost, cost)


def test_a_licence_counts_once_for_its_workflow_and_for_nobody_where_it_has_none(each_database: Database) -> None:
    write(each_database, [4])
    found = allocation(each_database, rows.OCTOBER, by="workflow")
    assert {one.name: one.licence_nano_usd for one in found.lines} == {"support": 107_770_000_000, "sales": 0}
    assert [(one.name, one.nano_usd) for one in found.unallocated if one.kind == "licence"] == [("office", 20 * rows.USD)]
    assert per_outcome(each_database, "sales", span=rows.OCTOBER).whole.now.licence_nano_usd == 0
    old = per_outcome(each_database, "support", span=rows.OCTOBER).whole.old
    assert old.licence_nano_usd == 107_770_000_000


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(days=st.lists(st.integers(0, 30), min_size=1, max_size=4), since=st.integers(0, 29), until=st.integers(1, 31))
def test_over_any_days_the_three_agree(days: list[int], since: int, until: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    first, last = (since, until) if since < until else (until - 1, until)
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    db = open_writing(path)
    try:
        write(db, [*days, first])
        one, other, third = told(db, Span(since_ms=rows.OCT_MS + first * DAY_MS, until_ms=rows.OCT_MS + last * DAY_MS))
    finally:
        db.close()
    assert one == other == third
