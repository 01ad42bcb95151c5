"""
The default template, cell by cell: what is written here is what the documentation promises.
"""

from pathlib import Path

import pytest
from tests.values import a_capability, a_principal, a_target, a_vendor

from pointsman.core.label import a_label
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Target, Terms
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.cells import COLUMNS, matrix
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.faults import faults
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action

YES: frozenset[Obligation] = frozenset()
PSEUDONYMISED = frozenset({Obligation.PSEUDONYMISE})
REDACTED = frozenset({Obligation.REDACT})
SUMMARY = frozenset({Obligation.SUMMARISE})
SUMMARY_AGREED = frozenset({Obligation.SUMMARISE, Obligation.PERSON})
SUMMARY_REDACTED = frozenset({Obligation.SUMMARISE, Obligation.REDACT})
NO = None
COVERED = frozenset({"dpa", "baa"})

# class: public API, contracted vendor, private, edge
RAW = {
    "public": (YES, YES, YES, YES),
    "internal": (PSEUDONYMISED, YES, YES, YES),
    "personal": (PSEUDONYMISED, YES, YES, YES),
    "financial": (NO, PSEUDONYMISED, PSEUDONYMISED, REDACTED),
    "source_code": (NO, YES, YES, YES),
    "confidential": (NO, PSEUDONYMISED, YES, YES),
    "health": (NO, YES, YES, YES),
    "legal": (NO, NO, YES, NO),
    "restricted": (NO, NO, YES, NO),
    "secret": (NO, NO, NO, NO),
}
KEPT = {
    "public": (Sharing.TENANT, Keeping.FULL),
    "internal": (Sharing.TENANT, Keeping.FULL),
    "personal": (Sharing.USER, Keeping.FULL),
    "financial": (Sharing.NOBODY, Keeping.NOTHING),
    "source_code": (Sharing.APPLICATION, Keeping.HASH),
    "confidential": (Sharing.USER, Keeping.FULL),
    "health": (Sharing.NOBODY, Keeping.FULL),
    "legal": (Sharing.NOBODY, Keeping.HASH),
    "restricted": (Sharing.NOBODY, Keeping.HASH),
    "secret": (Sharing.NOBODY, Keeping.NOTHING),
}
# what is owed at a public API where the capability has a private summariser
SUMMARISED = {
    "public": YES,
    "internal": PSEUDONYMISED,
    "personal": PSEUDONYMISED,
    "financial": SUMMARY_REDACTED,
    "source_code": SUMMARY_AGREED,
    "confidential": SUMMARY,
    "health": SUMMARY_AGREED,
    "legal": NO,
    "restricted": NO,
    "secret": NO,
}


def a_place(zone: str, *, bit: int, region: str | None = "eu", agreements: frozenset[str] = COVERED) -> Target:
    terms = Terms(retention_days=0, trains=False, agreements=agreements)
    return a_target(zone, bit=FIRST_TARGET_BIT + bit, vendor=a_vendor(zone, zone=zone, region=region, terms=terms))


PLACES = [a_place(zone, bit=bit) for bit, zone in enumerate(("public_api", "contracted", "private", "edge"))]


def owed(data_class: str, target: Target, *, summariser: Target | None = None, action: Action = Action.INFER) -> frozenset[Obligation] | None:
    policy = CompiledPolicy(template(), {target, *PLACES} if target.bit >= FIRST_TARGET_BIT + len(PLACES) else PLACES, snapshot="s")
    capability = a_capability(ladder=[target], summariser=summariser)
    verdict = policy.verdict(a_principal(), a_label(data_class), capability=capability, action=action, now_s=0.0)
    return frozenset(duty.obligation for duty in verdict.owes(target)) if verdict.permits(target) else None


@pytest.mark.parametrize("data_class", RAW)
@pytest.mark.parametrize("action", [Action.INFER, Action.EMBED, Action.JUDGE, Action.SHADOW, Action.TOOL])
def test_each_class_reaches_each_zone_as_promised(data_class: str, action: Action) -> None:
    assert tuple(owed(data_class, place, action=action) for place in PLACES) == RAW[data_class]


@pytest.mark.parametrize("data_class", SUMMARISED)
def test_each_class_leaves_as_a_summary_as_promised(data_class: str) -> None:
    assert owed(data_class, PLACES[0], summariser=PLACES[2]) == SUMMARISED[data_class]


@pytest.mark.parametrize("data_class", ["internal", "personal"])
def test_what_may_leave_otherwise_may_leave_as_a_summary_too(data_class: str) -> None:
    assert owed(data_class, PLACES[0], action=Action.SUMMARISE) == YES


@pytest.mark.parametrize("data_class", KEPT)
def test_each_class_is_shared_and_kept_as_promised(data_class: str) -> None:
    policy = CompiledPolicy(template(), PLACES, snapshot="s")
    verdict = policy.verdict(a_principal(), a_label(data_class), capability=a_capability(), now_s=0.0)
    assert (verdict.sharing, verdict.keeping) == KEPT[data_class]


@pytest.mark.parametrize("data_class", RAW)
def test_a_person_of_the_house_may_see_everything_but_secrets(data_class: str) -> None:
    policy = CompiledPolicy(template(), PLACES, snapshot="s")
    may = policy.allows(a_principal(), a_label(data_class), capability=a_capability(), action=Action.PERSON)
    assert may == (data_class != "secret")


def test_personal_data_goes_to_a_vendor_only_where_its_region_is_known() -> None:
    assert owed("personal", a_place("public_api", bit=4, region=None)) is NO
    assert owed("personal", a_place("contracted", bit=4, region=None)) is NO
    assert owed("personal", a_place("private", bit=4, region=None)) == YES


def test_health_data_goes_to_a_contracted_vendor_only_where_an_agreement_covers_it() -> None:
    assert owed("health", a_place("contracted", bit=4, agreements=frozenset({"dpa"}))) is NO


def test_a_vendor_that_is_called_contracted_without_the_facts_is_a_public_api() -> None:
    bare = a_target("bare", bit=FIRST_TARGET_BIT + 4, vendor=a_vendor("bare", zone="contracted", region="eu"))
    assert owed("source_code", bare) is NO
    assert owed("internal", bare) == PSEUDONYMISED


def test_rules_see_everything_but_secrets() -> None:
    policy = CompiledPolicy(template(), PLACES, snapshot="s")
    seen = {name: bool(policy.verdict(a_principal(), a_label(name), capability=a_capability(), now_s=0.0).mask & 1) for name in RAW}
    assert [name for name, is_seen in seen.items() if not is_seen] == ["secret"]


def test_the_template_has_no_faults_and_a_name_of_its_own() -> None:
    assert faults(template()) == []
    assert template().digest == template().digest != ""


def test_the_documentation_shows_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
    rows = [f"| {name} | {' | '.join(row[column] for column in COLUMNS)} |" for name, row in matrix(template()).items()]

    assert "\n".join([f"| class | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|", *rows]) in page
