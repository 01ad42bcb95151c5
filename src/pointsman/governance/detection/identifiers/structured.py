"""
The detector of identifiers: one linear pass tells which families of them a text may hold, and only their finders read it.
"""

from collections.abc import Iterator
from typing import Final

from pointsman.governance.detection.identifiers import documents, national, network, payment, phone
from pointsman.governance.detection.identifiers.plans import plans
from pointsman.governance.detection.identifiers.reading import DETECTOR, Finder, Reading
from pointsman.governance.detection.linear import LinearSet, shadow
from pointsman.governance.finding import Finding

# What a text must hold → who then reads it. A family may be wider than what its finders accept, never narrower.
_FAMILIES: Final[tuple[tuple[str, tuple[Finder, ...]], ...]] = (
    (r"[0-9](?:[ ./\-]{0,2}[0-9]){11}", (payment.cards,)),
    (r"[A-Za-z]{2}[0-9]{2}[ .\-]?[A-Za-z0-9]{2}[ .\-]?[A-Za-z0-9]{2}[ .\-]?[A-Za-z0-9]", (payment.ibans,)),
    (r"(?i)account|acct|a/c|routing|\baba\b|sort code|konto|bankleit|\bblz|num.?ro de c|cuenta|\brib\b|\bbic\b|\bswift\b", (payment.accounts,)),
    (r"[^\s]@[^\s]", (network.emails,)),
    (r"(?i)[a-z]://|\bwww\.", (network.urls,)),
    (r"(?i)\.(?:internal|intranet|corp|lan|local|localdomain|home)\b", (network.hosts,)),
    (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", (network.addresses_4,)),
    (r"(?i)[0-9a-f]:[0-9a-f]{0,4}:[0-9a-f]{0,4}:?", (network.addresses_6,)),
    (r"(?i)[0-9a-f]{2}[:\-][0-9a-f]{2}[:\-][0-9a-f]{2}[:\-][0-9a-f]{2}[:\-][0-9a-f]{2}", (network.hardware,)),
    (r"[0-9](?:[ ()./\-]{0,3}[0-9]){5}", (phone.phones,)),
    (r"[0-9]{3}[ \-.][0-9]{2}[ \-.][0-9]{4}|[0-9]{9}", (national.ssns,)),
    (r"[0-9](?:[ .\-+A]?[0-9]){8}", (national.national_numbers,)),
    (
        (
            r"(?i)[a-z][ \-]?[0-9]{2}[a-z0-9]|[0-9]{6}[\-+ ]?[a-z]|[0-9]{6}[\-+a-z][0-9]{3}[0-9a-z]|[a-z][0-9]{4}[a-z]|[0-9]{18}|[a-z]{2} ?[0-9]{2} ?[0-9]{2}"
            r"|[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9ab] ?[0-9]{3}"
        ),
        (national.lettered_numbers,),
    ),
    (
        (
            r"(?i)pass|licen|driv|\bdl\b|f.hrersch|permis|patente|\bmrn\b|medic|patient|health|versicher|ausweis|identity card|id card|visa n|green card"
            r"|certificate|policy|permit|employee"
        ),
        (documents.documents,),
    ),
    (r"(?i)\bd\.?o\.?b|birth|born|geb|n.e? le|naissance|nacimiento|nato il", (documents.birth_dates,)),
    (
        r"(?i)[0-9][ -]?y|[0-9] (?:jahre|ans|a.os)|\b(?:aged?|turn(?:ed|ing|s))\b[ :=]{1,3}[0-9]|(?:i am|'m|\bim|he is|he's|she is|she's) [0-9]",
        (documents.ages,),
    ),
)


class StructuredDetector:
    """Finds identifiers that have a form: cards, accounts, mail addresses, telephone numbers, addresses of the network, numbers of states and documents."""

    name = DETECTOR
    reads_squeezed = True

    def __init__(self) -> None:
        plans()  # loaded now rather than with the first text
        self._families = LinearSet([pattern for pattern, _ in _FAMILIES])

    def find(self, text: str) -> Iterator[Finding]:
        """Yield what the text holds; findings may overlap."""
        reading = Reading(text, shadow(text))
        for number in sorted(self._families.found_in(reading.raw)):
            for finder in _FAMILIES[number][1]:
                yield from finder(reading)
