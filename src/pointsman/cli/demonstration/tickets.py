"""
The demo's customers: support tickets made from templates, with what each of them truly wants.

What a customer mentions in passing makes a ticket harder; what they want stands at the end, as it does in life.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_NAMES: Final = ("Ada", "Bruno", "Chidi", "Divya", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jun", "Kofi", "Lena", "Mara", "Nils", "Oona", "Priya")
_THINGS: Final = ("kettle", "desk lamp", "rain jacket", "coffee grinder", "backpack", "pan", "bicycle bell", "reading chair", "blender", "tent", "radio")
_GREETINGS: Final = ("Hi,", "Hello,", "Good morning,", "Hello team,", "Hi there,")

# What customers want, in sentences that speak of nothing else.
WANTS: Final = MappingProxyType(
    {
        "track_order": ("where is my parcel with the {thing}?", "order {order} has not arrived, can you look?", "I need the tracking for order {order}."),
        "refund": ("I want my money back for the {thing}.", "please refund order {order}.", "when will you reimburse me for the {thing}?"),
        "return_item": ("how do I send it back? It is the {thing}.", "I would like to return the {thing}.", "please mail me a return label for order {order}."),
        "change_address": ("please deliver it to my office instead, order {order}.", "I moved house: change the delivery address of order {order}."),
        "cancel_order": ("please cancel order {order}.", "I ordered the {thing} twice, cancel one of them."),
        "invoice": ("I need an invoice for order {order}.", "the receipt for the {thing} is missing, please mail it."),
        "damaged_item": ("the {thing} came broken, what now?", "the {thing} in order {order} is cracked.", "the box was smashed and the {thing} is scratched."),
        "account_access": ("I am locked out of my account.", "the password link does not work for me.", "I cannot sign in since yesterday."),
    }
)

# What they mention on the way there.
ASIDES: Final = MappingProxyType(
    {
        "track_order": ("the tracking says nothing useful", "it was on its way for a week"),
        "refund": ("the refund for the last order did come", "a colleague of yours spoke of a refund"),
        "return_item": ("I thought of sending a photo and asked how to return it", "I know I could send it back"),
        "change_address": ("my new address is in the account already", "your form lost my shipping address again"),
        "cancel_order": ("I nearly wanted to cancel everything", "my partner said I should cancel"),
        "invoice": ("the invoice was right this time", "the receipt shows another price"),
        "damaged_item": ("the box was a little damaged", "last time a cup was broken"),
        "account_access": ("I had to reset my password to write this", "the login took me three tries"),
    }
)

# What a decision table answers: no model is needed for opening hours.
SETTLED: Final = MappingProxyType(
    {
        "opening_hours": (
            "what are your opening hours?",
            "Are you open on Saturdays? I could not find the opening hours.",
            "Opening hours of the shop, please.",
        ),
        "newsletter": ("please unsubscribe me from the newsletter.", "Unsubscribe {name}, thank you."),
        "gift_card": ("how do I see the gift card balance?", "Gift card balance for my card, please?"),
    }
)

INTENTS: Final = (*WANTS, *SETTLED)

# Of a hundred tickets: answered by rules, asked before, easy, medium, hard.
_MIX: Final = MappingProxyType({"settled": 12, "again": 16, "easy": 44, "medium": 15, "hard": 13})
_REMEMBERED: Final = 60
_LONG_AGO: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket. `intent` is what the customer truly wants; `kind` is `settled`, `again`, `easy`, `medium` or `hard`."""

    number: int
    text: str
    intent: str
    kind: str


def tickets(seed: int) -> Generator[Ticket]:
    """Yield tickets without end; the same seed gives the same tickets."""
    chance = random.Random(seed)  # noqa: S311 - a workload that can be repeated, no secret
    seen: list[Ticket] = []
    number = 0
    while True:
        number += 1
        kind = chance.choices(list(_MIX), list(_MIX.values()))[0]
        if kind == "again" and len(seen) > _LONG_AGO:
            # An exact repeat of a ticket that was answered a while ago: the same form letter, a second click on Send.
            before = chance.choice(seen[:-_LONG_AGO])
            yield Ticket(number=number, text=before.text, intent=before.intent, kind="again")
            continue
        ticket = _written(number, "easy" if kind == "again" else kind, chance=chance)
        seen = [*seen[-_REMEMBERED:], ticket]
        yield ticket


def _written(number: int, kind: str, *, chance: random.Random) -> Ticket:
    intent = chance.choice(list(SETTLED if kind == "settled" else WANTS))
    want = chance.choice(SETTLED[intent] if kind == "settled" else WANTS[intent])
    others = [name for name in ASIDES if name != intent]
    asides = [chance.choice(ASIDES[name]) for name in chance.sample(others, {"medium": 1, "hard": 3}.get(kind, 0))]
    name, thing, order = chance.choice(_NAMES), chance.choice(_THINGS), chance.randint(10_000, 99_999)
    way = f"{', and '.join(asides).capitalize()}. Anyway: " if asides else ""
    said = f"{way}{want}".format(thing=thing, order=order, name=name)
    return Ticket(number=number, text=f"{chance.choice(_GREETINGS)} {said} {name}, order {order}", intent=intent, kind=kind)
