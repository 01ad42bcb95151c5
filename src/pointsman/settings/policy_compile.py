"""
`policy:` as written → the values that `governance/policy` gives a meaning, and where in the file a fault of them stands.
"""

import hashlib
from collections.abc import Mapping

import msgspec

from pointsman.core.label import Level
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.settings import policy_shape as shape
from pointsman.settings.policy_text import Action, Never, PolicyFault, PolicyText, Rule

_DAY_S = 86_400
_DIGITS = 16
Path = tuple[str | int, ...]


def policy_text(told: shape.Policy, template: PolicyText) -> PolicyText:
    """
    Return a policy: what is told, after the template. Where that is declined, its claims stay: they are given up by name only.

    The digest names the content: the same for the same rules, in whatever order.
    """
    start = template if told.template == "default" else msgspec.structs.replace(template, rules=())
    derived = tuple((frozenset(meet), follows) for follows, meet in told.derived.items())
    own = {name: Level[level.upper()] for name, level in told.classes.items()}
    text = PolicyText(
        digest="",
        levels=_with_derived({**start.levels, **own}, derived),
        rules=(*start.rules, *map(rule_of, told.rules)),
        claims=(*start.claims, *map(_claim, told.claims)),
        derived=(*start.derived, *derived),
        waived=frozenset(told.waive),
    )
    return msgspec.structs.replace(text, digest=policy_digest(text))


def policy_digest(text: PolicyText) -> str:
    """Return the name of a policy's content, 16 hex digits."""
    parts = (text.levels, sorted(text.rules, key=_name), sorted(text.claims, key=_name), sorted(text.derived, key=str), text.waived)
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:_DIGITS]


def lowered(told: shape.Policy, template: PolicyText) -> list[PolicyFault]:
    """Return a fault for each class that ships and is told to be milder: what was written about it elsewhere would lose its meaning."""
    return [
        PolicyFault("classes", name, None, f"`{name}` ships as `{known.name.lower()}` and cannot be milder.", "Use a class of your own.")
        for name, level in told.classes.items()
        if (known := template.levels.get(name)) is not None and Level[level.upper()] < known
    ]


def _with_derived(levels: Mapping[str, Level], derived: tuple[tuple[frozenset[str], str], ...]) -> dict[str, Level]:
    """Return the levels, with those of derived classes that have none of their own: the strictest of what they follow from."""
    found = dict(levels)
    for meet, follows in derived:
        found.setdefault(follows, max((found.get(name, Level.RESTRICTED) for name in meet), default=Level.RESTRICTED))
    return found


def path_of(fault: PolicyFault, told: shape.Policy) -> Path:
    """Return where in the file a fault stands; the section itself if it is not in an entry of the file."""
    entries: Mapping[str, list[str]] = {"rules": [rule.id for rule in told.rules], "claims": [claim.id for claim in told.claims], "waive": told.waive}
    if fault.part in ("derived", "classes"):
        return ("policy", fault.part, fault.name)
    names = entries[fault.part]
    if fault.name not in names:
        return ("policy",)
    index = len(names) - 1 - names[::-1].index(fault.name)
    return ("policy", fault.part, index, *([fault.field] if fault.field is not None else []))


def rule_of(told: shape.PolicyRule) -> Rule:
    """Return one rule as told."""
    return Rule(
        rule_id=told.id,
        permits=told.effect == "permit",
        classes=frozenset(told.classes),
        actions=frozenset(map(Action, told.actions)),
        principals={name: frozenset(accepted) for name, accepted in told.principals.items()},
        targets={name: frozenset(accepted) for name, accepted in told.targets.items()},
        when=told.when,
        obligations=frozenset(map(Obligation, told.obligations)),
        sharing=None if told.sharing is None else Sharing[told.sharing.upper()],
        keeping=None if told.keeping is None else Keeping[told.keeping.upper()],
        keep_at_most_s=None if told.keep_days is None else told.keep_days * _DAY_S,
    )


def _claim(told: shape.Claim) -> Never:
    return Never(claim_id=told.id, classes=frozenset(told.never), zones=frozenset(told.into), even_summarised=told.even_summarised)


def _name(one: Rule | Never) -> str:
    return one.rule_id if isinstance(one, Rule) else one.claim_id
