"""
What became of units and how good calls were, as telemetry is told of it once it is on record.
"""

from collections.abc import Collection, Mapping
from typing import Final

from pointsman.app.business import Known
from pointsman.app.telemetry import Telemetry
from pointsman.core.entry import Outcome
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Review, Score
from pointsman.storage.outcomes import named
from pointsman.telemetry.events import Evaluation

# Verdicts whose word among the figures is another.
_WORDS: Final[Mapping[str, str]] = {"accepted": "approved", "rerouted": "escalated"}


def tell_outcomes(telemetry: Telemetry, outcomes: Collection[Outcome], *, workflows: Mapping[str, Workflow]) -> None:
    """Tell of outcomes. One that names neither workflow nor capability counts for no workflow."""
    for one in outcomes:
        telemetry.outcome(one, workflow=named({"workflow": one.workflow, "capability": one.capability}, workflows) or "")


def tell_judgements(telemetry: Telemetry, judged: Collection[Review | Score], *, calls: Mapping[str, Known]) -> None:
    """Tell of scores, and of reviews that are done; who reviewed is not told. `calls` are those that are judged."""
    for one in judged:
        call = calls[one.call_id]
        if isinstance(one, Score):
            telemetry.evaluation(
                Evaluation(
                    call_id=one.call_id,
                    name=one.metric,
                    at_ms=one.at_ms,
                    workflow=call.workflow,
                    value=one.value,
                    label=one.label or "",
                    judge=one.judge,
                    trace=call.trace_id,
                )
            )
        elif one.verdict is not None:
            label = _WORDS.get(one.verdict, one.verdict)
            telemetry.review(Evaluation(call_id=one.call_id, name="review", at_ms=one.done_ms or 0, workflow=call.workflow, label=label, trace=call.trace_id))
