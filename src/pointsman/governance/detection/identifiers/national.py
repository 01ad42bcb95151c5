"""
Numbers that a state gives to a person: those whose own check is strict enough to stand alone, and others with a word beside them.
"""

import re
from collections.abc import Iterator
from typing import Final

from pointsman.governance.detection.identifiers.plans import plans
from pointsman.governance.detection.identifiers.reading import Reading
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

_SSN: Final = Linear(r"\b([0-9]{3})([ \-.])([0-9]{2})([ \-.])([0-9]{4})\b")
_SSN_WORDS: Final = Linear(r"(?i)\bssn\b|social security|\bss ?(?:#|no\b|number)|\bitin\b|taxpayer")
_BARE: Final = Linear(r"\b[0-9]{9}\b")
_DIGITS: Final = Linear(
    r"\b[0-9]{6,8}[\-+A ]?[0-9]{3,7}\b|\b[0-9]{3}[. ][0-9]{3,4}[. ][0-9]{3,4}[.\- ][0-9]{2}\b|\b[0-9]{9,15}\b"
    r"|\b[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}[.\-][0-9]{2}\b|\b[0-9]{4} [0-9]{4} [0-9]{4}\b|\b[0-9]{3}[ \-][0-9]{3}[ \-][0-9]{3,4}\b"
)
_LETTERED: Final = Linear(
    r"(?i)\b(?:[a-z]{6}[0-9]{2}[a-z][0-9]{2}[a-z][0-9]{3}[a-z]|[a-z]{4}[0-9]{6}[hmx][a-z]{5}[0-9a-z][0-9]|[0-9]{17}x|[0-9]{18}"
    r"|[0-9]{6}[\-+a-fu-y][0-9]{3}[0-9a-y]"
    r"|[xyz][ \-]?[0-9]{7}[ \-]?[a-z]|[0-9]{8}[ \-]?[a-z]|[a-z]{5}[0-9]{4}[a-z]|[0-9]{7}[a-w][a-iw]?"
    r"|[a-ceghj-pr-tw-z][a-ceghj-npr-tw-z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]"
    r"|[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9][0-9ab][ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2})\b"
)
_WORDS: Final = Linear(
    r"(?i)national(?: insurance| id| identi)|\bnino\b|insurance number|identity (?:number|card|no)|\bid(?:entification)? (?:number|no|card|nr"
    r"|code)|citizen|social (?:security|insurance)|\bsin\b"
    r"|\btax(?:payer)?\b|\btin\b|\btfn\b|personal (?:number|code|id|identi)|personnummer|person?nummer|personalausweis|steuer|\bidnr\b"
    r"|codice fiscale|\bdni\b|\bnif\b|\bnie\b|\bcpf\b|\bcpr\b|\bbsn\b"
    r"|burgerservice|\bpesel\b|\bcnp\b|\begn\b|\boib\b|\bnhs\b|aadhaar|\bpan\b|\bcurp\b|\bhetu\b|\bkennitala|\bnir\b|s[e?]curit[e?] sociale|\bpps"
    r"|rodn|t\.?c\.? kimlik|kimlik|\bnric\b|teudat|rijksregister|isikukood"
)

# Seconds and milliseconds since 1970, from 2017 to 2030: logs are full of them, so that a number that looks like one needs the word.
_TIME: Final = re.compile(r"1[5-8][0-9]{8}(?:[0-9]{3})?")
_NINO_LENGTH: Final = 9
# Areas never given to anybody (20 CFR 422.103 and its successors); 900 to 999 are given to foreigners as ITIN.
_NO_AREAS: Final = frozenset({"000", "666"})
_GROUPINGS: Final = b" .-"


def ssns(reading: Reading) -> Iterator[Finding]:
    """Find US social security numbers: with dashes by their form, else with the word beside them."""
    raw = reading.raw
    for (start, end), area, first, group, second, serial in _SSN.groups(raw):
        given = raw[slice(*area)].decode() not in _NO_AREAS and raw[slice(*group)] != b"00" and raw[slice(*serial)] != b"0000"
        same = raw[slice(*first)] == raw[slice(*second)]
        inside = raw[start - 1 : start] in {b"-", b"."} or (raw[end : end + 1] in {b"-", b"."} and raw[end + 1 : end + 2].isdigit())
        if given and same and not inside and (raw[slice(*first)] == b"-" or reading.has_context(_SSN_WORDS, start, end=end)):
            yield reading.finding(start, end, kind="ssn")
    if _SSN_WORDS.found_in(raw):
        for start, end in _BARE.spans(raw):
            if reading.has_context(_SSN_WORDS, start, end=end):
                yield reading.finding(start, end, kind="ssn", score=0.9)


def national_numbers(reading: Reading) -> Iterator[Finding]:
    """Find numbers of digits only, in the writing of their country or without any dividers."""
    for start, end in _DIGITS.spans(reading.raw):
        yield from _checked(reading, start, end=end)


def lettered_numbers(reading: Reading) -> Iterator[Finding]:
    """Find numbers with letters in them, by the form of their country."""
    for start, end in _LETTERED.spans(reading.raw):
        yield from _checked(reading, start, end=end)


def _checked(reading: Reading, start: int, *, end: int) -> Iterator[Finding]:
    raw = reading.raw
    before, after = raw[start - 1 : start], raw[end : end + 1]
    if before in {b"-", b".", b"/", b"_", b"+"} or (after in {b"-", b".", b"/", b"_"} and raw[end + 1 : end + 2].isalnum()):
        return
    value = raw[start:end].decode()
    if before == b" " and raw[start - 2 : start - 1].isdigit() and not value.isalnum():  # a part of a row of numbers
        return
    length = len(raw[start:end].translate(None, delete=_GROUPINGS))
    known = plans()
    if not _TIME.fullmatch(value) and any(accepts(value) for accepts in known.strict.get(length, ())):
        yield reading.finding(start, end, kind="national_id")
    elif reading.has_context(_WORDS, start, end=end) and (_is_nino(value, length) or any(accepts(value) for accepts in known.every.get(length, ()))):
        yield reading.finding(start, end, kind="national_id", score=0.9)


def _is_nino(value: str, length: int) -> bool:
    return length == _NINO_LENGTH and value[:2].isalpha() and value[-1].isalpha()
