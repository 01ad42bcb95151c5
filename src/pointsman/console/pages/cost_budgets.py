"""
How budgets stand and where they will end, and the days on which money flowed unusually.
"""

from collections.abc import Sequence
from typing import Final

from pointsman.app.rooms import budget_of
from pointsman.console.frame import Ask, Shown
from pointsman.console.money import TABS, counted
from pointsman.console.pages.keys import bounds
from pointsman.console.span import DAY_MS
from pointsman.control.alerts.telling import recent
from pointsman.control.finops.anomalies import anomalies
from pointsman.control.finops.budgets import Standing, alerts, standings
from pointsman.control.finops.spoken import ANOMALY, BUDGET, BURN
from pointsman.core.principal import Limit, LimitBy
from pointsman.storage.sql import Database

# No roll-up knows keys and users: what they spent is counted while they call, and nothing is forecast of them here.
_KEYED: Final = frozenset({LimitBy.KEY, LimitBy.USER})
_NEARLY: Final = 0.8
_MOST: Final = 40


def cost_budgets(ask: Ask, db: Database) -> Shown:
    """Show budgets and what is unusual."""
    limits = [limit for limit in ask.control.snapshot.limits if limit.budget_nano_usd is not None]
    now_ms = ask.control.now_ms()
    found = standings(db, [budget_of(limit) for limit in limits if limit.by not in _KEYED], now_ms=now_ms, held=ask.control.held)
    span = counted(ask)
    shares = ask.control.settings.file.alerts.budget_shares
    told = [one for one in recent(db, since_ms=span.since_ms, until_ms=span.until_ms, most=_MOST) if one.kind in {ANOMALY, BUDGET, BURN}]
    values = {
        "tabs": TABS,
        "found": found,
        "tones": [tone(one) for one in found],
        "says": [spoken.says for one in found for spoken in alerts(one, shares=shares)],
        "keyed": bounds(_of_keys(limits), ask.control.spent()),
        "has_budgets": bool(limits),
        "unusual": anomalies(db, now_ms // DAY_MS * DAY_MS - DAY_MS),
        "told": told,
    }
    return Shown(template="cost_budgets.html", title="Cost", values=values)


def tone(one: Standing) -> str:
    """Return how near a budget is to its end."""
    if one.used_share >= 1:
        return "bad"
    return "warn" if one.used_share >= _NEARLY or (one.forecast_share or 0.0) >= 1 else "accent"


def _of_keys(limits: Sequence[Limit]) -> list[Limit]:
    return [limit for limit in limits if limit.by in _KEYED]
