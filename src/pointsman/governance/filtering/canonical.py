"""
One value, many ways to write it: what two texts have in common that mean the same person, address or account.

Only what needs no further knowledge: a number without its country code stays a value of its own.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

_GAPS: Final = re.compile(r"[\s.\-/()]+")
_SPACE: Final = re.compile(r"\s+")
_CARD: Final = range(12, 20)
_LAST: Final = 4
_LUHN: Final = 10


def canonical(kind: str, text: str) -> str:
    """Return the form in which all ways to write a value of this kind are the same."""
    plain = _SPACE.sub(" ", unicodedata.normalize("NFKC", text)).strip()
    return _FORMS.get(kind, _as_it_is)(plain)


def _as_it_is(text: str) -> str:
    return text


def _phone(text: str) -> str:
    digits = _GAPS.sub("", text)
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def _code(text: str) -> str:
    return _GAPS.sub("", text).upper()


_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "email": str.casefold,
    "person": str.casefold,
    "organisation": str.casefold,
    "location": str.casefold,
    "address": str.casefold,
    "internal_host": str.casefold,
    "phone": _phone,
    "card": _code,
    "iban": _code,
    "bank_account": _code,
    "ssn": _code,
    "national_id": _code,
    "tax_id": _code,
    "mac": _code,
}


def redaction(kind: str, text: str) -> str:
    """Return what stands where a value was taken out for good: its kind, and of a card the last four digits."""
    what = kind.partition(":")[0].replace("_", " ")
    if kind == "card":
        digits = _code(unicodedata.normalize("NFKC", text))
        if digits.isdecimal() and len(digits) in _CARD and _is_card(digits):
            return f"[card …{digits[-_LAST:]}]"
    return f"[{what} removed]"


def _is_card(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(number // _LUHN + number % _LUHN for number in doubled) % _LUHN == 0
