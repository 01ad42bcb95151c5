"""
`pointsman learn`: what it shows before, while and after something was learned.
"""

import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.ledger.entries import a_record, an_entry, an_outcome

from pointsman.storage.batch import Batch
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch

FILE = """
capabilities: {triage: {ladder: [openai/gpt-5-mini, openai/gpt-5], unit: ticket, routing: {by: value}}}
"""
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def configured(tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text(FILE)
    open_writing(tmp_path / "pointsman.db").close()


def tell(folder: Path, count: int, *, success: bool = True, first: int = 0) -> None:
    at_ms = time.time_ns() // 1_000_000 - 20 * DAY_MS
    told = range(first, first + count)
    records = [
        a_record(number, at_ms=at_ms + number, capability="triage", unit=f"t{number}", entries=(an_entry(target="openai/gpt-5-mini"),)) for number in told
    ]
    outcomes = [an_outcome(f"t{number}", f"o{number}", at_ms=at_ms + number + 1, success=success) for number in told]
    with closing(open_writing(folder / "pointsman.db")) as db:
        write_batch(db, Batch(records=records, outcomes=outcomes))


def test_before_anything_was_learned_it_says_what_to_do(run: Run) -> None:
    done = run("learn")
    assert (done.code, done.out) == (0, "")
    assert "pointsman learn --once" in done.err
    assert "too little was told" in run("learn", "--once").err


def test_what_was_learned_is_shown_with_its_interval_and_what_moved(run: Run, tmp_path: Path) -> None:
    tell(tmp_path, 30)
    done = run("learn", "--once")
    assert done.code == 0
    assert "are in force from now on" in done.out
    assert "Learned from 30 outcomes." in done.out
    tell(tmp_path, 30, success=False, first=30)
    shown = run("learn", "--once", "--show").out
    assert " → " in shown
    assert "`openai/gpt-5-mini` on `triage`" in shown
    assert "90 % within" in shown
    told = run("learn", "--json").json
    (row,) = told["known"]
    assert row["low"] < row["quality"] < row["high"]
    assert told["version"]["labels"] == 60


def test_a_dry_run_says_what_would_be_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    tell(tmp_path, 30)
    done = run("learn", "--dry-run")
    assert "nothing was put in force" in done.err
    assert "Learned from 30 outcomes." in done.out
    assert not (tmp_path / "learned.json").exists()
    assert run("learn", "--dry-run", "--json").json["judged"] == 30


def test_learning_by_hand_is_on_record(run: Run, tmp_path: Path) -> None:
    tell(tmp_path, 30)
    assert run("learn", "--anew", "--json").json["is_new"]
    lines = "".join(path.read_text() for path in (tmp_path / "pointsman.audit").rglob("*.jsonl"))
    assert '"learned"' in lines
