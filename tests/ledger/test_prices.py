import re
import runpy
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.types import Usage as TheirUsage
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.reply import Usage
from pointsman.core.target import Price, Rates
from pointsman.ledger.prices import Catalogue, cost

NANO = 10**9
CATALOGUE = Catalogue.packaged()
BY_ID = {provider.id: provider for provider in providers}
DAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Prices of reasoning tokens apart from other output are not compiled: two models of the catalogue, both for search.
APART = {"output_reasoning_mtok"}


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def theirs(provider_id: str, model: str, usage: Usage, at: datetime) -> Decimal | None:
    """Return what the library says text tokens cost in dollars, or None where it has no price for them."""
    provider = BY_ID[provider_id]
    found = provider.find_model(model, all_providers=providers)
    if found is None:
        return None
    prices = found.get_prices(at)
    if prices.input_mtok is None:
        return None
    told = TheirUsage(input_tokens=usage.tokens_in, output_tokens=usage.tokens_out, cache_read_tokens=usage.cache_read, cache_write_tokens=usage.cache_write)
    return prices.calc_price(told)["total_price"]


def ours(provider_id: str, model: str, usage: Usage, at: datetime) -> int | None:
    price = CATALOGUE.resolve(provider_id, model, at_ms=ms(at))
    return None if price is None else cost(usage, price)


def own_names() -> Iterator[tuple[str, str]]:
    """Every model of the catalogue by its own name, and the texts that its clauses look for."""
    for provider in providers:
        for model in provider.models:
            yield provider.id, model.id
            for text in _texts(model.match):
                yield provider.id, text


def odd_names() -> Iterator[tuple[str, str]]:
    """Models with a date behind their name, and models of the vendors that another one falls back to."""
    for provider in providers:
        for model in provider.models:
            yield provider.id, f"{model.id}-20251211"
        for other in provider.fallback_model_providers or []:
            for model in BY_ID[other].models:
                yield provider.id, model.id


def _texts(clause: Any) -> Iterator[str]:
    for part in [*getattr(clause, "or_", []), *getattr(clause, "and_", [])]:
        yield from _texts(part)
    for name in ("equals", "starts_with", "ends_with", "contains"):
        if hasattr(clause, name):
            yield getattr(clause, name)


OWN = sorted(set(own_names()))
NAMES = sorted({*OWN, *odd_names()})
USAGE = Usage(tokens_in=1234, tokens_out=567, cache_read=89, cache_write=12)


def agree(provider: str, model: str, usage: Usage, at: datetime) -> bool:
    expected, found = theirs(provider, model, usage, at), ours(provider, model, usage, at)
    return found is None if expected is None else found is not None and abs(Decimal(found) - expected * NANO) <= 1


def test_every_model_of_the_catalogue_costs_what_the_library_says() -> None:
    assert len(OWN) > 2000
    assert [name for name in OWN if not agree(*name, USAGE, DAY)] == []


tokens = st.one_of(st.integers(0, 2000), st.sampled_from([127_999, 128_000, 128_001, 199_999, 200_000, 200_001, 272_000, 272_001]), st.integers(0, 3_000_000))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt = draw(tokens)
    read = draw(st.integers(0, prompt))
    return Usage(tokens_in=prompt, tokens_out=draw(tokens), cache_read=read, cache_write=draw(st.integers(0, prompt - read)))


moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds of `datetimes` are naive


@settings(max_examples=400)
@given(name=st.sampled_from(NAMES), usage=usages(), at=moments)
def test_any_usage_at_any_time_costs_what_the_library_says(name: tuple[str, str], usage: Usage, at: datetime) -> None:
    assert agree(*name, usage, at)


CONDITIONAL = [(provider.id, model.id) for provider in providers for model in provider.models if isinstance(model.prices, list)]
DAILY = [name for name in CONDITIONAL if "TimeOfDate" in repr(next(m for m in BY_ID[name[0]].models if m.id == name[1]).prices)]


@settings(max_examples=200)
@given(name=st.sampled_from(CONDITIONAL), at=moments)
def test_prices_change_on_their_day(name: tuple[str, str], at: datetime) -> None:
    assert agree(*name, USAGE, at)


