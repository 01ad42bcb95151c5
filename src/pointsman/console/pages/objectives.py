"""
Objectives: what is promised, how it is kept, how much of each error budget is left, and how fast it burns.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.console import words
from pointsman.console.frame import Ask, Shown
from pointsman.control.objectives.budget import Burn, Standing, rules_of
from pointsman.control.objectives.counting import burns, standings
from pointsman.settings.workflows import Objective
from pointsman.storage.sql import Database

_THIN: Final = 0.25
_KINDS: Final[Mapping[str, str]] = {
    "success": "of calls are answered",
    "latency": "of calls are answered within {}",
    "quality": "of judged answers score {} or more",
    "escalation": "of calls need no stronger target and no person",
    "cost_per_outcome": "of outcomes cost up to {}",
}


class Kept(Struct, frozen=True, kw_only=True):
    """One objective in words, how it stands, and what burns (None: nothing does)."""

    standing: Standing
    says: str
    burn: Burn | None
    fastest: str

    @property
    def tone(self) -> str:
        """How near its error budget is to its end."""
        left = self.standing.budget_left
        return "quiet" if left is None else "bad" if left <= 0 or self.burn else "warn" if left < _THIN else "good"


def objectives(ask: Ask, db: Database) -> Shown:
    """Show the objectives, those that burn and those with least left first."""
    told, now_ms = tuple(ask.control.workflows.values()), ask.control.now_ms()
    burning = {(one.objective.workflow, one.objective.name): one for one in burns(db, told, now_ms=now_ms)}
    found = [_kept(one, burning.get((one.objective.workflow, one.objective.name))) for one in standings(db, told, now_ms=now_ms)]
    found.sort(key=lambda one: (one.burn is None, 1.0 if one.standing.budget_left is None else one.standing.budget_left))
    return Shown(template="objectives.html", title="Objectives", values={"found": found, "workflows": tuple(ask.control.workflows)}, has_span=False)


def promise(one: Objective) -> str:
    """Return what an objective promises, such as `99% of calls are answered over 7 days`."""
    limit = one.threshold or 0.0
    shown = {"latency": words.took(limit), "cost_per_outcome": words.money(limit)}.get(one.kind, f"{limit:g}")
    return f"{one.share * 100:.4g}% {_KINDS.get(one.kind, one.kind).format(shown)} over {words.lasting(one.window_ms)}"


def _kept(standing: Standing, burn: Burn | None) -> Kept:
    rule = rules_of(standing.objective)[0]
    return Kept(standing=standing, says=promise(standing.objective), burn=burn, fastest=f"{rule.rate:.1f}")
