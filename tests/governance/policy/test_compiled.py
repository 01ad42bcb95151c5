"""
What a policy promises, and the laws behind it.
"""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.governance.policy.worlds import NAMES, a_caller, a_policy, a_rule, some_capability, some_label, some_targets
from tests.values import a_capability, a_key, a_principal, a_target, a_vendor

from pointsman.core.capability import Capability
from pointsman.core.label import CLASSES, Integrity, Label, Level, a_label
from pointsman.core.snapshot import CACHE_BIT, FIRST_TARGET_BIT, RULES_BIT
from pointsman.core.target import Terms
from pointsman.core.verdict import Duty, Keeping, Obligation, Sharing, Verdict
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.conditions import BadCondition
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action, PolicyText, Rule

HERE = a_target("here", bit=FIRST_TARGET_BIT, vendor=a_vendor("own", zone="private", region="eu", terms=Terms(retention_days=0)))
THERE = a_target(
    "there", bit=FIRST_TARGET_BIT + 1, vendor=a_vendor("acme", zone="public_api", region="us", terms=Terms(retention_days=30, next_review_s=2_000.0))
)
BOTH = [HERE, THERE]
ANYTHING = Rule(rule_id="anything", permits=True, sharing=Sharing.TENANT, keeping=Keeping.FULL)
seeds = st.integers(0, 2**32)


def a_text(*rules: Rule) -> PolicyText:
    return PolicyText(digest="d", levels=CLASSES, rules=rules)


def judged(*rules: Rule, label: Label | None = None, now_s: float = 0.0, **more: Any) -> Verdict:
    policy = CompiledPolicy(a_text(*rules), BOTH, snapshot="s1")
    return policy.verdict(a_principal(), label or a_label("internal"), capability=a_capability(ladder=BOTH, **more), now_s=now_s)


def open_to(verdict: Verdict) -> list[str]:
    return [target.name for target in BOTH if verdict.permits(target)]


# ── promises ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_permit_everything_is_closed() -> None:
    verdict = judged()

    assert open_to(verdict) == []
    assert (verdict.sharing, verdict.keeping) == (Sharing.NOBODY, Keeping.NOTHING)


def test_a_forbid_beats_every_permit() -> None:
    assert open_to(judged(ANYTHING, ANYTHING, Rule(rule_id="no", permits=False, targets={"zone": frozenset({"public_api"})}))) == ["here"]


def test_data_without_a_class_goes_nowhere() -> None:
    verdict = judged(ANYTHING, label=Label(classes=frozenset(), level=Level.PUBLIC))

    assert verdict.mask == 0
    assert verdict.sharing is Sharing.NOBODY
    assert verdict.before_egress


def test_a_class_that_nobody_knows_is_restricted_and_itself() -> None:
    only_restricted = Rule(rule_id="r", permits=True, classes=frozenset({"restricted"}), targets={"zone": frozenset({"private"})})

    assert open_to(judged(only_restricted, label=a_label("biometric"))) == ["here"]
    assert open_to(judged(replace(only_restricted, classes=frozenset({"internal"})), label=a_label("biometric"))) == []
    assert open_to(judged(only_restricted, Rule(rule_id="n", permits=False, classes=frozenset({"biometric"})), label=a_label("biometric"))) == []


def test_an_unknown_value_satisfies_no_permit_and_every_forbid() -> None:
    somewhere = a_target("somewhere", bit=FIRST_TARGET_BIT, vendor=a_vendor("who", region=None))

    def is_open(*rules: Rule) -> bool:
        policy = CompiledPolicy(a_text(*rules), [somewhere], snapshot="s")
        return policy.verdict(a_principal(), a_label("internal"), capability=a_capability(ladder=[somewhere]), now_s=0.0).permits(somewhere)

    for text in ('target.region == "us"', 'target.region != "us"', 'target.region in ["us"]', "target.trains", "!target.trains", "target.retention_days < 5"):
        assert not is_open(Rule(rule_id="p", permits=True, when=text)), text
        assert not is_open(ANYTHING, Rule(rule_id="f", permits=False, when=text)), text
    assert not is_open(Rule(rule_id="p", permits=True, targets={"region": frozenset({"us"})}))
    assert not is_open(ANYTHING, Rule(rule_id="f", permits=False, targets={"region": frozenset({"us"})}))
    assert is_open(Rule(rule_id="p", permits=True, when='target.region == "us" || target.zone == "public_api"'))
    assert is_open(ANYTHING, Rule(rule_id="f", permits=False, when='target.region == "us" && target.zone == "edge"'))


