"""
Why a target is open or closed, in words: the first thing that decides, and what would change it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from pointsman.core.capability import Capability
from pointsman.core.label import Label
from pointsman.core.target import Target
from pointsman.core.verdict import Duty, Obligation, Reason, Verdict
from pointsman.governance.policy.attributes import Asking
from pointsman.governance.policy.levels import Limits, accepts, forgets_in_time, is_purpose_right, is_region_right, may_serve, review_of
from pointsman.governance.policy.rules import Rulebook
from pointsman.governance.policy.zones import zone_of
from pointsman.settings.policy_text import Action

_FIRST: Final[Mapping[Obligation, str]] = {
    Obligation.REDACT: "is taken out",
    Obligation.PSEUDONYMISE: "is replaced by pseudonyms",
    Obligation.SUMMARISE: "is summarised privately",
    Obligation.PERSON: "is agreed to by a person",
}


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: about which verdict, for whom, for which capability and action."""

    verdict: Verdict
    who: Asking
    capability: Capability
    action: Action


def reason(target: Target, question: Question, *, book: Rulebook, limits: Limits) -> Reason:
    """Tell why a target is open or closed under a verdict. The code is `permitted`, or `policy:` and what closes it."""
    verdict = question.verdict
    if verdict.permits(target):
        return Reason(code="permitted", says=_permitted(verdict.label, sorted(verdict.owes(target), key=lambda duty: (duty.data_class, duty.obligation))))
    if not verdict.label.classes:
        return Reason(code="policy:unlabelled", says="data without a class goes nowhere; declare one with the key or the request")
    return _limit(target, question, limits=limits) or _rule(book, target, question=question)


def _permitted(label: Label, duties: list[Duty]) -> str:
    owed = "; ".join(f"first what is `{duty.data_class}` {_FIRST[duty.obligation]}" for duty in duties)
    return f"the policy permits `{label.text}` data there" + (f"; {owed}" if owed else "")


def _limit(target: Target, question: Question, *, limits: Limits) -> Reason | None:
    """Return what closes a target whatever the rules say."""
    label, capability = question.verdict.label, question.capability
    level = label.level.name.lower()
    regions, purposes = _listed(label.residency), _listed(label.purposes)
    named, vendor = (target.vendor.region, target.vendor.name) if target.vendor is not None else (None, target.name)
    is_at = "its region is not known" if named is None else f"it is in `{named}`"
    lapsed = datetime.fromtimestamp(review_of(target) or 0.0, UTC).date().isoformat()
    checks = (
        (label.level <= capability.ceiling, "ceiling", f"`{capability.name}` takes data up to `{capability.ceiling.name.lower()}` only; this is `{level}`"),
        (accepts(label, target), "accepts", f"it accepts data up to `{target.accepts.name.lower()}` only; this is `{level}`"),
        (bool(limits.open >> target.bit & 1), "review", f"the review of `{vendor}` lapsed on {lapsed}; review it and set `next_review`"),
        (is_region_right(label, target), "residency", f"the data must stay in {regions}, and {is_at}"),
        (is_purpose_right(label, capability), "purpose", f"the data may be used for {purposes} only, and `{capability.name}` is for {_purpose(capability)}"),
        (may_serve(target, capability), "purpose", f"`{vendor}` may not be used for {_purpose(capability)}; see `purposes` of its terms"),
        (forgets_in_time(label, target), "retention", f"the data may be kept for {label.keep_at_most_s} s at most, and `{vendor}` {_keeps(target)}"),
    )
    return next((Reason(code=f"policy:{code}", says=says) for holds, code, says in checks if not holds), None)


def _rule(book: Rulebook, target: Target, *, question: Question) -> Reason:
    """Return which class closes a target, and by which rule or for want of which. One that no summary would help is told first."""
    who, action, bit = question.who, question.action, target.bit

    def is_in(name: str, action: Action) -> bool:
        return bool(book.atom(name, action, asking=who).mask >> bit & 1)

    closing = [name for name in sorted(question.verdict.label.classes) if not is_in(name, action)]
    hopeless = [name for name in closing if action is not Action.INFER or not is_in(name, Action.SUMMARISE)]
    if not hopeless:
        missing = _missing(book, target, name=closing[0], action=action)
        says = f"{missing}; it may go there as a summary only, which needs a `summariser` in `{question.capability.name}` that may read it"
        return Reason(code=f"policy:summary:{closing[0]}", says=says)
    name = hopeless[0]
    for one in book.about(name, action):
        if not one.rule.permits and one.mask(book.population, who) >> bit & 1:
            return Reason(code=f"policy:forbid:{one.rule.rule_id}", says=f"the rule `{one.rule.rule_id}` forbids `{name}` data there")
    return Reason(code=f"policy:no_permit:{name}", says=_missing(book, target, name=name, action=action))


def _missing(book: Rulebook, target: Target, *, name: str, action: Action) -> str:
    """Tell that no rule permits it, and which one might if more were known of the vendor."""
    says = f"no rule permits `{action.value}` with `{name}` data in the zone `{zone_of(target)}`"
    for one in book.about(name, action):
        if one.rule.permits and not (one.targets.yes | one.targets.no) >> target.bit & 1:
            unknown = _listed(frozenset(book.population.unknown(target.bit)))
            return f"{says}; `{one.rule.rule_id}` might, if these facts of the vendor were known: {unknown}"
    return says


def _listed(names: frozenset[str] | None) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names or ())) or "nothing"


def _purpose(capability: Capability) -> str:
    return "no stated purpose" if capability.purpose is None else f"`{capability.purpose}`"


def _keeps(target: Target) -> str:
    days = None if target.vendor is None else target.vendor.terms.retention_days
    return "does not say how long it keeps it" if days is None else f"keeps it for {days} days"
