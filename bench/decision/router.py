"""
The two shared sets as the documented columns, then everything through the real command line: `pointsman router import`, `fit`, `evaluate`.

    python bench/decision/router.py [--seeds 3] [--data FOLDER]

Data comes from `POINTSMAN_DATA` (default `../shared/data` beside the repository). Costs of the pool are relative: the number of parameters in a model's name,
times the length of its prompt and answer where that is known.
"""

import argparse
import os
from pathlib import Path

import duckdb

DATA = Path(os.environ.get("POINTSMAN_DATA") or Path(__file__).parents[3] / "shared" / "data")


def pair(data: Path, into: Path) -> Path:
    """Write the pair as the documented columns. Prices are dollars for a million tokens of four characters."""
    path = into / "pair.parquet"
    source = data / "routing_pair_gsm8k" / "gsm8k.parquet"
    duckdb.sql(
        f"""COPY (SELECT prompt, model, score, (length(prompt) + length(answer)) / 4 * price / 1e6 AS cost, answer FROM (
            SELECT prompt, 'small' AS model, weak_correct AS score, weak_response AS answer, 0.24 AS price FROM '{source}'
            UNION ALL SELECT prompt, 'large', strong_correct, strong_response, 24.7 FROM '{source}')) TO '{path}' (FORMAT parquet)"""
    )
    return path


def pool(data: Path, into: Path, *, is_named: bool) -> Path:
    """Write the pool as the documented columns; with its tasks as capabilities if `is_named`."""
    path = into / ("pool_named.parquet" if is_named else "pool.parquet")
    folder = data / "routing_pool9"
    duckdb.sql(
        f"""COPY (SELECT question AS prompt, {"task" if is_named else "''"} AS capability, model, score,
            CAST(regexp_extract(model, '(\\d+)b', 1) AS DOUBLE) AS cost
            FROM '{folder}/outcomes.parquet' JOIN '{folder}/questions.parquet' USING (qid)) TO '{path}' (FORMAT parquet)"""
    )
    return path


if __name__ == "__main__":
    told = argparse.ArgumentParser()
    told.add_argument("--data", type=Path, default=DATA)
    told.add_argument("--into", type=Path, default=Path("/tmp/router"))
    given = told.parse_args()
    for path in (pair(given.data, given.into), pool(given.data, given.into, is_named=False), pool(given.data, given.into, is_named=True)):
        print(path)
