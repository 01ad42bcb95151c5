"""
What changed since the span before, in plain words: cost per useful outcome, answers, latency, where calls ran, new snapshots and incidents.

Small changes and those of few calls are left out: a page that always says something soon says nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask
from pointsman.ledger.metrics import Scorecard
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_FEWEST_CALLS: Final = 20
_FEWEST_USEFUL: Final = 5
_MOST: Final = 8
_MOST_OF_A_KIND: Final = 3
_COST: Final = 0.1
_ANSWERED: Final = 0.01
_LATENCY: Final = 0.25
_PLACE: Final = 0.1


class Change(Struct, frozen=True, kw_only=True):
    """One sentence, whom it is about, whether it is `good`, `bad` or `news`, where more is told, and how much it weighs."""

    subject: str
    says: str
    tone: str
    to: str
    weight: float
    at_ms: int | None = None


def changes(ask: Ask, db: Database, *, cards: Sequence[Scorecard], before: Sequence[Scorecard]) -> list[Change]:
    """Return the changes that matter, the greatest first."""
    earlier = {card.workflow: card for card in before}
    found = [change for card in cards if card.workflow in earlier for change in _of(card, earlier[card.workflow], span=ask.span.name)]
    found += _events(ask, db)
    return sorted(found, key=lambda one: -one.weight)[:_MOST]


def _of(card: Scorecard, before: Scorecard, *, span: str) -> Iterator[Change]:
    to = f"/console/workflows/{card.workflow}?span={span}"
    yield from (msg for msg in (_cost(card, before, to=to), *_calls(card, before, to=to)) if msg is not None)


def _cost(card: Scorecard, before: Scorecard, *, to: str) -> Change | None:
    now, then = card.provisional.loaded_nano_usd, before.provisional.loaded_nano_usd
    share = words.change(now, then)
    if share is None or abs(share) < _COST or min(card.units.provisional_useful, before.units.provisional_useful) < _FEWEST_USEFUL:
        return None
    less = "less" if share < 0 else "more"
    says = f"A useful {card.unit} cost {words.money(now)}, {abs(share) * 100:.0f}% {less} than before ({words.money(then)})."
    return Change(subject=card.workflow, says=says, tone="good" if share < 0 else "bad", to=to, weight=2 + abs(share))


def _calls(card: Scorecard, before: Scorecard, *, to: str) -> Iterator[Change | None]:
    if min(card.calls, before.calls) < _FEWEST_CALLS:
        return
    now, then = card.ok / card.calls, before.ok / before.calls
    if abs(now - then) >= _ANSWERED:
        says = f"{words.percent(now, 1)} of calls were answered, {'up' if now > then else 'down'} from {words.percent(then, 1)}."
        yield Change(subject=card.workflow, says=says, tone="good" if now > then else "bad", to=to, weight=3 + 10 * abs(now - then))
    share = words.change(card.latency.p95_ms, before.latency.p95_ms)
    if share is not None and abs(share) >= _LATENCY:
        both = f"{words.took(card.latency.p95_ms)} at the 95th percentile, before {words.took(before.latency.p95_ms)}"
        says = f"The slowest twentieth of calls is {'slower' if share > 0 else 'quicker'}: {both}."
        yield Change(subject=card.workflow, says=says, tone="bad" if share > 0 else "good", to=to, weight=1 + min(abs(share), 1))
    yield _moved(card, before, to=to)


def _moved(card: Scorecard, before: Scorecard, *, to: str) -> Change | None:
    now, then = _shares(card), _shares(before)
    place = max({*now, *then}, key=lambda one: abs(now.get(one, 0) - then.get(one, 0)), default=None)
    if place is None or abs(now.get(place, 0) - then.get(place, 0)) < _PLACE:
        return None
    rose = now.get(place, 0) > then.get(place, 0)
    says = f"{words.percent(now.get(place, 0.0))} of calls ran in `{place}`, {'up' if rose else 'down'} from {words.percent(then.get(place, 0.0))}."
    return Change(subject=card.workflow, says=says, tone="news", to=to, weight=1 + abs(now.get(place, 0) - then.get(place, 0)))


def _shares(card: Scorecard) -> Mapping[str, float]:
    return {place: number / card.calls for place, number in card.calls_by_place.items() if place != "none"}


def _events(ask: Ask, db: Database) -> Iterator[Change]:
    values = {**ask.span.values, "most": _MOST_OF_A_KIND}
    for row in db.rows(query("console/snapshots"), values):
        if row["parent"]:  # the first of all is no change
            says = f"Snapshot `{row['digest']}` came into force."
            to = f"/console/settings/{row['digest']}?since={row['since_ms']}"
            yield Change(subject="configuration", says=says, tone="news", to=to, weight=2.5, at_ms=row["since_ms"])
    for row in db.rows(query("console/incidents"), values):
        is_open = row["closed_ms"] is None
        says = f"{row['title'].removesuffix('.')} ({'open' if is_open else 'closed'})."
        to = f"/console/incidents/{row['incident_id']}"
        yield Change(
            subject=row["workflow"] or "incident", says=says, tone="bad" if is_open else "news", to=to, weight=9 if is_open else 4, at_ms=row["opened_ms"]
        )
