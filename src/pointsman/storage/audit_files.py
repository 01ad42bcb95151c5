"""
The files of the audit log: a folder with a folder for each stream, held by one process at a time. What stands in them is known to `ledger/audit`.

    origin                     the name of the installation's log
    keys/0001.note …           the history of signing keys
    0/00000000000000000000.jsonl …   a segment, named after the number of its first record
    0/tree.0, tree.1 …         hashes of the tree by level: the tiles of C2SP tlog-tiles, one after the other
    0/checkpoint               the last signed head; `0/checkpoints` keeps one an hour
"""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from msgspec import Struct

LATEST: Final = "checkpoint"
HISTORY: Final = "checkpoints"
_LOCK: Final = "lock"
_SEGMENT: Final = re.compile(r"(\d{20})\.jsonl", re.ASCII)
_STREAM: Final = re.compile(r"0|[1-9]\d{0,3}", re.ASCII)
_HASH_BYTES: Final = 32
_MOST_STREAMS: Final = 256
_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


class Segment(Struct, frozen=True, kw_only=True):
    """One file of records. `first` is the number of its first one."""

    path: Path
    first: int


def streams_of(folder: Path) -> list[Path]:
    """Return the folders of all streams, in order."""
    if not folder.is_dir():
        return []
    return sorted((entry for entry in folder.iterdir() if _STREAM.fullmatch(entry.name) and entry.is_dir()), key=lambda entry: int(entry.name))


def segments_of(stream: Path) -> list[Segment]:
    """Return the segments of a stream, in order."""
    found = [(_SEGMENT.fullmatch(entry.name), entry) for entry in stream.iterdir()]
    return sorted((Segment(path=entry, first=int(match[1])) for match, entry in found if match), key=lambda segment: segment.first)


def lines_of(stream: Path) -> Iterator[bytes]:
    """Return the lines of a stream without their breaks. One that is just being written is left out."""
    for segment in segments_of(stream):
        with segment.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]


def hashes_of(stream: Path, level: int, *, which: range) -> list[bytes]:
    """Return hashes of the tree from the file of their level. Raises `OSError` if they are not there."""
    with (stream / f"tree.{level}").open("rb") as file:
        file.seek(which.start * _HASH_BYTES)
        return _split(file.read(len(which) * _HASH_BYTES), len(which))


def notes_of(folder: Path) -> list[str]:
    """Return the texts of all checkpoints that a folder keeps, the latest last. What is no text is returned as it can be read."""
    found: list[str] = []
    for name in (HISTORY, LATEST):
        with suppress(FileNotFoundError):
            found += notes_in((folder / name).read_text(encoding="utf-8", errors="replace"))
    return found


def notes_in(text: str) -> list[str]:
    """Return the notes in a text that holds several, one after the other with an empty line between."""
    parts = text.split("\n\n")
    return [body + "\n\n" + signatures.rstrip("\n") + "\n" for body, signatures in zip(parts[::2], [*parts[1::2], ""], strict=False) if body.strip()]


def keep_note(folder: Path, whole: str, *, in_history: bool) -> None:
    """Keep a checkpoint as the latest, and for good if it belongs to the history. Neither is ever half written."""
    replace_whole(folder / LATEST, whole.encode())
    if in_history:
        with (folder / HISTORY).open("ab") as file:
            file.write(f"{whole}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def replace_whole(path: Path, content: bytes, *, mode: int = _PRIVATE) -> None:
    """Write a file so that after a crash the old or the new one is there, and nothing between."""
    beside = path.with_name(f".{path.name}.{token_hex(4)}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make sure that the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, if there is none."""
    path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


class StreamFiles:
    """
    The files of one stream, for its only writer: the first stream of the folder that no living process holds.

    Everything raises `OSError` when the disk does not do what it is asked.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self._lock = _claimed(folder)
        self._descriptor = -1
        self._inode = (0, 0)
        self._size = 0
        self._is_torn = False
        self._levels: dict[int, int] = {}
        self._waiting: dict[int, bytearray] = {}

    @property
    def size(self) -> int:
        """How many bytes the open segment has."""
        return self._size

    def open_segment(self, first: int) -> None:
        """Go on in the segment that begins with this record, a new one if there is none."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._segment = self.path / f"{first:020d}.jsonl"
        self._descriptor = os.open(self._segment, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
        found = os.fstat(self._descriptor)
        self._inode, self._size, self._is_torn = (found.st_dev, found.st_ino), found.st_size, False
        sync_folder(self.path)

    def cut_segment(self, size: int) -> None:
        """Take away what stands after the first `size` bytes of the open segment."""
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)
        self._size = size

    def append(self, data: bytes) -> None:
        """Write lines; they are on the disk when this returns. If it cannot, nothing of them stays."""
        self._look()
        try:
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError:
            self._is_torn = True
            raise
        self._size += len(data)

    def _look(self) -> None:
        """Refuse to write after what somebody else took away or added: the log on the disk would not be the one that we sign."""
        if self._is_torn:
            self.cut_segment(self._size)
            self._is_torn = False
        try:
            found = self._segment.stat()
        except FileNotFoundError:
            raise OSError(f"`{self._segment.name}` was removed") from None
        if (found.st_dev, found.st_ino) != self._inode or found.st_size != self._size:
            raise OSError(f"`{self._segment.name}` was changed by somebody else")

    # ── hashes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_hashes(self, levels: Sequence[Sequence[bytes]]) -> None:
        """Write further hashes of each level. What cannot be written is kept for the next time."""
        for level, hashes in enumerate(levels):
            if hashes:
                self._waiting.setdefault(level, bytearray()).extend(b"".join(hashes))
        for level, waiting in self._waiting.items():
            while waiting:
                del waiting[: os.write(self._level(level), waiting)]

    def hashes(self, level: int, which: range) -> list[bytes]:
        """Return hashes of a level."""
        return _split(os.pread(self._level(level), len(which) * _HASH_BYTES, which.start * _HASH_BYTES), len(which))

    def cut_hashes(self, sizes: Sequence[int]) -> bool:
        """Take away all but the first hashes of each level. Tell whether there were as many."""
        were_there = True
        for level, size in enumerate(sizes):
            if size or (self.path / f"tree.{level}").exists():
                descriptor = self._level(level)
                were_there &= os.fstat(descriptor).st_size >= size * _HASH_BYTES
                os.ftruncate(descriptor, size * _HASH_BYTES if were_there else 0)
        return were_there

    def sync_hashes(self) -> None:
        """Make sure that the hashes are on the disk. Until then they can be made again from the open segment."""
        for descriptor in self._levels.values():
            os.fsync(descriptor)

    def _level(self, level: int) -> int:
        if level not in self._levels:
            self._levels[level] = os.open(self.path / f"tree.{level}", os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE)
        return self._levels[level]

    def close(self) -> None:
        """Close the files and let the stream go."""
        for descriptor in [*self._levels.values(), *([self._descriptor] if self._descriptor >= 0 else []), self._lock]:
            os.close(descriptor)
        self._levels = {}
        self._descriptor = -1


def _claimed(folder: Path) -> tuple[Path, int]:
    make_folder(folder)
    for number in range(_MOST_STREAMS):
        path = folder / str(number)
        make_folder(path)
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)  # another process writes this stream
        else:
            return path, descriptor
    raise OSError(f"all {_MOST_STREAMS} streams are held by other processes")


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _split(data: bytes, count: int) -> list[bytes]:
    if len(data) != count * _HASH_BYTES:
        raise OSError("hashes of the tree are missing")
    return [data[start : start + _HASH_BYTES] for start in range(0, len(data), _HASH_BYTES)]
