"""
Long texts are read in pieces that overlap, so that the reader can breathe between two of them and nothing is lost at a cut.
"""

from collections.abc import Iterator
from typing import Final

from pointsman.governance.finding import Finding

PIECE: Final = 8_192
OVERLAP: Final = 1_024


def pieces(length: int) -> Iterator[tuple[int, int]]:
    """Yield the characters (from, to) of each piece of a text that is `length` characters long. Two neighbours have `OVERLAP` in common."""
    start = 0
    while True:
        end = min(length, start + PIECE)
        yield start, end
        if end == length:
            return
        start = end - OVERLAP


def is_cut(finding: Finding, *, length: int, start: int, end: int) -> bool:
    """
    Tell whether a finding in a piece (`start` to `end` of a text of `length`) may be part of something longer that the neighbouring piece holds whole.

    A finding as long as the overlap is kept: the neighbour need not hold it whole.
    """
    if finding.end - finding.start >= OVERLAP:
        return False
    return (finding.start == 0 and start > 0) or (finding.end == end - start and end < length)
