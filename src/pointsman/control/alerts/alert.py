"""
What is told when money, an objective or a target needs somebody: one value, and the row that it becomes.
"""

from msgspec import Struct


class Alert(Struct, frozen=True, kw_only=True):
    """
    Something that somebody must know. `kind` is what speaks (`burn`, `budget`, `anomaly`, `incident`), `subject` of what (`workflow/objective`), `rule`
    which of its rules, `says` one sentence. `value` passed `threshold`.

    It is told once for each `period` of a rule, in every replica together. With `quiet_ms` it is not told again either while an alert of the same kind,
    subject and rule is younger than that.
    """

    kind: str
    subject: str
    rule: str
    says: str
    value: float
    threshold: float
    period: str = ""
    quiet_ms: int = 0

    @property
    def event_id(self) -> str:
        """What makes it the same alert."""
        return f"{self.kind}|{self.subject}|{self.rule}|{self.period}"


class Event(Struct, frozen=True, kw_only=True):
    """
    An alert on record. `told_ms` is when it was delivered (Unix milliseconds); a negative time is when it will be tried again; None if nobody is told.
    """

    event_id: str
    at_ms: int
    kind: str
    subject: str
    rule: str
    says: str
    value: float
    threshold: float
    told_ms: int | None

    @property
    def is_told(self) -> bool:
        """Tell whether it was delivered everywhere."""
        return self.told_ms is not None and self.told_ms >= 0
