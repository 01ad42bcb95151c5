"""
The word lists, and what is made of them: names, places, organisations, addresses, dates. Every maker returns text; `generate.py` gives it its tag.

All lists are written by hand for this project. A made-up name follows the sounds of its region, so that a name nobody listed is met as well.
"""

# ruff: noqa: PLR2004 - chances are chosen once, here, and letters of other scripts are meant
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final

_FOLDER: Final = Path(__file__).parent / "lists"
NAMES: Final = (
    "first",
    "last",
    "particles",
    "countries",
    "states",
    "state_codes",
    "nationalities",
    "cities",
    "streets",
    "street_types",
    "companies",
    "company_words",
    "company_ends",
    "company_kinds",
    "jobs",
    "job_words",
    "titles",
    "heads",
    "verbs",
    "nouns",
    "adjectives",
    "small_words",
    "more_words",
    "products",
    "calendar",
)
_OF_TOWNS: Final = ("Times", "Post", "Herald", "City Council", "Hospital", "Airport", "FC", "United", "Museum", "High School", "Symphony Orchestra", "Police")
_PARTS: Final = ("Research", "Labs", "Cloud", "Europe", "Germany", "UK", "Foundation", "Ventures", "Health", "Data")
COMMON: Final = ("heads", "verbs", "nouns", "adjectives", "small_words", "more_words")
_INFLECTED: Final = frozenset({"verbs", "nouns", "adjectives", "more_words"})
_SMALL: Final = frozenset({"of", "the", "and", "de", "la", "di", "da", "do", "am", "an", "der", "du", "in", "on", "a", "s", "upon", "en", "le", "l"})

_READ: Final = {name: tuple(word.replace("_", " ") for word in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split()) for name in NAMES}
# A job is no common word: it would be taught as both.
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(word for word in read if name not in COMMON or word not in _READ["jobs"]) for name, read in _READ.items()
}


def listed() -> dict[str, int]:
    """Return the lists that hold each word, in lower case, one bit for each list; the common words share one."""
    found: dict[str, int] = {}
    bits = {name: index for index, name in enumerate(name for name in NAMES if name not in COMMON)}
    for name in NAMES:
        bit = 1 << bits.get(name, len(bits))
        for entry in LISTS[name]:
            for word in entry.replace("'", " ").replace("-", " ").replace(".", " ").split():
                lower = word.lower()
                if name in COMMON or lower not in _SMALL:
                    found[lower] = found.get(lower, 0) | bit
                for form in inflections(lower) if name in _INFLECTED else ():
                    found.setdefault(form, bit)
    return found


def inflections(word: str) -> tuple[str, ...]:
    """Return forms that an English word may take; some are no words, which does no harm."""
    stem = word.removesuffix("e")
    plural = word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
    return (plural, f"{stem}ed", f"{stem}ing", f"{stem}er", f"{word[:-1]}ily" if word.endswith("y") else f"{word}ly")


