"""
`pointsman router decide`: for each prompt of a file, which model it would go to.
"""

import time
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import numpy as np
from msgspec import Struct

from pointsman.cli.options import Wrong, json_option, print_json
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import curves, engine
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation.grid import Whole
from pointsman.control.evaluation.tables import raw
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prediction, Prompt


class Asked(Struct, kw_only=True):
    """A line of the input."""

    prompt: str
    capability: str = ""
    id: str | int | None = None
    answers: dict[str, str] = {}


@click.command("decide", short_help="Choose a model for each prompt of a file.")
@click.option("--in", "source", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="JSON lines of prompts.")
@click.option("--mode", "mode", required=True, metavar="MODE", help="share=0.5, lambda=0.3, risk=EPS,DELTA or online.")
@click.option("--out", "target", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where decisions are written, as JSON lines.")
@store_option
@json_option
def decide_command(folder: Path, *, source: Path, mode: str, target: Path, as_json: bool) -> None:
    """Choose a model for each prompt: by a share of calls to the best single one, a price of cost, under a guarantee, or exploring."""
    with opened(folder) as store:
        value = learning.kept(store)
    asked = _asked(source)
    predictor = Predictor(value.learned)
    predictions: list[tuple[Prediction, ...]] = []
    spent_us: list[float] = []
    for one in asked:
        started = time.thread_time_ns()
        predictions.append(predictor.predict(Prompt(text=one.prompt, capability=one.capability), value.models))
        spent_us.append((time.thread_time_ns() - started) / 1000)
    expected = engine.tabled(predictions)
    kind, _, number = mode.partition("=")
    way = _by_share(expected, value, share=float(number)) if kind == "share" else curves.chosen(expected.quality, expected.cost, price=float(number))
    unit = 1.0 if value.unit is None else value.unit
    rows: list[dict[str, Any]] = [
        {
            "id": one.id if one.id is not None else index,
            "model": value.models[column],
            "probability": 1.0,
            "quality": round(float(expected.quality[index, column]), 6),
            "sd": round(float(expected.sd[index, column]), 6),
            "cost": float(expected.cost[index, column]) * unit,
            "cpu_us": round(spent_us[index], 1),
        }
        for index, (one, column) in enumerate(zip(asked, way.tolist(), strict=True))
    ]
    target.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    if as_json:
        print_json({"prompts": len(rows)})
    else:
        click.echo(f"{len(rows)} prompts decided.")


def _by_share(expected: engine.Expected, value: learning.Fitted, *, share: float) -> Whole:
    weak, strong = value.models.index(value.weak), value.models.index(value.strong)
    gain = expected.quality[:, strong] - expected.quality[:, weak]
    way = np.full(len(gain), weak)
    way[np.argsort(-gain, kind="stable")[: round(share * len(gain))]] = strong
    return way


_LINE: Final = msgspec.json.Decoder(Asked)


def _asked(path: Path) -> list[Asked]:
    found: list[Asked] = []
    for row, cells in raw(path)[1]:
        try:
            found.append(msgspec.convert(cells, Asked))
        except msgspec.ValidationError as error:
            raise Wrong(f"line {row} of `{path.name}`: {error}. Each line is an object with a text `prompt`.") from error
    return found
