"""
Long prompts cost more at some vendors: savings and what-if raise sums of tokens by what drawn prompts would have cost.
"""

from typing import Any

import pytest
from tests.control.finops import rows
from tests.ledger.entries import a_record, an_entry, write
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.savings import savings
from pointsman.control.finops.span import HOUR_MS
from pointsman.control.finops.tiers import NOT_APPLIED, Prompt, prompts_of, raised
from pointsman.control.finops.what_if import at_prices
from pointsman.core.reply import Usage
from pointsman.core.target import Price, Rates
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

# A token in costs 10, of a prompt of 200 or more 20; a request costs 100, however long.
TIERED = Price(
    price_id="contract:large",
    rates=Rates(tokens_in=10_000_000, tokens_out=0),
    tiers=((200, Rates(tokens_in=20_000_000, tokens_out=0)),),
    per_request_nano_usd=100,
)
FLAT = Price(price_id="contract:flat", rates=TIERED.rates, per_request_nano_usd=100)


def calls(db: Database, count: int, *, tokens: int, target: str = "acme/small", workflow: str = "support", since: int = 0, **more: Any) -> None:
    records = [
        a_record(
            since + number,
            at_ms=rows.OCT_MS + (since + number) * HOUR_MS,
            capability="answer",
            workflow=workflow,
            entries=(an_entry(cost=500, target=target, tokens=(tokens, 0), **more),),
        )
        for number in range(count)
    ]
    write(db, records)


def test_savings_apply_the_tiers_that_the_prompts_would_have_reached(each_database: Database) -> None:
    """40 prompts of 100 at 10 a token, 10 of 600 at 20: 40 * 1,000 + 10 * 12,000 and 100 for each request."""
    calls(each_database, 40, tokens=100)
    calls(each_database, 10, tokens=600, since=40)
    found = savings(each_database, rows.OCTOBER, target="acme/large", price=TIERED)
    assert found.baseline_nano_usd == 40 * 1_000 + 10 * 12_000 + 50 * 100
    assert found.assumptions[-1] == "Long-prompt tiers are applied as they would be to 50 prompts drawn from the span."
    flat = savings(each_database, rows.OCTOBER, target="acme/large", price=FLAT)
    assert flat.baseline_nano_usd == 40 * 1_000 + 10 * 6_000 + 50 * 100
    assert not any("tiers" in line for line in flat.assumptions)


def test_where_no_prompt_is_kept_the_result_says_that_tiers_are_not_applied(each_database: Database) -> None:
    rows.flow(each_database, calls=2, cost_nano_usd=1000, tokens_in=600)
    found = savings(each_database, rows.OCTOBER, target="acme/large", price=TIERED)
    assert (found.baseline_nano_usd, found.assumptions[-1]) == (600 * 10 + 200, NOT_APPLIED)
    what_if = at_prices(each_database, rows.OCTOBER, prices={"acme/small": TIERED})
    assert (what_if.then_nano_usd, what_if.assumptions[-1]) == (600 * 10 + 200, NOT_APPLIED)


def test_each_target_is_raised_by_its_own_prompts_where_enough_were_drawn(each_database: Database) -> None:
    calls(each_database, 30, tokens=100)
    calls(each_database, 30, tokens=600, target="acme/other", since=30)
    found = at_prices(each_database, rows.OCTOBER, prices={"acme/small": TIERED, "acme/other": TIERED})
    assert {line.target: line.then_nano_usd for line in found.lines} == {"acme/small": 30 * (1_000 + 100), "acme/other": 30 * (12_000 + 100)}
    assert found.assumptions[-1] == "Long-prompt tiers are applied as they would be to 60 prompts drawn from the span."


def test_the_price_there_is_counts_its_tiers_too(each_database: Database) -> None:
    """600 tokens cost 12,100 now and would cost 6,100 without tiers: the cost of 500 changes in that proportion."""
    calls(each_database, 30, tokens=600)
    found = at_prices(each_database, rows.OCTOBER, prices={"acme/small": FLAT}, now={"acme/small": TIERED})
    assert found.then_nano_usd == pytest.approx(30 * 500 * 6_100 / 12_100, abs=30)


def test_judges_shadows_and_other_workflows_are_no_prompts_of_a_workflow(each_database: Database) -> None:
    calls(each_database, 3, tokens=100)
    calls(each_database, 3, tokens=600, since=3, kind="judge")
    calls(each_database, 3, tokens=600, since=6, workflow="sales")
    found = prompts_of(each_database, rows.OCTOBER, prices=[TIERED], workflow="support")
    assert [one.usage.tokens_in for one in found] == [100, 100, 100]
    assert prompts_of(each_database, rows.OCTOBER, prices=[FLAT]) == []


def test_of_many_attempts_a_bounded_number_is_drawn_and_the_same_again(each_database: Database) -> None:
    at = [rows.OCT_MS + number for number in range(700)]
    write(each_database, [a_record(number, at_ms=at_ms, capability="answer", workflow="support", entries=(an_entry(),)) for number, at_ms in enumerate(at)])
    span = rows.days(1)
    first = prompts_of(each_database, span, prices=[TIERED])
    assert len(first) == 200
    assert prompts_of(each_database, span, prices=[TIERED]) == first


def test_prompts_without_tokens_at_a_rate_raise_nothing() -> None:
    free = Price(price_id="free", rates=Rates(tokens_in=0, tokens_out=0), tiers=((200, Rates(tokens_in=1, tokens_out=1)),))
    assert raised(free, [Prompt(target="a", usage=Usage(tokens_in=300, tokens_out=1))]).of("a") == (1, 1)
