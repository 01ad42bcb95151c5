"""
What an outsider would measure: both shared sets as the documented columns, everything through the real command line, several seeds, one table.

Run: `python bench/decision/router.py [--seeds 3] [--into FOLDER]` (data from `POINTSMAN_DATA`, default `../shared/data` beside the repository). Costs of the
pool are relative: the number of billions in a model's name, the same for all lines. Costs of the pair are dollars for a million tokens of four characters.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb

DATA: Final = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
_LARGE: Final = 24.7
_SMALL: Final = 0.24
_BY_KIND: Final = (
    ("pair, 1,500 labels or fewer", "pair", ()),
    ("pool, prompt only", "pool", ()),
    ("pool, capability, 20 each", "named", ("--per-capability", "20")),
)


def pair(into: Path) -> Path:
    """Write the pair as the documented columns."""
    path, source = into / "pair.parquet", DATA / "routing_pair_gsm8k" / "gsm8k.parquet"
    duckdb.sql(
        f"""COPY (SELECT prompt, model, score, (length(prompt) + length(answer)) / 4 * price / 1e6 AS cost, answer FROM (
            SELECT prompt, 'small' AS model, weak_correct AS score, weak_response AS answer, {_SMALL} AS price FROM '{source}'
            UNION ALL SELECT prompt, 'large', strong_correct, strong_response, {_LARGE} FROM '{source}')) TO '{path}' (FORMAT parquet)"""
    )
    return path


def pool(into: Path, *, is_named: bool) -> Path:
    """Write the pool as the documented columns; with its tasks as capabilities if `is_named`."""
    path, folder = into / ("named.parquet" if is_named else "pool.parquet"), DATA / "routing_pool9"
    duckdb.sql(
        f"""COPY (SELECT question AS prompt, {"task" if is_named else "''"} AS capability, model, score, billions AS cost
            FROM (SELECT *, CAST(list_last(regexp_extract_all(model, '(\\d+(?:\\.\\d+)?)b', 1)) AS DOUBLE) AS billions FROM '{folder}/outcomes.parquet')
            JOIN '{folder}/questions.parquet' USING (qid)) TO '{path}' (FORMAT parquet)"""
    )
    return path


def run(*words: str) -> tuple[str, float]:
    """Run a command of `pointsman router`; return what it printed and the seconds that it took."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", "from pointsman.cli.main import main; main()", "router", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"pointsman router {' '.join(words)}: {done.stderr}")
    return done.stdout, time.perf_counter() - started


