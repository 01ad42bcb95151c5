"""
A finished call → its spans, as values: who asked, the workflow, and each attempt, with their real times.

Pure: nothing of OpenTelemetry's own is needed to make them. No attribute holds what was said.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from pointsman.core.call import Sampling
from pointsman.core.entry import CallRecord, Entry
from pointsman.core.ids import span_id, trace_id
from pointsman.core.place import Place
from pointsman.core.target import Target
from pointsman.telemetry import conventions as named
from pointsman.telemetry.reading import CANCELLED, FAILED, OK, answered_by, ended, escalations, is_graded

SERVER: Final = "server"
INTERNAL: Final = "internal"
CLIENT: Final = "client"

CALL: Final = -1  # numbers of spans that are no attempt: see `core.ids.span_id`
WORKFLOW: Final = -2

_NS: Final = 1_000_000
_NANO_USD: Final = 1_000_000_000
_SPAN: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
_RANDOM_DIGITS: Final = 14  # of a trace id, the part that is random by the W3C's word
_OPERATIONS: Final[Mapping[str, str]] = {"embedding": "embeddings"}

Value = str | int | float | bool | tuple[str, ...]


class Span(Struct, frozen=True, kw_only=True):
    """A span: hexadecimal ids, times in Unix nanoseconds. `parent_is_remote` marks one whose parent is the caller's."""

    name: str
    kind: str
    trace: str
    span: str
    parent: str | None
    begun_ns: int
    ended_ns: int
    attributes: Mapping[str, Value]
    error: str | None = None
    parent_is_remote: bool = False


def is_sampled(record: CallRecord, share: float) -> bool:
    """Tell whether the spans of a call are sent: those of a share of all traces, of what failed, went a step up, was tried out, or the caller sampled."""
    is_notable = ended(record) not in {OK, CANCELLED} or record.mode != "policy" or bool(escalations(record))
    return is_notable or is_chosen(record.call_id, record.traceparent, share=share)


def is_chosen(call_id: str, traceparent: str | None, *, share: float) -> bool:
    """Tell whether a call belongs to the share of all traces that is sent, or to one that the caller samples."""
    if _is_sampled_by_caller(traceparent):
        return True
    return int(trace_id(call_id, traceparent)[-_RANDOM_DIGITS:], 16) < share * 16**_RANDOM_DIGITS


def spans_of(record: CallRecord, targets: Mapping[str, Target], *, semconv: str) -> tuple[Span, ...]:
    """Return the spans of a call, parents first. A target that is no longer configured is told by name only."""
    trace = trace_id(record.call_id, record.traceparent)
    begun_ns, ended_ns = record.started_ms * _NS, record.started_ms * _NS + round(record.latency_ms * _NS)
    parent, how = _parent(record.traceparent), ended(record)
    error = record.status if how == FAILED else None
    server = Span(
        name=f"POST {_route(record)}".strip(),
        kind=SERVER,
        trace=trace,
        span=span_id(record.call_id, CALL),
        parent=parent,
        parent_is_remote=parent is not None,
        begun_ns=begun_ns,
        ended_ns=ended_ns,
        attributes=_of_server(record, how),
        error=error,
    )
    workflow = Span(
        name=f"{named.INVOKE_WORKFLOW} {record.workflow}",
        kind=INTERNAL,
        trace=trace,
        span=span_id(record.call_id, WORKFLOW),
        parent=server.span,
        begun_ns=begun_ns,
        ended_ns=ended_ns,
        attributes=_of_workflow(record, how),
        error=error,
    )
    return (server, workflow, *(_of_attempt(record, entry, above=workflow, target=targets.get(entry.target), semconv=semconv) for entry in record.entries))


def attempt_attributes(entry: Entry, target: Target | None) -> dict[str, Value]:
    """Return the attributes that the span and the metrics of an attempt at a model share."""
    told: dict[str, Value] = {named.OPERATION: _OPERATIONS.get(entry.kind, "chat"), named.PROVIDER: "unknown"}
    if target is not None:
        told[named.REQUEST_MODEL] = target.model
        if target.vendor is not None:
            told[named.PROVIDER] = named.provider(target.vendor.kind)
            told.update(_address(target.vendor.base_url))
    if entry.error is not None and not is_graded(entry):
        told[named.ERROR_TYPE] = entry.error
    return told


def is_inference(entry: Entry) -> bool:
    """Tell whether an attempt asked a model."""
    return entry.place in {Place.EDGE, Place.PRIVATE, Place.CLOUD}


def _is_sampled_by_caller(told: str | None) -> bool:
    flags = (told or "").split("-")[3:4]
    try:
        return bool(flags) and bool(int(flags[0], 16) & 1)
    except ValueError:
        return False


def _parent(told: str | None) -> str | None:
    """Return the caller's span, if the trace is the caller's."""
    parts = (told or "").split("-")
    if len(parts) <= 3 or trace_id("", told) == "":  # noqa: PLR2004 - version, trace, span, flags
        return None
    return parts[2] if _SPAN.fullmatch(parts[2]) else None


def _route(record: CallRecord) -> str:
    return "" if record.dialect is None else named.ROUTES[record.dialect]


