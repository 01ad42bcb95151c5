"""
Money that a cheaper target would have saved, and what-if: golden numbers by hand.
"""

import pytest
from tests.control.finops import rows
from tests.storage.databases import each_database, each_place

from pointsman.control.finops.frontier import answered, avoidable
from pointsman.control.finops.span import DAY_MS
from pointsman.control.finops.spent import hardware
from pointsman.control.finops.what_if import at_prices, other_ladder
from pointsman.core.ids import uuid7
from pointsman.core.target import Price, Rates
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

_CALL = {"capability": "answer", "key_id": "web", "tenant": "default", "data_class": "internal", "snapshot": "s", "reason": "", "latency_ms": 100.0}
_ATTEMPT = {"place": "cloud", "latency_ms": 1.0, "estimated": 0, "kind": "model"}


def answer(db: Database, number: int, target: str, *, state: str, shadow: str | None = None, error: str | None = None) -> None:
    """One item with one call."""
    at = rows.OCT_MS + number
    call_id = uuid7(now_ms=at, random_bits=number)
    rows.unit(db, f"t-{number}", opened_ms=at, state=state)
    more = {"call_id": call_id, "started_ms": at, "unit": f"t-{number}", "workflow": "support", "target": target, "place": "cloud", "status": "ok"}
    rows.put(db, "call", {**_CALL, **more, "attempts": 1, "considered": ""})
    if shadow:
        rows.put(db, "attempt", {**_ATTEMPT, "call_id": call_id, "seq": 1, "target": shadow, "shadow": 1, "error": error, "cost_nano_usd": 10})


def workflow(db: Database, *, large: tuple[int, int], small: tuple[int, int], shadow: str | None = None) -> None:
    """Items that each target answered, as (useful, failed). A call costs 1,000 at `acme/large` and 100 at `acme/small`."""
    with db.transaction():
        number = 0
        for target, (useful, failed), cost in (("acme/large", large, 1000), ("acme/small", small, 100)):
            for state in ["useful"] * useful + ["failed"] * failed:
                answer(db, number, target, state=state, shadow=shadow if target == "acme/large" else None, error="too_short" if number % 10 == 9 else None)
                number += 1
            calls = useful + failed
            if calls:
                rows.flow(db, target=target, calls=calls, ok=calls, cost_nano_usd=cost * calls, latency_ms=cost * calls, tokens_in=100 * calls)
        rows.items(db, units=number, told=number, useful=large[0] + small[0], cost_nano_usd=1000 * sum(large) + 100 * sum(small), human_nano_usd=number * 50)


def test_a_cheaper_target_that_is_surely_not_worse_makes_the_difference_avoidable(each_database: Database) -> None:
    workflow(each_database, large=(50, 50), small=(95, 5))
    (one,) = avoidable(each_database, "support", span=rows.OCTOBER)
    assert (one.strongest, one.cheaper, one.verdict, one.evidence) == ("acme/large", "acme/small", "avoidable", "items")
    assert (one.spent_nano_usd, one.nano_usd) == (100_000, 90_000)
    assert one.apart.value == pytest.approx(0.45)


@pytest.mark.parametrize(("small", "verdict"), [((45, 55), "unclear"), ((10, 90), "needed")])
def test_one_that_may_be_worse_or_is_worse_makes_nothing_avoidable(each_database: Database, small: tuple[int, int], verdict: str) -> None:
    workflow(each_database, large=(50, 50), small=small)
    (one,) = avoidable(each_database, "support", span=rows.OCTOBER)
    assert (one.verdict, one.nano_usd) == (verdict, 0)


def test_shadows_on_the_strongest_targets_own_calls_go_before_routed_items(each_database: Database) -> None:
    """36 of 40 shadows passed: at least 77 % of the calls (Wilson) would have been answered for 10 instead of 1,000."""
    workflow(each_database, large=(40, 0), small=(0, 0), shadow="own/llama")
    (one,) = avoidable(each_database, "support", span=rows.OCTOBER, ladder=("own/llama", "acme/large"))
    assert (one.cheaper, one.evidence, one.verdict) == ("own/llama", "shadows", "avoidable")
    assert one.apart.value == 0.9
    assert one.nano_usd == pytest.approx(40 * 990 * 0.7695, rel=0.001)


def test_too_few_items_and_one_target_alone_say_nothing(each_database: Database) -> None:
    assert avoidable(each_database, "support", span=rows.OCTOBER) == []
    workflow(each_database, large=(20, 5), small=(20, 5))
    assert avoidable(each_database, "support", span=rows.OCTOBER) == []


def test_what_a_target_answered_is_told_with_how_its_items_ended(each_database: Database) -> None:
    workflow(each_database, large=(3, 1), small=(2, 0))
    found = answered(each_database, "support", span=rows.OCTOBER)
    assert {name: (one.calls, one.told, one.useful, one.per_call_nano_usd, one.latency_ms) for name, one in found.items()} == {
        "acme/large": (4, 4, 3, 1000, 1000),
        "acme/small": (2, 2, 2, 100, 100),
    }


