"""
`POST /v1/reviews` and `POST /v1/scores`: what people and judges say of the quality of calls.
"""

from collections.abc import Callable, Container
from decimal import Decimal
from typing import Literal

import msgspec

from pointsman.core.errors import BadRequest
from pointsman.core.principal import Principal
from pointsman.server.outcomes import checked_minutes, checked_names, checked_time, checked_usd, decoded
from pointsman.storage.batch import Review, Score


class ToldReview(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A review as an application or a person tells it."""

    call_id: str
    id: str | None = None
    verdict: Literal["accepted", "edited", "rejected", "rerouted"] | None = None
    queue: str | None = None
    reason: str | None = None
    selection_propensity: float = 1.0
    assigned_ms: int | None = None
    done_ms: int | None = None
    reviewer: str | None = None
    edit_distance: float | None = None
    severity: str | None = None
    human_minutes: float | None = None
    cost_usd: Decimal | None = None


class ToldScore(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A score as a judge tells it."""

    call_id: str
    metric: str
    judge: str
    value: float
    id: str | None = None
    label: str | None = None
    is_human: bool = False
    selection_propensity: float = 1.0
    at_ms: int | None = None


def read_review(body: bytes, principal: Principal, *, new_id: Callable[[], str], now_ms: int) -> Review:
    """Read a review: `call_id` is required. One with a `verdict` is done, now if it does not say when. Raises `BadRequest` with the field at fault."""
    told = decoded(body, ToldReview, what="review", least="`call_id` and `verdict`")
    checked_names(told, "call_id", "id", "queue", "reason", "reviewer", "severity")
    tenant = principal.key.tenant
    done_ms = checked_time(told.done_ms, field="done_ms")
    return Review(
        # An id belongs to its tenant: nobody can write over another's.
        review_id=f"{tenant}/{new_id() if told.id is None else told.id}",
        call_id=told.call_id,
        tenant=tenant,
        queue=told.queue or "",
        reason=told.reason or "",
        selection_propensity=_share(told.selection_propensity, field="selection_propensity", least=1e-9),
        assigned_ms=checked_time(told.assigned_ms, field="assigned_ms"),
        done_ms=now_ms if done_ms is None and told.verdict is not None else done_ms,
        reviewer=told.reviewer,
        verdict=told.verdict,
        edit_distance=None if told.edit_distance is None else _share(told.edit_distance, field="edit_distance"),
        severity=told.severity,
        seconds=checked_minutes(told.human_minutes, field="human_minutes"),
        nano_usd=_cost(told.cost_usd),
    )


def _cost(told: Decimal | None) -> int | None:
    """Return what a review cost in nano-dollars. Raises `BadRequest` for a cost below zero: it would make other work cheaper."""
    cost = checked_usd(told, field="cost_usd")
    if cost is not None and cost < 0:
        raise BadRequest("`cost_usd` must not be below zero.", field="cost_usd")
    return cost


def read_score(body: bytes, principal: Principal, *, new_id: Callable[[], str], now_ms: int) -> Score:
    """Read a score from 0 to 1: `call_id`, `metric`, `judge` and `value` are required. Raises `BadRequest` with the field at fault."""
    told = decoded(body, ToldScore, what="score", least="`call_id`, `metric`, `judge` and `value`")
    checked_names(told, "call_id", "id", "metric", "judge", "label")
    at_ms = checked_time(told.at_ms, field="at_ms")
    return Score(
        score_id=f"{principal.key.tenant}/{new_id() if told.id is None else told.id}",
        call_id=told.call_id,
        at_ms=now_ms if at_ms is None else at_ms,
        metric=told.metric,
        judge=told.judge,
        value=_share(told.value, field="value"),
        label=told.label,
        is_human=told.is_human,
        selection_propensity=_share(told.selection_propensity, field="selection_propensity", least=1e-9),
    )


def check_call(call_id: str, known: Container[str]) -> None:
    """Raise `BadRequest` for a call that is not on record, or is another tenant's."""
    if call_id not in known:
        raise BadRequest(
            f"There is no call `{call_id}` on record. Send the `x-request-id` of an answer to a key of this tenant; it is on record a moment after its end.",
            field="call_id",
        )


def _share(told: float, *, field: str, least: float = 0.0) -> float:
    if not least <= told <= 1:
        raise BadRequest(f"`{field}` must be a number from {'more than 0' if least else '0'} to 1.", field=field)
    return told
