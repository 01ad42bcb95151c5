"""
`pointsman router evaluate`: what choosing would have saved on prompts that were not learned from, with the baselines beside it.
"""

from pathlib import Path
from typing import Final

import click
import numpy as np

from pointsman.cli.options import json_option, note, print_json, table, warn
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import engine
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation.figures import Figure, LineFigures, PairFigures, weights
from pointsman.control.evaluation.grid import Grid, Whole
from pointsman.control.evaluation.report import Report, held, report
from pointsman.control.evaluation.store import digest

_TIMES: Final = 200


@click.command("evaluate", short_help="Measure what choosing saves, beside the baselines.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the resamples of the intervals depend on.")
@store_option
@json_option
def evaluate_command(folder: Path, *, seed: int, as_json: bool) -> None:
    """Evaluate what was learned on held-out prompts: those of the split `test`, or those that `pointsman router fit` did not learn from."""
    with opened(folder) as store:
        grid = store.grid()
        value = learning.kept(store)
    learned, rows = _apart(grid, value)
    what = held(grid, learned, rows)
    expected = engine.expected(value.learned, engine.prompts_of(what.grid), models=grid.models)
    found = report(what, expected, drawn=weights(len(what.grid.prompts), times=_TIMES, seed=seed))
    if as_json:
        print_json(found)
    else:
        _tell(found)


def _apart(grid: Grid, value: learning.Fitted) -> tuple[Whole, Whole]:
    is_seen = np.array([digest(text, capability) in value.seen for text, capability in zip(grid.prompts, grid.capabilities, strict=True)])
    is_test = np.array(grid.splits) == "test"
    return np.flatnonzero(is_seen), np.flatnonzero(is_test & ~is_seen if is_test.any() else ~is_seen)


def _tell(found: Report) -> None:
    click.echo(f"{found.prompts} held-out prompts, learned from {found.labels} others. Best single model: `{found.strong}`; cheapest: `{found.weak}`.")
    if found.left_out:
        note(f"{found.left_out} held-out prompts lack the score of some model and were left out.")
    if not found.has_costs:
        warn("No cost is known: every model counts as 1.")
    click.echo("\n" + table(["model", "quality", "cost"], [[name, f"{quality:.3f}", f"{cost:.3f}"] for name, (quality, cost) in found.singles.items()]))
    levels = list(found.lines[0].cost_at)
    click.echo("\n" + table(["line", "AIQ", "peak", *[f"cost at {level}" for level in levels]], [_line(one, levels) for one in found.lines]))
    if found.pair:
        shares = list(found.pair[0].cpt)
        click.echo("\n" + table(["line", "APGR", *[f"CPT({level})" for level in shares]], [_pair(one, shares) for one in found.pair]))
    click.echo("\nCosts are in units of always asking the best single model; in brackets 95 % intervals over prompts.")


def _line(one: LineFigures, levels: list[str]) -> list[str]:
    return [one.name, _shown(one.aiq), _shown(one.peak), *[_shown(one.cost_at[level]) for level in levels]]


def _pair(one: PairFigures, levels: list[str]) -> list[str]:
    return [one.name, _shown(one.apgr), *[_shown(one.cpt[level]) for level in levels]]


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "—"
    low, high = ("—" if edge is None else f"{edge:.3f}" for edge in (figure.low, figure.high))
    return f"{figure.value:.3f} [{low}, {high}]"
