"""
Operations over money and promises: who bears what, what a useful outcome cost, how budgets and objectives stand.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import asdict

from pointsman.app.rooms import budget_of
from pointsman.control.finops.allocation import Allocation, By, Unallocated, allocation
from pointsman.control.finops.budgets import Budget, alerts
from pointsman.control.finops.budgets import standings as budget_standings
from pointsman.control.finops.drivers import GroupFacts
from pointsman.control.finops.forecast import Backtest, Expected
from pointsman.control.finops.outcomes import Compared, Owner, PerOutcome, per_outcome
from pointsman.control.finops.span import DAY_MS, Span, month, month_of
from pointsman.control.objectives.counting import burns, standings
from pointsman.core.errors import BadRequest
from pointsman.server.api.operation import Ask, Nothing, Operation
from pointsman.server.api.steering import AtMs
from pointsman.surfaces.names import checked

_MOST_DAYS: Final = 800
Month = Annotated[str, Meta(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="A calendar month (UTC), such as `2026-10`.")]
Tag = Annotated[str, Meta(max_length=200, description="The tag, for `by=tag`: one of `costs.tags`.")]


class Within(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which time: a month, or from `since_ms` until `until_ms` (by default now), 800 days at most. Without either, this month so far."""

    month: Month | None = None
    since_ms: AtMs | None = None
    until_ms: AtMs | None = None


