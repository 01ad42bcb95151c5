"""
`pointsman objectives`: what is promised, how it is kept, and what burns.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click

from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import config_option, json_option, note, print_json, table, warn
from pointsman.control.objectives.budget import Burn, Standing
from pointsman.control.objectives.counting import burns, standings
from pointsman.storage.open import open_reading


@click.command("objectives")
@config_option
@json_option
def command(path: Path, *, as_json: bool) -> None:
    """Show each objective over its window: what was good, how much of the error budget is left, and how fast it burns (1: it lasts exactly the window)."""
    settings, at_ms = settings_at(path), now_ms()
    workflows = tuple(settings.workflows.values())
    with closing(open_reading(ledger_of(settings))) as db:
        found, burning = standings(db, workflows, now_ms=at_ms), burns(db, workflows, now_ms=at_ms)
    if as_json:
        print_json({"objectives": [_as_data(one) for one in found], "burning": [_burning(one) for one in burning]})
        return
    if not found:
        note("No workflow has an objective. Write one under `workflows.NAME.objectives`, such as `answered: {kind: success, share: 0.99}`.")
        return
    rows = [
        (
            one.objective.workflow,
            one.objective.name,
            one.objective.kind,
            f"{one.objective.share:.4g}",
            "-" if one.counts.share is None else f"{one.counts.share:.4f}",
            f"{one.counts.total:.0f}",
            "-" if one.budget_left is None else f"{one.budget_left:.0%}",
            "-" if one.burn_1h is None else f"{one.burn_1h:.1f}",
        )
        for one in found
    ]
    click.echo(table(("workflow", "objective", "kind", "promised", "good", "of", "budget left", "burn 1h"), rows))
    for one in burning:
        warn(one.says)


def _as_data(one: Standing) -> Mapping[str, object]:
    return {
        "workflow": one.objective.workflow,
        "objective": one.objective.name,
        "kind": one.objective.kind,
        "promised": one.objective.share,
        "good": one.counts.good,
        "total": one.counts.total,
        "budget_left": one.budget_left,
        "burn_1h": one.burn_1h,
    }


def _burning(one: Burn) -> Mapping[str, object]:
    return {"workflow": one.objective.workflow, "objective": one.objective.name, "rule": one.rule.name, "rate": one.rate, "says": one.says}
