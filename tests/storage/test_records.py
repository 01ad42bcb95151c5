import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.entries import HOUR_MS, START_MS, a_record, an_entry, an_outcome, write
from tests.storage.sums import check_roll_ups
from tests.storage.test_units import in_memory

from pointsman.core.entry import CallRecord, Entry
from pointsman.storage.database import open_database
from pointsman.storage.records import spent_since
from pointsman.storage.sql import SqliteDatabase


@contextmanager
def a_database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(open_database(path))) as db:
        yield db


def tuples(db: SqliteDatabase, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in db.rows(sql)]


entries = st.builds(
    an_entry,
    cost=st.one_of(st.none(), st.integers(0, 10**12)),
    target=st.sampled_from(["acme/small", "acme/large", "own/llama"]),
    tokens=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    error=st.sampled_from([None, "cut"]),
)
tried = st.one_of(entries, st.builds(an_entry, usage=st.none(), cost=st.none()))


@st.composite
def records(draw: st.DrawFn) -> list[CallRecord]:
    numbers = count()
    made: list[CallRecord] = []
    for _ in range(draw(st.integers(0, 12))):
        tries: list[Entry] = [
            an_entry(seq, cost=one.cost_nano_usd, target=one.target, usage=one.usage) for seq, one in enumerate(draw(st.lists(tried, max_size=3)))
        ]
        made.append(
            a_record(
                next(numbers),
                at_ms=START_MS + draw(st.integers(0, 3 * HOUR_MS)),
                entries=tuple(tries),
                capability=draw(st.sampled_from(["support", "translate"])),
                snapshot=draw(st.sampled_from(["a", "b"])),
                status=draw(st.sampled_from(["ok", "exhausted", "cancelled"])),
                latency_ms=draw(st.floats(0, 1e6)),
            )
        )
    return made


@settings(max_examples=30, deadline=None)
@given(records=records(), cut=st.integers(0, 12))
def test_roll_ups_equal_the_sums_over_calls_however_they_are_batched(records: list[CallRecord], cut: int) -> None:
    with closing(in_memory()) as db:
        write(db, records[:cut], outcomes=[], hardware=[])
        write(db, records[cut:], outcomes=[], hardware=[])
        check_roll_ups(db)


def test_a_batch_is_written_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with a_database(tmp_path / "ledger.db") as db:
        with pytest.raises(OverflowError):
            write(db, [a_record(1), a_record(2, entries=(an_entry(cost=2**70),))], outcomes=[an_outcome()], hardware=[])
        assert tuples(db, "SELECT (SELECT COUNT(*) FROM call), (SELECT COUNT(*) FROM outcome)") == [(0, 0)]
        write(db, [a_record(1)], outcomes=[an_outcome()], hardware=[])
        check_roll_ups(db)


def test_a_long_batch_is_written_record_by_record_as_it_was_booked(tmp_path: Path) -> None:
    booked = [a_record(number, team=f"team {number}") for number in range(150)]
    with a_database(tmp_path / "ledger.db") as db:
        write(db, booked, outcomes=[], hardware=[])
        written = tuples(db, "SELECT call_id, team FROM call ORDER BY call_id")
        assert written == sorted((record.call_id, record.team) for record in booked)
        check_roll_ups(db)


def test_a_call_is_written_once(tmp_path: Path) -> None:
    with a_database(tmp_path / "ledger.db") as db:
        write(db, [a_record(1)], outcomes=[], hardware=[])
        with pytest.raises(sqlite3.IntegrityError):
            write(db, [a_record(1)], outcomes=[], hardware=[])
        check_roll_ups(db)


def test_an_outcome_id_counts_once_for_its_tenant_and_says_nothing_of_others(tmp_path: Path) -> None:
    with a_database(tmp_path / "ledger.db") as db:
        write(db, [], outcomes=[an_outcome(tenant="acme"), an_outcome(tenant="acme", success=False), an_outcome(tenant="beta")], hardware=[])
        assert tuples(db, "SELECT tenant, success FROM outcome ORDER BY recorded") == [("acme", 1), ("beta", 1)]


def test_hardware_time_of_one_hour_adds_up(tmp_path: Path) -> None:
    with a_database(tmp_path / "ledger.db") as db:
        write(db, [], outcomes=[], hardware=[("own", START_MS, 5.0, 50, 2.0, 20)])
        write(db, [], outcomes=[], hardware=[("own", START_MS, 5.0, 50, 1.0, 10), ("own", START_MS + HOUR_MS, 5.0, 50, 0.0, 0)])
        assert tuples(db, "SELECT * FROM infra_cost") == [
            ("own", START_MS, 10.0, 100, 3.0, 30),
            ("own", START_MS + HOUR_MS, 5.0, 50, 0.0, 0),
        ]


@pytest.mark.parametrize(
    ("by", "spent"),
    [
        ("tenant", {"default": 5_000}),
        ("team", {"default/care": 3_000}),
        ("user", {"default/ann": 3_000}),
        ("capability", {"support": 3_000, "translate": 2_000}),
        ("key_id", {"web": 5_000}),
        ("application", {}),
    ],
)
def test_money_spent_is_summed_by_whoever_a_budget_counts(tmp_path: Path, by: str, spent: dict[str, int]) -> None:
    with a_database(tmp_path / "ledger.db") as db:
        write(
            db,
            [
                a_record(1, at_ms=START_MS - 1, entries=(an_entry(cost=7),)),  # before
                a_record(2, at_ms=START_MS, team="care", user="ann", entries=(an_entry(cost=3_000),)),
                a_record(3, at_ms=START_MS + 40 * 24 * HOUR_MS, capability="translate", entries=(an_entry(cost=2_000),)),
                a_record(4, entries=(an_entry(cost=None),), capability="unknown"),
            ],
            outcomes=[],
            hardware=[],
        )
        assert spent_since(db, by, since_ms=START_MS) == spent


def test_money_is_not_summed_by_what_is_no_column(tmp_path: Path) -> None:
    with a_database(tmp_path / "ledger.db") as db, pytest.raises(ValueError, match="no column"):
        spent_since(db, "1; DROP TABLE call", since_ms=START_MS)
