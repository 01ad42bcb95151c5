"""
Prices of tokens, offline: the catalogue that was compiled into the package at build time (ADR 0004), and the cost of usage.

A model that is not in the catalogue has no price; its cost is unknown, never zero.
"""

import re
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any, Final, Self

import msgspec

from pointsman.core.reply import Usage
from pointsman.core.target import Price, Rates

_PER_MILLION: Final = 1_000_000
_COMPACT_DATE: Final = re.compile(r"(?<=-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")

Match = list[Any]
Row = tuple[list[Any] | None, list[int | None], list[tuple[int, list[int | None]]], int]


class _Provider(msgspec.Struct):
    fallback: list[str]
    models: list[tuple[str, Match, list[Row]]]


class _File(msgspec.Struct):
    version: str
    providers: dict[str, _Provider]


def cost(usage: Usage, price: Price) -> int:
    """Return what the tokens cost in nano-dollars, rounded half up. A kind of token without a price of its own costs what plain input does."""
    rates = next((tier for start, tier in reversed(price.tiers) if usage.tokens_in >= start), price.rates)
    cache_read = usage.cache_read if rates.cache_read is not None else 0
    cache_write = usage.cache_write if rates.cache_write is not None else 0
    # A vendor that counts its cache beside the prompt instead of in it must not make the rest negative.
    total = (
        max(usage.tokens_in - cache_read - cache_write, 0) * rates.tokens_in
        + usage.tokens_out * rates.tokens_out
        + cache_read * (rates.cache_read or 0)
        + cache_write * (rates.cache_write or 0)
    )
    return (total + _PER_MILLION // 2) // _PER_MILLION + price.per_request_nano_usd


class Catalogue:
    """List prices by vendor and model."""

    def __init__(self, data: bytes) -> None:
        file = msgspec.json.decode(data, type=_File)
        self._version = file.version
        self._providers = file.providers

    @classmethod
    def packaged(cls) -> Self:
        """Return the catalogue that came with this version of Pointsman."""
        return cls(resources.files("pointsman.ledger").joinpath("data/prices.json").read_bytes())

    def resolve(self, provider: str, model: str, *, at_ms: int) -> Price | None:
        """Return the list price of a model at a time (Unix milliseconds), or None if it has none."""
        found = self._find(provider, model.lower()) or self._find(provider, _dashed(model.lower()))
        if found is None:
            return None
        name, rows = found
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        row = next((row for row in reversed(rows) if _is_active(row[0], at)), rows[0])
        if row[1][0] is None:  # sold by the hour, the page or the character: nothing that tokens could be multiplied with
            return None
        return Price(
            price_id=f"genai-prices:{self._version}/{name}",
            rates=_rates(row[1]),
            tiers=tuple((start, _rates(values)) for start, values in row[2]),
            per_request_nano_usd=row[3],
        )

    def _find(self, provider: str, model: str) -> tuple[str, list[Row]] | None:
        here = self._providers.get(provider)
        if here is None:
            return None
        for name in (provider, *here.fallback):
            for model_id, match, rows in self._providers[name].models if name in self._providers else ():
                if _matches(match, model):
                    return f"{name}/{model_id}", rows
        return None


def _rates(values: list[int | None]) -> Rates:
    tokens_in, tokens_out, cache_read, cache_write = values
    return Rates(tokens_in=tokens_in or 0, tokens_out=tokens_out or 0, cache_read=cache_read, cache_write=cache_write)


def _matches(match: Match, model: str) -> bool:
    sign, *rest = match
    match sign:
        case "|":
            return any(_matches(part, model) for part in rest)
        case "&":
            return all(_matches(part, model) for part in rest)
        case "=":
            return model == rest[0]
        case "^":
            return model.startswith(rest[0])
        case "$":
            return model.endswith(rest[0])
        case "~":
            return rest[0] in model
        case _:
            return re.search(rest[0], model) is not None


def _is_active(when: list[Any] | None, at: datetime) -> bool:
    if when is None:
        return True
    if when[0] == "date":
        return at.date() >= date.fromisoformat(when[1])
    second = at.hour * 3600 + at.minute * 60 + at.second
    start, end = when[1], when[2]
    return start <= second < end if start <= end else second >= start or second < end


def _dashed(model: str) -> str:
    return _COMPACT_DATE.sub(r"\1-\2-\3", model)