def shown(figure: Mapping[str, Any]) -> str:
    """Return a figure with the least and the most of it. What not every seed reaches has no mean, and only a least."""
    value, low, high = ("—" if figure[name] is None else f"{figure[name]:.3f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def main() -> None:
    """Measure."""
    told = argparse.ArgumentParser()
    told.add_argument("--seeds", type=int, default=3)
    told.add_argument("--into", type=Path)
    given = told.parse_args()
    if not (DATA / "routing_pool9").is_dir():
        sys.exit("The data is not at hand: name its folder with POINTSMAN_DATA.")
    with tempfile.TemporaryDirectory() as scratch:
        into = given.into or Path(scratch)
        files = {"pair": pair(into), "pool": pool(into, is_named=False), "named": pool(into, is_named=True)}
        for name, file in files.items():
            run("import", str(file), "--store", str(into / name))
        for title, name, drawn in _BY_KIND:
            measure(title, into / name, drawn=drawn, seeds=given.seeds)
        promise(into / "named", seeds=given.seeds)
        unseen(into, seeds=given.seeds)
        speed(into, files["pool"])


def measure(title: str, store: Path, *, drawn: tuple[str, ...], seeds: int) -> None:
    """Print the figures of all lines, means over the seeds with the least and the most."""
    run("fit", *drawn, "--store", str(store))
    said, seconds = run("evaluate", "--repeat", str(seeds), "--store", str(store), "--json")
    found = json.loads(said)
    print(f"\n{title}: {found['labels']} labels, {found['prompts']} held out, {seeds} seeds, {seconds:.0f} s")
    print("| line | AIQ | peak / best | cost at 95 % | 99 % | 100 % | APGR | CPT 50 | CPT 80 |\n|---|---|---|---|---|---|---|---|---|")
    pairs = {line["name"]: line for line in found["pair"]}
    best = next(one["quality"] for one in found["singles"] if one["model"] == found["best"])
    for line in found["lines"]:
        costs = [shown(line["cost_at"][level]) for level in ("95%", "99%", "100%")]
        between = pairs.get(line["name"])
        shares = [shown(between["apgr"]), *[shown(between["cpt"][level]) for level in ("50%", "80%")]] if between else ["", "", ""]
        print(f"| {line['name']} | {shown(line['aiq'])} | {line['peak']['value'] / best:.3f} | {' | '.join([*costs, *shares])} |")
    for fixed in found["beforehand"]:
        print(f"  fixed beforehand, {fixed['line']} for {fixed['level']}: quality {shown(fixed['quality'])}, cost {shown(fixed['cost'])}")


def promise(store: Path, *, seeds: int) -> None:
    """Print what a promise came to on prompts that it was not calibrated on."""
    run("fit", "--store", str(store))
    told = json.loads(run("evaluate", "--repeat", str(seeds), "--risk", "0.02,0.1", "--store", str(store), "--json")[0])["promises"]
    each = [f"loss {one['loss']['value']:+.4f}, {one['elsewhere']['value']:.0%} elsewhere" for one in told]
    print(f"\npromise of 0.02 with 0.1 from {told[0]['promise']['pairs']} pairs: {'; '.join(each)}")


def unseen(into: Path, *, seeds: int) -> None:
    """Print what a guard keeps where four tasks were never seen, against always asking the best single model."""
    print("\nfour tasks unseen (quality against the best single model, on these tasks):")
    tasks = [row[0] for row in duckdb.execute(f"SELECT DISTINCT capability FROM '{into / 'named.parquet'}' ORDER BY 1").fetchall()]
    for seed in range(seeds):
        left = sorted(tasks, key=lambda task: hash_of(f"{seed}{task}"))[:4]
        held = ", ".join(f"'{task}'" for task in left)
        path, store = into / f"unseen{seed}.parquet", into / f"unseen{seed}"
        split = f"CASE WHEN capability IN ({held}) THEN 'test' ELSE 'train' END"
        duckdb.sql(f"COPY (SELECT prompt, model, score, cost, {split} AS split FROM '{into / 'named.parquet'}') TO '{path}' (FORMAT parquet)")
        duckdb.sql(f"COPY (SELECT DISTINCT prompt FROM '{path}' WHERE split = 'test' ORDER BY 1) TO '{into / 'asked.jsonl'}' (FORMAT json)")
        run("import", str(path), "--store", str(store))
        best = json.loads(run("fit", "--store", str(store), "--json")[0])["strong"]
        found: list[str] = []
        for words in (("--mode", "lambda=0.15"), ("--mode", "lambda=0.15", "--guard", "0.02,0.9")):
            run("decide", "--in", str(into / "asked.jsonl"), *words, "--out", str(into / "decided.jsonl"), "--store", str(store))
            sides = f"""SELECT avg(score) FILTER (model = '{best}'), avg(score) FILTER (model = chosen) FROM '{path}'
                JOIN (SELECT a.prompt, d.model AS chosen FROM (SELECT prompt, row_number() OVER () AS n FROM '{into / "asked.jsonl"}') a
                JOIN (SELECT model, row_number() OVER () AS n FROM '{into / "decided.jsonl"}') d USING (n)) USING (prompt) WHERE split = 'test'"""
            alone, chosen = duckdb.execute(sides).fetchall()[0]
            found.append(f"{'guarded' if '--guard' in words else 'free'} {chosen / alone - 1:+.2%}")
        print(f"  seed {seed}: {', '.join(found)}")


def hash_of(text: str) -> int:
    """Return a number that is the same everywhere."""
    return int.from_bytes(re.sub(r"\W", "", text).encode()[::-1], "big") * 2654435761 % 2**32


def speed(into: Path, file: Path) -> None:
    """Print what a decision takes."""
    duckdb.sql(f"COPY (SELECT DISTINCT prompt FROM '{file}' LIMIT 2000) TO '{into / 'fast.jsonl'}' (FORMAT json)")
    said, seconds = run(
        "decide", "--in", str(into / "fast.jsonl"), "--mode", "lambda=0.15", "--out", str(into / "fast.out"), "--store", str(into / "pool"), "--json"
    )
    took = json.loads(said)["cpu_us"]
    print(f"\n2,000 decisions in {seconds:.1f} s, {2000 / seconds:.0f} a second; CPU p50 {took['p50']:.0f} µs, p99 {took['p99']:.0f} µs")


if __name__ == "__main__":
    main()
