import json
from pathlib import Path

import pytest
from tests.ledger.entries import START_MS, a_record, an_outcome
from tests.storage.databases import each_database, each_place
from tests.storage.sealing import KIND_NAMES, NOW_MS, counts, fill, some_calls

from pointsman.storage import duck as ducks
from pointsman.storage.analytics import Analytics
from pointsman.storage.batch import Batch
from pointsman.storage.open import Place, open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sealed_kinds import DAY_MS, segments
from pointsman.storage.segments import detach, seal, seal_due, verify
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]


def of_analytics(place: Place, folder: Path, sql: str) -> list[dict]:
    with Analytics(place, folder) as asked:
        return [dict(row) for row in asked.rows(sql)]


def everything(place: Place, folder: Path) -> dict[str, str]:
    """All rows of all tables as text, without names of people."""
    with Analytics(place, folder) as asked:
        return {
            name: json.dumps([{k: v for k, v in row.items() if k not in {"user", "reviewer"}} for row in asked.rows(f"SELECT * FROM {name} ORDER BY ALL")])
            for name in KIND_NAMES
        }


def test_a_day_is_sealed_whole_and_recorded_with_its_digest(each_database: Database, tmp_path: Path) -> None:
    fill(each_database)
    made = seal(each_database, tmp_path / "segments", day_ms=START_MS, now_ms=NOW_MS)
    assert {one.kind: one.rows_held for one in made} == {
        "call": 4, "attempt": 8, "decision": 4, "outcome": 1, "charge": 2, "review": 1, "score": 1, "unit": 4,
    }  # fmt: skip
    for one in made:
        path = tmp_path / "segments" / one.name
        assert one.name.startswith(f"{one.kind}/dt=2026-01-01/")
        assert ducks.sha256(path) == one.sha256
        assert path.stat().st_mode & 0o777 == 0o600
    assert segments(each_database) == sorted(made, key=lambda one: one.kind)
    assert verify(each_database, tmp_path / "segments") == []


