"""
Budgets: what is spent and committed of each, what will be spent until its period ends, and what is to be said about it.

A budget counts calls as its limit does: of one key, tenant, team, application, user or capability. Speaking once and delivering belong to others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.control.finops.forecast import PACE, Backtest, Expected, backtest, expected
from pointsman.control.finops.sentences import amount
from pointsman.control.finops.series import begun, by_day, by_hour
from pointsman.control.finops.span import DAY_MS, HOUR_MS, Span, month_of
from pointsman.control.finops.spoken import BUDGET, BURN, Spoken
from pointsman.storage.sql import Database

SHARES: Final = (0.5, 0.8, 1.0)
# What live meters hold of a budget: its name, and who → nano-dollars spent or reserved.
Held = Callable[[str, str], int]
_HISTORY_DAYS: Final = 84
_BURN_HOURS: Final = 72


class BurnRule(Struct, frozen=True, kw_only=True):
    """
    Money flows `rate` times as fast as the budget lasts, over `hours` and, so that it stops speaking when it is over, over the last `recent_hours`.

    Rate 6 over six hours is 5 % of a month's budget; rate 2 over three days a fifth.
    """

    name: str
    hours: int
    recent_hours: int
    rate: float


BURN_RULES: Final = (BurnRule(name="fast", hours=6, recent_hours=1, rate=6.0), BurnRule(name="slow", hours=72, recent_hours=6, rate=2.0))


class Budget(Struct, frozen=True, kw_only=True):
    """An amount for a calendar period (`hour`, `day` or `month`, UTC). `by` is whose calls count together; `only` names one of them, else each has its own."""

    name: str
    by: str
    nano_usd: int
    period: str = "month"
    only: str | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """
    How one budget stands. `committed_nano_usd` is reserved by calls under way; None where only the ledger was asked. `forecast` is of the whole period: what
    is spent and what is to come.

    `burn` is how many times as fast as the budget lasts money flowed, by name of the rule: over its hours, and over the recent ones.
    """

    budget: Budget
    subject: str
    period: Span
    spent_nano_usd: int
    committed_nano_usd: int | None = None
    forecast: Expected | None = None
    backtest: Backtest | None = None
    burn: Mapping[str, tuple[float, float]] = {}

    @property
    def used_nano_usd(self) -> int:
        """Spent, and committed as far as that is known."""
        return self.spent_nano_usd + (self.committed_nano_usd or 0)

    @property
    def used_share(self) -> float:
        """Spent and committed, as a share of the budget."""
        return self.used_nano_usd / self.budget.nano_usd if self.budget.nano_usd else 1.0

    @property
    def forecast_share(self) -> float | None:
        """What will be spent, as a share of the budget."""
        return self.forecast.nano_usd / self.budget.nano_usd if self.forecast and self.budget.nano_usd else None


def standings(db: Database, budgets: Iterable[Budget], *, now_ms: int, held: Held | None = None) -> list[Standing]:
    """
    Return how each budget stands now, the most used first. With `held`, from the meters of a running gateway, also what calls under way reserve.

    A budget for each value of `by` stands once for each that spent something in the period.
    """
    found: list[Standing] = []
    for budget in budgets:
        found += _by_months(db, budget, now_ms=now_ms) if budget.period == "month" else _by_pace(db, budget, now_ms=now_ms)
    known = found if held is None else [replace(one, committed_nano_usd=_committed(one, held)) for one in found]
    return sorted(known, key=lambda one: (-one.used_share, one.budget.name, one.subject))


def alerts(standing: Standing, *, shares: Sequence[float] = ()) -> list[Spoken]:
    """
    Return what is to be said of a budget: the highest of the `shares` that is spent; that all of it will be spent; that money flows too fast.

    A forecast speaks at the shares from 1 on, or at the highest where there is none: that half of a budget will be used is no news.
    """
    levels = sorted(shares or SHARES)
    spoken = [_spent(standing, level) for level in levels if standing.used_share >= level][-1:]
    ahead = [level for level in levels if level >= 1] or levels[-1:]
    share = standing.forecast_share
    if share is not None and standing.used_share < ahead[0]:
        spoken += [_forecast(standing, level, share=share) for level in ahead if share >= level][-1:]
    return spoken + [_burning(standing, rule) for rule in BURN_RULES if all(rate >= rule.rate for rate in standing.burn.get(rule.name, (0.0,)))]


def burn_rates(hours: Sequence[int], *, nano_usd: int, period_hours: float) -> dict[str, tuple[float, float]]:
    """Return how fast money flowed for each rule, as multiples of the even flow. `hours` are the last hours in order, the present one last."""
    even = nano_usd / period_hours
    if not even:
        return {}
    return {
        rule.name: (sum(hours[-rule.hours :]) / rule.hours / even, sum(hours[-rule.recent_hours - 1 :]) / (rule.recent_hours + 1) / even) for rule in BURN_RULES
    }


def _by_months(db: Database, budget: Budget, *, now_ms: int) -> list[Standing]:
    period = month_of(now_ms)
    today = now_ms // DAY_MS * DAY_MS
    begin = max(min(period.since_ms, today - _HISTORY_DAYS * DAY_MS), 0)
    days = by_day(db, Span(since_ms=begin, until_ms=today + DAY_MS), by=budget.by)
    last_hours = Span(since_ms=max(now_ms - (_BURN_HOURS - 1) * HOUR_MS, 0), until_ms=now_ms + 1)
    hours = by_hour(db, last_hours, by=budget.by)
    left = [(DAY_MS - (now_ms - today)) / DAY_MS] + [1.0] * ((period.until_ms - today) // DAY_MS - 1)
    weekday = datetime.fromtimestamp(today / 1000, UTC).weekday()
    found: list[Standing] = []
    for subject, series in _of(days, budget):
        spent = sum(series[(period.since_ms - begin) // DAY_MS :])
        history = begun(series[:-1])
        ahead = expected(history, weekday, share=left)
        found.append(
            Standing(
                budget=budget,
                subject=subject,
                period=period,
                spent_nano_usd=spent,
                forecast=None if ahead is None else _with_spent(ahead, spent),
                backtest=backtest(history, weekday, horizon=min(len(left), 28)),
                burn=burn_rates(hours.get(subject, [0]), nano_usd=budget.nano_usd, period_hours=(period.until_ms - period.since_ms) / HOUR_MS),
            )
        )
    return found


def _by_pace(db: Database, budget: Budget, *, now_ms: int) -> list[Standing]:
    lasts = DAY_MS if budget.period == "day" else HOUR_MS
    start = now_ms // lasts * lasts
    period = Span(since_ms=start, until_ms=start + lasts)
    passed = max(now_ms - start, 1) / lasts
    found: list[Standing] = []
    for subject, hours in _of(by_hour(db, Span(since_ms=start, until_ms=now_ms + 1), by=budget.by), budget):
        spent = sum(hours)
        at_pace = round(spent / passed)
        ahead = Expected(nano_usd=at_pace, low_nano_usd=spent, high_nano_usd=max(2 * at_pace - spent, at_pace), method=PACE)
        found.append(Standing(budget=budget, subject=subject, period=period, spent_nano_usd=spent, forecast=ahead if passed > 0.1 else None))  # noqa: PLR2004 - a tenth
    return found


def _committed(one: Standing, held: Held) -> int:
    """Return what meters hold beyond what is booked: reserved, and of the last moment what is settled and not yet written."""
    return max(held(one.budget.name, one.subject) - one.spent_nano_usd, 0)


def _of(series: Mapping[str, Sequence[int]], budget: Budget) -> list[tuple[str, Sequence[int]]]:
    return [(name, one) for name, one in series.items() if budget.only in {None, name, name.partition("/")[2]}]


def _with_spent(ahead: Expected, spent: int) -> Expected:
    return Expected(nano_usd=ahead.nano_usd + spent, low_nano_usd=ahead.low_nano_usd + spent, high_nano_usd=ahead.high_nano_usd + spent, method=ahead.method)


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def _who(one: Standing) -> str:
    return f"Budget `{one.budget.name}` of `{one.subject}`"


def _used(one: Standing) -> str:
    return "spent" if one.committed_nano_usd is None else "spent or reserved"


def _said(one: Standing, kind: str, *, rule: str, says: str, value: float, threshold: float) -> Spoken:
    subject = f"{one.budget.name}/{one.subject}"
    return Spoken(kind=kind, subject=subject, rule=rule, says=says, value=value, threshold=threshold, period_ms=one.period.since_ms)


def _spent(one: Standing, level: float) -> Spoken:
    used = amount(one.used_nano_usd)
    says = f"{_who(one)}: {used} of {amount(one.budget.nano_usd)} this {one.budget.period} are {_used(one)} ({one.used_share:.0%})."
    return _said(one, BUDGET, rule=f"spent {level:g}", says=says, value=one.used_share, threshold=level)


def _forecast(one: Standing, level: float, *, share: float) -> Spoken:
    ahead = one.forecast
    assert ahead is not None  # noqa: S101 - a share of it was taken
    between = f"{amount(ahead.low_nano_usd)} to {amount(ahead.high_nano_usd)}"
    says = (
        f"{_who(one)}: {amount(ahead.nano_usd)} will be spent by the end of this {one.budget.period} ({between}), {share:.0%} of {amount(one.budget.nano_usd)}."
    )
    return _said(one, BUDGET, rule=f"forecast {level:g}", says=says, value=share, threshold=level)


def _burning(one: Standing, rule: BurnRule) -> Spoken:
    rate = one.burn[rule.name][0]
    says = f"{_who(one)}: over the last {rule.hours} hours money went {rate:.1f} times as fast as {amount(one.budget.nano_usd)} last a {one.budget.period}."
    return _said(one, BURN, rule=f"burn {rule.name}", says=says, value=rate, threshold=rule.rate)
