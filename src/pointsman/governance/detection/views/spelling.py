"""
Identifiers that were pulled apart or spelled: a space between all characters, odd dividers between groups, digits as words, `[at]` and `(dot)`.

What comes out has lost its spaces, so only identifiers are to be read in it.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Final

from pointsman.governance.detection.linear import Linear, LinearSet
from pointsman.governance.detection.views.view import Edit, Edits

Reader = Callable[[bytes], Edits]

_ONE: Final = r"[0-9A-Za-z@.+\-_]"
_DIVIDERS: Final = (r" {1,3}", r"\-", r"_", r"[\r\n]{1,2}", r"\t", r", ?", r"\.", r"\|", r"\*", r"/", r"~", r"\?", r" ?[|/] ?")
_SPACED: Final = r"(?:^|[^0-9A-Za-z])(?:" + "|".join(f"(?:{_ONE}{divider}){{7,}}{_ONE}" for divider in _DIVIDERS) + r")(?:$|[^0-9A-Za-z])"
_DIGITS: Final[Mapping[bytes, str]] = {
    word: str(digit)
    for digit, words in enumerate(
        (
            b"zero null cero nul oh",
            b"one eins un une uno ein",
            b"two zwei zwo deux dos due",
            b"three drei trois tres tre",
            b"four vier quatre cuatro quattro",
            b"five f?nf fuenf cinq cinco cinque",
            b"six sechs seis sei",
            b"seven sieben sept siete sette",
            b"eight acht huit ocho otto",
            b"nine neun neuf nueve nove",
        )
    )
    for word in words.split()
}
_TIMES: Final[Mapping[bytes, int]] = {b"double": 2, b"triple": 3}
_WORD: Final = "|".join(sorted((word.decode().replace("?", r"\?") for word in (*_DIGITS, *_TIMES)), key=len, reverse=True))
_SIGNS: Final[Mapping[bytes, str]] = {b"dash": "-", b"hyphen": "-", b"minus": "-", b"dot": ".", b"point": ".", b"at": "@"}
_WORDS: Final = rf"(?i)\b(?:{_WORD})[\s,.\-]{{1,3}}(?:{_WORD})[\s,.\-]{{1,3}}(?:[a-z\-.][ ,]{{0,2}}){{0,8}}(?:{_WORD})\b"
_AT: Final = r"(?i)\s?[\[({<]\s?(?:at|dot|punkt|point|arroba|chiocciola|@|\.|dash|hyphen|underscore|plus)\s?[\])}>]\s?"
_SPOKEN: Final = (
    r"(?i)\b[a-z0-9_\-]+(?: ?\.[a-z0-9_\-]+| (?:dot|punkt|point|underscore|dash) [a-z0-9_\-]+)* (?:at|arroba) [a-z0-9\-]+(?:(?: dot | punkt "
    r"| point |\.)[a-z0-9\-]+)+\b|@[a-z0-9\-.]+(?: dot [a-z0-9\-]+)+\b"
)
_GROUPED: Final = r"(?:\b[A-Z]{2}[0-9]{2}|\b[0-9]{2,6})(?:[\s_*|?~]{1,3}[0-9A-Z]{2,7}){2,9}\b"

# Groups of one length, whatever is in them.
_EVEN: Final = (
    r"(?:^|[\s\"'(:,=])(?:"
    + "|".join(
        rf"(?:[!-+\--~]{{{size}}}{divider}){{{least},}}[!-+\--~]{{1,{size}}}"
        for size in (2, 3, 4, 5)
        for divider, least in ((r"[\r\n]{1,2}", 2), ("_", 2), (" ", 3), (r"\t", 2))
    )
    + r")(?:\s|[\"'.,;)]|$)"
)

_ENCLOSED: Final = rf"(?:[\"'(\[<{{]{_ONE}[\"')\]>}}],? ?){{7,}}"
_TAGGED: Final = r"<(?:/?[A-Za-z][^<>]{0,60}|!--[^<>]{0,60}--)>"
_ENGLISH: Final = "zero|one|two|three|four|five|six|seven|eight|nine"
_GLUED: Final = rf"(?i)\b(?:{_ENGLISH}){{2,}}\b"

_UNIT: Final = re.compile(rb"[\"'(\[<{]([^\s])[\"')\]>}],? ?")
_DIGIT_WORD: Final = re.compile(_ENGLISH.encode(), re.IGNORECASE)
_A_WORD: Final = Linear(rf"(?i)\b(?:{_WORD})\b")
_GAP: Final = re.compile(rb"[\s,\-]{1,3}(?:[A-Za-z0-9@._\-][\s,\-]{1,3}){0,12}|-|\.|[\s,]{1,2}(?:dash|hyphen|minus|dot|point|at)[\s,]{1,2}", re.IGNORECASE)
_LETTERS_BEFORE: Final = re.compile(rb"(?:(?<![A-Za-z0-9])[A-Za-z][ ,\-]{1,2}){1,4}\Z")
# How one character and the divider after it look, by the divider of a whole run.
_STEPS: Final = tuple(re.compile(rb"[^\s]" + divider) for divider in (rb" ?[|/] ?", rb", ?", rb"\s{1,3}", rb"[^\s]"))
_DIVIDER: Final = re.compile(rb"[\s,|*/~?_.\-]+")
_SIGN: Final = re.compile(rb" ?(?<![A-Za-z])(?:at|arroba|dot|punkt|point|underscore|dash)(?![A-Za-z]) ?", re.IGNORECASE)
_SIGNS_OF_MAIL: Final[Mapping[bytes, str]] = {
    **dict.fromkeys((b"at", b"arroba", b"chiocciola", b"@"), "@"),
    **dict.fromkeys((b"dot", b"punkt", b"point", b"."), "."),
    **dict.fromkeys((b"dash", b"hyphen"), "-"),
    b"underscore": "_",
    b"plus": "+",
}
_DIVIDES: Final = b"\r\n\t _"
_MARKS: Final = re.compile(rb"[0-9@]")
_OPENINGS: Final = b"\r\n\t \"'(:,="
_ARTICLES: Final = frozenset({b"a", b"A", b"I"})
_FEWEST_WORDS: Final = 3
_ODD_SPACES: Final = ("\u00a0", *map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000")
_ODD_SPACE: Final = re.compile(r"(?<=[0-9A-Za-z@.\-])[\u00a0\u2000-\u200a\u202f\u205f\u3000]+(?=[0-9A-Za-z@.\-])")


def _spaced(raw: bytes) -> Edits:
    for begin, stop in _PATTERNS[0].spans(raw):
        start = begin + (raw[begin : begin + 1] not in _ARTICLES and not _is_one(raw, begin))
        end = stop - (not _is_one(raw, stop - 1))
        # The article of a sentence is no character of the value that follows.
        if raw[start : start + 1] in _ARTICLES and raw[start + 2 : start + 3].isdigit():
            start += 2
        at = start
        steps = next((steps for steps in _STEPS if steps.match(raw, at, end)), _STEPS[-1])
        while at < end - 1:
            step = steps.match(raw, at, end)
            if step is None:
                break
            yield Edit(at + 1, step.end(), "")
            at = step.end()


def _is_one(raw: bytes, at: int) -> bool:
    return chr(raw[at]).isalnum() or raw[at] in b"@.+-_"


def _words(raw: bytes) -> Edits:
    """Read runs of digits that are written as words; what stands between two of them is drawn together."""
    run: list[tuple[int, int]] = []
    for span in _A_WORD.spans(raw):
        if run and not _GAP.fullmatch(raw, run[-1][1], span[0]):
            yield from _digits(raw, run)
            run = []
        run.append(span)
    yield from _digits(raw, run)


def _digits(raw: bytes, run: list[tuple[int, int]]) -> Edits:
    if len(run) < _FEWEST_WORDS:
        return
    before = _LETTERS_BEFORE.search(raw, max(0, run[0][0] - 8), run[0][0])
    if before:
        yield Edit(before.start(), run[0][0], before[0].translate(None, delete=b" ,-").decode())
    # Where a hyphen stands between nearly all of them it is no part of what is spelled.
    hyphens = 2 * sum(raw[left[1] : right[0]] == b"-" for left, right in itertools.pairwise(run)) > len(run)
    times = 1
    for number, (start, end) in enumerate(run):
        word = raw[start:end].lower()
        yield Edit(start, end, "" if word in _TIMES else _DIGITS[word] * times)
        times = _TIMES.get(word, 1)
        if number + 1 < len(run):
            gap = raw[end : run[number + 1][0]]
            gap = gap[1:-1].replace(b"-", b"") or (b"-" if len(gap) > 1 else b"") if hyphens and gap[:1] == b"-" else gap
            bare = bytes(gap.translate(None, delete=b" ,\t\r\n"))
            yield Edit(end, run[number + 1][0], _SIGNS.get(bare.lower(), bare.decode()))


def _bracketed(raw: bytes) -> Edits:
    for start, end in _PATTERNS[2].spans(raw):
        yield Edit(start, end, _SIGNS_OF_MAIL[raw[start:end].strip(b" \t\r\n[](){}<>").lower()])


def _spoken(raw: bytes) -> Edits:
    for start, end in _PATTERNS[3].spans(raw):
        if b"." not in raw[start:end].partition(b" at ")[0] and b" dot " not in raw[start:end].lower() and b" punkt " not in raw[start:end].lower():
            yield None
            continue
        for sign in _SIGN.finditer(raw, start, end):
            yield Edit(sign.start(), sign.end(), _SIGNS_OF_MAIL[sign[0].strip().lower()])


def _grouped(raw: bytes) -> Edits:
    for start, end in _PATTERNS[4].spans(raw):
        dividers = [divider for divider in _DIVIDER.finditer(raw, start, end) if divider[0] not in {b"-", b"."}]
        if any(divider[0] != b" " for divider in dividers):
            yield from (Edit(divider.start(), divider.end(), "") for divider in dividers)
        else:
            yield None


def _even(raw: bytes) -> Edits:
    for start, end in _PATTERNS[5].spans(raw):
        begin = start + (raw[start] in _OPENINGS)
        if not _MARKS.search(raw, begin, end):  # words of a sentence
            yield None
            continue
        size = next((at for at in range(begin, end) if raw[at] in _DIVIDES), end) - begin
        # A word of the sentence that happens to be as long as the groups.
        while raw[begin : begin + size].isalpha() and raw[begin + size + 1 : begin + size + 2].isdigit():
            begin += size + 1
        at = begin + size
        while at < end - 1 and raw[at] in _DIVIDES:
            reach = at + 2 if raw[at : at + 2] in {b"\r\n", b"\n\n"} else at + 1
            yield Edit(at, reach, "")
            at = reach + size


def _enclosed(raw: bytes) -> Edits:
    """Read characters that stand in quotes or brackets each, such as a list of them."""
    for start, end in _PATTERNS[6].spans(raw):
        for unit in _UNIT.finditer(raw, start, end):
            reach = unit.end() - unit[0].endswith(b" ") if unit.end() == end else unit.end()
            yield Edit(unit.start(), reach, unit[1].decode())


def _tagged(raw: bytes) -> Edits:
    """Leave out the marks of HTML between two characters."""
    for start, end in _PATTERNS[7].spans(raw):
        yield Edit(start, end, "")


def _glued(raw: bytes) -> Edits:
    """Read digits as words without any space."""
    for start, end in _PATTERNS[8].spans(raw):
        yield Edit(start, end, "".join(_DIGITS[word[0].lower()] for word in _DIGIT_WORD.finditer(raw, start, end)))


_FAMILIES: Final[tuple[tuple[str, Reader], ...]] = (
    (_SPACED, _spaced),
    (_WORDS, _words),
    (_AT, _bracketed),
    (_SPOKEN, _spoken),
    (_GROUPED, _grouped),
    (_EVEN, _even),
    (_ENCLOSED, _enclosed),
    (_TAGGED, _tagged),
    (_GLUED, _glued),
)
_PATTERNS: Final = tuple(Linear(pattern) for pattern, _ in _FAMILIES)
_ANY: Final = LinearSet([pattern for pattern, _ in _FAMILIES])


def spellings(text: str, raw: bytes) -> Edits:
    """Find what is pulled apart or spelled in a text and how it reads together."""
    for number in sorted(_ANY.found_in(raw)):
        yield from _FAMILIES[number][1](raw)
    if not text.isascii() and any(space in text for space in _ODD_SPACES):
        for match in _ODD_SPACE.finditer(text):
            yield Edit(match.start(), match.end(), "")