def test_sealing_again_writes_nothing(each_database: Database, tmp_path: Path) -> None:
    fill(each_database)
    assert seal(each_database, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert seal(each_database, tmp_path, day_ms=START_MS, now_ms=NOW_MS) == []


def test_no_name_of_a_person_is_in_a_file(each_database: Database, tmp_path: Path) -> None:
    fill(each_database)
    seal(each_database, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    duck = ducks.connect()
    for one in segments(each_database):
        rows = ducks.found(duck, f"SELECT * FROM {ducks.files([tmp_path / one.name])}")
        assert rows
        assert "anna" not in str(rows)
        assert "berta" not in str(rows)
    duck.close()


def test_a_day_that_is_not_over_is_not_sealed(each_database: Database, tmp_path: Path) -> None:
    for now_ms in (START_MS + DAY_MS - 1, START_MS + DAY_MS):
        with pytest.raises(ValueError, match="over"):
            seal(each_database, tmp_path, day_ms=START_MS, now_ms=now_ms)
    with pytest.raises(ValueError, match="whole days"):
        seal(each_database, tmp_path, day_ms=START_MS + 1, now_ms=NOW_MS)


def test_each_row_is_seen_once_before_between_and_after_sealing_and_detaching(each_place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    db = open_writing(each_place)
    fill(db, (0, 1, 2))
    before = everything(each_place, folder)
    seal(db, folder, day_ms=START_MS, now_ms=NOW_MS)
    assert everything(each_place, folder) == before
    sealed = seal_due(db, folder, now_ms=NOW_MS, detach_after_ms=0)
    assert sealed.written == 16  # the second and the third day
    assert sealed.detached_days == 3
    assert counts(db) == {"call": 0, "attempt": 0, "decision": 0, "outcome": 0, "charge": 0, "review": 3, "score": 0, "unit": 0}  # reviews that wait
    assert everything(each_place, folder) == before
    assert seal_due(db, folder, now_ms=NOW_MS, detach_after_ms=0).written == 0
    db.close()


def test_late_rows_of_a_detached_day_make_a_second_file(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0)
    write_batch(db, Batch(records=some_calls(day=0, first=10, count=2)))
    seen = of_analytics(each_place, tmp_path, "SELECT COUNT(*) AS n, SUM(cost_nano_usd) AS cost FROM attempt")
    assert seen == [{"n": 12, "cost": 1000 + 1001 + 1002 + 1003 + 1010 + 1011}]
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert [one.rows_held for one in segments(db, "call")] == [4, 2]
    assert counts(db)["call"] == 2
    assert of_analytics(each_place, tmp_path, "SELECT COUNT(*) AS n, SUM(cost_nano_usd) AS cost FROM attempt") == seen
    assert detach(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS) > 0
    assert counts(db)["call"] == 0
    assert of_analytics(each_place, tmp_path, "SELECT COUNT(*) AS n, SUM(cost_nano_usd) AS cost FROM attempt") == seen
    db.close()


def test_a_day_that_was_changed_is_sealed_anew_while_its_rows_are_hot(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    db.execute("UPDATE attempt SET cost_nano_usd = 5 WHERE seq = 1")
    assert of_analytics(each_place, tmp_path, "SELECT SUM(cost_nano_usd) AS cost FROM attempt") == [{"cost": 20}]
    assert [one.kind for one in seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)] == ["attempt"]
    assert of_analytics(each_place, tmp_path, "SELECT SUM(cost_nano_usd) AS cost FROM attempt") == [{"cost": 20}]
    assert len([*tmp_path.glob("attempt/*/*")]) == 1
    db.close()


def test_rows_that_retention_took_leave_the_file_too(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    for name in KIND_NAMES:
        db.execute(f"DELETE FROM {name}")
    seal_due(db, tmp_path, now_ms=NOW_MS)
    assert segments(db) == []
    assert list(tmp_path.glob("*/*/*")) == []
    db.close()


def test_what_is_held_or_still_open_stays_hot(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    write_batch(db, Batch(records=[a_record(77, at_ms=START_MS + 5, unit="ticket-0-3", tenant="other", user="anna")]))
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert detach(db, tmp_path, day_ms=START_MS, now_ms=START_MS + 3 * DAY_MS) == 1  # the licence has no unit
    held = [("default", "unit", "ticket-0-0"), ("other", "tenant", "")]
    before = everything(each_place, tmp_path)
    detach(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS, held=held)
    assert [row["unit"] for row in db.rows("SELECT unit FROM call ORDER BY tenant, unit")] == ["ticket-0-0", "ticket-0-3"]
    assert counts(db) == {"call": 2, "attempt": 3, "decision": 2, "outcome": 1, "charge": 1, "review": 2, "score": 1, "unit": 2}
    assert everything(each_place, tmp_path) == before
    detach(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS, held=[("default", "subject", "anna")])
    assert [row["tenant"] for row in db.rows("SELECT tenant FROM call")] == ["default"]
    detach(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert counts(db)["call"] == 0
    assert everything(each_place, tmp_path) == before
    db.close()


def test_a_unit_that_goes_on_after_it_was_detached_counts_what_came_later_beside_what_was_sealed(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0)
    write_batch(db, Batch(records=[a_record(9, at_ms=START_MS + 20 * DAY_MS, unit="ticket-0-0")]))
    assert of_analytics(each_place, tmp_path, "SELECT calls, cost_nano_usd FROM unit WHERE unit = 'ticket-0-0' ORDER BY opened_ms") == [
        {"calls": 1, "cost_nano_usd": 1_000},
        {"calls": 1, "cost_nano_usd": 1_000},
    ]
    db.close()


def test_nothing_is_deleted_that_a_damaged_file_should_hold(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    call = next(one for one in segments(db) if one.kind == "call")
    (tmp_path / call.name).write_bytes(b"PAR1")
    assert verify(db, tmp_path) == [call.name]
    detach(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert counts(db)["call"] == 4
    (tmp_path / call.name).unlink()
    assert [one.kind for one in seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)] == ["call"]
    assert verify(db, tmp_path) == []
    db.close()


def test_what_a_process_left_when_it_died_is_no_segment_and_is_removed(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    place = tmp_path / "call" / "dt=2026-01-01"
    place.mkdir(parents=True)
    (place / ".0123.tmp").write_bytes(b"half")
    duck = ducks.connect()
    ducks.write_parquet(duck, "SELECT 1 AS call_id", folder=place)  # renamed, but not recorded
    duck.close()
    assert of_analytics(each_place, tmp_path, "SELECT COUNT(*) AS n FROM call") == [{"n": 4}]
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    assert len([*place.iterdir()]) == 1
    db.close()


def test_an_outcome_told_long_afterwards_is_sealed_with_the_day_it_speaks_of(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db, (0,))
    seal_due(db, tmp_path, now_ms=NOW_MS, detach_after_ms=0)
    write_batch(db, Batch(outcomes=[an_outcome("ticket-0-1", "late", at_ms=START_MS + 7)]))
    assert seal_due(db, tmp_path, now_ms=NOW_MS).written == 1
    assert [one.rows_held for one in segments(db, "outcome")] == [1, 1]
    assert of_analytics(each_place, tmp_path, "SELECT outcome_id FROM outcome ORDER BY 1") == [{"outcome_id": "late"}, {"outcome_id": "o-0"}]
    db.close()
