"""
Files for others: a month in FOCUS for FinOps tools, and the tables of the other pages as CSV.
"""

from datetime import UTC, datetime
from typing import Final

from pointsman.app.switches import ledger_of
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, saved_as
from pointsman.control.exports.focus import focus, month_ms
from pointsman.control.finops.allocation import BYS
from pointsman.control.finops.span import month_of
from pointsman.core.errors import UnknownRoute
from pointsman.storage.analytics import Analytics
from pointsman.storage.segments import FOLDER
from pointsman.storage.sql import Database

_MONTHS: Final = 6


def cost_exports(ask: Ask, db: Database) -> Shown:
    """Show which files there are."""
    del db
    values = {
        "tabs": TABS,
        "months": months(ask.control.now_ms()),
        "bys": [by for by in BYS if by != "tag"],
        "tags": ask.control.settings.file.costs.tags,
        "workflows": tuple(ask.control.workflows),
    }
    return Shown(template="cost_exports.html", title="Cost", values=values)


def focus_file(ask: Ask, db: Database) -> Shown:
    """Give a month in FOCUS. Raises `UnknownRoute` for one without cost, `BadRequest` for none, `ExtraMissing` without DuckDB."""
    del db
    month = ask.word("month", longest=20)
    since_ms, until_ms = month_ms(month)
    settings = ask.control.settings
    with Analytics(ledger_of(settings), settings.folder / FOLDER) as asked:
        rows = focus(asked, since_ms=since_ms, until_ms=until_ms)
    if not rows:
        raise UnknownRoute(f"Nothing was spent in {month}, so there is no file of it. Choose another month.")
    return saved_as(f"focus-{month}", [*rows[0]], rows=rows)


def months(now_ms: int) -> list[str]:
    """Return the last months, this one first."""
    found: list[str] = []
    at_ms = now_ms
    for _ in range(_MONTHS):
        found.append(datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m"))
        at_ms = month_of(at_ms).since_ms - 1
    return found
