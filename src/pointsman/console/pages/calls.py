"""
The calls of a span, newest first, narrowed by filters and paged by the id of the last one shown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from pointsman.console.frame import Ask, Shown
from pointsman.console.span import DAY_MS
from pointsman.core.errors import BadRequest
from pointsman.core.place import Place
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database

_PAGE: Final = 50
_SCAN: Final = 5000
_MOST_CALLERS: Final = 200
_NOT_OK: Final = "not answered"
_FILTERS: Final = ("workflow", "capability", "place", "target", "team", "status")
# Statuses that are worth a choice of their own; any other can be given in the address.
_STATUSES: Final = ("ok", _NOT_OK, "cancelled", "exhausted", "not_good_enough", "no_place_allowed", "over_limit", "over_budget", "vetoed")


class Choice(Struct, frozen=True, kw_only=True):
    """One filter: its name, what it can be, and what it is."""

    name: str
    label: str
    options: tuple[str, ...]
    chosen: str


def calls(ask: Ask, db: Database) -> Shown:
    """Show a page of calls. Raises `BadRequest` for a time that is none."""
    told = {name: ask.word(name) or None for name in _FILTERS}
    until = ask.word("until")
    before = ask.word("before") or (first_id(_moment(until)) if until else first_id(ask.control.now_ms() + DAY_MS))
    values = {
        **told,
        "status": None if told["status"] == _NOT_OK else told["status"],
        "is_not_ok": int(told["status"] == _NOT_OK),
        "key_id": ask.word("key") or None,
        "first_id": first_id(ask.span.since_ms),
        "before_id": before,
        "scan": _SCAN,
        "most": _PAGE + 1,
    }
    rows = db.rows(query("console/calls"), values)
    shown, more = rows[:_PAGE], rows[_PAGE - 1]["call_id"] if len(rows) > _PAGE else None
    further = None
    if more is None:
        scanned = db.rows(query("console/calls_scanned"), {name: values[name] for name in ("first_id", "before_id", "scan")})[0]
        further = scanned["oldest_id"] if scanned["calls"] >= _SCAN else None
    chosen = {name: value for name, value in ask.query.items() if name not in {"before", "span", "live"}}
    return Shown(
        template="calls.html",
        title="Calls",
        values={
            "rows": shown,
            "older": more,
            "further": further,
            "scan": _SCAN,
            "choices": _choices(ask, db, told=told),
            "until": until,
            "is_narrowed": bool(chosen),
            "is_first": not ask.word("before"),
        },
    )


def _choices(ask: Ask, db: Database, *, told: Mapping[str, str | None]) -> list[Choice]:
    snapshot = ask.control.snapshot
    teams = dict.fromkeys(row["team"] for row in db.rows(query("console/callers"), {**ask.span.values, "most": _MOST_CALLERS}) if row["team"])
    options = {
        "workflow": tuple(ask.control.workflows),
        "capability": tuple(snapshot.capabilities),
        "place": tuple(place.value for place in Place),
        "target": ("rules", "cache", *snapshot.targets),
        "team": tuple(teams),
        "status": _STATUSES,
    }
    return [Choice(name=name, label=name.capitalize(), options=_with(options[name], told[name]), chosen=told[name] or "") for name in _FILTERS]


def _with(options: tuple[str, ...], chosen: str | None) -> tuple[str, ...]:
    return options if chosen is None or chosen in options else (*options, chosen)


def _moment(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise BadRequest(f"`{text[:40]}` is no time. Write it as 2026-01-31T14:30 (UTC).", field="until") from error
