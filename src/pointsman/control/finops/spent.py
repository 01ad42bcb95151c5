"""
What calls, people and hardware cost in a span, read from roll-ups: the numbers that every other question of money starts from.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from pointsman.control.finops.span import Span
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row, Values

HUMAN: Final = "human"
LICENCE: Final = "licence"
# What a charge can be told apart by. A person's minute belongs to an item, never to a target.
_OF_ITEM: Final = frozenset({"team", "application"})
_BOOKED_ON: Final = frozenset({"workflow", "tenant"})


class Flow(Struct, frozen=True, kw_only=True):
    """
    Calls of one workflow, capability and caller that one target answered. `cost_nano_usd` is what is known of the cost of all their attempts.

    `target` is who answered, or was tried last; `none` where no attempt was made. Own hardware and overhead are parts of the cost. `cost_unknown` counts
    calls of which some cost is unknown. `latency_ms` is a sum over calls. Empty text: not told.
    """

    workflow: str
    capability: str
    place: str
    target: str
    tenant: str
    team: str
    application: str
    calls: int
    ok: int
    escalations: int
    to_person: int
    cost_nano_usd: int
    cost_unknown: int
    hardware_nano_usd: int
    overhead_nano_usd: int
    tokens_in: int
    tokens_out: int
    cache_read: int
    latency_ms: float


class UnitFlow(Struct, frozen=True, kw_only=True):
    """Items opened in a span, with everything they cost and were worth until now. `cost_unknown` counts calls."""

    workflow: str
    tenant: str
    team: str
    application: str
    units: int
    told: int
    useful: int
    reversed: int
    calls: int
    cost_nano_usd: int
    cost_unknown: int
    overhead_nano_usd: int
    human_nano_usd: int
    human_s: float
    value_nano_usd: int


class Charged(Struct, frozen=True, kw_only=True):
    """
    Money that no attempt stands for. `owner` is who bears it, '' where nobody is known to; then `name` says what it is: a licence's name, else a workflow or
    tenant.
    """

    kind: str
    owner: str
    name: str
    nano_usd: int


class Hardware(Struct, frozen=True, kw_only=True):
    """One target on own hardware: what was paid, and what calls used of it."""

    target: str
    paid_s: float
    paid_nano_usd: int
    busy_s: float
    busy_nano_usd: int

    @property
    def idle_nano_usd(self) -> int:
        """What was paid while no call ran."""
        return self.paid_nano_usd - self.busy_nano_usd

    @property
    def idle_share(self) -> float:
        """The part of the paid money that no call used, 0 to 1."""
        return self.idle_nano_usd / self.paid_nano_usd if self.paid_nano_usd else 0.0


def spent(db: Database, span: Span, *, workflow: str = "") -> list[Flow]:
    """Return what calls cost, of one workflow or of all. The span is widened to whole hours."""
    return msgspec.convert(_asked(db, "spent", values=span.values(workflow)), list[Flow], strict=False)


def units(db: Database, span: Span, *, workflow: str = "") -> list[UnitFlow]:
    """Return the items opened in a span, of one workflow or of all. The span is widened to whole hours."""
    return msgspec.convert(_asked(db, "units", values=_bounds(span, workflow=workflow)), list[UnitFlow], strict=False)


def charges(db: Database, span: Span, *, by: str) -> list[Charged]:
    """
    Return people's minutes, licences and corrections booked in a span of whole hours, by who bears them.

    A team or application bears what was spent on its items, a workflow and a tenant what was booked on it. Others bear none.
    """
    name, values = ("charges_of_items", _bounds(span, by=by)) if by in _OF_ITEM else ("charges", _bounds(span))
    return [_charged(row, by) for row in _asked(db, name, values=values)]


def licences(db: Database, span: Span, *, workflow: str) -> int:
    """Return what was booked for the licences of a workflow in a span of whole hours, as scorecards count them."""
    return sum(int(row["nano_usd"]) for row in _asked(db, "licences", values=_bounds(span, workflow=workflow), of="metrics"))


def hardware(db: Database, span: Span) -> list[Hardware]:
    """Return paid and busy time of own hardware in a span of whole hours."""
    return msgspec.convert(_asked(db, "hardware", values=_bounds(span)), list[Hardware], strict=False)


def tagged(db: Database, span: Span, *, tag: str, workflow: str = "") -> list[Row]:
    """Return `value`, `calls`, `cost_nano_usd` and `cost_unknown` of each value of a tag. The span is widened to whole days."""
    days = span.days
    return db.rows(query("finops/tags"), {"since_ms": days.since_ms, "until_ms": days.until_ms, "tag": tag, "workflow": workflow})


def _asked(db: Database, name: str, *, values: Values, of: str = "finops") -> list[dict[str, Any]]:
    return [dict(row) for row in db.rows(query(f"{of}/{name}"), values)]


def _charged(row: Row, by: str) -> Charged:
    owner = row["owner"] if by in _OF_ITEM else row[by] if by in _BOOKED_ON else ""
    name = row["source"].removeprefix(f"{LICENCE}:") or row["workflow"] or row["tenant"]
    return Charged(kind=row["kind"], owner=owner, name=name, nano_usd=int(row["nano_usd"]))


def _bounds(span: Span, **more: object) -> dict[str, object]:
    whole = span.hours
    return {"since_ms": whole.since_ms, "until_ms": whole.until_ms, **more}
