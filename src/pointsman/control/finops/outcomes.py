"""
Cost per useful outcome of a workflow, by team or another owner, in a span and in the span before it, with what drove the change.

Source: `rollup_unit` for items opened in the span (all they cost until now, failed ones included), `rollup_day` and `rollup_hour` for its calls,
`charge` for its licences.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.finops.drivers import GroupFacts, TargetFacts, drivers_of_cost, drivers_per_outcome
from pointsman.control.finops.sentences import sentences
from pointsman.control.finops.span import Span, before
from pointsman.control.finops.spent import Flow, UnitFlow, licences, spent, units
from pointsman.storage.sql import Database

Owner = Literal["team", "application", "tenant"]
OWNERS: Final[tuple[Owner, ...]] = ("team", "application", "tenant")


class Compared(Struct, frozen=True, kw_only=True):
    """
    One owner in two spans. `cost_drivers` add up to the change of the cost, `outcome_drivers` to that of the cost per useful outcome, to the nano-dollar.

    `outcome_drivers` is None where one of the two costs per outcome is not known. `says` tells it in sentences.
    """

    name: str
    old: GroupFacts
    now: GroupFacts
    cost_drivers: Mapping[str, int]
    outcome_drivers: Mapping[str, int] | None
    says: tuple[str, ...]


class PerOutcome(Struct, frozen=True, kw_only=True):
    """A workflow in two spans: as a whole, and by owner, the dearest first. The whole bears the workflow's licences; owners do not."""

    workflow: str
    by: str
    span: Span
    compared_with: Span
    whole: Compared
    owners: tuple[Compared, ...]


def per_outcome(db: Database, workflow: str, *, span: Span, by: Owner = "team") -> PerOutcome:
    """Return the cost per useful outcome of a workflow in a span of whole hours, compared with the span before."""
    span = span.hours
    old_span = before(span)
    then, now = _facts(db, workflow, span=old_span, by=by), _facts(db, workflow, span=span, by=by)
    owners = [_compared(name, then.get(name, GroupFacts()), now=now.get(name, GroupFacts())) for name in sorted({*then, *now})]
    whole = _compared(
        workflow,
        replace(_together(then.values()), licence_nano_usd=licences(db, old_span, workflow=workflow)),
        now=replace(_together(now.values()), licence_nano_usd=licences(db, span, workflow=workflow)),
    )
    ordered = sorted(owners, key=lambda one: (-one.now.cost_nano_usd, one.name))
    return PerOutcome(workflow=workflow, by=by, span=span, compared_with=old_span, whole=whole, owners=tuple(ordered))


def _facts(db: Database, workflow: str, *, span: Span, by: str) -> dict[str, GroupFacts]:
    items: dict[str, list[UnitFlow]] = defaultdict(list)
    flows: dict[str, list[Flow]] = defaultdict(list)
    for item in units(db, span, workflow=workflow):
        items[getattr(item, by)].append(item)
    for flow in spent(db, span, workflow=workflow):
        flows[getattr(flow, by)].append(flow)
    return {name: _group(items.get(name, []), flows.get(name, [])) for name in {*items, *flows}}


def _group(items: Sequence[UnitFlow], flows: Sequence[Flow]) -> GroupFacts:
    targets: dict[str, TargetFacts] = {}
    for flow in flows:
        one = TargetFacts(calls=flow.calls, cost_unknown=flow.cost_unknown, tokens=flow.tokens_in + flow.tokens_out, cost_nano_usd=flow.cost_nano_usd)
        targets[flow.target] = _added(targets.get(flow.target, TargetFacts()), one)
    return GroupFacts(
        units=sum(one.units for one in items),
        told=sum(one.told for one in items),
        useful=sum(one.useful for one in items),
        attempts_nano_usd=sum(one.cost_nano_usd for one in items),
        human_nano_usd=sum(one.human_nano_usd for one in items),
        human_s=sum(one.human_s for one in items),
        value_nano_usd=sum(one.value_nano_usd for one in items),
        targets=targets,
    )


def _together(groups: Iterable[GroupFacts]) -> GroupFacts:
    every = tuple(groups)
    targets: dict[str, TargetFacts] = {}
    for group in every:
        for name, one in group.targets.items():
            targets[name] = _added(targets.get(name, TargetFacts()), one)
    return GroupFacts(
        units=sum(one.units for one in every),
        told=sum(one.told for one in every),
        useful=sum(one.useful for one in every),
        attempts_nano_usd=sum(one.attempts_nano_usd for one in every),
        human_nano_usd=sum(one.human_nano_usd for one in every),
        human_s=sum(one.human_s for one in every),
        value_nano_usd=sum(one.value_nano_usd for one in every),
        targets=targets,
    )


def _added(one: TargetFacts, more: TargetFacts) -> TargetFacts:
    return TargetFacts(
        calls=one.calls + more.calls,
        cost_unknown=one.cost_unknown + more.cost_unknown,
        tokens=one.tokens + more.tokens,
        cost_nano_usd=one.cost_nano_usd + more.cost_nano_usd,
    )


def _compared(name: str, old: GroupFacts, *, now: GroupFacts) -> Compared:
    per = drivers_per_outcome(old, now)
    cost = drivers_of_cost(old, now)
    return Compared(name=name, old=old, now=now, cost_drivers=cost, outcome_drivers=per, says=sentences(name, old, now=now, drivers=per))
