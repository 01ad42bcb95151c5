"""
What long prompts cost more: prices with tiers, applied to sums of tokens as they would be to prompts that were drawn from the same span.

Roll-ups know sums, a tier asks how long each prompt was. So a sum's price is raised by the ratio of (drawn prompts at their tiers / at the lowest).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from msgspec import Struct

from pointsman.control.finops.span import Span
from pointsman.core.reply import Usage
from pointsman.core.target import Price
from pointsman.ledger.prices import cost
from pointsman.storage.database import query
from pointsman.storage.records import first_id
from pointsman.storage.sql import Database, Row

_PARTS: Final = 24  # of the span, from each of which prompts are drawn
_EACH: Final = 200
_LEAST: Final = 30
NOT_APPLIED: Final = "Long-prompt tiers are not applied: none of the span's prompts is kept."
_APPLIED: Final = "Long-prompt tiers are applied as they would be to {count:,} prompts drawn from the span."


class Prompt(Struct, frozen=True, kw_only=True):
    """What one attempt at a target took."""

    target: str
    usage: Usage


class Raised(Struct, frozen=True, kw_only=True):
    """By how much tiers raise what sums of tokens cost at the lowest rates, as (above, below): of all drawn prompts, and of those of one target."""

    price: Price
    prompts: int = 0
    every: tuple[int, int] = (1, 1)
    by_target: Mapping[str, tuple[int, int]] = {}

    def of(self, target: str) -> tuple[int, int]:
        """Return the ratio for what a target answered; that of all where fewer than 30 of its prompts were drawn."""
        return self.by_target.get(target, self.every)

    @property
    def says(self) -> tuple[str, ...]:
        """What is to be said of it; nothing of a price without tiers."""
        if not self.price.tiers:
            return ()
        return (_APPLIED.format(count=self.prompts),) if self.prompts else (NOT_APPLIED,)


def raised(price: Price, prompts: Sequence[Prompt]) -> Raised:
    """Return by how much the tiers of a price raise what these prompts cost."""
    if not price.tiers:
        return Raised(price=price)
    groups: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault(prompt.target, []).append(prompt)
    of = {name: _ratio(price, group) for name, group in groups.items() if len(group) >= _LEAST}
    return Raised(price=price, prompts=len(prompts), every=_ratio(price, prompts), by_target=of)


def prompts_of(db: Database, span: Span, *, prices: Iterable[Price], workflow: str = "", seed: int = 1) -> list[Prompt]:
    """
    Return prompts of a span, in one workflow or in all: every one where there are few, else some from each 24th of the span, from a random time on.

    Nothing is read unless a price has tiers. Reads at most 9,600 attempts.
    """
    if not any(price.tiers for price in prices):
        return []
    random = np.random.default_rng(seed)
    edges = [span.since_ms + (span.until_ms - span.since_ms) * part // _PARTS for part in range(_PARTS + 1)]
    found: list[Row] = []
    for since, until in pairwise(edges):
        start = since + int(random.integers(max(until - since, 1)))
        rows = _prompts(db, since_ms=start, until_ms=until, most=_EACH)
        if len(rows) < _EACH:  # round the part
            rows += _prompts(db, since_ms=since, until_ms=start, most=_EACH - len(rows))
        found += rows
    kept = [row for row in found if row["is_prompt"] and row["tokens_in"] and workflow in {"", row["workflow"]}]
    return [Prompt(target=row["target"], usage=Usage(**{name: row[name] for name in ("tokens_in", "tokens_out", "cache_read")})) for row in kept]


def _prompts(db: Database, *, since_ms: int, until_ms: int, most: int) -> list[Row]:
    bounds = {"first_id": first_id(since_ms), "last_id": first_id(until_ms), "most": most}
    return list(db.rows(query("finops/prompts"), bounds))


def _ratio(price: Price, prompts: Sequence[Prompt]) -> tuple[int, int]:
    tokens = Price(price_id=price.price_id, rates=price.rates, tiers=price.tiers)
    lowest = Price(price_id=price.price_id, rates=price.rates)
    below = sum(cost(one.usage, lowest) for one in prompts)
    return (sum(cost(one.usage, tokens) for one in prompts), below) if below else (1, 1)
