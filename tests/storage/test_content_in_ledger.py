"""
Retention and erasure on the ledger's rows, on both databases: nothing is left of who was erased, and no sum moves.
"""

from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import START_MS, a_charge, a_record, a_review, a_score, an_outcome

from pointsman.ledger.balance import balance, balance_of_sums
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.content_in_ledger import (
    ERASED,
    classes_of_calls,
    count_calls,
    count_outcomes,
    count_user,
    drop_calls,
    drop_outcomes,
    forget_user,
    overwrite_what_goes,
    overwrite_what_went,
    units_of,
    users_of,
)
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

ADA, BOB = "Ada@example.com", "bob@example.com"
ANEW = "erased-1"
DAY_MS = 86_400_000
WORKFLOWS = {"support": Workflow(name="support", capabilities=("support",), human_hourly_nano_usd=36_000_000_000)}
TABLES = ("call", "attempt", "decision", "outcome", "unit", "charge", "review", "score", "rollup_tag_day", "rollup_unit", "rollup_minute", "rollup_day")


def all_rows(db: Database) -> dict[str, list[Any]]:
    return {table: sorted((dict(row) for row in db.rows(f"SELECT * FROM {table}")), key=str) for table in TABLES}


def the_only(db: Database, sql: str) -> Any:
    [row] = db.rows(sql)
    return tuple(row.values())


@pytest.fixture
def db(each_database: Database) -> Database:
    """A ledger in which Ada's name stands wherever one may be, and Bob's too; and a namesake of another tenant."""
    unit = f"mail-{ADA.lower()}"
    calls = [
        a_record(1, tenant="acme", user=ADA, unit=unit, session=f"s/{ADA}", tags={"customer": ADA, "shop": "west"}),
        a_record(2, tenant="acme", user=BOB, unit="ticket-2", tags={"customer": BOB}),
        a_record(3, tenant="beta", user=ADA, unit=unit),
    ]
    write_batch(
        each_database,
        Batch(
            records=calls,
            outcomes=[
                an_outcome(unit, f"o-{ADA}", tenant="acme", human_s=60.0),
                an_outcome(unit, f"p-{ADA}", tenant="acme", supersedes=f"o-{ADA}", at_ms=START_MS + 1),
                an_outcome("ticket-2", "o-2", tenant="acme"),
                an_outcome("ticket-2", "o-3", tenant="acme", supersedes=f"never-told-{ADA}"),
            ],
            charges=[a_charge(f"c-{ADA}", tenant="acme", unit=unit), a_charge("c-2", tenant="acme", unit="ticket-2"), a_charge("licence")],
            reviews=[a_review(f"r-{ADA}", calls[0].call_id, tenant="acme", unit=unit, reviewer=ADA, seconds=30.0)],
            scores=[a_score("s-1", calls[0].call_id), a_score("s-2", calls[1].call_id)],
        ),
        workflows=WORKFLOWS,
    )
    assert balance(each_database).difference == 0
    return each_database


def test_who_was_erased_stands_nowhere_any_more_and_no_sum_moves(db: Database) -> None:
    units = [unit for unit in units_of(db, "acme", user=ADA) if ADA.lower() in unit.lower()]
    assert units == [f"mail-{ADA.lower()}"]
    before = balance(db), balance_of_sums(db), db.rows("SELECT * FROM rollup_unit ORDER BY tenant")
    assert forget_user(db, "acme", user=ADA, until_ms=START_MS, units=dict.fromkeys(units, ANEW)) == 1
    assert (balance(db), balance_of_sums(db), db.rows("SELECT * FROM rollup_unit ORDER BY tenant")) == before
    left = {table: [row for row in rows if ADA.lower() in str(row).lower() and row.get("tenant") != "beta"] for table, rows in all_rows(db).items()}
    assert not any(left.values())
    # Another tenant's user of that name is another person.
    assert the_only(db, "SELECT unit, \"user\" FROM call WHERE tenant = 'beta'") == (f"mail-{ADA.lower()}", ADA)


