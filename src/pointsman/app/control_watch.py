"""
The watch over objectives: looked at every few seconds by one worker, in a thread. What burns is told, and opens an incident where the settings say so.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

from pointsman.app.incident_desk import Desk
from pointsman.control.alerts.alert import Alert
from pointsman.control.alerts.telling import Alerts
from pointsman.control.objectives.budget import Burn
from pointsman.control.objectives.counting import burns
from pointsman.core.errors import PointsmanError
from pointsman.settings.workflows import Workflow
from pointsman.storage.sql import Database

_LOG: Final = logging.getLogger("pointsman")


class Watch:
    """
    Looks. `objectives()` returns the workflows in force, so that a reload needs nothing here; `incidents` opens an incident for a burn, or None for none.

    `trouble` says why the last look came to nothing.
    """

    def __init__(
        self, open_reading: Callable[[], Database], objectives: Callable[[], Iterable[Workflow]], *, alerts: Alerts, incidents: Callable[[], Desk | None]
    ) -> None:
        self._open_reading = open_reading
        self._objectives = objectives
        self._alerts = alerts
        self._incidents = incidents
        self.trouble: str | None = None

    def look(self, now_ms: int) -> tuple[Burn, ...]:
        """Tell what burns now and was not told, and again what was not delivered; return what burns. Raises nothing."""
        try:
            with closing(self._open_reading()) as db:
                found = burns(db, self._objectives(), now_ms=now_ms)
            for burn in found:
                self._tell(burn, now_ms)
            self._alerts.again()
        except (sqlite3.Error, OSError, PointsmanError) as error:
            self.trouble = f"objectives were not looked at ({type(error).__name__})"
            _LOG.error("objectives cannot be looked at, and are at the next look: %s", error)
            return ()
        self.trouble = None
        return found

    def _tell(self, burn: Burn, now_ms: int) -> None:
        alert = alert_of(burn, now_ms)
        desk = self._incidents()
        if self._alerts.tell(alert) and desk is not None:
            since_ms = now_ms - burn.rule.long_ms
            desk.open_for(alert.event_id, burn.says, workflow=burn.objective.workflow, since_ms=since_ms, severity=burn.rule.severity)


def alert_of(burn: Burn, now_ms: int) -> Alert:
    """Return a burn as an alert: told once for each length of its long window."""
    return Alert(
        kind="burn",
        subject=f"{burn.objective.workflow}/{burn.objective.name}",
        rule=burn.rule.name,
        says=burn.says,
        value=burn.rate,
        threshold=burn.rule.rate,
        period=str(now_ms // burn.rule.long_ms),
        quiet_ms=burn.rule.long_ms,
    )
