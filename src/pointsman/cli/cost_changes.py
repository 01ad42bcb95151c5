"""
`pointsman cost what-if`, `reprice` and `reconcile`: other prices and ladders, history rated again, and the ledger beside invoices.
"""

from pathlib import Path
from typing import Any

import click
import msgspec

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.cost_options import csv_option, database_option, ledger, print_csv, share, span_of, span_options, told
from pointsman.cli.cost_prices import file_option, prices_at, prices_option, prices_told
from pointsman.cli.options import Wrong, config_option, duration, json_option, money, note, print_json, table
from pointsman.control.finops.intervals import Interval
from pointsman.control.finops.invoices import keep, lines_of
from pointsman.control.finops.reconcile import Drift, Reconciled, reconcile
from pointsman.control.finops.reprice import History, reprice
from pointsman.control.finops.span import day_name
from pointsman.control.finops.what_if import Reladdered, Repriced, at_prices, other_ladder


@click.command("what-if", short_help="What a span would have cost at other prices, or with another ladder.")
@click.option("--workflow", default="", help="One workflow; a ladder needs it.")
@click.option("--share", "shares", multiple=True, help="`TARGET=SHARE` of the models' calls; may be given again. Shares are made to add up to 1.")
@prices_option
@file_option
@span_options
@database_option
@config_option
@json_option
def what_if_command(path: Path, *, workflow: str, as_json: bool, **given: Any) -> None:
    """Print cost, cost per useful outcome and the difference, had targets had other prices or answered other shares of the calls. Changes nothing."""
    span = span_of(given["month_told"], given["since_told"])
    prices = prices_told(given["prices_told"], given["prices_file"], price_id="what-if")
    shares = _shares(given["shares"])
    if bool(prices) == bool(shares):
        raise click.UsageError("Say either other prices (--price or --prices) or other shares (--share).")
    if shares and not workflow:
        raise click.UsageError("Say of which workflow the ladder is: --workflow.")
    with ledger(path, given["database"]) as db:
        if prices:
            _tell_prices(at_prices(db, span, prices=prices, workflow=workflow), as_json=as_json)
            return
        try:
            found = other_ladder(db, workflow, span=span, shares=shares)
        except ValueError as error:
            raise Wrong(f"The ladder cannot be reckoned: {error}") from None
    if found is None:
        raise Wrong(f"No model answered a call of `{workflow}` from {told(span)}. Name another month with --month.")
    _tell_ladder(found, as_json=as_json)


