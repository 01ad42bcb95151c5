"""
Where the ledger writes to: a file or a PostgreSQL database, opened, followed when somebody moves it, and opened again when it was lost.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pointsman.settings.ledger_place import Place
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.open import name_of, open_writing
from pointsman.storage.records import write_batch
from pointsman.storage.sql import Database

_LOG: Final = logging.getLogger("pointsman")


class Pen:
    """A database for one thread. `place` is the file's path or the database's URL; `busy_s` is how long a write waits for another's lock."""

    def __init__(self, place: Place, *, busy_s: float) -> None:
        self.place = place
        self._busy_s = busy_s
        self._db = self.another()
        self._file = self._found()

    @property
    def is_file(self) -> bool:
        """Whether the place is a file."""
        return isinstance(self.place, Path)

    @property
    def name(self) -> str:
        """How the place is named to people."""
        return self.place.name if isinstance(self.place, Path) else name_of(self.place)

    def another(self) -> Database:
        """Return another connection to the same place, for the caller to close."""
        return open_writing(self.place, busy_s=self._busy_s)

    def follow(self) -> None:
        """Open the file again if somebody moved or removed it: what is written into a file without a name is lost."""
        if self._found() == self._file:
            return
        _LOG.error("the ledger's file `%s` was moved, replaced or removed; records go on in the one that is there now", self.place)
        before = self._db
        self._db = self.another()
        self._file = self._found()
        before.close()

    def write(self, batch: Batch, workflows: Mapping[str, Workflow]) -> None:
        """Write a batch as a whole or not at all."""
        write_batch(self._db, batch, workflows=workflows)

    def close(self) -> None:
        """Let go of it."""
        self._db.close()

    def _found(self) -> tuple[int, int] | None:
        if not isinstance(self.place, Path):
            return None
        try:
            found = self.place.stat()
        except FileNotFoundError:
            return (0, 0)
        return (found.st_dev, found.st_ino)
