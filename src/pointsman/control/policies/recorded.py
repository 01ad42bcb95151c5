"""
Calls as the ledger recorded them, with what a choice was made by and what came of it: what another policy is tried on.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from msgspec import Struct

from pointsman.core.reply import Usage
from pointsman.core.routing import Weighed
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row
from pointsman.storage.weighed import criteria_of, weighed_of

MOST: Final = 20_000
_PARTS: Final = 32
_PAGE: Final = 2_000
_TOKENS: Final = ("tokens_in", "tokens_out", "cache_read", "cache_write", "reasoning")
_WEEK_MS: Final = 7 * 86_400_000


class Tried(Struct, frozen=True, kw_only=True):
    """One attempt of a call that somebody waited for. `usage` None was not counted, a cost of None is unknown."""

    target: str
    price_id: str
    usage: Usage | None
    cost_nano_usd: int | None
    latency_ms: float


class Recorded(Struct, frozen=True, kw_only=True):
    """
    One call. `vetoes` is what spoke against targets then (target → code), `criteria` those that the request set (name → number); `tried` its attempts in
    order, none where a rule, the cache or nobody answered.

    `reward` is 1 for a unit that became useful and 0 for one that did not, else the mean score of the answer; None is not told, or not yet: before the
    window of its workflow is over an outcome does not count, for successes and failures are not told equally fast.
    """

    call_id: str
    started_ms: int
    capability: str
    tenant: str
    unit: tuple[str, str, str]
    key_id: str
    team: str | None
    application: str | None
    user: str | None
    session: str | None
    data_class: str
    status: str
    stream: bool
    latency_ms: float
    cost_nano_usd: int | None
    vetoes: Mapping[str, str]
    mode: str
    propensity: float
    weighed: tuple[Weighed, ...]
    criteria: Mapping[str, float] = {}
    features: str | None
    tried: tuple[Tried, ...]
    reward: float | None

    @property
    def behaviour(self) -> dict[str, float]:
        """With which probability each target was to be tried first. Where nothing was weighed, the owner's order left nothing to chance."""
        told = {one.target: one.probability for one in self.weighed if one.probability > 0.0}
        if told or not self.tried:
            return told
        return {self.tried[0].target: self.propensity}

    @property
    def usage(self) -> Usage | None:
        """What the last attempt took."""
        return self.tried[-1].usage if self.tried else None


class Sampled(Struct, frozen=True, kw_only=True):
    """Calls of a span, out of how many."""

    calls: tuple[Recorded, ...]
    out_of: int


def recorded(db: Database, *, since_ms: int, until_ms: int, windows: Mapping[str, int], most: int = MOST) -> Sampled:
    """
    Return the calls of a span, or about `most` of them: from each 32nd of it some in a row, as many as its share.

    `windows` tells for each workflow how many milliseconds after its first call a unit's outcome is final; by default a week.
    """
    bounds = [since_ms + (until_ms - since_ms) * part // _PARTS for part in range(_PARTS + 1)]
    parts = [(first_id(start), first_id(end)) for start, end in pairwise(bounds) if start < end]
    counts = [int(db.rows(query("policies/count"), {"first_id": first, "last_id": last})[0]["calls"]) for first, last in parts]
    total = sum(counts)
    calls: list[Recorded] = []
    for (first, last), count in zip(parts, counts, strict=True):
        quota = count if total <= most else -(-most * count // total)
        calls.extend(_part(db, (first, last), quota=quota, mature=_Mature(until_ms, windows)))
    return Sampled(calls=tuple(calls), out_of=total)


class _Mature:
    """Tells whether what is known of a unit is final, as seen at the end of the span."""

    def __init__(self, at_ms: int, windows: Mapping[str, int]) -> None:
        self._at_ms = at_ms
        self._windows = windows

    def reward(self, row: Row) -> float | None:
        is_final = row["opened_ms"] + self._windows.get(row["workflow"], _WEEK_MS) <= self._at_ms
        if is_final and row["state"] != "open":
            return float(row["state"] == "useful")
        return None if row["score"] is None else float(row["score"])


def _part(db: Database, bounds: tuple[str, str], *, quota: int, mature: _Mature) -> Iterator[Recorded]:
    after, last = bounds
    while quota > 0:
        rows = db.rows(query("policies/calls"), {"after_id": after, "last_id": last, "most": min(_PAGE, quota)})
        if not rows:
            return
        tried = _tried(db, first=rows[0]["call_id"], last=rows[-1]["call_id"])
        for row in rows:
            yield _recorded(row, tried.get(row["call_id"], []), mature=mature)
        quota -= len(rows)
        after = rows[-1]["call_id"]


def _tried(db: Database, *, first: str, last: str) -> dict[str, list[Tried]]:
    found: dict[str, list[Tried]] = {}
    for row in db.rows(query("policies/attempts"), {"first_id": first, "last_id": last}):
        usage = None if row["tokens_in"] is None else Usage(**{name: row[name] or 0 for name in _TOKENS})
        told = Tried(target=row["target"], price_id=row["price_id"] or "", usage=usage, cost_nano_usd=row["cost_nano_usd"], latency_ms=row["latency_ms"])
        found.setdefault(row["call_id"], []).append(told)
    return found


def _recorded(row: Row, tried: list[Tried], *, mature: _Mature) -> Recorded:
    vetoes = (one.partition("=") for one in row["vetoes"].split(";") if one)
    return Recorded(
        call_id=row["call_id"],
        started_ms=row["started_ms"],
        capability=row["capability"],
        tenant=row["tenant"],
        unit=(row["tenant"], row["workflow"], row["unit"]),
        key_id=row["key_id"],
        team=row["team"],
        application=row["application"],
        user=row["end_user"],
        session=row["session"],
        data_class=row["data_class"],
        status=row["status"],
        stream=bool(row["stream"]),
        latency_ms=row["latency_ms"],
        cost_nano_usd=row["cost_nano_usd"],
        vetoes={target: code for target, _, code in vetoes},
        mode=row["mode"],
        propensity=row["propensity"],
        weighed=weighed_of(row["weighed"]),
        criteria=criteria_of(row["weighed"]),
        features=row["features"],
        tried=tuple(tried),
        reward=mature.reward(row),
    )
