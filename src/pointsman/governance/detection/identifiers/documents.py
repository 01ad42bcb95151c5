"""
What only a word beside it makes personal: numbers of documents and records, dates of birth, ages.
"""

from collections.abc import Iterator
from typing import Final

from pointsman.governance.detection.identifiers.reading import Reading, is_digit
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

_LINK: Final = r"(?:[ -]?(?:card|number|num|no|nr|nummer|id|code|#)\b\.?)*(?: (?:is|was|of|reads|ist|est|es|del?)\b)?[ :=#\"'(]{1,6}(?:is )?"
_NUMBER: Final = r"(?-i:((?:[A-Z]{0,3}[ \-]?|[a-z]{1,3})[0-9][A-Za-z0-9]{0,20}(?:[ \-][A-Z0-9]{1,8}){0,4}))"
_NAMED: Final = (
    ("passport", r"\b(?:passport|reisepass|passeport|pasaporte|passaporto|paspoort)"),
    (
        "licence",
        (
            r"\b(?:driver'?s?|driving)[ -]?(?:license|licence|lic)|\bdl\b|\bf[u?]hrerschein|permis de conduire|patente di guida|\b(?:my|his|her|the"
            r"|your) licen[cs]e\b"
        ),
    ),
    (
        "medical_record",
        r"\bmrn\b|medical record|patient(?: id| number| no)|health (?:card|insurance|plan)|\bmedicare|\bmedicaid|versichertennummer|krankenversicherung",
    ),
    (
        "document",
        (
            r"\b(?:identity card|id card|personalausweis|ausweis(?:nummer)?|residence permit|visa number|green card|birth certificate|policy number"
            r"|insurance policy|employee (?:id|number))"
        ),
    ),
)
_DOCUMENTS: Final = tuple((kind, Linear(f"(?i)(?:{words}){_LINK}{_NUMBER}")) for kind, words in _NAMED)
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|juin|juil|okt|dez|m[a?]r)[a-z?]{0,7}\.?"
_DATE: Final = (
    rf"((?:[0-3]?[0-9](?:st|nd|rd|th)?\.?[ \-](?:of )?{_MONTH},?[ \-](?:19|20)?[0-9]{{2}})|(?:{_MONTH} [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})"
    r"|(?:(?:19|20)[0-9]{2}[./\-][01]?[0-9][./\-][0-3]?[0-9])|(?:[0-3]?[0-9][./\-][0-3]?[0-9][./\-](?:19|20)?[0-9]{2}))"
)
_BORN: Final = Linear(
    rf"(?i)\b(?:d\.?o\.?b\b\.?|date[ _-]?of[ _-]?birth|birth[ _-]?date|birthday|born|geboren|geburtsdatum|geb\.|n[e?]e? le|date de naissance"
    rf"|fecha de nacimiento|nato il)[^0-9\n]{{0,24}}?{_DATE}\b"
)
_AGES: Final = (
    Linear(r"(?i)\b([0-9]{1,3})[ -]?(?:years?|yrs?|y)[ -]?(?:old|o)\b|\b([0-9]{1,3}) ?(?:y/o|yo)\b|\b([0-9]{1,3}) (?:jahre alt|ans\b|a?os de edad)"),
    Linear(r"(?i)\b(?:aged?|turned|turning|turns)\b[ :=]{1,3}([0-9]{1,3})\b"),
    Linear(r"(?i)\b(?:i am|i'm|he is|he's|she is|she's|im) ([0-9]{1,3})(?:[.,;!?]| and\b|\n|$)"),
)
_LEAST_DIGITS: Final = 5
_OLDEST: Final = 120


def documents(reading: Reading) -> Iterator[Finding]:
    """Find numbers of documents that are called by their name."""
    for kind, pattern in _DOCUMENTS:
        for _, (start, end) in pattern.groups(reading.raw):
            stop = _end_of_number(reading.raw, start, end=end)
            if reading.closes(stop) and sum(map(str.isdigit, reading.raw[start:stop].decode())) >= _LEAST_DIGITS:
                yield reading.finding(start, stop, kind=kind, score=0.9)


def _end_of_number(raw: bytes, start: int, *, end: int) -> int:
    """Return where the number ends: before the first word without a digit that follows it."""
    stop = start
    for word in raw[start:end].split(b" "):
        if stop > start + 3 and not any(map(is_digit, word)):
            break
        stop += len(word) + 1
    return min(stop - 1, end)


def birth_dates(reading: Reading) -> Iterator[Finding]:
    """Find dates that are said to be of a birth."""
    for _, (start, end), *_rest in _BORN.groups(reading.raw):
        yield reading.finding(start, end, kind="birth_date")


def ages(reading: Reading) -> Iterator[Finding]:
    """Find ages of people, as far as the words leave no doubt."""
    for pattern in _AGES:
        for _, *groups in pattern.groups(reading.raw):
            for start, end in groups:
                if start != -1 and 0 < int(reading.raw[start:end]) <= _OLDEST:
                    yield reading.finding(start, end, kind="age", score=0.8)
