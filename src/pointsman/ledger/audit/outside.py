"""
What an auditor has from elsewhere: checkpoints and notes of keys, found in folders, files or git repositories that copies were kept in.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pointsman.ledger.audit.note import BadNote, read_note
from pointsman.ledger.audit.walk import Fault
from pointsman.storage.audit_files import HISTORY, LATEST, notes_in

_NAMES: Final = frozenset({LATEST, HISTORY})


class Outside:
    """The checkpoints of one log, by stream, and the keys that were told outside."""

    def __init__(self, places: Sequence[Path], origin: str) -> None:
        self._origin = origin
        self._notes: dict[str, list[str]] = {}
        self._keys: list[str] = []
        for place in places:
            for path in _files(place):
                text = path.read_text(encoding="utf-8", errors="replace")
                if path.suffix == ".note":
                    self._keys.append(text)
                else:
                    self._sort(text)

    @property
    def streams(self) -> frozenset[str]:
        """The streams that a checkpoint is known of."""
        return frozenset(self._notes)

    def notes(self, stream: str) -> Sequence[str]:
        """Return the checkpoints of a stream."""
        return self._notes.get(stream, ())

    def key_faults(self, notes: Sequence[str]) -> Iterator[Fault]:
        """Compare the history of keys with what was told outside."""
        for whole in self._keys:
            lines = whole.split("\n")
            if lines[1:2] == [self._origin] and whole not in notes:
                yield Fault(code="keys", says=f"key {lines[2]} was another one when it was told outside")

    def _sort(self, text: str) -> None:
        for whole in notes_in(text):
            try:
                origin = read_note(whole).text.partition("\n")[0]
            except BadNote:
                origin = whole.partition("\n")[0]
            name, _, stream = origin.rpartition("/")
            if name == self._origin:
                self._notes.setdefault(stream, []).append(whole)


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file() and (path.name in _NAMES or path.match("keys/*.note")))
