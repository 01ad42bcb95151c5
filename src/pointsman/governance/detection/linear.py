"""
Patterns whose time is linear in the text, whoever wrote the text (RE2), over a shadow of it.

A *shadow* is the text in ASCII, one byte per character, so that an offset in one is an offset in the other. What is not ASCII is `?` there, but for
spaces, dashes and colons of other typesettings, which stand as their plain form.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import re2  # pyright: ignore[reportMissingTypeStubs] - it has none; only this module touches it

_RE2: Final[Any] = re2

Groups = tuple[tuple[int, int], ...]

# One character each, so that nothing moves.
_PLAIN: Final = (
    *((chr(code), " ") for code in (0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)),
    *((chr(code), "-") for code in (0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212)),
    ("\u2019", "'"),
)


def shadow(text: str) -> bytes:
    """Return the shadow of a text."""
    if not text.isascii():
        for odd, plain in _PLAIN:
            text = text.replace(odd, plain)
    return text.encode("ascii", "replace")


def _options() -> Any:
    options = _RE2.Options()
    options.max_mem = 32 << 20
    options.log_errors = False
    return options


class Linear:
    """One pattern."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: str) -> None:
        self._pattern: Any = _RE2.compile(pattern, _options())

    def found_in(self, raw: bytes) -> bool:
        """Tell whether it occurs at all."""
        return self._pattern.search(raw) is not None

    def spans(self, raw: bytes) -> Iterator[tuple[int, int]]:
        """Yield where it occurs, from the left, none overlapping."""
        for match in self._pattern.finditer(raw):
            yield cast("tuple[int, int]", match.span())

    def groups(self, raw: bytes) -> Iterator[Groups]:
        """Yield the spans of the whole and of each group, (-1, -1) for a group that took no part."""
        for match in self._pattern.finditer(raw):
            yield tuple(cast("tuple[int, int]", match.span(number)) for number in range(match.re.groups + 1))


class LinearSet:
    """Many patterns, of which one pass tells those that occur."""

    __slots__ = ("_set",)

    def __init__(self, patterns: Sequence[str]) -> None:
        self._set: Any = _RE2.Set.SearchSet(_options())
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def found_in(self, raw: bytes) -> frozenset[int]:
        """Return the numbers of the patterns that occur."""
        return frozenset(cast("list[int]", self._set.Match(raw) or ()))
