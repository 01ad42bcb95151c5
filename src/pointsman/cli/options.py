"""
Options that several commands share, and how results are printed: tables for people, JSON for programs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

config_option: Any = click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("pointsman.yaml"),
    show_default=True,
    envvar="POINTSMAN_CONFIG",
    help="The configuration file.",
)
json_option: Any = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns; columns of numbers are set to the right."""
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    right = [bool(rows) and all(row[index][:1] in "0123456789$-" for row in rows) for index in range(len(header))]
    return "\n".join(
        "  ".join(cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in zip(row, widths, right, strict=True)).rstrip()
        for row in (header, *rows)
    )
