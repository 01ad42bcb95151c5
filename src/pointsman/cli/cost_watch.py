"""
`pointsman cost budget`, `anomalies` and `idle`: what runs out, what is unusual, and what is paid for nothing.
"""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.cost_options import at_most, database_option, ledger, share, span_of, span_options, told
from pointsman.cli.options import config_option, json_option, money, note, print_json, table
from pointsman.control.finops.anomalies import BY, anomalies
from pointsman.control.finops.budgets import Budget, Standing, alerts, standings
from pointsman.control.finops.frontier import Avoidable, avoidable
from pointsman.control.finops.span import DAY_MS, Span, day_name
from pointsman.control.finops.spent import Hardware, hardware, spent
from pointsman.settings.load import Settings

_MOST_DAYS: Final = 92


@click.command("budget", short_help="How budgets stand and where they will end.")
@database_option
@config_option
@json_option
def budget_command(path: Path, *, database: str | None, as_json: bool) -> None:
    """
    Print what is spent of each budget, what will be by the end of its period, and what there is to say about it.

    From the ledger: what calls under way reserve is known to the running gateway only.
    """
    settings = settings_at(path)
    budgets = budgets_of(settings)
    if not budgets:
        note("There is no budget. Write one under `limits`, such as `{name: month, by: team, budget_usd: 500}`.")
    with ledger(path, database) as db:
        found = standings(db, budgets, now_ms=now_ms())
    says = {id(one): [spoken.says for spoken in alerts(one, shares=settings.file.alerts.budget_shares)] for one in found}
    if as_json:
        print_json([{**msgspec.to_builtins(one), "used_share": one.used_share, "forecast_share": one.forecast_share, "says": says[id(one)]} for one in found])
        return
    if not found:
        if budgets:
            note("Nothing was spent against a budget in its period. Send a call with `pointsman ask`.")
        return
    rows = [_standing(one) for one in found]
    click.echo(table(("budget", "of", "spent", "of budget", "used", "forecast", "between (80%)", "forecast was off by"), rows))
    for line in (line for one in found for line in says[id(one)]):
        click.echo(f"\n{line}")
    note("\nWhat calls under way reserve is not counted: only the running gateway knows it, and shows it in its console.")


def budgets_of(settings: Settings) -> list[Budget]:
    """Return the budgets among the limits of a configuration."""
    return [
        Budget(name=limit.name, by=limit.by.value, nano_usd=limit.budget_nano_usd, period=limit.period.value, only=limit.only)
        for limit in settings.snapshot.limits
        if limit.budget_nano_usd is not None
    ]


def _standing(one: Standing) -> tuple[str, ...]:
    ahead, past = one.forecast, one.backtest
    return (
        one.budget.name,
        one.subject,
        money(one.spent_nano_usd),
        money(one.budget.nano_usd),
        share(one.used_share),
        "-" if ahead is None else money(ahead.nano_usd),
        "-" if ahead is None else f"{money(ahead.low_nano_usd)} to {money(ahead.high_nano_usd)}",
        "-" if past is None else f"{past.error:.0%} over {past.horizon} days",
    )


@click.command("anomalies", short_help="Days on which money flowed unusually.")
@click.option("--by", "kinds", multiple=True, type=click.Choice((*BY, "team", "application", "key")), help="What is told apart; may be given again.")
@span_options
@database_option
@config_option
@json_option
def anomalies_command(path: Path, *, kinds: tuple[str, ...], database: str | None, as_json: bool, **given: Any) -> None:
    """Print whole days whose cost was far from what their weekday cost before. A day needs three weeks before it."""
    span = span_of(given["month_told"], given["since_told"])
    at_most(span, days=_MOST_DAYS)
    with ledger(path, database) as db:
        until = now_ms() // DAY_MS * DAY_MS
        found = [one for day in span.day_starts if day < until for one in anomalies(db, day, by=kinds or BY)]
    if as_json:
        print_json([{**msgspec.to_builtins(one), "day": day_name(one.day_ms), "says": one.spoken.says} for one in found])
    elif not found:
        note(f"Nothing unusual from {told(span)}. A day is judged by the three to eight weeks before it: with fewer nothing is said.")
    else:
        rows = [(day_name(one.day_ms), one.by, one.name or "all", money(one.nano_usd), money(one.expected_nano_usd), f"{one.apart:+.1f}") for one in found]
        click.echo(table(("day", "by", "of", "cost", "expected", "apart"), rows))


@click.command("idle", short_help="Money for hardware nobody used, and for targets stronger than needed.")
@span_options
@database_option
@config_option
@json_option
def idle_command(path: Path, *, database: str | None, as_json: bool, **given: Any) -> None:
    """Print what own hardware cost while no call ran, and what the strongest targets cost where a cheaper one was not worse."""
    span = span_of(given["month_told"], given["since_told"])
    ladders = _ladders(settings_at(path)) if path.exists() else {}
    with ledger(path, database) as db:
        machines = hardware(db, span)
        workflows = sorted({flow.workflow for flow in spent(db, span)})
        found = [one for name in workflows for one in avoidable(db, name, span=span, ladder=ladders.get(name, ()))]
    if as_json:
        idle = [{**msgspec.to_builtins(one), "idle_nano_usd": one.idle_nano_usd, "idle_share": one.idle_share} for one in machines]
        print_json({"hardware": idle, "avoidable": found})
        return
    _print_idle(span, machines=machines, found=found)


def _print_idle(span: Span, *, machines: list[Hardware], found: list[Avoidable]) -> None:
    click.echo(f"{told(span)}\n")
    if machines:
        rows = [(one.target, money(one.paid_nano_usd), money(one.busy_nano_usd), money(one.idle_nano_usd), share(one.idle_share)) for one in machines]
        click.echo(table(("own hardware", "paid", "used by calls", "idle", "idle share"), rows) + "\n")
    else:
        note("No own hardware was paid for. Say what it costs with `hardware` at a private target.")
    if not found:
        note("Nothing is known of cheaper targets: tell outcomes with `POST /v1/outcomes`, at least 30 of items that each target answered.")
        return
    rows = [
        (
            one.workflow,
            one.strongest,
            money(one.spent_nano_usd),
            one.cheaper,
            f"{one.apart.low:+.0%} to {one.apart.high:+.0%}",
            one.verdict,
            money(one.nano_usd),
        )
        for one in found
    ]
    click.echo(table(("workflow", "strongest", "spent on it", "cheaper", "success apart", "verdict", "avoidable"), rows))
    note("\nItems reach a target by routing, not by chance: the ones that the strongest got may have been harder. Shadows of the cheaper target settle it.")


def _ladders(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return for each workflow the targets of its longest ladder, the weakest first."""
    found: dict[str, tuple[str, ...]] = {}
    for name, workflow in settings.workflows.items():
        ladders = [settings.snapshot.capabilities[one].ladder for one in workflow.capabilities if one in settings.snapshot.capabilities]
        longest = max(ladders, key=len, default=())
        if len(longest) > 1:
            found[name] = tuple(target.name for target in longest)
    return found
