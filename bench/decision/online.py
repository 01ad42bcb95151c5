"""
Learning while answering: how much of what full information would gain is gained by a warm start, then own outcomes and a few trials.

    python bench/decision/online.py [--seeds 5] [--warm 0,100,300,1000] [--share 0.0,0.05,0.1] [--every 100] [--unnamed] [--data FOLDER]

A third of the prompts is kept for the test. Of the others, `--warm` are scored at all models; the rest come one by one, each goes where the product's `explore`
sends it (among those whose upper bound may be worth most), only that answer is scored, and every so many calls the product's `update` learns of them. Utility
is score - 0.15 × relative price. Gain is how much of the way from the best single model to a fit on all scores of the same prompts (full information) is gone,
on the test, greedily, with what was learned at the end. `--unnamed` hides the task's name. For the data see `off_policy.py`.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from msgspec.structs import replace
from off_policy import DATA, DRAWS, PRICE, Pool, labels_of, pool

from pointsman.decision.exploration import explore
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label


def chosen(of: Pool, predictor: Predictor, prompts: Any) -> Any:
    """Return which model each prompt would go to, without trying anything."""
    quality = np.array([[one.quality for one in predictor.predict(of.prompts[i], of.models)] for i in prompts])
    return (quality - PRICE * of.cost).argmax(axis=1)


def utility(of: Pool, prompts: Any, action: Any) -> float:
    return float((of.scores[prompts, action] - PRICE * of.cost[action]).mean())


def online(of: Pool, parameters: Parameters, stream: Any, *, share: float, every: int, rng: Any) -> tuple[Parameters, float, float]:
    """Return what was learned, the mean utility on the way, and microseconds for each call."""
    told: list[Label] = []
    gained, predictor, began = 0.0, Predictor(parameters), time.thread_time()
    for step, i in enumerate(stream, start=1):
        seen = predictor.predict(of.prompts[i], of.models)
        worth, highest = (np.array([getattr(one, name) for one in seen]) - PRICE * of.cost for name in ("quality", "high"))
        draws = predictor.draw(of.prompts[i], of.models, rng=rng, n=DRAWS) - PRICE * of.cost
        drawn = explore(int(worth.argmax()), draws, allowed=(highest >= worth.max()).tolist(), share=share, chance=rng.random())
        score = float(of.scores[i, drawn.index])
        gained += score - PRICE * float(of.cost[drawn.index])
        told.append(Label(prompt=of.prompts[i], target=of.models[drawn.index], score=score))
        if step % every == 0 or step == len(stream):
            parameters, told = update(parameters, told), []
            predictor = Predictor(parameters)
    return parameters, gained / len(stream), (time.thread_time() - began) / len(stream) * 1e6


def run(of: Pool, seed: int, *, warm: int, share: float, every: int) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(of.prompts))
    test, train = np.split(shuffled, [len(shuffled) // 3])
    single = int((of.scores[train].mean(axis=0) - PRICE * of.cost).argmax())
    full = utility(of, test, chosen(of, Predictor(fit(labels_of(of, train), seed=seed)), test))
    start = fit(labels_of(of, train[:warm]), seed=seed)
    stream = train[warm:]
    known, on_the_way, micros = online(of, start, stream, share=share, every=every, rng=rng)
    alone = utility(of, test, np.full(len(test), single))
    before, after = (utility(of, test, chosen(of, Predictor(each), test)) for each in (start, known))
    along = utility(of, stream, np.full(len(stream), single))
    return alone, before, after, full, along, on_the_way, micros


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("--seeds", type=int, default=5)
    told.add_argument("--warm", default="0,100,300,1000")
    told.add_argument("--share", default="0.0,0.05,0.1")
    told.add_argument("--every", type=int, default=100)
    told.add_argument("--unnamed", action="store_true")
    told.add_argument("--data", type=Path, default=DATA)
    given = told.parse_args()
    of = pool(given.data)
    if given.unnamed:
        of = of._replace(prompts=[replace(one, capability="all") for one in of.prompts])
    header = ("warm", "share", "single", "warm only", "learned", "full", "gain", "least", "stream single", "stream", "µs")
    print(("{:>14}" * len(header)).format(*header))
    for warm in map(int, given.warm.split(",")):
        for share in map(float, given.share.split(",")):
            rows = np.array([run(of, seed, warm=warm, share=share, every=given.every) for seed in range(given.seeds)])
            alone, before, after, full, along, stream, micros = rows.mean(axis=0)
            gains = (rows[:, 2] - rows[:, 0]) / (rows[:, 3] - rows[:, 0])
            gain = (after - alone) / (full - alone)
            print(
                f"{warm:>14}{share:>14.0%}{alone:>14.4f}{before:>14.4f}{after:>14.4f}{full:>14.4f}{gain:>14.0%}{gains.min():>14.0%}"
                f"{along:>14.4f}{stream:>14.4f}{micros:>14.0f}"
            )


if __name__ == "__main__":
    main()
