"""
`pointsman export`: what the ledger knows as files for others, such as FOCUS for FinOps tools.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from pointsman.cli.options import Wrong, config_option, json_option, money, print_json, table
from pointsman.cli.sealed import database_option, places, segments_option
from pointsman.control.exports.files import read, write
from pointsman.control.exports.focus import focus, month_ms, total_nano_usd
from pointsman.control.exports.focus_check import Fault, check, specification
from pointsman.core.errors import BadRequest
from pointsman.core.money import NANO_PER_USD
from pointsman.storage.analytics import Analytics

_COST: Final = "DECIMAL(38, 9)"
_PRICE: Final = "DECIMAL(38, 20)"
_QUANTITY: Final = "DECIMAL(38, 6)"

_file: Any = click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file, which ends in `.csv` or `.parquet`."
)


@click.group("export")
def command() -> None:
    """Write what the ledger knows as files for others."""


@command.command("focus", short_help="Write a month's costs in FOCUS 1.4, for FinOps tools.")
@click.option("--month", required=True, help="The month (UTC), such as `2026-10`.")
@_file
@click.option("--account", default="pointsman", show_default=True, help="The billing account that the rows stand under.")
@segments_option
@database_option
@config_option
@json_option
def focus_command(path: Path, *, month: str, target: Path, account: str, as_json: bool, **where: Any) -> None:
    """
    Write a month's costs in FOCUS 1.4: a row for each day, workflow, target, price and meter. Own places are billed by the provider `internal`.

    The rows are checked against the specification first, and add up to the entries of the month to the nano-dollar.
    """
    place, folder = places(path, database=where["database"], segments=where["segments"])
    try:
        since_ms, until_ms = month_ms(month)
        with Analytics(place, folder) as asked:
            rows = focus(asked, since_ms=since_ms, until_ms=until_ms, account=account)
            total = total_nano_usd(asked, since_ms=since_ms, until_ms=until_ms)
        if not rows:
            raise Wrong(f"Nothing was spent in {month}. Name another month, or another ledger with --database.")
        billed = sum(round(row["BilledCost"] * NANO_PER_USD) for row in rows)  # pyright: ignore[reportOperatorIssue, reportArgumentType, reportOptionalOperand] - a decimal
        faults = check([*rows[0]], rows)
        if faults or billed != total:
            raise Wrong(
                f"{_faulty(faults)} The rows are {money(billed)}, the entries {money(total)}. Nothing was written; please report this as a mistake of ours."
            )
        write(target, columns=[*rows[0]], rows=rows, types=_types())
    except BadRequest as error:
        raise Wrong(error.message) from error
    if as_json:
        print_json({"rows": len(rows), "billed_nano_usd": billed, "file": str(target)})
    else:
        click.echo(f"Wrote {len(rows):,} rows of {month} to {target}: {money(billed)}.")


@command.command("rows", short_help="Write what a question in SQL finds.")
@click.argument("sql")
@_file
@segments_option
@database_option
@config_option
@json_option
def rows_command(sql: str, path: Path, *, target: Path, as_json: bool, **where: Any) -> None:
    """Write what a question finds, as `pointsman query` would show it, into a file."""
    place, folder = places(path, database=where["database"], segments=where["segments"])
    try:
        with Analytics(place, folder) as asked:
            rows = asked.rows(sql)
        if not rows:
            raise Wrong("The question finds nothing, so that no file was written. Try it with `pointsman query`.")
        write(target, columns=[*rows[0]], rows=rows, types={name: _type_of([row[name] for row in rows]) for name in rows[0]})
    except BadRequest as error:
        raise Wrong(error.message) from error
    if as_json:
        print_json({"rows": len(rows), "file": str(target)})
    else:
        click.echo(f"Wrote {len(rows):,} rows to {target}.")


@command.command("check", short_help="Check a file against FOCUS 1.4.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
def check_command(file: Path, *, as_json: bool) -> int:
    """Check the columns, types, values and rules of a CSV or Parquet file against FOCUS 1.4. Exit code 1 if anything is wrong."""
    try:
        columns, rows = read(file)
    except BadRequest as error:
        raise Wrong(error.message) from error
    faults = check(columns, rows)
    if as_json:
        print_json({"good": not faults, "rows": len(rows), "faults": faults})
    elif faults:
        told = [(fault.column, fault.says, str(fault.rows), "header" if fault.first == 0 else str(fault.first)) for fault in faults]
        click.echo(table(("column", "what is wrong", "rows", "first"), told))
    else:
        click.echo(f"{len(rows):,} rows are {specification().specification}, as far as a file tells.")
    return 1 if faults else 0


def _faulty(faults: Sequence[Fault]) -> str:
    return " ".join(f"`{fault.column}` {fault.says} ({fault.rows} rows)." for fault in faults)


def _types() -> Mapping[str, str]:
    kinds = {"Cost": _COST, "Price": _PRICE, "Quantity": _QUANTITY}
    decimals = {column.name for column in specification().columns if column.type == "Decimal"}
    found = {name: kind for name in decimals for end, kind in kinds.items() if name.endswith(end)}
    return {**found, "x_UnitsCompleted": "BIGINT", "x_UnknownCosts": "BIGINT", "x_UsefulOutcomes": "BIGINT"}


def _type_of(values: Sequence[object]) -> str:
    told = {type(value) for value in values if value is not None}
    if told == {int} and all(-(2**63) <= value < 2**63 for value in values if isinstance(value, int)):
        return "BIGINT"
    return "DOUBLE" if told and told <= {int, float} else "VARCHAR"