def _shares(texts: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = -1.0
        if not name or not 0 < found[name] < float("inf"):
            raise click.BadParameter(f"`{text}` is not `TARGET=SHARE`, such as `acme/small=0.7`.", param_hint="--share")
    return found


def _tell_prices(found: Repriced, *, as_json: bool) -> None:
    if as_json:
        print_json({**msgspec.to_builtins(found), "now_nano_usd": found.now_nano_usd, "then_nano_usd": found.then_nano_usd})
        return
    if not found.lines:
        note(f"No call from {told(found.span)}. Send one with `pointsman ask`, or name another month with --month.")
        return
    rows = [(line.target, str(line.calls), money(line.now_nano_usd), money(line.then_nano_usd)) for line in found.lines]
    rows.append(("all", str(sum(line.calls for line in found.lines)), money(found.now_nano_usd), money(found.then_nano_usd)))
    click.echo(f"{told(found.span)}\n\n{table(('target', 'calls', 'now', 'then'), rows)}\n")
    click.echo(f"Change: {_signed(found.then_nano_usd - found.now_nano_usd)}{_between(found.change)}.")
    _tell_outcome(found.per_useful_now_nano_usd, found.per_useful_then_nano_usd)
    click.echo("\n" + "\n".join(f"- {line}" for line in found.assumptions))


def _tell_ladder(found: Reladdered, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    names = sorted({*found.shares_now, *found.shares_then})
    rows = [(name, share(found.shares_now.get(name, 0.0)), share(found.shares_then.get(name, 0.0))) for name in names]
    click.echo(f"{found.workflow}, {told(found.span)}\n\n{table(('target', 'share now', 'then'), rows)}\n")
    facts = [
        ("cost of models", money(found.cost_now), money(found.cost_then)),
        ("success", f"{found.success_now:.1%}", f"{found.success_then:.1%}"),
        ("mean latency", duration(found.latency_now_ms / 1000), duration(found.latency_then_ms / 1000)),
    ]
    click.echo(table(("", "now", "then"), facts) + "\n")
    _tell_outcome(found.per_useful_now, found.per_useful_then)
    if found.change is not None:
        click.echo(f"Change per useful outcome: {_signed(round(found.change.value))}{_between(found.change)}.")
    click.echo("\n" + "\n".join(f"- {line}" for line in found.assumptions))


def _tell_outcome(now: int | None, then: int | None) -> None:
    if now is None or then is None:
        note("Without outcomes there is no cost per useful outcome. Tell them with `POST /v1/outcomes`.")
        return
    click.echo(f"Per useful outcome: {money(then)} instead of {money(now)}.")


def _signed(nano_usd: int) -> str:
    return f"{'-' if nano_usd < 0 else '+'}{money(abs(nano_usd))}"


def _between(one: Interval | None) -> str:
    return "" if one is None else f" ({_signed(round(one.low))} to {_signed(round(one.high))} with 95% confidence)"


@click.command("reprice", short_help="Rate history again at the prices that were in force.")
@click.option("--target", "targets", multiple=True, help="Only attempts of this target; may be given again.")
@click.option("--write", "is_meant", is_flag=True, help="Change the ledger. Without it nothing is changed, and what would be is shown.")
@prices_option
@file_option
@span_options
@database_option
@config_option
@json_option
def reprice_command(path: Path, *, targets: tuple[str, ...], is_meant: bool, as_json: bool, **given: Any) -> None:
    """
    Rate the attempts of a span again from their tokens: at --price, else the target's own price in the file, else the catalogue's of that day.

    What a vendor's answer said it cost and own hardware are never touched. Items and roll-ups change with it, all in one transaction.
    """
    span = span_of(given["month_told"], given["since_told"])
    prices = prices_told(given["prices_told"], given["prices_file"], price_id=f"contract:reprice-{day_name(now_ms())}")
    price_at = prices_at(settings_at(path), prices)
    with ledger(path, given["database"], writing=is_meant) as db:
        found = reprice(db, span, price_at=price_at, targets=frozenset(targets) or None, is_dry=not is_meant)
    if as_json:
        print_json({**msgspec.to_builtins(found), "change_nano_usd": found.change_nano_usd})
    else:
        _tell_history(found)


def _tell_history(found: History) -> None:
    if not found.changes:
        note(f"Nothing to change: {found.looked_at} attempts from {told(found.span)} stand as they would be rated now ({found.kept} are never touched).")
        return
    rows = [
        (one.target, one.price_id, str(one.attempts), str(one.were_unknown), money(one.before_nano_usd), money(one.after_nano_usd)) for one in found.changes
    ]
    click.echo(table(("target", "price", "attempts", "were unknown", "before", "after"), rows))
    click.echo(f"\n{'Would change' if found.is_dry else 'Changed'} the cost of {told(found.span)} by {_signed(found.change_nano_usd)}.")
    if found.is_dry:
        note("Nothing was written. Do it with --write.")


@click.command("reconcile", short_help="The ledger beside vendors' invoices.")
@click.argument("invoice", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--vendor", default="", help="The vendor, for an invoice that names none; and to compare only one.")
@click.option("--column", "columns", multiple=True, help="`FIELD=COLUMN`, such as `usd=Amount`: vendor, model, day, usd, tokens_in, tokens_out, currency.")
@span_options
@csv_option
@database_option
@config_option
@json_option
def reconcile_command(path: Path, *, invoice: Path | None, vendor: str, as_json: bool, as_csv: bool, **given: Any) -> None:
    """
    Import an INVOICE (CSV, or FOCUS), if one is given, and print where ledger and invoices are apart by vendor, model and day.

    The same file imported again takes its own place. Times are whole days, UTC.
    """
    span = span_of(given["month_told"], given["since_told"])
    mapped = dict(text.split("=", 1) if "=" in text else (text, "") for text in given["columns"])
    with ledger(path, given["database"], writing=invoice is not None) as db:
        if invoice is not None:
            with invoice.open(encoding="utf-8-sig", newline="") as rows:
                lines = lines_of(rows, columns=mapped, vendor=vendor)
            note(f"{keep(db, invoice.name, lines=lines)} lines of `{invoice.name}` are kept.")
        found = reconcile(db, span, vendor=vendor)
    if as_json:
        drifts = [{**msgspec.to_builtins(one), "drift_nano_usd": one.drift_nano_usd, "drift_share": one.drift_share} for one in found.drifts]
        print_json({"span": found.span, "ledger_nano_usd": found.ledger_nano_usd, "invoiced_nano_usd": found.invoiced_nano_usd, "drifts": drifts})
    elif as_csv:
        header = ("vendor", "model", "day", "ledger_nano_usd", "invoiced_nano_usd", "drift_nano_usd", "flag")
        print_csv(
            header,
            [(one.vendor, one.model, day_name(one.day_ms), one.ledger_nano_usd, one.invoiced_nano_usd, one.drift_nano_usd, one.flag) for one in found.drifts],
        )
    else:
        _tell_drifts(found)


def _tell_drifts(found: Reconciled) -> None:
    if not any(one.is_invoiced for one in found.drifts):
        note(f"There is no invoice for {told(found.span)}. Import one: `pointsman cost reconcile invoice.csv --month 2026-10`.")
        return
    apart = [one for one in found.drifts if one.flag]
    if apart:
        click.echo(table(("vendor", "model", "day", "ledger", "invoice", "drift", "", "what", "prices from"), [_drift(one) for one in apart]) + "\n")
    total, invoiced = found.ledger_nano_usd, found.invoiced_nano_usd
    part = f" ({(total - invoiced) / invoiced:+.1%})" if invoiced else ""
    click.echo(f"Ledger {money(total)}, invoices {money(invoiced)}: {_signed(total - invoiced)}{part}. {len(found.drifts) - len(apart)} lines agree within 1%.")
    if any(one.flag in {"unknown price", "price differs"} for one in apart):
        note("Mend the price at the target, then rate history again with `pointsman cost reprice`.")


def _drift(one: Drift) -> tuple[str, ...]:
    part = "-" if one.drift_share is None else f"{one.drift_share:+.1%}"
    return (
        one.vendor,
        one.model or "-",
        day_name(one.day_ms),
        money(one.ledger_nano_usd),
        money(one.invoiced_nano_usd),
        _signed(one.drift_nano_usd),
        part,
        one.flag,
        ", ".join(one.sources) or "-",
    )
