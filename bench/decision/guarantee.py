"""
The guarantee: how often its promise is broken, and how much of the traffic leaves the strong model, beside what others would have promised.

    python bench/decision/guarantee.py [--loss 0.02] [--sure 0.9] [--pairs 1000] [--splits 200] [--fits 10] [--data FOLDER] [--weak MODEL --strong MODEL]

Pairs of models of `routing_pool9` (by default the three that come next to the best on average) and the pair of `routing_pair_gsm8k`. For each fit, 1,500
prompts (200 of GSM8K) are learned from; of the others `--pairs` calibrate and the rest are the traffic. GSM8K is too small for that: there the prompts that
were not learned from are the traffic, and the pairs are drawn from it with replacement. A promise is
broken where the loss on the traffic is above it; that is finite and has its own chance, so it is also told how often the loss on all prompts that were not
learned from is above it, which is what was promised.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from math import exp, lgamma, log
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np

from pointsman.control.guarantee.certify import Terms, certified
from pointsman.decision.guarantee.betting import refutes
from pointsman.decision.guarantee.certificate import Certificate
from pointsman.decision.guarantee.drift import begun, saw_call, saw_pair
from pointsman.decision.guarantee.pair import Pair
from pointsman.decision.guarantee.sequence import THRESHOLDS
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

DATA: Final = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
TERMS: Final = Terms(capability="one", incumbent="strong", targets=("weak",), loss=0.02, sure=0.9, parameters="", source="evaluation", made_ms=0, lapses_ms=1)
Test = Callable[[Any, float, float], Any]


def pool(folder: Path) -> tuple[list[str], list[str], Any, list[str]]:
    """Return prompts, their tasks, scores (prompts × models) and the models."""
    root = folder / "routing_pool9"
    asked = duckdb.execute(f"SELECT question, task FROM '{root}/questions.parquet' ORDER BY qid").fetchall()
    table = duckdb.execute(f"PIVOT '{root}/outcomes.parquet' ON model USING first(score) ORDER BY qid")
    models = [column[0] for column in table.description or ()][1:]
    return [row[0] for row in asked], [row[1] for row in asked], np.array([row[1:] for row in table.fetchall()], dtype=float), models


def gsm8k(folder: Path) -> tuple[list[str], list[str], Any, list[str]]:
    """Return the same of the pair."""
    rows = duckdb.execute(f"SELECT prompt, weak_correct, strong_correct FROM '{folder}/routing_pair_gsm8k/gsm8k.parquet' ORDER BY id").fetchall()
    return [row[0] for row in rows], ["gsm8k"] * len(rows), np.array([row[1:] for row in rows], dtype=float), ["weak", "strong"]


def advantages(prompts: list[Prompt], scores: Any, fitted: Any, *, seed: int) -> Any:
    """Return by how much the weak model (column 0) is expected to be better than the strong one, for each prompt."""
    labels = [Label(prompt=prompts[row], target=name, score=float(scores[row, column])) for row in fitted for column, name in enumerate(("weak", "strong"))]
    predictor = Predictor(fit(labels, seed=seed))
    seen = (predictor.predict(prompt, ("weak", "strong")) for prompt in prompts)
    return np.array([weak.quality - strong.quality for weak, strong in seen])


def _naive(losses: Any, loss: float, sure: float) -> Any:
    del sure
    return losses.mean(axis=1) <= loss


def _normal(losses: Any, loss: float, sure: float) -> Any:
    return losses.mean(axis=1) + NormalDist().inv_cdf(sure) * losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1]) <= loss


def _clopper_pearson(losses: Any, loss: float, sure: float) -> Any:
    """Bound how often only the strong model is right, without credit for the opposite."""
    pairs, total, most = losses.shape[1], 0.0, -1
    for count in range(pairs + 1):
        total += exp(lgamma(pairs + 1) - lgamma(count + 1) - lgamma(pairs - count + 1) + count * log(loss) + (pairs - count) * log(1 - loss))
        if total > 1 - sure:
            break
        most = count
    return np.clip(losses, 0, 1).sum(axis=1) <= most


def _wsr(losses: Any, loss: float, sure: float) -> Any:
    """Bet with the plug-in stakes of Waudby-Smith and Ramdas for a fixed number of draws, and count the most that was ever had."""
    pairs, needed = losses.shape[1], log(1 / (1 - sure))
    squares = losses * losses
    spread = (np.cumsum(squares, axis=1) - squares + 0.25) / (np.arange(pairs) + 1)
    stakes = np.minimum(np.sqrt(2 * needed / (pairs * spread)), 0.9 / (1 - loss))
    return np.cumsum(np.log1p(stakes * (loss - losses)), axis=1).max(axis=1) >= needed


def _option(losses: Any, loss: float, sure: float) -> Any:
    return refutes(losses, np.ones(losses.shape[1]), mean=loss, sure=sure)


def _ours(losses: Any, loss: float, sure: float) -> Any:
    """Keep a third of δ back, as the product does."""
    return refutes(losses, np.ones(losses.shape[1]), mean=loss, sure=1 - 2 / 3 * (1 - sure))


METHODS: Final[dict[str, Test]] = {
    "naive": _naive,
    "normal bound": _normal,
    "Clopper-Pearson": _clopper_pearson,
    "betting, WSR": _wsr,
    "betting, option": _option,
    "the product's": _ours,
}


def split(others: Any, *, pairs: int, splits: int, seed: int, with_replacement: bool) -> Iterator[tuple[Any, Any]]:
    """Yield which prompts calibrate and which are the traffic."""
    rng = np.random.default_rng(1000 + seed)
    for _ in range(splits):
        if with_replacement:
            yield rng.choice(others, size=pairs), others
        else:
            mixed = rng.permutation(others)
            yield mixed[:pairs], mixed[pairs:]


def measured(prompts: list[Prompt], scores: Any, told: argparse.Namespace, *, fitted: int, with_replacement: bool) -> dict[str, tuple[float, ...]]:
    """Return for each method how often its promise was broken on the traffic and on all that was not learned from, the share that left, and the loss."""
    lost, found = scores[:, 1] - scores[:, 0], {name: [] for name in METHODS}
    for seed in range(told.fits):
        mixed = np.random.default_rng(seed).permutation(len(prompts))
        ahead = advantages(prompts, scores, mixed[:fitted], seed=seed)
        others = mixed[fitted:]
        parts = split(others, pairs=told.pairs, splits=told.splits // told.fits, seed=seed, with_replacement=with_replacement)
        for calibration, traffic in parts:
            rows = np.where(ahead[calibration] >= np.array(THRESHOLDS)[:, None], lost[calibration], 0.0)
            for name, test in METHODS.items():
                passed = test(rows, told.loss, told.sure)
                count = len(passed) if passed.all() else int(np.argmin(passed))
                bar = THRESHOLDS[count - 1] if count else 9.0
                away = ahead[traffic] >= bar
                loss = float((lost[traffic] * away).mean())
                whole = float((lost[others] * (ahead[others] >= bar)).mean())
                found[name].append((loss > told.loss, whole > told.loss, float(away.mean()), loss))
    return {name: tuple(np.mean(several, axis=0)) for name, several in found.items()}


def show(title: str, figures: dict[str, tuple[float, ...]]) -> None:
    """Print one table."""
    print(f"\n{title}\n{'':18}{'broken':>9}{'of all':>9}{'leaves':>9}{'loss':>9}")
    for name, (broken, whole, share, loss) in figures.items():
        print(f"{name:18}{broken:>9.1%}{whole:>9.1%}{share:>9.1%}{loss:>9.2%}", flush=True)


def boundary(told: argparse.Namespace) -> None:
    """Print how often a promise is proven that is just not true: the loss is `--loss` exactly."""
    rng = np.random.default_rng(7)
    for better in (0.0, 0.02, 0.1):
        chance = rng.random((5000, told.pairs))
        losses = np.where(chance < told.loss + better, 1.0, np.where(chance < told.loss + 2 * better, -1.0, 0.0))
        print(f"true loss = ε, {better:.0%} better: proven wrongly in {_option(losses, told.loss, told.sure).mean():.1%} of 5,000 draws")


def speed() -> None:
    """Print what an update of the watch takes."""
    certificate = certified([Pair(advantage=at % 100 / 100, loss=0.0, key=str(at)) for at in range(1000)], TERMS)
    assert isinstance(certificate, Certificate)
    drift, times = begun(certificate), 20_000
    started = time.process_time()
    for at in range(times):
        drift = saw_call(drift, certificate, advantage=at % 100 / 100, chance=0.5, now_ms=at)
    calls = (time.process_time() - started) / times
    started = time.process_time()
    for at in range(times):
        drift = saw_pair(drift, certificate, pair=Pair(advantage=0.5, loss=0.0), now_ms=at)
    print(f"watch: {calls * 1e6:.1f} µs a call, {(time.process_time() - started) / times * 1e6:.1f} µs a pair")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("loss", 0.02), ("sure", 0.9)):
        parser.add_argument(f"--{name}", type=float, default=usual)
    for name, usual in (("pairs", 1000), ("splits", 200), ("fits", 10)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--weak")
    parser.add_argument("--strong")
    told = parser.parse_args()
    boundary(told)
    speed()
    prompts, tasks, scores, models = pool(told.data)
    order = [models[at] for at in np.argsort(-scores.mean(axis=0))]
    strong = told.strong or order[0]
    for weak in [told.weak] if told.weak else order[1:4]:
        both = scores[:, [models.index(weak), models.index(strong)]]
        for title, named in (("prompt only", ["one"] * len(tasks)), ("task known", tasks)):
            asked = [Prompt(text=text, capability=name) for text, name in zip(prompts, named, strict=True)]
            show(f"{weak} for {strong}, {title}", measured(asked, both, told, fitted=1500, with_replacement=False))
    prompts, _, scores, _ = gsm8k(told.data)
    asked = [Prompt(text=text, capability="one") for text in prompts]
    show("GSM8K pair, prompt only, drawn with replacement", measured(asked, scores, told, fitted=200, with_replacement=True))


if __name__ == "__main__":
    main()
