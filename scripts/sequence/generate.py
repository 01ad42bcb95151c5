"""
Texts to learn from: the templates with their slots filled, and plain texts that hold nobody, as (text, spans with their tags).

A slot becomes text with a tag, or without one where it stands for something that another detector finds or that is no personal data.
"""

# ruff: noqa: PLR2004, RUF001 - chances are chosen once, here, and letters of other scripts are meant
import re
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from sequence import addresses, languages, words
from sequence.words import LISTS

TAGS: Final = ("", "person", "address", "location", "organisation", "age", "nationality", "date", "title", "phone")
_TEMPLATES: Final = tuple(
    line.replace("\\n", "\n")
    for line in (Path(__file__).parent / "templates.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
_PROSE: Final = tuple(
    line.replace("\\n", "\n")
    for line in (Path(__file__).parent / "prose.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# Texts")
)
_ALL: Final = tuple(word for name in ("verbs", "nouns", "adjectives", "more_words", "more_words") for word in LISTS[name])
_WORD: Final = re.compile(r"[A-Za-z]{4,}")
_SCRIPTS: Final = (
    (0x4E00, 0x9FA5),
    (0x4E00, 0x9FA5),
    (0x3041, 0x3093),
    (0xAC00, 0xD7A3),
    (0x0627, 0x064A),
    (0x0E01, 0x0E2E),
    (0x0905, 0x0939),
    (0x05D0, 0x05EA),
    (0x03B1, 0x03C9),
    (0x0430, 0x044F),
)
_RELATIVES: Final = (
    "mother",
    "father",
    "son",
    "daughter",
    "wife",
    "husband",
    "sister",
    "brother",
    "friend",
    "boss",
    "neighbour",
    "uncle",
    "aunt",
    "cousin",
    "grandmother",
    "colleague",
    "partner",
    "roommate",
    "dog",
    "teacher",
    "client",
)
_PLANTED: Final = ("p", "p", "p", "pf", "pf", "org", "org", "loc", "loc", "country", "adr1", "street", "nrp", "nrp", "date", "job", "job", "phone")
_LANGUAGES: Final = (
    "English",
    "French",
    "German",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Russian",
    "Chinese",
    "Japanese",
    "Korean",
    "Arabic",
    "Hindi",
    "Turkish",
    "Polish",
    "Swedish",
    "Greek",
    "Latin",
)
_UNITS: Final = ("percent", "%", "km", "kg", "minutes", "hours", "pages", "words", "items", "people", "years", "days")
_MFW: Final = ("man", "woman", "male", "female", "boy", "girl", "child", "patient", "student", "person", "lady", "guy", "kid")


class Text(NamedTuple):
    """A text and the spans in it: start, end, index of the tag."""

    text: str
    spans: tuple[tuple[int, int, int], ...]


def _pick(*names: str) -> Callable[[Random], str]:
    pool = tuple(word for name in names for word in LISTS[name])
    return lambda random: random.choice(pool)


def _digits(random: Random, form: str) -> str:
    return "".join(random.choice(string.digits) if char == "0" else random.choice(string.ascii_uppercase) if char == "A" else char for char in form)


def _hex(random: Random, size: int) -> str:
    return "".join(random.choice("0123456789abcdef") for _ in range(size))


def _number(*forms: str) -> Callable[[Random], str]:
    return lambda random: _digits(random, random.choice(forms))


def _email(random: Random) -> str:
    return (
        f"{words.first(random)}{random.choice(('.', '_', ''))}{words.last(random)}@{words.made_up(random, ('.com', '.de', '.org', '.co.uk', '.net'))}".replace(
            " ", ""
        ).lower()
    )


def phone(random: Random) -> str:
    """Return a number as phones have it: groups of digits of any size, with or without a country, an area and an extension."""
    if random.random() < 0.3:
        return _digits(
            random, random.choice(("000-000-0000", "(000) 000-0000", "000.000.0000", "+0 (000) 000-0000", "0000000000", "+00 000 0000000", "000-0000"))
        )
    mark = random.choice((" ", " ", "-", "-", ".", ""))
    head = random.choice(("", "", "", "+00 ", "+000 ", "00000 ", "(000) ", "(00)", "(0000) ", "+0-", "000-", "+00-", "+00(0)"))
    groups = mark.join(
        "0" * size
        for size in random.choice(
            (
                (2, 2, 2, 2),
                (2, 3, 2, 2),
                (3, 3, 3),
                (4, 4),
                (3, 2, 2),
                (3, 3),
                (2, 2, 2, 2, 2),
                (4, 3, 3),
                (3, 4),
                (2, 3, 3),
                (4, 6),
                (5, 6),
                (3, 2, 2, 2),
                (2, 6),
                (4, 2, 2, 2),
                (3, 3, 2, 2),
            )
        )
    )
    return _digits(random, head + groups + random.choice(("", "", "", "", "x000", " ext. 00", "x00000")))


def inflected(random: Random) -> str:
    """Return a common word in some form."""
    word = random.choice(_ALL)
    return word if random.random() < 0.6 else random.choice(words.inflections(word))


def prose(random: Random) -> str:
    """Return a line of prose, in half of the cases with other words in the place of some of its own."""
    line = random.choice(_PROSE)
    share = random.choice((0.0, 0.0, 0.3, 0.6))

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if random.random() > share:
            return word
        new = inflected(random).lower()
        return new.capitalize() if word[0].isupper() else new

    return _WORD.sub(other, line)


def planted(random: Random) -> Text:
    """Return a line of prose with a finding in the place of some of its words, so that what surrounds it tells little."""
    line = languages.line(random) if random.random() < 0.25 else prose(random)
    found = [match for match in _WORD.finditer(line) if match.start() > 0] or list(_WORD.finditer(line))
    chosen = sorted(random.sample(found, min(len(found), random.choice((1, 1, 1, 2)))), key=lambda match: match.start())
    template, at = "", 0
    for match in chosen:
        template += line[at : match.start()] + "{" + random.choice(_PLANTED) + "}"
        at = match.end()
    return filled(template + line[at:], random)


def foreign(random: Random) -> str:
    """Return letters of another script as they come."""
    low, high = random.choice(_SCRIPTS)
    return "".join(random.choice((*(chr(random.randint(low, high)) for _ in range(9)), " ")) for _ in range(random.randint(3, 40))).strip() + random.choice(
        "。.?！"
    )


def filler(random: Random) -> str:
    """Return a clause that holds nobody."""
    verb, noun, adjective, small = _pick("verbs"), _pick("nouns"), _pick("adjectives"), _pick("small_words")
    parts = (noun, adjective, verb, small, small, noun, inflected, inflected)
    count = random.randint(3, 12)
    return " ".join(random.choice(parts)(random).lower() for _ in range(count))


def _age(random: Random) -> str:
    return str(random.choice((random.randint(1, 99), random.randint(18, 80), random.randint(18, 80), random.randint(100, 110))))


# Slot → tag and maker.
_SLOTS: Final[Mapping[str, tuple[str, Callable[[Random], str]]]] = {
    "p": ("person", words.full_name),
    "pf": ("person", words.first),
    "pl": ("person", words.last),
    "plw": ("person", words.last),
    "plastfirst": ("person", lambda random: f"{words.last(random)}, {words.first(random)}"),
    "pru": ("person", languages.russian),
    "adr": ("address", addresses.address),
    "adr1": ("address", lambda random: addresses.whole(random, random.choice((", ", ", ", " ")))),
    "adrlines": ("address", addresses.lines),
    "street": ("address", addresses.street),
    "streetname": ("address", addresses.street_name),
    "zip": ("address", addresses.post_code),
    "second": ("address", addresses.second),
    "town": ("address", lambda random: addresses.town(random, random.choice((", ", "\n")))),
    "adrnum": ("address", addresses.number),
    "pobox": ("address", addresses.box),
    "loc": ("location", words.location),
    "country": ("location", words.country),
    "state": ("location", _pick("states")),
    "org": ("organisation", words.organisation),
    "agenum": ("age", _age),
    "nrp": ("nationality", words.nationality),
    "date": ("date", words.date),
    "year": ("date", _number("1900", "1980", "2000", "1700", "2010")),
    "job": ("title", words.job),
    "hon": ("", _pick("titles")),
    "verb": ("", lambda random: random.choice(LISTS["verbs"]) + random.choice(("", "", "s", "ed"))),
    "noun": ("", lambda random: " ".join(random.choice(LISTS["nouns"]) for _ in range(random.choice((1, 1, 1, 2))))),
    "nouns": ("", lambda random: random.choice(LISTS["nouns"]) + "s"),
    "adj": ("", _pick("adjectives")),
    "filler": ("", filler),
    "product": ("", _pick("products")),
    "relative": ("", lambda random: random.choice(_RELATIVES)),
    "mfw": ("", lambda random: random.choice(_MFW)),
    "hesheit": ("", lambda random: random.choice(("he", "she", "it", "they"))),
    "hisher": ("", lambda random: random.choice(("his", "her", "the", "their"))),
    "lang": ("", lambda random: random.choice(_LANGUAGES)),
    "initial": ("", lambda random: random.choice(string.ascii_uppercase)),
    "num": ("", _number("0", "00", "000", "0000", "00000", "0,000", "0.00", "00.0", "000000")),
    "smallnum": ("", _number("0", "00")),
    "money": ("", _number("$000", "$0,000.00", "€00", "000 EUR", "0000 dollars", "£00.00", "$0 million", "0.0 billion")),
    "time": ("", _number("10:00", "00:00", "9am", "10 pm", "noon", "0:00 PM")),
    "phone": ("phone", phone),
    "email": ("", _email),
    "card": ("", _number("0000000000000000", "0000 0000 0000 0000", "0000-0000-0000-0000", "000000000000000")),
    "iban": ("", _number("GB00AAAA00000000000000", "DE00 0000 0000 0000 0000 00", "FR0000000000000000000000000")),
    "ssn": ("", _number("000-00-0000", "000 00 0000", "000000000")),
    "id": ("", _number("A0000000", "000000000", "AA000000A", "A00-000-000", "000-AAA-00")),
    "orderno": (
        "",
        _number("0000000000", "00000000", "000000000", "0000000", "AAA-0000-00000", "0000-0000", "00000", "AA000000", "R0000000000", "000-0000000-0000000"),
    ),
    "isbn": ("", _number("978-0-00-000000-0", "9780000000000", "978-00-0000-000-0", "0-000-00000-0")),
    "uuid": ("", lambda random: "-".join(_hex(random, size) for size in (8, 4, 4, 4, 12))),
    "hex": ("", lambda random: _hex(random, random.choice((7, 9, 10, 12, 40)))),
    "url": ("", lambda random: f"https://{words.made_up(random, ('.com', '.org'))}/{random.choice(LISTS['nouns'])}".lower()),
}


def filled(template: str, random: Random) -> Text:
    """Return the template with every slot filled."""
    parts: list[str] = []
    spans: list[tuple[int, int, int]] = []
    at = 0
    for literal, slot, _, _ in _parsed(template):
        parts.append(literal)
        at += len(literal)
        if slot:
            tag, make = _SLOTS[slot]
            value = make(random)
            if tag in {"person", "organisation", "location", "nationality"} and random.random() < 0.035:
                value = random.choice((value.lower(), value.lower(), value.upper()))
            if tag:
                spans.append((at, at + len(value), TAGS.index(tag)))
            parts.append(value)
            at += len(value)
    return Text("".join(parts), tuple(spans))


def _parsed(template: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    """Cut a template at its slots; a brace that holds no slot is text."""
    rest = template
    while rest:
        start = next((found for found in _opens(rest) if rest[found + 1 : rest.find("}", found)] in _SLOTS), -1)
        if start < 0:
            yield rest, None, None, None
            return
        end = rest.find("}", start)
        yield rest[:start], rest[start + 1 : end], None, None
        rest = rest[end + 1 :]


def _opens(text: str) -> Iterator[int]:
    at = text.find("{")
    while at >= 0:
        yield at
        at = text.find("{", at + 1)


def plain(random: Random) -> Text:
    """Return a text that holds nobody: requests, prose, code, logs, headings."""
    chance = random.random()
    if chance < 0.32:
        return Text(prose(random), ())
    if chance < 0.50:
        return Text(languages.line(random), ())
    if chance < 0.53:
        return Text(foreign(random), ())
    noun, verb, adjective, product = _SLOTS["noun"][1], _pick("verbs"), _pick("adjectives"), _pick("products")
    head = random.choice(LISTS["heads"])
    snake = f"{random.choice(LISTS['verbs'])}_{random.choice(LISTS['nouns'])}"
    camel = random.choice(LISTS["nouns"]).title() + random.choice(LISTS["nouns"]).title()
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{head} {filler(random)}{random.choice('.?!:,')}",
        lambda: f"{head} {filler(random)}, {filler(random)}. {random.choice(LISTS['heads'])} {filler(random)}.",
        lambda: f"{filler(random).capitalize()}.",
        lambda: f"{noun(random).capitalize()} {verb(random)} {filler(random)}.",
        lambda: f"{head} a {product(random)} {noun(random)} that {verb(random)} the {adjective(random)} {noun(random)}",
        lambda: f"{head} the {adjective(random)} {noun(random)} in {product(random)}",
        lambda: f"How do I {verb(random)} a {noun(random)} with {product(random)} and {product(random)}?",
        lambda: f"Translate the {noun(random)} into {random.choice(_LANGUAGES)}: {filler(random)}",
        lambda: f"{' '.join(random.choice((noun, adjective, verb))(random) for _ in range(random.randint(1, 5))).title()}",
        lambda: f"# {filler(random).title()}\n\n{filler(random).capitalize()}.\n\n## {noun(random).title()}",
        lambda: f"1. {verb(random).capitalize()} the {noun(random)}\n2. {verb(random).capitalize()} {filler(random)}\n3. {noun(random).capitalize()}",
        lambda: f"- {noun(random).capitalize()}: {filler(random)}\n- {noun(random).capitalize()}: {filler(random)}",
        lambda: f"{noun(random).title()}: {filler(random)}",
        lambda: (
            f"def {snake}({noun(random).replace(' ', '_')}, {noun(random).replace(' ', '_')}=None):\n    return {camel}({noun(random).replace(' ', '.')}[0])"
        ),
        lambda: f"class {camel}:\n    {snake}: {random.choice(('int', 'str', 'float'))} = {random.randint(0, 999)}\n",
        lambda: f'if ({snake} > {random.randint(0, 99)}) {{ {camel}.{snake}("{filler(random)}"); }}',
        lambda: f'{{"{snake}": "{noun(random)}", "{noun(random)}": {random.randint(0, 9999)}}}',
        lambda: f"SELECT {snake}, {noun(random).split()[0]} FROM {noun(random).split()[0]}s WHERE {snake} = '{adjective(random)}'",
        lambda: f"{_digits(random, '2026-00-00 00:00:00')} {random.choice(('ERROR', 'INFO', 'WARN'))} {snake}: {filler(random)} ({_digits(random, '000')})",
        lambda: f"{head} {_digits(random, random.choice(('0', '00', '000')))} {random.choice(LISTS['nouns'])}s {filler(random)}",
        lambda: f"{_digits(random, random.choice(('00', '000', '0.0')))} {random.choice(_UNITS)} {filler(random)}",
        lambda: f"{random.choice(LISTS['heads'])}, {filler(random)}; {filler(random)}",
        lambda: f"The {adjective(random).title()} {noun(random).title()} {verb(random)} {filler(random)}",
        lambda: f"{product(random)} {verb(random)} {product(random)}. {noun(random).capitalize()} {filler(random)}.",
        lambda: f'"{filler(random).capitalize()}", said the {noun(random)}.',
        lambda: f"My {random.choice(LISTS['nouns'])} number is {_SLOTS[random.choice(('card', 'iban', 'id', 'num', 'ssn'))][1](random)}, {filler(random)}",
        lambda: f"{random.choice(('email', 'mail', 'visit', 'see', 'go to'))} {_SLOTS[random.choice(('email', 'url'))][1](random)} {filler(random)}",
    )
    return Text(random.choice(forms)(), ())


def texts(random: Random, count: int) -> Iterator[Text]:
    """Yield `count` texts, two in five of them plain, some in another case, some joined."""
    for _ in range(count):
        text = _one(random)
        if random.random() < 0.35:
            more = plain(random) if random.random() < 0.5 else filled(random.choice(_TEMPLATES), random)
            text = joined(text, more, by=random.choice((" ", " ", "\n", "\n\n", ". ")))
        chance = random.random()
        if chance < 0.08 and len(text.text.lower()) == len(text.text):
            text = Text(text.text.lower(), text.spans)
        elif chance < 0.10 and len(text.text.upper()) == len(text.text):
            text = Text(text.text.upper(), text.spans)
        yield text


def _one(random: Random) -> Text:
    chance = random.random()
    if chance < 0.42:
        return plain(random)
    if chance < 0.54:
        return planted(random)
    return filled(languages.template(random) if chance < 0.57 else random.choice(_TEMPLATES), random)


def joined(one: Text, other: Text, *, by: str) -> Text:
    """Return both texts as one."""
    shift = len(one.text) + len(by)
    return Text(one.text + by + other.text, one.spans + tuple((start + shift, end + shift, tag) for start, end, tag in other.spans))
