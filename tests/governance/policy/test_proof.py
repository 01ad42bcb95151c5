"""
The proof: no path leads where a claim says that none does, and every path that does is found.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.governance.policy.worlds import LEVELS, a_caller, a_policy, some_capability, some_label, some_targets
from tests.values import a_capability, a_key, a_snapshot, a_target, a_vendor

from pointsman.core.label import CLASSES, Level
from pointsman.core.principal import Scope
from pointsman.core.snapshot import FIRST_TARGET_BIT, Snapshot
from pointsman.core.target import Terms
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.proof import ANYBODY, Violation, prove
from pointsman.governance.policy.template import template
from pointsman.governance.policy.zones import ZONES, zone_of
from pointsman.settings.policy_text import Action, Never, PolicyText, Rule

NEAR = a_target("near", bit=FIRST_TARGET_BIT, vendor=a_vendor("own", zone="private"))
FAR = a_target("far", bit=FIRST_TARGET_BIT + 1, vendor=a_vendor("acme", zone="public_api", region="us"))
LEGAL_FAR = Rule(rule_id="oops", permits=True, classes=frozenset({"legal"}), targets={"zone": frozenset({"public_api"})})
CLAIM = Never(claim_id="legal-stays", classes=frozenset({"legal"}), zones=frozenset({"public_api"}))


def a_world(*keys: object, **more: object) -> Snapshot:
    return a_snapshot(a_capability(ladder=[NEAR, FAR], **more), keys=keys)  # pyright: ignore[reportArgumentType]


def with_rule(rule: Rule, **more: object) -> PolicyText:
    return replace(template(), rules=(*template().rules, rule), **more)


def told(violations: list[Violation]) -> list[tuple[str, str, str, str]]:
    return [(one.claim, one.data_class, one.target, path) for one in violations for path in one.paths]


def paths(violations: list[Violation]) -> set[str]:
    return {path for one in violations for path in one.paths}


def test_the_template_is_proven_for_every_kind_of_target_and_caller() -> None:
    terms = Terms(retention_days=0, trains=False, agreements=frozenset({"dpa", "baa"}))
    zones = ("public_api", "contracted", "private", "edge")
    targets = [a_target(zone, bit=FIRST_TARGET_BIT + bit, vendor=a_vendor(zone, zone=zone, region="eu", terms=terms)) for bit, zone in enumerate(zones)]
    snapshot = a_snapshot(a_capability(ladder=targets, summariser=targets[2]), keys=[a_key(scopes=frozenset(Scope))])

    assert prove(snapshot, template(), anybody=True) == []


def test_a_rule_that_breaks_a_claim_is_found_on_every_path() -> None:
    found = prove(a_world(a_key()), with_rule(replace(LEGAL_FAR, sharing=Sharing.TENANT, keeping=Keeping.FULL)))

    assert told(found) == [("legal-only-private", "legal", "far", path) for path in ("fallback", "a summary", "judge", "shadow", "embedding", "tool")]
    assert {(one.key, one.capability, one.zone) for one in found} == {("web", "support", "public_api")}
    assert {one.rules for one in found} == {("oops",)}
    assert found[0].says.startswith(
        "`legal` data can reach `far` (public_api) as fallback, a summary, judge, shadow, embedding, tool of `support`, for the key `web`, by `oops`;"
    )
    assert found[0].says.endswith("Narrow the rule, or give the claim up under `policy.waive`.")


def test_secrets_are_looked_for_in_the_cache_the_log_and_before_people() -> None:
    everything = Rule(rule_id="all", permits=True, classes=frozenset({"secret"}), sharing=Sharing.USER, keeping=Keeping.HASH)

    assert paths(prove(a_world(a_key()), with_rule(everything))) == {
        "the ladder",
        "fallback",
        "a summary",
        "judge",
        "shadow",
        "embedding",
        "tool",
        "cache",
        "log",
        "person",
    }


def test_a_permit_that_grants_nothing_keeps_nothing() -> None:
    bare = Rule(rule_id="all", permits=True, classes=frozenset({"secret"}), targets={"zone": frozenset({"cache", "content_log"})})

    assert prove(a_world(a_key()), with_rule(bare)) == []


def test_a_waived_claim_is_not_proven() -> None:
    assert prove(a_world(a_key()), with_rule(LEGAL_FAR, waived=frozenset({"legal-only-private"}))) == []


def test_a_summary_breaks_a_claim_only_if_the_claim_says_so() -> None:
    summary = replace(LEGAL_FAR, actions=frozenset({Action.SUMMARISE}))
    text = PolicyText(digest="d", levels=CLASSES, rules=(summary,), claims=(CLAIM,))

    assert prove(a_world(a_key()), text) == []
    strict = replace(text, claims=(replace(CLAIM, even_summarised=True),))
    assert paths(prove(a_world(a_key()), strict)) == {"a summary"}


def test_what_a_summariser_reads_is_a_path() -> None:
    snapshot = a_snapshot(a_capability(ladder=[NEAR], summariser=FAR), keys=[a_key()], targets={"near": NEAR, "far": FAR})

    assert ("legal-only-private", "legal", "far", "the summariser") in told(prove(snapshot, with_rule(replace(LEGAL_FAR, actions=frozenset({Action.INFER})))))


def test_a_target_that_a_key_may_name_is_a_path() -> None:
    snapshot = a_snapshot(a_capability(ladder=[NEAR]), keys=[a_key(), a_key("ops", scopes=frozenset({Scope.RAW_TARGETS}))], targets={"near": NEAR, "far": FAR})
    found = prove(snapshot, with_rule(replace(LEGAL_FAR, actions=frozenset({Action.INFER}))))

    assert [(one.capability, one.key) for one in found] == [("far", "ops")]


def test_a_key_is_looked_at_for_its_own_capabilities_and_attributes() -> None:
    text = with_rule(replace(LEGAL_FAR, principals={"groups": frozenset({"law"})}))

    assert prove(a_world(a_key(), a_key("law", groups=frozenset({"law"}), capabilities=frozenset({"other"}))), text) == []
    assert {one.key for one in prove(a_world(a_key(), a_key("law", groups=frozenset({"law"}))), text)} == {"law"}


@pytest.mark.parametrize("when", ['"law" in principal.groups', '!("law" in principal.groups)', 'principal.team == "law" && target.region == "us"'])
def test_where_anybody_may_call_a_condition_on_the_caller_protects_nothing(when: str) -> None:
    text = with_rule(replace(LEGAL_FAR, when=when))

    assert {one.key for one in prove(a_world(), text)} == {ANYBODY}
    assert prove(a_world(a_key()), text, anybody=True) != []


def test_where_anybody_may_call_a_rule_that_forbids_some_forbids_nobody_else() -> None:
    no = Rule(rule_id="no", permits=False, classes=frozenset({"legal"}), principals={"groups": frozenset({"interns"})})
    always = Rule(rule_id="no", permits=False, classes=frozenset({"legal"}), when='"interns" in principal.groups || target.zone == "public_api"')

    assert prove(a_world(), replace(with_rule(LEGAL_FAR), rules=(*with_rule(LEGAL_FAR).rules, no))) != []
    assert prove(a_world(), replace(with_rule(LEGAL_FAR), rules=(*with_rule(LEGAL_FAR).rules, always))) == []


def test_ceilings_and_what_targets_accept_are_part_of_the_proof() -> None:
    everything = Rule(rule_id="all", permits=True, classes=frozenset({"secret"}), sharing=Sharing.USER, keeping=Keeping.HASH)
    assert paths(prove(a_world(a_key(), ceiling=Level.CONFIDENTIAL), with_rule(everything))) == set()
    assert prove(a_world(a_key(), ceiling=Level.INTERNAL), with_rule(replace(LEGAL_FAR, actions=frozenset({Action.INFER})))) == []
    mild = replace(FAR, accepts=Level.CONFIDENTIAL)
    assert prove(a_snapshot(a_capability(ladder=[NEAR, mild]), keys=[a_key()]), with_rule(LEGAL_FAR)) == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_proven_never_happens(seed: int) -> None:
    """Whatever is permitted for any label would have been found for one of its classes."""
    random = Random(seed)
    text, targets, principal = a_policy(random), some_targets(random), a_caller(random)
    capability = some_capability(random, targets)
    claims = tuple(Never(claim_id=f"{name}-{zone}", classes=frozenset({name}), zones=frozenset({zone})) for name in LEVELS for zone in ZONES)
    snapshot = a_snapshot(capability, keys=[principal.key])
    found = {(one.data_class, one.zone) for one in prove(snapshot, replace(text, claims=claims))}
    policy = CompiledPolicy(text, snapshot.targets.values(), snapshot="s")
    for _ in range(5):
        label = some_label(random)
        verdict = policy.verdict(principal, label, capability=capability, now_s=500.0)
        for target in targets:
            raw = {
                name
                for name in label.classes & LEVELS.keys()
                if Obligation.SUMMARISE not in {d.obligation for d in verdict.owes(target) if d.data_class == name}
            }
            if verdict.permits(target):
                assert {(name, zone_of(target)) for name in raw} <= found
        if verdict.sharing > Sharing.NOBODY:
            assert {(name, "cache") for name in label.classes & LEVELS.keys()} <= found
        if verdict.keeping > Keeping.NOTHING:
            assert {(name, "content_log") for name in label.classes & LEVELS.keys()} <= found
