"""
Where counts are kept: in this process, or in memory that all workers of one machine share (ADR 0009). Both count exactly.

A cell holds three integers under a name: a period, the sum in it, and the sum of the period before.
"""

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, Protocol

from pointsman.core.errors import Failed

_SLOT: Final = struct.Struct("<8sqqq")
_FREE: Final = bytes(8)
_SLOTS: Final = 1 << 16

Cell = tuple[int, int, int]
NOTHING: Final[Cell] = (0, 0, 0)


class Guard(Protocol):
    """What `with` needs."""

    def __enter__(self) -> object:
        """Begin."""
        ...

    def __exit__(self, *args: object) -> object:
        """End."""
        ...


class Cells(Protocol):
    """Named cells. What happens between entering and leaving `lock()` is seen by no other worker."""

    def lock(self) -> Guard:
        """Return the guard around a change of several cells."""
        ...

    def read(self, name: str) -> Cell:
        """Return a cell; zeros for a name never written."""
        ...

    def write(self, name: str, cell: Cell) -> None:
        """Replace a cell."""
        ...


class OwnCells:
    """Cells of a single process: a dictionary, and nobody to lock out."""

    def __init__(self) -> None:
        self._cells: dict[str, Cell] = {}
        self._guard = nullcontext()

    def lock(self) -> Guard:
        """Return a guard that does nothing: there is one thread and no wait in between."""
        return self._guard

    def read(self, name: str) -> Cell:
        """Return a cell."""
        return self._cells.get(name, NOTHING)

    def write(self, name: str, cell: Cell) -> None:
        """Replace a cell."""
        self._cells[name] = cell


class SharedCells:
    """
    Cells in a file that every worker maps: a hash table with open addressing, guarded by a POSIX record lock.

    The kernel frees the lock when a worker dies, so a crash cannot close the door for the others. Names are kept as 8-byte digests.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._fd, _SLOT.size * _SLOTS)
        self._map = mmap.mmap(self._fd, _SLOT.size * _SLOTS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def lock(self) -> Guard:
        """Return the guard that keeps the other workers out."""
        return self._locked()

    def read(self, name: str) -> Cell:
        """Return a cell."""
        _, period, now, before = _SLOT.unpack_from(self._map, self._offset(name))
        return period, now, before

    def write(self, name: str, cell: Cell) -> None:
        """Replace a cell."""
        _SLOT.pack_into(self._map, self._offset(name), _digest(name), *cell)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._fd)

    def _offset(self, name: str) -> int:
        digest = _digest(name)
        start = int.from_bytes(digest[:4])
        for step in range(_SLOTS):
            offset = (start + step) % _SLOTS * _SLOT.size
            found = self._map[offset : offset + 8]
            if found in (digest, _FREE):
                return offset
        raise Failed(f"The table of limits is full ({_SLOTS} names). Limit by team or key instead of by user.")


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
