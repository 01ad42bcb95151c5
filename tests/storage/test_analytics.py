import sys
from pathlib import Path

import pytest
from tests.ledger.entries import START_MS
from tests.storage.databases import each_place
from tests.storage.sealing import NOW_MS, fill

from pointsman.core.errors import BadRequest, ExtraMissing, Unusable
from pointsman.storage.analytics import Analytics
from pointsman.storage.open import Place, open_writing
from pointsman.storage.segments import seal

__all__ = ["each_place"]


@pytest.fixture
def asked(tmp_path: Path) -> Analytics:
    db = open_writing(tmp_path / "ledger.db")
    fill(db)
    seal(db, tmp_path / "segments", day_ms=START_MS, now_ms=NOW_MS)
    db.close()
    return Analytics(tmp_path / "ledger.db", tmp_path / "segments", most_s=20.0)


def test_tables_join_across_files_and_hot_rows(each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db)
    seal(db, tmp_path, day_ms=START_MS, now_ms=NOW_MS)
    db.close()
    with Analytics(each_place, tmp_path) as asked:
        found = asked.rows(
            "SELECT call.workflow, COUNT(*) AS n, SUM(attempt.cost_nano_usd) AS cost FROM call JOIN attempt USING (call_id)"
            " WHERE call.started_ms >= :since AND call.status <> ':since' GROUP BY ALL",
            {"since": START_MS},
        )
        assert found == [{"workflow": "support", "n": 16, "cost": 2 * (1000 + 1001 + 1002 + 1003)}]
        assert asked.rows("SELECT SUM(calls) AS n FROM rollup_day") == [{"n": 8}]


def test_sealed_rows_have_every_column_of_the_table_and_people_are_not_named(asked: Analytics) -> None:
    assert asked.rows('SELECT DISTINCT "user", reviewer FROM call LEFT JOIN review USING (call_id)') == [{"user": None, "reviewer": None}]


def test_unknown_costs_stay_unknown(asked: Analytics) -> None:
    assert asked.rows("SELECT COUNT(*) AS n, COUNT(cost_nano_usd) AS known FROM attempt") == [{"n": 16, "known": 8}]


def test_reviews_that_wait_are_there_too(asked: Analytics) -> None:
    assert asked.rows("SELECT done_ms IS NULL AS waits, COUNT(*) AS n FROM review GROUP BY 1 ORDER BY 1") == [{"waits": False, "n": 2}, {"waits": True, "n": 2}]


def test_no_more_rows_than_asked_for(asked: Analytics) -> None:
    assert len(asked.rows("SELECT * FROM attempt", most_rows=3)) == 3


def test_the_tables_and_their_columns_can_be_listed(asked: Analytics) -> None:
    names = {row["name"] for row in asked.rows("SHOW TABLES")}
    assert {"call", "attempt", "unit", "rollup_day", "infra_cost"} <= names
    assert not {"snapshot", "segment"} & names
    assert {"column_name": "tokens_in", "column_type": "BIGINT"}.items() <= asked.rows("DESCRIBE attempt")[7].items()
    assert asked.rows("SELECT COUNT(*) AS n FROM call") == [{"n": 8}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_text('{folder}/../ledger.db')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM glob('/etc/*')",
        "COPY call TO '{folder}/out.csv'",
        "COPY (SELECT 1) TO '/tmp/analytics-out.csv'",
        "ATTACH '/tmp/analytics-other.db'",
        "INSTALL httpfs",
        "LOAD sqlite",
        "SET memory_limit = '9GB'",
        "PRAGMA database_list",
        "CREATE TABLE mine (a INT)",
        "DROP VIEW call",
        "SELECT 1; SELECT 2",
        "",
        "SELEC 1",
        "SELECT nothing FROM call",
        "SELECT * FROM sys.path",
        "SELECT * FROM tmp_path",
    ],
)
def test_a_question_reads_tables_and_nothing_else(asked: Analytics, tmp_path: Path, sql: str) -> None:
    with pytest.raises(BadRequest, match=r"\.$"):
        asked.rows(sql.replace("{folder}", str(tmp_path / "segments")))
    assert not list((tmp_path / "segments").glob("*.csv"))


def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    open_writing(tmp_path / "ledger.db").close()
    with Analytics(tmp_path / "ledger.db", tmp_path, most_s=0.1) as asked, pytest.raises(BadRequest, match=r"longer than 0\.1 s"):
        asked.rows("SELECT SUM(a.range * b.range) FROM range(10000000) a, range(10000000) b")


def test_a_question_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    open_writing(tmp_path / "ledger.db").close()
    with Analytics(tmp_path / "ledger.db", tmp_path, memory_mb=32) as asked, pytest.raises(BadRequest, match="memory"):
        asked.rows("SELECT range, COUNT(*) FROM range(100000000) GROUP BY 1 ORDER BY 2")


def test_a_ledger_that_is_not_there_is_told(tmp_path: Path) -> None:
    with Analytics(tmp_path / "none.db", tmp_path) as asked, pytest.raises(Unusable, match="no ledger"):
        asked.rows("SELECT 1 FROM call")


def test_without_duckdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ExtraMissing, match=r"pointsman\[analytics\]"):
        Analytics(tmp_path / "ledger.db", tmp_path)
