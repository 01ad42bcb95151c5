"""
Reviews by people and scores by judges as rows.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.structs import astuple, replace

from pointsman.settings.workflows import Workflow
from pointsman.storage import several
from pointsman.storage.batch import HUMAN, Batch, Charge, Review, Score
from pointsman.storage.sql import Database, Row
from pointsman.storage.units import hourly

_WHOSE: Final = ("call_id", "tenant", "workflow", "unit")
_J = TypeVar("_J", Review, Score)


def keep_judgements(db: Database, batch: Batch, *, workflows: Mapping[str, Workflow]) -> list[Charge]:
    """Write reviews and scores; return the charges for the time that people worked on reviews."""
    if not batch.reviews and not batch.scores:
        return []
    calls = _calls(db, batch)
    reviews = {one.review_id: _charged(_placed(one, calls), workflows) for one in batch.reviews}
    several.replace(db, "review", columns=Review.__struct_fields__, keys=("review_id",), rows=[astuple(one) for one in reviews.values()])
    scores = [_score_row(_placed(one, calls)) for one in batch.scores]
    several.insert(db, "score", columns=Score.__struct_fields__, rows=scores, conflict="ON CONFLICT (score_id) DO NOTHING")
    return [_charge(one) for one in reviews.values() if one.seconds]


def _calls(db: Database, batch: Batch) -> Mapping[str, Row]:
    wanted = sorted({(one.call_id,) for part in (batch.reviews, batch.scores) for one in part})
    return {row["call_id"]: row for row in several.by_keys(db, "call", columns=_WHOSE, keys=("call_id",), wanted=wanted)}


def _placed(one: _J, calls: Mapping[str, Row]) -> _J:
    """Say of a judgement whose it is, as far as its call tells and it does not."""
    call = calls.get(one.call_id)
    if call is None:
        return one
    return replace(one, **{name: call[name] for name in _WHOSE if name in one.__struct_fields__ and not getattr(one, name)})


def _charged(review: Review, workflows: Mapping[str, Workflow]) -> Review:
    if not review.seconds or review.nano_usd is not None:
        return review
    return replace(review, nano_usd=hourly(review.seconds, workflows.get(review.workflow)))


def _charge(review: Review) -> Charge:
    return Charge(
        charge_id=f"review/{review.review_id}",
        at_ms=review.done_ms or review.assigned_ms or 0,
        kind=HUMAN,
        nano_usd=review.nano_usd or 0,
        tenant=review.tenant,
        workflow=review.workflow,
        unit=review.unit,
        queue=review.queue,
        seconds=review.seconds or 0.0,
        source="review",
    )


def _score_row(score: Score) -> tuple[object, ...]:
    return tuple(int(value) if isinstance(value, bool) else value for value in astuple(score))
