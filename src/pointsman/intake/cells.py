"""
Where counts are kept: in this process, or in memory that all workers of one machine share (ADR 0009). Both count exactly.

A cell holds four integers under a name: the start of a period, the sum in it, the sum of the period before, and the Unix second after
which nobody will ask for it. Cells that have lapsed make room for others, so that names without end (users) need no memory without end.
"""

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, Protocol

from pointsman.core.errors import Failed

_SLOT: Final = struct.Struct("<8sqqqq")
_FREE: Final = bytes(8)
_SLOTS: Final = 1 << 16
_REACH: Final = 256  # how far from its home slot a name may be kept
_FIRST_SWEEP: Final = 4096
_REMEMBERED: Final = 4096

Cell = tuple[int, int, int, int]
NOTHING: Final[Cell] = (0, 0, 0, 0)

Guard = AbstractContextManager[None]


class Cells(Protocol):
    """Named cells. What happens between entering and leaving `lock()` is seen by no other worker."""

    def lock(self) -> Guard:
        """Return the guard around a change of several cells."""
        ...

    def read(self, name: str) -> Cell:
        """Return a cell; zeros for a name never written, or lapsed."""
        ...

    def write(self, name: str, cell: Cell, *, now_s: float) -> None:
        """Replace a cell. Cells that lapsed before `now_s` may go."""
        ...


class OwnCells:
    """Cells of a single process: a dictionary, and nobody to lock out."""

    def __init__(self) -> None:
        self._cells: dict[str, Cell] = {}
        self._guard = nullcontext()
        self._sweep_at = _FIRST_SWEEP

    def lock(self) -> Guard:
        """Return a guard that does nothing: there is one thread and no wait in between."""
        return self._guard

    def read(self, name: str) -> Cell:
        """Return a cell."""
        return self._cells.get(name, NOTHING)

    def write(self, name: str, cell: Cell, *, now_s: float) -> None:
        """Replace a cell. Lapsed ones are swept out each time their number has doubled."""
        self._cells[name] = cell
        if len(self._cells) > self._sweep_at:
            self._cells = {kept: cell for kept, cell in self._cells.items() if cell[3] > now_s}
            self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._cells))

    def __len__(self) -> int:
        return len(self._cells)


class SharedCells:
    """
    Cells in a file that every worker maps: a hash table with open addressing, guarded by a POSIX record lock.

    The kernel frees the lock when a worker dies, so a crash cannot close the door for the others. Names are kept as 8-byte digests. A slot is
    never emptied, only taken over by another name once it has lapsed, so a search ends at the first free slot. Where a name was found last is
    remembered, and looked at first.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._fd, _SLOT.size * _SLOTS)
        self._map = mmap.mmap(self._fd, _SLOT.size * _SLOTS)
        self._guard = _RecordLock(self._fd)
        # Users name themselves: that nobody works out names which crowd out another's, where they are kept follows from this start's own folder.
        self._key = hashlib.blake2b(os.fsencode(path)).digest()
        self._found_at: dict[str, tuple[int, bytes]] = {}

    def lock(self) -> Guard:
        """Return the guard that keeps the other workers out."""
        return self._guard

    def read(self, name: str) -> Cell:
        """Return a cell."""
        known = self._found_at.get(name)
        if known is not None:
            slot = _SLOT.unpack_from(self._map, known[0])
            if slot[0] == known[1]:
                return slot[1:]
        digest = self._digest(name)
        for offset in self._near(digest):
            found, *cell = _SLOT.unpack_from(self._map, offset)
            if found == digest:
                return tuple(cell)
            if found == _FREE:
                break
        return NOTHING

    def write(self, name: str, cell: Cell, *, now_s: float) -> None:
        """Replace a cell. Raises `Failed` when no slot is free or lapsed."""
        known = self._found_at.get(name)
        if known is not None:
            at, digest = known
            if self._map[at : at + len(_FREE)] == digest:
                _SLOT.pack_into(self._map, at, digest, *cell)
                return
        digest = self._digest(name)
        place: int | None = None
        for offset in self._near(digest):
            found, _, _, _, until_s = _SLOT.unpack_from(self._map, offset)
            if found == digest:
                place = offset
                break
            if place is None and (found == _FREE or until_s <= now_s):
                place = offset
            if found == _FREE:
                break
        if place is None:
            raise Failed(f"The table of limits is full ({_SLOTS} names). Limit by team or key instead of by user.")
        _SLOT.pack_into(self._map, place, digest, *cell)
        if len(self._found_at) >= _REMEMBERED:
            self._found_at.clear()
        self._found_at[name] = (place, digest)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._fd)

    def _digest(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=8, key=self._key).digest()

    def _near(self, digest: bytes) -> Generator[int]:
        start = int.from_bytes(digest[:4])
        for step in range(_REACH):
            yield (start + step) % _SLOTS * _SLOT.size


class _RecordLock:
    """A POSIX record lock on a whole file, as a guard."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN)
