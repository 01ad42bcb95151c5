"""
What a call's record says to whoever counts or traces calls: how it ended, who was not good enough, and whether a promise was kept.
"""

from functools import cache
from itertools import pairwise
from typing import Final

from pointsman.core.entry import CallRecord, Entry
from pointsman.core.errors import PointsmanError, Refused
from pointsman.core.failure import FailureKind
from pointsman.core.place import Place
from pointsman.settings.workflows import Objective

OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
PERSON: Final = "person"


def codes_of(kind: type[PointsmanError]) -> frozenset[str]:
    """Return the code of an error and of all that are kinds of it."""
    return frozenset({kind.code}).union(*(codes_of(one) for one in kind.__subclasses__()))


# Looked up with the first call and not when this is imported: by then every part that has errors of its own is loaded, in whatever order that was.
@cache
def _refusals() -> frozenset[str]:
    return codes_of(Refused)


@cache
def _faults() -> frozenset[str]:
    return frozenset({kind.value for kind in FailureKind} | {"cancelled", "internal"}) | codes_of(PointsmanError)


def ended(record: CallRecord) -> str:
    """Return how a call ended: `ok`, `refused`, `failed` or `cancelled`."""
    if record.status in {OK, CANCELLED}:
        return record.status
    return REFUSED if record.status in _refusals() else FAILED


def answered_by(record: CallRecord) -> Entry | None:
    """Return the attempt that answered, if one did."""
    return next((entry for entry in reversed(record.entries) if entry.error is None and _answers(entry)), None) if record.status == OK else None


def is_graded(entry: Entry) -> bool:
    """Tell whether an attempt answered, and its answer was not good enough."""
    return entry.error is not None and entry.error not in _faults()


def escalations(record: CallRecord) -> tuple[tuple[str, str], ...]:
    """Return each step up as (who was not good enough, who was asked next); a person is `people`."""
    asked = [entry for entry in record.entries if _answers(entry) and entry.place is not Place.RULES]
    return tuple(
        (before.target, "people" if after.kind == PERSON else after.target)
        for before, after in pairwise(asked)
        if before.target != after.target and (is_graded(before) or after.kind == PERSON)
    )


def keeps(objective: Objective, record: CallRecord) -> bool | None:
    """Tell whether a call kept a promise; None for a promise that is not about single calls, or not about this one."""
    match objective.kind:
        case "success":
            return record.status == OK
        case "latency":
            return None if objective.threshold is None else record.latency_ms <= objective.threshold
        case "escalation":
            return not escalations(record)
        case _:
            return None


def _answers(entry: Entry) -> bool:
    return not entry.shadow and entry.kind in {"rule", "cache", "model", PERSON}
