"""
What is off the way of a request, put together for the pages of the console and for what watches: the ledger to be read, facts in force, explanations.

Nothing here is imported by the way of a request.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from pointsman.app.explain import Explanation, Rehearsal, explain
from pointsman.app.explain_past import Past, explain_past
from pointsman.app.gateway import Gateway
from pointsman.app.learning_room import LearningRoom
from pointsman.app.steering import Steering
from pointsman.app.switches import ledger_of
from pointsman.core.call import Call
from pointsman.core.errors import BadRequest
from pointsman.core.label import Label, a_label
from pointsman.core.principal import LimitBy, Principal
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Price, Target
from pointsman.intake.keys import LOCAL
from pointsman.intake.meters import period_start_s
from pointsman.settings.load import Settings
from pointsman.settings.workflows import Workflow
from pointsman.storage.open import open_reading
from pointsman.storage.sql import Database

_WITHIN_TENANT: Final = frozenset({LimitBy.TEAM, LimitBy.APPLICATION, LimitBy.USER})


class Control:
    """The rooms around one gateway. What it returns belongs to the moment it was asked."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self.gateway.stages.snapshot

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """The workflows of the configuration in force, by name."""
        return self.gateway.settings.workflows

    @property
    def has_login(self) -> bool:
        """Whether people sign in through a provider; otherwise by a one-time link."""
        return self.gateway.standing.current.told.login is not None

    @property
    def settings(self) -> Settings:
        """The configuration in force, as it was told."""
        return self.gateway.settings

    @property
    def steering(self) -> Steering:
        """What people do to this gateway."""
        return Steering(self.gateway)

    def price(self, target: Target) -> Price | None:
        """Return the price of a target's tokens now, or None if none is known."""
        return self.gateway.prices.of(target)

    def now_ms(self) -> int:
        """Return the time (Unix milliseconds)."""
        return self.gateway.clock.wall_ms()

    @contextmanager
    def reading(self) -> Generator[Database]:
        """Give a connection to the ledger that can only read. For one thread, and for one page."""
        db = open_reading(ledger_of(self.gateway.settings))
        try:
            yield db
        finally:
            db.close()

    def allows(self, principal: Principal, permission: str) -> bool:
        """Tell whether somebody has a permission."""
        return self.gateway.stages.intake.others.roles.allows(principal, permission)

    def explain(self, call: Call, *, key_id: str | None, data_class: str | None, criteria: Mapping[str, float]) -> Explanation:
        """
        Tell where a call would go and why, without sending it. `criteria` is what it would set (name → number). For a thread, not for the event loop.

        Raises `BadRequest` for a key or class that is not there, and for criteria that it may not set. It is counted once by limits of requests a minute.
        """
        keys = self.snapshot.keys or (LOCAL,)
        found = keys[0] if key_id is None else next((key for key in keys if key.key_id == key_id), None)
        if found is None:
            raise BadRequest(f"There is no key `{key_id}`. Those there are: {', '.join(f'`{key.key_id}`' for key in keys)}.", field="key")
        return explain(Rehearsal(self.gateway), call, principal=Principal(key=found), declared=self._declared(data_class), criteria=criteria)

    def explain_past(self, db: Database, call_id: str) -> Past | None:
        """Tell why a call on record went where it went, or None if there is none of this id. For a thread, not for the event loop."""
        return explain_past(db, call_id, rehearsal=Rehearsal(self.gateway))

    def learning(self) -> LearningRoom:
        """Return what is known of targets, and since when. It reads files: for a thread, not for the event loop."""
        return LearningRoom(self.gateway)

    def health(self, target: str) -> str | None:
        """Return why a target is passed over now, as a reason code; None while it is asked."""
        return self.gateway.stages.chooser.health(target)

    def spent(self) -> list[tuple[str, str, int]]:
        """Return what is spent of each budget in its present period: (limit, whose, nano-dollars)."""
        told: list[tuple[str, str, int]] = []
        for limit in self.gateway.stages.intake.budgets():
            since_ms = period_start_s(limit.period, self.now_ms() / 1000) * 1000
            column = "key_id" if limit.by is LimitBy.KEY else limit.by.value
            for whose, nano_usd in self.gateway.ledger.spent_since(column, since_ms).items():
                value = whose.partition("/")[2] if limit.by in _WITHIN_TENANT - {LimitBy.USER} else whose
                if limit.only is None or limit.only == value:
                    told.append((limit.name, whose, nano_usd))
        return told

    def held(self, budget: str, whose: str) -> int:
        """Return what meters hold of a budget now, in nano-dollars: what is spent, and what calls under way reserve. 0 without that budget."""
        intake = self.gateway.stages.intake
        return sum(intake.held(limit, whose) for limit in intake.budgets() if limit.name == budget)

    def _declared(self, told: str | None) -> Label | None:
        if not told:
            return None
        levels = self.gateway.stages.judge.levels
        names = [name.strip() for name in told.split(",")]
        for name in names:
            if name not in levels:
                raise BadRequest(f"There is no data class `{name[:40]}`. Known: {', '.join(f'`{one}`' for one in levels)}.", field="data_class")
        return a_label(*names, levels=levels)
