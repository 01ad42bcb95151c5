"""
`pointsman query`, `export` and `seal`, on a ledger that the ledger itself wrote.
"""

import csv
import io
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.running import CONFIGURATION
from tests.control.exports.billing import DAY_MS, MONTH, TOTAL, fill
from tests.storage.databases import each_place

from pointsman.cli import seal
from pointsman.storage.open import Place, open_writing

__all__ = ["each_place"]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    db = open_writing(tmp_path / "pointsman.db")
    fill(db)
    db.close()
    return tmp_path / "pointsman.db"


@pytest.fixture
def configured(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (ledger.parent / "pointsman.yaml").write_text(CONFIGURATION.format(url="http://127.0.0.1:1/v1", listen=8800, admin=8801), encoding="utf-8")
    monkeypatch.setattr(seal, "now_ms", lambda: MONTH[1] + 40 * DAY_MS)
    return ledger.parent


def at(place: Place | str, folder: Path) -> list[str]:
    return ["--database", str(place), "--segments", str(folder)]


# ── query ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_is_answered_as_a_table_or_json(run: Run, each_place: Place, tmp_path: Path) -> None:
    db = open_writing(each_place)
    fill(db)
    db.close()
    sql = "SELECT workflow, COUNT(*) AS calls, MIN(target) AS target, NULL AS nothing, AVG(latency_ms) AS ms FROM call GROUP BY ALL"
    done = run("query", sql, *at(each_place, tmp_path))
    assert (done.code, done.out.split()) == (0, ["workflow", "calls", "target", "nothing", "ms", "tickets", "4", "acme/large", "-", "120"])
    assert run("query", sql, *at(each_place, tmp_path), "--json").json == [
        {"workflow": "tickets", "calls": 4, "target": "acme/large", "nothing": None, "ms": 120.0}
    ]


def test_sums_too_large_for_json_and_decimals_stay_exact(run: Run, ledger: Path) -> None:
    done = run(
        "query",
        "SELECT SUM(9223372036854775807) AS a, 1.50::DECIMAL(9, 2) AS b, DATE '2026-01-01' AS c, TRUE AS d FROM call",
        *at(ledger, ledger.parent),
        "--json",
    )
    assert done.json == [{"a": str(4 * (2**63 - 1)), "b": "1.50", "c": "2026-01-01", "d": True}]


def test_rows_beyond_the_limit_are_told_of(run: Run, ledger: Path) -> None:
    done = run("query", "SELECT call_id FROM call", "--limit", "2", *at(ledger, ledger.parent))
    assert len(done.out.splitlines()) == 3
    assert "more than 2 rows" in done.err
    assert run("query", "SELECT call_id FROM call WHERE FALSE", *at(ledger, ledger.parent)).err == "No rows.\n"


def test_long_and_unprintable_texts_do_no_harm_to_a_terminal(run: Run, ledger: Path) -> None:
    done = run("query", "SELECT chr(27) || '[2J' || repeat('x', 100) AS text", *at(ledger, ledger.parent))
    assert done.out.splitlines()[1] == "�[2J" + "x" * 55 + "…"


def test_sql_may_come_from_the_standard_input(run: Run, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS n"))
    assert run("query", "-", *at(ledger, ledger.parent), "--json").json == [{"n": 7}]


def test_what_is_no_question_is_refused(run: Run, ledger: Path) -> None:
    done = run("query", "COPY call TO 'calls.csv'", *at(ledger, ledger.parent))
    assert done.code == 1
    assert "single SELECT" in done.err
    assert not (ledger.parent / "calls.csv").exists()


# ── export ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_month_becomes_a_focus_file_that_passes_the_check(run: Run, ledger: Path, suffix: str) -> None:
    target = ledger.parent / f"focus.{suffix}"
    done = run("export", "focus", "--month", "2026-01", "--to", str(target), *at(ledger, ledger.parent))
    assert (done.code, done.out) == (0, f"Wrote 9 rows of 2026-01 to {target}: $0.00226.\n")
    assert run("export", "check", str(target)).out == "9 rows are FOCUS 1.4, dataset Cost and Usage, as far as a file tells.\n"
    told = run("export", "focus", "--month", "2026-01", "--to", str(target), *at(ledger, ledger.parent), "--json").json
    assert told == {"rows": 9, "billed_nano_usd": TOTAL, "file": str(target)}


def test_a_file_that_is_not_focus_is_told(run: Run, ledger: Path) -> None:
    target = ledger.parent / "focus.csv"
    run("export", "focus", "--month", "2026-01", "--to", str(target), *at(ledger, ledger.parent))
    rows = list(csv.reader(target.open(encoding="utf-8")))
    rows[2][rows[0].index("ChargeCategory")] = "Fun"
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = run("export", "check", str(target))
    assert done.code == 1
    assert "ChargeCategory    is none of the allowed values" in done.out
    assert run("export", "check", str(target), "--json").json["faults"][0]["first"] == 2


def test_an_empty_month_and_a_wrong_one_are_told(run: Run, ledger: Path) -> None:
    done = run("export", "focus", "--month", "2025-01", "--to", "focus.csv", *at(ledger, ledger.parent))
    assert (done.code, done.err) == (1, "Nothing was spent in 2025-01. Name another month, or another ledger with --database.\n")
    assert "2026-10" in run("export", "focus", "--month", "January", "--to", "focus.csv", *at(ledger, ledger.parent)).err
    assert ".parquet" in run("export", "focus", "--month", "2026-01", "--to", "focus.xlsx", *at(ledger, ledger.parent)).err
    assert not list(ledger.parent.glob("focus.*"))
    (ledger.parent / "focus.txt").touch()
    assert run("export", "check", "focus.txt").code == 1


def test_any_question_can_be_written_to_a_file(run: Run, ledger: Path) -> None:
    sql = "SELECT target, SUM(cost_nano_usd)::BIGINT AS nano_usd, AVG(latency_ms) AS ms FROM attempt GROUP BY 1 ORDER BY 1"
    for suffix in ("csv", "parquet"):
        done = run("export", "rows", sql, "--to", f"rows.{suffix}", *at(ledger, ledger.parent), "--json")
        assert done.json == {"rows": 4, "file": f"rows.{suffix}"}
    assert (ledger.parent / "rows.csv").read_text(encoding="utf-8").splitlines()[1] == "acme/large,2200000,120.0"
    assert run("export", "rows", "SELECT 1 WHERE FALSE", "--to", "no.csv", *at(ledger, ledger.parent)).code == 1
    assert run("export", "rows", "SELEC", "--to", "no.csv", *at(ledger, ledger.parent)).code == 1
    assert run("export", "rows", sql, "--to", "rows.csv", *at(ledger, ledger.parent)).out == "Wrote 4 rows to rows.csv.\n"


# ── seal ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_days_are_sealed_detached_and_verified(run: Run, configured: Path) -> None:
    before = run("query", "SELECT COUNT(*) AS n, SUM(cost_nano_usd) AS cost FROM attempt", "--json").json
    assert run("seal").out.startswith("Wrote 13 files. Detached 0 rows")
    done = run("seal", "--detach-after", "30d", "--json").json
    assert (done["written"], done["detached_days"]) == (0, 4)
    assert done["detached_rows"] > 10
    assert run("query", "SELECT COUNT(*) AS n, SUM(cost_nano_usd) AS cost FROM attempt", "--json").json == before
    assert run("seal", "--verify").out == "Every file is the one that was sealed.\n"
    assert run("seal", "--verify", "--json").json == {"good": True, "damaged": []}
    next(iter((configured / "pointsman.segments" / "call").glob("dt=2026-01-01/*"))).write_bytes(b"")
    done = run("seal", "--verify")
    assert done.code == 1
    assert "not what was sealed: `call/dt=2026-01-01/" in done.err
    assert run("seal", "--verify", "--json").code == 1


def test_a_legal_hold_keeps_rows_in_the_database(run: Run, configured: Path) -> None:
    assert run("retention", "hold", "--unit", "default/t-1", "--why", "case 7").code == 0
    run("seal", "--detach-after", "1d")
    db = open_writing(configured / "pointsman.db")
    assert db.rows("SELECT COUNT(*) AS n FROM call") == [{"n": 4}]
    db.close()


def test_a_span_that_is_none_and_a_folder_that_is_a_file_are_told(run: Run, configured: Path) -> None:
    assert run("seal", "--detach-after", "soon").code == 2
    (configured / "file").touch()
    done = run("seal", "--segments", "file/inside")
    assert done.code == 3
    assert "cannot be sealed" in done.err
