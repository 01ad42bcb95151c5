"""
The figures that Prometheus is told: which there are, and what a finished call adds to them.

Labels hold names from the configuration and codes of ours, never a unit, a user, a key or what a vendor calls its model: what is told stays small whatever
is asked. The histogram of times has the workflow alone.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from pointsman.core.entry import CallRecord
from pointsman.settings.workflows import Objective, Workflow
from pointsman.telemetry.reading import OK, answered_by, ended, escalations, keeps

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"

BUCKETS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MOST_SERIES: Final = 2000  # of one figure; what comes after is counted together, as `other`
_MS: Final = 1000.0
_NANO_USD: Final = 1_000_000_000

Labels = tuple[str, ...]


class Figure(Struct, frozen=True):
    """A figure: its kind, what it says, and the names of its labels."""

    kind: str
    says: str
    labels: Labels = ()


FIGURES: Final[Mapping[str, Figure]] = MappingProxyType(
    {
        "pointsman_requests_total": Figure(COUNTER, "Calls, by how they ended and where they were answered.", ("workflow", "place", "status")),
        "pointsman_request_duration_seconds": Figure(HISTOGRAM, "The time from a call's admission to its last byte.", ("workflow",)),
        "pointsman_attempts_total": Figure(COUNTER, "Attempts, by target and what became of them (`ok`, a failure kind, a grade).", ("target", "result")),
        "pointsman_cost_usd_total": Figure(COUNTER, "US dollars that attempts cost, as far as it is known.", ("workflow", "place")),
        "pointsman_cost_unknown_total": Figure(COUNTER, "Attempts whose cost nobody knows.", ("workflow",)),
        "pointsman_tokens_total": Figure(COUNTER, "Tokens; those that were read from a cache are a part of `in`.", ("workflow", "direction")),
        "pointsman_units_total": Figure(COUNTER, "Outcomes told of business units: `useful`, `failed` or `reversed`.", ("workflow", "state")),
        "pointsman_escalations_total": Figure(COUNTER, "Steps up, because an answer was not good enough.", ("from", "to")),
        "pointsman_reviews_total": Figure(COUNTER, "Reviews by people.", ("verdict",)),
        "pointsman_objective_events_total": Figure(COUNTER, "What an objective counts.", ("workflow", "objective")),
        "pointsman_objective_bad_total": Figure(COUNTER, "What an objective counts, and was not good.", ("workflow", "objective")),
        "pointsman_telemetry_dropped_total": Figure(COUNTER, "What was left out because a queue was full or a collector did not answer.", ("what",)),
        "pointsman_queue_depth": Figure(GAUGE, "What waits to be written or sent.", ("queue",)),
        "pointsman_target_up": Figure(GAUGE, "Whether a target is used: 0 while its breaker is open or its credential is missing.", ("target",)),
        "pointsman_policy_info": Figure(GAUGE, "The snapshot and the policy in force.", ("snapshot", "policy")),
        "pointsman_build_info": Figure(GAUGE, "The version that runs.", ("version", "python")),
        "pointsman_workers": Figure(GAUGE, "The workers whose figures these are."),
        "pointsman_objective_target": Figure(GAUGE, "The share that an objective promises.", ("workflow", "objective")),
        "pointsman_objective_burn_rate": Figure(GAUGE, "How fast an error budget is used up; 1 uses it up exactly.", ("workflow", "objective", "window")),
        "pointsman_budget_limit_usd": Figure(GAUGE, "What a budget allows in its period, in US dollars.", ("budget",)),
        "pointsman_budget_spent_usd": Figure(GAUGE, "What was spent of a budget in its period, in US dollars.", ("budget",)),
        "pointsman_workflow_units": Figure(GAUGE, "Business units of the last seven days, by state.", ("workflow", "state")),
        "pointsman_workflow_cost_usd": Figure(GAUGE, "US dollars that the units of the last seven days cost, by part.", ("workflow", "part")),
    }
)


class Gauge(Struct, frozen=True):
    """One value of a gauge, as whoever knows it says it: labels in the figure's order."""

    name: str
    labels: Labels
    value: float


class Counted(Struct, kw_only=True):
    """What was counted: figure → labels → number. A histogram's number is a list: calls up to each bound, all calls, all seconds."""

    numbers: dict[str, dict[Labels, float]] = {}
    spread: dict[str, dict[Labels, list[float]]] = {}

    def add(self, name: str, labels: Labels, *, amount: float = 1) -> None:
        """Add to a counter."""
        series = self.numbers.setdefault(name, {})
        key = labels if labels in series or len(series) < MOST_SERIES else ("other",) * len(labels)
        series[key] = series.get(key, 0) + amount

    def observe(self, name: str, labels: Labels, *, value: float) -> None:
        """Add to a histogram."""
        series = self.spread.setdefault(name, {})
        key = labels if labels in series or len(series) < MOST_SERIES else ("other",) * len(labels)
        row = series.setdefault(key, [0.0] * (len(BUCKETS_S) + 2))
        for index, bound in enumerate(BUCKETS_S):
            if value <= bound:
                row[index] += 1
        row[-2] += 1
        row[-1] += value

    def join(self, other: "Counted") -> None:
        """Add what another counted."""
        for name, series in other.numbers.items():
            for labels, amount in series.items():
                self.add(name, labels, amount=amount)
        for name, rows in other.spread.items():
            for labels, row in rows.items():
                mine = self.spread.setdefault(name, {}).setdefault(labels, [0.0] * len(row))
                for index, amount in enumerate(row):
                    mine[index] += amount


def count_call(into: Counted, record: CallRecord, *, workflows: Mapping[str, Workflow]) -> None:
    """Count a finished call."""
    answering = answered_by(record)
    into.add("pointsman_requests_total", (record.workflow, "none" if answering is None else answering.place.value, ended(record)))
    into.observe("pointsman_request_duration_seconds", (record.workflow,), value=record.latency_ms / _MS)
    for entry in record.entries:
        into.add("pointsman_attempts_total", (entry.target, entry.error or OK))
        if entry.cost_nano_usd is None:
            into.add("pointsman_cost_unknown_total", (record.workflow,))
        else:
            into.add("pointsman_cost_usd_total", (record.workflow, entry.place.value), amount=entry.cost_nano_usd / _NANO_USD)
        if entry.usage is not None:
            into.add("pointsman_tokens_total", (record.workflow, "in"), amount=entry.usage.tokens_in)
            into.add("pointsman_tokens_total", (record.workflow, "out"), amount=entry.usage.tokens_out)
    for before, after in escalations(record):
        into.add("pointsman_escalations_total", (before, after))
    workflow = workflows.get(record.workflow)
    for objective in () if workflow is None else workflow.objectives:
        count_promise(into, objective, is_kept=keeps(objective, record))


def count_promise(into: Counted, objective: Objective, *, is_kept: bool | None) -> None:
    """Count what an objective is about; None is about something else."""
    if is_kept is None:
        return
    labels = (objective.workflow, objective.name)
    into.add("pointsman_objective_events_total", labels)
    into.add("pointsman_objective_bad_total", labels, amount=0 if is_kept else 1)
