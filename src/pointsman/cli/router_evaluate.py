"""
`pointsman router evaluate`: what choosing would have saved on prompts that were not learned from, with the baselines beside it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
import numpy as np

from pointsman.cli.options import json_option, note, print_json, say, table, warn
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation.beforehand import Beforehand
from pointsman.control.evaluation.figures import Figure, LineFigures, PairFigures, weights
from pointsman.control.evaluation.grid import Grid, Whole
from pointsman.control.evaluation.modes import Mode, guard_of, mode_of
from pointsman.control.evaluation.parts import divided
from pointsman.control.evaluation.promise import Outcome
from pointsman.control.evaluation.repeated import mean, several
from pointsman.control.evaluation.report import Evaluation, Report, Single, held
from pointsman.control.evaluation.store import digest

_TIMES: Final = 200
_NONE: Final = "—"
_SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@click.command("evaluate", short_help="Measure what choosing saves, beside the baselines.")
@click.option("--seed", type=int, default=0, show_default=True, help="What the resamples of the intervals depend on.")
@click.option("--repeat", type=click.IntRange(min=1, max=100), default=1, show_default=True, help="Draw labels anew and learn again so many times.")
@click.option("--risk", metavar="EPS,DELTA", help="Try the promise of `decide --mode risk=EPS,DELTA` too, on halves of the held-out prompts.")
@click.option("--guard", metavar="LOSS,SURE", help="Show the line of `decide --guard LOSS,SURE` too.")
@store_option
@json_option
def evaluate_command(folder: Path, *, seed: int, repeat: int, as_json: bool, **more: str | None) -> None:
    """
    Evaluate what was learned on held-out prompts: those of the split `test`, or those that `pointsman router fit` did not learn from.

    With --repeat, as many labels as the last fit had are drawn by as many seeds, and each time it is learned anew: the figures are means over these, with the
    least and the most. What was learned in the store stays as it is.
    """
    risk, told = more["risk"], more["guard"]
    mode = None if risk is None else mode_of(f"risk={risk}")
    guard = None if told is None else guard_of(told)
    with opened(folder) as store:
        grid = store.grid()
        value = learning.kept(store)
    times = _TIMES if repeat == 1 else 0
    found: list[Report] = []
    promises: list[Outcome] = []
    for one, learned, rows in _fits(grid, value, repeat=repeat):
        what = held(grid, learned, rows=rows)
        evaluation = Evaluation(what, grid.at(learned), value=one, guard=guard)
        found.append(evaluation.report(drawn=weights(len(what.grid.prompts), times=times, seed=seed)))
        if mode is not None:
            promises.append(evaluation.promised((mode.loss, mode.sure), times=times, seed=seed))
    if as_json:
        beside = {**({"repeats": found} if repeat > 1 else {}), **({"promises": promises} if promises else {})}
        print_json({**msgspec.to_builtins(several(found) if repeat > 1 else found[0]), **beside})
        return
    _tell(several(found) if repeat > 1 else found[0], repeat=repeat)
    if mode is not None:
        _tell_promises(promises, mode)


def _fits(grid: Grid, value: learning.Fitted, *, repeat: int) -> Iterator[tuple[learning.Fitted, Whole, Whole]]:
    """Yield what was learned with the rows that it was learned from and those that are held out."""
    if repeat == 1:
        is_seen = np.array([digest(text, capability) in value.seen for text, capability in zip(grid.prompts, grid.capabilities, strict=True)])
        is_test = np.array(grid.splits) == "test"
        yield value, np.flatnonzero(is_seen), np.flatnonzero(is_test & ~is_seen if is_test.any() else ~is_seen)
        return
    for at in range(repeat):
        drawn = msgspec.structs.replace(value.drawn, seed=value.drawn.seed + at)
        learned, rows = divided(grid, drawn)
        yield learning.of_rows(grid, learned, drawn=drawn, embedder=value.embedder), learned, rows


# ── for people ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(found: Report, *, repeat: int) -> None:
    say(f"{found.prompts} held-out prompts, learned from {found.labels} others. Best single model: `{found.strong}`; cheapest: `{found.weak}`.")
    if found.best != found.strong:
        note(f"Here `{found.best}` is the best single model: it is what has to be reached.")
    if found.left_out:
        note(f"{found.left_out} held-out prompts lack the score of some model and were left out.")
    if not found.has_costs:
        warn("No cost is known: every model counts as 1. Import a column `cost` to see what choosing saves.")
    click.echo("\n" + table(["model", "quality", "expected", "cost"], [_single(one) for one in found.singles]))
    levels = list(found.lines[0].cost_at)
    click.echo("\n" + table(["line", "AIQ", "peak", *[f"cost at {level}" for level in levels]], [_line(one, levels) for one in found.lines]))
    if found.pair:
        shares = list(found.pair[0].cpt)
        click.echo("\n" + table([f"{found.weak} → {found.strong}", "APGR", *[f"CPT({level})" for level in shares]], [_pair(one, shares) for one in found.pair]))
    if found.pair and found.pair[0].curve:
        click.echo("\n" + table(["PGR by share of calls", *[f"{at:.0%}" for at in _SHARES]], [_recovered(one) for one in found.pair]))
    if not found.pair:
        note(f"`{found.strong}` was better than `{found.weak}` on what was learned from, but is not here: there is no gap to close, so no APGR and no CPT.")
    if found.beforehand:
        click.echo("\n" + table(["price fixed beforehand", "quality", "cost"], [_fixed(one) for one in found.beforehand]))
    bounds = "95 % intervals over prompts" if repeat == 1 else f"the least and the most of {repeat} draws"
    click.echo("")
    say(f"Costs, and qualities at prices fixed beforehand, are in units of always asking `{found.best}`; in brackets {bounds}.")
    say("Costs at a quality are read off each line where it first reaches it on these prompts; what was fixed beforehand knew nothing of them.")
    say(_sum(found))


def _single(one: Single) -> list[str]:
    return [one.model, f"{one.quality:.3f}", f"{one.expected:.3f}", f"{one.cost:.3f}"]


def _recovered(one: PairFigures) -> list[str]:
    shares, pgr = zip(*one.curve, strict=True)
    return [one.name, *[f"{np.interp(at, shares, pgr):.2f}" for at in _SHARES]]


def _line(one: LineFigures, levels: list[str]) -> list[str]:
    return [one.name, _shown(one.aiq), _shown(one.peak), *[_shown(one.cost_at[level]) for level in levels]]


def _pair(one: PairFigures, levels: list[str]) -> list[str]:
    return [one.name, _shown(one.apgr), *[_shown(one.cpt[level]) for level in levels]]


def _fixed(one: Beforehand) -> list[str]:
    return [f"{one.line} for {one.level}", _shown(one.quality), _shown(one.cost)]


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return _NONE
    if figure.low is None and figure.high is None:
        return f"{figure.value:.3f}"
    low, high = (_NONE if edge is None else f"{edge:.3f}" for edge in (figure.low, figure.high))
    return f"{figure.value:.3f} [{low}, {high}]"


def _sum(found: Report) -> str:
    cost = {one.name: one.cost_at["100%"] for one in found.lines}
    parts = [f"{name} {_saved(cost[name])}" for name in ("router", "cascade", "length", "zero", "oracle") if name in cost]
    fixed = [f"{one.line} {_saved(one.cost)} at {_shown(one.quality)} of it" for one in found.beforehand if one.level == "100%"]
    before = f" At the price fixed beforehand for it: {', '.join(fixed)}." if fixed else ""
    return f"At the quality of `{found.best}` this saves: {', '.join(parts)}.{before}"


def _saved(cost: Figure) -> str:
    """Say what is saved where this is the cost. What costs at most saves at least."""
    if cost.value is None:
        return _NONE
    saved, least, most = (_NONE if edge is None else f"{round(1 - edge, 2) + 0.0:.0%}" for edge in (cost.value, cost.high, cost.low))  # + 0.0: no "-0%"
    return saved if cost.low is None and cost.high is None else f"{saved} [{least}, {most}]"


def _tell_promises(promises: list[Outcome], mode: Mode) -> None:
    proven = [one for one in promises if one.promise.threshold is not None]
    broken = sum(1 for one in proven if one.loss.value is not None and one.loss.value > mode.loss)
    loss, away, cost = (
        figures[0] if len(figures) == 1 else mean(figures)
        for figures in ([one.loss for one in promises], [one.elsewhere for one in promises], [one.cost for one in promises])
    )
    click.echo("")
    say(
        f"Promised with {mode.sure:.0%}: a loss of at most {mode.loss:g}, from {promises[0].promise.pairs} pairs. On {promises[0].prompts} others the loss was"
        f" {_shown(loss)}, {_shown(away)} of calls left the best single model, and the cost was {_shown(cost)}."
    )
    if len(promises[0].promise.capabilities) > 1:
        say("The promise is about the mean over their mix of capabilities: one of them alone may lose more (`pointsman router decide --each`).")
    if len(promises) > 1:
        say(f"Proven in {len(proven)} of {len(promises)} draws; in {broken} of these the loss that was seen was above the promise.")
    elif not proven:
        note("Nothing was proven, so every prompt went to the best single model. More held-out prompts may prove it.")
