"""
Retention from the command line: what would go, what is held, and whether the erased stay erased.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.test_erase import ADA, audited, lived_in  # noqa: F401 - the fixture
from tests.ledger.content.kept import CANARY

from pointsman.cli.kept import kept, vault_reader, who

LONG = "a-new-master-key-of-the-tests-0123456789"


def backed_up(folder: Path) -> str:
    backup = folder / "backup"
    backup.mkdir()
    for path in folder.glob("pointsman*.db*"):
        if "keys" not in path.name:
            shutil.copy(path, backup / path.name)
    return str(backup)


def shortened(folder: Path) -> None:
    path = folder / "pointsman.yaml"
    path.write_text(path.read_text() + "retention: {records_for: 1m}\n")


def test_a_run_deletes_what_is_past_its_time(run: Run, lived_in: Path) -> None:  # noqa: F811
    shortened(lived_in)
    assert run("retention", "run", "--dry-run").out == "Would delete 0 kept contents, 3 calls, 0 outcomes, the keys of 0 days and 0 copies of the keys.\n"
    done = run("retention", "run", "--json")
    assert (done.code, done.json["calls"], done.json["dry_run"]) == (0, 3, False)
    assert run("retention", "run", "--json").json["calls"] == 0


def test_who_reads_what_is_kept_is_on_record_before_it_is_shown(run: Run, lived_in: Path) -> None:  # noqa: F811
    with closing(sqlite3.connect(lived_in / "pointsman-content.db")) as connection:
        call = connection.execute("SELECT max(call_id) FROM content").fetchone()[0]
    done, told = run("retention", "show", call), run("retention", "show", call, "--json").json
    assert (done.code, told["call_id"], told["tenant"]) == (0, call, "default")
    assert CANARY in done.out
    assert "`internal` data of the tenant `default`, said " in done.err
    nothing = run("retention", "show", "no-such-call")
    assert (nothing.code, nothing.out) == (1, "")
    assert "was never kept, has had its time, or was erased" in nothing.err
    read = [(one["call_id"], one.get("tenant", ""), one["actor"], one["facts"]["found"]) for one in audited(lived_in, "content_read")]
    assert sorted(read) == sorted([(call, "default", who(), 1), (call, "default", who(), 1), ("no-such-call", "", who(), 0)])


def test_what_is_held_is_listed_and_stays(run: Run, lived_in: Path) -> None:  # noqa: F811
    shortened(lived_in)
    assert run("retention", "holds").err == "Nothing is held.\n"
    for words in (("--subject", f"default/{ADA}"), ("--unit", "default/mail bob"), ("--tenant", "beta")):
        assert run("retention", "hold", *words, "--why", "case 7").code == 0
    done = run("retention", "holds")
    assert f"subject  default/{ADA}" in done.out
    assert "unit     default/mail bob" in done.out
    assert "tenant   beta" in done.out
    assert "case 7" in done.out
    assert [hold["kind"] for hold in run("retention", "holds", "--json").json["holds"]] == ["subject", "unit", "tenant"]
    assert run("retention", "run", "--json").json["calls"] == 0
    assert run("retention", "release", "--unit", "default/mail bob").code == 0
    assert run("retention", "run", "--json").json["calls"] == 1


@pytest.mark.parametrize("words", [(), ("--tenant", "a", "--unit", "a/b"), ("--unit", "b")])
def test_a_hold_is_on_one_thing(run: Run, lived_in: Path, words: tuple[str, ...]) -> None:  # noqa: F811
    assert run("retention", "hold", *words, "--why", "case 7").code == 1


def test_a_hold_that_does_not_stand_cannot_be_released(run: Run, lived_in: Path) -> None:  # noqa: F811
    done = run("retention", "release", "--tenant", "default")
    assert done.code == 1
    assert "There is no such hold." in done.err


def test_a_drill_proves_that_the_erased_stay_erased(run: Run, lived_in: Path) -> None:  # noqa: F811
    backup = backed_up(lived_in)
    run("erase", "--subject", f"default/{ADA}")
    done = run("retention", "drill", "--backup", backup, "--word", ADA)
    assert done.code == 0
    assert "1 erased subjects; the backup held 2 sealed contents of theirs" in done.out
    assert "Nothing of theirs could be read, and nothing is left." in done.out


def test_a_drill_that_finds_something_says_so(run: Run, lived_in: Path) -> None:  # noqa: F811
    backup = backed_up(lived_in)
    done = run("retention", "drill", "--backup", backup, "--word", "bob")
    assert done.code == 1
    assert "words were found in pointsman.db." in done.out
    assert run("retention", "drill", "--backup", backup, "--word", "bob", "--json").json["passed"] is False


def test_a_new_master_key_opens_what_the_old_one_did(run: Run, lived_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert run("retention", "rekey", "--to", "nonsense").code == 1
    assert run("retention", "rekey", "--to", "env:MASTER").code == 3
    monkeypatch.setenv("MASTER", LONG)
    with kept(lived_in / "pointsman.yaml") as found:
        subject = found.files.keys.subject("default", ADA)
    done = run("retention", "rekey", "--to", "env:MASTER")
    assert done.code == 0
    assert run("retention", "holds").code == 3  # the old one opens nothing
    path = lived_in / "pointsman.yaml"
    path.write_text(path.read_text() + "retention: {keys: {master: 'env:MASTER'}}\n")
    with kept(path) as found:
        assert found.files.keys.subject("default", ADA) == subject


def test_vault_is_asked_where_it_is_named(lived_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    with kept(lived_in / "pointsman.yaml") as found:
        assert vault_reader(found.settings) is None
        monkeypatch.setenv("VAULT_ADDR", "https://vault.example.com")
        assert vault_reader(found.settings) is not None


def test_whoever_has_no_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert who() == "unknown"
