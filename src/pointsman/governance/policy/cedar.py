"""
The same policy in Cedar, rule by rule: for people who know that language, and for its engine, which decides the same (ADR 0014).

A request asks for one class: the context holds `classes` (the class, and `restricted` too if the policy does not know it), `capability` and
`purpose`. What is granted stands in annotations. A value that nobody knows is an attribute that the resource lacks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pointsman.governance.policy.attributes import PRINCIPAL, TARGET, TEXTS, Value
from pointsman.governance.policy.conditions import Condition, Every, Given, Named, Not, Operand, Relation, parse
from pointsman.settings.policy_text import PolicyText, Rule

_ROOTS: Final[Mapping[str, str]] = {"principal": "principal", "target": "resource", "call": "context"}


def to_cedar(text: PolicyText) -> str:
    """Return all rules as Cedar policies, in order. Raises `BadCondition` for a condition that cannot be used."""
    return "\n\n".join(map(cedar_rule, text.rules)) + "\n"


def cedar_rule(rule: Rule) -> str:
    """Return one rule as a Cedar policy."""
    effect = "permit" if rule.permits else "forbid"
    actions = ", ".join(f'Action::"{action.value}"' for action in sorted(rule.actions))
    scope = f"principal, {f'action in [{actions}]' if actions else 'action'}, resource"
    conditions = "".join(f"\nwhen {{ {condition} }}" for condition in _conditions(rule))
    return "\n".join([*_annotations(rule), f"{effect} ({scope}){conditions};"])


def cedar_entity(kind: str, name: str, *, values: Mapping[str, Value | None]) -> dict[str, object]:
    """Return a principal or target as an entity of Cedar, with the attributes that are known."""
    known = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in values.items() if value is not None}
    return {"uid": {"type": kind, "id": name}, "attrs": known, "parents": []}


def _annotations(rule: Rule) -> Iterator[str]:
    yield f"@id({_text(rule.rule_id)})"
    if rule.obligations:
        yield f"@obligations({_text(' '.join(sorted(rule.obligations)))})"
    if rule.sharing is not None:
        yield f"@sharing({_text(rule.sharing.name.lower())})"
    if rule.keeping is not None:
        yield f"@keeping({_text(rule.keeping.name.lower())})"
    if rule.keep_at_most_s is not None:
        yield f"@keep_at_most_s({_text(str(rule.keep_at_most_s))})"


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.classes:
        yield f"context.classes.containsAny({_set(rule.classes)})"
    for name, accepted in sorted(rule.principals.items()):
        yield _having("principal", name, accepted=accepted, is_list=PRINCIPAL[name] == TEXTS)
    for name, accepted in sorted(rule.targets.items()):
        holds = _having("resource", name, accepted=accepted, is_list=TARGET[name] == TEXTS)
        # A value that nobody knows satisfies no permit and every forbid.
        yield f"resource has {name} && {holds}" if rule.permits else f"!(resource has {name}) || {holds}"
    if rule.when is not None:
        condition = parse(rule.when)
        yield _surely(condition) if rule.permits else f"!({_surely_not(condition)})"


def _having(root: str, name: str, *, accepted: Iterable[str], is_list: bool) -> str:
    return f"{root}.{name}.containsAny({_set(accepted)})" if is_list else f"{_set(accepted)}.contains({root}.{name})"


def _surely(condition: Condition) -> str:
    """Return that a condition is known to hold."""
    match condition:
        case Relation():
            return _known(condition, _relation(condition))
        case Not(part):
            return _surely_not(part)
        case Every(parts):
            return f"({' && '.join(map(_surely, parts))})"
        case _:
            return f"({' || '.join(map(_surely, condition.parts))})"


def _surely_not(condition: Condition) -> str:
    """Return that a condition is known not to hold."""
    match condition:
        case Relation():
            return _known(condition, f"!({_relation(condition)})")
        case Not(part):
            return _surely(part)
        case Every(parts):
            return f"({' || '.join(map(_surely_not, parts))})"
        case _:
            return f"({' && '.join(map(_surely_not, condition.parts))})"


def _known(relation: Relation, says: str) -> str:
    names = [side.name for side in (relation.left, relation.right) if isinstance(side, Named) and side.root == "target"]
    return f"({' && '.join([*(f'resource has {name}' for name in names), says])})"


def _relation(relation: Relation) -> str:
    left, right = relation.left, relation.right
    if relation.sign == "in":
        return f"{_operand(right)}.contains({_operand(left)})"
    if relation.sign in ("startsWith", "endsWith", "contains"):
        part = _pattern(right)
        around = {"startsWith": f"{part}*", "endsWith": f"*{part}", "contains": f"*{part}*"}[relation.sign]
        return f'{_operand(left)} like "{around}"'
    return f"{_operand(left)} {relation.sign} {_operand(right)}"


def _operand(side: Operand) -> str:
    if isinstance(side, Named):
        return f"{_ROOTS[side.root]}.{side.name}"
    value = side.value
    if isinstance(value, frozenset):
        return _set(value)
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _pattern(side: Operand) -> str:
    """Return a text within a pattern, where a star would stand for anything."""
    return _text(side.value)[1:-1].replace("*", "\\*") if isinstance(side, Given) and isinstance(side.value, str) else ""


def _set(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, sorted(values)))}]"


def _text(value: str) -> str:
    """Return a text as Cedar writes it: control characters as code points."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(f"\\u{{{ord(char):x}}}" if not char.isprintable() else char for char in escaped) + '"'
