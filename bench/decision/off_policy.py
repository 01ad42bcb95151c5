"""
What a log says of policies that were never in force: error and coverage of the product's estimators, against the truth of a pool where every answer is scored.

    python bench/decision/off_policy.py [--seeds 4] [--n 10000] [--policies 50] [--share 0.1,0.2] [--least 200] [--data FOLDER]

From each seed: 300 prompts, scored at all models, warm the predictions; the others are resampled to n calls, which the product's `explore` sends somewhere,
with its logged probabilities. Then policies nobody tried: each single model, and greedy or soft ones from other labels at random prices. Their truth is
their mean score over all prompts of the stream. Data comes from `POINTSMAN_DATA` (default `../shared/data` beside the repository): questions and outcomes
with tasks, models and scores. The relative price of a model is the number of parameters in its name.
"""

import argparse
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np

from pointsman.control.policies.errors import TooLittleEvidence
from pointsman.control.policies.estimate import LEAST, Method, estimate
from pointsman.control.policies.evidence import Log, evidence_of
from pointsman.decision.exploration import explore
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

DATA = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
METHODS: tuple[Method, ...] = ("doubly_robust", "snips", "ips", "direct")
PRICE = 0.15
WARM = 300
DRAWS = 64


class Pool(NamedTuple):
    """Prompts with the score of each model: `scores` (prompts, models), `cost` relative to the dearest."""

    prompts: list[Prompt]
    tasks: Any
    models: list[str]
    scores: Any
    cost: Any


def pool(data: Path) -> Pool:
    folder = data / "routing_pool9"
    asked = duckdb.execute(f"SELECT qid, task, question FROM '{folder}/questions.parquet' ORDER BY qid").fetchall()
    models = [row[0] for row in duckdb.execute(f"SELECT DISTINCT model FROM '{folder}/outcomes.parquet' ORDER BY 1").fetchall()]
    at, column = {row[0]: place for place, row in enumerate(asked)}, {name: place for place, name in enumerate(models)}
    scores = np.zeros((len(asked), len(models)))
    for qid, model, score in duckdb.execute(f"SELECT qid, model, score FROM '{folder}/outcomes.parquet'").fetchall():
        scores[at[qid], column[model]] = score
    names = sorted({row[1] for row in asked})
    size = np.array([float(found[1]) if (found := re.search(r"(\d+)b", name)) else 1.0 for name in models])
    prompts = [Prompt(text=row[2], capability=row[1]) for row in asked]
    return Pool(prompts, np.array([names.index(row[1]) for row in asked]), models, scores, size / size.max())


def labels_of(of: Pool, prompts: Any) -> list[Label]:
    return [Label(prompt=of.prompts[i], target=name, score=float(of.scores[i, a])) for i in prompts for a, name in enumerate(of.models)]


def means(of: Pool, prompts: Any, prior: float = 5.0) -> Any:
    """The mean of each model in each task, shrunk towards its mean over all."""
    overall = of.scores[prompts].mean(axis=0)
    found = np.tile(overall, (of.tasks.max() + 1, 1))
    for task in range(len(found)):
        rows = of.scores[prompts][of.tasks[prompts] == task]
        found[task] = (rows.sum(axis=0) + prior * overall) / (len(rows) + prior)
    return found


def logged(of: Pool, stream: Any, *, share: float, predictor: Predictor, rng: Any) -> Log:
    """Send each call somewhere, as the product does, and keep what it keeps."""
    n, k = len(stream), len(of.models)
    behaviour, predicted, action = np.zeros((n, k)), np.zeros((n, k)), np.zeros(n, dtype=int)
    for row, i in enumerate(stream):
        predicted[row] = [one.quality for one in predictor.predict(of.prompts[i], of.models)]
        draws = predictor.draw(of.prompts[i], of.models, rng=rng, n=DRAWS) - PRICE * of.cost
        first = int((predicted[row] - PRICE * of.cost).argmax())
        drawn = explore(first, draws, allowed=[True] * k, share=share, chance=rng.random())
        behaviour[row], action[row] = drawn.probabilities, drawn.index
    return Log(reward=of.scores[stream, action], action=action, behaviour=behaviour, proposed=behaviour, predicted=predicted, cluster=np.arange(n))


def a_policy(of: Pool, number: int, *, rest: Any, rng: Any) -> Any:
    """The probability of each model in each task."""
    if number < len(of.models):
        return np.tile(np.eye(len(of.models))[number], (of.tasks.max() + 1, 1))
    worth = means(of, rng.choice(rest, rng.choice([100, 300, 1000]), replace=False)) - rng.uniform(0, 0.6) * of.cost
    heat = rng.choice([0.0, 0.02, 0.1])
    if heat == 0.0:
        return np.eye(len(of.models))[worth.argmax(axis=1)]
    soft = np.exp((worth - worth.max(axis=1, keepdims=True)) / heat)
    return soft / soft.sum(axis=1, keepdims=True)


def run(of: Pool, seed: int, *, share: float, given: argparse.Namespace) -> dict[str, list[tuple[float, ...]]]:
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(of.prompts))
    warm, rest = shuffled[:WARM], shuffled[WARM:]
    stream = rng.choice(rest, given.n)
    log = logged(of, stream, share=share, predictor=Predictor(fit(labels_of(of, warm), seed=seed)), rng=rng)
    found: dict[str, list[tuple[float, ...]]] = {method: [] for method in (*METHODS, "refused")}
    for number in range(given.policies):
        policy = a_policy(of, number, rest=rest, rng=rng)
        truth = float((policy[of.tasks[rest]] * of.scores[rest]).sum(axis=1).mean())
        evidence = evidence_of(Log(**{**{name: getattr(log, name) for name in log.__struct_fields__}, "proposed": policy[of.tasks[stream]]}))
        for method in METHODS:
            try:
                told = estimate(evidence, method, least=given.least)
            except TooLittleEvidence:
                if method == METHODS[0]:
                    found["refused"].append((0.0,))
                continue
            found[method].append((told.value - truth, float(told.low <= truth <= told.high), (told.high - told.low) / 2, told.effective))
    return found


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("--seeds", type=int, default=4)
    told.add_argument("--n", type=int, default=10_000)
    told.add_argument("--policies", type=int, default=50)
    told.add_argument("--share", default="0.1,0.2")
    told.add_argument("--least", type=float, default=LEAST)
    told.add_argument("--data", type=Path, default=DATA)
    given = told.parse_args()
    of = pool(given.data)
    print(f"{'share':>6} {'method':<14} {'estimates':>9} {'rmse':>7} {'bias':>8} {'covered':>8} {'half width':>10} {'effective':>9} {'refused':>8}")
    for share in map(float, given.share.split(",")):
        runs = [run(of, seed, share=share, given=given) for seed in range(given.seeds)]
        refused = sum(len(one["refused"]) for one in runs) / (given.seeds * given.policies)
        for method in METHODS:
            rows = np.array([row for one in runs for row in one[method]])
            if not len(rows):
                continue
            off, covered, half, effective = rows.T
            print(
                f"{share:>6.0%} {method:<14} {len(rows):>9} {np.sqrt((off**2).mean()):>7.4f} {off.mean():>+8.4f} {covered.mean():>8.1%} {half.mean():>10.4f}"
                f" {effective.mean():>9.0f} {refused:>8.1%}"
            )


if __name__ == "__main__":
    main()
