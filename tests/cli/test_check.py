"""
`pointsman check`: every mistake at once, and what a good file means.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from tests.cli.conftest import Run

GOOD = """\
vendors:
  lab: {kind: vllm, base_url: "http://127.0.0.1:9/v1", credential: file:key.txt}
targets:
  small: {vendor: lab, model: qwen3}
capabilities:
  support: {ladder: [small, openai/gpt-6-luna], cache: true, rules: rules.yaml}
  other: {ladder: [anthropic/claude-haiku-5-5]}
limits:
  - {name: pace, by: capability, requests_per_minute: 60}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text("rows: [{then: answer, answer: yes please, when: 'text == \"yes\"'}]")
    path = tmp_path / "pointsman.yaml"
    path.write_text(GOOD)
    return path


def test_a_good_file_is_told_with_its_ladders(run: Run, good: Path) -> None:
    done = run("check")

    assert done.code == 0
    assert done.out.startswith("pointsman.yaml is good · snapshot ")
    assert "· no keys · 1 limit\n" in done.out
    assert "\nsupport     restricted  rules → cache → small → openai/gpt-6-luna\n" in done.out
    assert "\nother       restricted  anthropic/claude-haiku-5-5\n" in done.out


def test_missing_credentials_are_warnings_and_mistakes_only_where_strictness_was_asked_for(run: Run, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-tests")
    done, strict = run("check"), run("check", "--strict")

    assert (done.code, strict.code) == (0, 1)
    for told in (done, strict):
        assert "warning: " in told.err
        assert "`ANTHROPIC_API_KEY`" in told.err
        assert "`key.txt`" in told.err
        assert "OPENAI" not in told.err


def test_with_every_credential_strictness_finds_nothing(run: Run, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-tests")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-tests")
    (good.parent / "key.txt").write_text("secret-of-the-tests")
    (good.parent / "key.txt").chmod(0o600)

    assert run("check", "--strict").code == 0


def test_what_may_surprise_about_data_is_told(run: Run, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    later = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    contract = {"zone": "contracted", "terms": {"retention_days": 0, "trains": False, "agreements": ["dpa"]}}
    vendors = {
        "over": {"terms": {"next_review": "2026-01-31"}, "region": "eu"},
        "ending": {"terms": {"next_review": soon}, "region": "eu"},
        "good": {"terms": {"next_review": later}, "region": "eu"},
        "somewhere": contract,
        "own": {"zone": "private"},
    }
    told = {
        "vendors": {name: {"kind": "openai_compatible", "base_url": f"https://{name}.example.com/v1", **one} for name, one in vendors.items()},
        "targets": {name: {"vendor": name, "model": "m", **({"place": "private"} if name == "own" else {})} for name in vendors},
        "capabilities": {"support": {"ladder": list(vendors), "ignore_findings": ["phone"]}},
        "policy": {"waive": ["health-not-public"]},
    }
    (tmp_path / "pointsman.yaml").write_text(yaml.safe_dump(told))
    done, found = run("check"), run("check", "--json").json

    assert done.code == 0
    assert "the review of `over` lapsed on 2026-01-31, so nothing is sent there." in done.err
    assert f"the review of `ending` lapses on {soon};" in done.err
    assert "it is not known where `somewhere` processes data, so personal data does not go there. Set its `region`." in done.err
    assert "the claim `health-not-public` is given up" in done.err
    assert "`support` lets pass what is found of `phone`." in done.err
    assert not any(f"`{name}`" in done.err.partition("Prices are known")[0] for name in ("good", "own"))
    assert (found["lapsed"], found["lapses_soon"], found["without_region"]) == ({"over": "2026-01-31"}, {"ending": soon}, ["somewhere"])
    assert (found["waived"], found["ignored_findings"]) == (["health-not-public"], {"support": ["phone"]})


def test_a_policy_without_the_template_may_let_personal_data_go_anywhere_so_nothing_is_said_of_regions(run: Run, tmp_path: Path) -> None:
    source = 'vendors: {lab: {kind: openai_compatible, base_url: "https://lab.example.com/v1"}}\ncapabilities: {support: {ladder: [lab/m]}}\n'
    (tmp_path / "pointsman.yaml").write_text(source)
    assert run("check", "--json").json["without_region"] == ["lab"]
    (tmp_path / "pointsman.yaml").write_text(source + "policy: {template: none}\n")
    assert run("check", "--json").json["without_region"] == []


def test_targets_without_a_price_are_named_with_the_share_that_has_one(run: Run, good: Path) -> None:
    done = run("check")

    assert "Prices are known for 67% of the targets. The cost of calls is unknown at `small`." in done.err


def test_the_result_as_json_says_the_same(run: Run, good: Path) -> None:
    told = run("check", "--json").json

    assert told["ok"] is True
    assert told["capabilities"]["support"] == {
        "ladder": ["small", "openai/gpt-6-luna"],
        "cache_ttl_s": 3600.0,
        "rules": "rules.yaml",
        "data_class": "restricted",
    }
    assert told["without_price"] == ["small"]
    assert told["price_coverage"] == pytest.approx(2 / 3)
    assert len(told["missing_credentials"]) == 3
    assert told["limits"] == ["pace"]


def test_all_mistakes_are_told_at_once_each_with_file_line_path_and_remedy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("capabilities:\n  a: {ladder: [opnai/gpt]}\n  b: {ladder: [openai/x, openai/x]}\n")

    done = run("check")

    assert done.code == 1
    first, second = done.err.strip().split("\n")
    assert first.startswith("pointsman.yaml:2: capabilities.a.ladder[0]: there is no target `opnai/gpt`. ")
    assert second.startswith("pointsman.yaml:3: capabilities.b.ladder[1]: this rung can never be tried")
    assert done.out == ""


def test_mistakes_as_json_can_be_shown_by_an_editor(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text("capabilities:\n  a: {ladder: [opnai/gpt]}\n")

    mistake = run("check", "--json").json["error"]["mistakes"][0]

    assert (mistake["file"], mistake["line"], mistake["path"]) == ("pointsman.yaml", 2, "capabilities.a.ladder[0]")


def test_a_file_that_is_not_there_leads_to_init(run: Run) -> None:
    done = run("check", "--config", "nowhere.yaml")

    assert done.code == 1
    assert done.err.startswith("nowhere.yaml: ")
    assert "`pointsman init`" in done.err


def test_the_schema_for_editors_accepts_what_the_gateway_accepts(run: Run) -> None:
    schema = json.loads(run("check", "--schema").out)

    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid(yaml.safe_load(GOOD))
    assert not validator.is_valid({"capabilities": {"a": {"leader": ["x"]}}})
