"""
Reading a stream from its first record to its last, as an auditor does: every line against the one before, the tree, and the clock.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.ledger.audit.record import NOTHING_BEFORE, Kind, leaf_hash, line_head
from pointsman.ledger.audit.tree import HASH_BYTES, Tree
from pointsman.storage.audit_files import Segment, segments_of

_MOST_QUIET_MS: Final = 2 * 3_600_000 + 60_000  # a record comes at least every hour
_MOST_BACK_MS: Final = 60_000
_MOST_NOTES: Final = 20
_TREE: Final = "tree.0"


class Fault(Struct, frozen=True, kw_only=True):
    """Something wrong. `record` is the first bad one of its stream, None where it is not about a record; `code` is stable, `says` is for people."""

    code: str
    says: str
    stream: str = ""
    record: int | None = None


class Walk(Struct, frozen=True, kw_only=True):
    """What a walk found: how many records hold together, the roots at the sizes asked for, and the first fault."""

    records: int
    root: bytes
    roots: dict[int, bytes]
    first_ms: int | None
    last_ms: int | None
    notes: tuple[str, ...]
    fault: Fault | None


class _Told(Struct, frozen=True):
    seq: int
    at_ms: int
    kind: str


_read_line: Final = msgspec.json.Decoder(_Told).decode


class _Broken(Exception):
    """The stream does not go on."""

    def __init__(self, code: str, says: str, *, record: int) -> None:
        super().__init__(says)
        self.code = code
        self.record = record


def walk(stream: Path, sizes: AbstractSet[int]) -> Walk:
    """Walk through a stream and return what was found, with the roots at these sizes."""
    return _Walker(stream, sizes).run()


class _Walker:
    def __init__(self, stream: Path, sizes: AbstractSet[int]) -> None:
        self._stream = stream
        self._sizes = sizes
        self._tree = Tree()
        self._before = NOTHING_BEFORE
        self._roots: dict[int, bytes] = {}
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._last_kind = ""
        self._notes: list[str] = []
        path = stream / _TREE
        self._leaves = path.read_bytes() if path.exists() else b""

    def run(self) -> Walk:
        fault = None
        self._note_root()
        try:
            for line in self._lines():
                self._take(line)
            self._end()
        except _Broken as broken:
            fault = Fault(stream=self._stream.name, record=broken.record, code=broken.code, says=str(broken))
        return Walk(
            records=self._tree.size,
            root=self._tree.root(),
            roots=self._roots,
            first_ms=self._first_ms,
            last_ms=self._last_ms,
            notes=tuple(self._notes[:_MOST_NOTES]),
            fault=fault,
        )

    def _lines(self) -> Iterator[bytes]:
        segments = segments_of(self._stream)
        for segment in segments:
            if segment.first != self._tree.size:
                raise _Broken("missing", f"`{segment.path.name}` follows, so records from {self._tree.size} are missing or moved", record=self._tree.size)
            yield from self._lines_in(segment, is_last=segment is segments[-1])

    def _lines_in(self, segment: Segment, *, is_last: bool) -> Iterator[bytes]:
        with segment.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
                elif is_last:
                    self._notes.append("the last line is not whole: the gateway is writing it, or died while it did")
                else:
                    raise _Broken("unreadable", f"record {self._tree.size} is not whole", record=self._tree.size)

    def _take(self, line: bytes) -> None:
        number = self._tree.size
        try:
            told = _read_line(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _Broken("unreadable", f"record {number} cannot be read", record=number) from None
        if not line.startswith(line_head(number, self._before)):
            raise self._misplaced(told, number)
        self._before = leaf_hash(line)
        known = self._leaves[number * HASH_BYTES : (number + 1) * HASH_BYTES]
        if len(known) == HASH_BYTES and known != self._before:
            raise _Broken("changed", f"record {number} is not the one that was written: the tree knows another", record=number)
        self._tree.push(self._before)
        self._note_root()
        self._note_time(told, number)

    def _misplaced(self, told: _Told, number: int) -> _Broken:
        if told.seq != number:
            return _Broken("number", f"where record {number} should be stands {told.seq}", record=number)
        # The record before was taken from the tree's word, so it is this one; without a tree it may be either.
        which = number if self._leaves or not number else number - 1
        return _Broken("link", f"record {number} does not follow record {number - 1}", record=which)

    def _end(self) -> None:
        """The tree is written after the records, so it never knows more of them."""
        known = len(self._leaves) // HASH_BYTES
        if known > self._tree.size:
            raise _Broken("truncated", f"the tree knows {known} records, and {self._tree.size} are left", record=self._tree.size)

    def _note_root(self) -> None:
        if self._tree.size in self._sizes:
            self._roots[self._tree.size] = self._tree.root()

    def _note_time(self, told: _Told, number: int) -> None:
        if self._last_ms is None:
            self._first_ms = told.at_ms
        elif told.at_ms < self._last_ms - _MOST_BACK_MS:
            self._notes.append(f"the clock went back by {(self._last_ms - told.at_ms) // 1000} s at record {number}")
        elif told.at_ms > self._last_ms + _MOST_QUIET_MS and self._last_kind != Kind.STOPPED:
            self._notes.append(f"nothing for {(told.at_ms - self._last_ms) // 1000} s before record {number}, and no orderly stop")
        self._last_ms, self._last_kind = told.at_ms, told.kind
