import math
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.entries import START_MS, a_record, an_entry, write
from tests.storage.databases import each_database, each_place
from tests.storage.test_units import in_memory

from pointsman.storage.rollups import bin_middle_ms, latency_bin
from pointsman.storage.several import by_keys, insert
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@given(st.floats(0.001, 1e8))
def test_a_latency_lies_within_a_tenth_of_an_octave_of_its_bin(latency_ms: float) -> None:
    assert abs(math.log2(bin_middle_ms(latency_bin(latency_ms)) / latency_ms)) <= 0.1 + 1e-9


def test_no_latency_is_too_short_for_a_bin() -> None:
    assert latency_bin(0.0) == latency_bin(0.001)


def test_calls_are_summed_by_minute_hour_and_day(each_database: Database) -> None:
    times = (START_MS, START_MS + 59_999, START_MS + MINUTE_MS, START_MS + HOUR_MS, START_MS + 24 * HOUR_MS)
    write(each_database, [a_record(number, at_ms=at_ms) for number, at_ms in enumerate(times[:2])])
    write(each_database, [a_record(number + 2, at_ms=at_ms) for number, at_ms in enumerate(times[2:])])
    found = {}
    for table in ("rollup_minute", "rollup_hour", "rollup_day"):
        rows = each_database.rows(f"SELECT bucket_ms, calls, cost_nano_usd, latency_ms FROM {table} ORDER BY bucket_ms")
        found[table] = [((row["bucket_ms"] - START_MS) // MINUTE_MS, row["calls"], row["cost_nano_usd"], row["latency_ms"]) for row in rows]
    day = (24 * 60, 1, 1_000, 120.0)
    assert found == {
        "rollup_minute": [(0, 2, 2_000, 240.0), (1, 1, 1_000, 120.0), (60, 1, 1_000, 120.0), day],
        "rollup_hour": [(0, 3, 3_000, 360.0), (60, 1, 1_000, 120.0), day],
        "rollup_day": [(0, 4, 4_000, 480.0), day],
    }


def test_a_call_that_nobody_was_asked_for_is_counted_with_nobody(each_database: Database) -> None:
    write(each_database, [a_record(1, entries=(), status="no_place_allowed")])
    rows = each_database.rows("SELECT place, target, calls, ok, cost_unknown FROM rollup_hour")
    assert [tuple(row.values()) for row in rows] == [("none", "none", 1, 0, 0)]


def test_what_failed_is_counted_by_target_and_kind(each_database: Database) -> None:
    tried = (an_entry(0, error="timeout_gap"), an_entry(1, error="timeout_gap"), an_entry(2, error="schema", target="own/llama"), an_entry(3))
    write(each_database, [a_record(1, entries=tried)])
    rows = each_database.rows("SELECT target, kind, error, failed FROM failure_hour ORDER BY target")
    assert [tuple(row.values()) for row in rows] == [("acme/small", "model", "timeout_gap", 2), ("own/llama", "model", "schema", 1)]
    call = each_database.rows("SELECT target, escalated_from FROM call")
    assert [tuple(row.values()) for row in call] == [("acme/small", "own/llama")]


@given(many=st.integers(0, 300))
def test_rows_come_back_by_their_keys_however_many_are_asked_for(many: int) -> None:
    with closing(in_memory()) as db:
        keys = [(f"kind {number % 2}", f"name {number}") for number in range(many)]
        insert(db, "switch", columns=("kind", "name", "since_ms", "actor", "reason"), rows=[(*key, number, "ann", "") for number, key in enumerate(keys)])
        wanted = [*keys[::3], ("kind 0", "name 1"), *keys[::3]]
        rows = by_keys(db, "switch", columns=("kind", "name"), keys=("kind", "name"), wanted=wanted)
        assert sorted((row["kind"], row["name"]) for row in rows) == sorted(keys[::3])
