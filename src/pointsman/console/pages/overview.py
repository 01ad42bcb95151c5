"""
The first page: five figures against the span before, cost and useful outcomes over time, a scorecard for each workflow, and what changed, in words.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.console import words
from pointsman.console.changes import changes
from pointsman.console.frame import Ask, Shown
from pointsman.console.series import Step, steps
from pointsman.console.span import Span
from pointsman.ledger.metrics import Scorecard, Slice, scorecards
from pointsman.storage.sql import Database

_HIGHER: Final = 1
_LOWER: Final = -1
_NEITHER: Final = 0


class Figure(Struct, frozen=True, kw_only=True):
    """One figure: what it is, its value and the value before as people read it, by how much it changed (a share), and whether that is `good`."""

    name: str
    value: str
    before: str
    change: float | None
    is_good: bool | None
    line: tuple[float | None, ...] = ()
    note: str = ""


class Total(Struct, frozen=True, kw_only=True):
    """All workflows of a span together."""

    calls: int
    answered: float | None
    useful: int
    cost_nano_usd: int
    unknown: int
    per_useful_nano_usd: float | None
    near: float | None  # the share of answered calls that ran without the cloud


def overview(ask: Ask, db: Database) -> Shown:
    """Show the first page."""
    cards, before = (_cards(ask, db, span=span) for span in (ask.span, ask.span.before))
    drawn = steps(ask, db)
    now, then = total_of(cards), total_of(before)
    values = {
        "figures": figures(now, then, drawn=drawn),
        "cards": sorted(cards, key=lambda card: -card.calls),
        "earlier": {card.workflow: card for card in before},
        "steps": drawn,
        "changes": changes(ask, db, cards=cards, before=before),
        "total": now,
        "is_empty": not ask.control.workflows and not cards,
    }
    return Shown(template="overview.html", title="Overview", values=values)


def total_of(cards: Sequence[Scorecard]) -> Total:
    """Return the sum over workflows. What their units cost stays in the numerator whether they were useful or not."""
    calls, useful = sum(card.calls for card in cards), sum(card.units.provisional_useful for card in cards)
    worth = sum(card.provisional.money.loaded for card in cards if card.units.told)
    ran = [(place, number) for card in cards for place, number in card.calls_by_place.items() if place != "none"]
    return Total(
        calls=calls,
        answered=sum(card.ok for card in cards) / calls if calls else None,
        useful=useful,
        cost_nano_usd=sum(card.money.loaded for card in cards),
        unknown=sum(card.cost_unknown for card in cards),
        per_useful_nano_usd=worth / useful if useful else None,
        near=sum(number for place, number in ran if place != "cloud") / sum(number for _, number in ran) if ran else None,
    )


def figures(now: Total, before: Total, *, drawn: Sequence[Step]) -> list[Figure]:
    """Return the five figures."""
    unknown = f"{words.plural(now.unknown, 'call')} of unknown cost" if now.unknown else ""
    each = _figure((now.per_useful_nano_usd, before.per_useful_nano_usd), say=words.money, good=_LOWER)
    useful = _figure((now.useful, before.useful), say=words.short, good=_HIGHER)
    cost = _figure((now.cost_nano_usd, before.cost_nano_usd), say=words.money)
    calls = _figure((now.calls, before.calls), say=words.short)
    near = _figure((now.near, before.near), say=words.percent, good=_HIGHER)
    return [
        replace(each, name="Cost per useful outcome", line=tuple(one.each for one in drawn)),
        replace(useful, name="Useful outcomes", line=tuple(one.useful for one in drawn)),
        replace(cost, name="Cost", line=tuple(one.cost_nano_usd for one in drawn), note=unknown),
        replace(calls, name="Calls", line=tuple(one.calls for one in drawn), note=f"{words.percent(now.answered, 1)} answered"),
        replace(near, name="Kept off the cloud", line=tuple(one.near for one in drawn)),
    ]


def _figure(both: tuple[float | None, float | None], *, say: Callable[[float | None], str], good: int = _NEITHER) -> Figure:
    now, before = both
    share = words.change(now, before)
    is_good = None if share is None or good == _NEITHER or words.told_change(share) == "steady" else (share > 0) is (good > 0)
    return Figure(name="", value=say(now), before=say(before), change=share, is_good=is_good)


def _cards(ask: Ask, db: Database, *, span: Span) -> list[Scorecard]:
    where = Slice(since_ms=span.since_ms, until_ms=span.until_ms)
    return scorecards(db, where, now_ms=ask.control.now_ms(), workflows=ask.control.workflows, is_brief=True)
