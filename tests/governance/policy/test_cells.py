"""
A policy as people look at it.
"""

from msgspec.structs import replace
from tests.values import a_capability, a_key, a_snapshot, a_target, a_vendor

from pointsman.core.label import CLASSES
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.verdict import Obligation
from pointsman.governance.policy.cells import COLUMNS, cells, changes, matrix, unused
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action, PolicyText, Rule

NEAR = a_target("near", bit=FIRST_TARGET_BIT, vendor=a_vendor("own", zone="private"))
FAR = a_target("far", bit=FIRST_TARGET_BIT + 1, vendor=a_vendor("acme", zone="public_api"))
SNAPSHOT = a_snapshot(a_capability(ladder=[NEAR, FAR]), a_capability("search", ladder=[NEAR]), keys=[a_key(), a_key("law", groups=frozenset({"law"}))])
NO_LEGAL = Rule(rule_id="no-legal", permits=False, classes=frozenset({"legal"}), targets={"zone": frozenset({"private"})})


def test_the_matrix_of_the_template_is_the_documented_one() -> None:
    table = matrix(template())

    assert [table["personal"][column] for column in COLUMNS] == ["pseudonymised*", "yes*", "yes", "yes", "yes", "user", "full", "yes"]
    assert [table["financial"][column] for column in COLUMNS] == ["no", "pseudonymised", "pseudonymised", "redacted", "redacted", "no", "no", "yes"]
    assert set(table["secret"].values()) == {"no"}
    assert list(table) == list(CLASSES)


def test_a_cell_that_depends_on_who_asks_is_marked() -> None:
    rule = Rule(rule_id="r", permits=True, classes=frozenset({"legal"}), principals={"groups": frozenset({"law"})}, obligations=frozenset({Obligation.PERSON}))
    table = matrix(replace(template(), rules=(*template().rules, rule)))

    assert table["legal"]["edge"] == "no*"
    assert table["legal"]["person"] == "yes"


def test_what_two_policies_permit_differently_is_told_for_whom() -> None:
    law = replace(NO_LEGAL, principals={"groups": frozenset({"law"})})
    before, after = (cells(SNAPSHOT, replace(template(), rules=(*template().rules, *more)), now_s=0.0) for more in ((), (law,)))

    (change,) = changes(before, after)
    assert (change.data_class, change.target, change.before, change.after) == ("legal", "near", "yes", "no")
    assert change.uses == (("search", "law"), ("support", "law"))
    assert changes(before, before) == []


def test_a_target_that_only_one_side_has_is_a_change() -> None:
    less = a_snapshot(a_capability(ladder=[NEAR]), keys=SNAPSHOT.keys)
    told = changes(cells(less, template(), now_s=0.0), cells(a_snapshot(a_capability(ladder=[NEAR, FAR]), keys=SNAPSHOT.keys), template(), now_s=0.0))

    assert {(one.target, one.before) for one in told} == {("far", "-")}
    assert ("public", "yes") in {(one.data_class, one.after) for one in told}


def test_the_cache_the_log_and_people_have_cells_too() -> None:
    found = cells(a_snapshot(a_capability(ladder=[NEAR])), template(), now_s=0.0)

    assert [found["personal", zone, "support", "local"] for zone in ("cache", "content_log", "person")] == ["user", "full", "yes"]
    assert [found["secret", zone, "support", "local"] for zone in ("cache", "content_log", "person")] == ["no", "no", "no"]


def test_rules_that_never_apply_are_found() -> None:
    rules = (
        NO_LEGAL,
        Rule(rule_id="nowhere", permits=True, targets={"region": frozenset({"moon"})}),
        Rule(rule_id="nobody", permits=True, principals={"team": frozenset({"ghosts"})}),
        Rule(rule_id="cache-only", permits=False, actions=frozenset({Action.CACHE}), targets={"zone": frozenset({"private"})}),
    )
    text = PolicyText(digest="d", levels=CLASSES, rules=rules)

    assert unused(SNAPSHOT, text, among=rules) == ["nowhere", "nobody", "cache-only"]
    assert unused(a_snapshot(a_capability(ladder=[NEAR])), text, among=rules[2:3]) == []  # anybody may be in any team