_ONSETS: Final = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fr",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "sh",
    "st",
    "sv",
    "t",
    "tr",
    "v",
    "w",
    "y",
    "z",
    "kh",
    "th",
    "sz",
    "cz",
    "gy",
    "ng",
    "ts",
    "zh",
]
_VOWELS: Final = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ei", "ou", "ia", "ie", "aa", "ee", "á", "é", "í", "ó", "ö", "ü", "å", "ä", "ø", "y"]
_CODAS: Final = ["n", "r", "l", "s", "t", "k", "m", "nd", "rt", "ng", "x", "v", "th", "ck", "sch", "ff", "z"] + [""] * 14
_FIRST_ENDS: Final = [
    "a",
    "o",
    "e",
    "i",
    "us",
    "en",
    "ine",
    "ette",
    "ina",
    "ko",
    "mi",
    "ar",
    "il",
    "ia",
    "ya",
    "an",
    "el",
    "is",
    "on",
    "ette",
    "eh",
    "ir",
    "a",
    "a",
]
_LAST_ENDS: Final = [
    "son",
    "sen",
    "ski",
    "sky",
    "ska",
    "ov",
    "ova",
    "ev",
    "eva",
    "in",
    "ina",
    "enko",
    "chuk",
    "ez",
    "es",
    "ini",
    "elli",
    "etti",
    "oni",
    "ucci",
    "mann",
    "er",
    "berg",
    "stein",
    "feld",
    "burg",
    "ström",
    "qvist",
    "gren",
    "lund",
    "dal",
    "vik",
    "nen",
    "la",
    "dóttir",
    "ić",
    "vić",
    "čić",
    "ak",
    "ek",
    "ík",
    "ský",
    "ová",
    "idis",
    "opoulos",
    "akis",
    "yan",
    "ian",
    "oğlu",
    "dze",
    "shvili",
    "a",
    "o",
    "i",
    "u",
    "e",
    "ault",
    "eau",
    "ard",
    "ier",
    "moto",
    "mura",
    "yama",
    "shima",
    "wala",
    "kar",
    "rao",
    "swamy",
    "ga",
    "we",
    "ku",
    "mba",
    "ndo",
    "sma",
    "stra",
    "inga",
    "huis",
    "veld",
    "dijk",
    "beek",
    "aert",
    "ton",
    "ley",
    "worth",
    "field",
    "man",
    "more",
    "well",
    "ham",
    "wick",
]
_PLACE_ENDS: Final = tuple((_FOLDER / "places_words.txt").read_text(encoding="utf-8").split())


def made_up(random: Random, ends: tuple[str, ...] | list[str]) -> str:
    """Return a word of one to three syllables with one of the ends."""
    syllables = (random.choice(_ONSETS) + random.choice(_VOWELS) + random.choice(_CODAS) for _ in range(random.choice((1, 1, 1, 2, 2))))
    return ("".join(syllables) + random.choice(ends)).capitalize()


def first(random: Random) -> str:
    """Return a first name."""
    if random.random() < 0.18:
        return made_up(random, _FIRST_ENDS)
    return random.choice(LISTS["first"])


def last(random: Random) -> str:
    """Return a family name."""
    chance = random.random()
    if chance < 0.28:
        return made_up(random, _LAST_ENDS)
    if chance < 0.31:
        return f"{random.choice(LISTS['last'])}-{random.choice(LISTS['last'])}"
    if chance < 0.35:
        return f"{random.choice(LISTS['particles'])} {random.choice(LISTS['last'])}"
    return random.choice(LISTS["last"])


def full_name(random: Random) -> str:
    """Return a whole name as people write it."""
    given, family = first(random), last(random)
    forms: tuple[tuple[float, Callable[[], str]], ...] = (
        (0.62, lambda: f"{given} {family}"),
        (0.70, lambda: f"{given} {random.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"),
        (0.73, lambda: f"{given} {random.choice('ABCDEFGHJKLMNPRSTVW')} {family}"),
        (0.79, lambda: f"{given} {first(random)} {family}"),
        (0.83, lambda: f"{given} {family} {last(random)}"),
        (0.86, lambda: f"{given[0]}. {family}"),
        (0.87, lambda: f"{given[0]}.{random.choice('ABCDEFGHJKLM')}. {family}"),
        (0.88, lambda: f"{given} {family} Jr."),
        (0.89, lambda: f"{given} {family[0]}."),
    )
    chance = random.random()
    return next((make() for limit, make in forms if chance < limit), given)


