"""
What drove a change: each driver alone, worked out by hand, and the law that the parts add up to the change.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pointsman.control.finops.drivers import GroupFacts, TargetFacts, drivers_of_cost, drivers_per_outcome
from pointsman.control.finops.sentences import sentences
from pointsman.control.finops.shapley import MOST_FACTORS, parts


def facts(*, units: int = 10, useful: int = 5, human: int = 0, licence: int = 0, **targets: tuple[int, int, int, int]) -> GroupFacts:
    """Targets as (calls, of unknown cost, tokens, cost)."""
    told = {name: TargetFacts(calls=calls, cost_unknown=unknown, tokens=tokens, cost_nano_usd=cost) for name, (calls, unknown, tokens, cost) in targets.items()}
    return GroupFacts(
        units=units,
        told=units,
        useful=useful,
        attempts_nano_usd=sum(one.cost_nano_usd for one in told.values()),
        human_nano_usd=human,
        human_s=human / 10,
        licence_nano_usd=licence,
        targets=told,
    )


BEFORE = facts(a=(20, 0, 2000, 1_000_000))


def only(found: dict[str, int] | None) -> dict[str, int]:
    return {name: part for name, part in (found or {}).items() if part}


@pytest.mark.parametrize(
    ("now", "driver", "cost", "per_outcome"),
    [
        (facts(units=20, useful=10, a=(40, 0, 4000, 2_000_000)), "volume", 1_000_000, 0),
        (facts(useful=4, a=(20, 0, 2000, 1_000_000)), "outcome rate", 0, 50_000),
        (facts(a=(30, 0, 3000, 1_500_000)), "calls per item", 500_000, 100_000),
        (facts(a=(20, 0, 3000, 1_500_000)), "tokens per call", 500_000, 100_000),
        (facts(a=(20, 0, 2000, 1_200_000)), "price", 200_000, 40_000),
        (facts(a=(20, 5, 2000, 750_000)), "unknown costs", -250_000, -50_000),
        (facts(a=(20, 20, 2000, 0)), "unknown costs", -1_000_000, None),
        (facts(human=300_000, a=(20, 0, 2000, 1_000_000)), "people's time", 300_000, 60_000),
        (facts(licence=300_000, a=(20, 0, 2000, 1_000_000)), "licences", 300_000, 60_000),
        (replace(BEFORE, attempts_nano_usd=1_100_000), "timing", 100_000, 20_000),
        # Half of the calls go to `b`, where a call costs 90,000 instead of 50,000.
        (facts(a=(10, 0, 1000, 500_000), b=(10, 0, 500, 900_000)), "which target", 400_000, 80_000),
    ],
)
def test_what_alone_has_changed_is_the_only_driver(now: GroupFacts, driver: str, cost: int, per_outcome: int | None) -> None:
    assert only(drivers_of_cost(BEFORE, now)) == ({driver: cost} if cost else {})
    assert only(drivers_per_outcome(BEFORE, now)) == ({driver: per_outcome} if per_outcome else {})


def test_two_drivers_share_what_they_did_together() -> None:
    """Twice the items at twice the price: 1 -> 4. Volume first is +1 and price +2, price first the other way round: 1.5 each."""
    found = only(drivers_of_cost(BEFORE, facts(units=20, useful=10, a=(40, 0, 4000, 4_000_000))))
    assert found == {"volume": 1_500_000, "price": 1_500_000}


def test_from_nothing_everything_is_volume() -> None:
    assert only(drivers_of_cost(GroupFacts(), BEFORE)) == {"volume": 1_000_000}
    assert only(drivers_of_cost(BEFORE, GroupFacts())) == {"volume": -1_000_000}
    assert only(drivers_of_cost(GroupFacts(), GroupFacts())) == {}


def test_without_a_useful_outcome_there_is_nothing_to_compare() -> None:
    assert drivers_per_outcome(BEFORE, replace(BEFORE, useful=0)) is None
    assert drivers_per_outcome(replace(BEFORE, useful=0), BEFORE) is None


def test_while_no_cost_is_known_there_is_no_cost_per_outcome() -> None:
    assert facts(a=(20, 20, 2000, 0)).per_useful_nano_usd is None


calls = st.integers(0, 300)
target = st.tuples(calls, st.floats(0, 1), st.integers(0, 10**6), st.integers(0, 10**13))
groups: Any = st.builds(
    lambda units, share, human, licence, extra, targets: replace(
        facts(
            units=units,
            useful=int(units * share),
            human=human if units else 0,
            licence=licence,
            **{name: (count, int(count * unknown), tokens if count else 0, cost if count else 0) for name, (count, unknown, tokens, cost) in targets.items()},
        ),
        **({} if units else {"attempts_nano_usd": 0}),
        **({"attempts_nano_usd": extra} if units and extra else {}),
    ),
    st.integers(0, 1000),
    st.floats(0, 1),
    st.integers(0, 10**13),
    st.integers(0, 10**12),
    st.integers(0, 10**13),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), target, max_size=3),
)


@settings(max_examples=25, deadline=None)
@given(old=groups, now=groups)
def test_the_parts_add_up_to_the_change_to_the_nano_dollar(old: GroupFacts, now: GroupFacts) -> None:
    cost = drivers_of_cost(old, now)
    assert sum(cost.values()) == now.cost_nano_usd - old.cost_nano_usd
    per = drivers_per_outcome(old, now)
    if per is not None:
        assert sum(per.values()) == (now.per_useful_nano_usd or 0) - (old.per_useful_nano_usd or 0)


@settings(max_examples=15, deadline=None)
@given(old=groups, now=groups)
def test_looked_at_backwards_every_part_turns_round(old: GroupFacts, now: GroupFacts) -> None:
    forth, back = drivers_of_cost(old, now), drivers_of_cost(now, old)
    for name, part in forth.items():
        assert part + back[name] == pytest.approx(0, abs=10 + max(abs(one) for one in forth.values()) * 1e-6)


def test_the_largest_reason_is_told_first_with_its_numbers() -> None:
    now = facts(useful=4, human=300_000_000, a=(10, 0, 1000, 500_000), b=(10, 0, 500, 900_000))
    said = sentences("eu", BEFORE, now=now, drivers=drivers_per_outcome(BEFORE, now))
    assert said[0] == "eu: $0.0754 per useful outcome, $0.0752 (37575%) more than before."
    assert said[1].startswith("+$0.0675 people's time: 50000.0 minutes of people's time per item, 0.0 before.")
    assert len(said) <= 4


def test_people_who_help_with_few_items_are_told_apart_by_small_parts_of_a_minute() -> None:
    old, now = replace(BEFORE, human_s=60 * BEFORE.units // 20), replace(BEFORE, human_s=60 * BEFORE.units // 10, human_nano_usd=400_000)
    said = sentences("eu", old, now=now, drivers=drivers_per_outcome(old, now))
    assert any("0.1 minutes of people's time per item, 0.05 before" in line for line in said)


@pytest.mark.parametrize(
    ("old", "now", "says"),
    [
        (BEFORE, GroupFacts(), "no cost per useful outcome is known, because no item was opened"),
        (BEFORE, replace(BEFORE, told=0, useful=0), "because no outcome was told: send them with `POST /v1/outcomes`"),
        (BEFORE, replace(BEFORE, useful=0), "because nothing was useful"),
        (BEFORE, facts(a=(20, 20, 2000, 0)), "because no cost is known: `pointsman check` names the targets"),
        (GroupFacts(), BEFORE, "there is none to compare with, because no item was opened"),
        (BEFORE, BEFORE, "without a name: $0.0002 per useful outcome, as before."),
    ],
)
def test_what_cannot_be_said_is_said_with_its_reason(old: GroupFacts, now: GroupFacts, says: str) -> None:
    assert says in sentences("", old, now=now, drivers=drivers_per_outcome(old, now))[0]


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (facts(units=20, useful=10, licence=900, a=(40, 0, 4000, 2_000_000)), "licences: $0.0000009 over 20 items, $0.00 over 10 before."),
        (facts(useful=4, a=(20, 0, 2000, 1_000_000)), "outcome rate: 40% of the items were useful, 50% before."),
        (facts(a=(30, 0, 3000, 1_500_000)), "calls per item: 3.00 calls per item, 2.00 before."),
        (facts(a=(20, 0, 3000, 1_500_000)), "tokens per call: 150 tokens per call at `a`, 100 before."),
        (facts(a=(20, 0, 2000, 1_200_000)), "price: `a` cost $0.60 a million tokens, $0.50 before."),
        (facts(a=(20, 5, 2000, 750_000)), "-$0.00005 unknown costs: the cost of 25% of the calls is unknown, 0% before."),
        (replace(BEFORE, attempts_nano_usd=1_100_000), "timing: calls worth $0.0001 were made outside this span for items opened in it."),
        (facts(a=(10, 0, 1000, 500_000), b=(10, 0, 500, 900_000)), "which target: `a` answered 50% of the calls, 100% before."),
    ],
)
def test_each_driver_is_told_in_its_own_words(now: GroupFacts, says: str) -> None:
    assert says in "\n".join(sentences("eu", BEFORE, now=now, drivers=drivers_per_outcome(BEFORE, now)))


def test_more_causes_than_can_be_told_apart_are_refused() -> None:
    names = [f"factor {number}" for number in range(MOST_FACTORS + 1)]
    with pytest.raises(ValueError, match="13 factors differ; at most 12"):
        parts(dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0), value=lambda factors: sum(factors.values()))


def test_a_month_that_could_be_priced_after_one_that_could_not_is_told_as_known_costs() -> None:
    unknown = facts(a=(20, 20, 2000, 0))
    assert only(drivers_of_cost(unknown, BEFORE)) == {"unknown costs": 1_000_000}
    assert only(drivers_of_cost(unknown, unknown)) == {}
