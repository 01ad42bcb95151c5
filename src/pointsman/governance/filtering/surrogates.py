"""
Values that look real and belong to nobody: documentation addresses (RFC 2606, RFC 5737, RFC 3849), numbers kept for fiction, cards and accounts of tests.
"""

from collections.abc import Callable, Mapping
from typing import Final

_FIRSTS: Final = """
    Ada Amos Anja Arno Bela Birte Carlo Clea Dario Dunja Edda Emil Fabia Falk Gero Gitta Hanno Hedda Ines Ivo Jorin Jutta Kaja Kilian Lasse Lea Malte Mira
    Nele Nils Oda Orell
"""
_LASTS: Final = """
    Ahorn Amsel Bachtal Birkner Brandow Distel Dohlen Eibner Elster Farnholm Finkow Ginster Habicht Heidkamp Ilmenau Kiebitz Kornrade Lerchner Lindow Malve
    Moorkamp Nessler Otterbach Pirol Quendel Reiher Salbeiner Schlehdorn Tannert Ulmer Weidenau Zeisig
"""
_FIRST: Final = tuple(_FIRSTS.split())
_LAST: Final = tuple(_LASTS.split())
_ANYWHERE: Final = ("192.0.2.", "198.51.100.", "203.0.113.")


def surrogate(kind: str, digest: bytes) -> str | None:
    """Return a value of this kind, drawn by a digest of 32 bytes; None if no range is known that belongs to nobody."""
    make = _MAKERS.get(kind)
    return None if make is None else make(digest)


def _person(digest: bytes) -> str:
    return f"{_FIRST[digest[0] % len(_FIRST)]} {_LAST[digest[1] % len(_LAST)]}"


def _email(digest: bytes) -> str:
    return f"{_person(digest).lower().replace(' ', '.')}{int.from_bytes(digest[2:4]) % 9000 + 1000}@example.com"


def _phone(digest: bytes) -> str:
    area = (202, 303, 404, 505, 606, 707, 808, 909)[digest[0] % 8]
    return f"+1 {area} 555 01{digest[1] % 100:02}"


def _address(digest: bytes) -> str:
    return f"{_ANYWHERE[digest[0] % 3]}{100 + digest[1] % 156}"


def _card(digest: bytes) -> str:
    body = f"400000{int.from_bytes(digest[:8]) % 10**9:09}"
    doubled = [int(digit) * (2 - position % 2) for position, digit in enumerate(reversed(body))]
    return body + str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def _iban(digest: bytes) -> str:
    account = f"{int.from_bytes(digest[:8]) % 10**14:014}"
    # ISO 13616: letters count from ten, and the country with its check digits stands last.
    numbers = "".join(str(int(letter, 36)) for letter in f"TEST{account}GB00")
    return f"GB{98 - int(numbers) % 97:02}TEST{account}"


_MAKERS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "person": _person,
    "email": _email,
    "phone": _phone,
    "ip": _address,
    "card": _card,
    "iban": _iban,
}
