"""
`pointsman router import` and `pointsman router fit`: outcomes into the store, and what they teach.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import click

from pointsman.cli.embedding import reader_at_once
from pointsman.cli.options import json_option, note, print_json, warn
from pointsman.cli.router_options import opened, pairs, store_option
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation import journal
from pointsman.control.evaluation.parts import Drawn
from pointsman.control.evaluation.tables import Fault, Outcome, Table
from pointsman.control.evaluation.tables import opened as table_at
from pointsman.settings.routing_shape import Embedding

_MOST_TOLD: Final = 50


@click.command("import", short_help="Keep the outcomes of a Parquet, CSV or JSONL file.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN,…", help="Which column holds a field, such as score=grade.")
@store_option
@json_option
def import_command(folder: Path, *, file: Path, mapped: tuple[str, ...], as_json: bool) -> int:
    """
    Keep outcomes: a row per prompt and model, with the columns prompt, model and score (0 to 1), and if they are known capability, cost, answer and split.

    Good rows are kept and bad ones told with their numbers. The same file may be imported again; a later one replaces what it says anew.
    """
    table = table_at(file, mapped=pairs(mapped))
    bad: list[Fault] = []
    with opened(folder, is_new=True) as store:
        kept = store.keep(_good(table, bad))
        there = store.sizes()
    if as_json:
        told = [{"row": one.row, "column": one.column, "says": one.says} for one in bad]
        print_json({"added": kept.added, "changed": kept.changed, "same": kept.same, "unscored": kept.unscored, "refused": len(bad), "bad": told, **there})
        return 1 if bad else 0
    click.echo(f"{kept.added} outcomes added, {kept.changed} changed, {kept.same} as before.")
    click.echo(f"The store has {there['outcomes']} outcomes of {there['prompts']} prompts and {there['models']} models.")
    _tell(table, kept.unscored, bad=bad, uncosted=there["uncosted"])
    return 1 if bad else 0


def _good(table: Table, bad: list[Fault]) -> Iterator[Outcome]:
    for row in table.read():
        if isinstance(row, Fault):
            bad.append(row)
        else:
            yield row


def _tell(table: Table, unscored: int, *, bad: list[Fault], uncosted: int) -> None:
    if table.ignored:
        note(f"Ignored columns: {', '.join(f'`{name}`' for name in table.ignored)}.")
    if unscored:
        note(f"{unscored} rows without a score were left out.")
    if uncosted:
        warn(f"{uncosted} outcomes have no cost. Each counts as its model's mean cost; a model without any counts as much as the dearest.")
    for one in bad[:_MOST_TOLD]:
        note(f"row {one.row}, column `{one.column}`: {one.says}")
    if len(bad) > _MOST_TOLD:
        note(f"… and {len(bad) - _MOST_TOLD} more. --json tells all of them.")
    if bad:
        note(f"{len(bad)} rows were left out. Correct them and import the file again: what is kept counts once.")


@click.command("fit", short_help="Learn from outcomes in the store.")
@click.option("--labels", type=click.IntRange(min=1), help="Learn from this many prompts, drawn by --seed, of every capability its share.")
@click.option("--per-capability", "each", type=click.IntRange(min=1), help="Learn from this many prompts of each capability instead.")
@click.option("--all", "is_all", is_flag=True, help="Learn from every prompt that is not in the split `test`, and hold none out.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the draw depends on.")
@click.option(
    "--embedding",
    type=click.Choice(get_args(Embedding)),
    default="auto",
    show_default=True,
    help="Look at prompts by their words (hashed), or by what these mean (semantic, with the extra); auto does the latter where it can.",
)
@store_option
@json_option
def fit_command(folder: Path, *, labels: int | None, each: int | None, as_json: bool, **how: Any) -> None:
    """
    Learn what each model is good for. Where a column `split` says `train`, only those prompts are drawn from. Without it and without a number, 70 % of the
    prompts are drawn and the rest is held out for `pointsman router evaluate`.

    Prompts are looked at by their words, or by what these mean if the extra `semantic` is installed; --embedding chooses.
    """
    seed, is_all = int(how["seed"]), bool(how["is_all"])
    if sum((labels is not None, each is not None, is_all)) > 1:
        raise click.UsageError("--labels, --per-capability and --all each say how much is learned from. Give one of them.")
    with opened(folder) as store:
        grid = store.grid()
        reader = reader_at_once(how["embedding"], folder)
        started = time.perf_counter()
        value = learning.fitted(grid, Drawn(labels=labels, each=each, seed=seed, share=1.0 if is_all else 0.7), embedder=reader)
        learning.begin(store, value)
        value = learning.taught(value, journal.all_told(store))  # what was told is no less true for a new start
        learning.keep(store, value)
    seconds = time.perf_counter() - started
    if as_json:
        told = {
            "labels": value.labels,
            "feedback": value.feedback,
            "prompts": len(grid.prompts),
            "models": value.models,
            "weak": value.weak,
            "strong": value.strong,
            "seed": seed,
            "embedding": "hashed" if reader is None else "semantic",
        }
        print_json({**told, "seconds": round(seconds, 3), "bytes": len(value.parameters)})
        return
    click.echo(f"Learned from {value.labels} of {len(grid.prompts)} prompts and {len(value.models)} models in {seconds:.1f} s.")
    click.echo(f"The best single model is `{value.strong}`, the cheapest `{value.weak}`.")
    if value.feedback:
        note(f"And from {value.feedback} rows of feedback that were told before.")
    if labels is not None and value.labels < labels:
        warn(f"There were only {value.labels} prompts to learn from, not {labels}.")
    if value.unit is None:
        warn("No cost is known: every model counts as 1. Import a column `cost` to see what choosing saves.")
