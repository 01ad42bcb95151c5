"""
Switching from the command line: done, on record, and told.
"""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

FILE = "capabilities: {support: {ladder: [openai/gpt-5-mini]}}\n"


@pytest.fixture(autouse=True)
def configured(tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text(FILE)


def records(folder: Path) -> list[dict[str, object]]:
    lines = (line for path in sorted((folder / "pointsman.audit").rglob("*.jsonl")) for line in path.read_text().splitlines())
    return [json.loads(line) for line in lines]


def test_what_is_switched_off_is_listed_and_on_record_until_it_is_on(run: Run, tmp_path: Path) -> None:
    done = run("switch", "off", "vendor", "openai", "--reason", "it answers nonsense")
    assert (done.code, done.err) == (0, "")
    assert done.out == "The vendor `openai` is off. `pointsman switch on vendor openai` lets it run again.\n"
    (listed,) = run("switch", "list", "--json").json
    assert (listed["kind"], listed["name"], listed["reason"]) == ("vendor", "openai", "it answers nonsense")
    assert "it answers nonsense" in run("switch", "list").out
    assert run("switch", "on", "vendor", "openai", "--json").json == {"kind": "vendor", "name": "openai"}
    assert run("switch", "list", "--json").json == []
    facts = [one["facts"] for one in records(tmp_path) if one["kind"] == "admin"]
    assert [(fact["what"], fact["name"]) for fact in facts if isinstance(fact, dict)] == [("switched_off", "openai"), ("switched_on", "openai")]


def test_a_name_that_nothing_bears_is_kept_with_a_warning(run: Run) -> None:
    done = run("switch", "off", "target", "openai/gpt-9", "--reason", "not yet", "--json")
    assert (done.code, done.json["name"]) == (0, "openai/gpt-9")
    assert "no target `openai/gpt-9`" in done.err


def test_what_is_not_off_cannot_be_switched_on(run: Run) -> None:
    done = run("switch", "on", "vendor", "openai")
    assert (done.code, "is not off" in done.err) == (1, True)


def test_with_nothing_off_the_list_says_how_to_switch(run: Run) -> None:
    run("switch", "off", "vendor", "openai", "--reason", "why")
    run("switch", "on", "vendor", "openai")
    assert "pointsman switch off vendor NAME" in run("switch", "list").err


def test_a_switch_shows_in_explanations(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567890")
    run("switch", "off", "vendor", "openai", "--reason", "it lies")
    told = run("explain", "--capability", "support", "--json", "Hello")
    (candidate,) = told.json["candidates"]
    assert candidate["code"] == "switched_off"
    run("switch", "off", "capability", "support", "--reason", "it lies more")
    assert "it lies more" in run("explain", "--capability", "support", "Hello").out
