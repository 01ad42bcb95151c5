"""
What a shadow call tells of the target that was asked too: how far both answers say the same, where that can be told from their texts.

Answers that are one value, a short text or a document of fields are alike or not. Two essays may be equally good and share few words: they are not compared
here, and what is known of them are outcomes, reviews and the scores of a judge.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from pointsman.app.shadows import Pair
from pointsman.assess.agreement import agreement
from pointsman.core.errors import PointsmanError
from pointsman.core.snapshot import Snapshot
from pointsman.storage.batch import Batch, Score

_LOG: Final = logging.getLogger("pointsman")
METRIC: Final = "agreement"
JUDGE: Final = "pointsman/agreement@1"
_WORDS: Final = 12  # of an answer that is a value and not a text


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
    Return a score for each answer of a pair, none where they cannot be compared. The answer of the incumbent, or else the one that was given, is what the
    other is held against: its own score is 1.
    """
    if not (_is_value(pair.given_text) and _is_value(pair.other_text)):
        return ()
    alike = agreement(pair.given_text, pair.other_text)
    is_held_against_other = pair.other == incumbent
    values = {"": alike if is_held_against_other else 1.0, pair.other: 1.0 if is_held_against_other else alike}
    return tuple(
        Score(
            score_id=f"{METRIC}/{pair.call_id}/{target}",
            call_id=pair.call_id,
            at_ms=at_ms,
            metric=METRIC,
            judge=JUDGE,
            value=value,
            workflow=pair.workflow,
            selection_propensity=pair.propensity,
            target=target,
        )
        for target, value in values.items()
    )


def incumbent_of(snapshot: Snapshot, capability: str) -> str | None:
    """Return the target that a capability is held against, or None where its order counts."""
    found = snapshot.capabilities.get(capability)
    return None if found is None or found.routing is None else found.routing.incumbent.name


def _is_value(text: str) -> bool:
    """Tell whether an answer is one value or a document of fields."""
    told = text.strip()
    if told[:1] in {"{", "["}:
        try:
            msgspec.json.decode(told)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True
    return 0 < len(told.split()) <= _WORDS
