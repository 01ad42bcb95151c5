"""What an answer is expected to cost and how long it takes, before it is asked."""

from typing import Any

import pytest
from tests.decision.weighed import USD
from tests.values import a_call, a_target

from pointsman.core.call import Sampling
from pointsman.core.place import Place
from pointsman.core.routing import Routing
from pointsman.core.target import Desk, Hardware, Price, Rates, Target
from pointsman.decision.charges import USUAL_TOKENS_OUT, Charge, charged, expected_cost, expected_latency_s, samples_of, with_check
from pointsman.decision.prediction.values import Prediction
from pointsman.ledger import prices

RATES = Rates(tokens_in=2 * USD, tokens_out=10 * USD, cache_read=USD // 5)
LONG = Rates(tokens_in=4 * USD, tokens_out=20 * USD)
PRICE = Price(price_id="p", rates=RATES, tiers=((200_000, LONG),), per_request_nano_usd=7)


def seen(**told: Any) -> Prediction:
    return Prediction(target="t", quality=0.5, sd=0.1, **told)


def cost(
    target: Target, known: Prediction, *, price: Price | None = None, tokens: tuple[int, int, int | None] = (1000, 0, None), bulk: bool = False
) -> float | None:
    return expected_cost(target, price, seen=known, tokens=tokens, bulk=bulk)


def test_tokens_cost_their_price_those_in_the_vendor_s_cache_less() -> None:
    assert charged(PRICE, 1000, cached=0, tokens_out=100) == 2_000_000 + 1_000_000 + 7
    assert charged(PRICE, 1000, cached=600, tokens_out=100) == 400 * 2000 + 600 * 200 + 1_000_000 + 7
    assert charged(PRICE, 1000, cached=5000, tokens_out=0) == 1000 * 200 + 7


def test_without_a_price_of_its_own_the_cache_is_charged_like_any_token_and_long_prompts_by_their_tier() -> None:
    assert charged(PRICE, 200_000, cached=100, tokens_out=1) == 200_000 * 4000 + 20_000 + 7


@pytest.mark.parametrize(("tokens_in", "tokens_out"), [(1, 1), (1000, 37), (250_000, 4000)])
def test_what_is_expected_is_what_the_ledger_would_book(tokens_in: int, tokens_out: int) -> None:
    usage = prices.Usage(tokens_in=tokens_in, tokens_out=tokens_out)
    assert round(charged(PRICE, tokens_in, cached=0, tokens_out=tokens_out)) == prices.cost(usage, PRICE)


def test_the_length_that_is_expected_is_charged_but_no_more_than_may_be_said() -> None:
    target = a_target()
    assert cost(target, seen(tokens_out=300.0), price=PRICE) == charged(PRICE, 1000, cached=0, tokens_out=300)
    assert cost(target, seen(tokens_out=300.0), price=PRICE, tokens=(1000, 0, 20)) == charged(PRICE, 1000, cached=0, tokens_out=20)
    assert cost(target, seen(), price=PRICE) == charged(PRICE, 1000, cached=0, tokens_out=USUAL_TOKENS_OUT)


def test_what_has_no_price_costs_what_was_seen_before_or_nobody_knows() -> None:
    assert cost(a_target(), seen(cost_nano_usd=5.0)) == 5.0
    assert cost(a_target(), seen()) is None


def test_own_hardware_costs_its_time_and_bulk_work_nothing() -> None:
    own = a_target(price=None, hardware=Hardware(hourly_nano_usd=3600 * USD))
    assert cost(own, seen(latency_s=2.0)) == 2 * USD
    assert cost(own, seen(latency_s=2.0, cost_nano_usd=5.0)) == 5.0
    assert cost(own, seen()) is None
    assert cost(own, seen(latency_s=2.0, cost_nano_usd=5.0), bulk=True) == 0.0


def test_people_cost_an_item_and_take_their_time() -> None:
    desk = a_target(place=Place.PEOPLE, price=None, desk=Desk(item_nano_usd=5 * USD, delay_s=3600.0, says="Soon."))
    assert cost(desk, seen(cost_nano_usd=1.0), bulk=True) == 5 * USD
    assert (expected_latency_s(desk, seen(latency_s=1.0)), expected_latency_s(a_target(), seen(latency_s=1.0))) == (3600.0, 1.0)


@pytest.mark.parametrize(("temperature", "times"), [(None, 2), (0.7, 2), (0, 0)])
def test_nobody_is_asked_again_who_would_say_the_same(temperature: float | None, times: int) -> None:
    assert samples_of(a_call(sampling=Sampling(temperature=temperature)), Routing(incumbent=a_target(), samples=2)) == times


def test_a_checked_answer_costs_what_is_asked_beside_it_and_waits_for_the_slowest() -> None:
    beside = [Charge(5.0, 3.0), Charge(2.0, None), Charge(None, 1.0)]
    assert with_check(Charge(10.0, 2.0), beside, samples=2) == Charge(37.0, 5.0)
    assert with_check(Charge(10.0, 2.0), [], samples=1) == Charge(20.0, 4.0)
    assert with_check(Charge(10.0, 2.0), [], samples=0) == Charge(10.0, 2.0)
    assert with_check(Charge(None, None), beside, samples=2) == Charge(None, None)
