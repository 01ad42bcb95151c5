"""
Kill switches: what is shut off by hand, and how every worker learns of it. Rows in the ledger, so that they outlive restarts and reach every replica.

A switch names a vendor, a target or a capability. It is heeded at the door (capabilities), in the choice (targets, and all of a vendor) and once more
before data leaves, so that it also stops what calls under way would still begin. While the ledger cannot be read, what was known last holds.
"""

import logging
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from msgspec import Struct

from pointsman.core.errors import BadRequest, PlaceFailed, PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.decision.errors import SwitchedOff
from pointsman.settings.ledger_place import Place, ledger_place
from pointsman.settings.load import Settings
from pointsman.settings.secrets import environment
from pointsman.storage.database import query
from pointsman.storage.open import exists, open_reading
from pointsman.storage.sql import Database
from pointsman.telemetry.logs import Plain

_LOG: Final = logging.getLogger("pointsman")
VENDOR, TARGET, CAPABILITY = "vendor", "target", "capability"
KINDS: Final = (VENDOR, TARGET, CAPABILITY)
_LONGEST: Final = 500


class Off(Struct, frozen=True, kw_only=True):
    """One switch that is off: what, since when (Unix milliseconds), who did it and why."""

    kind: str
    name: str
    since_ms: int
    actor: str
    reason: str

    @property
    def says(self) -> str:
        """The switch in words."""
        return f"the {self.kind} `{self.name}` was switched off by {self.actor}: {self.reason}"


def switched(db: Database) -> tuple[Off, ...]:
    """Return what is off, in the order of kind and name."""
    return tuple(Off(**row) for row in db.rows(query("incidents/switches"), {}))


def switch_off(db: Database, off: Off) -> None:
    """Shut something off; what is off already is told the new reason. Raises `BadRequest` for a kind, name or reason that is none."""
    if off.kind not in KINDS:
        raise BadRequest(f"There is no switch of the kind `{off.kind[:40]}`. Name a {', a '.join(KINDS)}.", field="kind")
    if not 0 < len(off.name) <= _LONGEST or not 0 < len(off.reason) <= _LONGEST:
        raise BadRequest(f"A switch needs a `name` and a `reason` of up to {_LONGEST} characters. Say both.", field="reason" if off.name else "name")
    with db.transaction():
        db.execute(
            query("incidents/switch_off"), {"kind": off.kind, "name": off.name, "since_ms": off.since_ms, "actor": off.actor[:_LONGEST], "reason": off.reason}
        )


def switch_on(db: Database, kind: str, *, name: str) -> bool:
    """Let something run again; tell whether it was off."""
    with db.transaction():
        return db.execute(query("incidents/switch_on"), {"kind": kind, "name": name}) > 0


def unknown_in(snapshot: Snapshot, kind: str, *, name: str) -> bool:
    """Tell whether nothing in this snapshot bears the name: such a switch is kept, and does nothing until something does."""
    known: Mapping[str, Mapping[str, object]] = {VENDOR: snapshot.vendors, TARGET: snapshot.targets, CAPABILITY: snapshot.capabilities}
    return name not in known.get(kind, {})


def ledger_of(settings: Settings) -> Place:
    """Return where the ledger of a configuration is. Raises `CredentialMissing` for a reference that leads nowhere."""
    return ledger_place(settings.server.database, folder=settings.folder, environ=environment())


class Switches:
    """What is off, as far as this worker knows. `place` is where the ledger is; `look` asks it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._db: Database | None = None
        self._off: Mapping[tuple[str, str], Off] = {}
        self._lock = threading.Lock()  # a connection that is closed while another thread reads from it takes the process along
        self._is_over = False
        self.trouble: str | None = None

    @property
    def off(self) -> tuple[Off, ...]:
        """What is off."""
        return tuple(self._off.values())

    def follow(self, place: Place) -> None:
        """Heed the switches of another ledger from now on, if there is one."""
        with self._lock:
            self._let_go()
        self.place = place
        if exists(place):
            self.look()

    def look(self) -> None:
        """Ask the ledger; called from one thread at a time, a few times a second. Raises nothing: what was known last holds."""
        with self._lock:
            if self._is_over:
                return
            try:
                if self._db is None:
                    self._db = open_reading(self.place)
                found = switched(self._db)
            except (sqlite3.Error, OSError, PointsmanError) as error:
                self._fail(error)
                return
        self.trouble = None
        known = {(one.kind, one.name): one for one in found}
        for one in found:
            if self._off.get((one.kind, one.name)) != one:
                _LOG.warning("the %s `%s` was switched off", Plain(one.kind), Plain(one.name))  # who and why is in the list
        self._off = known

    def shuts(self, target: Target) -> Off | None:
        """Return the switch that keeps calls from a target, or None."""
        if not self._off:
            return None
        found = self._off.get((TARGET, target.name))
        return found if found is not None or target.vendor is None else self._off.get((VENDOR, target.vendor.name))

    def check(self, capability: str) -> None:
        """Raise `SwitchedOff` for a capability that is off."""
        if self._off and (found := self._off.get((CAPABILITY, capability))) is not None:
            raise SwitchedOff(what=f"The capability `{capability}`", why=found.reason)

    def may_leave(self, target: Target) -> None:
        """Raise `PlaceFailed` for a target that was shut off while a call was on its way there."""
        found = self.shuts(target)
        if found is not None:
            raise PlaceFailed(Failure(kind=FailureKind.SWITCHED_OFF, message=f"the {found.kind} `{found.name}` is switched off"), target=target.name)

    def close(self) -> None:
        """Let go of the ledger for good, once nobody reads it."""
        with self._lock:
            self._is_over = True
            self._let_go()

    def _let_go(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _fail(self, error: Exception) -> None:
        if self.trouble is None:
            _LOG.error("switches cannot be read (%s); what was off stays off, and what was on stays on", error)
        self.trouble = f"switches cannot be read ({type(error).__name__}); those known last hold"
        with suppress(sqlite3.Error):
            self._let_go()
        self._db = None
