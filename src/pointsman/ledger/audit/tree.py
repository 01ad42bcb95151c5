"""
The Merkle tree of RFC 6962 section 2.1: how it grows, and proofs that a leaf is in it and that it only grew.

Pure. Hashes are read through a function, in the layout of tiles: level 0 are the leaves, and a hash of level L + 1 is the root of 256 hashes
of level L. Only whole ones exist, so no hash is ever written twice.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

EMPTY_ROOT: Final = sha256().digest()
HASH_BYTES: Final = 32
LEVELS: Final = 8  # 256 ** 8 leaves are more than there will be
_TILE_HEIGHT: Final = 8

# Level and positions → these hashes.
Hashes = Callable[[int, range], Sequence[bytes]]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows. It holds the roots of its whole subtrees only, one for each bit of its size, the largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def copy(self) -> "Tree":
        """Return another tree with the same leaves."""
        return Tree(self.size, self._peaks)

    def push(self, leaf: bytes, *, whole: Sequence[list[bytes]] = ()) -> None:
        """Add a leaf hash. Hashes of tiles that are now known are added to `whole`, by level, if levels are given."""
        found, rest, height = leaf, self.size, 0
        if whole:
            whole[0].append(leaf)
        while rest & 1:
            found = sha256(b"\1" + self._peaks.pop() + found).digest()
            rest >>= 1
            height += 1
            if whole and height % _TILE_HEIGHT == 0:
                whole[height // _TILE_HEIGHT].append(found)
        self._peaks.append(found)
        self.size += 1

    def root(self) -> bytes:
        """Return the root hash."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            found = node_hash(left, found)
        return found


def level_sizes(size: int) -> list[int]:
    """Return how many hashes each level has in a tree of this size."""
    return [size >> _TILE_HEIGHT * level for level in range(LEVELS)]


def tree_of(hashes: Hashes, size: int) -> Tree:
    """Return the tree of the first `size` leaves, from a few hashes of each level."""
    peaks: list[bytes] = []
    done = 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            peaks.append(_subtree(hashes, height, index=done >> height))
            done += 1 << height
    return Tree(size, peaks)


def root_of(hashes: Hashes, start: int, *, end: int) -> bytes:
    """Return the root over leaves `start` to `end` (exclusive), where `start` is where a subtree of this size begins."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        return _subtree(hashes, count.bit_length() - 1, index=start // count)
    split = start + _left_of(count)
    return node_hash(root_of(hashes, start, end=split), root_of(hashes, split, end=end))


def inclusion_proof(hashes: Hashes, number: int, *, size: int) -> list[bytes]:
    """Return the path from leaf `number` to the root of the first `size` leaves, the leaf's sibling first (section 2.1.1)."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _left_of(end - start)
        if number < split:
            path.append(root_of(hashes, split, end=end))
            end = split
        else:
            path.append(root_of(hashes, start, end=split))
            start = split
    return path[::-1]


def consistency_proof(hashes: Hashes, old: int, *, size: int) -> list[bytes]:
    """Return the proof that the tree of `size` leaves begins with the tree of `old` leaves (section 2.1.2)."""
    if old in {0, size}:
        return []
    path: list[bytes] = []
    start, end, is_known = 0, size, True
    while old != end:
        split = start + _left_of(end - start)
        if old <= split:
            path.append(root_of(hashes, split, end=end))
            end = split
        else:
            path.append(root_of(hashes, start, end=split))
            start, is_known = split, False
    if not is_known:
        path.append(root_of(hashes, start, end=end))
    return path[::-1]


def included_root(leaf: bytes, number: int, *, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that this path leads to from leaf `number`, or None if it is no path in a tree of this size (RFC 9162 section 2.1.3.2)."""
    place, last, found = number, size - 1, leaf
    if not 0 <= place <= last:
        return None
    for other in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(other, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, other)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], *, path: Sequence[bytes]) -> bool:
    """Tell whether the path proves that the new tree (size, root) begins with the old one (RFC 9162 section 2.1.4.2)."""
    if old[0] in {0, new[0]}:
        return not path and (old[1] if old[0] else EMPTY_ROOT) == (new[1] if old[0] else EMPTY_ROOT)
    if old[0] > new[0] or not path:
        return False
    whole = [old[1], *path] if old[0] & (old[0] - 1) == 0 else path
    place, last = old[0] - 1, new[0] - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = whole[0]
    for other in whole[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, other)
        place, last = place >> 1, last >> 1
    return (before, after, last) == (old[1], new[1], 0)


def _left_of(count: int) -> int:
    """Return how many of `count` > 1 leaves are in the left subtree: the largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(hashes: Hashes, height: int, *, index: int) -> bytes:
    """Return the root of the whole subtree of this height that is the `index`-th of its row."""
    level, rest = divmod(height, _TILE_HEIGHT)
    row = list(hashes(level, range(index << rest, index + 1 << rest)))
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
