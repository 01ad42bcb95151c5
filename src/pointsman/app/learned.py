"""
The learned parameters in force, ready for choices. Where they cannot be had, nothing learned is used: the incumbent answers, and the note says what to do.
"""

import logging
from pathlib import Path
from typing import Final

from pointsman.core.errors import Unusable
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.parameters import Parameters, decode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.settings.load import Settings
from pointsman.storage.learned import LearnedFolder

_LOG: Final = logging.getLogger("pointsman")


class InUse:
    """What is in use by one worker. `trouble` says why the parameters that should be are not."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self._learned: Learned | None = None

    def prepare(self, settings: Settings) -> None:
        """Read the parameters of a snapshot, unless they are at hand. It takes time: called from a thread before they are needed. Raises nothing."""
        digest = settings.snapshot.learned
        if not digest:
            self._learned, self.trouble = None, None
            return
        if self._learned is not None and self._learned.digest == digest:
            return
        try:
            self._learned, self.trouble = Learned(Predictor(parameters_of(settings)), digest=digest), None
        except Unusable as error:
            self._learned, self.trouble = None, error.message
            _LOG.error("%s Until then incumbents answer, and the owner's order follows.", error)

    def of(self, settings: Settings) -> Learned | None:
        """Return what choices under these settings are made with, or None without anything learned."""
        self.prepare(settings)
        return self._learned


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
