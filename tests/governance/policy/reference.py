"""
The policy language once more, slowly: one class, one target, one rule at a time, with Google's CEL engine for `when`. It shares no code with the
engine under test but the values. What it says is what the language means.
"""

from functools import cache
from typing import Any

from cel_expr_python import cel

from pointsman.core.capability import Capability
from pointsman.core.label import Label, Level
from pointsman.core.principal import Principal
from pointsman.core.target import Target
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.settings.policy_text import Action, PolicyText, Rule

HOUSE = {Action.CACHE: "cache", Action.LOG_CONTENT: "content_log", Action.PERSON: "person"}
_cel: Any = cel
_MAP = _cel.Type.Map(_cel.Type.STRING, _cel.Type.DYN)
_ENGINE: Any = _cel.NewEnv(variables={"principal": _MAP, "target": _MAP, "capability": _cel.Type.STRING, "purpose": _cel.Type.STRING})
Facts = dict[str, Any]


def facts_of_principal(principal: Principal) -> Facts:
    key = principal.key
    return {"key": key.key_id, "tenant": key.tenant, "team": key.team or "", "application": key.application or "", "groups": sorted(key.groups)}


def facts_of_target(target: Target) -> Facts:
    """What nobody knows is not there."""
    vendor = target.vendor
    assert vendor is not None
    terms = vendor.terms
    is_bound = terms.retention_days == 0 and terms.trains is False and len(terms.agreements) > 0
    facts = {
        "name": target.name,
        "vendor": vendor.name,
        "model": target.model,
        "place": target.place.value,
        "zone": "public_api" if vendor.zone == "contracted" and not is_bound else vendor.zone,
        "region": vendor.region,
        "retention_days": terms.retention_days,
        "trains": terms.trains,
        "agreements": sorted(terms.agreements),
        "certifications": sorted(terms.certifications),
    }
    return {name: value for name, value in facts.items() if value is not None}


def facts_of_house(action: Action) -> Facts:
    zone = HOUSE[action]
    lacking = {"vendor": "", "model": "", "region": "", "retention_days": 0, "trains": False, "agreements": [], "certifications": []}
    return {"name": zone, "place": zone, "zone": zone, **lacking}


class Reference:
    """One policy for one caller and capability."""

    def __init__(self, text: PolicyText, principal: Principal, capability: Capability) -> None:
        self.text = text
        self.capability = capability
        self.principal = facts_of_principal(principal)

    def permits(self, action: Action, data_class: str, facts: Facts) -> list[Rule]:
        """Return the rules that permit; none if one forbids."""
        about = {data_class} if data_class in self.text.levels else {data_class, "restricted"}
        rules = [
            rule
            for rule in self.text.rules
            if (not rule.classes or rule.classes & about) and (not rule.actions or action in rule.actions) and self._applies(rule, facts)
        ]
        return [rule for rule in rules if rule.permits] if all(rule.permits for rule in rules) else []

    def owed(self, permits: list[Rule]) -> set[Obligation]:
        least = [rule for rule in permits if not any(other.obligations < rule.obligations for other in permits)]
        return {obligation for rule in least for obligation in rule.obligations}

    def closed(self, label: Label) -> Label:
        classes = set(label.classes)
        for _ in range(5):
            classes |= {follows for meet, follows in self.text.derived if meet <= classes}
        level = max([label.level, *(self.text.levels.get(name, Level.RESTRICTED) for name in classes)])
        return Label(classes=frozenset(classes), level=level, residency=label.residency, purposes=label.purposes, keep_at_most_s=label.keep_at_most_s)

    def limits(self, label: Label, target: Target, *, now_s: float) -> bool:
        vendor, purpose = target.vendor, self.capability.purpose
        assert vendor is not None
        terms = vendor.terms
        return (
            label.level <= self.capability.ceiling
            and label.level <= target.accepts
            and (label.residency is None or vendor.region in label.residency)
            and (label.purposes is None or purpose in label.purposes)
            and (terms.purposes is None or purpose in terms.purposes)
            and (label.keep_at_most_s is None or (terms.retention_days is not None and terms.retention_days * 86_400 <= label.keep_at_most_s))
            and (terms.next_review_s is None or now_s < terms.next_review_s)
        )

    def direct(self, action: Action, label: Label, target: Target) -> bool:
        return bool(label.classes) and all(self.permits(action, name, facts_of_target(target)) for name in label.classes)

    def duties(self, action: Action, label: Label, target: Target, *, now_s: float) -> set[tuple[str, Obligation]] | None:
        """Return what is owed at a target; None where it is closed."""
        told = self.closed(label)
        reader = self.capability.summariser
        can_summarise = action is Action.INFER and reader is not None and self.direct(action, told, reader) and self.limits(told, reader, now_s=now_s)
        if not told.classes or not self.limits(told, target, now_s=now_s):
            return None
        due: set[tuple[str, Obligation]] = set()
        for name in told.classes:
            facts = facts_of_target(target)
            permits = self.permits(action, name, facts)
            if not permits:
                permits = self.permits(Action.SUMMARISE, name, facts) if can_summarise else []
                due.add((name, Obligation.SUMMARISE))
            if not permits:
                return None
            due |= {(name, obligation) for obligation in self.owed(permits)}
        return due

    def kept(self, label: Label) -> tuple[Sharing, Keeping, int | None]:
        """Return the narrowest over classes of the widest over permits."""
        told = self.closed(label)
        sharing, keeping, terms = [], [], [told.keep_at_most_s]
        for name in told.classes:
            shared = self.permits(Action.CACHE, name, facts_of_house(Action.CACHE))
            logged = [rule for rule in self.permits(Action.LOG_CONTENT, name, facts_of_house(Action.LOG_CONTENT)) if rule.keeping is not None]
            sharing.append(max((rule.sharing for rule in shared if rule.sharing is not None), default=Sharing.NOBODY))
            keeping.append(max((rule.keeping for rule in logged if rule.keeping is not None), default=Keeping.NOTHING))
            endless = any(rule.keep_at_most_s is None for rule in logged)
            terms.append(None if endless else max((rule.keep_at_most_s or 0 for rule in logged), default=None))
        known = [term for term in terms if term is not None]
        return min(sharing, default=Sharing.NOBODY), min(keeping, default=Keeping.NOTHING), min(known, default=None)

    def _applies(self, rule: Rule, facts: Facts) -> bool:
        truths = [_among(self.principal.get(name), accepted) for name, accepted in rule.principals.items()]
        truths += [_among(facts.get(name), accepted) for name, accepted in rule.targets.items()]
        if rule.when is not None:
            truths.append(self._holds(rule.when, facts))
        return all(truth is True for truth in truths) if rule.permits else all(truth is not False for truth in truths)

    def _holds(self, when: str, facts: Facts) -> bool | None:
        values = {"principal": self.principal, "target": facts, "capability": self.capability.name, "purpose": self.capability.purpose or ""}
        found = _compiled(when).eval(_ENGINE.Activation(values))
        return found.value() if found.type() == _cel.Type.BOOL else None


def _among(value: str | list[str] | None, accepted: frozenset[str]) -> bool | None:
    if value is None:
        return None
    return bool(accepted.intersection(value)) if isinstance(value, list) else value in accepted


@cache
def _compiled(when: str) -> Any:
    return _ENGINE.compile(when)
