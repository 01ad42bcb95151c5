"""
Incidents, objectives and roll-backs from the command line.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.ledger.entries import a_record, an_entry

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.control.snapshots.history import Kept, keep
from pointsman.storage.batch import Batch
from pointsman.storage.open import open_writing
from pointsman.storage.records import write_batch

GOOD = """
capabilities: {support: {ladder: [openai/gpt-5-mini]}}
workflows: {support: {capabilities: [support], objectives: {answered: {kind: success, share: 0.99}}}}
"""
BAD = GOOD.replace("gpt-5-mini", "gpt-5-nano")


@pytest.fixture
def lived_in(tmp_path: Path) -> Path:
    """A folder whose configuration changed half an hour ago, since when nothing was answered."""
    path, at_ms = tmp_path / "pointsman.yaml", now_ms()
    kept: list[tuple[Kept, dict[str, str]]] = []
    for source, ago_ms in ((GOOD, 7_200_000), (BAD, 1_800_000)):
        path.write_text(source)
        parent = kept[-1][0].digest if kept else None
        kept.append((Kept(digest=settings_at(path).snapshot.digest, since_ms=at_ms - ago_ms, parent=parent, author="bob"), {"pointsman.yaml": source}))
    with closing(open_writing(tmp_path / "pointsman.db")) as db:
        for one, files in kept:
            keep(db, one, files=files)
        entries = (an_entry(error="server_error"),)
        records = [a_record(n, at_ms=at_ms - 60_000 + n, status="exhausted", workflow="support", entries=entries) for n in range(30)]
        write_batch(db, Batch(records=records))
    return tmp_path


def opened(run: Run, *more: str) -> dict[str, Any]:
    return run("incident", "open", "--title", "Nothing is answered", "--workflow", "support", "--since", "10m", "--json", *more).json


def test_an_incident_is_opened_looked_into_and_closed(run: Run, lived_in: Path) -> None:
    assert lived_in.exists()
    one = opened(run)
    shown = run("incident", "show", one["incident_id"]).out
    assert "30 calls, 30 not answered" in shown
    assert "The capability `support`: `ladder` is openai/gpt-5-nano, and was openai/gpt-5-mini." in shown
    assert "server_error" in shown
    assert run("incident", "note", one["incident_id"], "Looking.").code == 0
    assert "Nothing is answered" in run("incident", "list").out
    assert run("incident", "close", one["incident_id"], "--note", "It was the model.").code == 0
    assert run("incident", "list", "--open", "--json").json == []
    told = run("incident", "show", one["incident_id"], "--json").json
    assert [note["kind"] for note in told["timeline"]][-2:] == ["note", "closed"]


def test_more_calls_than_a_page_are_paged(run: Run, lived_in: Path) -> None:
    assert lived_in.exists()
    one = opened(run)
    first = run("incident", "show", one["incident_id"], "--json").json["met"]
    rest = run("incident", "show", one["incident_id"], "--after", first["after"], "--json").json["met"]
    assert [len(first["met"]), len(rest["met"])] == [20, 10]
    assert f"--after {first['after']}" in run("incident", "show", one["incident_id"]).err


def test_one_command_goes_back_and_says_so_on_the_timeline(run: Run, lived_in: Path) -> None:
    one = opened(run)
    done = run("rollback", "--incident", one["incident_id"])
    assert done.code == 0
    assert "The capability `support`: `ladder` is openai/gpt-5-mini, and was openai/gpt-5-nano." in done.out
    assert (lived_in / "pointsman.yaml").read_text() == GOOD
    told = run("incident", "show", one["incident_id"], "--json").json["timeline"][-1]
    assert (told["kind"], told["says"].startswith("Rolled back to snapshot")) == ("rolled_back", True)


def test_snapshots_are_listed_and_gone_back_to_by_their_first_characters(run: Run, lived_in: Path) -> None:
    newest, oldest = run("rollback", "--list", "--json").json
    assert (newest["parent"], newest["author"]) == (oldest["digest"], "bob")
    assert oldest["digest"] in run("rollback", "--list").out
    assert run("rollback", "--to", oldest["digest"][:6], "--json").json["to"] == oldest["digest"]
    assert (lived_in / "pointsman.yaml").read_text() == GOOD
    assert "already" in run("rollback", "--to", oldest["digest"]).err


def test_a_configuration_that_cannot_be_read_any_more_goes_back_to_the_one_in_force(run: Run, lived_in: Path) -> None:
    path = lived_in / "pointsman.yaml"
    path.write_text("capabilities: [")
    assert run("rollback").code == 0
    assert path.read_text() == BAD
    undone = run("rollback", "--list", "--json").json[0]
    assert undone["digest"] != settings_at(path).snapshot.digest  # what was written over is on record
    path.unlink()
    assert run("rollback").code == 3


def test_a_ledger_elsewhere_is_named(run: Run, lived_in: Path) -> None:
    (lived_in / "pointsman.db").rename(lived_in / "elsewhere.db")
    (lived_in / "pointsman.yaml").write_text("capabilities: [")
    assert run("rollback", "--database", "elsewhere.db").code == 0
    assert (lived_in / "pointsman.yaml").read_text() == BAD


@pytest.mark.parametrize("words", [("rollback", "--to", "ffffff"), ("rollback", "--incident", "none"), ("incident", "show", "none")])
def test_what_is_not_on_record_changes_nothing(run: Run, lived_in: Path, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.code, "on record" in done.err) == (1, True)
    assert (lived_in / "pointsman.yaml").read_text() == BAD


def test_objectives_show_what_is_left_and_what_burns(run: Run, lived_in: Path) -> None:
    assert lived_in.exists()
    done = run("objectives")
    assert "answered" in done.out
    assert "`support` misses its objective `answered`" in done.err
    found = run("objectives", "--json").json
    assert [(one["objective"], one["good"], one["total"]) for one in found["objectives"]] == [("answered", 0, 30)]
    assert found["burning"][0]["rule"] == "fast"


def test_what_is_empty_says_how_to_fill_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("capabilities: {support: {ladder: [openai/gpt-5-mini]}}\n")
    open_writing(tmp_path / "pointsman.db").close()
    assert "workflows.NAME.objectives" in run("objectives").err
    assert "pointsman incident open" in run("incident", "list").err
    assert "pointsman up" in run("rollback", "--list").err
    assert run("incident", "open", "--title", "x", "--since", "yesterday").code == 2


def test_an_incident_needs_a_title_and_one_of_an_unknown_workflow_says_so(run: Run, lived_in: Path) -> None:
    assert lived_in.exists()
    assert "it is empty" in run("incident", "open", "--title", " ").err
    done = run("incident", "open", "--title", "Nothing is answered", "--workflow", "none")
    assert (done.code, "no workflow `none`" in done.err) == (0, True)
