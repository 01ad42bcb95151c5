"""
One workflow: how far its items get, what a useful one costs and of which parts, what fails, and what each snapshot of the configuration did to it.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask, Shown
from pointsman.console.pages.overview import total_of
from pointsman.console.series import steps
from pointsman.core.errors import UnknownRoute
from pointsman.ledger.metrics import (
    Funnel,
    Scorecard,
    Slice,
    Waterfall,
    failure_patterns,
    funnel_of,
    improvement,
    scorecards,
    waterfall,
)
from pointsman.settings.workflows import Workflow
from pointsman.storage.sql import Database

_MOST_PATTERNS: Final = 8
_MOST_SNAPSHOTS: Final = 12
_PLACES: Final = frozenset({"rules", "cache", "edge", "private", "cloud", "people", "none"})
_PARTS: Final = {
    "overhead": "Judges, summaries, shadows",
    "human": "People's minutes",
    "licences": "Licences",
    "other_spans": "Spent before or after this span",
    "none": "Not answered",
}


class Stage(Struct, frozen=True, kw_only=True):
    """One stage of the funnel: how many got so far, and their share of those in the stage before and of all."""

    name: str
    number: int
    share: float
    of_all: float
    says: str


class Row(Struct, frozen=True, kw_only=True):
    """One part of the cost of a useful outcome, with where its bar begins and how long it is (shares of the whole)."""

    name: str
    kind: str
    nano_usd: int
    each_nano_usd: float | None
    start: float
    length: float


def workflows(ask: Ask, db: Database) -> Shown:
    """Show every workflow, also those that nobody called."""
    where = Slice(since_ms=ask.span.since_ms, until_ms=ask.span.until_ms)
    cards = {card.workflow: card for card in scorecards(db, where, now_ms=ask.control.now_ms(), workflows=ask.control.workflows, is_brief=True)}
    known = ask.control.workflows
    listed = [(name, known.get(name), cards.get(name)) for name in sorted({*known, *cards}, key=lambda name: -_calls(cards.get(name)))]
    return Shown(template="workflows.html", title="Workflows", values={"listed": listed})


def workflow(ask: Ask, db: Database) -> Shown:
    """Show one workflow. Raises `UnknownRoute` for one that is neither configured nor on record."""
    name, now_ms, known = ask.path["name"], ask.control.now_ms(), ask.control.workflows
    where = Slice(since_ms=ask.span.since_ms, until_ms=ask.span.until_ms, workflow=name)
    card = _card(ask, db, where=where)
    told = known.get(name)
    if told is None and card is None:
        raise UnknownRoute(f"There is no workflow `{name[:100]}`, and none of this name had a call in {ask.span.says}. Choose a longer time.")
    before = _card(ask, db, where=Slice(since_ms=ask.span.before.since_ms, until_ms=ask.span.before.until_ms, workflow=name), is_brief=True)
    parts = waterfall(db, where, now_ms=now_ms, workflows=known)
    done = improvement(db, where, now_ms=now_ms, workflows=known)
    values = {
        "name": name,
        "told": told or Workflow(name=name, capabilities=()),
        "is_configured": told is not None,
        "card": card,
        "before": before,
        "now": None if card is None else total_of([card]),
        "then": None if before is None else total_of([before]),
        "stages": stages(funnel_of([] if card is None else [card]), unit=(told or Workflow(name=name, capabilities=())).unit),
        "waterfall": parts,
        "rows": rows_of(parts),
        "patterns": failure_patterns(db, where, most=_MOST_PATTERNS),
        "snapshots": list(reversed(done))[:_MOST_SNAPSHOTS],
        "steps": steps(ask, db, workflow=name),
    }
    return Shown(template="workflow.html", title=name, values=values)


def stages(found: Funnel, *, unit: str) -> list[Stage]:
    """Return the stages of a funnel of units: opened, told about, useful, and still useful."""
    lasting = found.useful
    counted = [
        (f"{_several(unit)} opened", found.opened, f"{words.count(found.calls)} calls, {words.count(found.answered)} answered"),
        ("an outcome was told", found.told, f"of {words.percent(found.matured / found.opened if found.opened else None)} the window has passed"),
        ("ever useful", lasting + found.reversed, "the outcome was a success at some time"),
        ("useful", lasting, f"{words.plural(found.reversed, 'success', many='successes')} taken back"),
    ]
    whole = max(found.opened, 1)
    befores = [found.opened, *(number for _, number, _ in counted)]
    return [
        Stage(name=name, number=number, share=number / before if before else 0.0, of_all=number / whole, says=says)
        for (name, number, says), before in zip(counted, befores, strict=False)
    ]


def rows_of(found: Waterfall) -> list[Row]:
    """Return the parts of a waterfall with their bars, each beginning where the one before ended."""
    whole = sum(part.nano_usd for part in found.parts if part.nano_usd > 0) or 1
    rows: list[Row] = []
    at = 0
    for part in found.parts:
        length = abs(part.nano_usd)
        start = at if part.nano_usd >= 0 else at - length
        rows.append(
            Row(
                name=_PARTS.get(part.name, f"Calls answered by {part.name}"),
                kind=part.name if part.name in _PLACES else "people" if part.name == "human" else "quiet",
                nano_usd=part.nano_usd,
                each_nano_usd=part.each_nano_usd,
                start=start / whole,
                length=length / whole,
            )
        )
        at += part.nano_usd
    return rows


def _several(unit: str) -> str:
    return f"{unit}s" if not unit.endswith("s") else unit


def _card(ask: Ask, db: Database, *, where: Slice, is_brief: bool = False) -> Scorecard | None:
    found: Sequence[Scorecard] = scorecards(db, where, now_ms=ask.control.now_ms(), workflows=ask.control.workflows, is_brief=is_brief)
    return next((card for card in found if card.workflow == where.workflow), None)


def _calls(card: Scorecard | None) -> int:
    return 0 if card is None else card.calls
