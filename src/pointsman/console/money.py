"""
What the pages of money share: the time they count, the pages beside each other, and files to be saved.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pointsman.console.frame import Ask, Shown
from pointsman.console.span import HOUR_MS
from pointsman.control.exports.files import to_csv
from pointsman.control.finops.span import Span

# Address → words, in the order in which they stand beside each other.
TABS: Final = (
    ("/console/cost", "Who bears it"),
    ("/console/cost/outcomes", "Per useful outcome"),
    ("/console/cost/budgets", "Budgets"),
    ("/console/cost/savings", "Savings and idle"),
    ("/console/cost/what-if", "What if"),
    ("/console/cost/exports", "Exports"),
)


def counted(ask: Ask) -> Span:
    """Return the time that money is counted over: up to the hour that is now, so that the span before has lasted as long."""
    return Span(since_ms=ask.span.since_ms, until_ms=min(ask.span.until_ms, (ask.span.now_ms // HOUR_MS + 1) * HOUR_MS))


def chosen(ask: Ask, name: str, *, among: Sequence[str]) -> str:
    """Return what was chosen of some names: the first where none of them was; '' where there are none."""
    told = ask.word(name)
    return told if told in among else next(iter(among), "")


def saved_as(name: str, columns: Sequence[str], *, rows: Sequence[Mapping[str, object]]) -> Shown:
    """Return rows as a file of CSV, with money in nano-dollars."""
    return Shown(file=to_csv(columns, rows).encode(), name=f"{name}.csv")
