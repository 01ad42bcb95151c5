"""
Prompts that several targets answered, with a score for each: from shadow calls in the ledger, or from a table of an evaluation.

Rules:
1. Both answers are scored by the same judge, a person before a model. Where nobody scored the answer that was given, the outcome of its unit stands for it.
2. Of a unit one call counts, the newest: calls of one unit are not drawn apart from each other.
3. What was asked elsewhere as a trial does not count: its like was drawn more often than the rest.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from pointsman.decision.prediction.values import Prompt
from pointsman.storage.database import query
from pointsman.storage.sql import Database, Row

MOST: Final = 20_000
_STATES: Final[Mapping[str, float]] = {"useful": 1.0, "failed": 0.0, "reversed": 0.0}


class Observed(Struct, frozen=True, kw_only=True):
    """
    One prompt with the scores (0..1) of those that answered it. `key` names what it is kept apart by, `propensity` with which probability it was drawn.

    `by_outcome` tells that one of the scores is the outcome of a unit, and the other what a judge said.
    """

    key: str
    prompt: Prompt
    scores: Mapping[str, float]
    propensity: float = 1.0
    at_ms: int = 0
    by_outcome: bool = False


class Span(Struct, frozen=True, kw_only=True):
    """Where to look: a capability with its task, in a workflow, scores told after one time and until another (Unix milliseconds)."""

    workflow: str
    capability: str
    task: str = ""
    after_ms: int = 0
    until_ms: int


def of_shadows(db: Database, span: Span, *, most: int = MOST) -> tuple[Observed, ...]:
    """Return what shadow calls told, oldest first. Raises what the database says."""
    asked = {"workflow": span.workflow, "capability": span.capability, "after_ms": span.after_ms, "until_ms": span.until_ms, "most": most}
    found: dict[tuple[str, str], tuple[tuple[int, int], Observed]] = {}
    for row in db.rows(query("guarantee/pairs"), asked):
        rank, given = _rank(row), _given(row)
        if given is None:
            continue
        unit = (row["tenant"], row["unit"])
        kept = found.get(unit)
        if kept is not None and (kept[1].key != _key(row) or kept[0] <= rank):
            continue
        found[unit] = (rank, _observed(row, given, span=span))
    return tuple(sorted((one for _, one in found.values()), key=lambda one: (one.at_ms, one.key)))


def of_table(rows: Iterable[tuple[str, str, float]], *, capability: str, task: str = "", at_ms: int = 0) -> tuple[Observed, ...]:
    """Return what a table of (prompt, target, score) tells; of a prompt and target that stand there twice, the mean."""
    found: dict[str, dict[str, list[float]]] = {}
    for prompt, target, score in rows:
        found.setdefault(prompt, {}).setdefault(target, []).append(score)
    return tuple(
        Observed(
            key=prompt,
            prompt=Prompt(text=prompt, capability=capability, task=task),
            scores={target: sum(several) / len(several) for target, several in scores.items()},
            at_ms=at_ms,
        )
        for prompt, scores in found.items()
    )


def _rank(row: Row) -> tuple[int, int]:
    """Return how good a comparison is, the best first."""
    return int(row["given_value"] is None), int(not row["is_human"])


def _given(row: Row) -> float | None:
    return _STATES.get(row["state"]) if row["given_value"] is None else _within(row["given_value"])


def _observed(row: Row, given: float, *, span: Span) -> Observed:
    return Observed(
        key=_key(row),
        prompt=Prompt(text=_features(row["features"]), capability=span.capability, task=span.task),
        scores={row["given"]: given, row["other"]: _within(row["other_value"])},
        propensity=row["propensity"],
        at_ms=row["at_ms"],
        by_outcome=row["given_value"] is None,
    )


def _key(row: Row) -> str:
    return str(row["call_id"])


def _within(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _features(kept: str | None) -> bytes:
    try:
        return b64decode(kept or "", validate=True)
    except binascii.Error:
        return b""