def place(random: Random) -> str:
    """Return a town."""
    chance = random.random()
    if chance < 0.50:
        return random.choice(LISTS["cities"])
    name = made_up(random, _PLACE_ENDS)
    if chance < 0.80:
        return name
    other = made_up(random, _PLACE_ENDS)
    forms = (
        f"San {name}",
        f"Santa {name}",
        f"{name} {random.choice(('am', 'an der', 'im', 'bei', 'ob'))} {other}",
        f"{name}-sur-{other}",
        f"Saint-{name}",
        f"{name} {random.choice(('di Sopra', 'di Sotto', 'Nuova', 'Vecchio'))}",
        f"{name} de {random.choice(('la', 'los', 'las', 'el'))} {other}",
        f"Bad {name}",
        f"{random.choice(('New', 'Old', 'Upper', 'Lower', 'Great', 'Little', 'North', 'South', 'East', 'West', 'Port', 'Fort', 'Mount', 'Lake'))} {name}",
        f"{name} {random.choice(LISTS['streets'])}",
        f"{name} {random.randint(1, 9)}",
        f"{random.choice(LISTS['streets'])} {random.choice(('Beach', 'City', 'Falls', 'Springs', 'Hills', 'Heights'))}",
        f"{name} {random.choice(('nad', 'pod', 'u', 'na', 'i'))} {other}",
        f"{random.choice(LISTS['last'])}{random.choice(('ville', 'ton', 'burg', ' City', ' Grove'))}",
    )
    return random.choice(forms)


def country(random: Random) -> str:
    """Return a country or another large region."""
    return random.choice(LISTS["countries"])


def location(random: Random) -> str:
    """Return a place of any size."""
    chance = random.random()
    if chance < 0.25:
        return country(random)
    return random.choice(LISTS["states"]) if chance < 0.30 else place(random)


def organisation(random: Random) -> str:
    """Return the name of a company, an office, a school or a club."""
    if random.random() < 0.30:
        return random.choice(LISTS["companies"])
    word, other, family = random.choice(LISTS["company_words"]), random.choice(LISTS["company_words"]), random.choice(LISTS["last"])
    kind, end, brand = (
        random.choice(LISTS["company_kinds"]),
        random.choice(LISTS["company_ends"]),
        made_up(random, ("o", "a", "ex", "ix", "ly", "ify", "io", "on", "um", "is")),
    )
    forms = (
        f"{word} {kind}",
        f"{word} {other} {kind}",
        f"{family} {end}",
        f"{family} {end}",
        f"{family} {kind}",
        f"{family} & {random.choice(LISTS['last'])}",
        f"{family} and Sons",
        f"{family}, {random.choice(LISTS['last'])} and {random.choice(LISTS['last'])}",
        f"{family}-{random.choice(LISTS['last'])}",
        f"{family} Group",
        f"{family} {end}",
        f"{word}{other.lower()}",
        f"{word}{other}",
        f"{word} {other}",
        f"{word} {other}",
        word,
        f"{random.choice(LISTS['nouns'])}{random.choice(LISTS['nouns'])}".title(),
        f"{random.choice(LISTS['nouns'])} {random.choice(LISTS['nouns'])}".title(),
        f"{random.choice(LISTS['more_words'])} {random.choice(LISTS['nouns'])}".title(),
        f"{random.choice(LISTS['more_words'])}".title(),
        f"{random.choice(LISTS['nouns'])}{random.choice(('ly', 'ify', 'ster', 'wise', 'com', 'io', 'x', 'able', 'lytics', 'matic'))}".title(),
        f"{random.choice(LISTS['nouns']).title()}{random.choice(LISTS['nouns']).title()}",
        f"{random.choice(LISTS['more_words'])} {kind}".title(),
        f"{brand}{word.lower()}",
        f"{brand}",
        f"{brand} {kind}",
        f"{brand} {end}",
        f"{word}{brand.lower()}",
        f"{brand}.com",
        f"{word}{other}.io",
        f"{word} {kind} {end}",
        f"{word}{random.choice(('tech', 'soft', 'corp', 'net', 'ware', 'link', 'works', 'base', 'hub', 'lytics'))}",
        f"{word} {random.choice(LISTS['nouns']).title()}",
        "".join(random.choice("ABCDEFGHIKLMNOPRSTUVWX") for _ in range(random.choice((2, 3, 3, 4)))),
        f"University of {place(random)}",
        f"{place(random)} University",
        f"{place(random)} {random.choice(_OF_TOWNS)}",
        f"Bank of {country(random)}",
        f"{random.choice(LISTS['nationalities'])} {random.choice(('Airlines', 'Red Cross', 'Railways', 'Embassy', 'Telecom', 'Bank', 'Academy', 'Institute'))}",
        f"The {word} {random.choice(('Company', 'Group', 'Foundation', 'Trust', 'Project', 'Initiative', 'Store', 'Agency', 'Band', 'Kings'))}",
        f"{random.randint(1, 9)} {word} {kind}",
        f"{random.choice(LISTS['companies'])} {random.choice(_PARTS)}",
        f"Ministry of {random.choice(LISTS['nouns']).title()}",
        f"Department of {random.choice(LISTS['nouns']).title()}",
        f"St. {first(random)}'s {random.choice(('Hospital', 'Church', 'School', 'College'))}",
    )
    return random.choice(forms)


