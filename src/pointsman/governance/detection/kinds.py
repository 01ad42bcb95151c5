"""
What kinds of things are found in texts, and which class of data each of them makes a text.

A class decides where data may go, so a kind is put where a false alarm and a miss cost least. Under the shipped policy `personal` and `internal`
data may still go to a public model under pseudonyms; `financial`, `health`, `source_code` and `secret` change the way a call takes. So a kind
counts as one of those only where a checksum, or a word beside it, leaves little doubt.
"""

from collections.abc import Mapping
from typing import Final

PERSONAL: Final = "personal"
FINANCIAL: Final = "financial"
INTERNAL: Final = "internal"
# Found, but no reason to change anything: a company, a date, a city. `detection.classes` may give such a kind another class.
PUBLIC: Final = "public"

SECRET_PREFIX: Final = "secret:"  # noqa: S105 - the name of a kind
GUESSED: Final = "secret:value"  # a secret by its looks and its name, not by the form of an issuer

KINDS: Final[Mapping[str, str]] = {
    "person": PERSONAL,
    "title": PUBLIC,
    "address": PERSONAL,
    "postcode": PUBLIC,
    "email": PERSONAL,
    "phone": PERSONAL,
    "ip": PERSONAL,
    "mac": PERSONAL,
    "age": PUBLIC,
    "nationality": PUBLIC,
    "birth_date": PERSONAL,
    "ssn": PERSONAL,
    "national_id": PERSONAL,
    "tax_id": PERSONAL,
    "passport": PERSONAL,
    "licence": PERSONAL,
    "document": PERSONAL,
    "medical_record": PERSONAL,
    "card": FINANCIAL,
    "iban": FINANCIAL,
    "bank_account": FINANCIAL,
    "swift": FINANCIAL,
    "organisation": PUBLIC,
    "location": PUBLIC,
    "date": PUBLIC,
    "url": PUBLIC,
    "internal_host": INTERNAL,
    "health_term": PUBLIC,
    "health": "health",
    "source_code": "source_code",
}

# Which of two findings in the same place is kept: the class that stands first. A class of a policy's own counts as `confidential`.
_ORDER: Final = ("secret", FINANCIAL, "health", "legal", "restricted", "confidential", PERSONAL, "source_code", INTERNAL, "public")
_RANK: Final[Mapping[str, int]] = {name: rank for rank, name in enumerate(_ORDER)}

# What marks a stretch of text rather than one value in it. It neither hides nor gives way to the values that stand inside.
REGIONS: Final = frozenset({"source_code", "fingerprint", "health", "health_term"})

# What a checksum or a strict form proves: only these are believed in a text that is read from its end, or put together from two.
PROVEN: Final = frozenset({"card", "iban", "email", "ssn", "national_id"})


def class_of(kind: str) -> str:
    """Return the class of a kind; `restricted` for a kind that nobody has described."""
    return "secret" if kind.startswith(SECRET_PREFIX) else KINDS.get(kind, "restricted")


def rank_of(data_class: str) -> int:
    """Return the place of a class in the order of strictness; 0 is the strictest."""
    return _RANK.get(data_class, _RANK["confidential"])
