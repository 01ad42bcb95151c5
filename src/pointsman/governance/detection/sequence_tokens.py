"""
Tokens of a text and what can be seen of a token alone: its word, its parts, its form and the lists that hold it.

The detector and the training at build time read texts through this module, so both see the same. It imports nothing of the project.
"""

import re
from collections.abc import Mapping
from typing import Final
from zlib import crc32

# What stands between two tokens belongs to the second, so that the lengths of all tokens give their places. Possessive: no way back, so linear.
TOKEN: Final = re.compile(r"\s*+(?:\w++|[-=*#~.]{3,}+|[^\w\s])|\s++")
BUCKETS: Final = 1 << 15
FEATURES: Final = 20  # of one token; a place that is not used points to bucket 0, which stays empty
_LONGEST: Final = 20  # characters of a token that are looked at
_DIGITS: Final = "123456789"
_ACCENTED: Final = 0x7F
_OTHER_SCRIPTS: Final = "\u0590"  # from here on, Hebrew and beyond, of which the model knows nothing


def masked(text: str) -> str:
    """Return the text with every digit of ASCII as 0: how many there are says enough, and no number stays in memory."""
    for digit in _DIGITS:
        text = text.replace(digit, "0")
    return text


def features(token: str, lists: Mapping[str, int], *, known: bool = True) -> list[int]:
    """
    Return the buckets of what is seen of a token as `TOKEN` cuts it, blanks before it included.

    `lists` gives the lists of a word in lower case, one bit each. Without `known` the word is seen as one never met before: by its form only.
    """
    core = token.strip()
    blank = _blank(token[: len(token) - len(core)]) if core else "end"
    form = "z" if core and core[0] >= _OTHER_SCRIPTS else _form(core)
    seen = [f"f{form}", f"b{blank}", f"g{form}{blank}"]
    if core and (core[0].isalpha() or core[0] == "_"):
        word = core[:_LONGEST].lower()
        seen += _parts(word)
        if known:
            seen.append(f"w{word}")
            seen += _listed(lists.get(word, 0), form)
        else:
            seen.append("n")
    else:
        seen.append(f"w{core[:4]}")
    buckets = [crc32(name.encode("utf-8", "replace")) % (BUCKETS - 1) + 1 for name in seen[:FEATURES]]
    return buckets + [0] * (FEATURES - len(buckets))


def _listed(bits: int, form: str) -> list[str]:
    if not bits:
        return ["n"]
    return [f"l{bits}", f"m{bits}{form[0]}", *(f"i{bit}" for bit in range(bits.bit_length()) if bits >> bit & 1)][:7]


def _parts(word: str) -> list[str]:
    parts = [f"p{word[:2]}", f"p{word[:3]}", f"p{word[:4]}", f"s{word[-1:]}", f"s{word[-2:]}", f"s{word[-3:]}", f"s{word[-4:]}"]
    if any(ord(char) > _ACCENTED for char in word):
        parts.append("accent")
    return parts


def _blank(blanks: str) -> str:
    if not blanks:
        return "0"
    lines = blanks.count("\n")
    if lines:
        return "n" if lines == 1 else "p"
    return "s" if len(blanks) == 1 else "w"


def _form(core: str) -> str:
    """Return the form: U upper case, T capital first, l lower case, d digits, m mixed, o other; with a length where that says something."""
    if core.isdigit():
        return f"d{min(len(core), 7)}"
    if core.islower():
        return ("l" if core.isalpha() else "x") + ("1" if len(core) == 1 else "")
    if core.istitle() and core.isalpha():
        return "T" + ("1" if len(core) == 1 else "")
    if core.isupper():
        return ("U" if core.isalpha() else "V") + str(min(len(core), 4))
    if core.isalpha():
        return "T+" if core[0].isupper() else "m"
    if core.isalnum():
        return "M" + ("d" if core[0].isdigit() else "a") + str(min(len(core), 6))
    return "o" if len(core) == 1 else "oo"
