"""
What a shadow call tells of the target that was asked too: how far both answers say the same, where that can be told from their texts.

Answers that are one value, a short text or a document of fields are alike or not. Two essays may be equally good and share few words: of them the grades of
the capability's judge are kept, and what else is known of them are outcomes and reviews.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from pointsman.app.shadows import Pair
from pointsman.assess.agreement import agreement, is_value
from pointsman.core.errors import PointsmanError
from pointsman.core.snapshot import Snapshot
from pointsman.storage.batch import Batch, Score

_LOG: Final = logging.getLogger("pointsman")
METRIC: Final = "agreement"
JUDGE: Final = "pointsman/agreement@1"
GRADE: Final = "grade"


class Comparing:
    """Compares, and keeps what came of it. `record` keeps scores, `incumbent` names the target that a capability is held against."""

    def __init__(self, record: Callable[[Batch], Awaitable[None]], *, incumbent: Callable[[str], str | None], now_ms: Callable[[], int]) -> None:
        self._record = record
        self._incumbent = incumbent
        self._now_ms = now_ms
        self._under_way: set[asyncio.Task[None]] = set()

    def __call__(self, pair: Pair) -> None:
        """Compare the answers of a pair. Nobody waits for it."""
        found = scores_of(pair, incumbent=self._incumbent(pair.capability), at_ms=self._now_ms())
        if found:
            task = asyncio.ensure_future(self._keep(found))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _keep(self, scores: tuple[Score, ...]) -> None:
        try:
            await self._record(Batch(scores=scores))
        except PointsmanError as error:
            _LOG.warning("a comparison was not kept: %s", error.code)


def scores_of(pair: Pair, *, incumbent: str | None, at_ms: int) -> tuple[Score, ...]:
    """
    Return a score for each answer of a pair, none where they can neither be compared nor were graded. The answer of the incumbent, or else the one that was
    given, is what the other is held against: its own score is 1. Where a judge graded them, each has its own grade. An answer that does not pass the
    capability's checks agrees with none; with one of the incumbent's nothing can be compared.
    """
    if not pair.is_good_enough:
        if pair.other == incumbent or not is_value(pair.given_text):
            return ()
        metric, judge, both = METRIC, JUDGE, (1.0, 0.0)
    elif is_value(pair.given_text) and is_value(pair.other_text):
        alike = agreement(pair.given_text, pair.other_text, on=pair.agree_on)
        metric, judge, both = METRIC, JUDGE, (alike, 1.0) if pair.other == incumbent else (1.0, alike)
    elif pair.grades is not None:
        metric, judge, both = GRADE, f"{pair.judge}/grade@1", pair.grades
    else:
        return ()
    return tuple(
        Score(
            score_id=f"{metric}/{pair.call_id}/{target}",
            call_id=pair.call_id,
            at_ms=at_ms,
            metric=metric,
            judge=judge,
            value=value,
            workflow=pair.workflow,
            selection_propensity=pair.propensity,
            target=target,
        )
        for target, value in zip(("", pair.other), both, strict=True)
    )


def incumbent_of(snapshot: Snapshot, capability: str) -> str | None:
    """Return the target that a capability is held against, or None where its order counts."""
    found = snapshot.capabilities.get(capability)
    return None if found is None or found.routing is None else found.routing.incumbent.name
