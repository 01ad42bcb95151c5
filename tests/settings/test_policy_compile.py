"""
`policy:` as written becomes what the policy engine reads, and its faults find their lines.
"""

from typing import Any

import msgspec
import pytest

from pointsman.core.label import Level
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.faults import faults
from pointsman.governance.policy.template import template
from pointsman.settings import policy_shape as shape
from pointsman.settings.policy_compile import lowered, path_of, policy_text
from pointsman.settings.policy_text import Action, Never, PolicyText, Rule

RULE = {
    "id": "r1",
    "effect": "permit",
    "classes": ["customer"],
    "actions": ["infer", "log_content", "cache"],
    "principals": {"groups": ["sales", "care"]},
    "targets": {"zone": ["private"]},
    "when": 'target.region == "eu"',
    "obligations": ["pseudonymise", "person"],
    "sharing": "application",
    "keeping": "filtered",
    "keep_days": 2,
}


def told(**more: Any) -> shape.Policy:
    return msgspec.convert(more, shape.Policy)


def text(**more: Any) -> PolicyText:
    return policy_text(told(**more), template())


def test_nothing_written_is_the_template() -> None:
    assert text() == template()


def test_a_rule_is_read_whole() -> None:
    assert text(rules=[RULE]).rules[-1] == Rule(
        rule_id="r1",
        permits=True,
        classes=frozenset({"customer"}),
        actions=frozenset({Action.INFER, Action.LOG_CONTENT, Action.CACHE}),
        principals={"groups": frozenset({"sales", "care"})},
        targets={"zone": frozenset({"private"})},
        when='target.region == "eu"',
        obligations=frozenset({Obligation.PSEUDONYMISE, Obligation.PERSON}),
        sharing=Sharing.APPLICATION,
        keeping=Keeping.FILTERED,
        keep_at_most_s=2 * 86_400,
    )
    assert text(rules=[{"id": "r2", "effect": "forbid"}]).rules[-1] == Rule(rule_id="r2", permits=False)


def test_without_the_template_its_claims_stay() -> None:
    """They are given up by name only."""
    found = text(template="none", claims=[{"id": "mine", "never": ["legal"], "into": ["edge"]}], waive=["health-not-public"])

    assert found.rules == ()
    assert found.claims == (*template().claims, Never(claim_id="mine", classes=frozenset({"legal"}), zones=frozenset({"edge"})))
    assert found.waived == {"health-not-public"}


def test_classes_of_ones_own_have_their_level_and_derived_ones_the_strictest_they_follow_from() -> None:
    found = text(classes={"customer": "internal", "personal": "restricted"}, derived={"phi": ["personal", "customer"], "vip": ["customer"]})

    assert {name: found.levels[name] for name in ("customer", "personal", "phi", "vip")} == {
        "customer": Level.INTERNAL,
        "personal": Level.RESTRICTED,
        "phi": Level.RESTRICTED,
        "vip": Level.INTERNAL,
    }
    assert found.derived == ((frozenset({"personal", "customer"}), "phi"), (frozenset({"customer"}), "vip"))


def test_a_class_that_ships_cannot_be_made_milder() -> None:
    policy = told(classes={"health": "internal", "personal": "restricted", "own": "public"})
    (fault,) = lowered(policy, template())

    assert (fault.part, fault.name) == ("classes", "health")
    assert path_of(fault, policy) == ("policy", "classes", "health")


def test_the_digest_names_the_content_whatever_its_order() -> None:
    other = {"id": "other", "effect": "forbid"}

    assert text(rules=[RULE, other]).digest == text(rules=[other, RULE]).digest
    digests = {text(rules=[one]).digest for one in (RULE, other, {**RULE, "keep_days": 3}, {**RULE, "when": None}, {**RULE, "effect": "forbid"})}
    assert len(digests | {text().digest, text(waive=["x"]).digest, text(template="none").digest}) == 8


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"rules": [{"id": "a", "effect": "permit"}, {"id": "b", "effect": "permit", "when": "now > 1"}]}, ("policy", "rules", 1, "when")),
        ({"rules": [{"id": "a", "effect": "permit"}, {"id": "a", "effect": "permit"}]}, ("policy", "rules", 1, "id")),
        ({"rules": [{"id": "legal-private", "effect": "forbid"}]}, ("policy", "rules", 0, "id")),
        ({"claims": [{"id": "c", "never": ["nothing"], "into": ["edge"]}]}, ("policy", "claims", 0, "never")),
        ({"derived": {"phi": ["nothing", "health"]}}, ("policy", "derived", "phi")),
        ({"waive": ["secret-nowhere", "nothing"]}, ("policy", "waive", 1)),
    ],
)
def test_a_fault_finds_where_it_stands(more: dict[str, Any], path: tuple[str | int, ...]) -> None:
    policy = told(**more)
    (fault,) = faults(policy_text(policy, template()))

    assert path_of(fault, policy) == path


def test_a_fault_of_what_ships_stands_at_the_section() -> None:
    policy = told()
    broken = msgspec.structs.replace(template(), rules=(Rule(rule_id="shipped", permits=True, when="now > 1"),))
    (fault,) = faults(policy_text(policy, broken))

    assert path_of(fault, policy) == ("policy",)
