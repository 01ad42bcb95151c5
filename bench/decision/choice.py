"""
What a choice costs in CPU time: by order, by what capabilities showed, by the prompt as well, with a check planned, with trials.

    OMP_NUM_THREADS=1 python bench/decision/choice.py [--targets 3] [--tokens 512] [--calls 4000]

Made-up labels and prompts: only time is measured here. Each call has a prompt of its own, so nothing is remembered from the one before. Figures are CPU time of
this thread, as the median and the 99th percentile of single choices; `over` is what the median costs more than the order of the ladder.
"""

import argparse
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pointsman.core.call import Call, Role, Text, Turn
from pointsman.core.capability import Capability
from pointsman.core.label import a_label
from pointsman.core.place import Dialect, Place
from pointsman.core.routing import Criteria, Routing, Trial
from pointsman.core.target import Price, Rates, Target
from pointsman.core.verdict import Verdict
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Circumstances
from pointsman.decision.choose import Chooser
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.cells import counted
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

USD = 1_000_000_000
ALL = Verdict(label=a_label("internal"), mask=-1, snapshot="s")
CAPABILITIES = ("answer", "classify", "extract", "write")
LABELS = 1500


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--targets", type=int, default=3)
    asked.add_argument("--tokens", type=int, default=512)
    asked.add_argument("--calls", type=int, default=4000)
    told = asked.parse_args()
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvw", k=chance.randint(2, 9))) for _ in range(5000)]
    ladder = tuple(_target(at, told.targets) for at in range(told.targets))
    labels = _labels(ladder, words, chance)
    plain, whole = Parameters(cells=counted((), labels)), fit(labels, seed=1)
    usual = Routing(criteria=Criteria(value_nano_usd=USD // 100, quality_floor=0.3, within_s=20.0), incumbent=ladder[-1])
    looking = Routing(criteria=usual.criteria, incumbent=ladder[-1], checked=frozenset({ladder[0].name}))
    trying = Routing(criteria=usual.criteria, incumbent=ladder[-1], explore=Trial(share=0.05))
    kinds: dict[str, tuple[Parameters | None, Routing | None]] = {
        "by order": (None, None),
        "by value, nothing learned": (None, usual),
        "layer 1": (plain, usual),
        "layer 1, a check planned": (plain, looking),
        "layer 1, trials": (plain, trying),
        "layers 1 and 2": (whole, usual),
        "layers 1 and 2, a check planned": (whole, looking),
        "layers 1 and 2, trials": (whole, trying),
    }
    print(f"{told.targets} targets, prompts of {told.tokens} tokens, {told.calls} calls; microseconds of CPU")
    print(f"{'':34}{'p50':>8}{'p99':>8}{'over':>8}")
    first = 0.0
    for name, (parameters, routing) in kinds.items():
        calls = [_call(_prompt(words, told.tokens, chance)) for _ in range(told.calls)]
        took = sorted(_took(_chooser(parameters, ladder, routing=routing), calls))
        half, most = took[len(took) // 2], took[len(took) * 99 // 100]
        first = first or half
        print(f"{name:34}{half:8.1f}{most:8.1f}{half - first:8.1f}", flush=True)
    print(f"memory of this process, the labels and all prompts included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", file=sys.stderr)


def _target(at: int, count: int) -> Target:
    dear = float(20 ** (at / max(count - 1, 1)))
    price = Price(price_id="bench", rates=Rates(tokens_in=round(0.1 * dear * USD), tokens_out=round(0.4 * dear * USD)))
    return Target(name=f"t{at}", bit=2 + at, place=Place.CLOUD, dialect=Dialect.OPENAI_CHAT, price=price)


def _labels(ladder: Sequence[Target], words: Sequence[str], chance: random.Random) -> list[Label]:
    found: list[Label] = []
    for _ in range(LABELS):
        prompt = Prompt(text=_prompt(words, chance.randint(20, 200), chance), capability=chance.choice(CAPABILITIES))
        for at, target in enumerate(ladder):
            good = chance.random() < 0.75 + 0.2 * at / len(ladder)
            found.append(Label(prompt=prompt, target=target.name, score=float(good), tokens_out=round(chance.lognormvariate(4, 1)), latency_s=0.5 + at))
    return found


def _prompt(words: Sequence[str], tokens: int, chance: random.Random) -> str:
    return " ".join(chance.choices(words, k=tokens))[: 4 * tokens]  # four characters a token


def _call(text: str) -> Call:
    turns = (Turn(Role.USER, (Text(text),)),)
    return Call(call_id="c", dialect=Dialect.OPENAI_CHAT, capability="answer", turns=turns, wire={}, extras={}, size_chars=len(text))


def _chooser(parameters: Parameters | None, ladder: tuple[Target, ...], *, routing: Routing | None) -> Callable[[Call], Any]:
    learned = None if parameters is None else Learned(Predictor(parameters), digest="d" * 32)
    chooser = Chooser(misfits=_fits, health=dict[str, str]().get, by_value=ByValue(learned=learned))
    capability, now = Capability(name="answer", version="v", ladder=ladder, routing=routing), Circumstances(now_ms=1)
    return lambda call: chooser.choose(call, capability, verdict=ALL, now=now)


def _fits(call: Call, target: Target) -> tuple[str, ...]:
    del call, target
    return ()


def _took(choose: Callable[[Call], Any], calls: Sequence[Call]) -> list[float]:
    """Return the CPU time of each choice in microseconds, the first fifth left out."""
    took: list[float] = []
    for call in calls:
        begun = time.thread_time_ns()
        choose(call)
        took.append((time.thread_time_ns() - begun) / 1000)
    return took[len(took) // 5 :]


if __name__ == "__main__":
    main()
