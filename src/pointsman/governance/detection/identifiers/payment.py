"""
Cards and bank accounts: what a checksum proves, and account numbers and bank codes where a word beside them says so.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pointsman.governance.detection.identifiers.reading import Reading, is_digit
from pointsman.governance.detection.linear import Linear
from pointsman.governance.finding import Finding

_STRETCH: Final = Linear(r"[0-9](?:[ ./\-]{0,2}[0-9]){11,}")
_COUNTRY: Final = Linear(r"[A-Za-z]{2}[0-9]{2}")
_ACCOUNT: Final = Linear(
    r"(?i)\b(?:(?:bank[ -]?)?(?:account|acct|a/c)\.? ?(?:number|no\b\.?|nr\b\.?|num\b\.?|#)|routing(?: number| no\b\.?)?|aba(?: number| no\b\.?)?"
    r"|sort code|konto(?:nummer|-nr\.?)?"
    r"|kontonr\.?|bankleitzahl|blz|num[e?]ro de (?:compte|cuenta)|cuenta bancaria|rib)"
    r"(?: (?:is|ist|est|es|of|number|no\.?))?[ :=#\"']{1,5}([0-9](?:[ \-]?[0-9]){5,21})"
)
_BANK_CODE: Final = Linear(
    r"(?i:\b(?:bic|swift)\b(?:[ /-]?(?:bic|swift|code|number))*(?: is)?[ :=#\"']{1,5})([A-Za-z]{4}[A-Za-z]{2}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?)\b"
)
_CARD_WORDS: Final = Linear(
    r"(?i)card|\bcc\b|visa|master ?card|maestro|amex|american express|diners|discover|\bjcb\b|\bpan\b|credit|debit|kredit|karte|carte|tarjeta|\bcvv|\bcvc|expir"
)

# How cards are grouped in print; any other grouping has to be even.
_GROUPINGS: Final = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 6, 5), (4, 6, 4), (4, 4, 4, 3), (4, 4, 4, 2), (6, 10), (6, 13), (8, 8)})
_MOST_GROUPS: Final = 24
_LIST_OF_NUMBERS: Final = 2
_SHORTEST_CARD: Final = 12
_LONGEST_CARD: Final = 19
# Lengths that also barcodes and record numbers have: they need a word beside them.
_WEAK_LENGTHS: Final = frozenset({12, 13, 14, 17, 18, 19})
# First digits (from, to, compared at their own length) → lengths. ISO/IEC 7812 issuer ranges of the schemes in use.
_ISSUERS: Final = (
    ("4", "4", (13, 16, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("6011", "6011", (16, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 19)),
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("300", "305", (14, 16)),
    ("3095", "3095", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("62", "62", (16, 17, 18, 19)),
    ("81", "82", (16,)),
    ("508", "508", (16,)),
    ("2200", "2204", (16, 17, 18, 19)),
    ("9792", "9792", (16,)),
    ("5018", "5018", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5020", "5020", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5038", "5038", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("67", "67", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("60", "61", (16,)),
)
_ALPHANUMERIC: Final = tuple(chr(code).isalnum() for code in range(128))
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# Length of an account number by country: the IBAN register (ISO 13616).
_IBAN_LENGTHS: Final[Mapping[str, int]] = {
    country: length
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FK FO GL NL SD"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HN HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    )
    for country in countries.split()
}
# Countries whose accounts are digits throughout, and whose accounts begin with four letters of the bank (same register).
_DIGITS_ONLY: Final = frozenset("AE AT BA BE BI CR CZ DE DJ DK EE EG ES FI FO GL HR HU IL IS LT LY ME MN MR NO PL PT RS SD SE SI SK SO ST TL TN VA XK".split())  # noqa: SIM905 - a table of words
_BANK_OF_LETTERS: Final = frozenset("AZ BG BH GB GI HN IE IQ JO KW LC LV MT MU NI NL PK PS QA RO SC SV VG YE".split())  # noqa: SIM905 - a table of words


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the right one (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Tell whether the digits are a card number: an issuer of this length, and the checksum."""
    return len(set(digits)) > 1 and passes_luhn(digits) and any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS)


