"""
From a call that has ended to the record of what was said in it: how much of it, and for how long, as the configuration and the verdict allow.
"""

from collections.abc import Callable
from typing import Final

from pointsman.core.ids import timestamp_ms
from pointsman.core.principal import Principal
from pointsman.core.verdict import Keeping, Verdict
from pointsman.ledger.content.records import ContentRecord
from pointsman.settings.retention_compile import Retention

_SECOND_MS: Final = 1000

# How much may be kept → request and answer in that form: as they were, or filtered as they went out. Asked only when something is kept.
Said = Callable[[Keeping], tuple[bytes | None, bytes | None]]


def record_of(call_id: str, principal: Principal, *, unit: str | None, verdict: Verdict, retention: Retention, said: Said) -> ContentRecord | None:
    """Return what is to be kept of a call, or None. A hash is made of what was said, not of its filtered form."""
    kept = retention.under(verdict)
    if kept.keeping is Keeping.NOTHING:
        return None
    request, answer = said(Keeping.FULL if kept.keeping is Keeping.HASH else kept.keeping)
    return ContentRecord(
        call_id=call_id,
        tenant=principal.key.tenant,
        subject=principal.user,
        unit=unit,
        label=verdict.label,
        request=request,
        answer=answer,
        keeping=kept.keeping,
        until_ms=timestamp_ms(call_id) + kept.content_s * _SECOND_MS,
    )
