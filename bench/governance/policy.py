"""
Policy decisions: how long one takes for all targets, beside Cedar for one; and whether both decide the same.

    python bench/governance/policy.py [--cases 1000000]

The policy has 1,000 random rules, the gateway 64 targets. `again` is a label that was judged before, as nearly all are; `new label` one that was
not, of classes that were; `first` the first question of a kind of caller. Cedar is asked for one target, with its policies parsed beforehand.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import cedarpy
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.governance.policy.reference import facts_of_principal, facts_of_target
from tests.governance.policy.test_oracles import cedar_disagreements
from tests.governance.policy.worlds import LEVELS, a_caller, a_rule, some_capability, some_label, some_targets
from tests.values import a_snapshot

from pointsman.core.target import Target
from pointsman.governance.policy.cedar import cedar_entity, to_cedar
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.proof import prove
from pointsman.governance.policy.template import template
from pointsman.settings.policy_text import PolicyText, Rule

RULES = 1_000
TARGETS = 64
ROUNDS = 100_000
NOW_S = 500.0


def timed(title: str, work: Callable[[int], object], *, rounds: int) -> None:
    """Time each round alone and print percentiles."""
    times = []
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        start = time.perf_counter_ns()
        work(number)
        times.append((time.perf_counter_ns() - start) / 1000)
    times.sort()
    print(f"  {title:<40}{times[rounds // 2]:>12.2f}{times[rounds * 99 // 100]:>12.2f}{times[-1]:>12.1f}")


def a_large_policy(random: Random) -> PolicyText:
    wide = [Rule(rule_id=f"all{number}", permits=True, targets={"zone": frozenset({"private", "edge"})}) for number in range(20)]
    return PolicyText(digest="d", levels=LEVELS, rules=(*(a_rule(random, number) for number in range(RULES - len(wide))), *wide))


def some_64_targets(random: Random) -> list[Target]:
    found: list[Target] = []
    while len(found) < TARGETS:
        found = some_targets(random, most=2 * TARGETS)
    return found[:TARGETS]


def decisions(random: Random) -> None:
    text, targets = a_large_policy(random), some_64_targets(random)
    capability = some_capability(random, targets)
    callers = [a_caller(random) for _ in range(8)]
    labels = [some_label(random) for _ in range(200)]
    policy = CompiledPolicy(text, targets, snapshot="s")

    def ask(number: int) -> object:
        return policy.verdict(callers[number % len(callers)], labels[number // len(callers) % len(labels)], capability=capability, now_s=NOW_S)

    def ask_anew(number: int) -> object:
        label = replace(labels[number // len(callers) % len(labels)], keep_at_most_s=10_000_000 + number)
        return policy.verdict(callers[number % len(callers)], label, capability=capability, now_s=NOW_S)

    print(f"{RULES:,} rules, {TARGETS} targets: µs                      p50         p99         max")
    fresh = [CompiledPolicy(text, targets, snapshot="s") for _ in range(20)]
    timed("first", lambda number: fresh[number].verdict(callers[0], labels[number], capability=capability, now_s=NOW_S), rounds=len(fresh))
    for number in range(len(callers) * len(labels)):
        ask(number)
    timed("again", ask, rounds=ROUNDS)
    timed("new label", ask_anew, rounds=ROUNDS)
    against_cedar(text, targets[0], callers[0])


def against_cedar(text: PolicyText, target: Target, caller: object) -> None:
    entities = [cedar_entity("Key", "k", values=facts_of_principal(caller)), cedar_entity("Target", "t", values=facts_of_target(target))]  # pyright: ignore[reportArgumentType]
    context = {"classes": ["internal"], "capability": "support", "purpose": ""}
    request = {"principal": 'Key::"k"', "action": 'Action::"infer"', "resource": 'Target::"t"', "context": context}
    policies = cedarpy.PolicySet.from_str(to_cedar(text))
    timed("Cedar, one target", lambda _: cedarpy.is_authorized(request, policies, entities), rounds=300)


def compiling(random: Random) -> None:
    large, targets = a_large_policy(random), some_64_targets(random)
    snapshot = a_snapshot(some_capability(random, targets))
    print("\nms, best of 5")
    for title, work in (
        (f"compile {RULES:,} rules for {TARGETS} targets", lambda: CompiledPolicy(large, targets, snapshot="s")),
        (f"compile the template for {TARGETS} targets", lambda: CompiledPolicy(template(), targets, snapshot="s")),
        (f"prove the template for {TARGETS} targets", lambda: prove(snapshot, template())),
    ):
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            work()
            best = min(best, (time.perf_counter() - start) * 1000)
        print(f"  {title:<40}{best:>12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=3)
    told = parser.parse_args()
    decisions(Random(told.seed))
    compiling(Random(told.seed))
    start = time.perf_counter()
    wrong, allowed = cedar_disagreements(Random(told.seed), told.cases)
    print(f"\n{told.cases:,} random decisions against Cedar: {wrong} disagreements, {allowed:,} permissions, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
