"""
Rules for Prometheus' alerts, made from what the workflows promise, and from what must never happen to a gateway.

An objective speaks only if a long and a short window both burn its error budget faster than a rule's rate. Which windows and rates are passed in: they are
the same by which the gateway itself judges.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml
from msgspec import Struct

from pointsman.settings.workflows import Objective, Workflow

_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
_NANO_USD: Final = 1_000_000_000
_HEADER: Final = "# Made by `pointsman telemetry alerts` from the objectives of the configuration. Make it again when they change.\n"


class BurnRule(Struct, frozen=True, kw_only=True):
    """When an objective speaks: both windows (milliseconds) burn at least at `rate`, and `least_bad` were not good in the long one."""

    objective: Objective
    name: str
    severity: str
    rate: float
    long_ms: int
    short_ms: int
    least_bad: int


def alert_rules(rules: Iterable[BurnRule], workflows: Iterable[Workflow]) -> str:
    """Return the file of rules (YAML)."""
    groups: list[dict[str, Any]] = [{"name": "pointsman", "rules": list(_always())}]
    by_workflow: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        by_workflow.setdefault(rule.objective.workflow, []).append(_burns(rule))
    for workflow in workflows:
        found = [*by_workflow.get(workflow.name, ()), *(_costs(one) for one in workflow.objectives if one.kind == "cost_per_outcome")]
        if found:
            groups.append({"name": f"pointsman objectives: {workflow.name}", "rules": found})
    return _HEADER + yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000, allow_unicode=True)


def burn_rate(objective: Objective, window: str) -> str:
    """Return the question how fast an objective's error budget burns in a window such as `1h`."""
    return f"{_share(objective, window)} / {_number(max(1 - objective.share, 1e-6))}"


def cost_per_outcome(workflow: str) -> str:
    """Return the question what a useful outcome cost in the last seven days, in US dollars. Of several gateways on one ledger all say the same."""
    told = f'{{workflow="{workflow}"}}'
    useful = f'{{workflow="{workflow}",state="useful"}}'
    return f"sum(max by (part) (pointsman_workflow_cost_usd{told})) / max(pointsman_workflow_units{useful})"


def _burns(rule: BurnRule) -> dict[str, Any]:
    one, long, short = rule.objective, _window(rule.long_ms), _window(rule.short_ms)
    enough = _number(rule.rate * max(1 - one.share, 1e-6))
    expr = (
        f"{_share(one, long)} >= {enough} and {_share(one, short)} >= {enough} and "
        f"sum(increase(pointsman_objective_bad_total{_of(one)}[{long}])) >= {rule.least_bad}"
    )
    says = f"`{one.workflow}` misses its objective `{one.name}`: its error budget burns {_number(rule.rate)} times too fast over {long} and {short}."
    told = _rule("PointsmanObjectiveBurns", expr, severity=rule.severity, says=says, of=one)
    return {**told, "labels": {**told["labels"], "burn": rule.name}}


def _costs(one: Objective) -> dict[str, Any]:
    usd = (one.threshold or 0) / _NANO_USD
    says = f"A useful outcome of `{one.workflow}` costs more than the {_number(usd)} US dollars that its objective `{one.name}` allows."
    return {**_rule("PointsmanOutcomeCosts", f"{cost_per_outcome(one.workflow)} > {_number(usd)}", severity="ticket", says=says, of=one), "for": "1h"}


def _always() -> Iterator[dict[str, Any]]:
    told = (
        ("PointsmanAway", "absent(pointsman_build_info)", "5m", "page", "No gateway is scraped."),
        ("PointsmanLedgerBehind", 'max(pointsman_queue_depth{queue="ledger"}) > 10000', "2m", "page", "The ledger is behind; soon no call is accepted."),
        ("PointsmanTargetDown", "min by (target) (pointsman_target_up) == 0", "10m", "ticket", "The target `{{ $labels.target }}` is left alone."),
        (
            "PointsmanBudgetNearlySpent",
            "max by (budget) (pointsman_budget_spent_usd) >= 0.9 * max by (budget) (pointsman_budget_limit_usd)",
            "5m",
            "ticket",
            "The budget `{{ $labels.budget }}` is nearly spent.",
        ),
        (
            "PointsmanTelemetryDropped",
            "sum by (what) (increase(pointsman_telemetry_dropped_total[15m])) > 0",
            "15m",
            "ticket",
            "Telemetry is left out: the collector is slow or away.",
        ),
    )
    for name, expr, lasts, severity, says in told:
        yield {**_rule(name, expr, severity=severity, says=says), "for": lasts}


def _rule(name: str, expr: str, *, severity: str, says: str, of: Objective | None = None) -> dict[str, Any]:
    about = {} if of is None else {"workflow": of.workflow, "objective": of.name}
    return {"alert": name, "expr": expr, "labels": {"severity": severity, **about}, "annotations": {"summary": says}}


def _share(one: Objective, window: str) -> str:
    """Return the question which share was not good."""
    labels = _of(one)
    return f"(sum(rate(pointsman_objective_bad_total{labels}[{window}])) / sum(rate(pointsman_objective_events_total{labels}[{window}])))"


def _of(one: Objective) -> str:
    return f'{{workflow="{one.workflow}",objective="{one.name}"}}'


def _window(ms: int) -> str:
    return next((f"{ms // size}{unit}" for unit, size in _UNITS if ms % size == 0), f"{max(ms // 1000, 1)}s")


def _number(value: float) -> str:
    return f"{value:.6g}"
