"""
Why a target is open or closed: what decides, and what would change it.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.values import a_capability, a_principal, a_target, a_vendor

from pointsman.core.label import Label, Level, a_label
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Target, Terms
from pointsman.core.verdict import Reason
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action, Rule

NEAR = a_target("near", bit=FIRST_TARGET_BIT, vendor=a_vendor("own", zone="private"))
FAR = a_target("far", bit=FIRST_TARGET_BIT + 1, accepts=Level.CONFIDENTIAL, vendor=a_vendor("acme", region="us", terms=Terms(next_review_s=86_400.0)))
DARK = a_target("dark", bit=FIRST_TARGET_BIT + 2, vendor=a_vendor("dark"))
INTERNAL = a_label("internal")


def why(label: Label, target: Target = FAR, *, now_s: float = 0.0, action: Action = Action.INFER, rules: tuple[Rule, ...] = (), **more: Any) -> Reason:
    policy = CompiledPolicy(replace(template(), rules=(*template().rules, *rules)), [NEAR, FAR, DARK], snapshot="s")
    capability = a_capability(ladder=[NEAR, FAR], **more)
    verdict = policy.verdict(a_principal(), label, capability=capability, action=action, now_s=now_s)
    return policy.reason(target, verdict, principal=a_principal(), capability=capability, action=action)


def test_an_open_target_says_what_must_be_done_first() -> None:
    assert why(INTERNAL, NEAR) == Reason(code="permitted", says="the policy permits `internal` data there")
    assert why(INTERNAL) == Reason(code="permitted", says="the policy permits `internal` data there; first what is `internal` is replaced by pseudonyms")


@pytest.mark.parametrize(
    ("label", "more", "code", "says"),
    [
        (Label(classes=frozenset(), level=Level.PUBLIC), {}, "policy:unlabelled", "without a class"),
        (a_label("personal"), {"ceiling": Level.INTERNAL}, "policy:ceiling", "`support` takes data up to `internal` only; this is `confidential`"),
        (a_label("health"), {}, "policy:accepts", "up to `confidential` only; this is `restricted`"),
        (INTERNAL, {"now_s": 86_400.0}, "policy:review", "the review of `acme` lapsed on 1970-01-02; review it"),
        (replace(INTERNAL, residency=frozenset({"eu", "ch"})), {}, "policy:residency", "must stay in `ch`, `eu`, and it is in `us`"),
        (replace(INTERNAL, residency=frozenset({"eu"})), {"target": DARK}, "policy:residency", "its region is not known"),
        (replace(INTERNAL, purposes=frozenset({"care"})), {"purpose": "ads"}, "policy:purpose", "for `care` only, and `support` is for `ads`"),
        (replace(INTERNAL, purposes=frozenset({"care"})), {}, "policy:purpose", "`support` is for no stated purpose"),
        (replace(INTERNAL, keep_at_most_s=60), {}, "policy:retention", "for 60 s at most, and `acme` does not say how long"),
        (a_label("legal", "personal"), {"target": DARK}, "policy:no_permit:legal", "no rule permits `infer` with `legal` data in the zone `public_api`"),
        (a_label("personal"), {"target": DARK}, "policy:summary:personal", "`personal-public_api` might, if these facts of the vendor were known: `region`"),
        (a_label("confidential"), {}, "policy:summary:confidential", "needs a `summariser` in `support` that may read it"),
        (a_label("confidential"), {"action": Action.JUDGE}, "policy:no_permit:confidential", "no rule permits `judge`"),
    ],
)
def test_a_closed_target_says_what_closes_it(label: Label, more: dict[str, Any], code: str, says: str) -> None:
    told = why(label, **more)

    assert told.code == code
    assert says in told.says


def test_a_vendor_that_may_not_serve_the_purpose_or_keeps_data_too_long_is_named() -> None:
    bound = a_target("bound", bit=FIRST_TARGET_BIT, vendor=a_vendor("b", zone="private", terms=Terms(purposes=frozenset({"care"}), retention_days=30)))
    policy = CompiledPolicy(template(), [bound], snapshot="s")
    for label, purpose, code, says in (
        (INTERNAL, "ads", "policy:purpose", "`b` may not be used for `ads`; see `purposes` of its terms"),
        (replace(INTERNAL, keep_at_most_s=60), "care", "policy:retention", "`b` keeps it for 30 days"),
    ):
        capability = a_capability(ladder=[bound], purpose=purpose)
        verdict = policy.verdict(a_principal(), label, capability=capability, now_s=0.0)
        told = policy.reason(bound, verdict, principal=a_principal(), capability=capability)
        assert told.code == code
        assert says in told.says


def test_a_rule_that_forbids_is_named() -> None:
    no = Rule(rule_id="no-acme", permits=False, targets={"vendor": frozenset({"acme"})})

    assert why(INTERNAL, rules=(no,)) == Reason(code="policy:forbid:no-acme", says="the rule `no-acme` forbids `internal` data there")
