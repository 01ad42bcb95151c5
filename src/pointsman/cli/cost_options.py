"""
What the commands of `pointsman cost` share: which span, which ledger, which prices, and how numbers are printed.
"""

import csv
import io
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from pointsman.cli.configuration import ledger_at, ledger_told, now_ms
from pointsman.cli.options import money, span_s
from pointsman.control.finops.span import DAY_MS, Span, day_name, month, month_of
from pointsman.core.errors import Unusable
from pointsman.settings.compile import when_s
from pointsman.storage.open import exists, name_of, open_reading, open_writing
from pointsman.storage.sql import Database

_MOST_DAYS: Final = 800

database_option: Any = click.option("--database", help="The ledger, if it is not the configuration's: a file, or the URL of a PostgreSQL database.")
csv_option: Any = click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with money in nano-dollars.")


def span_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which span is asked for."""
    command = click.option("--month", "month_told", help="A calendar month, such as `2026-10` (UTC). By default this month so far.")(command)
    return click.option("--since", "since_told", help="From when on, instead of a month: `24h`, `7d`, `2027-01-31` (UTC).")(command)


def span_of(month_told: str | None, since_told: str | None) -> Span:
    """Return the span that was asked for. Raises `click.BadParameter`."""
    now = now_ms()
    if month_told:
        try:
            return month(month_told)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--month") from None
    found = Span(since_ms=_since_ms(since_told, now), until_ms=now + 1) if since_told else Span(since_ms=month_of(now).since_ms, until_ms=now + 1)
    if found.until_ms <= found.since_ms or found.until_ms - found.since_ms > _MOST_DAYS * DAY_MS:
        raise click.BadParameter(f"`{since_told}` is not within the last {_MOST_DAYS} days. Name a later time.", param_hint="--since")
    return found


@contextmanager
def ledger(path: Path, database: str | None, *, writing: bool = False) -> Generator[Database]:
    """Open the ledger of a configuration, or another. Raises `Unusable` if it cannot be read."""
    place = ledger_told(database) if database else ledger_at(path)
    db = open_writing(place) if writing and exists(place) else open_reading(place)
    try:
        yield db
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{name_of(place)}` cannot be read ({error}). Name the one of a gateway with --database.") from error
    finally:
        db.close()


def print_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as CSV. A cell that a spreadsheet would run as a formula gets a quote before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    click.echo(text.getvalue(), nl=False)


def told(span: Span) -> str:
    """Return a span for people: `2026-10-01 to 2026-10-31`."""
    return f"{day_name(span.since_ms)} to {day_name(span.until_ms - 1)}"


def at_least(nano_usd: int, *, coverage: float) -> str:
    """Return an amount of which a part may be unknown."""
    if coverage == 0:
        return "unknown"
    return money(nano_usd) if coverage == 1 else f"≥ {money(nano_usd)}"


def at_most(span: Span, *, days: int) -> None:
    """Raise `click.BadParameter` for a span longer than this."""
    if span.until_ms - span.since_ms > days * DAY_MS:
        raise click.BadParameter(f"That is more than {days} days. Name a shorter span.", param_hint="--since")


def share(value: float | None) -> str:
    """Return a share for people."""
    return "-" if value is None else f"{value:.0%}"


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _since_ms(since: str, now: int) -> int:
    seconds = span_s(since)
    if seconds is not None:
        return max(now - seconds * 1000, 0)
    try:
        return max(round(when_s(since) * 1000), 0)
    except ValueError:
        raise click.BadParameter(f"`{since}` is no time. Write `24h`, `7d` or `2027-01-31` (UTC).", param_hint="--since") from None
