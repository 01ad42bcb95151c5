r"""
Pseudonyms in a text: where they stand, also as a model may have bent them, and how much of the end of a text may be the beginning of one.

A model changes the case, writes `\_` for Markdown, a space or a hyphen, or `%5F` in an address. The code of eight characters is what counts: it is looked
for, and the word before it must be its own. All patterns are of bounded length, so the time is linear.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pointsman.governance.filtering.pseudonyms import CODE_LENGTH, LONGEST_WORD

_JOINT: Final = r"\\{0,2}_|[ \-\u00a0\u2010\u2011]|%5[Ff]|&#95;"
_LONGEST_JOINT: Final = 5
_CODE: Final = re.compile(rf"[2-7][A-Za-z2-7]{{{CODE_LENGTH - 1}}}")
_BEFORE: Final = re.compile(rf"(?P<word>[A-Za-z]+)(?:{_JOINT})?\Z")
_OPEN_JOINT: Final = r"\\{1,2}|%5?|&(?:#(?:95?)?)?"  # the beginning of one
_REST: Final = re.compile(rf"(?:{_OPEN_JOINT}|(?:{_JOINT})?(?P<code>[2-7][A-Z2-7]{{0,{CODE_LENGTH - 2}}})?)")
_MOST_OPEN: Final = LONGEST_WORD + _LONGEST_JOINT + CODE_LENGTH - 1
_UPPER: Final = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}


class Match(NamedTuple):
    """A pseudonym in a text: characters `start` to `end`, what it stands for, and whether it is written as it was given."""

    start: int
    end: int
    original: str
    is_exact: bool


class Matcher:
    """Finds the pseudonyms of one call. `originals` tells what each stands for; one that is not among them is no pseudonym here."""

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._tokens: dict[str, tuple[str, str]] = {}  # by code: the word before it, and the original
        self._literals: dict[str, str] = {}  # those that look like values
        for name, original in originals.items():
            word, joint, code = name.rpartition("_")
            if joint and word.isalpha() and word.isupper() and len(code) == CODE_LENGTH:
                self._tokens[code] = (word, original)
            else:
                self._literals[name] = original
        words = {word for word, _ in self._tokens.values()}
        self._words = tuple(sorted(words))
        self._codes = frozenset(code[:length] for code in self._tokens for length in range(1, CODE_LENGTH))
        self._openings = _by_last(word[:length] for word in words for length in range(1, len(word)))
        self._beginnings = frozenset(name[:length] for name in self._literals for length in range(1, len(name)))
        self._longest_literal = max(map(len, self._literals), default=0)

    def find(self, text: str) -> list[Match]:
        """Return the pseudonyms in a text, from left to right; none overlaps another."""
        if not self._literals:
            return list(self._find_tokens(text))
        found = sorted([*self._find_tokens(text), *self._find_literals(text)], key=lambda match: (match.start, -match.end))
        kept: list[Match] = []
        for match in found:
            if not kept or match.start >= kept[-1].end:
                kept.append(match)
        return kept

    def restored(self, text: str) -> str:
        """Return a text with what its pseudonyms stand for."""
        told: list[str] = []
        at = 0
        for match in self.find(text):
            told += (text[at : match.start], match.original)
            at = match.end
        return "".join((*told, text[at:])) if at else text

    def _find_tokens(self, text: str) -> Iterator[Match]:
        if not self._tokens:
            return
        at = free_from = 0
        while (found := _CODE.search(text, at)) is not None:
            at = found.start() + 1
            code = found[0].upper()
            if code not in self._tokens:
                continue
            word, original = self._tokens[code]
            before = _BEFORE.search(text, max(free_from, found.start() - LONGEST_WORD - _LONGEST_JOINT), found.start())
            if before is not None and before["word"].upper().endswith(word):
                start = before.end("word") - len(word)
                yield Match(start, found.end(), original, text[start : found.end()] == f"{word}_{code}")
                at = free_from = found.end()

    def _find_literals(self, text: str) -> Iterator[Match]:
        for name, original in self._literals.items():
            at = text.find(name)
            while at >= 0:
                yield Match(at, at + len(name), original, is_exact=True)
                at = text.find(name, at + len(name))

    def held(self, text: str) -> int:
        """Return where the longest end of a text begins that may be the beginning of a pseudonym; its length if none may."""
        start = self._held_literal(text) if self._literals else len(text)
        if not self._words or not text:
            return start
        base = max(0, len(text) - _MOST_OPEN)
        end = text[base:]
        end = end.upper() if end.isascii() else end.translate(_UPPER)
        for part in self._openings.get(end[-1], ()):
            if end.endswith(part):
                start = min(start, len(text) - len(part))
                break
        for word in self._words:
            at = end.find(word)
            while at >= 0:
                if self._may_go_on(end[at + len(word) :]):
                    start = min(start, base + at)
                    break
                at = end.find(word, at + 1)
        return start

    def _may_go_on(self, rest: str) -> bool:
        found = _REST.fullmatch(rest)
        return found is not None and (found["code"] is None or found["code"] in self._codes)

    def _held_literal(self, text: str) -> int:
        for length in range(min(len(text), self._longest_literal - 1), 0, -1):
            if text[-length:] in self._beginnings:
                return len(text) - length
        return len(text)


def _by_last(parts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the beginnings of words by their last letter, the longest first."""
    told: dict[str, tuple[str, ...]] = {}
    for part in sorted(set(parts), key=len, reverse=True):
        told[part[-1]] = (*told.get(part[-1], ()), part)
    return told
