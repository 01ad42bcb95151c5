"""
`pointsman query`: ask the ledger anything in SQL.
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Final

import click

from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, table
from pointsman.cli.sealed import database_option, places, segments_option
from pointsman.core.errors import BadRequest
from pointsman.storage.analytics import Analytics
from pointsman.storage.sql import Row

_MOST_ROWS: Final = 1_000
_WIDEST: Final = 60


@click.command("query")
@click.argument("sql")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=_MOST_ROWS, show_default=True, help="The most rows to show.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=60.0, show_default=True, help="How long the question may take.")
@click.option("--memory", type=click.IntRange(64, 1_000_000), default=1024, show_default=True, help="How many megabytes it may use.")
@segments_option
@database_option
@config_option
@json_option
def command(sql: str, path: Path, *, database: str | None, segments: Path | None, as_json: bool, **bounds: float) -> None:
    """
    Ask the ledger in SQL (DuckDB's), over sealed days and what is not sealed yet. `SHOW TABLES` lists the tables, `DESCRIBE call` their columns.

    A question reads the ledger's tables and nothing else: no file, no network. SQL may be `-`, to read it from the standard input.
    """
    place, folder = places(path, database=database, segments=segments)
    limit = int(bounds["limit"])
    try:
        with Analytics(place, folder, memory_mb=int(bounds["memory"]), most_s=bounds["seconds"]) as asked:
            rows = asked.rows(sys.stdin.read() if sql == "-" else sql, most_rows=limit + 1)
    except BadRequest as error:
        raise Wrong(error.message) from error
    _tell(rows[:limit], as_json=as_json)
    if len(rows) > limit:
        note(f"There are more than {limit} rows. Show more with --limit, or write them all with `pointsman export rows`.")


def _tell(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        print_json([{name: _plain(value) for name, value in row.items()} for row in rows])
    elif not rows:
        note("No rows.")
    else:
        click.echo(table([*rows[0]], [[_cell(value) for value in row.values()] for row in rows]))


def _plain(value: object) -> object:
    """Return what JSON can hold; a sum of integers that is too large for it becomes text."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _cell(value: object) -> str:
    text = "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"
