"""
Limits and budgets: reserve before a call, settle after it, in one place for every surface, stream and failure.

Requests and tokens a minute are counted in a sliding window of two buckets: the minute before counts for the share of it that is still in
the window. Never more than the limit is admitted in one calendar minute, and never more than twice the limit in any sixty seconds.
Money is counted per calendar period (UTC). All limits of a call are reserved together or not at all. Time does not run backwards: a worker
that read its clock just before a minute which another has begun counts in that minute.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from pointsman.core.errors import Failed
from pointsman.core.principal import Limit, Period
from pointsman.intake.cells import Cell, Cells
from pointsman.intake.errors import OverBudget, OverLimit

_MINUTE_S: Final = 60
_DAY_S: Final = 86400
_LASTS_S: Final = {Period.HOUR: 3600, Period.DAY: _DAY_S, Period.MONTH: 31 * _DAY_S}
_CLOCK: Final = "\0clock"  # the cell that holds the latest minute seen


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
    if period is Period.MONTH:
        return _month_start_s(int(now_s // _DAY_S))
    return int(now_s) // _LASTS_S[period] * _LASTS_S[period]


@lru_cache(maxsize=4)
def _month_start_s(day: int) -> int:
    date = datetime.fromtimestamp(day * _DAY_S, UTC)
    return int(date.replace(day=1).timestamp())


def lapses_s(period: Period, start_s: int) -> int:
    """Return a Unix second by which the calendar period that began at `start_s` is over."""
    return start_s + _LASTS_S[period]


class Meters:
    """
    Counts what has been used. Times are Unix seconds.

    What a call gives back is written with the next reservation, under one lock for both (ADR 0009). So that other workers need not wait for that,
    `settle` is called a few dozen times a second: for them a call ends up to that much later.
    """

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._unsettled: list[tuple[tuple[Meter, ...], int, int, float]] = []

    def reserve(self, meters: tuple[Meter, ...], *, tokens: int, cost_nano_usd: int, now_s: float) -> "Reservation":
        """Set aside one request, `tokens` and money under every meter. Raises `OverLimit`, `OverBudget` or `Failed` and sets nothing aside."""
        if not meters:
            return Reservation(self, (), tokens=tokens, cost_nano_usd=cost_nano_usd, now_s=now_s)
        with self._cells.lock():
            self._write_unsettled()
            now_s = self._in_order(now_s)
            changes: list[tuple[str, Cell]] = []
            for each in meters:
                self._check(each, tokens, cost_nano_usd=cost_nano_usd, now_s=now_s, changes=changes)
            self._write(changes, {"r": 1, "t": tokens, "m": cost_nano_usd}, now_s=now_s)
        return Reservation(self, meters, tokens=tokens, cost_nano_usd=cost_nano_usd, now_s=now_s)

    def seed(self, each: Meter, spent_nano_usd: int, *, now_s: float) -> None:
        """Tell what a budget had spent in this period before this process began. What is known already is not forgotten."""
        with self._cells.lock():
            self._write_unsettled()
            start, spent = self._money(each, now_s)
            self._cells.write(each.money, (start, max(spent, spent_nano_usd), 0, lapses_s(each.limit.period, start)), now_s=now_s)

    def spent(self, each: Meter, now_s: float) -> int:
        """Return what is spent or reserved of a budget in this period, in nano-dollars."""
        self.settle()
        return self._money(each, now_s)[1]

    def held(self, each: Meter, now_s: float) -> int:
        """Return the same without writing anything, for any thread: calls that have just ended may still count as they were reserved."""
        return self._money(each, now_s)[1]

    def adjust(self, meters: tuple[Meter, ...], *, tokens: int, cost_nano_usd: int, reserved_at_s: float) -> None:
        """Add the difference between what was reserved and what was used. A window that has passed since needs none."""
        self._unsettled.append((meters, tokens, cost_nano_usd, reserved_at_s))

    def settle(self) -> None:
        """Write what calls that have ended gave back."""
        if self._unsettled:
            with self._cells.lock():
                self._write_unsettled()

    def _write(self, changes: list[tuple[str, Cell]], amounts: Mapping[str, int], *, now_s: float) -> None:
        written = 0
        try:
            for name, cell in changes:
                self._cells.write(name, cell, now_s=now_s)
                written += 1
        except Failed:  # no room for a new name: what stands already is taken back, or refused calls would use up the others' money
            for name, (start, now, before, until_s) in changes[:written]:
                self._cells.write(name, (start, now - amounts[name[-1]], before, until_s), now_s=now_s)
            raise

    def _write_unsettled(self) -> None:
        unsettled, self._unsettled = self._unsettled, []
        for meters, tokens, cost_nano_usd, reserved_at_s in unsettled:
            minute_s = int(reserved_at_s) // _MINUTE_S * _MINUTE_S
            for each in meters:
                if each.limit.tokens_per_minute is not None and tokens:
                    self._add(each.tokens, minute_s, amount=tokens)
                if each.limit.budget_nano_usd is not None and cost_nano_usd:
                    self._add(each.money, period_start_s(each.limit.period, reserved_at_s), amount=cost_nano_usd)

    def _add(self, name: str, period: int, *, amount: int) -> None:
        found, now, before, until_s = self._cells.read(name)
        if found == period:
            self._cells.write(name, (found, max(now + amount, 0), before, until_s), now_s=period)
        elif found == period + _MINUTE_S:  # the next minute has begun: the correction belongs to the one before
            self._cells.write(name, (found, now, max(before + amount, 0), until_s), now_s=period)

    def _check(self, each: Meter, tokens: int, *, cost_nano_usd: int, now_s: float, changes: list[tuple[str, Cell]]) -> None:
        limit = each.limit
        if limit.requests_per_minute is not None:
            changes.append((each.requests, self._window(each.requests, 1, allowed=limit.requests_per_minute, now_s=now_s, told=(limit.name, "requests"))))
        if limit.tokens_per_minute is not None:
            changes.append((each.tokens, self._window(each.tokens, tokens, allowed=limit.tokens_per_minute, now_s=now_s, told=(limit.name, "tokens"))))
        if limit.budget_nano_usd is not None:
            start, spent = self._money(each, now_s)
            if spent + cost_nano_usd > limit.budget_nano_usd:
                raise OverBudget(limit=limit.name, period=limit.period.value)
            changes.append((each.money, (start, spent + cost_nano_usd, 0, lapses_s(limit.period, start))))

    def _money(self, each: Meter, now_s: float) -> tuple[int, int]:
        start = period_start_s(each.limit.period, now_s)
        found, spent, _, _ = self._cells.read(each.money)
        return start, spent if found == start else 0

    def _in_order(self, now_s: float) -> float:
        minute_s = int(now_s) // _MINUTE_S * _MINUTE_S
        latest = self._cells.read(_CLOCK)[0]
        if minute_s < latest <= now_s + _MINUTE_S:
            return float(latest)
        if latest != minute_s:
            self._cells.write(_CLOCK, (minute_s, 0, 0, minute_s + 2 * _MINUTE_S), now_s=now_s)
        return now_s

    def _window(self, name: str, amount: int, *, allowed: int, now_s: float, told: tuple[str, str]) -> Cell:
        minute_s = int(now_s) // _MINUTE_S * _MINUTE_S
        into_s = now_s - minute_s
        found, now, before, _ = self._cells.read(name)
        if found != minute_s:
            now, before = 0, now if found == minute_s - _MINUTE_S else 0
        if now + before * (1 - into_s / _MINUTE_S) + amount > allowed:
            raise OverLimit(limit=told[0], what=told[1], retry_after_s=_wait_s(now, before, room=allowed - amount, into_s=into_s))
        return minute_s, now + amount, before, minute_s + 2 * _MINUTE_S


def _wait_s(now: int, before: int, *, room: int, into_s: float) -> float | None:
    """Return in how many whole seconds there is room if nobody else comes, or None if there never will be."""
    if room < 0:
        return None
    if now <= room:  # enough of the minute before must leave the window
        return math.floor(_MINUTE_S * (1 - (room - now) / before) - into_s) + 1.0
    # This minute must end, and enough of it leave the window.
    return math.floor(_MINUTE_S - into_s + _MINUTE_S * (1 - room / now)) + 1.0


class Reservation:
    """What one call has set aside. Settle it once, whatever became of the call."""

    __slots__ = ("_cost", "_is_settled", "_meters", "_now_s", "_of", "_tokens")

    def __init__(self, of: Meters, meters: tuple[Meter, ...], *, tokens: int, cost_nano_usd: int, now_s: float) -> None:
        self._of = of
        self._meters = meters
        self._tokens = tokens
        self._cost = cost_nano_usd
        self._now_s = now_s
        self._is_settled = False

    def settle(self, tokens: int | None, cost_nano_usd: int | None) -> None:
        """Replace the estimates by what was used. What is unknown stays at its estimate: unknown is not zero."""
        if self._is_settled or not self._meters:
            return
        self._is_settled = True
        used = self._tokens if tokens is None else tokens
        cost = self._cost if cost_nano_usd is None else cost_nano_usd
        self._of.adjust(self._meters, tokens=used - self._tokens, cost_nano_usd=cost - self._cost, reserved_at_s=self._now_s)
