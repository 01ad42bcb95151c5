"""
What choices by value are made with: the learned parameters in force, where conversations stand, and what trials cost today.

Where the parameters cannot be had, nothing learned is used: the incumbent answers, and the note says what to do.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace as changed

from pointsman.app.trials import EXPLORE, Trials
from pointsman.core.entry import CallRecord
from pointsman.core.errors import Unusable
from pointsman.core.snapshot import Snapshot
from pointsman.decision.by_value import ByValue, PriceOf
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.embedding import Embedder, embedder_of
from pointsman.decision.prediction.parameters import Parameters, decode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.sessions import Sessions
from pointsman.settings.load import Settings
from pointsman.storage.learned import LearnedFolder
from pointsman.storage.sql import Database

_LOG: Final = logging.getLogger("pointsman")


class InUse:
    """
    What one worker chooses with: the parameters in force, where conversations stand, and what trials cost today. It outlives reloads.

    `open_reading` opens the ledger, `now_ms` is the time.
    """

    def __init__(self, open_reading: Callable[[], Database], *, now_ms: Callable[[], int]) -> None:
        self._learned: Learned | None = None
        self._lost: str | None = None
        self._sessions = Sessions()
        self._trials = Trials(open_reading, now_ms=now_ms)

    @property
    def trouble(self) -> str | None:
        """Why the parameters that should be in use are not, or why it is not known what trials cost, or None."""
        return self._lost or self._trials.trouble

    def prepare(self, settings: Settings) -> None:
        """Read the parameters of a snapshot, unless they are at hand. It takes time: called from a thread before they are needed. Raises nothing."""
        digest = settings.snapshot.learned
        if not digest:
            self._learned, self._lost = None, None
            return
        if self._learned is not None and self._learned.digest == digest:
            return
        try:
            parameters = parameters_of(settings)
            predictor = Predictor(parameters, embedder=reader_of(settings, parameters), reads=settings.file.learning.keep_features)
            self._learned, self._lost = Learned(predictor, digest=digest), None
        except Unusable as error:
            self._learned, self._lost = None, error.message
            _LOG.error("%s Until then incumbents answer, and the owner's order follows.", error)

    def of(self, settings: Settings) -> Learned | None:
        """Return what choices under these settings are made with, or None without anything learned."""
        self.prepare(settings)
        return self._learned

    def by_value(self, settings: Settings, price_of: PriceOf) -> ByValue:
        """Return who orders ladders under these settings."""
        return ByValue(price_of=price_of, learned=self.of(settings), sessions=self._sessions, spent=partial(self.spent, EXPLORE))

    def spent(self, mode: str, capability: str) -> int:
        """Return what a capability's trials of a kind (`explore`, `shadow`) cost today, in nano-dollars."""
        return self._trials.spent(mode, capability)

    def noted(self, record: CallRecord, settings: Settings) -> CallRecord:
        """Count what a call cost, if it was a trial; return its record with no more of its prompt than may be kept."""
        self._trials.note(record)
        may = record.features is None or (settings.file.learning.keep_features and settings.retention.features_s(record.data_class.split("+")) > 0)
        return record if may else changed(record, features=None)

    async def look(self, snapshot: Snapshot) -> None:
        """Ask the ledger what trials cost in all workers, where there may be any; called every second."""
        rules = [one.routing for one in snapshot.capabilities.values() if one.routing is not None]
        if any(one.explore is not None or one.shadow is not None for one in rules):
            await asyncio.to_thread(self._trials.look)


def folder_of(settings: Settings) -> LearnedFolder:
    """Return where the parameters of a configuration are kept."""
    return LearnedFolder(settings.folder / settings.file.learning.folder)


def pointer_of(settings: Settings) -> Path:
    """Return the file that names the parameters in force."""
    return settings.folder / settings.file.learning.parameters


def parameters_of(settings: Settings) -> Parameters:
    """Return the parameters in force, empty ones if there are none. Raises `ParametersLost` and `ParametersUnreadable`."""
    digest = settings.snapshot.learned
    return decode(folder_of(settings).read(digest)) if digest else Parameters()


def reader_of(settings: Settings, parameters: Parameters) -> Embedder | None:
    """Return who looks at prompts for these parameters; None where words are hashed. Raises `TableLost`."""
    return reader_at(folder_of(settings), parameters.table)


def reader_at(folder: LearnedFolder, table: str) -> Embedder | None:
    """Return who looks at prompts by a table of this folder, None without a name. One that is in use already is not read again. Raises `TableLost`."""
    return _read(folder.folder, table, stamp=folder.stamp(table)) if table else None


@lru_cache(maxsize=2)
def _read(folder: Path, table: str, *, stamp: tuple[int, int]) -> Embedder | None:
    del stamp
    return embedder_of(table, read=LearnedFolder(folder).table)
