"""
Characters that look like others, or like nothing: compatibility forms, digits of other scripts, look-alike letters, invisible and tag characters.

Only what is read as an ASCII character, or not at all, is folded; a text in another script stays as it is.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from msgspec import Struct

from pointsman.governance.detection.linear import Linear
from pointsman.governance.detection.views.view import Edit, Edits

# Letters of other alphabets that are drawn like a Latin one (Cyrillic, Greek, Armenian, Cherokee and letters that stand alone).
_LOOKALIKES: Final = (
    ("АВЕЅІЈКМНОРСТУХҮԌԚԜҺѴΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ", "ABESIJKMHOPCTYXYGQWHVABEZHIKMNOPTYXCJ"),
    ("асԁеһіјӏорԛѕԝхуѵмкнтвгοανιρυκτχϲϳωɡɑıſʟɴʀʏ", "acdehijlopqswxyvmkhtbroavipuktxcjwgaislnry"),
    ("ЬбЗзՕօոսցհզԁɩɪᴀᴄᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢⅼ", "b633OounghqdiiacejkmoptuvwzI"),
)
_INVISIBLE: Final = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE001F),
    (0xE007F, 0xE01EF),
)
# Marks that are set onto the letter before.
_MARKS: Final = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
_ACCENTED: Final = range(0xC0, 0x180)
_TAGS: Final = range(0xE0020, 0xE007F)
_COMPATIBILITY: Final = (
    range(0x00A0, 0x0180),
    range(0x02B0, 0x02B9),
    range(0x1D2C, 0x1DC0),
    range(0x2010, 0x2C7E),
    range(0xA770, 0xA780),
    range(0xFB00, 0xFB07),
    range(0xFE10, 0xFE70),
)
_COMPATIBILITY_MORE: Final = (range(0xFF01, 0xFFEF), range(0x1D400, 0x1D800), range(0x1F100, 0x1F190))
_NUMBERS: Final = (
    range(0x0600, 0x1C60),
    range(0xA620, 0xAC00),
    range(0x104A0, 0x104AA),
    range(0x10D30, 0x10D3A),
    range(0x11060, 0x11DB0),
    range(0x16A60, 0x16B5A),
    range(0x1E140, 0x1E960),
)
_NEGATIVE: Final = ((0x1F150, "A", 26), (0x1F170, "A", 26), (0x1F130, "A", 26), (0x2776, "1", 9), (0x278A, "1", 9), (0x2780, "1", 9), (0x24F5, "1", 9))
# `①`, `½`, `℅` are read as signs by people: only these make a text suspect.
_QUIET: Final = frozenset("ªº²³¹¼½¾…‥™℠℡№℃℉‐‑‒–—―‘’“”′″‼⁇⁈⁉、。「」！（），：；？［］｛｝～｜＂＇")  # noqa: RUF001 - meant
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_PLANE: Final = 0x10000
_ASCII: Final = r"[0-9A-Za-z@.\-]"
_LETTERS: Final = re.compile(r"\S+")


class Folding(Struct, frozen=True):
    """What each odd character is read as, and the patterns that tell whether a text holds any that matter."""

    reads_as: Mapping[str, str]
    lookalikes: Mapping[str, str]
    odd: re.Pattern[str]
    suspect: Linear
    mixed: Linear


@cache
def folding() -> Folding:
    """Return the table of characters, which is worked out once."""
    reads_as = dict(_folded())
    invisible = [chr(code) for low, high in (*_INVISIBLE, *_MARKS) for code in range(low, high + 1)]
    lookalikes = {odd: plain for odds, plains in _LOOKALIKES for odd, plain in zip(odds, plains, strict=True) if not odd.isascii()}
    loud = [odd for odd in reads_as if odd not in _QUIET and not _is_accented(odd)]
    reads_as.update(dict.fromkeys(invisible, ""))
    hidden, alike = _pattern_class(invisible), _pattern_class(lookalikes)
    return Folding(
        reads_as=reads_as,
        lookalikes=lookalikes,
        odd=re.compile(_pattern_class(reads_as)),
        suspect=Linear(f"{_pattern_class(loud)}|{_ASCII}{hidden}|{hidden}{_ASCII}|{hidden}{{4}}"),
        mixed=Linear(f"{_ASCII}{alike}|{alike}[0-9A-Za-z@]"),
    )


def _folded() -> Iterator[tuple[str, str]]:
    for code in (code for block in (*_COMPATIBILITY, *_COMPATIBILITY_MORE) for code in block):
        plain = _without_marks(chr(code))
        if plain != chr(code) and plain.isascii() and plain.isprintable() and plain.strip():
            yield chr(code), plain
    for code in (code for block in _NUMBERS for code in block):
        if chr(code).isdecimal():
            yield chr(code), str(unicodedata.decimal(chr(code)))
    for first, plain, count in _NEGATIVE:
        for step in range(count):
            yield chr(first + step), chr(ord(plain) + step)
    for code in _TAGS:
        yield chr(code), chr(code - 0xE0000)


def _without_marks(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)).replace("\u2044", "/")


def _is_accented(letter: str) -> bool:
    """Tell whether it is a letter of a European language, which is no disguise."""
    return ord(letter) in _ACCENTED


def _pattern_class(letters: Mapping[str, str] | list[str]) -> str:
    """Return a class of characters that re and RE2 read alike, in ranges."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, letters)):
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in ranges) + "]"


def folds(text: str) -> Edits:
    """Find what has to be read otherwise; nothing for a text in which nothing is disguised."""
    if text.isascii():
        return
    table = folding()
    raw = text.encode("utf-8", "replace")
    if table.suspect.found_in(raw):
        for match in table.odd.finditer(text):
            yield Edit(match.start(), match.end(), table.reads_as[match[0]])
        yield from smuggled(text)
    if table.mixed.found_in(raw):
        yield from _lookalike_edits(text, table.lookalikes)


def _lookalike_edits(text: str, lookalikes: Mapping[str, str]) -> Edits:
    """Read the look-alikes in words that hold no other letter of their alphabet: `GВ82` and `НЕЅТ`, but not a word of Russian."""
    for word in _LETTERS.finditer(text):
        if word[0].isascii() or not all(letter.isascii() or letter in lookalikes or not letter.isalpha() for letter in word[0]):
            yield None
            continue
        for at, letter in enumerate(word[0], word.start()):
            if letter in lookalikes:
                yield Edit(at, at + 1, lookalikes[letter])


def smuggled(text: str) -> Edits:
    """Find what stands in the invisible selectors behind a character: a way to hide any text behind one picture."""
    for match in _SELECTORS.finditer(text):
        data = _bytes_of(match[0])
        yield Edit(match.start(), match.end(), data.decode("utf-8", "replace"))


def _bytes_of(selectors: str) -> bytes:
    """Read variation selectors 1 to 256 as bytes."""
    return bytes(code - 0xFE00 if (code := ord(letter)) < _PLANE else code - 0xE0100 + 16 for letter in selectors)
