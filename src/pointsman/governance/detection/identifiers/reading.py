"""
A text as the finders of identifiers read it: with its shadow, and questions about what stands around a candidate.
"""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from pointsman.governance.detection.kinds import class_of
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

DETECTOR: Final = "structured/1"
BEFORE: Final = 56
AFTER: Final = 24
_LETTER_ESCAPES: Final = b"nrtvf"
_WORD: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_BACKSLASH: Final = 0x5C
_POINT: Final = 0x2E
_DIGITS: Final = frozenset(b"0123456789")


def is_digit(byte: int) -> bool:
    """Tell whether a byte of a shadow is a digit."""
    return byte in _DIGITS


class Reading(Struct, frozen=True):
    """A text and its shadow."""

    text: str
    raw: bytes

    def finding(self, start: int, end: int, *, kind: str, score: float = 1.0) -> Finding:
        """Return a finding of this kind at this place."""
        return Finding(start=start, end=end, kind=kind, data_class=class_of(kind), detector=DETECTOR, score=score)

    def opens(self, start: int) -> bool:
        """Tell whether a value may begin here: nothing of a word stands before, or only the letter that ends an escape (a line break in JSON in JSON)."""
        raw = self.raw
        if start == 0 or raw[start - 1] not in _WORD:
            return True
        return start > 1 and raw[start - 1] in _LETTER_ESCAPES and raw[start - 2] == _BACKSLASH

    def closes(self, end: int) -> bool:
        """Tell whether a value may end here: nothing of a word follows."""
        return end >= len(self.raw) or self.raw[end] not in _WORD

    def in_decimal(self, start: int, end: int) -> bool:
        """Tell whether the digits are part of a longer number with a point, such as `0.4111` or `4111.25`. A comma parts columns as well."""
        raw = self.raw
        before = start > 1 and raw[start - 1] == _POINT and raw[start - 2] in _DIGITS
        return before or (end + 1 < len(raw) and raw[end] == _POINT and raw[end + 1] in _DIGITS)

    def has_context(self, words: Linear, start: int, *, end: int) -> bool:
        """Tell whether one of the words stands shortly before, or directly after."""
        return words.found_in(self.raw[max(0, start - BEFORE) : start]) or words.found_in(self.raw[end : end + AFTER])


Finder = Callable[[Reading], Iterator[Finding]]
