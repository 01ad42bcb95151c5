"""
Learning: of each capability that chooses by value, what is known of its targets, where its calls went and what that saved, what is promised, and which versions
of the parameters were in force.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.app.learning_room import InForce, LearningRoom
from pointsman.console.frame import Ask, Shown
from pointsman.console.learning_sample import Sample, sampled
from pointsman.control.guarantee.told import Stated
from pointsman.control.learning.known import Known
from pointsman.core.capability import Capability
from pointsman.core.routing import Routing
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

_MOST_LINES: Final = 4  # colours of a chart


class Line(Struct, frozen=True, kw_only=True):
    """One target of a capability: what is known of it, and how many of the calls that were answered in the span it had."""

    target: str
    place: str
    is_incumbent: bool
    known: Known | None
    calls: int
    share: float
    cost_nano_usd: float | None


class Belief(Struct, frozen=True, kw_only=True):
    """What was known with one version, from `at_ms` on, of each target of the chart; None where nothing was."""

    at_ms: int
    of: tuple[Known | None, ...]


class Section(Struct, frozen=True, kw_only=True):
    """One capability."""

    name: str
    routing: Routing
    lines: tuple[Line, ...]
    calls: int
    beliefs: tuple[Belief, ...]
    charted: tuple[str, ...]
    sample: Sample
    promised: Stated | None


def learning(ask: Ask, db: Database) -> Shown:
    """Show what is learned of every capability that is chosen by value."""
    room = ask.control.learning()
    routed = {name: one for name, one in ask.control.snapshot.capabilities.items() if one.routing is not None}
    versions = room.versions(db)
    values = {
        "sections": _sections(ask, db, room=room, routed=routed, versions=versions) if routed else (),
        "versions": versions,
        "in_force": room.digest,
        "trouble": room.trouble,
        "example": next(iter(ask.control.snapshot.capabilities), "triage"),
    }
    return Shown(template="learning.html", title="Learning", values=values)


def _sections(ask: Ask, db: Database, *, room: LearningRoom, routed: Mapping[str, Capability], versions: Sequence[InForce]) -> tuple[Section, ...]:
    span = ask.span
    samples = sampled(db, since_ms=span.since_ms, until_ms=span.until_ms, incumbents={name: _routing(one).incumbent.name for name, one in routed.items()})
    believed = room.believed(versions)
    now = room.known()
    found: list[Section] = []
    for name, one in routed.items():
        rows = db.rows(query("console/learning_targets"), {**span.values, "capability": name})
        lines = _lines(one, rows, known={known.target: known for known in now if known.capability == name})
        charted = tuple(line.target for line in lines if line.known is not None)[:_MOST_LINES]
        found.append(
            Section(
                name=name,
                routing=_routing(one),
                lines=lines,
                calls=sum(line.calls for line in lines),
                beliefs=tuple(_belief(version, known, capability=name, charted=charted) for version, known in believed),
                charted=charted,
                sample=samples[name],
                promised=room.promised(name),
            )
        )
    return tuple(found)


def _lines(capability: Capability, rows: Sequence[Row], *, known: Mapping[str, Known]) -> tuple[Line, ...]:
    """Return the targets of the ladder, and those that answered in the span and are on it no more."""
    did = {row["target"]: row for row in rows}
    total = sum(row["calls"] for row in rows)
    places = {target.name: target.place.value for target in capability.ladder}
    found: list[Line] = []
    for name in dict.fromkeys([*places, *did]):
        row = did.get(name)
        calls = 0 if row is None else row["calls"]
        priced = 0 if row is None else row["calls"] - row["cost_unknown"]
        found.append(
            Line(
                target=name,
                place=places.get(name) or ("none" if row is None else row["place"]),
                is_incumbent=name == _routing(capability).incumbent.name,
                known=known.get(name),
                calls=calls,
                share=calls / total if total else 0.0,
                cost_nano_usd=None if row is None or not priced else row["cost_nano_usd"] / priced,
            )
        )
    return tuple(found)


def _belief(version: InForce, known: Sequence[Known], *, capability: str, charted: Sequence[str]) -> Belief:
    of = {one.target: one for one in known if one.capability == capability}
    return Belief(at_ms=version.since_ms, of=tuple(of.get(target) for target in charted))


def _routing(capability: Capability) -> Routing:
    assert capability.routing is not None  # noqa: S101 - only those that are chosen by value are shown
    return capability.routing
