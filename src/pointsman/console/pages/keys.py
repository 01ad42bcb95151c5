"""
Keys and limits: who may call what, what they did lately, and how much of each budget is used. No secret and no digest of one is ever here.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pointsman.console.frame import Ask, Shown
from pointsman.core.principal import Key, Limit
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database

_SCAN: Final = 5000
_MOST: Final = 500
_NEARLY: Final = 0.8
_MS: Final = 1000


class Used(Struct, frozen=True, kw_only=True):
    """One budget as it applies to somebody: what is spent in its period of what may be, and the share of it."""

    whose: str
    spent_nano_usd: int
    share: float

    @property
    def tone(self) -> str:
        """How near it is to its end."""
        return "bad" if self.share >= 1 else "warn" if self.share >= _NEARLY else "accent"


class Bound(Struct, frozen=True, kw_only=True):
    """One limit with what is used of it."""

    limit: Limit
    used: tuple[Used, ...]


def keys(ask: Ask, db: Database) -> Shown:
    """Show keys and limits."""
    snapshot = ask.control.snapshot
    lately = {row["key_id"]: row for row in db.rows(query("console/keys"), {"first_id": first_id(ask.span.since_ms), "scan": _SCAN, "most": _MOST})}
    known = {key.key_id for key in snapshot.keys}
    values = {
        "keys": sorted(snapshot.keys, key=lambda key: key.key_id),
        "lately": lately,
        "others": [row for name, row in lately.items() if name not in known],
        "expired": {key.key_id for key in snapshot.keys if _is_over(key, ask.control.now_ms())},
        "bounds": bounds(snapshot.limits, ask.control.spent()),
        "scan": _SCAN,
    }
    return Shown(template="keys.html", title="Keys and limits", values=values)


def bounds(limits: Sequence[Limit], spent: Sequence[tuple[str, str, int]]) -> list[Bound]:
    """Return every limit with what is used of it, the most used first. `spent` is (limit, whose, nano-dollars)."""
    found: list[Bound] = []
    for limit in limits:
        budget = limit.budget_nano_usd
        used = [Used(whose=whose, spent_nano_usd=cost, share=cost / budget) for name, whose, cost in spent if name == limit.name and budget]
        found.append(Bound(limit=limit, used=tuple(sorted(used, key=lambda one: -one.share))))
    return found


def _is_over(key: Key, now_ms: int) -> bool:
    return key.expires_s is not None and key.expires_s * _MS <= now_ms
