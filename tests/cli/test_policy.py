"""
`pointsman policy`: what a policy means, proves and would mean.
"""

import json
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

SHARED = """\
vendors:
  lab: {kind: vllm, base_url: "http://127.0.0.1:9/v1", region: eu}
  acme: {kind: openai, region: us, terms: {next_review: NEXT}}
targets:
  small: {vendor: lab, model: qwen3}
  big: {vendor: acme, model: gpt-6}
capabilities:
  support: {ladder: [small, big], summariser: small, ignore_findings: [person]}
  search: {ladder: [small]}
policy:
  classes: {customer: confidential}
  waive: [financial-not-public]
  rules:
    - {id: customers-here, effect: permit, classes: [customer], targets: {zone: [private]}}
    - {id: never-used, effect: forbid, classes: [customer], targets: {vendor: [nobody]}}
"""
OPEN_LEGAL = "{id: open, effect: permit, classes: [legal], targets: {zone: [public_api]}}"
CLOSE_US = "{id: close, effect: forbid, classes: [internal], targets: {region: [us]}}"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pointsman.cli.policy.now_ms", lambda: 1_795_000_000_000)  # 2026-11-18
    path = tmp_path / "pointsman.yaml"
    path.write_text(SHARED.replace("NEXT", "2030-01-01"))
    return path


def test_check_tells_what_is_proven_and_what_may_surprise(run: Run, file: Path) -> None:
    file.write_text(SHARED.replace("NEXT", "2026-12-01"))
    done = run("policy", "check")

    assert done.code == 0
    assert done.out.startswith("pointsman.yaml: policy ")
    assert "· 56 rules, 2 of your own · 5 claims proven" in done.out
    assert "\npersonal      pseudonymised*  yes*           yes            yes       yes       user         full         yes\n" in done.out
    assert "\ncustomer      no              no             yes            no        no        no           no           no\n" in done.out
    assert "warning: the claim `financial-not-public` is given up" in done.err
    assert "warning: the rule `never-used` applies to nothing" in done.err
    assert "warning: the review of `acme` lapses on 2026-12-01;" in done.err
    assert "warning: `support` lets pass what is found of `person`." in done.err


def test_check_tells_of_a_review_that_lapsed(run: Run, file: Path) -> None:
    file.write_text(SHARED.replace("NEXT", "2026-11-01"))

    assert "the review of `acme` lapsed on 2026-11-01, so nothing is sent there" in run("policy", "check").err
    assert run("policy", "check", "--json").json["lapsed"] == {"acme": "2026-11-01"}


def test_check_as_data_and_as_cedar(run: Run) -> None:
    found = run("policy", "check", "--json").json

    assert (found["own_rules"], found["unused_rules"], found["waived"], found["broken"]) == (
        ["customers-here", "never-used"],
        ["never-used"],
        ["financial-not-public"],
        [],
    )
    assert found["matrix"]["secret"]["private"] == "no"
    assert '@id("customers-here")\npermit (principal, action, resource)\n' in run("policy", "check", "--cedar").out


def test_a_policy_that_leaves_nothing_open_needs_no_footnote(run: Run, file: Path) -> None:
    file.write_text(file.read_text().replace("policy:\n", "policy:\n  template: none\n"))
    done = run("policy", "check")

    assert "2 rules, 2 of your own" in done.out
    assert "depends on" not in done.err


def test_a_policy_that_breaks_a_claim_does_not_load(run: Run, file: Path) -> None:
    file.write_text(SHARED.replace("NEXT", "2030-01-01") + f"    - {OPEN_LEGAL}\n")
    done = run("policy", "check")

    assert done.code == 1
    assert "`legal-only-private` says never" in done.err


def test_explain_tells_of_each_target_why(run: Run) -> None:
    done = run("policy", "explain", "--class", "personal", "--class", "internal", "--capability", "support")

    assert done.code == 0
    assert done.out.startswith("support · key local · internal+personal data (confidential) · infer · policy ")
    assert "\nsmall   private     yes   -\n" in done.out
    assert "\nbig     public_api  yes   pseudonymise internal, pseudonymise personal\n" in done.out
    assert "  big is open: the policy permits `internal+personal` data there; first" in done.out
    assert "Answers are shared with: user. Of the content is kept: full." in done.out


