"""
Policy decisions: how long one takes for all targets, beside Cedar for one; and whether both decide the same.

    python bench/governance/policy.py [--cases 1000000]

The policy has 1,000 rules and the gateway 64 targets. `again` is a label that was judged before, as nearly all are; `new label` one that was
not, by a caller that was; `new caller` one that nobody of its kind asked before. Cedar is asked for one target with the policies parsed once.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import cedarpy

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.governance.policy.reference import facts_of_principal, facts_of_target
from tests.governance.policy.test_oracles import cedar_disagreements
from tests.governance.policy.worlds import LEVELS, a_caller, a_rule, some_capability, some_label
from tests.governance.policy.worlds import _target as random_target
from tests.values import a_snapshot

from pointsman.governance.policy.cedar import cedar_entity, to_cedar
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.proof import prove
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import PolicyText, Rule

RULES = 1_000
TARGETS = 64
ROUNDS = 20_000


def percentiles(times_ns: list[int]) -> str:
    times_ns.sort()
    return "  ".join(f"{times_ns[int(len(times_ns) * share)] / 1000:9.2f}" for share in (0.5, 0.99)) + f"  {times_ns[-1] / 1000:9.1f}"


def timed(work: Callable[[int], object], rounds: int) -> str:
    times = []
    for number in range(rounds):
        start = time.perf_counter_ns()
        work(number)
        times.append(time.perf_counter_ns() - start)
    return percentiles(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1_000_000)
    cases = parser.parse_args().cases
    random = Random(1)
    rules = [a_rule(random, number) for number in range(RULES - 20)]
    rules += [Rule(rule_id=f"all{number}", permits=True, targets={"zone": frozenset({"private", "edge"})}) for number in range(20)]
    text = PolicyText(digest="d", levels=LEVELS, rules=tuple(rules))
    targets = [random_target(random, number) for number in range(TARGETS)]
    capability = some_capability(random, targets)
    callers = [a_caller(random) for _ in range(8)]
    labels = list({some_label(random) for _ in range(5_000)})

    start = time.perf_counter()
    policy = CompiledPolicy(text, targets, snapshot="s")
    compiled_ms = (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    shipped = CompiledPolicy(template(), targets, snapshot="s")
    shipped_ms = (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    prove(a_snapshot(capability), shipped.text)
    proof_ms = (time.perf_counter() - start) * 1000

    print(f"{RULES} rules × {TARGETS} targets, {len(labels)} labels; µs for all targets      p50        p99        max")

    def ask(number: int) -> object:
        return policy.verdict(callers[number % len(callers)], labels[number % len(labels)], capability=capability, now_s=500.0)

    gc.collect()
    gc.freeze()
    print("  new caller, new label (first of its kind)             ", timed(lambda _: _first(text, targets, policy, callers, labels, capability), 20))
    for number in range(len(callers) * 200):
        ask(number)
    fresh = iter(range(ROUNDS))

    def new_label(_: int) -> object:
        policy._verdicts.clear()
        return ask(next(fresh))

    print("  new label                                             ", timed(new_label, ROUNDS))
    few = labels[:500]
    for number in range(len(few) * len(callers)):
        policy.verdict(callers[number % len(callers)], few[number % len(few)], capability=capability, now_s=500.0)
    again = timed(lambda number: policy.verdict(callers[number % len(callers)], few[number % len(few)], capability=capability, now_s=500.0), ROUNDS * 5)
    print("  again                                                 ", again)
    policies = cedarpy.PolicySet.from_str(to_cedar(text))
    who = facts_of_principal(callers[0])
    entities = [cedar_entity("Key", "web", values=who), *(cedar_entity("Target", target.name, values=facts_of_target(target)) for target in targets[:1])]
    request = {
        "principal": 'Key::"web"',
        "action": 'Action::"infer"',
        "resource": f'Target::"{targets[0].name}"',
        "context": {"classes": ["internal"], "capability": "support", "purpose": ""},
    }
    print("  Cedar, one target                                     ", timed(lambda _: cedarpy.is_authorized(request, policies, entities), 300))
    print(f"\ncompile {RULES} rules × {TARGETS} targets {compiled_ms:.1f} ms · the template {shipped_ms:.2f} ms · its proof {proof_ms:.1f} ms")
    start = time.perf_counter()
    wrong, allowed = cedar_disagreements(Random(time.time_ns()), cases)
    print(f"{cases} random decisions against Cedar: {wrong} disagreements ({allowed} permissions), {time.perf_counter() - start:.0f} s")


def _first(text, targets, policy, callers, labels, capability) -> object:  # noqa: ANN001, ARG001, PLR0913, PLR0917
    policy._verdicts.clear()
    policy._classes.clear()
    policy.book._rules.clear()
    return policy.verdict(callers[0], labels[0], capability=capability, now_s=500.0)


if __name__ == "__main__":
    main()
