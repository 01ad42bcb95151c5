"""
The engine against two others that know nothing of masks: a slow reference with Google's CEL, and Cedar.
"""

from random import Random

import cedarpy
import pytest
from tests.governance.policy.reference import HOUSE, Reference, facts_of_house, facts_of_principal, facts_of_target
from tests.governance.policy.worlds import NAMES, a_caller, a_policy, some_capability, some_label, some_targets

from pointsman.core.snapshot import CACHE_BIT
from pointsman.core.verdict import Keeping, Sharing
from pointsman.governance.policy.attributes import asking
from pointsman.governance.policy.cedar import cedar_entity, cedar_rule, to_cedar
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import Action, Rule

CEDAR_CASES = 10_000
CASES_PER_WORLD = 100


def test_verdicts_are_those_of_the_slow_reference() -> None:
    random = Random(1)
    seen = {True: 0, False: 0}
    for _ in range(250):
        text, targets = a_policy(random), some_targets(random)
        policy = CompiledPolicy(text, targets, snapshot="s")
        for _ in range(4):
            principal, capability, label = a_caller(random), some_capability(random, targets), some_label(random)
            action, now_s = random.choice([Action.INFER, Action.INFER, Action.JUDGE]), random.choice([0.0, 1_000.0, 1_999.0, 5_000.0])
            slow = Reference(text, principal, capability)
            verdict = policy.verdict(principal, label, capability=capability, action=action, now_s=now_s)
            for target in targets:
                due = slow.duties(action, label, target, now_s=now_s)
                told = {(duty.data_class, duty.obligation) for duty in verdict.owes(target)} if verdict.permits(target) else None
                assert told == due, (text, principal, label, target)
                seen[verdict.permits(target)] += 1
            is_usable = bool(label.classes) and verdict.label.level <= capability.ceiling and (not label.purposes or capability.purpose in label.purposes)
            sharing, keeping, keep_at_most_s = slow.kept(label)
            assert (verdict.sharing, verdict.keeping) == ((sharing, keeping) if is_usable else (Sharing.NOBODY, Keeping.NOTHING))
            assert verdict.keep_at_most_s == keep_at_most_s
            assert bool(verdict.mask >> CACHE_BIT & 1) == (verdict.sharing > Sharing.NOBODY)
    assert min(seen.values()) > 200  # both answers were looked at


def test_single_classes_are_decided_as_cedar_decides_them() -> None:
    wrong, allowed = cedar_disagreements(Random(2), CEDAR_CASES)

    assert wrong == 0
    assert CEDAR_CASES / 5 < allowed < CEDAR_CASES * 4 / 5


def cedar_disagreements(random: Random, cases: int) -> tuple[int, int]:
    """Return how many of so many random decisions differ from Cedar's, and how many are permissions."""
    wrong = looked = allowed = 0
    while looked < cases:
        text, targets = a_policy(random), some_targets(random)
        book = CompiledPolicy(text, targets, snapshot="s").book
        principal, capability = a_caller(random), some_capability(random, targets)
        who = asking(principal, capability)
        entities = [cedar_entity("Key", principal.key.key_id, values=facts_of_principal(principal))]
        entities += [cedar_entity("Target", target.name, values=facts_of_target(target)) for target in targets]
        entities += [cedar_entity("House", zone, values=facts_of_house(action)) for action, zone in HOUSE.items()]
        requests, decided = [], []
        for _ in range(min(CASES_PER_WORLD, cases - looked)):
            name, action, target = random.choice(NAMES), random.choice(list(Action)), random.choice(targets)
            bit = book.house.get(action, target.bit)
            resource = f'House::"{HOUSE[action]}"' if action in HOUSE else f'Target::"{target.name}"'
            classes = [name] if name in text.levels else [name, "restricted"]
            context = {"classes": classes, "capability": capability.name, "purpose": capability.purpose or ""}
            requests.append({"principal": f'Key::"{principal.key.key_id}"', "action": f'Action::"{action.value}"', "resource": resource, "context": context})
            decided.append(bool(book.atom(name, action, asking=who).mask >> bit & 1))
        answers = cedarpy.is_authorized_batch(requests, to_cedar(text), entities)
        assert [error for answer in answers for error in answer.diagnostics.errors] == []
        wrong += sum(answer.allowed != ours for answer, ours in zip(answers, decided, strict=True))
        looked += len(decided)
        allowed += sum(decided)
    return wrong, allowed


def test_the_template_is_cedar_that_cedar_can_read() -> None:
    policies = cedarpy.policies_to_json_str(to_cedar(template()))

    assert policies.count('"effect"') == len(template().rules)


@pytest.mark.parametrize("text", ['say "hi"', "back\\slash", "new\nline", "st*r", "\x00", "\x7f", "\N{ZERO WIDTH SPACE}"])
def test_a_strange_name_stays_what_it_is_in_cedar(text: str) -> None:
    policy = cedar_rule(Rule(rule_id=text, permits=True, targets={"vendor": frozenset({text})}))
    request = {"principal": 'Key::"k"', "action": 'Action::"infer"', "resource": 'Target::"t"', "context": {}}

    def allowed(vendor: str) -> bool:
        return cedarpy.is_authorized(request, policy, [cedar_entity("Target", "t", values={"vendor": vendor})]).allowed

    assert allowed(text)
    assert not allowed(text + "x")


@pytest.mark.parametrize(("call", "fits", "other"), [("startsWith", "st*ring", "string"), ("endsWith", "a st*", "a stem"), ("contains", "a st*r", "a star")])
def test_a_star_in_a_text_is_a_star_in_cedar(call: str, fits: str, other: str) -> None:
    policy = cedar_rule(Rule(rule_id="r", permits=True, when=f'target.vendor.{call}("st*")'))
    request = {"principal": 'Key::"k"', "action": 'Action::"infer"', "resource": 'Target::"t"', "context": {}}
    allowed = [cedarpy.is_authorized(request, policy, [cedar_entity("Target", "t", values={"vendor": vendor})]).allowed for vendor in (fits, other)]

    assert allowed == [True, False]
