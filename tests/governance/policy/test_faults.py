"""
What is wrong with a policy, all at once and with a remedy.
"""

from msgspec.structs import replace

from pointsman.core.label import CLASSES
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.faults import faults
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action, Never, PolicyText, Rule


def found(*rules: Rule, **more: object) -> list[tuple[str, str, str | None]]:
    text = PolicyText(digest="d", levels=CLASSES, rules=rules, **more)  # pyright: ignore[reportArgumentType]
    told = faults(text)
    assert all(fault.says.endswith(".") and fault.remedy.endswith((".", "?")) for fault in told)
    return [(fault.part, fault.name, fault.field) for fault in told]


def test_names_that_lead_nowhere_are_told_with_what_was_meant() -> None:
    rule = Rule(
        rule_id="r",
        permits=True,
        classes=frozenset({"personnal"}),
        principals={"grups": frozenset({"a"})},
        targets={"zone": frozenset({"privat"}), "colour": frozenset({"red"})},
    )
    told = faults(PolicyText(digest="d", levels=CLASSES, rules=(rule,)))

    assert [(fault.field, fault.remedy) for fault in told][:2] == [("classes", "Did you mean `personal`?"), ("principals", "Did you mean `groups`?")]
    assert {fault.says for fault in told} >= {"there is no zone `privat`.", "there is no attribute `colour`."}


def test_a_condition_that_does_not_decompose_is_told_with_its_remedy() -> None:
    (fault,) = faults(PolicyText(digest="d", levels=CLASSES, rules=(Rule(rule_id="two", permits=False, when='"health" in label.classes'),)))

    assert (fault.part, fault.name, fault.field) == ("rules", "two", "when")
    assert "`derived`" in fault.remedy


def test_numbers_and_flags_are_asked_for_under_when() -> None:
    assert (
        found(Rule(rule_id="r", permits=True, targets={"retention_days": frozenset({"0"}), "trains": frozenset({"false"})})) == [("rules", "r", "targets")] * 2
    )


def test_an_attribute_without_values_never_fits() -> None:
    assert found(Rule(rule_id="r", permits=True, principals={"team": frozenset()})) == [("rules", "r", "principals")]


def test_what_forbids_grants_nothing() -> None:
    rule = Rule(rule_id="f", permits=False, obligations=frozenset({Obligation.REDACT}), sharing=Sharing.USER, keeping=Keeping.HASH, keep_at_most_s=5)
    assert [field for _, _, field in found(rule)] == ["obligations", "sharing", "keeping", "keep_days"]


def test_a_permit_to_share_or_keep_says_how_much() -> None:
    assert found(Rule(rule_id="c", permits=True, actions=frozenset({Action.CACHE}))) == [("rules", "c", "sharing")]
    assert found(Rule(rule_id="l", permits=True, actions=frozenset({Action.LOG_CONTENT}))) == [("rules", "l", "keeping")]
    assert found(Rule(rule_id="k", permits=True, keep_at_most_s=5)) == [("rules", "k", "keep_days")]


def test_names_are_used_once() -> None:
    rule, claim = Rule(rule_id="r", permits=True), Never(claim_id="c", classes=frozenset({"legal"}), zones=frozenset({"edge"}))
    assert found(rule, rule, claims=(claim, claim)) == [("rules", "r", "id"), ("claims", "c", "id")]


def test_claims_derivations_and_waivers_name_what_there_is() -> None:
    claim = Never(claim_id="c", classes=frozenset({"leagl"}), zones=frozenset({"egde"}))
    derived = ((frozenset({"personal", "nothing"}), "internal"), (frozenset(), "legal"))
    assert found(claims=(claim,), derived=derived, waived=frozenset({"d"})) == [
        ("claims", "c", "never"),
        ("claims", "c", "into"),
        ("derived", "internal", None),
        ("derived", "legal", None),
        ("waive", "d", None),
    ]


def test_a_claim_of_the_template_can_be_waived() -> None:
    assert faults(replace(template(), waived=frozenset({"health-not-public"}))) == []
