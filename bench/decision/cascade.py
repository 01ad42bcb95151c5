"""
The cheap answer as evidence: what a cascade of two models costs, and what it reaches, with the verifier and the signals of the product.

    python bench/decision/cascade.py [--seeds 10] [--labels 1500] [--data FOLDER] [--curve]

Pairs of a cheap and a dear model on one set of prompts, both right or wrong, with both answers (`routing_pair_gsm8k`). 70 % of the prompts, at most `--labels`,
are learned from; 30 % are routed. Every prompt pays for the cheap answer. Costs are in units of always asking the dear model, at 24.7 and 0.24 $ for 1M tokens
of four characters, prompt and answer alike. APGR and the cost at 100 % are read off the test prompts, as RouteLLM does; beside that the limit is chosen by
answers that were judged without having been learned from, and then only applied to the test.
"""

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np

from pointsman.assess.signals import of_text
from pointsman.decision.answers.cascade import Step, learned_of
from pointsman.decision.answers.fitting import Judged, fit_verifier
from pointsman.decision.answers.logistic import auroc
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

DATA = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
CHEAP, DEAR = 0.24, 24.7
FOLDS = 5


class Pair:
    """The prompts with both models' answers, scores and prices."""

    def __init__(self, folder: Path) -> None:
        rows = duckdb.execute(
            f"SELECT prompt, weak_correct, strong_correct, weak_response, strong_response FROM '{folder}/routing_pair_gsm8k/gsm8k.parquet' ORDER BY id"
        ).fetchall()
        self.prompts = [row[0] for row in rows]
        self.score = np.array([(row[1], row[2]) for row in rows], dtype=float)
        self.answers = [row[3] for row in rows]
        self.evidence = [of_text(row[0], row[3]) for row in rows]
        self.cost = np.array([((len(row[0]) + len(row[3])) * CHEAP, (len(row[0]) + len(row[4])) * DEAR) for row in rows])


def priors(pair: Pair, rows: Any, asked: Any, *, seed: int) -> Any:
    """Return what the product predicts of both models for the `asked` prompts, learned from `rows`."""
    labels = [
        Label(prompt=Prompt(text=pair.prompts[row], capability="one"), target=name, score=float(pair.score[row, column]))
        for row in rows
        for column, name in enumerate(("cheap", "dear"))
    ]
    predictor = Predictor(fit(labels, seed=seed))
    found = [predictor.predict(Prompt(text=pair.prompts[row], capability="one"), ("cheap", "dear")) for row in asked]
    return np.array([[one.quality for one in both] for both in found])


def crossed(rows: Any, told: Any) -> Any:
    """Return `told(train, test)` for every fold of the rows, in their order."""
    fold, found = np.arange(len(rows)) % FOLDS, np.zeros((len(rows), 2))
    for number in range(FOLDS):
        found[fold == number] = told(np.flatnonzero(fold != number), np.flatnonzero(fold == number))
    return found


def judged(pair: Pair, rows: Any, prior: Any) -> list[Judged]:
    return [
        Judged(
            score=pair.score[row, 0],
            prior=each[0],
            prompt=pair.prompts[row],
            answer=pair.answers[row],
            evidence=pair.evidence[row],
            target="cheap",
            onward=(float(pair.score[row, 1]), float(each[1])),
        )
        for row, each in zip(rows, prior, strict=True)
    ]


def believed(pair: Pair, rows: Any, prior: Any, *, kept: bytes, together: float) -> Any:
    """Return what is believed of the answer at hand and of the dear one, after the look."""
    verifier, found = Verifier(kept), []
    for row, (cheap, dear) in zip(rows, prior, strict=True):
        right, _ = verifier.right(pair.prompts[row], pair.answers[row], evidence=pair.evidence[row], prior=cheap)
        ahead = verifier.onward(pair.prompts[row], pair.answers[row], evidence=pair.evidence[row], prior=dear)
        after = learned_of(Step(target="d", right=dear), after=Step(target="c", right=cheap), right=right, together=together).right
        found.append((right, after if ahead is None else ahead))
    return np.array(found)


def curve(keep: Any, score: Any, cost: Any, *, first: bool) -> tuple[Any, Any, Any]:
    """Return share sent on, quality and cost, when the least kept go on first; `first` tells whether the cheap answer is always paid."""
    order = np.argsort(keep, kind="stable")
    gain, dear = (score[:, 1] - score[:, 0])[order], cost[:, 1][order]
    spent = dear if first else dear - cost[:, 0][order]
    quality = score[:, 0].mean() + np.concatenate([[0.0], np.cumsum(gain)]) / len(keep)
    return np.linspace(0, 1, len(keep) + 1), quality, (cost[:, 0].sum() + np.concatenate([[0.0], np.cumsum(spent)])) / cost[:, 1].sum()


def figures(keep: Any, score: Any, cost: Any, *, first: bool = True) -> dict[str, float]:
    share, quality, spent = curve(keep, score, cost, first=first)
    low, high = score[:, 0].mean(), score[:, 1].mean()
    recovered = (quality - low) / (high - low)
    at = {f"cost at {part:.0%}": float(spent[np.argmax(quality >= part * high - 1e-12)]) for part in (0.95, 0.99, 1.0)}
    return {"APGR": float(np.trapezoid(recovered, share)), **at, "peak": float(quality.max() - high)}


