"""
History rated again: what is touched and what never is, and the law that the books balance afterwards, through the ledger's own writer.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.ledger.entries import a_record, an_entry, write
from tests.storage.databases import each_database, each_place

from pointsman.control.finops import reprice as room
from pointsman.control.finops.reprice import reprice
from pointsman.control.finops.span import DAY_MS, Span
from pointsman.core.errors import BadRequest
from pointsman.core.target import Price, Rates
from pointsman.storage.open import open_writing
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

# 10 in and 5 out cost 10 * 2 + 5 * 4 = 40.
PRICE = Price(price_id="contract:new", rates=Rates(tokens_in=2_000_000, tokens_out=4_000_000))
SPAN = Span(since_ms=rows.OCT_MS, until_ms=rows.OCT_MS + DAY_MS)


def price_at(name: str, at_ms: int) -> Price | None:
    return PRICE if name.startswith("acme/") else None


def costs(db: Database, table: str) -> tuple[int, int]:
    (row,) = db.rows(f"SELECT COALESCE(SUM(cost_nano_usd), 0) AS cost, COALESCE(SUM(cost_unknown), 0) AS unknown FROM {table}")
    return row["cost"], row["unknown"]


def test_unknown_and_wrong_costs_become_what_the_price_says_everywhere(each_database: Database) -> None:
    db = each_database
    records = [
        a_record(1, at_ms=rows.OCT_MS, unit="t-1", team="eu", tags={"project": "alpha"}, entries=(an_entry(cost=None, price_id=None), an_entry(1, cost=99))),
        a_record(2, at_ms=rows.OCT_MS + 1, unit="t-1", team="eu", entries=(an_entry(cost=7, price_id="vendor-reported"),)),
        a_record(3, at_ms=rows.OCT_MS + 2, unit="t-2", entries=(an_entry(cost=5, target="own/llama", price_id="hardware"), an_entry(1, cost=1, kind="judge"))),
        a_record(4, at_ms=rows.OCT_MS + 3, unit="t-3", entries=(an_entry(cost=None, target="other/model", price_id=None),)),
        a_record(5, at_ms=rows.OCT_MS + DAY_MS, unit="t-4", entries=(an_entry(cost=None, price_id=None),)),
    ]
    write(db, records)
    dry = reprice(db, SPAN, price_at=price_at)
    assert costs(db, "rollup_day") == (99 + 7 + 5 + 1, 3)
    done = reprice(db, SPAN, price_at=price_at, is_dry=False)
    (change,) = done.changes
    assert (change.target, change.attempts, change.before_nano_usd, change.after_nano_usd, change.were_unknown) == ("acme/small", 3, 100, 120, 1)
    assert (dry.changes, dry.looked_at, dry.kept, dry.change_nano_usd) == (done.changes, 6, 2, 20)
    for table in ("rollup_minute", "rollup_hour", "rollup_day", "unit", "rollup_unit"):
        assert costs(db, table) == (80 + 7 + 5 + 40, 2), table
    assert costs(db, "rollup_tag_day") == (80, 0)
    calls = db.rows("SELECT cost_nano_usd, overhead_nano_usd FROM call ORDER BY call_id")
    assert [(row["cost_nano_usd"], row["overhead_nano_usd"]) for row in calls] == [(80, 0), (7, 0), (45, 40), (None, 0), (None, 0)]
    attempts = {row["price_id"] for row in db.rows("SELECT price_id FROM attempt WHERE cost_nano_usd = 40")}
    assert attempts == {"contract:new"}
    assert reprice(db, SPAN, price_at=price_at, is_dry=False).changes == ()


def test_only_the_targets_that_were_named_are_rated_again(each_database: Database) -> None:
    write(each_database, [a_record(1, at_ms=rows.OCT_MS, entries=(an_entry(cost=1), an_entry(1, cost=1, target="acme/large")))])
    found = reprice(each_database, SPAN, price_at=price_at, targets=frozenset({"acme/large"}))
    assert [(one.target, one.attempts) for one in found.changes] == [("acme/large", 1)]


def test_an_attempt_that_a_vendor_refused_stays_free(each_database: Database) -> None:
    write(
        each_database,
        [a_record(1, at_ms=rows.OCT_MS, entries=(an_entry(cost=0, error="rate_limited", price_id=None), an_entry(1, cost=40, price_id="contract:new")))],
    )
    assert reprice(each_database, SPAN, price_at=price_at).changes == ()


def test_more_than_can_be_changed_at_once_is_refused_and_changes_nothing(each_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_ATTEMPTS", 2)
    write(each_database, [a_record(number, at_ms=rows.OCT_MS + number, entries=(an_entry(cost=1),)) for number in range(3)])
    with pytest.raises(BadRequest, match="Name a shorter span"):
        reprice(each_database, SPAN, price_at=price_at, is_dry=False)
    assert costs(each_database, "rollup_day") == (3, 0)


def test_every_page_of_attempts_is_read(each_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PAGE", 3)
    entries = (an_entry(cost=1), an_entry(1, cost=1))
    write(each_database, [a_record(number, at_ms=rows.OCT_MS + number, entries=entries) for number in range(5)])
    assert reprice(each_database, SPAN, price_at=price_at).looked_at == 10


entry: Any = st.tuples(
    st.sampled_from(["acme/small", "acme/large", "own/llama"]),
    st.sampled_from([None, 0, 3, 1000]),
    st.sampled_from(["contract:old", "vendor-reported", None]),
    st.sampled_from(["model", "judge"]),
    st.booleans(),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(calls=st.lists(st.tuples(st.integers(0, 2), st.lists(entry, min_size=1, max_size=3)), min_size=1, max_size=5))
def test_the_books_balance_after_history_was_rated_again(calls: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with closing(open_writing(path)) as db:
        records = [
            a_record(
                number,
                at_ms=rows.OCT_MS + number,
                unit=f"t-{unit}",
                tags={"project": "alpha"},
                entries=tuple(
                    an_entry(seq, cost=cost, target=target, price_id=price_id, kind=kind, shadow=shadow)
                    for seq, (target, cost, price_id, kind, shadow) in enumerate(entries)
                ),
            )
            for number, (unit, entries) in enumerate(calls)
        ]
        write(db, records)
        reprice(db, SPAN, price_at=price_at, is_dry=False)
        (attempts,) = db.rows("SELECT COALESCE(SUM(cost_nano_usd), 0) AS cost FROM attempt")
        (unknown,) = db.rows("SELECT COUNT(*) AS calls FROM call WHERE cost_nano_usd IS NULL")
        for table in ("rollup_minute", "rollup_hour", "rollup_day", "unit", "rollup_unit", "rollup_tag_day"):
            assert costs(db, table) == (attempts["cost"], unknown["calls"]), table
        overheads = {db.rows(f"SELECT SUM(overhead_nano_usd) AS n FROM {table}")[0]["n"] for table in ("call", "unit", "rollup_unit", "rollup_day")}
        assert len(overheads) == 1
