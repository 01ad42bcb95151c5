"""
Limits and budgets: reserve before a call, settle after it, in one place for every surface, stream and failure.

Requests and tokens a minute are counted in a sliding window of two buckets: the minute before counts for the share of it that is still in
the window. Never more than the limit is admitted in one calendar minute, and never more than twice the limit in any sixty seconds.
Money is counted per calendar period (UTC). All limits of a call are reserved together or not at all.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pointsman.core.errors import OverBudget, OverLimit
from pointsman.core.principal import Limit, Period
from pointsman.intake.cells import Cells

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600
_DAY_S: Final = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One limit as it applies to one caller: the limit, and the names of its cells."""

    limit: Limit
    requests: str
    tokens: str
    money: str


def meter(limit: Limit, value: str) -> Meter:
    """Return the meter of a limit for those who share `value` of its `by`."""
    name = f"{limit.name}\0{value}\0"
    return Meter(limit=limit, requests=name + "r", tokens=name + "t", money=name + "m")


def period_start_s(period: Period, now_s: float) -> int:
    """Return the Unix second at which the calendar period of `now_s` began."""
    match period:
        case Period.HOUR:
            return int(now_s) // _HOUR_S * _HOUR_S
        case Period.DAY:
            return int(now_s) // _DAY_S * _DAY_S
        case Period.MONTH:
            day = datetime.fromtimestamp(now_s, UTC)
            return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())


class Meters:
    """Counts what has been used. Times are Unix seconds."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def reserve(self, meters: tuple[Meter, ...], *, tokens: int, cost_nano_usd: int, now_s: float) -> "Reservation":
        """Set aside one request, `tokens` and money under every meter. Raises `OverLimit` or `OverBudget` and sets nothing aside."""
        if not meters:
            return Reservation(self, (), tokens, cost_nano_usd, now_s)
        with self._cells.lock():
            changes: list[tuple[str, int, int, int]] = []
            for each in meters:
                self._check(each, tokens, cost_nano_usd, now_s, changes)
            for name, period, now, before in changes:
                self._cells.write(name, (period, now, before))
        return Reservation(self, meters, tokens, cost_nano_usd, now_s)

    def seed(self, each: Meter, spent_nano_usd: int, now_s: float) -> None:
        """Set what a budget had spent in this period before this process began."""
        with self._cells.lock():
            self._cells.write(each.money, (period_start_s(each.limit.period, now_s), spent_nano_usd, 0))

    def spent(self, each: Meter, now_s: float) -> int:
        """Return what is spent or reserved of a budget in this period, in nano-dollars."""
        period, spent, _ = self._cells.read(each.money)
        return spent if period == period_start_s(each.limit.period, now_s) else 0

    def adjust(self, meters: tuple[Meter, ...], *, tokens: int, cost_nano_usd: int, reserved_at_s: float) -> None:
        """Add the difference between what was reserved and what was used. A window that has passed since needs none."""
        minute = int(reserved_at_s // _MINUTE_S)
        with self._cells.lock():
            for each in meters:
                if each.limit.tokens_per_minute is not None and tokens:
                    self._add(each.tokens, minute, tokens)
                if each.limit.budget_nano_usd is not None and cost_nano_usd:
                    self._add(each.money, period_start_s(each.limit.period, reserved_at_s), cost_nano_usd)

    def _add(self, name: str, period: int, amount: int) -> None:
        found, now, before = self._cells.read(name)
        if found == period:
            self._cells.write(name, (period, max(now + amount, 0), before))
        elif found == period + 1:  # the next minute has begun: the correction belongs to the one before
            self._cells.write(name, (found, now, max(before + amount, 0)))

    def _check(self, each: Meter, tokens: int, cost_nano_usd: int, now_s: float, changes: list[tuple[str, int, int, int]]) -> None:
        limit = each.limit
        if limit.requests_per_minute is not None:
            changes.append(self._window(each.requests, 1, limit.requests_per_minute, now_s, (limit.name, "requests")))
        if limit.tokens_per_minute is not None:
            changes.append(self._window(each.tokens, tokens, limit.tokens_per_minute, now_s, (limit.name, "tokens")))
        if limit.budget_nano_usd is not None:
            start = period_start_s(limit.period, now_s)
            period, spent, _ = self._cells.read(each.money)
            spent = spent if period == start else 0
            if spent + cost_nano_usd > limit.budget_nano_usd:
                raise OverBudget(limit=limit.name, period=limit.period.value)
            changes.append((each.money, start, spent + cost_nano_usd, 0))

    def _window(self, name: str, amount: int, allowed: int, now_s: float, told: tuple[str, str]) -> tuple[str, int, int, int]:
        minute, into = divmod(now_s, _MINUTE_S)
        period, now, before = self._cells.read(name)
        if period != minute:
            now, before = 0, now if period == minute - 1 else 0
        if now + before * (1 - into / _MINUTE_S) + amount > allowed:
            raise OverLimit(limit=told[0], what=told[1], retry_after_s=max(_MINUTE_S - into, 1.0))
        return name, int(minute), now + amount, before


class Reservation:
    """What one call has set aside. Settle it once, whatever became of the call."""

    __slots__ = ("_cost", "_is_settled", "_meters", "_now_s", "_of", "_tokens")

    def __init__(self, of: Meters, meters: tuple[Meter, ...], tokens: int, cost_nano_usd: int, now_s: float) -> None:
        self._of = of
        self._meters = meters
        self._tokens = tokens
        self._cost = cost_nano_usd
        self._now_s = now_s
        self._is_settled = False

    def settle(self, tokens: int, cost_nano_usd: int | None) -> None:
        """Replace the estimate by what was used. An unknown cost stays at the estimate: unknown is not zero."""
        if self._is_settled or not self._meters:
            return
        self._is_settled = True
        cost = self._cost if cost_nano_usd is None else cost_nano_usd
        self._of.adjust(self._meters, tokens=tokens - self._tokens, cost_nano_usd=cost - self._cost, reserved_at_s=self._now_s)
