"""Addresses of many countries: streets, second lines, towns with post codes, boxes, forces' mail, in one line or several."""

# ruff: noqa: PLR2004, RUF001 - chances are chosen once, here, and letters of other scripts are meant
from collections.abc import Callable
from random import Random
from typing import Final

from sequence.words import LISTS, country, first, last, made_up, place

_GERMAN: Final = ["straße", "strasse", "str.", "weg", "allee", "platz", "gasse", "ring", "ufer", "damm"]
_DUTCH: Final = ["straat", "laan", "weg", "gracht", "plein", "kade", "dijk", "singel", "pad", "hof"]
_NORDIC: Final = [
    "vej",
    "gade",
    "allé",
    "plads",
    "gatan",
    "vägen",
    "gata",
    "veien",
    "vei",
    "gate",
    "vegen",
    "stræti",
    "vegur",
    "katu",
    "tie",
    "polku",
    "kuja",
    "raitti",
    "braut",
    "gränd",
    "torg",
    "bakken",
    "stien",
]
_SLAV_ENDS: Final = ["ova", "ska", "ská", "ní", "na", "ná", "ého", "ićeva", "ičeva", "skog", "evo", "ovo"]
_BEFORE: Final = [
    "rue",
    "rue de",
    "rue du",
    "rue de la",
    "rue des",
    "avenue",
    "avenue de",
    "boulevard",
    "bd",
    "place",
    "place de la",
    "quai",
    "chemin de",
    "chemin des",
    "impasse",
    "allée",
    "Rue",
    "Avenue des",
    "cours",
    "Calle",
    "C/",
    "Calle de",
    "Avda.",
    "Avenida",
    "Plaza",
    "Paseo de",
    "Camino",
    "Ronda",
    "Carrer de",
    "Via",
    "Via",
    "Viale",
    "Piazza",
    "Corso",
    "Vicolo",
    "Largo",
    "Strada",
    "Rua",
    "R.",
    "Avenida",
    "Travessa",
    "Praça",
    "Estrada",
    "Alameda",
    "ul.",
    "ul. ",
    "aleja",
    "os.",
    "pl.",
    "ulice",
    "ulica",
    "Ulica",
    "str.",
    "Str.",
    "Strada",
    "Bulevardul",
    "Calea",
    "Jalan",
    "Jl.",
    "Am",
    "An der",
    "Im",
    "Auf dem",
    "Zum",
    "Zur",
    "Unter den",
    "Kings",
    "nábřeží",
    "náměstí",
    "trg",
    "Trg",
    "Aleea",
    "Σταδίου",
    "Οδός",
]
_AFTER: Final = [
    "utca",
    "u.",
    "út",
    "tér",
    "körút",
    "sétány",
    "köz",
    "ulica",
    "cesta",
    "trg",
    "ulice",
    "vei",
    "vej",
    "gate",
    "väg",
    "gatan",
    "Sokak",
    "Sok.",
    "Caddesi",
    "Cad.",
    "Bulvarı",
    "straße",
    "Straße",
    "Allee",
    "Weg",
    "Platz",
    "Road",
    "Marg",
    "Nagar",
    "Street",
    "Lu",
    "Jie",
    "dori",
    "tie",
    "katu",
    "plads",
    "Allé",
    "torg",
    "prospekt",
    "ulitsa",
    "iela",
    "gatvė",
    "tänav",
    "pst",
    "mnt",
    "Loop",
    "Close",
    "laan",
    "straat",
    "dreef",
    "stræde",
]
_GREEK: Final = "αβγδεζηθικλμνοπρστυφω"


def name(random: Random) -> str:
    """Return what a street is named after."""
    chance = random.random()
    if chance < 0.30:
        return random.choice(LISTS["streets"])
    if chance < 0.55:
        return last(random)
    if chance < 0.65:
        return first(random)
    if chance < 0.72:
        return f"{first(random)} {last(random)}"
    if chance < 0.80:
        return place(random)
    if chance < 0.82:
        return "".join(random.choice(_GREEK) for _ in range(random.randint(4, 9))).capitalize()
    return made_up(random, LISTS["streets"][:3] and ("a", "en", "er", "as", "ov", "ina", "is", "o", "el", "ka"))


def number(random: Random) -> str:
    """Return the number of a house."""
    plain = str(random.choice((random.randint(1, 99), random.randint(1, 999), random.randint(1, 9999))))
    return plain + random.choice(("", "", "", "", "", "", "", "a", "B", "/4", "-12", ".", " 2", f" {random.randint(1, 99)}"))


def street_name(random: Random) -> str:
    """Return a street without a number."""
    chance = random.random()
    if chance < 0.40:
        side = random.choice(("", "", "", "", "", "N ", "North ", "W. ", "SW ", "East "))
        what = name(random) if random.random() < 0.85 else f"{random.randint(1, 99)}{random.choice(('th', 'st', 'nd', 'rd'))}"
        return f"{side}{what} {random.choice(LISTS['street_types'])}"
    if chance < 0.62:
        joined = name(random).replace(" ", random.choice(("", "-"))) if random.random() < 0.8 else made_up(random, ("s", "en", "er", "e"))
        return joined + random.choice(random.choice((_GERMAN, _DUTCH, _NORDIC, _NORDIC)))
    if chance < 0.80:
        return f"{random.choice(_BEFORE)} {name(random)}"
    if chance < 0.92:
        return f"{name(random)} {random.choice(_AFTER)}"
    return f"{made_up(random, _SLAV_ENDS)} {random.choice(('', '', '', 'ulica', 'cesta', 'ulice', 'utca', 'vei', 'Street'))}".strip()


