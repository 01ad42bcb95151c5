"""
`pointsman cost savings` and `economics`: what each mechanism saved, and what an item costs and is worth.
"""

from pathlib import Path
from typing import Any

import click
import msgspec

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.cost_options import database_option, ledger, share, span_of, span_options, told
from pointsman.cli.cost_prices import price_of
from pointsman.cli.options import Wrong, config_option, json_option, money, note, print_json, table
from pointsman.control.finops.economics import Economics, Owner, economics
from pointsman.control.finops.intervals import Interval
from pointsman.control.finops.savings import savings


@click.command("savings", short_help="What each mechanism saved against a baseline.")
@click.option("--workflow", default="", help="One workflow; by default all.")
@click.option("--baseline", help="The target everything is compared with; by default the workflow's `baseline` or `costs.baseline`.")
@span_options
@database_option
@config_option
@json_option
def savings_command(path: Path, *, workflow: str, baseline: str | None, as_json: bool, **given: Any) -> None:
    """Print what rules, the cache, refusals, own models and routing saved against one target answering everything. It may be less than nothing."""
    settings = settings_at(path)
    own = settings.workflows[workflow].baseline if workflow in settings.workflows else None
    target = baseline or own or settings.file.costs.baseline
    if not target:
        raise Wrong("There is no baseline to compare with. Name a target with --baseline, or in the file under `costs.baseline`.")
    span = span_of(given["month_told"], given["since_told"])
    with ledger(path, given["database"]) as db:
        found = savings(db, span, target=target, price=price_of(settings, target), workflow=workflow)
    if as_json:
        lines = [{**msgspec.to_builtins(line), "saved_nano_usd": line.saved_nano_usd} for line in found.lines]
        print_json({**msgspec.to_builtins(found), "lines": lines, "saved_nano_usd": found.saved_nano_usd})
        return
    if not found.lines:
        note(f"No call from {told(span)}. Send one with `pointsman ask`, or name another month with --month.")
        return
    rows = [(line.mechanism, str(line.calls), money(line.baseline_nano_usd), money(line.actual_nano_usd), money(line.saved_nano_usd)) for line in found.lines]
    rows.append(
        ("all", str(sum(line.calls for line in found.lines)), money(found.baseline_nano_usd), money(found.actual_nano_usd), money(found.saved_nano_usd))
    )
    click.echo(f"{told(found.span)}, against `{found.baseline}` at {found.price_id}\n")
    click.echo(table(("mechanism", "calls", "baseline", "paid", "saved"), rows))
    click.echo("\n" + "\n".join(f"- {line}" for line in found.assumptions))
    if found.unknown_calls or found.unvalued_calls:
        note(f"\nLeft out: {found.unknown_calls} calls of unknown cost, and {found.unvalued_calls} of which nobody knows what a model would have taken.")


@click.command("economics", short_help="What an item costs and is worth, with intervals.")
@click.option("--workflow", required=True, help="The workflow.")
@click.option("--by", type=click.Choice(("team", "application", "tenant")), default=None, help="Whose items are told apart.")
@span_options
@database_option
@config_option
@json_option
def economics_command(path: Path, *, workflow: str, by: Owner | None, as_json: bool, **given: Any) -> None:
    """Print cost per item and per useful outcome, value, people's minutes and the share of evaluation, with 95 % intervals over items."""
    span = span_of(given["month_told"], given["since_told"])
    known = settings_at(path).workflows.get(workflow) if path.exists() else None
    mature = None if known is None else now_ms() - known.window_ms
    with ledger(path, given["database"]) as db:
        found = economics(db, workflow, span=span, by=by or "", mature_before_ms=mature)
    if as_json:
        print_json(found)
        return
    if not found:
        note(f"No item of `{workflow}` was opened from {told(span)}. Name another month with --month; `pointsman cost by workflow` lists workflows.")
        return
    click.echo(f"{workflow}, {told(span)}\n")
    header = ("", "items", "useful", "per item", "per useful outcome", "value / cost", "minutes / item", "evaluation", "told", "mature")
    click.echo(table(header, [_row(one) for one in found]))


def _row(one: Economics) -> tuple[str, ...]:
    overhead = one.overhead_share
    return (
        one.name or "(not told)",
        str(one.items) if one.items == one.out_of else f"{one.items} of {one.out_of}",
        str(one.useful),
        _money(one.per_unit),
        _money(one.per_useful),
        _number(one.value_per_cost),
        _number(one.human_minutes),
        "-" if overhead is None else f"{overhead.value:.1%}",
        share(one.told_share),
        share(one.mature_share),
    )


def _money(one: Interval | None) -> str:
    if one is None:
        return "-"
    bounds = "" if one.high == float("inf") else f" ({money(round(one.low))} to {money(round(one.high))})"
    return money(round(one.value)) + bounds


def _number(one: Interval | None) -> str:
    if one is None:
        return "-"
    return f"{one.value:.1f}" if one.high == float("inf") else f"{one.value:.1f} ({one.low:.1f} to {one.high:.1f})"
