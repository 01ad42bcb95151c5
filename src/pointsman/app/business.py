"""
What the door needs for what is told of units and calls: the keys of senders, and whose a call was that somebody judges.
"""

from collections.abc import Callable, Collection, Mapping

from msgspec import Struct

from pointsman.settings.ledger_place import Place
from pointsman.settings.secret_value import Secret
from pointsman.storage.database import query
from pointsman.storage.open import open_reading


class Known(Struct, frozen=True, kw_only=True):
    """A call on record that somebody judges; `trace_id` where it joined its caller's trace."""

    workflow: str
    trace_id: str | None


class Business:
    """`secret` reads a reference; the ledger at `place` is asked anew each time, because judgements are rare."""

    def __init__(self, place: Place, *, secret: Callable[[str], Secret]) -> None:
        self._place = place
        self.secret = secret

    def known_calls(self, call_ids: Collection[str], *, tenant: str) -> Mapping[str, Known]:
        """Return those of some calls that are on record and are this tenant's. It takes time: called from a thread. Raises `Unusable`."""
        db = open_reading(self._place)
        try:
            sql = query("metrics/call_of_tenant")
            found = [row for call_id in set(call_ids) for row in db.rows(sql, {"call_id": call_id, "tenant": tenant})]
            return {row["call_id"]: Known(workflow=row["workflow"], trace_id=row["trace_id"]) for row in found}
        finally:
            db.close()
