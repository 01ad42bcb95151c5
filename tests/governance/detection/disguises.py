"""
Ways to write an identifier so that a pattern no longer sees it, and identifiers with right checksums to try them on.

Written without a look at the views that undo them. `DISGUISES` are the 21 of the figures; `MORE` are others, which nothing was tuned on.
"""

import base64
import gzip
import json
import random
import string
import zlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

Disguise = Callable[[str], str]

_WORDS: Final = dict(zip("0123456789", ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), strict=True))
_CYRILLIC: Final = str.maketrans("ABCEHKMOPTXaceopxyi", "АВСЕНКМОРТХасеорхуі")  # noqa: RUF001 - meant
_GREEK: Final = str.maketrans("ABEZHIKMNOPTYXov", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧον")  # noqa: RUF001 - meant


def _each(change: Callable[[str], str], *, joined_by: str = "") -> Disguise:
    return lambda value: joined_by.join(map(change, value))


def _bold(letter: str) -> str:
    for first, plain in ((0x1D7CE, string.digits), (0x1D400, string.ascii_uppercase), (0x1D41A, string.ascii_lowercase)):
        if letter in plain:
            return chr(first + plain.index(letter))
    return letter


def _wide(letter: str) -> str:
    return chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter


def _digits_at(first: int) -> Disguise:
    return _each(lambda letter: chr(first + int(letter)) if letter.isdigit() else letter)


def _in_groups(divider: str) -> Disguise:
    return lambda value: divider.join(value[at : at + 4] for at in range(0, len(value), 4))


def _spelled(value: str) -> str:
    if "@" in value:
        return value.replace("@", " [at] ").replace(".", " [dot] ")
    return " ".join(_WORDS.get(letter, letter) for letter in value)


def _spoken(value: str) -> str:
    if "@" in value:
        return value.replace("@", " at ").replace(".", " dot ")
    return " ".join(_WORDS.get(letter, "dash" if letter == "-" else letter) for letter in value)


def _circled(letter: str) -> str:
    return "⓪①②③④⑤⑥⑦⑧⑨"[int(letter)] if letter.isdigit() else letter


# In the words of research/governance.md 3.5. The last one makes two texts, parted by a zero byte.
DISGUISES: Final[Mapping[str, Disguise]] = {
    "plain": str,
    "zero-width": _each(str, joined_by="\u200b"),
    "full-width": _each(_wide),
    "Arabic-Indic digits": _digits_at(0x660),
    "mathematical bold": _each(_bold),
    "Cyrillic look-alikes": lambda value: value.translate(_CYRILLIC),
    "HTML entities": _each(lambda letter: f"&#{ord(letter)};"),
    "percent": _each(lambda letter: f"%{ord(letter):02X}"),
    "\\u escapes": _each(lambda letter: f"\\u{ord(letter):04x}"),
    "\\x escapes": _each(lambda letter: f"\\x{ord(letter):02x}"),
    "hex": lambda value: value.encode().hex(),
    "Base64": lambda value: base64.b64encode(value.encode()).decode(),
    "Base64, URL": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "gzip in Base64": lambda value: base64.b64encode(gzip.compress(value.encode(), mtime=0)).decode(),
    "tag characters": _each(lambda letter: chr(0xE0000 + ord(letter))),
    "soft hyphens": _each(str, joined_by="\u00ad"),
    "reversed": lambda value: value[::-1],
    "spaced out": " ".join,
    "NBSP groups": _in_groups("\u00a0"),
    "words": _spelled,
    "two messages": lambda value: value[: len(value) // 2] + "\0" + value[len(value) // 2 :],
}
MORE: Final[Mapping[str, Disguise]] = {
    "spoken": _spoken,
    "Greek look-alikes": lambda value: value.translate(_GREEK),
    "Devanagari digits": _digits_at(0x966),
    "circled digits": _each(_circled),
    "zero-width joiners": _each(str, joined_by="\u200d"),
    "word joiners": _each(str, joined_by="\u2060"),
    "combining marks": _each(str, joined_by="\u0336"),
    "variation selectors": _each(str, joined_by="\ufe0f"),
    "selector bytes": lambda value: "😀" + "".join(chr(0xE0100 + ord(letter) - 16) for letter in value),
    "thin spaces": _each(str, joined_by="\u2009"),
    "dashes between": "-".join,
    "points between": ".".join,
    "bars between": "|".join,
    "line breaks between": "\n".join,
    "commas between": ", ".join,
    "groups on lines": _in_groups("\n"),
    "groups by underscore": _in_groups("_"),
    "hex entities": _each(lambda letter: f"&#x{ord(letter):x};"),
    "percent of percent": lambda value: quote("".join(f"%{ord(letter):02x}" for letter in value)),
    "Base64 of Base64": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "hex of Base64": lambda value: base64.b64encode(value.encode()).hex(),
    "zlib in Base64": lambda value: base64.b64encode(zlib.compress(value.encode())).decode(),
    "Base32": lambda value: base64.b32encode(value.encode()).decode(),
    "hex with spaces": lambda value: value.encode().hex(" "),
    "hex of 0x": _each(lambda letter: f"0x{ord(letter):02x}", joined_by=", "),
    "decimal codes": _each(lambda letter: str(ord(letter)), joined_by=" "),
    "binary": _each(lambda letter: f"{ord(letter):08b}", joined_by=" "),
    "octal escapes": _each(lambda letter: f"\\{ord(letter):03o}"),
    "quoted-printable": _each(lambda letter: f"={ord(letter):02X}"),
    "\\u{} escapes": _each(lambda letter: f"\\u{{{ord(letter):x}}}"),
    "UTF-16 in Base64": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
    "full-width, spaced out": _each(_wide, joined_by=" "),
    "reversed Base64 text": lambda value: base64.b64encode(value[::-1].encode()).decode(),
    "emphasis": _each(str, joined_by="*"),
    "HTML marks": _each(lambda letter: f"<b>{letter}</b>"),
    "HTML comments": _each(str, joined_by="<!-- -->"),
    "a list": lambda value: json.dumps(list(value)),
    "brackets around each": _each(lambda letter: f"({letter})"),
    "CSS escapes": _each(lambda letter: f"\\{ord(letter):x} "),
    "hex after 0x": lambda value: "0x" + value.encode().hex(),
    "words and commas": lambda value: value if "@" in value else ", ".join(_WORDS.get(letter, letter) for letter in value),
    "words and hyphens": lambda value: value if "@" in value else "-".join(_WORDS.get(letter, letter) for letter in value),
    "brackets": lambda value: value.replace("@", "(at)").replace(".", "(dot)"),
}


def a_card(chance: random.Random) -> str:
    """A card number of 16 digits."""
    digits = chance.choice(("4", "51", "52", "53", "54", "55", "6011", "3530"))
    digits += "".join(chance.choice(string.digits) for _ in range(15 - len(digits)))
    total = sum(int(digit) if at % 2 else sum(divmod(2 * int(digit), 10)) for at, digit in enumerate(digits))
    return digits + str(-total % 10)


def an_iban(chance: random.Random) -> str:
    """An account number of Germany or Britain."""
    country = chance.choice(("DE", "GB"))
    bank = "" if country == "DE" else "".join(chance.choice(string.ascii_uppercase) for _ in range(4))
    inside = bank + "".join(chance.choice(string.digits) for _ in range(18 - len(bank)))
    number = int("".join(str(int(letter, 36)) for letter in inside + country + "00"))
    return f"{country}{98 - number % 97:02d}{inside}"


def an_ssn(chance: random.Random) -> str:
    """A US social security number with dashes."""
    return f"{chance.choice([*range(1, 666), *range(667, 900)]):03d}-{chance.randrange(1, 100):02d}-{chance.randrange(1, 10_000):04d}"


def an_email(chance: random.Random) -> str:
    """A mail address of a person."""
    first, last = chance.choice(("anna", "jo", "peter", "maria", "li", "omar")), chance.choice(("smith", "weber", "rossi", "nowak", "silva"))
    top = chance.choice(("com", "org", "net", "de", "fr", "io"))
    return f"{first}{chance.choice(('.', '_', ''))}{last}{chance.choice(('', str(chance.randrange(100))))}@{chance.choice(('example', 'mail', 'corp-x'))}.{top}"


MAKERS: Final[Mapping[str, Callable[[random.Random], str]]] = {"card": a_card, "iban": an_iban, "ssn": an_ssn, "email": an_email}
CARRIERS: Final = ("{}", "Please pay with {} today.", "My details: {}", 'He wrote "{}" in the note, see below.\nThanks')
