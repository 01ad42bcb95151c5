"""
Telling alerts: once for each rule and period, to every channel, again later where one did not take it.

The row in `budget_event` is what makes it once: whoever inserts it tells it, in all workers and replicas together, and after a restart it is still there.
While it is not delivered its `told_ms` is the negative of when to try again. Whoever told it first tries again then; another process only some time
later, because the first may have died. Waits double up to ten minutes, for a day.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from msgspec.structs import asdict, replace

from pointsman.control.alerts.alert import Alert, Event
from pointsman.control.alerts.channels import Channel
from pointsman.storage.database import query
from pointsman.storage.sql import Database
from pointsman.telemetry.logs import Plain
from pointsman.transport.post import Undelivered

_LOG: Final = logging.getLogger("pointsman")
_FIRST_WAIT_MS: Final = 5_000
_LONGEST_WAIT_MS: Final = 600_000
_ABANDONED_MS: Final = 120_000  # nobody else tries before whoever holds an alert is this late
_GIVE_UP_MS: Final = 86_400_000
_LEASE_MS: Final = 60_000


class Alerts:
    """
    Tells alerts. `write` opens the ledger; `channels` are who is told, by name; `now_ms` is Unix time in milliseconds. It blocks: call it from a thread;
    of several threads one tells at a time.

    `trouble` says which channel did not take the last alert, or None.
    """

    def __init__(self, write: Callable[[], Database], channels: Mapping[str, Channel], *, now_ms: Callable[[], int]) -> None:
        self._write = write
        self._channels = channels
        self._now_ms = now_ms
        self._pending: dict[str, set[str]] = {}  # what this process tells: alert → channels that have not taken it
        self._faults: dict[str, str] = {}
        self._turn = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Which channels did not take an alert that is still to be told, and why."""
        return "; ".join(f"`{name}`: {why}" for name, why in sorted(self._faults.items())) or None

    def use(self, channels: Mapping[str, Channel]) -> None:
        """Tell others from now on; what is to be told again goes to those that are left."""
        self._channels = channels
        self._faults = {name: why for name, why in self._faults.items() if name in channels}

    def tell(self, alert: Alert) -> bool:
        """Put an alert on record and tell it. Return False where it was told before in its period. Raises `sqlite3.Error` where the ledger says no."""
        now_ms = self._now_ms()
        event = Event(
            event_id=alert.event_id,
            at_ms=now_ms,
            kind=alert.kind,
            subject=alert.subject,
            rule=alert.rule,
            says=alert.says,
            value=alert.value,
            threshold=alert.threshold,
            told_ms=-(now_ms + _LEASE_MS) if self._channels else None,
        )
        with self._turn, closing(self._write()) as db:
            if not _claimed(db, event, quiet_ms=alert.quiet_ms):
                return False
            self._deliver(db, event)
        return True

    def again(self) -> int:
        """Tell again what is due; return how many were tried. Raises `sqlite3.Error` where the ledger says no."""
        now_ms = self._now_ms()
        with self._turn, closing(self._write()) as db:
            untold = [Event(**row) for row in db.rows(query("incidents/events_untold"), {"since_ms": now_ms - _GIVE_UP_MS})]
            known = {event.event_id for event in untold}
            self._pending = {name: left for name, left in self._pending.items() if name in known}  # others told the rest, or it is too old
            tried = [event for event in untold if self._is_due(event, now_ms)]
            for event in tried:
                lease_ms = -(now_ms + _LEASE_MS)
                if _moved(db, event, to_ms=lease_ms):
                    self._deliver(db, _with(event, lease_ms))
        if not self._pending:
            self._faults = {}
        return len(tried)

    def _is_due(self, event: Event, now_ms: int) -> bool:
        wait_ms = 0 if event.event_id in self._pending else _ABANDONED_MS
        return -(event.told_ms or 0) + wait_ms <= now_ms

    def _deliver(self, db: Database, event: Event) -> None:
        left = {name for name in self._pending.get(event.event_id, set(self._channels)) if name in self._channels}
        for name in sorted(left):
            try:
                self._channels[name](event)
            except Undelivered as error:
                self._faults[name] = str(error)
                _LOG.error("the alert `%s` was not taken by `%s` and is told again later: %s", Plain(event.event_id), Plain(name), Plain(error))
            else:
                self._faults.pop(name, None)
                left.discard(name)
        now_ms = self._now_ms()
        if left:
            self._pending[event.event_id] = left
            _moved(db, event, to_ms=-(now_ms + _wait_ms(now_ms - event.at_ms)))
        elif event.told_ms is not None:
            self._pending.pop(event.event_id, None)
            _moved(db, event, to_ms=now_ms)


def recent(db: Database, *, since_ms: int, until_ms: int, most: int = 100) -> tuple[Event, ...]:
    """Return what was told in a span, newest first."""
    return tuple(Event(**row) for row in db.rows(query("incidents/events"), {"since_ms": since_ms, "until_ms": until_ms, "most": most}))


def _claimed(db: Database, event: Event, *, quiet_ms: int) -> bool:
    """Put an event on record, and tell whether nobody had."""
    with db.transaction():
        if quiet_ms:
            told = {"since_ms": event.at_ms - quiet_ms, "kind": event.kind, "subject": event.subject, "rule": event.rule}
            if db.rows(query("incidents/event_last"), told):
                return False
        return db.execute(query("incidents/event_claim"), asdict(event)) == 1


def _moved(db: Database, event: Event, *, to_ms: int) -> bool:
    with db.transaction():
        return db.execute(query("incidents/event_told"), {"event_id": event.event_id, "told_ms": to_ms, "seen_ms": event.told_ms}) == 1


def _with(event: Event, told_ms: int) -> Event:
    return replace(event, told_ms=told_ms)


def _wait_ms(age_ms: int) -> int:
    return min(max(age_ms, _FIRST_WAIT_MS), _LONGEST_WAIT_MS)
