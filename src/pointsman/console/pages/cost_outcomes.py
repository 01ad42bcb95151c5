"""
What a useful outcome of a workflow cost, by whose items they were, and what drove the change since the span before, in sentences.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, chosen, counted, saved_as
from pointsman.control.finops.outcomes import OWNERS, Compared, Owner, per_outcome
from pointsman.control.finops.span import day_name
from pointsman.settings.workflows import Workflow
from pointsman.storage.sql import Database

_COLUMNS: Final = ("by", "name", "items", "told", "useful", "cost_nano_usd", "calls_of_unknown_cost", "per_useful_nano_usd", "per_useful_before_nano_usd")


class Driver(Struct, frozen=True, kw_only=True):
    """One reason of a change, by how much it moved the cost of a useful outcome, and that as a share of the largest."""

    name: str
    nano_usd: int
    share: float

    @property
    def tone(self) -> str:
        """Whether it made it dearer or cheaper."""
        return "bad" if self.nano_usd > 0 else "good"


def cost_outcomes(ask: Ask, db: Database) -> Shown:
    """Show the cost per useful outcome."""
    name, by = _asked(ask)
    found = per_outcome(db, name, span=counted(ask), by=by) if name else None
    values = {
        "tabs": TABS,
        "workflows": tuple(ask.control.workflows),
        "owners": OWNERS,
        "by": by,
        "found": found,
        "told": ask.control.workflows.get(name) or Workflow(name=name, capabilities=()),
        "change": None if found is None else change(found.whole),
        "drivers": [] if found is None else drivers(found.whole.outcome_drivers),
        "changes": {} if found is None else {one.name: change(one) for one in found.owners},
    }
    return Shown(template="cost_outcomes.html", title="Cost", values=values)


def outcomes_file(ask: Ask, db: Database) -> Shown:
    """Give the cost per useful outcome as a file."""
    name, by = _asked(ask)
    found = per_outcome(db, name, span=counted(ask), by=by)
    rows = [_row("all", found.whole, by=by), *(_row(one.name, one, by=by) for one in found.owners)]
    return saved_as(f"cost-per-outcome-{_plain(name)}-{day_name(found.span.since_ms)}-to-{day_name(found.span.until_ms - 1)}", _COLUMNS, rows=rows)


def drivers(told: Mapping[str, int] | None) -> list[Driver]:
    """Return the reasons of a change, the largest first; those that moved nothing are left out."""
    known = {name: part for name, part in (told or {}).items() if part}
    most = max((abs(part) for part in known.values()), default=1)
    return [Driver(name=name, nano_usd=part, share=abs(part) / most) for name, part in sorted(known.items(), key=lambda pair: -abs(pair[1]))]


def change(one: Compared) -> float | None:
    """Return by which share the cost per useful outcome changed."""
    return words.change(one.now.per_useful_nano_usd, one.old.per_useful_nano_usd)


def _asked(ask: Ask) -> tuple[str, Owner]:
    told = ask.word("workflow")
    by: Owner = OWNERS[0]
    for one in OWNERS:
        if one == ask.word("by"):
            by = one
    return told or chosen(ask, "workflow", among=tuple(ask.control.workflows)), by


def _row(name: str, one: Compared, *, by: str) -> dict[str, object]:
    now = one.now
    numbers = (now.units, now.told, now.useful, now.cost_nano_usd, now.cost_unknown, now.per_useful_nano_usd, one.old.per_useful_nano_usd)
    return dict(zip(_COLUMNS, (by, name, *numbers), strict=True))


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