def test_what_a_caller_lacks_is_the_empty_text() -> None:
    assert open_to(judged(ANYTHING, Rule(rule_id="f", permits=False, principals={"team": frozenset({"interns"})}))) == ["here", "there"]
    assert open_to(judged(Rule(rule_id="p", permits=True, when='principal.team == "" && purpose == ""'))) == ["here", "there"]


def test_classes_that_meet_become_the_class_that_follows() -> None:
    text = PolicyText(
        digest="d",
        levels={**CLASSES, "phi": Level.RESTRICTED},
        rules=(ANYTHING, Rule(rule_id="f", permits=False, classes=frozenset({"phi"}), targets={"zone": frozenset({"public_api"})})),
        derived=((frozenset({"personal", "health"}), "phi"),),
    )
    policy = CompiledPolicy(text, BOTH, snapshot="s")

    def verdict(*classes: str) -> Verdict:
        return policy.verdict(a_principal(), a_label(*classes), capability=a_capability(ladder=BOTH), now_s=0.0)

    assert open_to(verdict("personal")) == open_to(verdict("health")) == ["here", "there"]
    assert open_to(verdict("personal", "health")) == ["here"]
    assert verdict("personal", "health").label.text == "health+personal+phi"


def test_a_class_that_follows_may_lead_to_another() -> None:
    derived = ((frozenset({"personal", "health"}), "phi"), (frozenset({"phi", "internal"}), "legal"))
    policy = CompiledPolicy(replace(a_text(ANYTHING), derived=derived), BOTH, snapshot="s")

    assert policy.closed(a_label("personal", "health", "internal")).text == "health+internal+legal+personal+phi"


def test_the_permit_that_asks_for_least_decides_what_is_owed() -> None:
    hard = Rule(rule_id="hard", permits=True, obligations=frozenset({Obligation.PSEUDONYMISE, Obligation.PERSON}))
    easier = Rule(rule_id="easier", permits=True, obligations=frozenset({Obligation.PERSON}), targets={"name": frozenset({"here"})})
    verdict = judged(hard, easier)

    assert verdict.owes(HERE) == {Duty("internal", Obligation.PERSON)}
    assert verdict.owes(THERE) == {Duty("internal", Obligation.PERSON), Duty("internal", Obligation.PSEUDONYMISE)}


def test_of_two_permits_that_ask_for_different_things_both_are_owed() -> None:
    """If each lifted the other's, two careful rules would make a careless one."""
    one = Rule(rule_id="one", permits=True, obligations=frozenset({Obligation.PSEUDONYMISE}))
    other = Rule(rule_id="other", permits=True, obligations=frozenset({Obligation.SUMMARISE}))

    assert {duty.obligation for duty in judged(one, other).owes(HERE)} == {Obligation.PSEUDONYMISE, Obligation.SUMMARISE}


def test_content_is_kept_as_widely_as_one_class_and_as_narrowly_as_all_classes_allow() -> None:
    about = [
        Rule(rule_id="i1", permits=True, classes=frozenset({"internal"}), sharing=Sharing.USER, keeping=Keeping.HASH, keep_at_most_s=10),
        Rule(rule_id="i2", permits=True, classes=frozenset({"internal"}), sharing=Sharing.TENANT, keeping=Keeping.FULL, keep_at_most_s=30),
        Rule(rule_id="p", permits=True, classes=frozenset({"personal"}), sharing=Sharing.APPLICATION, keeping=Keeping.FILTERED),
    ]
    alone, together = judged(*about), judged(*about, label=a_label("internal", "personal"))

    assert (alone.sharing, alone.keeping, alone.keep_at_most_s) == (Sharing.TENANT, Keeping.FULL, 30)
    assert (together.sharing, together.keeping, together.keep_at_most_s) == (Sharing.APPLICATION, Keeping.FILTERED, 30)
    assert judged(*about, label=replace(a_label("internal"), keep_at_most_s=5, keep_at_least_s=3)).keep_at_most_s == 5
    assert judged(*about, label=replace(a_label("internal"), keep_at_most_s=5, keep_at_least_s=3)).keep_at_least_s == 3


def test_the_cache_is_open_only_where_answers_may_be_shared() -> None:
    assert judged(ANYTHING).mask >> CACHE_BIT & 1
    assert not judged(replace(ANYTHING, sharing=None)).mask >> CACHE_BIT & 1
    assert not judged(ANYTHING, Rule(rule_id="f", permits=False, actions=frozenset({Action.CACHE}))).mask >> CACHE_BIT & 1


def test_limits_of_the_label_close_what_rules_leave_open() -> None:
    label = a_label("internal")
    assert open_to(judged(ANYTHING, label=replace(label, residency=frozenset({"eu"})))) == ["here"]
    assert open_to(judged(ANYTHING, label=replace(label, keep_at_most_s=29 * 86_400))) == ["here"]
    assert open_to(judged(ANYTHING, label=replace(label, keep_at_most_s=30 * 86_400))) == ["here", "there"]
    assert open_to(judged(ANYTHING, label=replace(label, purposes=frozenset({"care"})), purpose="care")) == ["here", "there"]
    assert judged(ANYTHING, label=replace(label, purposes=frozenset({"care"}))).mask == 0


