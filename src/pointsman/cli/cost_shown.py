"""
`pointsman cost by` and `pointsman cost per-outcome`: who bears what, and what a useful outcome cost and why that changed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from pointsman.cli.cost_options import at_least, csv_option, database_option, ledger, print_csv, share, span_of, span_options, told
from pointsman.cli.options import Wrong, config_option, json_option, money, note, print_json, table
from pointsman.control.finops.allocation import BYS, Allocation, By, allocation
from pointsman.control.finops.outcomes import OWNERS, Compared, Owner, PerOutcome, per_outcome

_NOT_TOLD = "(not told)"


@click.command("by", short_help="Who bears what.")
@click.argument("by", type=click.Choice(BYS))
@click.option("--tag", default="", help="The tag, for `tag`: one of `costs.tags`.")
@span_options
@csv_option
@database_option
@config_option
@json_option
def by_command(by: By, path: Path, *, as_json: bool, as_csv: bool, **given: Any) -> None:
    """Print what each team, application, workflow, capability, tenant, place, target or tag bears. The lines add up to everything that was paid."""
    if by == "tag" and not given["tag"]:
        raise click.BadParameter("Say which tag: `pointsman cost by tag --tag project`.", param_hint="--tag")
    span = span_of(given["month_told"], given["since_told"])
    with ledger(path, given["database"]) as db:
        found = allocation(db, span, by=by, tag=given["tag"])
    if as_json:
        print_json({**_plain(found), "allocated_share": found.allocated_share, "coverage": found.coverage, "lines": [_with_total(one) for one in found.lines]})
    elif as_csv:
        rows = [(found.by, one.name, one.calls, one.attempts_nano_usd, one.human_nano_usd, one.licence_nano_usd, one.total_nano_usd) for one in found.lines]
        rest = [("unallocated", f"{one.kind} {one.name}".strip(), 0, 0, 0, 0, one.nano_usd) for one in found.unallocated]
        print_csv(("by", "name", "calls", "attempts_nano_usd", "human_nano_usd", "licence_nano_usd", "total_nano_usd"), [*rows, *rest])
    else:
        _print_allocation(found)


def _print_allocation(found: Allocation) -> None:
    if not found.lines:
        note(f"No call from {told(found.span)}. Send one with `pointsman ask`, or name another month with --month.\n")
    if not found.lines and not found.unallocated:
        return
    rows = [_line(one.name or _NOT_TOLD, one) for one in found.lines]
    rows += [(f"not allocated: {one.kind} {one.name}".strip(), "", "", "", "", money(one.nano_usd)) for one in found.unallocated]
    rows.append(("total", str(sum(one.calls for one in found.lines)), "", "", "", money(found.total_nano_usd)))
    click.echo(f"{told(found.span)}, by {found.by}\n")
    click.echo(table((found.by, "calls", "attempts", "people", "licences", "total"), rows))
    click.echo(f"\n{share(found.allocated_share)} of the money has a name; the cost of {found.coverage:.0%} of the calls is known.")


def _line(name: str, one: Any) -> tuple[str, ...]:
    known = 1 - one.cost_unknown / one.calls if one.calls else 1.0
    return (
        name,
        str(one.calls),
        at_least(one.attempts_nano_usd, coverage=known),
        money(one.human_nano_usd),
        money(one.licence_nano_usd),
        money(one.total_nano_usd),
    )


@click.command("per-outcome", short_help="What a useful outcome cost, and what drove the change.")
@click.option("--workflow", required=True, help="The workflow.")
@click.option("--by", type=click.Choice(OWNERS), default="team", show_default=True, help="Whose items are told apart.")
@span_options
@csv_option
@database_option
@config_option
@json_option
def outcome_command(path: Path, *, workflow: str, by: Owner, as_json: bool, as_csv: bool, **given: Any) -> None:
    """
    Print the cost per useful outcome of a workflow, and what drove its change since the month before.

    Everything that items opened in the span cost until now counts: failed ones, retries, judges, people's time. The parts of a change add up to it.
    """
    with ledger(path, given["database"]) as db:
        found = per_outcome(db, workflow, span=span_of(given["month_told"], given["since_told"]), by=by)
    if as_json:
        print_json({**_plain(found), "whole": _compared_data(found.whole), "owners": [_compared_data(one) for one in found.owners]})
    elif as_csv:
        _print_csv(found)
    elif not found.whole.now.units and not found.whole.old.units:
        raise Wrong(
            f"No item of `{workflow}` was opened from {told(found.compared_with)} nor from {told(found.span)}. `pointsman cost by workflow` names them."
        )
    else:
        _print_outcomes(found)


def _print_outcomes(found: PerOutcome) -> None:
    rows = [_outcome_row(one.name or _NOT_TOLD, one) for one in found.owners] + [_outcome_row("all", found.whole)]
    click.echo(f"{found.workflow}, {told(found.span)}, compared with {told(found.compared_with)}\n")
    click.echo(table((found.by, "items", "told", "useful", "cost", "per useful outcome", "before", "change"), rows))
    for one in (found.whole, *found.owners):
        click.echo("\n" + "\n  ".join(one.says))
    if found.whole.now.units and found.whole.now.told < found.whole.now.units:
        note("\nItems of which nothing was told yet count as not useful; what is told later lowers the cost per useful outcome.")


def _outcome_row(name: str, one: Compared) -> tuple[str, ...]:
    now, old = one.now.per_useful_nano_usd, one.old.per_useful_nano_usd
    return (
        name,
        str(one.now.units),
        share(one.now.told / one.now.units) if one.now.units else "-",
        str(one.now.useful),
        at_least(one.now.cost_nano_usd, coverage=one.now.coverage),
        "-" if now is None else at_least(now, coverage=one.now.coverage),
        "-" if old is None else at_least(old, coverage=one.old.coverage),
        f"{now / old - 1:+.0%}" if now is not None and old else "-",
    )


def _print_csv(found: PerOutcome) -> None:
    drivers = sorted(found.whole.cost_drivers)
    rows = [
        (
            name,
            one.now.units,
            one.now.told,
            one.now.useful,
            one.now.cost_nano_usd,
            one.now.cost_unknown,
            one.now.per_useful_nano_usd,
            one.old.per_useful_nano_usd,
            *((one.outcome_drivers or {}).get(driver) for driver in drivers),
        )
        for name, one in [("all", found.whole), *((one.name, one) for one in found.owners)]
    ]
    header = (found.by, "items", "told", "useful", "cost_nano_usd", "calls_of_unknown_cost", "per_useful_nano_usd", "per_useful_before_nano_usd")
    print_csv((*header, *(f"change by {driver}, nano_usd" for driver in drivers)), rows)


def _compared_data(one: Compared) -> dict[str, object]:
    facts = {
        when: {**_plain(group), "cost_nano_usd": group.cost_nano_usd, "per_useful_nano_usd": group.per_useful_nano_usd, "coverage": group.coverage}
        for when, group in (("old", one.old), ("now", one.now))
    }
    return {**_plain(one), **facts}


def _with_total(one: Any) -> dict[str, object]:
    return {**_plain(one), "total_nano_usd": one.total_nano_usd}


def _plain(value: Any) -> Mapping[str, Any]:
    return msgspec.to_builtins(value)
