"""
Telephone numbers: international ones by the world's numbering plans, national ones by their form or by a word beside them.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Final

from pointsman.governance.detection.identifiers.plans import plans
from pointsman.governance.detection.identifiers.reading import Reading, is_digit
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

_INTERNATIONAL: Final = Linear(r"(?:\+|\b00[ ]?)[1-9][0-9]{0,2}(?:[ ./\-]{0,2}\(?[0-9]{1,6}\)?){2,8}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
# North America with an area in brackets or two dividers; a trunk zero and at least two dividers; an area in brackets.
_NATIONAL: Final = Linear(
    r"\([0-9]{2,5}\)[ ]?[0-9]{2,4}(?:[ .\-]?[0-9]{2,4}){1,3}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
    r"|\b(?:1[ .\-])?[0-9]{3}[.\-][0-9]{3}[.\-][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
    r"|\b(?:1[ .\-])?[2-9][0-9]{2} [0-9]{3}[ \-][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
    r"|\b0[1-9][0-9]{0,4}(?:[ \-./][0-9]{2,4}){2,4}"
    r"|\b0[1-9][0-9]{1,4}[ \-/][0-9]{5,8}"
)
_NAMED: Final = Linear(
    r"(?i)\b(?:phone|telephone|tel|mobile|cell(?:phone)?|fax|call(?: me| us| him| her| them)?|dial|text me|sms|whatsapp|contact|reach|handy"
    r"|telefon(?:nummer)?|telefono|tel[e?]fono|t[e?]l[e?]phone|portable|ring)"
    r"\b[^0-9+\n]{0,32}(\(?[0-9]{1,5}\)?(?:[ ./\-]{0,2}\(?[0-9]{1,8}\)?){1,7})"
)
_NAMED_AFTER: Final = Linear(
    r"(?i)\b(\(?[0-9]{1,5}\)?(?:[ ./\-]{0,2}\(?[0-9]{1,8}\)?){1,7}(?:x[0-9]{1,6})?) ?\(?(?:office|fax|mobile|cell|home|work|phone|tel)\b"
)
_DATE: Final = re.compile(rb"(?:19|20)[0-9]{2}([\-./])[0-9]{1,2}\1[0-9]{1,2}(?![0-9])|(?<![0-9])[0-9]{1,2}([\-./])[0-9]{1,2}\2(?:19|20)[0-9]{2}(?![0-9])")
_NO_NUMBER: Final = re.compile(rb"[0-9]+\.[0-9]+|[0-9]{1,4}-[0-9]{1,4}")
_LEAST_DIGITS: Final = 6
_MOST_DIGITS: Final = 15
_LEAST_WITH_ZEROS: Final = 11


def phones(reading: Reading) -> Iterator[Finding]:
    """Find telephone numbers. What has the form of a date or is part of a longer number is none."""
    for start, end in _INTERNATIONAL.spans(reading.raw):
        if _is_alone(reading, start, end=end) and _is_plan(reading.raw[start:end].decode()):
            yield reading.finding(start, end, kind="phone", score=0.9)
    for start, end in _NATIONAL.spans(reading.raw):
        if _is_alone(reading, start, end=end) and _has_length(reading.raw[start:end], least=8):
            yield reading.finding(start, end, kind="phone", score=0.7)
    for _, (start, stop) in itertools.chain(_NAMED.groups(reading.raw), _NAMED_AFTER.groups(reading.raw)):
        value = reading.raw[start:stop]
        end = stop - 1 if value.endswith(b")") and b"(" not in value else stop
        if _is_alone(reading, start, end=end) and _has_length(reading.raw[start:end], least=_LEAST_DIGITS):
            yield reading.finding(start, end, kind="phone", score=0.8)


def _is_plan(number: str) -> bool:
    if number[0] == "+":
        return plans().is_telephone(number)
    return sum(map(str.isdigit, number)) >= _LEAST_WITH_ZEROS and plans().is_telephone("+" + number[2:])


def _has_length(number: bytes, *, least: int) -> bool:
    return least <= sum(map(is_digit, number.partition(b"x")[0])) <= _MOST_DIGITS


def _is_alone(reading: Reading, start: int, *, end: int) -> bool:
    raw = reading.raw
    before = raw[start - 1 : start]
    if before == b" " and raw[start - 2 : start - 1].isdigit():
        return False
    if not reading.opens(start) or not reading.closes(end) or before in {b"-", b"/", b"+"} or reading.in_decimal(start, end):
        return False
    value = raw[start:end]
    if _DATE.search(value) or _NO_NUMBER.fullmatch(value) or (b"." in value and b" " in value and value[:1] != b"+"):
        return False
    return not (raw[end : end + 1] in {b"-", b"/"} and raw[end + 1 : end + 2].isdigit())
