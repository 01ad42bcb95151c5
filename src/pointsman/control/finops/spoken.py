"""
What a budget or an unusual cost says, once for each rule and period. Delivering it belongs to others.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from pointsman.storage.database import query
from pointsman.storage.sql import Database

BUDGET: Final = "budget"
BURN: Final = "burn"
ANOMALY: Final = "anomaly"


class Spoken(Struct, frozen=True, kw_only=True):
    """
    One alert. `kind` is `budget`, `burn` or `anomaly`, `subject` what it is about, `rule` which rule spoke, `says` the sentence for people.

    `value` passed `threshold`; the unit of both is the rule's. `period_ms` is the start of the period in which it speaks once.
    """

    kind: str
    subject: str
    rule: str
    says: str
    value: float
    threshold: float
    period_ms: int

    @property
    def event_id(self) -> str:
        """The key under which it is said once."""
        return f"{self.kind}:{self.subject}:{self.rule}:{self.period_ms}"


def speak(db: Database, spoken: Iterable[Spoken], *, at_ms: int) -> list[Spoken]:
    """Keep what was not said before in its period in `budget_event`, and return only that: it is what must be delivered."""
    new: list[Spoken] = []
    with db.transaction():
        for one in spoken:
            row = {
                "event_id": one.event_id,
                "at_ms": at_ms,
                "kind": one.kind,
                "subject": one.subject,
                "rule": one.rule,
                "says": one.says,
                "value": one.value,
                "threshold": one.threshold,
            }
            if db.execute(query("finops/speak"), row):
                new.append(one)
    return new
