"""
The demo's operator: looks at the objectives as the gateway does, and does what an operator does about an incident.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from pointsman.app.control_watch import Watch
from pointsman.app.gateway import Gateway
from pointsman.app.incident_desk import desk_of, present_of
from pointsman.app.switches import ledger_of
from pointsman.control.alerts.telling import Alerts
from pointsman.control.incidents.record import Incident
from pointsman.settings.facts import Facts
from pointsman.settings.load import load
from pointsman.storage.open import open_reading, open_writing

_NAME: Final = "ada@example.com"
_LEARNED: Final = "Scores are back where they were before the release. The next release goes to a tenth of the tickets first."
_THINKS_MS: Final = 25 * 60_000
_WAITS_MS: Final = 2 * 3_600_000
_LOOKS_BACK_MS: Final = 12 * 3_600_000


class Operator:
    """Works on the incidents of the configuration at `path`, by the time that `now_ms` tells."""

    def __init__(self, path: Path, facts: Facts, *, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._facts = facts
        self._now_ms = now_ms
        self._rolled_back: set[str] = set()

    def look(self, gateway: Gateway) -> bool:
        """Look at the objectives and the open incidents. Tell whether the configuration was rolled back."""
        settings, now_ms = gateway.settings, self._now_ms()
        place, desk = ledger_of(settings), desk_of(settings, self._now_ms)
        alerts = Alerts(partial(open_writing, place), {}, now_ms=self._now_ms)
        Watch(partial(open_reading, place), settings.workflows.values, alerts=alerts, incidents=lambda: desk).look(now_ms)
        has_changed = False
        for incident in desk.list(closed_too=False):
            if incident.incident_id in self._rolled_back:
                if now_ms - incident.opened_ms > _WAITS_MS:
                    desk.close(incident.incident_id, _LEARNED, by=_NAME)
            elif now_ms - incident.opened_ms >= _THINKS_MS:
                has_changed |= self._act(gateway, incident)
        return has_changed

    def _act(self, gateway: Gateway, incident: Incident) -> bool:
        """Roll back what was released in the half day before an incident; where nothing was, say so and close it once it is over."""
        desk, settings = desk_of(gateway.settings, self._now_ms), gateway.settings
        before = desk.story(incident.incident_id).before
        if before is None or not _is_recent(desk.changes(since_ms=incident.opened_ms - _LOOKS_BACK_MS, until_ms=incident.opened_ms)):
            if self._now_ms() - incident.opened_ms > _WAITS_MS:
                desk.close(incident.incident_id, "Nothing of ours had changed: a vendor was down, and the calls went on elsewhere.", by=_NAME)
            return False
        present = present_of(settings, author=_NAME, now_ms=self._now_ms())
        done = desk.roll_back(self._path, check=lambda: load(self._path, self._facts), present=present)
        says = f"Rolled back to snapshot `{done.to.digest}`. {' '.join(done.difference.sentences)}"
        desk.note(incident.incident_id, says, by=_NAME, kind="rolled_back")
        self._rolled_back.add(incident.incident_id)
        return True


def _is_recent(changes: tuple[object, ...]) -> bool:
    return any(getattr(change, "kind", "") == "changed" for change in changes)