def _of_server(record: CallRecord, how: str) -> dict[str, Value]:
    told: dict[str, Value] = {"http.request.method": "POST", "http.route": _route(record), "url.path": _route(record), "pointsman.call.id": record.call_id}
    if how == OK:
        told["http.response.status_code"] = 200
    else:
        told[named.ERROR_TYPE] = record.status
    return {name: value for name, value in told.items() if value != ""}


def _of_workflow(record: CallRecord, how: str) -> dict[str, Value]:
    answering = answered_by(record)
    steps = escalations(record)
    told: dict[str, Value] = {
        named.OPERATION: named.INVOKE_WORKFLOW,
        named.WORKFLOW: record.workflow,
        "pointsman.workflow": record.workflow,
        "pointsman.capability": record.capability,
        "pointsman.unit.id": record.unit,
        "pointsman.policy.version": record.snapshot,
        "pointsman.route.reason": record.reason,
        "pointsman.route.mode": record.mode,
        "pointsman.route.propensity": record.propensity,
        "pointsman.route.candidates": tuple(f"{target}={code}" for target, code in record.considered),
        "pointsman.data.class": record.data_class,
        "pointsman.cache.outcome": "hit" if answering is not None and answering.place is Place.CACHE else "miss",
        "pointsman.placement": "" if answering is None else answering.place.value,
        "pointsman.escalation.from": tuple(before for before, _ in steps),
        "pointsman.tenant": record.tenant,
        named.CONVERSATION: record.session or "",
        named.ERROR_TYPE: "" if how == OK else record.status,
    }
    return {name: value for name, value in told.items() if value not in {"", ()}}


def _of_attempt(record: CallRecord, entry: Entry, *, above: Span, target: Target | None, semconv: str) -> Span:
    begun_ns = above.begun_ns + round(entry.begun_ms * _NS)
    told: dict[str, Value] = {
        "pointsman.placement": entry.place.value,
        "pointsman.target": entry.target,
        "pointsman.workflow": record.workflow,
        "pointsman.capability": record.capability,
        "pointsman.attempt.kind": entry.kind,
        "pointsman.attempt.shadow": entry.shadow,
    }
    if is_graded(entry):
        told["pointsman.grade"] = entry.error or ""
    model = "" if target is None else target.model
    name = f"{entry.kind} {entry.target}"
    if is_inference(entry):
        told.update(attempt_attributes(entry, target))
        told.update(_inference(record, entry, semconv=semconv))
        name = f"{told[named.OPERATION]} {model}".strip()
    return Span(
        name=name,
        kind=CLIENT if entry.place in {Place.PRIVATE, Place.CLOUD} else INTERNAL,
        trace=above.trace,
        span=span_id(record.call_id, entry.seq),
        parent=above.span,
        begun_ns=begun_ns,
        ended_ns=begun_ns + round(entry.latency_ms * _NS),
        attributes=told,
        error=None if is_graded(entry) else entry.error,
    )


def _inference(record: CallRecord, entry: Entry, *, semconv: str) -> dict[str, Value]:
    told: dict[str, Value] = {**_asked(record.sampling), **_answered(entry), **_used(entry, semconv), **_cost(entry), "gen_ai.request.stream": record.stream}
    if record.session:
        told[named.CONVERSATION] = record.session
    return told


def _asked(sampling: Sampling | None) -> dict[str, Value]:
    if sampling is None:
        return {}
    told = {
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.top_k": sampling.top_k,
        "gen_ai.request.reasoning.level": sampling.effort,
    }
    return {name: value for name, value in told.items() if value is not None}


def _answered(entry: Entry) -> dict[str, Value]:
    told: dict[str, Value] = {}
    if entry.first_byte_ms is not None:
        told[named.FIRST_CHUNK] = entry.first_byte_ms / 1000
    if entry.told is not None:
        told.update({name: value for name, value in ((named.RESPONSE_MODEL, entry.told.model), (named.RESPONSE_ID, entry.told.reply_id)) if value})
        if entry.told.finish is not None:
            told[named.FINISH_REASONS] = (named.FINISHED[entry.told.finish],)
    return told


def _used(entry: Entry, semconv: str) -> dict[str, Value]:
    usage = entry.usage
    if usage is None:
        return {}
    told: dict[str, Value] = {named.INPUT_TOKENS: usage.tokens_in, named.OUTPUT_TOKENS: usage.tokens_out, "pointsman.usage.estimated": entry.estimated}
    if usage.cache_read:
        told[named.CACHE_READ_TOKENS] = usage.cache_read
    if usage.cache_write:
        told.update(dict.fromkeys(named.names("cache_write_tokens", semconv), usage.cache_write))
    if usage.reasoning:
        told[named.REASONING_TOKENS] = usage.reasoning
    return told


def _cost(entry: Entry) -> dict[str, Value]:
    """Return the cost, on spans of inference only, so that a sum over spans counts nothing twice. What is unknown is not told."""
    if entry.cost_nano_usd is None:
        return {}
    return {
        "pointsman.cost.amount": entry.cost_nano_usd / _NANO_USD,
        "pointsman.cost.currency": "USD",
        "pointsman.cost.source": "provider" if entry.price_id == "vendor-reported" else "local",
        "pointsman.cost.nano_usd": entry.cost_nano_usd,
        "pointsman.cost.price_id": entry.price_id or "",
    }


def _address(base_url: str) -> dict[str, Value]:
    parts = urlsplit(base_url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return {"server.address": parts.hostname or "", **({} if port is None else {"server.port": port})}
