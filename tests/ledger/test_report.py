"""
The numbers of `pointsman report`, against figures worked out by hand.
"""

import sqlite3
from contextlib import closing

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry, an_outcome, report_of
from tests.ledger.entries import write as write_to

from pointsman.core.entry import CallRecord, Outcome
from pointsman.core.place import Place
from pointsman.ledger.report import CapabilityReport, report
from pointsman.settings.ledger_place import Place as LedgerPlace
from pointsman.storage.batch import HardwareRow
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.sql import Row, SqliteDatabase, Values


def write(ledger: LedgerPlace, records: list[CallRecord], outcomes: list[Outcome], hardware: list[HardwareRow] | None = None) -> None:
    with closing(open_writing(ledger)) as db:
        write_to(db, records, outcomes=outcomes, hardware=hardware or [])


def only(path: LedgerPlace) -> CapabilityReport:
    [one] = report_of(path).capabilities
    return one


@pytest.fixture
def ledger(each_place: LedgerPlace) -> LedgerPlace:
    return each_place


def test_a_morning_of_support_adds_up(ledger: LedgerPlace) -> None:
    write(
        ledger,
        [
            # ticket-1: two calls, 1,000 + 3,000, one of them after a fallback. Resolved.
            a_record(1, unit="ticket-1"),
            a_record(
                2,
                unit="ticket-1",
                entries=(an_entry(error="overloaded", cost=0, tokens=(0, 0)), an_entry(1, cost=3_000, target="own/llama", place=Place.PRIVATE)),
            ),
            # ticket-2: one call, failed after two tries at one target: no fallback. Reopened.
            a_record(3, unit="ticket-2", status="exhausted", entries=(an_entry(error="cut", cost=500), an_entry(1, error="cut", cost=500))),
            # ticket-3: answered from the cache, free. Nothing told.
            a_record(4, unit="ticket-3", entries=(an_entry(cost=0, target="cache", place=Place.CACHE, tokens=(0, 0)),)),
            # ticket-4: a model without a price. Resolved.
            a_record(5, unit="ticket-4", entries=(an_entry(cost=None, target="acme/new"),)),
        ],
        [
            an_outcome("ticket-1", "o-1", value_nano_usd=9_000),
            an_outcome("ticket-2", "o-2", value_nano_usd=9_000),
            an_outcome("ticket-2", "o-3", kind="reopened", success=False, at_ms=START_MS + 1),
            an_outcome("ticket-4", "o-4"),
        ],
    )
    one = only(ledger)
    assert (one.calls, one.ok, one.fallbacks) == (5, 4, 1)
    assert one.calls_by_place == {"cloud": 3, "private": 1, "cache": 1}
    assert (one.cost_nano_usd, one.cost_unknown, one.coverage) == (5_000, 1, 0.8)
    assert (one.tokens_in, one.tokens_out) == (50, 25)
    assert (one.units, one.units_told, one.useful, one.value_nano_usd) == (4, 3, 2, 9_000)
    assert one.cost_per_useful_nano_usd == 2_500  # failed and useless calls are in it


def test_nothing_useful_has_no_price(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(1, unit="ticket-1")], [])
    assert (only(ledger).cost_per_useful_nano_usd, only(ledger).value_nano_usd) == (None, None)


def test_what_cost_nobody_knows_has_no_price_either(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(1, unit="ticket-1", entries=(an_entry(cost=None),))], [an_outcome()])
    assert (only(ledger).coverage, only(ledger).cost_per_useful_nano_usd) == (0.0, None)


def test_no_calls_are_covered_wholly() -> None:
    assert CapabilityReport(capability="x").coverage == 1.0


@pytest.mark.parametrize("at_ms", [START_MS - HOUR_MS, START_MS + 40 * 24 * HOUR_MS])
def test_an_outcome_counts_before_and_long_after_the_call(ledger: LedgerPlace, at_ms: int) -> None:
    write(ledger, [a_record(1, unit="ticket-1")], [an_outcome(at_ms=at_ms)])
    assert only(ledger).useful == 1


