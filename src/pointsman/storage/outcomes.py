"""
What is told of a unit, and which of it counts.

The last outcome counts (by when it happened, then by when it arrived) that happened within the window of its workflow and that none of the others supersedes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.core.entry import Outcome
from pointsman.settings.workflows import Workflow
from pointsman.storage.several import insert
from pointsman.storage.sql import Database, Row

_KEPT: Final = (
    "tenant",
    "outcome_id",
    "unit",
    "capability",
    "kind",
    "success",
    "value_nano_usd",
    "at_ms",
    "source",
    "workflow",
    "supersedes",
    "reversed",
    "human_s",
    "queue",
)
OUTCOME_COLUMNS: Final = ("recorded", *_KEPT)


class Standing(Struct, frozen=True, kw_only=True):
    """What came of a unit so far. `state` is open, useful, failed or reversed; only a useful one has a value."""

    state: str = "open"
    kind: str | None = None
    outcome_id: str | None = None
    closed_ms: int | None = None
    value_nano_usd: int | None = None
    in_time: bool = False


_OPEN: Final = Standing()


def keep_outcomes(db: Database, outcomes: Sequence[Outcome], *, workflows: Mapping[str, Workflow]) -> None:
    """Write outcomes. One whose id its tenant has used before changes nothing."""
    rows = [
        (
            one.tenant,
            one.outcome_id,
            one.unit,
            one.capability,
            one.kind,
            int(one.success),
            one.value_nano_usd,
            one.at_ms,
            one.source,
            named({"workflow": one.workflow, "capability": one.capability}, workflows),
            one.supersedes,
            int(one.reversed),
            one.human_s,
            one.queue,
        )
        for one in outcomes
    ]
    insert(db, "outcome", columns=_KEPT, rows=rows, conflict="ON CONFLICT (tenant, outcome_id) DO NOTHING")


def named(outcome: Mapping[str, str | None], workflows: Mapping[str, Workflow]) -> str | None:
    """Return the workflow that an outcome speaks of, None for all of them. A capability speaks for the workflow that it belongs to."""
    workflow, capability = outcome["workflow"], outcome["capability"]
    if workflow or not capability:
        return workflow or None
    return next((name for name, one in workflows.items() if capability in one.capabilities), capability)


def standing(outcomes: Sequence[Row], opened_ms: int, *, workflow: Workflow) -> Standing:
    """Return what the outcomes of one unit say of it."""
    if not outcomes:
        return _OPEN
    counted = [one for one in outcomes if one["at_ms"] <= opened_ms + workflow.window_ms]
    superseded = {one["supersedes"] for one in counted}
    left = [one for one in counted if one["outcome_id"] not in superseded]
    if not left:
        return _OPEN
    last = max(left, key=lambda one: (one["at_ms"], one["recorded"]))
    is_useful = bool(last["success"]) if workflow.useful is None else last["kind"] in workflow.useful
    state = "reversed" if last["reversed"] else "useful" if is_useful else "failed"
    value = last["value_nano_usd"] if last["value_nano_usd"] is not None else workflow.value_nano_usd
    return Standing(
        state=state,
        kind=last["kind"],
        outcome_id=last["outcome_id"],
        closed_ms=last["at_ms"],
        value_nano_usd=value if state == "useful" else None,
        in_time=last["at_ms"] <= opened_ms + workflow.complete_ms,
    )
