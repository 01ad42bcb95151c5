"""
What is recorded after a call: outcomes, charges, reviews, scores. Whoever records them is told when they are on disk.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from pointsman.core.entry import Outcome
from pointsman.storage.batch import Batch, Charge, Review, Score


class Recording(ABC):
    """Keeps what is told of calls and units."""

    @abstractmethod
    async def record(self, batch: Batch) -> None:
        """
        Keep outcomes, charges, reviews and scores, all or none, and return once they are committed. The same id twice counts once.

        Raises `LedgerUnavailable`: then nothing was kept. Raises `BadRequest` for a value that no column can hold.
        """

    async def record_outcome(self, outcome: Outcome) -> None:
        """Keep an outcome durably; see `record`."""
        await self.record(Batch(outcomes=(outcome,)))

    async def record_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes durably, all or none; see `record`."""
        await self.record(Batch(outcomes=tuple(outcomes)))

    async def record_charge(self, charge: Charge) -> None:
        """Keep a charge durably; see `record`."""
        await self.record(Batch(charges=(charge,)))

    async def record_review(self, review: Review) -> None:
        """Keep a review durably; see `record`. The time it took is charged to its unit."""
        await self.record(Batch(reviews=(review,)))

    async def record_score(self, score: Score) -> None:
        """Keep a score durably; see `record`."""
        await self.record(Batch(scores=(score,)))
