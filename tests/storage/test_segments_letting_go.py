from pathlib import Path

from tests.ledger.entries import START_MS, a_record, an_outcome
from tests.storage.databases import each_place
from tests.storage.sealing import KIND_NAMES, NOW_MS, fill

from pointsman.storage import duck as ducks
from pointsman.storage.analytics import Analytics
from pointsman.storage.batch import Batch
from pointsman.storage.open import Place, open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sealed_kinds import DAY_MS, segments
from pointsman.storage.segments import seal_due, verify
from pointsman.storage.segments_letting_go import expire, forget_user
from pointsman.storage.sql import Database

__all__ = ["each_place"]


def of_files(db: Database, folder: Path) -> dict[str, list[dict]]:
    duck = ducks.connect()
    found = {
        kind: [dict(row) for one in segments(db, kind) for row in ducks.found(duck, f"SELECT * FROM {ducks.files([folder / one.name])}")] for kind in KIND_NAMES
    }
    duck.close()
    return found


def totals(place: Place, folder: Path) -> list[dict]:
    with Analytics(place, folder) as asked:
        return [
            dict(row)
            for row in asked.rows(
                "SELECT (SELECT COUNT(*) FROM call) AS calls, (SELECT SUM(cost_nano_usd) FROM attempt) AS attempts,"
                " (SELECT SUM(cost_nano_usd) FROM unit) AS units,"
                " (SELECT SUM(nano_usd) FROM charge) AS charges, (SELECT COUNT(*) FROM outcome) AS outcomes"
            )
        ]


def named(db: Database) -> None:
    fill(db, (0,))
    at_ms = START_MS + 7
    for tenant in ("default", "other"):
        write_batch(
            db,
            Batch(
                records=[a_record(50 + len(tenant), at_ms=at_ms, tenant=tenant, unit="mail-of-Carla", session="carla@home", tags={"project": "carla"})],
                outcomes=[an_outcome("mail-of-Carla", f"carla-{tenant}", at_ms=at_ms + 1, tenant=tenant, human_s=60.0)],
            ),
        )


def test_an_erased_user_is_in_no_file_and_no_sum_changes(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    named(db)
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0)
    before = totals(each_place, tmp_path)
    assert forget_user(db, tmp_path, tenant="default", user="carla", now_ms=NOW_MS, units={"mail-of-Carla": "u-1"}) >= 3
    rows = of_files(db, tmp_path)
    theirs = [row for kind in rows.values() for row in kind if row.get("tenant") == "default"]
    assert "carla" not in str(theirs).lower()
    assert {row["unit"] for kind in ("call", "outcome", "unit") for row in rows[kind] if row["tenant"] == "default" and row["unit"].startswith("u")} == {"u-1"}
    assert "mail-of-Carla" in str([row for row in rows["call"] if row["tenant"] == "other"])
    assert totals(each_place, tmp_path) == before
    assert verify(db, tmp_path) == []
    assert forget_user(db, tmp_path, tenant="default", user="carla", now_ms=NOW_MS, units={"mail-of-Carla": "u-1"}) == 0
    db.close()


def test_a_day_that_is_hot_loses_its_files_and_is_sealed_anew(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    named(db)
    seal_due(db, tmp_path, now_ms=NOW_MS)
    before = totals(each_place, tmp_path)
    forget_user(db, tmp_path, tenant="default", user="carla", now_ms=NOW_MS, units={"mail-of-Carla": "u-1"})
    assert segments(db, "call") == []
    assert not list(tmp_path.glob("call/*/*"))
    assert totals(each_place, tmp_path) == before
    seal_due(db, tmp_path, now_ms=NOW_MS)
    assert len(segments(db, "call")) == 1
    db.close()


def test_a_row_that_is_hot_and_sealed_leaves_the_file(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    named(db)
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0, held=[("default", "unit", "mail-of-Carla")])
    assert db.rows("SELECT COUNT(*) AS n FROM call") == [{"n": 1}]
    before = totals(each_place, tmp_path)
    forget_user(db, tmp_path, tenant="default", user="carla", now_ms=NOW_MS, units={})
    db.execute("UPDATE outcome SET outcome_id = 'erased-1', unit = 'u-1'")
    assert "default" not in {row["tenant"] for row in of_files(db, tmp_path)["call"] if row["unit"].startswith("mail")}
    assert totals(each_place, tmp_path) == before
    db.close()


def test_what_has_had_its_time_leaves_the_files(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0, 1))
    write_batch(
        db, Batch(records=[a_record(70, at_ms=START_MS + 9, data_class="public", unit="p"), a_record(71, at_ms=START_MS + 9, tenant="other", unit="p")])
    )
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0)
    held = [("other", "subject", "anna"), ("default", "unit", "ticket-0-0")]
    gone = expire(db, tmp_path, calls_before_ms={"internal": START_MS + DAY_MS}, outcomes_before_ms=START_MS + DAY_MS, now_ms=NOW_MS, held=held)
    rows = of_files(db, tmp_path)
    assert sorted({row["unit"] for row in rows["call"]}) == ["p", "ticket-0-0", "ticket-1-0", "ticket-1-1", "ticket-1-2", "ticket-1-3"]
    assert {row["call_id"] for row in rows["attempt"]} == {row["call_id"] for row in rows["call"]}
    assert sorted(row["outcome_id"] for row in rows["outcome"]) == ["o-0", "o-1"]  # the first is of a unit that is held
    assert "ticket-0-1" not in {row["unit"] for row in rows["unit"]}
    assert {row["charge_id"] for row in rows["charge"] if row["unit"] == ""} == {"licence-0", "licence-1"}  # without a unit it names nobody
    # three calls with two attempts and a decision each, and the units of these and of the public call
    assert gone == 3 + 6 + 3 + 4
    assert expire(db, tmp_path, calls_before_ms={"internal": START_MS + DAY_MS}, outcomes_before_ms=None, now_ms=NOW_MS, held=held) == 0
    assert expire(db, tmp_path, calls_before_ms={}, outcomes_before_ms=NOW_MS, now_ms=NOW_MS) > 0
    assert of_files(db, tmp_path)["outcome"] == []
    assert verify(db, tmp_path) == []
    db.close()