def street(random: Random) -> str:
    """Return a street with its number, before or after it."""
    way = street_name(random)
    anglo = way.split()[-1] in LISTS["street_types"]
    if random.random() < (0.93 if anglo else 0.25):
        return f"{number(random)}{random.choice(('', '', '', ','))} {way}"
    if anglo or random.random() < 0.82:
        return f"{way}{random.choice(('', '', '', '', ','))} {number(random)}"
    return f"{number(random)} {way} {number(random)}"


def second(random: Random) -> str:
    """Return the flat, floor or unit."""
    return (
        random.choice(
            (
                "Apt.",
                "Apt.",
                "Apt",
                "Apartment",
                "Suite",
                "Suite",
                "Suite",
                "Ste.",
                "Unit",
                "#",
                "Flat",
                "Room",
                "Floor",
                "Building",
                "Bldg",
                "Lot",
                "Top",
                "No.",
            )
        )
        + f" {random.randint(1, 999)}"
    )


def post_code(random: Random) -> str:
    """Return a post code of some country."""
    letter = lambda: random.choice("ABCDEFGHJKLMNPRSTUVWXY")  # noqa: E731
    digits = lambda count: "".join(random.choice("0123456789") for _ in range(count))  # noqa: E731
    forms = (
        digits(5),
        digits(5),
        digits(5),
        digits(4),
        digits(4),
        digits(6),
        f"{digits(5)}-{digits(4)}",
        f"{letter()}{letter()}{digits(1)} {digits(1)}{letter()}{letter()}",
        f"{letter()}{digits(2)} {digits(1)}{letter()}{letter()}",
        f"{letter()}{letter()}{digits(2)} {digits(1)}{letter()}{letter()}",
        f"{letter()}{digits(1)}{letter()} {digits(1)}{letter()}{digits(1)}",
        f"{digits(4)} {letter()}{letter()}",
        f"{digits(4)}{letter()}{letter()}",
        f"{digits(3)} {digits(2)}",
        f"{digits(2)}-{digits(3)}",
        f"{digits(5)}-{digits(3)}",
        f"{digits(4)}-{digits(3)}",
        f"{digits(3)}-{digits(4)}",
        f"{letter()}-{digits(4)}",
        f"{letter()}{letter()}-{digits(4)}",
        f"{digits(3)}",
        f"{digits(7)}",
    )
    return random.choice(forms)


def town(random: Random, join: str) -> str:
    """Return a town with its post code, and perhaps its state, as one line or with `join` between its parts."""
    where = place(random)
    where = where.upper() if random.random() < 0.12 else where
    code, state = post_code(random), random.choice(LISTS["state_codes"])
    forms = (
        f"{where}, {state} {code}",
        f"{code} {where}",
        f"{where} {code}",
        f"{where}, {state}, {code}",
        f"{where}{join}{random.choice(LISTS['states'])} {code}",
        f"{where}{join}{code}",
        f"{where}",
        f"{where} {state} {code}",
        f"{where}{join}{state}{join}{code}",
    )
    return random.choice(forms)


def box(random: Random) -> str:
    """Return a post-office box or an address of the forces."""
    few, many = random.randint(1, 999), random.randint(1000, 9999)
    forms = (
        f"P.O. Box {few}",
        f"PO Box {many}",
        f"Postfach {few}",
        f"Box {few}",
        f"BP {few}",
        f"Apartado {few}",
        f"Casilla {few}",
        f"P.O. Box {few}{random.choice((', ', chr(10)))}{town(random, ', ')}",
        f"PSC {many}, Box {few}\nAPO {random.choice(('AE', 'AP', 'AA'))} {post_code(random)}",
        f"Unit {many} Box {few}\nDPO {random.choice(('AE', 'AP', 'AA'))} {many}{few % 10}",
        f"USS {last(random)}\nFPO {random.choice(('AE', 'AP', 'AA'))} {many}0",
        f"CMR {few} Box {many}, APO AE 0{many}",
        f"RR {few % 9 + 1} Box {few}",
    )
    return random.choice(forms)


def whole(random: Random, join: str) -> str:
    """Return a whole address, its parts with `join` between them."""
    chance = random.random()
    if chance < 0.07:
        return box(random).replace("\n", join)
    parts = [street(random)]
    if random.random() < 0.3:
        if random.random() < 0.4:
            parts[0] += " " + second(random)
        else:
            parts.append(second(random))
    if random.random() < 0.06:
        parts.insert(
            0, random.choice(("Flat 2B", "c/o " + last(random), "House No. 12", "Plot 45", "Sector 14", "Block C", f"{made_up(random, ('a', 'e'))} Tower"))
        )
    if random.random() < 0.9:
        parts.append(town(random, join))
    if random.random() < 0.35:
        parts.append(country(random))
    return join.join(parts)


def address(random: Random) -> str:
    """Return an address in one or more lines."""
    joins: Callable[[], str] = lambda: random.choice((", ", ", ", ", ", " ", "\n", "\n", ",\n", "\n ", ", \n", "\n    ", " - "))  # noqa: E731
    return whole(random, joins())


def lines(random: Random) -> str:
    """Return an address in several lines."""
    return whole(random, random.choice(("\n", "\n", "\n  ", ",\n", "\n\t")))