def is_iban(text: str) -> bool:
    """Tell whether letters and digits without spaces are an account number: length and letters of the country, remainder 1 modulo 97."""
    country, check, account = text[:2], text[2:4], text[4:]
    if _IBAN_LENGTHS.get(country) != len(text) or not check.isdigit():
        return False
    if (country in _DIGITS_ONLY and not account.isdigit()) or (country in _BANK_OF_LETTERS and not account[:4].isalpha()):
        return False
    return int("".join(str(int(letter, 36)) for letter in account + text[:4])) % 97 == 1


def cards(reading: Reading) -> Iterator[Finding]:
    """Find card numbers, whole or in groups."""
    for start, end in _STRETCH.spans(reading.raw):
        yield from _cards_in(reading, start, end=end)


def _cards_in(reading: Reading, start: int, *, end: int) -> Iterator[Finding]:
    groups = _groups(reading.raw, start, end=end)
    first = 0
    while first < len(groups):
        last = _card_from(reading, groups, first=first)
        if last is None:
            first += 1
            continue
        yield reading.finding(groups[first][0], groups[last][1], kind="card")
        first = last + 1


def _groups(raw: bytes, start: int, *, end: int) -> list[tuple[int, int]]:
    groups: list[tuple[int, int]] = []
    begin = start
    for at in range(start, end + 1):
        if at == end or not is_digit(raw[at]):
            if at > begin:
                groups.append((begin, at))
            begin = at + 1
    return groups


def _card_from(reading: Reading, groups: list[tuple[int, int]], *, first: int) -> int | None:
    digits = ""
    sizes: tuple[int, ...] = ()
    for last in range(first, min(len(groups), first + _MOST_GROUPS)):
        begin, stop = groups[last]
        digits += reading.raw[begin:stop].decode()
        sizes += (stop - begin,)
        if len(digits) > _LONGEST_CARD:
            return None
        if (
            len(digits) >= _SHORTEST_CARD
            and _is_grouped(sizes, whole=len(sizes) == len(groups))
            and _stands_as_card(reading, groups[first][0], end=stop, digits=digits)
        ):
            return last
    return None


def _is_grouped(sizes: tuple[int, ...], *, whole: bool) -> bool:
    """Tell whether a card may be grouped so. An odd grouping has to be even, and all that stands there: a list of numbers makes up too many cards."""
    return len(sizes) == 1 or sizes in _GROUPINGS or (whole and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0] != _LIST_OF_NUMBERS)


def _stands_as_card(reading: Reading, start: int, *, end: int, digits: str) -> bool:
    if not passes_luhn(digits) or not reading.opens(start) or not reading.closes(end) or reading.in_decimal(start, end):
        return False
    # A word beside it proves what the issuer's range does not: ranges are given out faster than tables are written.
    if len(digits) in _WEAK_LENGTHS or not is_card(digits):
        return len(set(digits)) > 1 and reading.has_context(_CARD_WORDS, start, end=end)
    return True


def ibans(reading: Reading) -> Iterator[Finding]:
    """Find account numbers, whole or in groups."""
    for start, _ in _COUNTRY.spans(reading.raw):
        found = _iban_at(reading, start)
        if found:
            yield found


def _iban_at(reading: Reading, start: int) -> Finding | None:
    raw = reading.raw
    length = _IBAN_LENGTHS.get(raw[start : start + 2].decode().upper())
    if length is None or not reading.opens(start):
        return None
    taken = bytearray()
    parted = False
    for at in range(start, min(len(raw), start + 2 * length)):
        if _ALPHANUMERIC[raw[at]]:
            taken.append(raw[at])
            parted = False
        elif parted or raw[at] not in b" .-":
            return None
        else:
            parted = True
        if len(taken) == length:
            good = reading.closes(at + 1) and is_iban(taken.decode().upper())
            return reading.finding(start, at + 1, kind="iban") if good else None
    return None


def accounts(reading: Reading) -> Iterator[Finding]:
    """Find account numbers and bank codes that are called so."""
    for _, (start, end) in _ACCOUNT.groups(reading.raw):
        if reading.closes(end):
            yield reading.finding(start, end, kind="bank_account", score=0.9)
    for _, (start, end) in _BANK_CODE.groups(reading.raw):
        value = reading.raw[start:end].decode()
        if value.isupper() and value[4:6] in _IBAN_LENGTHS.keys() | {"US", "CA", "AU", "JP", "CN", "HK", "SG", "IN", "NZ", "ZA", "MX", "KR"}:
            yield reading.finding(start, end, kind="swift", score=0.9)