def test_what_belonged_together_still_does(db: Database) -> None:
    forget_user(db, "acme", user=ADA, until_ms=START_MS, units={f"mail-{ADA.lower()}": ANEW})
    assert the_only(db, f"SELECT COUNT(*) AS found FROM call JOIN unit ON unit.tenant = call.tenant AND unit.unit = call.unit WHERE call.unit = '{ANEW}'") == (
        1,
    )
    # The unit points to the outcome that counts, which supersedes the one before, whose minutes are charged.
    newest, older = "older.supersedes IS NOT NULL", "told.outcome_id = older.supersedes"
    joined = f"unit JOIN outcome AS older ON older.tenant = unit.tenant AND older.outcome_id = unit.outcome_id AND {newest}"
    asked = f"SELECT told.outcome_id AS id, told.tenant AS tenant FROM {joined} JOIN outcome AS told ON told.tenant = older.tenant AND {older}"
    name, tenant = the_only(db, f"{asked} WHERE unit.unit = '{ANEW}'")
    assert the_only(db, f"SELECT nano_usd FROM charge WHERE charge_id = 'outcome/{tenant}/{name}' AND unit = '{ANEW}'") == (600_000_000,)
    assert the_only(db, f"SELECT value, calls FROM rollup_tag_day WHERE tag = 'customer' AND value <> '{BOB}'") == (ERASED, 1)
    assert the_only(db, "SELECT tags FROM unit WHERE unit = 'ticket-2'") == (f'{{"customer":"{BOB}"}}',)


def test_erasing_twice_changes_nothing_more(db: Database) -> None:
    forget_user(db, "acme", user=ADA, until_ms=START_MS, units={f"mail-{ADA.lower()}": ANEW})
    before = all_rows(db)
    assert forget_user(db, "acme", user=ADA, until_ms=START_MS, units={}) == 0
    assert all_rows(db) == before
    assert users_of(db, "acme") == [BOB]
    assert count_user(db, "acme", user=ADA, until_ms=START_MS) == 0


def test_a_call_that_has_had_its_time_goes_with_all_that_was_recorded_of_it(db: Database) -> None:
    assert classes_of_calls(db) == ["internal"]
    before = {"internal": START_MS + DAY_MS}
    held = [("acme", "subject", BOB), ("beta", "tenant", "")]
    assert count_calls(db, before, held=held) == drop_calls(db, before, held=held) == 1
    assert sorted(row["user"] for row in db.rows('SELECT "user" FROM call')) == sorted([ADA, BOB])
    for table in ("attempt", "decision"):
        assert the_only(db, f"SELECT COUNT(*) AS left_over FROM {table}") == (2,)
    assert (the_only(db, "SELECT call_id FROM score")[0], db.rows("SELECT * FROM review")) == (a_record(2).call_id, [])
    assert balance_of_sums(db).difference == 0


def test_outcomes_go_with_the_units_and_money_of_their_time(db: Database) -> None:
    assert count_outcomes(db, START_MS, held=[]) == drop_outcomes(db, START_MS, held=[]) == 0
    held = [("acme", "unit", "ticket-2")]
    assert count_outcomes(db, START_MS + DAY_MS, held=held) == drop_outcomes(db, START_MS + DAY_MS, held=held) == 2
    assert {row["unit"] for row in db.rows("SELECT unit FROM outcome UNION SELECT unit FROM unit")} == {"ticket-2"}
    assert {row["unit"] for row in db.rows("SELECT unit FROM charge")} == {"ticket-2", ""}  # a licence is nobody's


def test_what_went_is_overwritten_or_its_space_is_free(db: Database, tmp_path: Path) -> None:
    overwrite_what_goes(db)
    drop_calls(db, {"internal": START_MS + DAY_MS}, held=[])
    drop_outcomes(db, START_MS + DAY_MS, held=[])
    for has_changed in (True, False):
        overwrite_what_went(db, has_changed=has_changed)
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert not any(f"mail-{ADA.lower()}".encode() in path.read_bytes() for path in files)
