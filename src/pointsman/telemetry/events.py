"""
What is told of a call after it ended, as events of OpenTelemetry: how good the answer was, and, where that is allowed, what was said.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.entry import Outcome
from pointsman.core.ids import span_id, trace_id
from pointsman.telemetry import conventions as named
from pointsman.telemetry.spans import CALL, Value

_NS: Final = 1_000_000
_LAST_NS: Final = 2**63 - 1  # what an event can say: whoever tells of an outcome may name any time


class Event(Struct, frozen=True, kw_only=True):
    """An event at a Unix time in nanoseconds; `trace` and `span` (hexadecimal) are the call it speaks of, empty if it speaks of none."""

    name: str
    at_ns: int
    attributes: Mapping[str, Value]
    trace: str = ""
    span: str = ""


class Evaluation(Struct, frozen=True, kw_only=True):
    """
    How good the answer to a call was: a judge's score, or a person's review.

    `value` is between 0 and 1, `label` a word such as `approved`, `judge` who says so. `trace` is the call's trace, where it joined its caller's; `seq` the
    attempt that is judged, the whole call by default.
    """

    call_id: str
    name: str
    at_ms: int
    workflow: str
    value: float | None = None
    label: str = ""
    judge: str = ""
    trace: str | None = None
    seq: int = CALL
    reply_id: str = ""


def of_evaluation(told: Evaluation) -> Event:
    """Return the event of an evaluation."""
    return Event(
        name=named.EVALUATION,
        at_ns=min(told.at_ms * _NS, _LAST_NS),
        trace=told.trace or trace_id(told.call_id, None),
        span=span_id(told.call_id, told.seq),
        attributes=_told(
            told.name, told.value, label=told.label, **{named.RESPONSE_ID: told.reply_id, "pointsman.workflow": told.workflow, "pointsman.judge": told.judge}
        ),
    )


def of_outcome(outcome: Outcome) -> Event:
    """Return the event of an outcome. It speaks of a unit, which may be many calls, so it belongs to no span."""
    label = "reversed" if outcome.reversed else "useful" if outcome.success else "failed"
    more = {"pointsman.unit.id": outcome.unit, "pointsman.workflow": outcome.workflow or outcome.capability or "", "pointsman.outcome.source": outcome.source}
    value = float(outcome.success and not outcome.reversed)
    return Event(name=named.EVALUATION, at_ns=min(outcome.at_ms * _NS, _LAST_NS), attributes=_told(f"outcome.{outcome.kind}", value, label=label, **more))


def of_content(call_id: str, traceparent: str | None, *, at_ms: int, said: Mapping[str, str]) -> Event:
    """Return the event that holds what was said: `said` maps an attribute (`gen_ai.input.messages`, `gen_ai.output.messages`) to JSON text."""
    return Event(
        name=named.DETAILS,
        at_ns=at_ms * _NS,
        trace=trace_id(call_id, traceparent),
        span=span_id(call_id, CALL),
        attributes={named.OPERATION: "chat", **said},
    )


def _told(name: str, value: float | None, *, label: str, **more: str) -> Mapping[str, Value]:
    told: dict[str, Value] = {"gen_ai.evaluation.name": name}
    if value is not None:
        told["gen_ai.evaluation.score.value"] = value
    told.update({key: text for key, text in (("gen_ai.evaluation.score.label", label), *more.items()) if text})
    return told