def test_of_two_outcomes_at_one_time_the_one_told_last_counts(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(1, unit="ticket-1")], [an_outcome(outcome_id="z"), an_outcome(outcome_id="a", success=False)])
    assert only(ledger).useful == 0


def test_tenants_do_not_share_units(ledger: LedgerPlace) -> None:
    write(
        ledger,
        [a_record(1, unit="1", tenant="acme"), a_record(2, unit="1", tenant="beta")],
        [an_outcome("1", "o-1", tenant="acme"), an_outcome("1", "o-1", tenant="beta", success=False)],
    )
    assert (only(ledger).units, only(ledger).units_told, only(ledger).useful) == (2, 2, 1)


def test_an_outcome_that_names_a_capability_speaks_of_that_one_only(ledger: LedgerPlace) -> None:
    write(
        ledger,
        [a_record(1, unit="1"), a_record(2, unit="1", capability="translate")],
        [an_outcome("1", "o-1"), an_outcome("1", "o-2", capability="translate", success=False, at_ms=START_MS + 1)],
    )
    assert {one.capability: one.useful for one in report_of(ledger).capabilities} == {"support": 1, "translate": 0}


def test_an_outcome_of_no_known_unit_counts_nowhere(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(1, unit="ticket-1")], [an_outcome("ticket-9")])
    assert (only(ledger).units, only(ledger).units_told) == (1, 0)


def test_a_span_begins_and_ends_with_whole_hours(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(hour, at_ms=START_MS + hour * HOUR_MS, unit=str(hour)) for hour in range(4)], [])
    found = report_of(ledger, since_ms=START_MS + HOUR_MS + 5, until_ms=START_MS + 2 * HOUR_MS + 5)
    assert (found.since_ms, found.until_ms) == (START_MS + HOUR_MS, START_MS + 3 * HOUR_MS)
    assert [(one.calls, one.units) for one in found.capabilities] == [(2, 2)]


def test_latencies_are_told_to_the_width_of_a_bin(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(number, latency_ms=float(number)) for number in range(1, 1001)], [])
    one = only(ledger)
    assert one.p50_ms == pytest.approx(500, rel=0.075)
    assert one.p95_ms == pytest.approx(950, rel=0.075)


def test_idle_hardware_is_shown_and_borne_by_nobody(ledger: LedgerPlace) -> None:
    write(ledger, [], [], [("own/llama", START_MS, 1800.0, 1_000_000, 600.0, 400_000), ("own/llama", START_MS, 1800.0, 1_000_000, 0.0, 0)])
    [one] = report_of(ledger).hardware
    assert (one.target, one.paid_s, one.busy_s, one.paid_nano_usd, one.busy_nano_usd, one.idle_nano_usd) == (
        "own/llama",
        3600.0,
        600.0,
        2_000_000,
        400_000,
        1_600_000,
    )


def test_a_call_that_is_written_while_the_report_is_read_is_in_the_next_one(ledger: LedgerPlace) -> None:
    write(ledger, [a_record(1)], [])
    later: list[CallRecord] = []
    with closing(open_reading(ledger)) as db:

        class Between(SqliteDatabase):
            """Reads, and has a capability's first call written after the first question."""

            def rows(self, sql: str, values: Values | None = None) -> list[Row]:
                found = db.rows(sql, values or {})
                if not later:
                    later.append(a_record(2, capability="later"))
                    write(ledger, later, [])
                return found

        told = report(Between(sqlite3.connect(":memory:")), since_ms=START_MS, until_ms=START_MS + HOUR_MS)
    assert [(one.capability, one.calls) for one in told.capabilities] == [("support", 1)]
    assert [one.capability for one in report_of(ledger).capabilities] == ["later", "support"]


def test_an_empty_ledger_has_an_empty_report(ledger: LedgerPlace) -> None:
    write(ledger, [], [])
    assert (report_of(ledger).capabilities, report_of(ledger).hardware) == ((), ())
