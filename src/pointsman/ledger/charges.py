"""
Licences: what is paid by the month whatever is done with it, charged by the day.

A month's days add up to the month's price to the nano-dollar. A day is charged once, however often and by however many processes it is asked for.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from pointsman.core.money import nano
from pointsman.ledger.writer import Ledger
from pointsman.settings.costs_shape import Licence
from pointsman.storage.batch import Batch, Charge

_SECOND_MS: Final = 1000
_DAY_MS: Final = 86_400_000
_MOST_DAYS: Final = 400  # how far back a gateway that was off makes up for it


class Charges:
    """Charges licences. `accrue` is called now and then; what it has done is in the ledger."""

    def __init__(self, ledger: Ledger, licences: Mapping[str, Licence]) -> None:
        self._ledger = ledger
        self._licences = licences

    async def accrue(self, now_ms: int) -> None:
        """Charge the days that are due: those of this month, and those since the last that was charged. Raises `LedgerUnavailable`."""
        due: list[Charge] = []
        for name, licence in self._licences.items():
            last_ms = self._ledger.last_charged(_source(name), now_ms - _MOST_DAYS * _DAY_MS)
            month_ms = _month_start(now_ms)
            since_ms = month_ms if last_ms is None else min(month_ms, last_ms + _DAY_MS)
            due += licence_charges(name, licence, since_ms=since_ms, until_ms=now_ms)
        await self._ledger.record(Batch(charges=due))


def licence_charges(name: str, licence: Licence, *, since_ms: int, until_ms: int) -> Iterator[Charge]:
    """Return a charge for each day (UTC) that begins in a span of time, from a day's start on, the end included."""
    price = nano(licence.usd_per_month)
    for day_ms in range(since_ms // _DAY_MS * _DAY_MS, until_ms + 1, _DAY_MS):
        day = datetime.fromtimestamp(day_ms / _SECOND_MS, tz=UTC).date()
        days = monthrange(day.year, day.month)[1]
        yield Charge(
            charge_id=f"licence/{name}/{day.isoformat()}",
            at_ms=day_ms,
            kind="licence",
            nano_usd=price * day.day // days - price * (day.day - 1) // days,
            workflow=licence.workflow or "",
            source=_source(name),
        )


def _source(name: str) -> str:
    return f"licence:{name}"


def _month_start(now_ms: int) -> int:
    day = datetime.fromtimestamp(now_ms / _SECOND_MS, tz=UTC)
    return now_ms // _DAY_MS * _DAY_MS - (day.day - 1) * _DAY_MS