class WhoseCosts(Within, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what the money is told apart."""

    by: By = "team"
    tag: Tag = ""


class BorneShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one name bears, in nano-dollars. `name` is empty for calls that did not tell it; of `calls`, `cost_unknown` have a cost that is not wholly known."""

    name: str
    calls: int
    cost_unknown: int
    attempts_nano_usd: int
    human_nano_usd: int
    licence_nano_usd: int
    other_nano_usd: int
    total_nano_usd: int


class Costs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who bears what. Lines and what is unallocated add up to the total. Shares are from 0 to 1, null where there is no money."""

    by: str
    span: Span
    lines: tuple[BorneShown, ...]
    unallocated: tuple[Unallocated, ...]
    total_nano_usd: int
    allocated_share: float | None
    coverage: float


class WhichOutcomes(Within, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose items are told apart."""

    workflow: Annotated[str, Meta(min_length=1, max_length=200)]
    by: Owner = "team"


class GroupShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items opened in a span, and all they cost until now. `coverage` is the share of calls whose cost is known."""

    units: int
    told: int
    useful: int
    cost_nano_usd: int
    human_nano_usd: int
    licence_nano_usd: int
    value_nano_usd: int
    per_useful_nano_usd: int | None
    coverage: float


class ComparedShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One owner in two spans. Drivers add up to the change, in nano-dollars; those of the cost per outcome are null where it is not known."""

    name: str
    before: GroupShown
    now: GroupShown
    cost_drivers: Mapping[str, int]
    outcome_drivers: Mapping[str, int] | None
    says: tuple[str, ...]


class OutcomeCosts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cost per useful outcome of a workflow, compared with the span before."""

    workflow: str
    by: str
    span: Span
    compared_with: Span
    whole: ComparedShown
    owners: tuple[ComparedShown, ...]


class BudgetShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one budget stands for one who spends it. Shares are of the budget."""

    budget: Budget
    subject: str
    period: Span
    spent_nano_usd: int
    used_share: float
    forecast: Expected | None
    forecast_share: float | None
    backtest: Backtest | None
    says: tuple[str, ...]


class Budgets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every budget that something was spent of in its period, the most used first."""

    budgets: tuple[BudgetShown, ...]


class ObjectiveShown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an objective stands over its window. `budget_left` is a share of its error budget, below 0 when overspent; null of nothing."""

    workflow: str
    objective: str
    kind: str
    promised: float
    threshold: float | None
    window_ms: int
    good: float
    total: float
    budget_left: float | None
    burn_1h: float | None


class Burning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error budget that is used up too fast: how many times faster than it lasts."""

    workflow: str
    objective: str
    rule: str
    rate: float
    says: str


class Objectives(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is promised and how it is kept."""

    objectives: tuple[ObjectiveShown, ...]
    burning: tuple[Burning, ...]


def span_of(told: Within, now_ms: int) -> Span:
    """Return the span that is asked for. Raises `BadRequest` for one that is none, or longer than 800 days."""
    if told.month is not None:
        if told.since_ms is not None or told.until_ms is not None:
            raise BadRequest("Say either a `month` or from `since_ms` until `until_ms`.", field="month")
        return month(told.month)
    until_ms = now_ms + 1 if told.until_ms is None else told.until_ms
    since_ms = month_of(max(until_ms - 1, 0)).since_ms if told.since_ms is None else told.since_ms
    if not 0 < until_ms - since_ms <= _MOST_DAYS * DAY_MS:
        raise BadRequest(f"`since_ms` must be before `until_ms`, by {_MOST_DAYS} days at most. Send Unix milliseconds.", field="since_ms")
    return Span(since_ms=since_ms, until_ms=until_ms)


def _costs(ask: Ask[WhoseCosts]) -> Costs:
    told = ask.told
    if (told.by == "tag") != bool(told.tag):
        raise BadRequest("Say which `tag` with `by=tag`, and only then: one of `costs.tags`.", field="tag")
    tag = checked(told.tag, field="tag") if told.tag else ""
    with ask.control.reading() as db:
        found = allocation(db, span_of(told, ask.control.now_ms()), by=told.by, tag=tag)
    return _shown(found)


def _shown(found: Allocation) -> Costs:
    return Costs(
        by=found.by,
        span=found.span,
        lines=tuple(BorneShown(**asdict(one), total_nano_usd=one.total_nano_usd) for one in found.lines),
        unallocated=found.unallocated,
        total_nano_usd=found.total_nano_usd,
        allocated_share=found.allocated_share,
        coverage=found.coverage,
    )


def _outcomes(ask: Ask[WhichOutcomes]) -> OutcomeCosts:
    told = ask.told
    workflow = checked(told.workflow, field="workflow")
    with ask.control.reading() as db:
        found = per_outcome(db, workflow, span=span_of(told, ask.control.now_ms()), by=told.by)
    if workflow not in ask.control.workflows and not found.owners:
        known = ", ".join(f"`{name}`" for name in list(ask.control.workflows)[:20])
        raise BadRequest(f"There is no workflow `{workflow[:40]}`, and no item of it at that time. Known: {known}.", field="workflow")
    return _compared(found)


def _compared(found: PerOutcome) -> OutcomeCosts:
    return OutcomeCosts(
        workflow=found.workflow,
        by=found.by,
        span=found.span,
        compared_with=found.compared_with,
        whole=_owner(found.whole),
        owners=tuple(_owner(one) for one in found.owners),
    )


def _owner(one: Compared) -> ComparedShown:
    return ComparedShown(
        name=one.name, before=_group(one.old), now=_group(one.now), cost_drivers=one.cost_drivers, outcome_drivers=one.outcome_drivers, says=one.says
    )


def _group(one: GroupFacts) -> GroupShown:
    return GroupShown(**{name: getattr(one, name) for name in GroupShown.__struct_fields__})


def _budgets(ask: Ask[Nothing]) -> Budgets:
    control = ask.control
    told = [budget_of(limit) for limit in control.snapshot.limits if limit.budget_nano_usd is not None]
    with control.reading() as db:
        found = budget_standings(db, told, now_ms=control.now_ms())
    shares = control.settings.file.alerts.budget_shares
    own = [name for name in BudgetShown.__struct_fields__ if name != "says"]
    return Budgets(
        budgets=tuple(
            BudgetShown(**{name: getattr(one, name) for name in own}, says=tuple(spoken.says for spoken in alerts(one, shares=shares))) for one in found
        )
    )


def _objectives(ask: Ask[Nothing]) -> Objectives:
    control = ask.control
    workflows, now_ms = tuple(control.workflows.values()), control.now_ms()
    with control.reading() as db:
        found, burning = standings(db, workflows, now_ms=now_ms), burns(db, workflows, now_ms=now_ms)
    return Objectives(
        objectives=tuple(
            ObjectiveShown(
                workflow=one.objective.workflow,
                objective=one.objective.name,
                kind=one.objective.kind,
                promised=one.objective.share,
                threshold=one.objective.threshold,
                window_ms=one.objective.window_ms,
                good=one.counts.good,
                total=one.counts.total,
                budget_left=one.budget_left,
                burn_1h=one.burn_1h,
            )
            for one in found
        ),
        burning=tuple(
            Burning(workflow=one.objective.workflow, objective=one.objective.name, rule=one.rule.name, rate=one.rate, says=one.says) for one in burning
        ),
    )


_READ: Final = "console.read"

MONEY: Final[tuple[Operation[Any], ...]] = (
    Operation(method="GET", path="/v1/admin/costs", permission=_READ, says="Who bears what.", asked=WhoseCosts, answer=Costs, work=_costs),
    Operation(
        method="GET",
        path="/v1/admin/costs/per-outcome",
        permission=_READ,
        says="What a useful outcome of a workflow cost, and what drove the change.",
        asked=WhichOutcomes,
        answer=OutcomeCosts,
        work=_outcomes,
    ),
    Operation(
        method="GET",
        path="/v1/admin/budgets",
        permission=_READ,
        says="How budgets stand and where they will end.",
        asked=Nothing,
        answer=Budgets,
        work=_budgets,
    ),
    Operation(
        method="GET",
        path="/v1/admin/objectives",
        permission=_READ,
        says="How objectives are kept, and what burns.",
        asked=Nothing,
        answer=Objectives,
        work=_objectives,
    ),
)
