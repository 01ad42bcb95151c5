"""
Erasing from the command line: told, on record, and nothing without being asked for.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.ledger.content.kept import CANARY, a_said, files_holding
from tests.ledger.entries import a_record

from pointsman.cli.configuration import now_ms
from pointsman.cli.kept import kept
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.writer import Ledger

FILE = "capabilities: {support: {ladder: [openai/gpt-5-mini]}}\naudit: {copies: ['file:outside']}\n"
ADA = "ada@example.com"


@pytest.fixture
def lived_in(tmp_path: Path) -> Path:
    """A folder in which calls were made and content was kept."""
    path = tmp_path / "pointsman.yaml"
    path.write_text(FILE)
    at_ms = now_ms() - 60_000
    with kept(path) as found:
        store = ContentStore(found.files.content, found.files.keys)
        for number, user in enumerate([ADA, "bob", ADA]):
            store.keep(a_said(number, said_ms=at_ms, tenant="default", subject=user))
        store.close()
        ledger = Ledger(found.files.ledger)
        for number, user in enumerate([ADA, "bob", ADA]):
            ledger.book(a_record(number, at_ms=at_ms, user=user, unit=f"mail {user}"))
        ledger.close()
    return tmp_path


def users(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "pointsman.db")) as connection:
        return [user for (user,) in connection.execute("SELECT user FROM call ORDER BY call_id")]


def audited(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the audit records of a kind, read as lines of JSON."""
    lines = [line for path in sorted(folder.rglob("*")) if path.is_file() and "pointsman.audit" in str(path) for line in path.read_bytes().splitlines()]
    return [json.loads(line) for line in lines if line.startswith(b"{") and f'"{kind}"'.encode() in line]


def test_a_dry_run_tells_what_would_go_and_changes_nothing(run: Run, lived_in: Path) -> None:
    done = run("erase", "--subject", f"default/{ADA}", "--dry-run")
    assert done.code == 0
    assert "Would erase 2 kept contents, the name in 2 calls and 1 units" in done.out
    assert users(lived_in) == [ADA, "bob", ADA]


def test_an_erasure_is_told_on_record_and_leaves_no_byte(run: Run, lived_in: Path) -> None:
    done = run("erase", "--subject", f"default/{ADA}", "--json")
    assert (done.code, done.json["content"], done.json["calls"], done.json["units"]) == (0, 2, 2, 1)
    assert users(lived_in) == ["(erased)", "bob", "(erased)"]
    assert files_holding(lived_in, ADA, CANARY) == []
    [record] = audited(lived_in, "erased")
    assert record["tenant"] == "default"
    assert ADA not in json.dumps(record)
    assert "pointsman retention drill" in run("erase", "--subject", f"default/{ADA}").err


@pytest.mark.parametrize("subject", ["ada", "/ada", "default/"])
def test_a_subject_without_its_tenant_is_refused_with_the_form_it_has(run: Run, lived_in: Path, subject: str) -> None:
    done = run("erase", "--subject", subject)
    assert done.code == 1
    assert "`TENANT/NAME`" in done.err


def test_a_held_subject_is_not_erased_and_the_exit_code_says_that_policy_said_no(run: Run, lived_in: Path) -> None:
    assert run("retention", "hold", "--subject", f"default/{ADA}", "--why", "case 7").code == 0
    done = run("erase", "--subject", f"default/{ADA}")
    assert done.code == 4
    assert "A legal hold on this subject forbids this erasure." in done.err
    assert users(lived_in) == [ADA, "bob", ADA]
    assert run("retention", "release", "--subject", f"default/{ADA}").code == 0
    assert run("erase", "--subject", f"default/{ADA}").code == 0
    assert [len(audited(lived_in, kind)) for kind in ("hold", "released", "erased")] == [1, 1, 1]


def test_without_an_audit_log_nobody_is_erased(run: Run, lived_in: Path) -> None:
    (lived_in / "pointsman.audit").write_text("in the way")
    done = run("erase", "--subject", f"default/{ADA}")
    assert done.code == 3
    assert users(lived_in) == [ADA, "bob", ADA]
