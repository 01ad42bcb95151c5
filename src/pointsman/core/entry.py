"""
What the ledger keeps: an entry per attempt, a record per call, an outcome per unit. Money in nano-dollars, time in Unix milliseconds.
"""

from collections.abc import Mapping

from msgspec import Struct

from pointsman.core.place import Place
from pointsman.core.reply import Usage


class Entry(Struct, frozen=True, kw_only=True):
    """
    One attempt. `seq` counts those of a call from 0. `error` is a failure kind or a grade code; `cost_nano_usd` None is unknown, never zero.

    `estimated` marks usage that no vendor counted, because the call was cut short: our own count of what was produced.
    """

    seq: int
    place: Place
    target: str
    error: str | None
    latency_ms: float
    first_byte_ms: float | None
    usage: Usage | None
    cost_nano_usd: int | None
    price_id: str | None
    estimated: bool = False


class CallRecord(Struct, frozen=True, kw_only=True):
    """
    The decision record of one call, complete when its last byte was sent.

    `reason` is why the target that answers was chosen; empty if none did. `considered` lists the other candidates as (target, reason code).
    `found` counts what detectors found, by kind. `status` is `ok`, a refusal's or a failure's code, or `cancelled`.
    """

    call_id: str
    started_ms: int
    capability: str
    unit: str
    key_id: str
    tenant: str
    team: str | None
    application: str | None
    user: str | None
    data_class: str
    snapshot: str
    status: str
    reason: str
    latency_ms: float
    entries: tuple[Entry, ...]
    considered: tuple[tuple[str, str], ...]
    found: Mapping[str, int] = {}


class Outcome(Struct, frozen=True, kw_only=True):
    """
    A late fact about a business unit, such as "ticket 4711 was resolved".

    `value_nano_usd` is what it was worth, if anyone said. The last outcome told about a unit is the one that counts.
    """

    unit: str
    outcome_id: str
    kind: str
    success: bool
    at_ms: int
    tenant: str
    capability: str | None = None
    value_nano_usd: int | None = None
    source: str = "application"
