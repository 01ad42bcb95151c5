"""
One call: the decision in sentences first, then its attempts over time and what each cost, then what is on record about it.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from pointsman.console.candidates import Seen, seen
from pointsman.console.frame import Ask, Shown
from pointsman.console.sentences import sentences
from pointsman.core.errors import UnknownRoute
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row
from pointsman.storage.weighed import weighed_of

_LONGEST_ID: Final = 64


class Bar(Struct, frozen=True, kw_only=True):
    """One attempt with its place on the time of the call, as shares of it."""

    row: Row
    start: float
    length: float
    tone: str


class Weighing(Struct, frozen=True, kw_only=True):
    """The candidates of a decision, and the digest of the parameters that they were predicted with."""

    rows: list[Seen]
    learned: str


def call(ask: Ask, db: Database) -> Shown:
    """Show one call. Raises `UnknownRoute`."""
    call_id = ask.path["call_id"]
    found = db.rows(query("console/call"), {"call_id": call_id}) if len(call_id) <= _LONGEST_ID else []
    if not found:
        raise UnknownRoute(f"There is no call `{call_id[:_LONGEST_ID]}` on record. It may be older than what is kept here, or not written yet: try again.")
    row = {**found[0], "found": _object(found[0]["found"]), "tags": _object(found[0]["tags"])}
    attempts = db.rows(query("console/attempts"), {"call_id": call_id})
    decisions = db.rows(query("console/decisions"), {"call_id": call_id})
    values = {
        "row": row,
        "sentences": sentences(row, attempts, decisions=decisions),
        "bars": bars(row, attempts),
        "weighed": [shown for one in decisions if (shown := _weighed(one)) is not None],
        "unit_to": unit_address(row),
    }
    return Shown(template="call.html", title=f"Call {call_id}", values=values, has_span=False)


def unit_address(row: Row) -> str:
    """Return where the unit of a call is shown."""
    return f"/console/units/{quote(row['workflow'], safe='')}/{quote(row['unit'], safe='')}?tenant={quote(row['tenant'], safe='')}"


def bars(row: Row, attempts: list[Row]) -> list[Bar]:
    """Return the attempts on the time of their call. What runs beside it (judges, shadows) may end after it."""
    whole = max([row["latency_ms"], *(one["begun_ms"] + one["latency_ms"] for one in attempts)], default=0.0) or 1.0
    return [
        Bar(row=one, start=one["begun_ms"] / whole, length=one["latency_ms"] / whole, tone="bad" if one["error"] else str(one["place"])) for one in attempts
    ]


def _weighed(decision: Row) -> Weighing | None:
    """Return what was weighed in a decision; None where it followed the owner's order."""
    weighed = weighed_of(decision["weighed"])
    if not weighed:
        return None
    return Weighing(rows=seen(weighed, chosen=decision["chosen"], vetoes=(decision["vetoes"],)), learned=decision["learned"] or "")


def _object(text: str) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return told
