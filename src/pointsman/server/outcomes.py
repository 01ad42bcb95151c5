"""
`POST /v1/outcomes`: late facts about business units, one or many at a time.
"""

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from pointsman.core.entry import Outcome
from pointsman.core.errors import BadRequest, NotPermitted
from pointsman.core.money import nano
from pointsman.core.principal import Principal, Scope
from pointsman.surfaces.names import checked

MOST: Final = 1_000
_MOST_USD: Final = 10**6  # sums of nano-dollars have 63 bits: thousands of the greatest must fit
_MOST_MINUTES: Final = 60 * 24 * 31
LAST_MS: Final = 253_402_300_799_999  # the year 9999

_T = TypeVar("_T")


class ToldOutcome(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An outcome as an application tells it."""

    unit: str
    kind: str
    success: bool = True
    id: str | None = None
    workflow: str | None = None
    capability: str | None = None
    value_usd: Decimal | None = None
    at_ms: int | None = None
    source: str = "application"
    supersedes: str | None = None
    reversed: bool = False
    human_minutes: float | None = None
    queue: str | None = None


class Answered(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What became of one of many."""

    recorded: bool
    id: str | None = None
    field: str | None = None
    message: str | None = None


class _Many(msgspec.Struct):
    outcomes: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    reviews: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    scores: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


def check_scope(principal: Principal, route: str) -> None:
    """Raise `NotPermitted` for a key without the scope `outcomes`."""
    if Scope.OUTCOMES not in principal.key.scopes:
        raise NotPermitted(what=f"`POST {route}` (scope `outcomes`)", who=principal.key.key_id)


def many_of(body: bytes, name: str) -> list[bytes] | None:
    """Return the parts of a body that holds a list of this name; None for any other body. Raises `BadRequest` for too many or none."""
    try:
        told = msgspec.json.decode(body, type=_Many)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    parts = getattr(told, name)
    if parts is msgspec.UNSET:
        return None
    if not 1 <= len(parts) <= MOST:
        raise BadRequest(f"`{name}` must hold 1 to {MOST:,} of them. Send them in several requests.", field=name)
    return [bytes(part) for part in parts]


def read_each(parts: Sequence[bytes], read: Callable[[bytes], _T]) -> tuple[list[_T | None], list[Answered]]:
    """Return what can be read of each part, and what to answer to those that cannot."""
    found: list[_T | None] = []
    answers: list[Answered] = []
    for part in parts:
        try:
            found.append(read(part))
            answers.append(Answered(recorded=True))
        except BadRequest as error:
            found.append(None)
            answers.append(Answered(recorded=False, field=error.field, message=error.message))
    return found, answers


def decoded(body: bytes, shape: type[_T], *, what: str, least: str) -> _T:
    """Read a body. Raises `BadRequest`; `least` names the fields that must be there."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The {what} cannot be read: {error}. Send at least {least}.") from error


def checked_names(told: object, *names: str) -> None:
    """Raise `BadRequest` for a text that is empty, long or not printable."""
    for name in names:
        text: Any = getattr(told, name)
        if text is not None:
            checked(text, field=name)


def checked_time(told: int | None, *, field: str) -> int | None:
    """Return Unix milliseconds. Raises `BadRequest`."""
    if told is not None and not 0 <= told <= LAST_MS:
        raise BadRequest(f"`{field}` is no time. Send Unix milliseconds.", field=field)
    return told


def checked_usd(told: Decimal | None, *, field: str) -> int | None:
    """Return nano-dollars. Raises `BadRequest`."""
    if told is None:
        return None
    if not (told.is_finite() and -_MOST_USD <= told <= _MOST_USD):
        raise BadRequest(f"`{field}` must be a number of US dollars, a million at most.", field=field)
    return nano(told)


def checked_minutes(told: float | None, *, field: str) -> float | None:
    """Return seconds. Raises `BadRequest`."""
    if told is None:
        return None
    if not 0 <= told <= _MOST_MINUTES:
        raise BadRequest(f"`{field}` must be minutes of work, 0 to a month of them.", field=field)
    return told * 60


def read_outcome(body: bytes, principal: Principal, *, new_id: Callable[[], str], now_ms: int, workflows: Collection[str]) -> Outcome:
    """
    Read an outcome: `unit` and `kind` are required, `success` defaults to true, `id` makes a repeated report count once.

    Raises `BadRequest` with the field at fault.
    """
    told = decoded(body, ToldOutcome, what="outcome", least="`unit` and `kind`")
    return outcome_of(told, tenant=principal.key.tenant, new_id=new_id, now_ms=now_ms, workflows=workflows)


def outcome_of(told: ToldOutcome, *, tenant: str, new_id: Callable[[], str], now_ms: int, workflows: Collection[str]) -> Outcome:
    """Return what is told as it is kept. Raises `BadRequest` with the field at fault."""
    checked_names(told, "unit", "kind", "id", "workflow", "capability", "source", "supersedes", "queue")
    if told.workflow is not None and told.workflow not in workflows:
        raise BadRequest(f"There is no workflow `{told.workflow}`. Name one from `workflows` in the configuration, or a `capability`.", field="workflow")
    if told.supersedes is not None and told.supersedes == told.id:
        raise BadRequest("An outcome cannot supersede itself. Give it an `id` of its own.", field="supersedes")
    at_ms = checked_time(told.at_ms, field="at_ms")
    return Outcome(
        unit=told.unit,
        outcome_id=new_id() if told.id is None else told.id,
        kind=told.kind,
        success=told.success,
        at_ms=now_ms if at_ms is None else at_ms,
        tenant=tenant,
        capability=told.capability,
        value_nano_usd=checked_usd(told.value_usd, field="value_usd"),
        source=told.source,
        workflow=told.workflow,
        supersedes=told.supersedes,
        reversed=told.reversed,
        human_s=checked_minutes(told.human_minutes, field="human_minutes"),
        queue=told.queue,
    )
