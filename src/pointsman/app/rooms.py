"""
What goes on beside the calls of one gateway, in the worker that administers: objectives and budgets are watched, licences charged, days sealed,
and what became of answers is learned from.

Every job blocks in a thread of its own and says in the log what it could not do; the next time it is tried again.
"""

import asyncio
import importlib.util
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Final

from pointsman.app.control_watch import Watch
from pointsman.app.distilling import Apart
from pointsman.app.gateway import Gateway
from pointsman.app.incident_desk import Desk, desk_of
from pointsman.app.learning import Learner
from pointsman.control.alerts.alert import Alert
from pointsman.control.alerts.channels import channels_of
from pointsman.control.alerts.telling import Alerts
from pointsman.control.finops.anomalies import anomalies
from pointsman.control.finops.budgets import Budget, Standing, alerts, standings
from pointsman.control.finops.spoken import Spoken
from pointsman.control.objectives.budget import rate_of
from pointsman.control.objectives.counting import Counter
from pointsman.core.errors import PointsmanError
from pointsman.core.principal import Limit
from pointsman.ledger.charges import Charges
from pointsman.settings.workflows import Workflow
from pointsman.storage.open import open_reading, open_writing
from pointsman.storage.segments import FOLDER, seal_due
from pointsman.telemetry.measures import Gauge

LOOK_S: Final = 15.0
_LEARN_S: Final = 30.0  # how soon it is seen that it is time to learn
_MONEY_S: Final = 300.0
_DAILY_S: Final = 3_600.0
_DAY_MS: Final = 86_400_000
_NANO_USD: Final = 10**9
# Spans over which the rate of an error budget is told.
_WINDOWS: Final[Mapping[str, int]] = {"1h": 3_600_000, "6h": 21_600_000}

# Seconds between two rounds, and the work.
Job = tuple[float, Callable[[], Awaitable[None]]]


class Rooms:
    """The rooms of one gateway that work by themselves."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._told = gateway.settings
        self._alerts = Alerts(partial(open_writing, gateway.place), {}, now_ms=gateway.clock.wall_ms)
        self._use_channels()
        self._watch = Watch(partial(open_reading, gateway.place), self._workflows, alerts=self._alerts, incidents=self._incident_desk)
        self._spent: tuple[Gauge, ...] = ()
        self._burning: tuple[Gauge, ...] = ()
        gateway.telemetry.watch(lambda: (*self._spent, *self._burning), is_common=True)
        read = partial(gateway.keeper.read, who="pointsman learn")
        self._learner = Learner(lambda: gateway.settings, price_of=gateway.prices.of, now_ms=gateway.clock.wall_ms, read=read, make=Apart())
        gateway.noted["learning"] = lambda: self._learner.trouble
        gateway.noted["alerts"] = lambda: self._alerts.trouble
        gateway.noted["objectives"] = lambda: self._watch.trouble

    def jobs(self) -> Sequence[Job]:
        """Return the jobs, each with the seconds between two rounds."""
        return (
            (LOOK_S, lambda: asyncio.to_thread(self.look)),
            (_MONEY_S, lambda: asyncio.to_thread(self.speak_of_money)),
            (_LEARN_S, self.learn),
            (_DAILY_S, self.daily),
        )

    def look(self) -> None:
        """Look at the objectives, tell what burns, and open incidents. Raises nothing."""
        if self._told is not self._gateway.settings:
            self._told = self._gateway.settings
            self._use_channels()
        now_ms = self._gateway.clock.wall_ms()
        self._watch.look(now_ms)
        self._burning = ()
        if not self._watch.trouble and self._gateway.telemetry.tells_metrics:
            self._burning = tuple(self._rates(now_ms))

    def speak_of_money(self) -> None:
        """Tell of budgets that are used up or will be, and of yesterday where its cost was unusual. Raises `Unusable` and what the database says."""
        told, now_ms = self._gateway.settings.file.alerts, self._gateway.clock.wall_ms()
        with closing(open_reading(self._gateway.place)) as db:
            budgets = [budget_of(limit) for limit in self._gateway.settings.snapshot.limits if limit.budget_nano_usd is not None]
            stand = standings(db, budgets, now_ms=now_ms)
            self._spent = tuple(_spent(stand))
            spoken = [one for standing in stand for one in alerts(standing, shares=told.budget_shares)]
            if told.anomalies:
                spoken += [one.spoken for one in anomalies(db, now_ms // _DAY_MS * _DAY_MS - _DAY_MS)]
        for alert in _alerts_of(spoken):
            self._alerts.tell(alert)

    async def learn(self) -> None:
        """Learn from what was told, if it is time to."""
        await asyncio.to_thread(self._learner.look)

    async def daily(self) -> None:
        """Charge the licences of the days that have begun, and seal the days that are over where Parquet can be written."""
        await Charges(self._gateway.ledger, self._gateway.settings.file.costs.licences).accrue(self._gateway.clock.wall_ms())
        if importlib.util.find_spec("duckdb") is not None:
            await asyncio.to_thread(self._seal)

    def _seal(self) -> None:
        settings = self._gateway.settings
        after_s = settings.retention.detach_after_s
        held = [] if after_s is None else [(hold.tenant, hold.kind, hold.name) for hold in self._gateway.holds.all()]
        after_ms = None if after_s is None else after_s * 1000
        with closing(open_writing(self._gateway.place)) as db:
            seal_due(db, settings.folder / FOLDER, now_ms=self._gateway.clock.wall_ms(), detach_after_ms=after_ms, held=held)

    def _rates(self, now_ms: int) -> Iterator[Gauge]:
        with suppress(sqlite3.Error, OSError, PointsmanError), closing(open_reading(self._gateway.place)) as db:  # the watch has told of it
            counter = Counter(db)
            for objective in (one for workflow in self._workflows() for one in workflow.objectives):
                for window, ms in _WINDOWS.items():
                    rate = rate_of(objective, counter.count_of(objective)(now_ms - ms, now_ms))
                    if rate is not None:
                        yield Gauge("pointsman_objective_burn_rate", (objective.workflow, objective.name, window), rate)

    def _workflows(self) -> Iterable[Workflow]:
        return self._gateway.settings.workflows.values()

    def _incident_desk(self) -> Desk | None:
        settings = self._gateway.settings
        return desk_of(settings, self._gateway.clock.wall_ms) if settings.file.alerts.incidents else None

    def _use_channels(self) -> None:
        self._alerts.use(channels_of(self._told.file.alerts, secret=self._gateway.standing.secret, now_ms=self._gateway.clock.wall_ms))


def budget_of(limit: Limit) -> Budget:
    """Return a limit in money as the budget it is."""
    return Budget(name=limit.name, by=limit.by.value, nano_usd=limit.budget_nano_usd or 0, period=limit.period.value, only=limit.only)


def _spent(stand: Iterable[Standing]) -> Iterator[Gauge]:
    """Return what was spent of each budget: of one that many have, by whoever spent most, because that one meets the limit first."""
    most: dict[str, int] = {}
    for one in stand:
        most[one.budget.name] = max(most.get(one.budget.name, 0), one.spent_nano_usd)
    for name, nano_usd in most.items():
        yield Gauge("pointsman_budget_spent_usd", (name,), nano_usd / _NANO_USD)


def _alerts_of(spoken: Sequence[Spoken]) -> Iterator[Alert]:
    for one in spoken:
        yield Alert(kind=one.kind, subject=one.subject, rule=one.rule, says=one.says, value=one.value, threshold=one.threshold, period=str(one.period_ms))