def test_a_ceiling_closes_everything_and_what_a_target_accepts_closes_it() -> None:
    assert judged(ANYTHING, ceiling=Level.PUBLIC).mask == 0
    mild = a_target("mild", accepts=Level.PUBLIC, vendor=HERE.vendor)
    policy = CompiledPolicy(a_text(ANYTHING), [mild], snapshot="s")
    assert policy.verdict(a_principal(), a_label("internal"), capability=a_capability(), now_s=0.0).mask & 1 << mild.bit == 0


def test_a_vendor_is_closed_from_the_second_on_which_its_review_lapses() -> None:
    policy = CompiledPolicy(a_text(ANYTHING), BOTH, snapshot="s")

    def at(now_s: float) -> list[str]:
        return open_to(policy.verdict(a_principal(), a_label("internal"), capability=a_capability(ladder=BOTH), now_s=now_s))

    assert [at(now_s) for now_s in (0.0, 1_999.9, 2_000.0, 9e9, 1_999.9)] == [["here", "there"], ["here", "there"], ["here"], ["here"], ["here", "there"]]


def test_data_leaves_as_a_summary_only_through_a_target_that_may_read_it() -> None:
    rules = (
        Rule(rule_id="read", permits=True, actions=frozenset({Action.INFER}), targets={"zone": frozenset({"private"})}),
        Rule(rule_id="leave", permits=True, actions=frozenset({Action.SUMMARISE}), obligations=frozenset({Obligation.PERSON})),
    )

    assert open_to(judged(*rules)) == ["here"]
    assert open_to(judged(*rules, summariser=THERE)) == ["here"]
    through = judged(*rules, summariser=HERE)
    assert open_to(through) == ["here", "there"]
    assert {duty.obligation for duty in through.owes(THERE)} == {Obligation.SUMMARISE, Obligation.PERSON}
    assert through.owes(HERE) == frozenset()


def test_a_verdict_names_its_policy_and_asks_for_a_durable_record_from_confidential_on() -> None:
    assert (judged(ANYTHING).policy, judged(ANYTHING).snapshot) == ("d", "s1")
    assert not judged(ANYTHING).before_egress
    assert judged(ANYTHING, label=a_label("personal")).before_egress


def test_where_data_came_from_stays_in_the_verdict_whoever_asked_before() -> None:
    policy = CompiledPolicy(a_text(ANYTHING), BOTH, snapshot="s")
    for source in ("wiki", "mail"):
        label = replace(a_label("internal"), sources=frozenset({source}), integrity=Integrity.EXTERNAL)
        found = policy.verdict(a_principal(), label, capability=a_capability(ladder=BOTH), now_s=0.0).label
        assert (found.sources, found.integrity) == ({source}, Integrity.EXTERNAL)


@pytest.mark.parametrize(
    ("when", "fits", "other"),
    [
        ('principal.key == "a"', {"key_id": "a"}, {"key_id": "b"}),
        ('principal.tenant == "a"', {"tenant": "a"}, {"tenant": "b"}),
        ('principal.team == "a"', {"team": "a"}, {"team": None}),
        ('principal.application == "a"', {"application": "a"}, {"application": "b"}),
        ('"a" in principal.groups', {"groups": frozenset({"a", "b"})}, {"groups": frozenset({"b"})}),
    ],
)
def test_callers_with_other_attributes_do_not_share_verdicts(when: str, fits: dict[str, Any], other: dict[str, Any]) -> None:
    policy = CompiledPolicy(a_text(Rule(rule_id="p", permits=True, when=when)), BOTH, snapshot="s")

    def is_open(told: dict[str, Any]) -> bool:
        return policy.verdict(a_principal(a_key(**told)), a_label("internal"), capability=a_capability(ladder=BOTH), now_s=0.0).permits(HERE)

    assert [is_open(told) for told in (fits, other, fits)] == [True, False, True]


@pytest.mark.parametrize(
    ("when", "fits", "other"),
    [
        ('capability == "a"', a_capability("a"), a_capability("b")),
        ('purpose == "a"', a_capability(purpose="a"), a_capability(purpose="b")),
        ("true", a_capability(), a_capability(ceiling=Level.PUBLIC)),
    ],
)
def test_capabilities_that_differ_do_not_share_verdicts(when: str, fits: Capability, other: Capability) -> None:
    policy = CompiledPolicy(a_text(Rule(rule_id="p", permits=True, when=when)), BOTH, snapshot="s")
    opened = [policy.verdict(a_principal(), a_label("internal"), capability=one, now_s=0.0).permits(HERE) for one in (fits, other, fits)]

    assert opened == [True, False, True]


