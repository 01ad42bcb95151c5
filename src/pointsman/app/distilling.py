"""
Makes a table of tokens in a process of its own, so that a gateway keeps its memory and its pace:
`python -m pointsman.app.distilling WEIGHTS VOCABULARY FOLDER`.

The process ends when whoever started it does: then its standard input is at its end.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pointsman.app.semantic import Encoder, at_once
from pointsman.core.errors import PointsmanError, Unusable
from pointsman.storage.learned import LearnedFolder

_NICE: Final = 10
_FAILED: Final = 1
_MOST_TOLD: Final = 300


class TableUnmade(Unusable):
    """The table of tokens could not be made. Remedy: see why in the message, or choose `learning: {embedding: hashed}`."""

    code = "table_unmade"

    def __init__(self, why: str) -> None:
        super().__init__(f"The table of tokens could not be made ({why}). It is tried again; or choose `learning: {{embedding: hashed}}`.")


class Apart:
    """Makes tables one at a time, each in a process of its own. Called again and again until it is done: it never waits."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None

    def __call__(self, encoder: Encoder, folder: LearnedFolder) -> str:
        """Start, or look whether it is done: return the name of the table, or an empty text. Raises `TableUnmade`, `OSError`."""
        running = self._running
        if running is None:
            words = (sys.executable, "-m", __name__, str(encoder.weights), str(encoder.vocabulary), str(folder.folder))
            self._running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - the words are ours
            return ""
        if running.poll() is None:
            return ""
        self._running = None
        said, complaint = running.communicate()
        if running.returncode:
            raise TableUnmade(complaint.decode(errors="replace").strip()[-_MOST_TOLD:] or f"exit code {running.returncode}")
        return said.decode().strip()

    def close(self) -> None:
        """End what is running."""
        if self._running is not None:
            self._running.kill()
            self._running.communicate()
            self._running = None


def main(words: Sequence[str]) -> int:
    """Make the table of `words`, three paths, and say its name."""
    weights, vocabulary, folder = map(Path, words)
    try:
        name = at_once(Encoder(weights=weights, vocabulary=vocabulary), LearnedFolder(folder))
    except (OSError, PointsmanError) as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    sys.stdout.write(f"{name}\n")
    return 0


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(_FAILED)  # the other thread is in the middle of a long product, and nothing is half written under its name


if __name__ == "__main__":
    os.nice(_NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