def once(pair: Pair, seed: int, most: int, told: dict[str, list[dict[str, float]]]) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pair.prompts))
    cut = min(int(0.7 * len(order)), most)
    train, test = order[:cut], order[int(0.7 * len(order)) :]
    prior = crossed(train, lambda some, rest: priors(pair, train[some], train[rest], seed=seed))
    ahead = priors(pair, train, test, seed=seed)
    missed = pair.score[train] - prior
    together = float(np.clip(np.corrcoef(missed.T)[0, 1], 0, 0.9))
    started = time.process_time()
    kept = fit_verifier(judged(pair, train, prior), seed=seed)
    fitted = time.process_time() - started
    started = time.process_time()
    seen = believed(pair, test, ahead, kept=kept, together=together)
    took = (time.process_time() - started) / len(test)
    score, cost = pair.score[test], pair.cost[test]
    lengths = np.array([float(len(pair.prompts[row]) + len(pair.answers[row])) for row in test])  # the dear answer is taken to be as long as the cheap one
    ways = {
        "random": (rng.random(len(test)), False),
        "length": (-np.array([float(len(pair.prompts[row])) for row in test]), False),
        "prompt": (ahead[:, 0] - ahead[:, 1], False),
        "declared signals, no label": (believed(pair, test, ahead, kept=b"", together=together)[:, 0], True),
        "cascade, 1 - P(right)": (seen[:, 0], True),
        "cascade, P(next) - P(right)": (seen[:, 0] - seen[:, 1], True),
        "cascade, gain by expected price": ((seen[:, 0] - seen[:, 1]) / lengths, True),
        "oracle": (score[:, 0] - score[:, 1], True),
    }
    for name, (keep, first) in ways.items():
        rank = auroc(keep, score[:, 0], weights=np.ones(len(test)))
        told[name].append({**figures(keep, score, cost, first=first), "AUROC": rank})
    aside = crossed(
        train,
        lambda some, rest: believed(pair, train[rest], prior[rest], kept=fit_verifier(judged(pair, train[some], prior[some]), seed=seed), together=together),
    )
    chosen = {name: limited(pair, train, aside, test, seen, part) for name, part in (("99 %", 0.99), ("100 %", 1.0))}
    brier = float(((seen[:, 0] - score[:, 0]) ** 2).mean())
    return fitted, took, brier, float(((ahead[:, 0] - score[:, 0]) ** 2).mean()), together, chosen, curve(seen[:, 0] - seen[:, 1], score, cost, first=True)


def limited(pair: Pair, train: Any, aside: Any, test: Any, seen: Any, part: float) -> tuple[float, float]:
    """Return quality (of the dear model's) and cost on the test, where the limit is the one that just reaches `part` on answers judged aside."""
    keep = aside[:, 0] - aside[:, 1]
    _, quality, _ = curve(keep, pair.score[train], pair.cost[train], first=True)
    count = int(np.argmax(quality >= part * pair.score[train, 1].mean() - 1e-12))
    limit = np.sort(keep)[count - 1] if count else -np.inf
    on = seen[:, 0] - seen[:, 1] <= limit
    score, cost = pair.score[test], pair.cost[test]
    return float(np.where(on, score[:, 1], score[:, 0]).mean() / score[:, 1].mean()), float((cost[:, 0].sum() + (cost[:, 1] * on).sum()) / cost[:, 1].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--labels", type=int, default=1500)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--curve", action="store_true")
    asked = parser.parse_args()
    pair = Pair(asked.data)
    print(f"{len(pair.prompts)} prompts, right: cheap {pair.score[:, 0].mean():.1%}, dear {pair.score[:, 1].mean():.1%}; {asked.seeds} seeds")
    told: dict[str, list[dict[str, float]]] = defaultdict(list)
    runs = [once(pair, seed, asked.labels, told) for seed in range(asked.seeds)]
    print("\n| way | " + " | ".join(next(iter(told.values()))[0]) + " |\n|" + "---|" * 7)
    for name, found in told.items():
        cells = [np.array([one[key] for one in found]) for key in found[0]]
        print(f"| {name} | " + " | ".join(f"{cell.mean():.3f} ± {cell.std():.3f}" for cell in cells) + " |")
    print(
        "\ncost at 100 %, median over seeds: " + ", ".join(f"{name} {np.median([one['cost at 100%'] for one in told[name]]):.3f}" for name in list(told)[-4:-1])
    )
    for name in ("99 %", "100 %"):
        found = np.array([run[5][name] for run in runs])
        print(f"limit chosen aside for {name}: quality {found[:, 0].mean():.3f} ± {found[:, 0].std():.3f} of the dear model's, cost {found[:, 1].mean():.3f}")
    means = np.array([run[:5] for run in runs], dtype=float).mean(axis=0)
    print(f"fit {means[0]:.2f} s CPU; one look {means[1] * 1e6:.0f} µs CPU (without signals); Brier {means[2]:.4f}, before the look {means[3]:.4f}; ", end="")
    print(f"successes go together {means[4]:.2f}")
    if asked.curve:
        shares = np.linspace(0, 1, 21)
        quality = np.mean([np.interp(shares, run[6][0], run[6][1]) for run in runs], axis=0)
        spent = np.mean([np.interp(shares, run[6][0], run[6][2]) for run in runs], axis=0)
        print("\n| sent on | quality | cost |\n|---|---|---|")
        for row in zip(shares, quality, spent, strict=True):
            print("| " + " | ".join(f"{value:.3f}" for value in row) + " |")


if __name__ == "__main__":
    main()
