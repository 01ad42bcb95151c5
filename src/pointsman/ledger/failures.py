"""
What went wrong, by target and by capability: the numbers of `pointsman report --failures`.
"""

from dataclasses import dataclass
from typing import Final

from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFailure:
    """One kind of failure at one target: `failed` of its `attempts`, in `calls` calls. `error` is a failure kind or a grade code."""

    target: str
    place: str
    error: str
    failed: int
    calls: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Calls of a capability that got no answer, by the code that the caller was told."""

    capability: str
    status: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Everything that went wrong in a span of time, the most frequent first."""

    targets: tuple[TargetFailure, ...]
    unanswered: tuple[Unanswered, ...]


def failures(db: Database, *, since_ms: int, until_ms: int) -> Failures:
    """Read the failures of calls that began in a span (Unix milliseconds) from a ledger opened with `open_reading`."""
    # A call's id is a little older than its start; an hour is more than any request waits at the door.
    span = {"since_ms": since_ms, "until_ms": until_ms, "first_id": first_id(max(since_ms - _HOUR_MS, 0))}
    return Failures(
        targets=tuple(
            TargetFailure(target=row["target"], place=row["place"], error=row["error"], failed=row["failed"], calls=row["calls"], attempts=row["attempts"])
            for row in db.rows(query("report_failures"), span)
        ),
        unanswered=tuple(
            Unanswered(capability=row["capability"], status=row["status"], calls=row["calls"]) for row in db.rows(query("report_unanswered"), span)
        ),
    )
