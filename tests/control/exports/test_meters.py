from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pointsman.control.exports.meters import Metered, metered, split

ATTEMPTS = {"price_id": "p", "fresh": 0, "tokens_out": 0, "cache_read": 0, "cache_write": 0, "latency_ms": 1.0, "attempts": 3, "nano_usd": 9}
PRICE = {"tokens_in": 2, "tokens_out": 8, "cache_read": None, "cache_write": 3}


def parts(**row: object) -> list[tuple[str, int, int]]:
    return [(one.meter, int(one.quantity), one.nano_usd) for one in metered({**ATTEMPTS, **row}, PRICE)]


def test_tokens_bear_the_cost_as_their_prices_say() -> None:
    assert parts(fresh=10, tokens_out=5, nano_usd=90) == [("input", 10, 30), ("output", 5, 60)]


def test_cached_tokens_without_a_price_of_their_own_cost_what_others_do() -> None:
    assert parts(fresh=10, cache_read=30, cache_write=10, nano_usd=110) == [("input", 10, 20), ("cache-read", 30, 60), ("cache-write", 10, 30)]


def test_without_a_price_each_token_bears_the_same() -> None:
    row = {**ATTEMPTS, "fresh": 30, "tokens_out": 10, "nano_usd": 100}
    assert metered(row, None) == [Metered(meter="input", quantity=Decimal(30), nano_usd=75), Metered(meter="output", quantity=Decimal(10), nano_usd=25)]


def test_what_has_neither_tokens_nor_a_price_for_them_is_metered_by_the_request() -> None:
    assert parts() == [("request", 3, 9)]
    free = {**PRICE, "tokens_in": 0}
    assert [one.meter for one in metered({**ATTEMPTS, "fresh": 5}, free)] == ["request"]
    assert [one.meter for one in metered({**ATTEMPTS, "fresh": 5, "nano_usd": 0}, free)] == ["input"]


def test_hardware_is_metered_by_seconds_unless_there_were_none() -> None:
    assert parts(price_id="hardware", latency_ms=2_000.0, fresh=10) == [("gpu-second", 2, 9)]
    assert parts(price_id="hardware", latency_ms=0.0) == [("request", 3, 9)]


@given(total=st.integers(-(10**18), 10**18), weights=st.lists(st.integers(0, 10**18), min_size=1, max_size=6))
def test_parts_add_up_to_the_whole_and_are_off_by_less_than_one(total: int, weights: list[int]) -> None:
    found = split(total, weights)
    assert sum(found) == total
    whole = sum(weights)
    if whole:
        assert all(abs(part * whole - total * weight) < whole for part, weight in zip(found, weights, strict=True))