def test_hardware_that_nobody_used_is_idle(each_database: Database) -> None:
    rows.hardware(each_database, "own/llama", paid=100, busy=25)
    (one,) = hardware(each_database, rows.OCTOBER)
    assert (one.idle_nano_usd, one.idle_share) == (75, 0.75)


# ── what-if ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CHEAP = Price(price_id="what-if", rates=Rates(tokens_in=1_000_000, tokens_out=2_000_000))


def test_at_other_prices_the_same_tokens_cost_what_they_would(each_database: Database) -> None:
    for day in range(10):
        rows.flow(each_database, bucket_ms=rows.OCT_MS + day * DAY_MS, calls=4, cost_unknown=1, cost_nano_usd=900, tokens_in=400, tokens_out=40)
    rows.flow(each_database, target="acme/large", calls=1, cost_nano_usd=1000, tokens_in=100)
    rows.flow(each_database, workflow="other", calls=1, cost_nano_usd=7, tokens_in=100)
    rows.items(each_database, units=10, useful=5, cost_nano_usd=10_000, human_nano_usd=500)
    found = at_prices(each_database, rows.OCTOBER, prices={"acme/small": CHEAP}, workflow="support")
    # Three of four calls are known: 300 in and 30 out a day, 300 + 60 = 360 instead of 900.
    assert [(line.target, line.now_nano_usd, line.then_nano_usd) for line in found.lines] == [("acme/large", 1000, 1000), ("acme/small", 9000, 3600)]
    assert (found.per_useful_now_nano_usd, found.per_useful_then_nano_usd) == (2100, (4600 + 500) // 5)
    assert found.change is not None
    assert found.change.low < found.change.value == -5400 < found.change.high <= 0
    assert at_prices(each_database, rows.days(3), prices={}, workflow="support").change is None
    assert at_prices(each_database, rows.SEPTEMBER, prices={}).per_useful_now_nano_usd is None


def test_beside_the_price_there_is_what_calls_took_elsewhere_before_is_not_priced_there(each_database: Database) -> None:
    # The large target answered after cheaper ones had failed: of the 400 tokens a part was taken there.
    rows.flow(each_database, target="acme/large", calls=4, cost_nano_usd=400, tokens_in=400)
    dear = Price(price_id="contract", rates=Rates(tokens_in=2_000_000, tokens_out=2_000_000))
    found = at_prices(each_database, rows.OCTOBER, prices={"acme/large": CHEAP}, now={"acme/large": dear})
    assert [(line.now_nano_usd, line.then_nano_usd) for line in found.lines] == [(400, 200)], "half the price is half the cost"
    same = at_prices(each_database, rows.OCTOBER, prices={"acme/large": dear}, now={"acme/large": dear})
    assert same.then_nano_usd == same.now_nano_usd == 400


def test_with_another_ladder_the_shares_decide_cost_and_success(each_database: Database) -> None:
    workflow(each_database, large=(90, 10), small=(30, 70))
    found = other_ladder(each_database, "support", span=rows.OCTOBER, shares={"acme/large": 3, "acme/small": 1})
    assert found is not None
    assert found.shares_then == {"acme/large": 0.75, "acme/small": 0.25}
    assert (found.cost_now, found.cost_then) == (110_000, 200 * 775)
    assert (found.success_now, found.success_then) == (pytest.approx(0.6), pytest.approx(0.75))
    assert (found.latency_now_ms, found.latency_then_ms) == (550, 775)
    assert found.per_useful_now == 120_000 // 120
    assert found.per_useful_then == round((155_000 + 10_000) / 150)
    assert found.change is not None
    assert found.change.low < 100 < found.change.high


def test_as_it_is_now_another_ladder_changes_nothing(each_database: Database) -> None:
    workflow(each_database, large=(10, 10), small=(10, 10))
    found = other_ladder(each_database, "support", span=rows.OCTOBER, shares={"acme/large": 1, "acme/small": 1})
    assert found is not None
    assert found.change is not None
    assert (found.cost_then, found.per_useful_then) == (found.cost_now, found.per_useful_now)
    assert found.change.value == pytest.approx(0, abs=1e-6)


def test_a_target_nobody_knows_needs_a_cost_and_is_as_good_as_the_mean(each_database: Database) -> None:
    workflow(each_database, large=(10, 10), small=(10, 10))
    with pytest.raises(ValueError, match="no call of `own/llama` has a known cost"):
        other_ladder(each_database, "support", span=rows.OCTOBER, shares={"own/llama": 1})
    found = other_ladder(each_database, "support", span=rows.OCTOBER, shares={"own/llama": 1}, per_call={"own/llama": 10.0})
    assert found is not None
    assert (found.cost_then, found.success_then, found.latency_then_ms) == (400, 0.5, 0.0)
    assert found.change is not None
    assert found.change.high > 0
    assert other_ladder(each_database, "other", span=rows.OCTOBER, shares={"own/llama": 1}) is None
