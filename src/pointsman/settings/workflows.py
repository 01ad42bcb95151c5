"""
Workflows as compiled from the settings: values only, for the ledger, the rooms and the console.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.money import nano
from pointsman.settings.costs_shape import Costs
from pointsman.settings.shape import Capability
from pointsman.settings.workflow_shape import Objective as ObjectiveTold
from pointsman.settings.workflow_shape import Workflow as WorkflowTold

_MS: Final[Mapping[str, int]] = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class Objective(Struct, frozen=True, kw_only=True):
    """
    A promise: at least `share` of what `kind` counts is good over `window_ms`.

    `threshold` is milliseconds for `latency`, a score for `quality`, nano-dollars for `cost_per_outcome`; None for the others.
    """

    name: str
    workflow: str
    kind: str
    share: float
    window_ms: int
    threshold: float | None = None


class Workflow(Struct, frozen=True, kw_only=True):
    """
    One business process. Times in milliseconds, money in nano-dollars.

    `useful` names the kinds of outcome that count as a success; None leaves it to each outcome. What is told later than `window_ms` after the first call
    does not count. `baseline` is the target that savings are measured against.
    """

    name: str
    capabilities: tuple[str, ...]
    owner: str = ""
    unit: str = "request"
    useful: frozenset[str] | None = None
    window_ms: int = 7 * 86_400_000
    complete_ms: int = 7 * 86_400_000
    value_nano_usd: int | None = None
    human_hourly_nano_usd: int = 0
    baseline: str | None = None
    objectives: tuple[Objective, ...] = ()


def span_ms(text: str) -> int:
    """Return the milliseconds of a span such as `7d`, `24h`, `30m` or `2w`."""
    return int(text[:-1]) * _MS[text[-1]]


def workflows_of(told: Mapping[str, WorkflowTold], capabilities: Mapping[str, Capability], *, costs: Costs) -> Mapping[str, Workflow]:
    """Return every workflow by name; a capability that no workflow names is one of its own."""
    found = {name: _workflow(name, one, costs=costs) for name, one in told.items()}
    named = {capability for one in found.values() for capability in one.capabilities}
    for name, one in capabilities.items():
        if name not in named and name not in found:
            own = WorkflowTold(capabilities=[name], owner=one.owner, unit=one.unit)
            found[name] = _workflow(name, own, costs=costs)
    return found


def _workflow(name: str, told: WorkflowTold, *, costs: Costs) -> Workflow:
    hourly = costs.human_usd_per_hour if told.human_usd_per_hour is None else told.human_usd_per_hour
    window_ms = span_ms(told.window)
    return Workflow(
        name=name,
        capabilities=tuple(told.capabilities),
        owner=told.owner or "",
        unit=told.unit,
        useful=None if told.useful is None else frozenset(told.useful),
        window_ms=window_ms,
        complete_ms=window_ms if told.complete_within is None else span_ms(told.complete_within),
        value_nano_usd=None if told.value_usd is None else nano(told.value_usd),
        human_hourly_nano_usd=nano(hourly),
        baseline=told.baseline or costs.baseline,
        objectives=tuple(_objective(key, one, workflow=name) for key, one in told.objectives.items()),
    )


def _objective(name: str, told: ObjectiveTold, *, workflow: str) -> Objective:
    thresholds = {
        "latency": told.threshold_ms,
        "quality": told.threshold,
        "cost_per_outcome": None if told.threshold_usd is None else float(nano(told.threshold_usd)),
    }
    return Objective(name=name, workflow=workflow, kind=told.kind, share=told.share, window_ms=span_ms(told.window), threshold=thresholds.get(told.kind))
