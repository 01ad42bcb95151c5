"""
What each mechanism saved, worked out by hand, and the law that it adds up to the baseline less what was paid.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.savings import ASSUMPTIONS, OVERHEAD, SAME, saved, savings
from pointsman.control.finops.spent import Flow
from pointsman.control.finops.tiers import raised
from pointsman.core.target import Price, Rates
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

# A token in costs 10, a token out 40, one from a cache 1, a request 100.
LARGE = Price(price_id="contract:large", rates=Rates(tokens_in=10_000_000, tokens_out=40_000_000, cache_read=1_000_000), per_request_nano_usd=100)


def test_each_mechanism_is_compared_with_what_the_baseline_would_have_cost(each_database: Database) -> None:
    db = each_database
    # 10 calls of 100 in (20 of them cached), 10 out: a call costs 80 * 10 + 20 + 10 * 40 + 100 = 1,320 at the baseline.
    rows.flow(db, target="acme/small", calls=10, cost_nano_usd=3000, tokens_in=1000, tokens_out=100, cache_read=200)
    rows.flow(db, target="acme/large", calls=2, cost_nano_usd=3000, tokens_in=200, tokens_out=20, cache_read=40)
    rows.flow(db, target="own/llama", place="private", calls=5, cost_nano_usd=9000, tokens_in=500, tokens_out=50, cache_read=100)
    rows.flow(db, target="rules", place="rules", calls=3)
    rows.flow(db, target="cache", place="cache", calls=4)
    rows.flow(db, target="none", place="none", calls=1)
    found = savings(db, rows.OCTOBER, target="acme/large", price=LARGE)
    assert {line.mechanism: (line.calls, line.baseline_nano_usd, line.saved_nano_usd) for line in found.lines} == {
        "other cloud models": (10, 13_200, 10_200),
        SAME: (2, 2640, -360),
        "private models": (5, 6600, -2400),
        "rules": (3, 3960, 3960),
        "cache": (4, 5280, 5280),
        "refused or stopped before any attempt": (1, 1320, 1320),
    }
    assert (found.saved_nano_usd, found.unknown_calls, found.unvalued_calls, found.assumptions) == (18_000, 0, 0, ASSUMPTIONS)
    assert found.lines[0].mechanism == "other cloud models"


def test_calls_of_unknown_cost_are_left_out_on_both_sides(each_database: Database) -> None:
    rows.flow(each_database, calls=10, cost_unknown=5, cost_nano_usd=1000, tokens_in=1000, tokens_out=100)
    rows.flow(each_database, calls=3, cost_unknown=3, tokens_in=300, tokens_out=30, target="acme/new")
    (line,) = (one for one in savings(each_database, rows.OCTOBER, target="acme/large", price=LARGE).lines if one.calls)
    assert (line.calls, line.baseline_nano_usd) == (5, 500 * 10 + 50 * 40 + 500)


def test_what_judges_cost_is_no_saving(each_database: Database) -> None:
    rows.flow(each_database, calls=10, cost_nano_usd=1000, overhead_nano_usd=500, tokens_in=1000, tokens_out=0)
    found = savings(each_database, rows.OCTOBER, target="acme/large", price=LARGE, workflow="support")
    assert {line.mechanism: line.saved_nano_usd for line in found.lines} == {"other cloud models": 500 * 10 + 1000 - 500, OVERHEAD: -500}


def test_where_no_model_ever_answered_nobody_knows_what_a_rule_saved(each_database: Database) -> None:
    rows.flow(each_database, target="rules", place="rules", calls=3)
    found = savings(each_database, rows.OCTOBER, target="acme/large", price=LARGE)
    assert (found.saved_nano_usd, found.unvalued_calls) == (0, 3)
    assert savings(each_database, rows.OCTOBER, target="acme/large", price=LARGE, workflow="other").lines == ()


flows: Any = st.lists(
    st.builds(
        lambda place, target, calls, unknown, cost, share, tokens: Flow(
            **{
                **dict.fromkeys(("workflow", "capability", "tenant", "team", "application"), "a"),
                **dict.fromkeys(("ok", "escalations", "to_person", "hardware_nano_usd", "cache_read", "latency_ms"), 0),
            },
            place=place,
            target=target,
            calls=calls,
            cost_unknown=min(unknown, calls),
            cost_nano_usd=cost if unknown < calls else 0,
            overhead_nano_usd=int(cost * share) if unknown < calls else 0,
            tokens_in=tokens,
            tokens_out=tokens // 3,
        ),
        st.sampled_from(["rules", "cache", "private", "cloud", "edge", "people", "none"]),
        st.sampled_from(["acme/large", "acme/small", "own"]),
        st.integers(1, 1000),
        st.integers(0, 3),
        st.integers(0, 10**12),
        st.floats(0, 1),
        st.integers(0, 10**9),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(flows=flows)
def test_savings_add_up_to_the_baseline_less_what_was_paid(flows: list[Flow]) -> None:
    found = saved(flows, rows.OCTOBER, target="acme/large", tiers=raised(LARGE, []))
    assert found.actual_nano_usd == sum(flow.cost_nano_usd for flow in flows)
    assert sum(line.saved_nano_usd for line in found.lines) == found.baseline_nano_usd - found.actual_nano_usd
    assert all(line.baseline_nano_usd >= 0 for line in found.lines)
    assert sum(line.calls for line in found.lines) + found.unknown_calls == sum(flow.calls for flow in flows)
