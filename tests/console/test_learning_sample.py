from typing import Any

import pytest
from tests.console.house import HOUR, NOW
from tests.ledger.entries import a_record, an_entry, write

from pointsman.console.learning_sample import Sample, sampled
from pointsman.core.routing import Weighed
from pointsman.storage.sql import Database

SMALL = Weighed(target="small", quality=0.9, low=0.8, high=1.0, cost_nano_usd=100, latency_ms=None, value_nano_usd=0)
LARGE = Weighed(target="large", quality=0.9, low=0.8, high=1.0, cost_nano_usd=1_000, latency_ms=None, value_nano_usd=0)


def found(db: Database, *records: dict[str, Any]) -> Sample:
    """Write calls, one an hour, and return what a sample says of them."""
    made = [
        a_record(at, at_ms=NOW - (at + 1) * HOUR, capability="triage", **{"weighed": (SMALL, LARGE), "entries": (an_entry(cost=100, target="small"),), **told})
        for at, told in enumerate(records)
    ]
    write(db, made)
    return sampled(db, since_ms=NOW - 7 * 24 * HOUR, until_ms=NOW, incumbents={"triage": "large"})["triage"]


def test_what_was_saved_is_what_the_incumbent_was_expected_to_cost_less_what_was_paid(each_database: Database) -> None:
    told = found(each_database, *[{}] * 40)
    assert (told.calls, told.priced, told.saved, told.low, told.high, told.expected) == (40, 40, 900.0, 900.0, 900.0, 1_000.0)


@pytest.mark.parametrize(
    ("entry", "priced"),
    [(an_entry(cost=None, target="small"), 40), (an_entry(cost=700, target="large"), 41)],
    ids=["unknown", "the incumbent's own"],
)
def test_what_is_not_known_is_left_out_and_the_incumbent_saves_nothing(each_database: Database, entry: Any, priced: int) -> None:
    told = found(each_database, *[{}] * 40, {"entries": (entry,)})
    assert (told.calls, told.priced) == (41, priced)
    assert told.saved == pytest.approx(900.0 * 40 / priced)


def test_a_call_of_which_the_incumbent_was_no_candidate_tells_nothing_of_money(each_database: Database) -> None:
    told = found(each_database, *[{}] * 40, {"weighed": (SMALL,)})
    assert (told.calls, told.priced) == (41, 40)


def test_too_few_calls_give_no_figure(each_database: Database) -> None:
    told = found(each_database, *[{}] * 5)
    assert (told.calls, told.saved, told.tried) == (5, None, 0.0)


def test_trials_are_counted_with_their_probability(each_database: Database) -> None:
    told = found(each_database, *[{}] * 9, {"mode": "explore", "propensity": 0.04})
    assert (told.tried, told.chance) == (0.1, 0.04)


def test_calls_of_other_capabilities_and_by_the_owners_order_are_not_looked_at(each_database: Database) -> None:
    write(each_database, [a_record(1, at_ms=NOW - HOUR, weighed=(SMALL,)), a_record(2, at_ms=NOW - HOUR, capability="triage")])
    assert sampled(each_database, since_ms=NOW - 24 * HOUR, until_ms=NOW, incumbents={"triage": "large"}) == {"triage": Sample()}
