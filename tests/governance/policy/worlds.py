"""
Random policies, targets, callers and labels, small enough that rules meet often.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.values import a_capability, a_key, a_target, a_vendor

from pointsman.core.capability import Capability
from pointsman.core.label import CLASSES, Label, Level
from pointsman.core.place import Place
from pointsman.core.principal import Principal
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Target, Terms
from pointsman.core.verdict import Keeping, Obligation, Sharing
from pointsman.settings.policy_text import Action, PolicyText, Rule

LEVELS = {**CLASSES, "customer": Level.CONFIDENTIAL, "phi": Level.RESTRICTED}
NAMES = [*LEVELS, "never_heard_of"]
DERIVED = ((frozenset({"personal", "health"}), "phi"), (frozenset({"phi"}), "customer"))
ZONES = ["public_api", "contracted", "private", "edge"]
REGIONS = ["eu", "us", "e*u", "exu"]
GROUPS = ["staff", "medics", "interns"]
AGREEMENTS = ["dpa", "baa"]
PURPOSES = ["care", "support"]

_TEXTS: dict[str, list[str]] = {
    "target.region": REGIONS,
    "target.zone": [*ZONES, "cache"],
    "target.name": ["t0", "t1", "t2", "cache"],
    "target.vendor": ["acme", "", 'od"d'],
    "principal.team": ["red", "blue", ""],
    "principal.tenant": ["default", "eu"],
    "capability": ["support", "search"],
    "purpose": [*PURPOSES, ""],
}
_LISTS: dict[str, list[str]] = {"target.agreements": AGREEMENTS, "target.certifications": ["iso27001"], "principal.groups": [*GROUPS, "eu"]}


def a_condition(random: Random, depth: int = 0) -> str:
    """Return a condition in CEL."""
    kind = random.random()
    if depth < 3 and kind < 0.45:
        parts = [a_condition(random, depth + 1) for _ in range(random.randint(2, 3))]
        return f"({random.choice([' && ', ' || ']).join(parts)})"
    if depth < 3 and kind < 0.55:
        return f"!({a_condition(random, depth + 1)})"
    return _relation(random)


def _relation(random: Random) -> str:
    name = random.choice(list(_TEXTS))
    chosen = random.choice(_TEXTS[name])
    text = f"'{chosen}'" if '"' in chosen else f'"{chosen}"'
    listed = random.choice(list(_LISTS))
    return random.choice(
        [
            f"{name} {random.choice(['==', '!='])} {text}",
            f"{text} {random.choice(['==', '!='])} {name}",
            f"{name} in [{text}, 'us']",
            f"{name}.{random.choice(['startsWith', 'endsWith', 'contains'])}({text})",
            f'"{random.choice(_LISTS[listed])}" in {listed}',
            f"target.retention_days {random.choice(['<', '<=', '>', '>=', '==', '!='])} {random.choice([0, 30])}",
            random.choice(["target.trains", "!target.trains", "target.trains == false", "true", "false"]),
            random.choice(["target.region in principal.groups", "target.region == principal.tenant", "target.name == target.zone"]),
        ]
    )


def a_rule(random: Random, number: int = 0, **more: Any) -> Rule:
    permits = random.random() < 0.8
    whole: dict[str, Any] = {
        "rule_id": f"r{number}",
        "permits": permits,
        "classes": _some(random, list(LEVELS), chance=0.3) if random.random() < 0.7 else frozenset(),
        "actions": _some(random, list(Action), chance=0.4) if random.random() < 0.6 else frozenset(),
        "principals": {"groups": _some(random, GROUPS)} if random.random() < 0.2 else {"team": frozenset({"red", ""})} if random.random() < 0.1 else {},
        "targets": _wanted(random),
        "when": a_condition(random) if random.random() < 0.4 else None,
        **more,
    }
    if whole["permits"]:
        whole["obligations"] = frozenset(one for one in Obligation if random.random() < 0.25)
        whole["sharing"] = random.choice([None, *Sharing])
        whole["keeping"] = random.choice([None, *Keeping])
        whole["keep_at_most_s"] = random.choice([None, 86_400, 864_000]) if whole["keeping"] is not None else None
    return Rule(**whole)


def _wanted(random: Random) -> dict[str, frozenset[str]]:
    found = {}
    if random.random() < 0.5:
        found["zone"] = _some(random, [*ZONES, "cache", "content_log"], chance=0.5)
    if random.random() < 0.2:
        found["region"] = _some(random, REGIONS)
    if random.random() < 0.1:
        found["agreements"] = _some(random, AGREEMENTS)
    return found


def a_policy(random: Random, *, rules: int = 8) -> PolicyText:
    made = [a_rule(random, number) for number in range(random.randint(1, rules))]
    # Without some that permit much, nearly everything would be closed and little be learned.
    for number in range(random.randint(0, 2)):
        obligations = frozenset(one for one in Obligation if random.random() < 0.25)
        made.append(Rule(rule_id=f"all{number}", permits=True, targets=_wanted(random), obligations=obligations))
    random.shuffle(made)
    return PolicyText(digest="d", levels=LEVELS, rules=tuple(made), derived=DERIVED if random.random() < 0.5 else ())


def some_targets(random: Random, *, most: int = 6) -> list[Target]:
    return [_target(random, number) for number in range(random.randint(1, most))]


def _target(random: Random, number: int) -> Target:
    terms = Terms(
        retention_days=random.choice([None, 0, 0, 30]),
        trains=random.choice([None, False, False, True]),
        agreements=_some(random, AGREEMENTS),
        certifications=_some(random, ["iso27001"]),
        purposes=random.choice([None, None, frozenset({"care"})]),
        next_review_s=random.choice([None, None, 1_000.0, 2_000.0]),
    )
    vendor = a_vendor(random.choice(["acme", 'od"d']), zone=random.choice(ZONES), region=random.choice([None, *REGIONS]), terms=terms)
    return a_target(f"t{number}", bit=FIRST_TARGET_BIT + number, place=Place.CLOUD, vendor=vendor, accepts=random.choice([*Level, *[Level.RESTRICTED] * 4]))


def a_caller(random: Random) -> Principal:
    groups = _some(random, GROUPS)
    return Principal(
        key=a_key(random.choice(["web", "app"]), groups=groups, team=random.choice([None, "red", "blue"]), tenant=random.choice(["default", "eu"]))
    )


def some_capability(random: Random, targets: Sequence[Target]) -> Capability:
    return a_capability(
        random.choice(["support", "search"]),
        ladder=targets,
        purpose=random.choice([None, *PURPOSES]),
        ceiling=random.choice([*Level, *[Level.RESTRICTED] * 5]),
        summariser=random.choice([None, *targets]),
    )


def some_label(random: Random, *, classes: frozenset[str] | None = None) -> Label:
    named = frozenset(random.sample(NAMES, random.choice([0, 1, 1, 1, 2, 2, 3]))) if classes is None else classes
    return Label(
        classes=named,
        level=max((LEVELS.get(name, Level.RESTRICTED) for name in named), default=Level.RESTRICTED),
        residency=random.choice([None, None, frozenset({"eu"}), frozenset({"eu", "us"})]),
        purposes=random.choice([None, None, None, frozenset({"care"})]),
        keep_at_most_s=random.choice([None, None, 0, 31 * 86_400]),
    )


def _some(random: Random, values: Sequence[Any], *, chance: float = 0.5) -> frozenset[Any]:
    found = frozenset(value for value in values if random.random() < chance)
    return found or frozenset({random.choice(values)})
