"""
Who bears what: the money of a span by team, application, workflow, capability, tenant, place, target or tag.

Total = attempts + charges (people's minutes, licences by the day, corrections) + idle hardware. What nobody can be named for stands in lines of its own, so
that the lines add up to the total to the nano-dollar.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from pointsman.control.finops.span import Span
from pointsman.control.finops.spent import HUMAN, LICENCE, Charged, Flow, charges, hardware, spent, tagged
from pointsman.storage.sql import Database

By = Literal["team", "application", "workflow", "capability", "tenant", "place", "target", "tag"]
BYS: Final[tuple[By, ...]] = ("team", "application", "workflow", "capability", "tenant", "place", "target", "tag")
IDLE: Final = "idle hardware"


class Borne(Struct, frozen=True, kw_only=True):
    """
    What one name bears. `name` is '' for calls that did not tell it. `attempts_nano_usd` is what is known of the cost of attempts.

    `calls` of which `cost_unknown` have a cost that is not wholly known.
    """

    name: str
    calls: int = 0
    cost_unknown: int = 0
    attempts_nano_usd: int = 0
    human_nano_usd: int = 0
    licence_nano_usd: int = 0
    other_nano_usd: int = 0

    @property
    def total_nano_usd(self) -> int:
        """Everything together."""
        return self.attempts_nano_usd + self.human_nano_usd + self.licence_nano_usd + self.other_nano_usd


class Unallocated(Struct, frozen=True, kw_only=True):
    """Money that nobody bears. `kind` is `idle hardware`, `licence`, `human` or the kind of a charge; `name` which one, or whose."""

    kind: str
    name: str
    nano_usd: int


class Allocation(Struct, frozen=True, kw_only=True):
    """The money of a span by one dimension. Everything told in `lines` and `unallocated` adds up to `total_nano_usd`."""

    by: str
    span: Span
    lines: tuple[Borne, ...]
    unallocated: tuple[Unallocated, ...]
    total_nano_usd: int

    @property
    def allocated_share(self) -> float | None:
        """The part of the money that a name bears, 0 to 1; None where there is no money."""
        named = sum(line.total_nano_usd for line in self.lines if line.name)
        return named / self.total_nano_usd if self.total_nano_usd else None

    @property
    def coverage(self) -> float:
        """The share of calls whose cost is wholly known, 0 to 1."""
        calls = sum(line.calls for line in self.lines)
        return 1 - sum(line.cost_unknown for line in self.lines) / calls if calls else 1.0


def allocation(db: Database, span: Span, *, by: By, tag: str = "") -> Allocation:
    """
    Return who bears what in a span. `by="tag"` needs the tag's name and counts whole days, everything else whole hours.

    Sources: `rollup_day`, `rollup_hour`, `rollup_tag_day`, `charge`, `infra_cost`.
    """
    whole = span.days if by == "tag" else span.hours
    flows = spent(db, whole)
    lines = {row["value"]: _tag_line(row) for row in tagged(db, whole, tag=tag)} if by == "tag" else _by_dimension(flows, by)
    if by == "tag":
        _add(lines, "", **_untagged(flows, lines.values()))
    rest = [Unallocated(kind=IDLE, name=one.target, nano_usd=one.idle_nano_usd) for one in hardware(db, whole) if one.idle_nano_usd]
    for charge in charges(db, whole, by=by):
        rest += _charged(lines, charge)
    ordered = sorted(lines.values(), key=lambda line: (not line.name, -line.total_nano_usd, line.name))
    total = sum(line.total_nano_usd for line in ordered) + sum(one.nano_usd for one in rest)
    return Allocation(by=f"tag {tag}" if by == "tag" else by, span=whole, lines=tuple(ordered), unallocated=tuple(rest), total_nano_usd=total)


def _by_dimension(flows: Iterable[Flow], by: str) -> dict[str, Borne]:
    lines: dict[str, Borne] = {}
    for flow in flows:
        _add(lines, getattr(flow, by), calls=flow.calls, cost_unknown=flow.cost_unknown, attempts_nano_usd=flow.cost_nano_usd)
    return lines


def _tag_line(row: Mapping[str, object]) -> Borne:
    numbers = {name: int(str(row[name])) for name in ("calls", "cost_unknown", "cost_nano_usd")}
    return Borne(name=str(row["value"]), calls=numbers["calls"], cost_unknown=numbers["cost_unknown"], attempts_nano_usd=numbers["cost_nano_usd"])


def _untagged(flows: Sequence[Flow], lines: Iterable[Borne]) -> dict[str, int]:
    said = tuple(lines)
    return {
        "calls": sum(flow.calls for flow in flows) - sum(line.calls for line in said),
        "cost_unknown": sum(flow.cost_unknown for flow in flows) - sum(line.cost_unknown for line in said),
        "attempts_nano_usd": sum(flow.cost_nano_usd for flow in flows) - sum(line.attempts_nano_usd for line in said),
    }


def _charged(lines: dict[str, Borne], charge: Charged) -> list[Unallocated]:
    if not charge.owner:
        return [Unallocated(kind=charge.kind, name=charge.name, nano_usd=charge.nano_usd)]
    field = {HUMAN: "human_nano_usd", LICENCE: "licence_nano_usd"}.get(charge.kind, "other_nano_usd")
    _add(lines, charge.owner, **{field: charge.nano_usd})
    return []


def _add(lines: dict[str, Borne], name: str, **more: int) -> None:
    there = lines.get(name, Borne(name=name))
    if not any(more.values()) and name not in lines:
        return
    lines[name] = Borne(
        name=name,
        calls=there.calls + more.get("calls", 0),
        cost_unknown=there.cost_unknown + more.get("cost_unknown", 0),
        attempts_nano_usd=there.attempts_nano_usd + more.get("attempts_nano_usd", 0),
        human_nano_usd=there.human_nano_usd + more.get("human_nano_usd", 0),
        licence_nano_usd=there.licence_nano_usd + more.get("licence_nano_usd", 0),
        other_nano_usd=there.other_nano_usd + more.get("other_nano_usd", 0),
    )