def test_a_policy_with_a_condition_that_cannot_be_read_is_not_compiled() -> None:
    with pytest.raises(BadCondition, match="`now`"):
        CompiledPolicy(a_text(Rule(rule_id="p", permits=True, when="now > 3")), BOTH, snapshot="s")


def test_more_labels_than_are_kept_are_judged_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.governance.policy.compiled._MOST_KEPT", 2)
    policy = CompiledPolicy(template(), BOTH, snapshot="s")
    for _ in range(2):
        opened = {name: open_to(policy.verdict(a_principal(), a_label(name), capability=a_capability(ladder=BOTH), now_s=0.0)) for name in CLASSES}
        assert opened["public"] == ["here", "there"]
        assert opened["legal"] == ["here"]
        assert opened["secret"] == []


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.text = a_policy(self.random)
        self.targets = some_targets(self.random)
        self.capability = some_capability(self.random, self.targets)
        self.principal = a_caller(self.random)
        self.label = some_label(self.random)

    def verdict(self, text: PolicyText, label: Label) -> Verdict:
        return CompiledPolicy(text, self.targets, snapshot="s").verdict(self.principal, label, capability=self.capability, now_s=500.0)


def widens(before: Verdict, after: Verdict) -> bool:
    """
    Tell whether anything is permitted, spared or kept after that was not before.

    What was owed may become the duty to summarise, which is owed where nothing may go as it is.
    """
    spared = any(
        mask & after.mask & ~after.owed.get(duty, 0) & ~after.owed.get(Duty(duty.data_class, Obligation.SUMMARISE), 0) for duty, mask in before.owed.items()
    )
    return bool(after.mask & ~before.mask) or spared or after.sharing > before.sharing or after.keeping > before.keeping


@settings(max_examples=80, deadline=None)
@given(seed=seeds, learned=st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
def test_learning_more_about_the_data_never_widens_where_it_may_go(seed: int, learned: set[str]) -> None:
    world = _World(seed)
    label = replace(world.label, classes=world.label.classes or frozenset({"public"}))
    more = label.joined(some_label(world.random, classes=frozenset(learned)))

    assert not widens(world.verdict(world.text, label), world.verdict(world.text, more))


@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_a_further_rule_that_forbids_never_widens(seed: int) -> None:
    world = _World(seed)
    no = a_rule(world.random, 99)
    no = Rule(rule_id="no", permits=False, classes=no.classes, actions=no.actions, principals=no.principals, targets=no.targets, when=no.when)
    before, after = world.verdict(world.text, world.label), world.verdict(replace(world.text, rules=(*world.text.rules, no)), world.label)

    assert not widens(before, after)


@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_the_order_of_rules_does_not_matter(seed: int) -> None:
    world = _World(seed)
    shuffled = list(world.text.rules)
    world.random.shuffle(shuffled)

    assert world.verdict(world.text, world.label) == world.verdict(replace(world.text, rules=tuple(shuffled)), world.label)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_policy_decides_the_same_after_a_reload_and_in_whatever_order_it_is_asked(seed: int) -> None:
    world = _World(seed)
    labels = [world.label, *(some_label(world.random) for _ in range(5))]
    first, again = (CompiledPolicy(world.text, world.targets, snapshot="s") for _ in range(2))

    def all_of(policy: CompiledPolicy, asked: list[Label]) -> list[Verdict]:
        return [policy.verdict(world.principal, label, capability=world.capability, now_s=500.0) for label in asked]

    assert all_of(first, labels) == all_of(again, labels[::-1])[::-1] == all_of(first, labels)


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_no_class_is_no_permission(seed: int) -> None:
    world = _World(seed)

    assert world.verdict(world.text, replace(world.label, classes=frozenset())).mask == 0


@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_a_reason_says_permitted_exactly_where_the_verdict_does(seed: int) -> None:
    world = _World(seed)
    policy = CompiledPolicy(world.text, world.targets, snapshot="s")
    verdict = policy.verdict(world.principal, world.label, capability=world.capability, now_s=world.random.choice([500.0, 1_500.0]))
    for target in world.targets:
        told = policy.reason(target, verdict, principal=world.principal, capability=world.capability)
        assert (told.code == "permitted") == verdict.permits(target)
        assert told.code == "permitted" or told.code.startswith("policy:")


def test_rules_are_closed_to_secrets_alone() -> None:
    assert judged().mask >> RULES_BIT & 1
    assert not judged(ANYTHING, label=a_label("secret", "internal")).mask >> RULES_BIT & 1