def test_explain_as_data(run: Run) -> None:
    found = run("policy", "explain", "--class", "legal", "--capability", "search", "--action", "judge", "--json").json

    assert (found["label"], found["level"], found["action"], found["record_before_egress"]) == ("legal", "restricted", "judge", True)
    assert [(one["target"], one["is_open"], one["code"]) for one in found["targets"]] == [
        ("small", True, "permitted"),
        ("big", False, "policy:no_permit:legal"),
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--class", "legl", "--capability", "support"), "no data class `legl`"),
        (("--class", "legal", "--capability", "suport"), "no capability `suport`"),
        (("--class", "legal", "--capability", "support", "--key-id", "web"), "no key `web`"),
    ],
)
def test_explain_names_what_leads_nowhere(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run("policy", "explain", *words)

    assert done.code == 1
    assert says in done.err
    assert "Those there are: `" in done.err


def test_explain_takes_the_first_key_that_may_use_the_capability(run: Run, file: Path) -> None:
    keys = "keys:\n  a: {sha256: '" + "0" * 64 + "', capabilities: [search]}\n  b: {sha256: '" + "1" * 64 + "'}\n"
    file.write_text(file.read_text() + keys)

    assert "support · key b ·" in run("policy", "explain", "--class", "legal", "--capability", "support").out
    assert "support · key a ·" in run("policy", "explain", "--class", "legal", "--capability", "support", "--key-id", "a").out


def test_what_if_shows_the_cells_that_a_rule_would_change(run: Run) -> None:
    done = run("policy", "what-if", "--rule", CLOSE_US)

    assert done.code == 0
    assert "\ninternal  big     pseudonymised  →  no     every key and capability\n" in done.out
    assert "2 of 110 cells change." in done.out


def test_what_if_tells_which_claim_would_break_and_asks_cedar(run: Run) -> None:
    done = run("policy", "what-if", "--rule", OPEN_LEGAL, "--rule", CLOSE_US, "--cedar", "--json")

    assert done.code == 1
    assert [one for one in done.json["broken"] if "`legal-only-private`" in one] != []
    assert {(one["data_class"], one["after"]) for one in done.json["changes"]} == {("legal", "yes"), ("internal", "no")}
    assert done.json["disagreements"] == 0 < done.json["decisions"]
    told = run("policy", "what-if", "--rule", OPEN_LEGAL, "--cedar")
    assert "lines open what was closed" in told.out
    assert "It would not load: `legal` data can reach `big`" in told.out
    assert "the same." in told.out


def test_what_if_without_cedar_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    done = run("policy", "what-if", "--rule", CLOSE_US, "--cedar")

    assert done.code == 3
    assert "pip install 'pointsman[cedar]'" in done.err


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{id: x, effect: forbad}", "is no rule"),
        ("{id: [", "is no rule"),
        ("{id: x, effect: forbid, when: now > 3}", "rule `x`: when: a policy cannot ask for `now`."),
    ],
)
def test_what_if_refuses_what_is_no_rule(run: Run, rule: str, says: str) -> None:
    done = run("policy", "what-if", "--rule", rule)

    assert done.code == 1
    assert says in done.err


def test_what_if_takes_rules_or_a_file(run: Run) -> None:
    assert run("policy", "what-if").code == 2
    assert run("policy", "what-if", "--rule", CLOSE_US, "--file", "pointsman.yaml").code == 2


def test_diff_and_what_if_compare_two_files(run: Run, file: Path) -> None:
    (file.parent / "new.yaml").write_text(file.read_text() + f"    - {CLOSE_US}\n")
    told, same = run("policy", "diff", "pointsman.yaml", "new.yaml"), run("policy", "diff", "new.yaml", "new.yaml")

    assert "\ninternal  big     pseudonymised  →  no     every key and capability\n" in told.out
    assert same.out == "0 of 110 cells change.\n"
    assert json.loads(run("policy", "diff", "pointsman.yaml", "new.yaml", "--json").out)["changes"][0]["before"] == "pseudonymised"
    assert run("policy", "what-if", "--file", "new.yaml").out == told.out


def test_a_change_for_some_keys_names_them(run: Run, file: Path) -> None:
    keys = "keys:\n" + "".join(f"  k{number}: {{sha256: '{str(number) * 64}', groups: [g{number % 2}]}}\n" for number in range(10))
    file.write_text(file.read_text() + keys)
    one = run("policy", "what-if", "--rule", CLOSE_US.replace("targets", "principals: {key: [k1]}, targets"))
    many = run("policy", "what-if", "--rule", CLOSE_US.replace("targets", "principals: {groups: [g1]}, targets"))

    assert "no     k1 with search, k1 with support\n" in one.out
    assert "and 7 more\n" in many.out
