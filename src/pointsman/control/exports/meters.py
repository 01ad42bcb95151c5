"""
What was metered, and how a sum of money is split over meters so that no nano-dollar is lost.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from pointsman.storage.sql import Row

INPUT: Final = "input"
OUTPUT: Final = "output"
CACHE_READ: Final = "cache-read"
CACHE_WRITE: Final = "cache-write"
REQUEST: Final = "request"
HARDWARE: Final = "gpu-second"
IDLE: Final = "idle gpu-second"
REVIEW: Final = "review-minute"
LICENCE: Final = "licence"
CORRECTION: Final = "correction"

# Meter → the unit of its quantity.
UNITS: Final[Mapping[str, str]] = {
    INPUT: "Tokens",
    OUTPUT: "Tokens",
    CACHE_READ: "Tokens",
    CACHE_WRITE: "Tokens",
    REQUEST: "Requests",
    HARDWARE: "Seconds",
    IDLE: "Seconds",
    REVIEW: "Minutes",
    LICENCE: "Days",
}
_TOKENS: Final[Mapping[str, str]] = {INPUT: "fresh", OUTPUT: "tokens_out", CACHE_READ: "cache_read", CACHE_WRITE: "cache_write"}
_MILLI: Final = Decimal(1000)
_MOST_DIGITS: Final = Decimal("0.000001")


class Metered(Struct, frozen=True, kw_only=True):
    """A quantity of one meter and what it cost, in nano-dollars."""

    meter: str
    quantity: Decimal
    nano_usd: int


def metered(row: Row, price: Row | None) -> list[Metered]:
    """
    Return the meters of a sum of attempts at one price. They cost exactly what the attempts cost.

    Own hardware is metered by its seconds; models by their tokens, which bear the cost as their prices say, or by their number where no price is known;
    what used neither (rules, the cache, a call that broke off) by the request.
    """
    cost = int(row["nano_usd"] or 0)
    if row["price_id"] == "hardware":
        seconds = (Decimal(str(row["latency_ms"])) / _MILLI).quantize(_MOST_DIGITS)
        if seconds:
            return [Metered(meter=HARDWARE, quantity=seconds, nano_usd=cost)]
    used = {meter: int(row[column] or 0) for meter, column in _TOKENS.items() if row[column]}
    rates = _rates(price) if price is not None else dict.fromkeys(used, 1)
    weights = [tokens * rates[meter] for meter, tokens in used.items()]
    if not used or (cost and not any(weights)):
        return [Metered(meter=REQUEST, quantity=Decimal(int(row["attempts"])), nano_usd=cost)]
    parts = split(cost, weights)
    return [Metered(meter=meter, quantity=Decimal(tokens), nano_usd=part) for (meter, tokens), part in zip(used.items(), parts, strict=True)]


def _rates(price: Row) -> dict[str, int]:
    whole = int(price["tokens_in"])
    return {
        INPUT: whole,
        OUTPUT: int(price["tokens_out"]),
        CACHE_READ: whole if price["cache_read"] is None else int(price["cache_read"]),
        CACHE_WRITE: whole if price["cache_write"] is None else int(price["cache_write"]),
    }


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split a sum by weights (none below 0) into whole parts that add up to it; what rounding leaves goes where most was cut off, to the first of equals."""
    whole = sum(weights)
    if not whole:
        return [total if index == 0 else 0 for index in range(len(weights))]
    parts = [total * weight // whole for weight in weights]
    cut = [total * weight % whole for weight in weights]
    for index in sorted(range(len(weights)), key=lambda at: (-cut[at], at))[: total - sum(parts)]:
        parts[index] += 1
    return parts
