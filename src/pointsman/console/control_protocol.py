"""
What the pages need of the gateway beside the ledger, as one object. `app/control.py` has it; pages see no more than this.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from pointsman.app.explain import Explanation
from pointsman.app.explain_past import Past
from pointsman.app.learning_room import LearningRoom
from pointsman.app.steering import Steering
from pointsman.core.call import Call
from pointsman.core.principal import Principal
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Price, Target
from pointsman.settings.load import Settings
from pointsman.settings.workflows import Workflow
from pointsman.storage.sql import Database


class Control(Protocol):
    """The gateway as pages see it. What it returns belongs to the moment it was asked."""

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        ...

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """The workflows of the configuration in force, by name."""
        ...

    @property
    def has_login(self) -> bool:
        """Whether people sign in through a provider; otherwise by a one-time link."""
        ...

    @property
    def settings(self) -> Settings:
        """The configuration in force, as it was told."""
        ...

    @property
    def steering(self) -> Steering:
        """What people do to the gateway."""
        ...

    def price(self, target: Target) -> Price | None:
        """Return the price of a target's tokens now, or None if none is known."""
        ...

    def now_ms(self) -> int:
        """Return the time (Unix milliseconds)."""
        ...

    def reading(self) -> AbstractContextManager[Database]:
        """Give a connection to the ledger that can only read. For one thread, and for one page."""
        ...

    def allows(self, principal: Principal, permission: str) -> bool:
        """Tell whether somebody has a permission."""
        ...

    def explain(self, call: Call, *, key_id: str | None, data_class: str | None, criteria: Mapping[str, float]) -> Explanation:
        """
        Tell where a call would go and why, without sending it. `criteria` is what it would set (name → number).

        Raises `BadRequest` for a key, capability or class that is not there, and for criteria that it may not set.
        """
        ...

    def explain_past(self, db: Database, call_id: str) -> Past | None:
        """Tell why a call on record went where it went, or None if there is none of this id."""
        ...

    def learning(self) -> LearningRoom:
        """Return what is known of targets, and since when."""
        ...

    def health(self, target: str) -> str | None:
        """Return why a target is passed over now, as a reason code; None while it is asked."""
        ...

    def spent(self) -> list[tuple[str, str, int]]:
        """Return what is spent or reserved of each budget in its present period: (limit, whose, nano-dollars)."""
        ...

    def held(self, budget: str, whose: str) -> int:
        """Return what meters hold of a budget now, in nano-dollars: what is spent, and what calls under way reserve. 0 without that budget."""
        ...
