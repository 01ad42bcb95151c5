"""
Failure patterns: which error of which step at which target stands out in which workflow.
"""

import math
from collections import defaultdict
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.ledger.slices import DAY_MS, HOUR_MS, Slice
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

_Z: Final = 1.959964
_EXAMPLES: Final = 3
_MOST: Final = 20
# Failures are kept by the hour: of more than this there are too many rows for a page.
_LONGEST_MS: Final = 30 * DAY_MS

_Where = tuple[str, str]
_What = tuple[str, str]


class FailurePattern(Struct, frozen=True, kw_only=True):
    """
    One error of one kind of step at one target in one workflow.

    `failed` of `attempts` failed so; `excess` is how many more than at the rate of all other workflows and targets. `lift` is the ratio of both rates with
    its 95 % interval (`lo`, `hi`); None where nothing else was attempted. `first_snapshot` was in force when the span first met it. `examples` are call ids.
    """

    workflow: str
    target: str
    kind: str
    error: str
    failed: int
    attempts: int
    excess: float
    lift: float | None
    lo: float | None
    hi: float | None
    first_ms: int
    last_ms: int
    first_snapshot: str = ""
    examples: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """The share of attempts that failed so."""
        return self.failed / self.attempts


def failure_patterns(db: Database, where: Slice, *, most: int = _MOST) -> list[FailurePattern]:
    """
    Return what fails, the greatest excess over the other slices first.

    An attempt is an answer of a target or any failure at it. All workflows are counted, so that there is something to compare with; those of the slice
    are returned, with the newest examples of the hour in which it was last met. Of a long span the last 30 days are looked at.
    """
    wide = Slice(since_ms=max(where.since_ms, where.until_ms - _LONGEST_MS), until_ms=where.until_ms)
    rows = db.rows(query("metrics/failures"), wide.timed())
    attempts: defaultdict[_Where, int] = defaultdict(int)
    for row in db.rows(query("metrics/model_choice"), wide.values()):
        attempts[row["workflow"], row["target"]] += row["ok"]
    failed: defaultdict[_What, int] = defaultdict(int)
    for row in rows:
        attempts[row["workflow"], row["target"]] += row["failed"]
        failed[row["kind"], row["error"]] += row["failed"]
    total = sum(attempts.values())
    found = [
        _pattern(row, attempts=attempts[row["workflow"], row["target"]], others=(failed[row["kind"], row["error"]], total))
        for row in rows
        if where.workflow in {None, row["workflow"]}
    ]
    found.sort(key=lambda one: (-one.excess, -one.failed, one.workflow, one.target, one.error))
    return [_with_examples(db, one) for one in found[:most]]


def _pattern(row: Row, *, attempts: int, others: tuple[int, int]) -> FailurePattern:
    failed = row["failed"]
    elsewhere, attempts_elsewhere = others[0] - failed, others[1] - attempts
    lift, lo, hi = _lift(failed, attempts, others=(elsewhere, attempts_elsewhere)) if attempts_elsewhere else (None, None, None)
    expected = attempts * elsewhere / attempts_elsewhere if attempts_elsewhere else 0.0
    return FailurePattern(**row, attempts=attempts, excess=failed - expected, lift=lift, lo=lo, hi=hi)


def _lift(failed: int, attempts: int, *, others: tuple[int, int]) -> tuple[float, float, float]:
    """Return the ratio of two rates with its interval on the logarithm's scale; half a failure is added to both, because elsewhere there may be none."""
    elsewhere, attempts_elsewhere = others[0] + 0.5, others[1] + 0.5
    here, attempts_here = failed + 0.5, attempts + 0.5
    lift = (here / attempts_here) / (elsewhere / attempts_elsewhere)
    reach = math.exp(_Z * math.sqrt(max(1 / here - 1 / attempts_here + 1 / elsewhere - 1 / attempts_elsewhere, 0.0)))
    return lift, lift / reach, lift * reach


def _with_examples(db: Database, one: FailurePattern) -> FailurePattern:
    # A call's id is a little older than its start: one that began early in the hour may have an id of the hour before.
    span = {"first_id": first_id(max(one.last_ms - HOUR_MS, 0)), "last_id": first_id(one.last_ms + HOUR_MS), "most": _EXAMPLES}
    asked = {name: getattr(one, name) for name in ("workflow", "target", "kind", "error")}
    rows = db.rows(query("metrics/failure_examples"), span | asked)
    first = db.rows(query("metrics/failure_first"), asked | {"first_ms": one.first_ms})
    return replace(one, examples=tuple(row["call_id"] for row in rows), first_snapshot=first[0]["snapshot"])
