"""
Why a call on record went where it went: what was weighed then, by which criteria and parameters, and what would have changed the choice.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.app.explain import Rehearsal
from pointsman.app.facts import Prices, facts
from pointsman.app.replay import Replay
from pointsman.app.trials import EXPLORE
from pointsman.control.policies.recorded import recorded
from pointsman.control.snapshots.history import NoSuchSnapshot, whole
from pointsman.core.errors import PointsmanError
from pointsman.core.label import Level, a_label
from pointsman.core.routing import Routing, Weighed
from pointsman.decision.counterfactual import Change, Situation, nearest
from pointsman.decision.criteria import with_told
from pointsman.decision.decisive import Occasion, decisive
from pointsman.settings.load import Settings, load
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row
from pointsman.storage.weighed import criteria_of, weighed_of

_LONGEST_ID: Final = 64
_TIME_DIGITS: Final = 12


class Decided(Struct, frozen=True, kw_only=True):
    """
    One decision on record. `first` is who was to be tried first, `chosen` who answered in the end; both may be None where nobody was.

    `vetoes` are the targets that were left out, each with its code. `decisive` tells in sentences what decided beside the worth of the candidates, where the
    rules of then are on record. `changes` are what would have changed who was to be tried first, the nearest first; there are none where the owner's order
    counted. After a trial `first` is who would have been tried first without it. `asked` are the criteria that the request set, by which all of it is counted.
    """

    mode: str
    propensity: float
    first: str | None
    chosen: str | None
    reason: str
    learned: str
    weighed: tuple[Weighed, ...]
    vetoes: Mapping[str, str]
    asked: Mapping[str, float] = {}
    decisive: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class Now(Struct, frozen=True, kw_only=True):
    """Who would be asked first now, by what the ledger kept of the call, with which probability and why; None if it would be refused."""

    first: str | None
    probability: float
    reason: str


class Past(Struct, frozen=True, kw_only=True):
    """
    A call on record. `criteria` tells which ones its changes are counted with: those in force `then`, those of `now`, or `none`.

    `now` is what the configuration in force would do; None for a call that no target was to answer.

    Money in nano-dollars, times in milliseconds; None is unknown.
    """

    call_id: str
    started_ms: int
    capability: str
    data_class: str
    snapshot: str
    status: str
    target: str | None
    place: str | None
    reason: str
    latency_ms: float
    cost_nano_usd: int | None
    decisions: tuple[Decided, ...]
    criteria: str = "none"
    now: Now | None = None


def explain_past(db: Database, call_id: str, *, rehearsal: Rehearsal) -> Past | None:
    """Return the story of a call, or None if there is none of this id. The `rehearsal` is of the settings in force now."""
    found = db.rows(query("console/call"), {"call_id": call_id}) if len(call_id) <= _LONGEST_ID else []
    if not found:
        return None
    row, settings = found[0], rehearsal.gateway.settings
    rows = db.rows(query("console/decisions"), {"call_id": call_id})
    routing, criteria = (None, "none") if not any(one["weighed"] for one in rows) else _routing(db, row, settings=settings)
    by = _By(routing=routing, is_then=criteria == "then", level=_level(row, rehearsal))
    return Past(
        **{name: row[name] for name in Past.__struct_fields__ if name in row},
        decisions=tuple(_decided(one, by) for one in rows),
        criteria=criteria,
        now=_now(db, call_id, rehearsal=rehearsal) if row["target"] else None,
    )


def _now(db: Database, call_id: str, *, rehearsal: Rehearsal) -> Now | None:
    """Return what would be done with the call now. It is put before the chooser as it was recorded."""
    at_ms = int(call_id.replace("-", "")[:_TIME_DIGITS], 16)  # ids begin with their time
    same = recorded(db, since_ms=at_ms, until_ms=at_ms + 1, windows={}).calls
    replay = Replay(rehearsal, rehearsal.gateway.settings.snapshot.targets)
    for proposal in replay.proposals(one for one in same if one.call_id == call_id):
        if not proposal.chances:
            return Now(first=None, probability=0.0, reason=proposal.why)
        first, probability = max(proposal.chances.items(), key=lambda pair: pair[1])
        return Now(first=first, probability=probability, reason=proposal.why)
    return None


def _level(row: Row, rehearsal: Rehearsal) -> Level:
    """Return how strict the data was; of classes that nobody knows, the strictest."""
    return a_label(*row["data_class"].split("+"), levels=rehearsal.gateway.stages.judge.levels).level


class _By(Struct, frozen=True, kw_only=True):
    """By what a choice is looked at again: the rules, whether they are those of then, and the level of the data."""

    routing: Routing | None
    is_then: bool
    level: Level


def _decided(row: Row, by: _By) -> Decided:
    weighed, asked = weighed_of(row["weighed"]), criteria_of(row["weighed"])
    routing = None if by.routing is None else replace(by.routing, criteria=with_told(by.routing.criteria, asked))
    is_trial = row["mode"] == EXPLORE
    # Of two that were as likely, it is the other one that a trial left.
    first = max(weighed, key=lambda one: (one.probability, (one.target == row["chosen"]) is not is_trial)).target if weighed else row["chosen"]
    changes = nearest(Situation(weighed=weighed, routing=routing), chosen=first) if weighed and routing is not None else ()
    now = Occasion(level=by.level, reason=row["reason"] if first == row["chosen"] else "", is_trial=is_trial)
    return Decided(
        mode=row["mode"],
        propensity=row["propensity"],
        first=first,
        chosen=row["chosen"],
        reason=row["reason"],
        learned=row["learned"] or "",
        weighed=weighed,
        vetoes={name: code for one in row["vetoes"].split(";") if one for name, _, code in [one.partition("=")]},
        asked=asked,
        decisive=decisive(weighed, routing, first=first, now=now) if routing is not None and by.is_then else (),
        changes=changes,
    )


def _routing(db: Database, row: Row, *, settings: Settings) -> tuple[Routing | None, str]:
    """Return by what the capability chose then, as far as its snapshot is on record, or else by what it chooses now."""
    capability = row["capability"]
    if row["snapshot"] != settings.snapshot.digest:
        try:
            return _routing_of(whole(db, row["snapshot"]).files, capability, now_ms=row["started_ms"]), "then"
        except (NoSuchSnapshot, PointsmanError, OSError):
            pass  # it was not kept, or this version reads it no more
    now = settings.snapshot.capabilities.get(capability)
    if now is None or now.routing is None:
        return None, "none"
    return now.routing, "then" if row["snapshot"] == settings.snapshot.digest else "now"


def _routing_of(files: Mapping[str, str], capability: str, *, now_ms: int) -> Routing | None:
    with TemporaryDirectory(prefix="pointsman-") as folder:
        for name, text in files.items():
            place = (Path(folder) / name).resolve()
            if place.is_relative_to(Path(folder).resolve()):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
        then = load(Path(folder) / next(iter(files)), facts(Prices(lambda: now_ms))).snapshot.capabilities.get(capability)
    return None if then is None else then.routing