def job(random: Random) -> str:
    """Return the title of a job."""
    word, other, what = random.choice(LISTS["job_words"]), random.choice(LISTS["job_words"]), random.choice(LISTS["jobs"])
    noun = random.choice(LISTS["nouns"])
    forms = (
        what,
        what,
        f"{word} {what}",
        f"{word} {what}",
        f"{word} {what}",
        f"{word} {what}",
        f"{word} {other} {what}",
        f"{noun} {what}",
        f"{noun} {what}",
        f"{word} and {other} {what}",
        f"{random.choice(('head', 'director', 'vice president', 'VP', 'chief', 'manager'))} of {word}",
        f"{word}, {other}, and {noun} {what}",
        f"{what}, {word}",
        f"{what} ({word})",
        f"{random.choice(LISTS['verbs'])}ing machine {random.choice(('operator', 'tender', 'setter', 'technician'))}",
        f"{noun} {random.choice(('worker', 'officer', 'engineer', 'manager', 'assistant', 'representative', 'coordinator', 'specialist'))}",
        f"chief {word} officer",
        f"{noun} and {word} {what}",
        f"{word} {noun} {what}",
        f"{what}'s assistant",
    )
    text = random.choice(forms)
    return random.choice((text, text, text.title(), text.capitalize(), text.capitalize()))


def nationality(random: Random) -> str:
    """Return a nationality, people or faith."""
    return random.choice(LISTS["nationalities"])


def date(random: Random) -> str:
    """Return a date, a day of the week or a month."""
    day, month, year = random.randint(1, 28), random.randint(1, 12), random.randint(1930, 2030)
    name = random.choice(LISTS["calendar"][:12])
    forms = (
        f"{day}/{month}/{year}",
        f"{month}/{day}/{year % 100:02}",
        f"{day:02}.{month:02}.{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{name} {day}",
        f"{day} {name}",
        f"{name} {year}",
        f"{name} {day}{'st' if day % 10 == 1 else 'th'}",
        f"{day}th of {name}",
        f"{day}-{name[:3]}-{year}",
        f"{name[:3]} {day}, {year}",
        f"{year}-{month:02}-{day:02} {random.randint(0, 23):02}:{day:02}:{month:02}",
        f"{year}-{month:02}-{day:02}T{month:02}:{day:02}:00Z",
        f"{day}-{month}-{year}",
        f"{year}/{month}/{day}",
        name,
        random.choice(LISTS["calendar"][12:19]),
        random.choice(LISTS["calendar"][12:19]),
        random.choice(LISTS["calendar"][12:19]),
        random.choice(LISTS["calendar"]),
        str(year),
        f"{random.choice(LISTS['calendar'][12:19])}, {name} {day}",
        f"{day}.{month}.",
        f"{day} {name[:3]}",
        f"the {day}th",
    )
    return random.choice(forms)
