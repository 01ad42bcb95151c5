"""
`POST /v1/outcomes`: a late fact about a business unit.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from pointsman.core.entry import Outcome
from pointsman.core.errors import BadRequest, NotPermitted
from pointsman.core.money import nano
from pointsman.core.principal import Principal, Scope
from pointsman.surfaces.names import checked

_MOST_USD: Final = 10**9
_LAST_MS: Final = 253_402_300_799_999  # the year 9999


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    unit: str
    kind: str
    success: bool = True
    id: str | None = None
    capability: str | None = None
    value_usd: Decimal | None = None
    at_ms: int | None = None
    source: str = "application"


def read_outcome(body: bytes, principal: Principal, *, new_id: Callable[[], str], now_ms: int) -> Outcome:
    """
    Read an outcome: `unit` and `kind` are required, `success` defaults to true, `id` makes a repeated report count once.

    Raises `NotPermitted` without the scope `outcomes`, `BadRequest` with the field at fault.
    """
    if Scope.OUTCOMES not in principal.key.scopes:
        raise NotPermitted(what="`POST /v1/outcomes` (scope `outcomes`)", who=principal.key.key_id)
    try:
        told = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The outcome cannot be read: {error}. Send at least `unit` and `kind`.") from error
    for name, text in (("unit", told.unit), ("kind", told.kind), ("id", told.id), ("capability", told.capability), ("source", told.source)):
        if text is not None:
            checked(text, field=name)
    if told.at_ms is not None and not 0 <= told.at_ms <= _LAST_MS:
        raise BadRequest("`at_ms` is no time. Send Unix milliseconds.", field="at_ms")
    if told.value_usd is not None and not (told.value_usd.is_finite() and -_MOST_USD <= told.value_usd <= _MOST_USD):
        raise BadRequest("`value_usd` must be a number of US dollars, a billion at most.", field="value_usd")
    return Outcome(
        unit=told.unit,
        outcome_id=new_id() if told.id is None else told.id,
        kind=told.kind,
        success=told.success,
        at_ms=told.at_ms if told.at_ms is not None else now_ms,
        tenant=principal.key.tenant,
        capability=told.capability,
        value_nano_usd=None if told.value_usd is None else nano(told.value_usd),
        source=told.source,
    )