def test_off_peak_prices_begin_and_end_at_their_minute() -> None:
    assert DAILY
    minutes = [DAY.replace(hour=0, minute=0) + timedelta(minutes=minute, seconds=second) for minute in range(0, 1440, 30) for second in (-1, 0, 1)]
    assert [(name, at) for name in DAILY for at in minutes if not agree(*name, USAGE, at)] == []


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-nonesuch"), ("nobody", "gpt-5-mini"), ("openai", "")])
def test_a_model_that_is_not_in_the_catalogue_has_no_price(provider: str, model: str) -> None:
    assert CATALOGUE.resolve(provider, model, at_ms=ms(DAY)) is None


def test_what_is_not_sold_by_the_token_has_no_price_of_tokens() -> None:
    by_the_hour = [(p.id, m.id) for p in providers for m in p.models if not isinstance(m.prices, list) and m.prices.input_mtok is None]
    assert by_the_hour
    assert {CATALOGUE.resolve(provider, model, at_ms=ms(DAY)) for provider, model in by_the_hour} == {None}


def test_every_price_names_its_source_and_version() -> None:
    price = CATALOGUE.resolve("openai", "gpt-5-mini", at_ms=ms(DAY))
    assert price is not None
    assert re.fullmatch(r"genai-prices:\d+\.\d+\.\d+/openai/gpt-5-mini", price.price_id)


def test_the_catalogue_in_the_package_is_what_the_build_makes(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    runpy.run_path(str(root / "scripts" / "build_prices.py"))["build"](tmp_path / "data" / "prices.json")
    made = (tmp_path / "data" / "prices.json").read_bytes()
    assert made == (root / "src" / "pointsman" / "ledger" / "data" / "prices.json").read_bytes()
    assert len(zlib.compress(made)) < 60_000


def test_only_models_that_price_reasoning_apart_are_priced_too_coarsely() -> None:
    apart = [m.id for p in providers for m in p.models for one in _prices(m) if APART & set(vars(one))]
    assert apart == ["perplexity/sonar-deep-research", "sonar-deep-research"]


def _prices(model: Any) -> list[Any]:
    return [one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices]


RATES = Rates(tokens_in=1_000_000_000, tokens_out=2_000_000_000, cache_read=100_000_000, cache_write=1_250_000_000)


def test_cached_tokens_have_their_own_rates() -> None:
    price = Price(price_id="p", rates=RATES)
    # 70 × 1000 + 5 × 2000 + 20 × 100 + 10 × 1250
    assert cost(Usage(tokens_in=100, tokens_out=5, cache_read=20, cache_write=10), price) == 70_000 + 10_000 + 2_000 + 12_500


def test_cached_tokens_without_a_rate_cost_what_input_costs() -> None:
    price = Price(price_id="p", rates=Rates(tokens_in=1_000_000_000, tokens_out=0))
    assert cost(Usage(tokens_in=100, cache_read=60, cache_write=20), price) == 100_000


def test_a_long_prompt_is_charged_at_its_tier_as_a_whole() -> None:
    price = Price(price_id="p", rates=RATES, tiers=((200_001, Rates(tokens_in=2_000_000_000, tokens_out=0)),))
    assert cost(Usage(tokens_in=200_000), price) == 200_000_000
    assert cost(Usage(tokens_in=200_001), price) == 400_002_000


def test_half_a_nano_dollar_is_rounded_up() -> None:
    price = Price(price_id="p", rates=Rates(tokens_in=500_000, tokens_out=0))
    assert [cost(Usage(tokens_in=count), price) for count in (0, 1, 2, 3)] == [0, 1, 1, 2]


def test_a_request_has_its_price_whatever_its_size() -> None:
    assert cost(Usage(), Price(price_id="p", rates=RATES, per_request_nano_usd=7)) == 7


def test_a_vendor_that_counts_its_cache_beside_the_prompt_is_not_paid_less_than_nothing() -> None:
    assert cost(Usage(tokens_in=10, cache_read=1000), Price(price_id="p", rates=RATES)) == 100_000


def test_a_catalogue_with_a_fallback_that_it_does_not_hold_is_no_fault() -> None:
    data = msgspec.json.encode({"version": "1", "providers": {"a": {"fallback": ["gone"], "models": []}}})
    assert Catalogue(data).resolve("a", "x", at_ms=0) is None
