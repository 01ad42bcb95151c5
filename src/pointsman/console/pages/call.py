"""
One call: the decision in sentences first, then its attempts over time and what each cost, then what is on record about it.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from pointsman.app.explain_past import Decided
from pointsman.console.candidates import Seen, seen
from pointsman.console.frame import Ask, Shown
from pointsman.console.sentences import sentences
from pointsman.core.errors import UnknownRoute
from pointsman.decision.criteria import written
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

_LONGEST_ID: Final = 64
_MOST_CHANGES: Final = 3


class Bar(Struct, frozen=True, kw_only=True):
    """One attempt with its place on the time of the call, as shares of it."""

    row: Row
    start: float
    length: float
    tone: str


class Weighing(Struct, frozen=True, kw_only=True):
    """
    The candidates of a decision, the digest of the parameters that they were predicted with, the criteria that the request `asked` for, what decided beside,
    and what would have changed it.
    """

    rows: list[Seen]
    learned: str
    asked: str
    decisive: tuple[str, ...]
    changes: tuple[str, ...]


def call(ask: Ask, db: Database) -> Shown:
    """Show one call. Raises `UnknownRoute`."""
    call_id = ask.path["call_id"]
    found = db.rows(query("console/call"), {"call_id": call_id}) if len(call_id) <= _LONGEST_ID else []
    if not found:
        raise UnknownRoute(f"There is no call `{call_id[:_LONGEST_ID]}` on record. It may be older than what is kept here, or not written yet: try again.")
    row = {**found[0], "found": _object(found[0]["found"]), "tags": _object(found[0]["tags"])}
    attempts = db.rows(query("console/attempts"), {"call_id": call_id})
    decisions = db.rows(query("console/decisions"), {"call_id": call_id})
    past = ask.control.explain_past(db, call_id) if any(one["weighed"] for one in decisions) else None
    values = {
        "row": row,
        "sentences": sentences(row, attempts, decisions=decisions),
        "bars": bars(row, attempts),
        "weighings": [_weighing(one) for one in (past.decisions if past is not None else ()) if one.weighed],
        "criteria": "none" if past is None else past.criteria,
        "now": None if past is None else past.now,
        "unit_to": unit_address(row),
    }
    return Shown(template="call.html", title=f"Call {call_id}", values=values, has_span=False)


def _weighing(one: Decided) -> Weighing:
    rows = seen(one.weighed, chosen=one.first, vetoes=one.vetoes)
    return Weighing(
        rows=rows, learned=one.learned, asked=written(one.asked), decisive=one.decisive, changes=tuple(change.says for change in one.changes[:_MOST_CHANGES])
    )


def unit_address(row: Row) -> str:
    """Return where the unit of a call is shown."""
    return f"/console/units/{quote(row['workflow'], safe='')}/{quote(row['unit'], safe='')}?tenant={quote(row['tenant'], safe='')}"


def bars(row: Row, attempts: list[Row]) -> list[Bar]:
    """Return the attempts on the time of their call. What runs beside it (judges, shadows) may end after it."""
    whole = max([row["latency_ms"], *(one["begun_ms"] + one["latency_ms"] for one in attempts)], default=0.0) or 1.0
    return [
        Bar(row=one, start=one["begun_ms"] / whole, length=one["latency_ms"] / whole, tone="bad" if one["error"] else str(one["place"])) for one in attempts
    ]


def _object(text: str) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return told
