"""
What an answer of a target is expected to cost, and how long it takes, before it is asked. Money in nano-dollars; None is unknown, never zero.

A price of tokens is applied to the length that is expected, less what the target still has in its cache of the conversation. Own hardware costs its share of
busy time; bulk work fills hours that are paid anyway, so there it costs nothing. People have a price for each item. An answer that is checked costs what is
asked beside it too.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pointsman.core.call import Call
from pointsman.core.routing import Routing
from pointsman.core.target import Price, Target
from pointsman.decision.prediction.values import Prediction

USUAL_TOKENS_OUT: Final = 500  # of an answer, where nothing was learned of its length
GRADE_TOKENS_OUT: Final = 20  # of what a judge says of an answer

_PER_MILLION: Final = 1_000_000
_SECONDS_AN_HOUR: Final = 3600.0


class Charge(NamedTuple):
    """What an answer is expected to cost in nano-dollars, and how many seconds it takes; None is unknown."""

    cost_nano_usd: float | None
    latency_s: float | None


def samples_of(call: Call, routing: Routing) -> int:
    """Return how often the target of a checked answer is asked again: never where it would say the same again because the caller wants it so."""
    return 0 if call.sampling.temperature == 0 else routing.samples


def with_check(answer: Charge, beside: Sequence[Charge], *, samples: int) -> Charge:
    """
    Return what an answer costs that is checked, and how long it takes: with what others say `beside` it and with so many `samples` more, all asked at once.

    What is not known of the others is left out: an answer of unknown price is another matter than a check of unknown price.
    """
    costs = [one.cost_nano_usd for one in beside if one.cost_nano_usd is not None]
    waits = [one.latency_s for one in (*beside, *[answer] * samples) if one.latency_s is not None]
    cost = None if answer.cost_nano_usd is None else answer.cost_nano_usd * (1 + samples) + sum(costs)
    return Charge(cost, None if answer.latency_s is None else answer.latency_s + max(waits, default=0.0))


def expected_cost(target: Target, price: Price | None, *, seen: Prediction, tokens: tuple[int, int, int | None], bulk: bool) -> float | None:
    """
    Return what an answer is expected to cost.

    `tokens` are those of the prompt, those of it that the target has in its cache, and the most that the answer may have (None: any number).
    """
    if target.desk is not None:
        return float(target.desk.item_nano_usd)
    if target.hardware is not None:
        if bulk:
            return 0.0
        took = expected_latency_s(target, seen)
        share = None if took is None else target.hardware.hourly_nano_usd * took / _SECONDS_AN_HOUR
        return share if seen.cost_nano_usd is None else seen.cost_nano_usd
    if price is None:
        return seen.cost_nano_usd
    tokens_in, cached, most = tokens
    out = USUAL_TOKENS_OUT if seen.tokens_out is None else seen.tokens_out
    return charged(price, tokens_in, cached=cached, tokens_out=out if most is None else min(out, most))


def expected_latency_s(target: Target, seen: Prediction) -> float | None:
    """Return how long the answer is expected to take, in seconds."""
    return target.desk.delay_s if target.desk is not None else seen.latency_s


def charged(price: Price, tokens_in: int, *, cached: int, tokens_out: float) -> float:
    """Return what tokens cost, `cached` of those that go in at the price of what is read from the vendor's cache."""
    rates = price.rates
    for start, tier in price.tiers:
        if tokens_in >= start:
            rates = tier
    read = rates.tokens_in if rates.cache_read is None else rates.cache_read
    kept = min(cached, tokens_in)
    return ((tokens_in - kept) * rates.tokens_in + kept * read + tokens_out * rates.tokens_out) / _PER_MILLION + price.per_request_nano_usd
