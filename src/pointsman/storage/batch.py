"""
What is written to the ledger together: records of calls, and what people, invoices and judges say afterwards.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pointsman.core.entry import CallRecord, Outcome

# Target, hour (ms), and the paid seconds, paid nano-dollars, busy seconds and busy nano-dollars in it.
HardwareRow = tuple[str, int, float, int, float, int]
HUMAN: Final = "human"


class Charge(Struct, frozen=True, kw_only=True):
    """
    Money that no attempt stands for. `kind` is `human` for people's time, else what it is, such as `licence` or `correction`.

    Without a `unit` it is not allocated to any, without a `workflow` to none of these. The same `charge_id` counts once.
    """

    charge_id: str
    at_ms: int
    kind: str
    nano_usd: int
    tenant: str = ""
    workflow: str = ""
    unit: str = ""
    queue: str = ""
    seconds: float = 0.0
    source: str = "application"


class Review(Struct, frozen=True, kw_only=True):
    """
    A person's judgement of one call. Told again under the same `review_id`, what is told later replaces what was told before.

    `selection_propensity` is the probability with which the call was picked. `edit_distance` is 0 (accepted as it was) to 1. `seconds` of work are charged
    once, at the hourly rate of the workflow, or as `nano_usd` says. Workflow, unit and tenant follow from the call where they are not told.
    """

    review_id: str
    call_id: str
    tenant: str = ""
    workflow: str = ""
    unit: str = ""
    queue: str = ""
    reason: str = ""
    selection_propensity: float = 1.0
    assigned_ms: int | None = None
    done_ms: int | None = None
    reviewer: str | None = None
    verdict: str | None = None
    edit_distance: float | None = None
    severity: str | None = None
    seconds: float | None = None
    nano_usd: int | None = None


class Score(Struct, frozen=True, kw_only=True):
    """
    A measured quality of one call, 0 to 1. `judge` names who measured, with its version. The same `score_id` counts once.

    `target` names whose answer was measured where it is not the one that was given: that of a shadow attempt.
    """

    score_id: str
    call_id: str
    at_ms: int
    metric: str
    judge: str
    value: float
    workflow: str = ""
    label: str | None = None
    is_human: bool = False
    selection_propensity: float = 1.0
    target: str = ""


class Dimension(Struct, frozen=True, kw_only=True):
    """One row of a table that says what was in force since when. It is written if it says something else than the newest with the same key."""

    table: str
    row: tuple[tuple[str, object], ...]


class Batch(Struct, frozen=True, kw_only=True):
    """Everything that is written in one transaction."""

    records: Sequence[CallRecord] = ()
    outcomes: Sequence[Outcome] = ()
    hardware: Sequence[HardwareRow] = ()
    charges: Sequence[Charge] = ()
    reviews: Sequence[Review] = ()
    scores: Sequence[Score] = ()
    dimensions: Sequence[Dimension] = ()

    @property
    def size(self) -> int:
        """How many things are written."""
        return sum(len(part) for part in (self.records, self.outcomes, self.hardware, self.charges, self.reviews, self.scores, self.dimensions))
