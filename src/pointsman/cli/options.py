"""
What several commands share: options, and how results are printed. Tables are for people, JSON is for programs; warnings go to standard error.
"""

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.core.money import NANO_PER_USD, dollars

_SPAN: Final = re.compile(r"^(\d{1,6})(m|h|d|w)$")
_UNIT_S: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMERIC: Final = (*"0123456789$-≥", "unknown")

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


class Wrong(click.ClickException):
    """Something is wrong with what was given. The message ends with the remedy; the exit code is 1."""

    exit_code = 1


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def say(text: str, *, hang: int = 0) -> None:
    """Print prose. In a terminal it is wrapped between words, `hang` columns in from the second line on; elsewhere lines stay whole."""
    click.echo(_wrapped(text, hang) if sys.stdout.isatty() else text)


def note(text: str) -> None:
    """Tell a person something that is not the result."""
    click.echo(_wrapped(text, 0) if sys.stderr.isatty() else text, err=True)


def warn(text: str) -> None:
    """Tell a person what may surprise them later."""
    note(f"warning: {text}")


def program() -> str:
    """Return how we are called on this shell's line. In a checkout we are not on the path: then it is the way that was used now."""
    called, found = Path(sys.argv[0]), shutil.which("pointsman")
    is_usual = called.name != "pointsman" or (found is not None and Path(found).absolute() == called.absolute())
    return "pointsman" if is_usual else shlex.quote(str(called))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns; columns of numbers are set to the right."""
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    right = [bool(rows) and all(row[index].startswith(_NUMERIC) for row in rows) for index in range(len(header))]
    return "\n".join(
        "  ".join(cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in zip(row, widths, right, strict=True)).rstrip()
        for row in (header, *rows)
    )


def _wrapped(text: str, hang: int) -> str:
    width = shutil.get_terminal_size().columns
    return "\n".join(_wrapped_line(line, width, hang=hang) for line in text.split("\n"))


def _wrapped_line(line: str, width: int, *, hang: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    rest = indent + " " * hang
    return "\n".join(textwrap.wrap(line.strip(), width, initial_indent=indent, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False))


def money(nano_usd: int | None) -> str:
    """Return an amount that fits a column: cents from a dollar up, three digits that count below."""
    if nano_usd is None or nano_usd == 0:
        return dollars(nano_usd)
    if abs(nano_usd) >= NANO_PER_USD:
        return dollars(round(nano_usd, -7))
    zeros = 9 - len(str(abs(nano_usd)))
    return dollars(round(nano_usd, min(0, zeros - 6)))


def duration(seconds: float) -> str:
    """Return a time that people read at a glance, such as `340 ms` or `1.2 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def span_s(text: str) -> int | None:
    """Return the seconds of a span such as `90m`, `24h`, `7d` or `2w`, or None if it is none."""
    found = _SPAN.match(text.strip())
    return int(found[1]) * _UNIT_S[found[2]] if found else None
