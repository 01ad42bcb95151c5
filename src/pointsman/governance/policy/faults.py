"""
What a policy can get wrong: names that lead nowhere, conditions that cannot be decided class by class, grants where nothing is granted.

All faults are told at once, each with what to do.
"""

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from pointsman.governance.policy.attributes import FLAG, NUMBER, PRINCIPAL, TARGET
from pointsman.governance.policy.conditions import BadCondition, parse
from pointsman.governance.policy.zones import ZONES
from pointsman.settings.policy_text import Action, Never, PolicyFault, PolicyText, Rule

_OWN_CLASS: Final = "Add it under `policy.classes` with its level."


def faults(text: PolicyText) -> list[PolicyFault]:
    """Return every fault of a policy; without one it can be compiled."""
    return [
        *_twice("rules", (rule.rule_id for rule in text.rules)),
        *_twice("claims", (claim.claim_id for claim in text.claims)),
        *(fault for rule in text.rules for fault in _rule(rule, classes=text.levels)),
        *(fault for claim in text.claims for fault in _claim(claim, classes=text.levels)),
        *_derived(text),
        *_waived(text),
    ]


def _rule(rule: Rule, *, classes: Collection[str]) -> Iterator[PolicyFault]:
    for name in sorted(rule.classes - set(classes)):
        yield PolicyFault("rules", rule.rule_id, "classes", f"there is no data class `{name}`.", _near(name, classes) or _OWN_CLASS)
    yield from _attributes(rule, "principals", wanted=rule.principals, known=PRINCIPAL)
    yield from _attributes(rule, "targets", wanted=rule.targets, known=TARGET)
    for zone in sorted(rule.targets.get("zone", frozenset()) - set(ZONES)):
        yield PolicyFault("rules", rule.rule_id, "targets", f"there is no zone `{zone}`.", _near(zone, ZONES) or _known(ZONES))
    if rule.when is not None:
        try:
            parse(rule.when)
        except BadCondition as bad:
            yield PolicyFault("rules", rule.rule_id, "when", bad.says, bad.remedy)
    yield from _grants(rule)


def _attributes(rule: Rule, field: str, *, wanted: Mapping[str, Collection[str]], known: Mapping[str, str]) -> Iterator[PolicyFault]:
    for name, accepted in wanted.items():
        if name not in known:
            yield PolicyFault("rules", rule.rule_id, field, f"there is no attribute `{name}`.", _near(name, known) or _known(known))
        elif known[name] in (NUMBER, FLAG):
            yield PolicyFault("rules", rule.rule_id, field, f"`{name}` is no text.", f"Ask for it under `when`, as in `{_asked(name, known[name])}`.")
        elif not accepted:
            yield PolicyFault("rules", rule.rule_id, field, f"no value of `{name}` is accepted, so the rule never applies.", "Name one, or leave it out.")


def _grants(rule: Rule) -> Iterator[PolicyFault]:
    granted = {"obligations": bool(rule.obligations), "sharing": rule.sharing is not None, "keeping": rule.keeping is not None}
    granted["keep_days"] = rule.keep_at_most_s is not None
    if not rule.permits:
        for field in (field for field, is_granted in granted.items() if is_granted):
            yield PolicyFault("rules", rule.rule_id, field, "a rule that forbids grants nothing.", f"Leave `{field}` out, or write a rule that permits.")
        return
    if Action.CACHE in rule.actions and rule.sharing is None:
        yield PolicyFault("rules", rule.rule_id, "sharing", "it does not say with whom an answer may be shared.", "Add `sharing`: user, application or tenant.")
    if Action.LOG_CONTENT in rule.actions and rule.keeping is None:
        yield PolicyFault("rules", rule.rule_id, "keeping", "it does not say how much may be kept.", "Add `keeping`: hash, filtered or full.")
    if rule.keep_at_most_s is not None and rule.keeping is None:
        yield PolicyFault("rules", rule.rule_id, "keep_days", "nothing is kept, so there is no time for it.", "Add `keeping`, or leave `keep_days` out.")


def _claim(claim: Never, *, classes: Collection[str]) -> Iterator[PolicyFault]:
    for name in sorted(claim.classes - set(classes)):
        yield PolicyFault("claims", claim.claim_id, "never", f"there is no data class `{name}`.", _near(name, classes) or _OWN_CLASS)
    for zone in sorted(claim.zones - set(ZONES)):
        yield PolicyFault("claims", claim.claim_id, "into", f"there is no zone `{zone}`.", _near(zone, ZONES) or _known(ZONES))


def _derived(text: PolicyText) -> Iterator[PolicyFault]:
    for meet, follows in text.derived:
        for name in sorted({*meet, follows} - set(text.levels)):
            yield PolicyFault("derived", follows, None, f"there is no data class `{name}`.", _near(name, text.levels) or _OWN_CLASS)
        if not meet:
            yield PolicyFault("derived", follows, None, "it does not say which classes must meet.", "Name two at least.")


def _waived(text: PolicyText) -> Iterator[PolicyFault]:
    known = [claim.claim_id for claim in text.claims]
    for name in sorted(text.waived - set(known)):
        yield PolicyFault("waive", name, None, f"there is no claim `{name}`.", _near(name, known) or _known(known))


def _twice(part: str, names: Iterable[str]) -> Iterator[PolicyFault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield PolicyFault(part, name, "id", f"the name `{name}` is used {times} times.", "Give each a name of its own; the template has names too.")


def _near(name: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean `{found[0]}`?" if found else None


def _known(names: Iterable[str]) -> str:
    return f"Known: {', '.join(f'`{name}`' for name in names) or 'none'}."


def _asked(name: str, kind: str) -> str:
    return f"target.{name} == 0" if kind == NUMBER else f"target.{name} == false"
