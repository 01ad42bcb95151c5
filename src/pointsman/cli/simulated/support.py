"""
What the simulated models know about customer support: intents, the words that betray them, and a sensible answer to each.
"""

import re
from dataclasses import dataclass
from typing import Final

from pointsman.cli.simulated.behaviour import Difficulty


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One thing customers want. `words` is an expression that finds it in a ticket."""

    name: str
    words: re.Pattern[str]
    reply: str


def _intent(name: str, words: str, *, reply: str) -> Intent:
    return Intent(name=name, words=re.compile(words, re.IGNORECASE), reply=reply)


INTENTS: Final = (
    _intent(
        "track_order",
        r"where is my (parcel|order)|track(ing)?\b|has(n't| not) arrived|on its way",
        reply="Your parcel has left our warehouse. The tracking link in your confirmation shows where it is; if it does not move within two days, write again.",
    ),
    _intent(
        "refund",
        r"refund|money back|reimburse",
        reply="I have started the refund. It goes back to the card you paid with and takes three to five working days.",
    ),
    _intent(
        "return_item",
        r"send (it|them) back|return (it|them|this|the)\b|return label",
        reply="You can send it back within 30 days. A return label is on its way to your inbox; drop the parcel at any collection point.",
    ),
    _intent(
        "change_address",
        r"(delivery|shipping|new) address|moved (house|to)|deliver (it|them) to",
        reply="I have opened the order for a new address. Confirm it with the link in the mail within two hours, before the parcel is packed.",
    ),
    _intent(
        "cancel_order",
        r"cancel",
        reply="The order is cancelled and nothing will be charged. If it was paid already, the amount comes back within five working days.",
    ),
    _intent(
        "invoice",
        r"invoice|vat\b|receipt",
        reply="The invoice with your company's details is attached to this mail and in your account under Orders.",
    ),
    _intent(
        "damaged_item",
        r"damaged|broken|cracked|scratched|smashed",
        reply="I am sorry about that. Please send a photo of the item and the box; a replacement leaves as soon as it is here.",
    ),
    _intent(
        "account_access",
        r"log ?in|password|locked out|sign in",
        reply="I have sent a link to set a new password. It works for one hour; your orders and points are untouched.",
    ),
    _intent("opening_hours", r"opening hours|open on \w+days", reply="We are open from 9 to 18 on weekdays and from 10 to 16 on Saturdays."),
    _intent("newsletter", r"unsubscribe|newsletter", reply="You are unsubscribed and will get no further newsletter."),
    _intent("gift_card", r"gift card", reply="The balance stands in your account under Gift cards, and on every receipt."),
)


def intents_in(text: str) -> list[Intent]:
    """Return the intents that a text speaks of, the one spoken of last at the end: what customers want stands at the end of what they write."""
    found = {intent.name: max(match.start() for match in matches) for intent in INTENTS if (matches := list(intent.words.finditer(text)))}
    return sorted((intent for intent in INTENTS if intent.name in found), key=lambda intent: found[intent.name])


def difficulty(text: str) -> Difficulty:
    """Return how hard a ticket is: by how many things it speaks of."""
    return Difficulty(min(max(len(intents_in(text)) - 1, 0), Difficulty.HARD))
