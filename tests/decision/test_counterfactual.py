from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.decision.weighed import Known, choose, first
from tests.values import a_target

from pointsman.core.routing import Criteria, Routing, Weighed
from pointsman.decision.counterfactual import Change, Situation, best, nearest

BIG = a_target("big")
CENT = 10_000_000
PLAIN = Routing(incumbent=BIG, loss=0.02, sure=0.9)
RICH = Routing(incumbent=BIG, loss=0.02, sure=0.9, criteria=Criteria(value_nano_usd=5 * CENT, delay_nano_usd_per_s=100_000))


def a_candidate(target: str, quality: float, *, cost: int | None, latency_ms: float | None = 900.0, sd: float = 0.02, **more: Any) -> Weighed:
    reach = 1.6449 * sd
    low, high = max(quality - reach, 0.0), min(quality + reach, 1.0)
    return Weighed(target=target, quality=quality, low=low, high=high, cost_nano_usd=cost, latency_ms=latency_ms, value_nano_usd=0, **more)


def a_situation(routing: Routing, *weighed: Weighed) -> Situation:
    criteria = routing.criteria

    dearest = max((one.cost_nano_usd or 0 for one in weighed), default=0)
    slowest = max((one.latency_ms or 0.0 for one in weighed), default=0.0)

    def worth(one: Weighed) -> int:
        wrong = criteria.error_nano_usd * criteria.risk * (1 - one.quality)
        price = dearest if one.cost_nano_usd is None else one.cost_nano_usd
        waiting = 0.0 if criteria.bulk else criteria.delay_nano_usd_per_s * (slowest if one.latency_ms is None else one.latency_ms) / 1000
        return round(criteria.value_nano_usd * one.quality - wrong - price - waiting)

    return Situation(weighed=tuple(replace(one, value_nano_usd=worth(one)) for one in weighed), routing=routing)


def sd_of(one: Weighed) -> float:
    return max(one.high - one.quality, one.quality - one.low) / 1.6449


def applied(situation: Situation, change: Change) -> Situation:
    """Do by hand what a change says, from the candidates and criteria alone."""
    routing, weighed = situation.routing, situation.weighed
    criteria = routing.criteria
    match change.what:
        case "quality":
            weighed = tuple(
                a_candidate(one.target, change.needed, cost=one.cost_nano_usd, latency_ms=one.latency_ms, sd=sd_of(one), reason=one.reason)
                if one.target == change.target
                else one
                for one in weighed
            )
        case "price":
            weighed = tuple(replace(one, cost_nano_usd=round(change.needed)) if one.target == change.target else one for one in weighed)
        case "delay":
            weighed = tuple(replace(one, latency_ms=change.needed) if one.target == change.target else one for one in weighed)
        case "loss" | "sure":
            routing = replace(routing, **{change.what: change.needed})
        case _:
            name = {
                "value": "value_nano_usd",
                "error": "error_nano_usd",
                "delay_price": "delay_nano_usd_per_s",
                "floor": "quality_floor",
                "confidence": "confidence",
                "within": "within_s",
                "price_limit": "cost_nano_usd",
                "risk": "risk",
                "volume": "bulk",
            }[change.what]
            made = round if name.endswith(("usd", "per_s")) else bool if name == "bulk" else float
            criteria = replace(criteria, **{name: made(change.needed)})
            routing = replace(routing, criteria=criteria)
    return a_situation(routing, *weighed)


def test_the_nearest_change_is_told_in_one_sentence() -> None:
    seen = a_situation(PLAIN, a_candidate("small", 0.83, cost=400_000), a_candidate("big", 0.9, cost=4_000_000))
    assert best(seen) == "big"
    first, *more = nearest(seen, chosen="big")
    assert first.says == "`small` would have been chosen if the quality of `big` were at most 0.81 (was 0.9 ± 0.03)."
    told = {one.says for one in more}
    assert "`small` would have been chosen if its quality were at least 0.92 (was 0.83 ± 0.03)." in told
    assert "`small` would have been chosen if `not_worse_by` were at least 0.11 (was 0.02)." in told


def test_a_price_that_would_turn_the_choice_is_told_in_dollars() -> None:
    seen = a_situation(PLAIN, a_candidate("mid", 0.93, cost=2_000_000), a_candidate("big", 0.9, cost=4_000_000))
    assert "`big` would have been chosen if its price were at most $0.002 (was $0.004)." in {one.says for one in nearest(seen, chosen="mid")}


def test_a_limit_that_was_not_set_is_further_than_any_number_that_counted() -> None:
    seen = a_situation(PLAIN, a_candidate("mid", 0.93, cost=2_000_000, latency_ms=1500.0), a_candidate("big", 0.9, cost=4_000_000))
    found = nearest(seen, chosen="mid")
    limit = next(one for one in found if one.what == "within")
    assert limit.says == "`big` would have been chosen if `within_s` were at most 1.4 s (was not set)."
    assert limit.size > max(one.size for one in found if one.was)


def test_a_choice_that_something_else_made_has_no_counterfactual() -> None:
    seen = a_situation(PLAIN, a_candidate("small", 0.83, cost=400_000), a_candidate("big", 0.9, cost=4_000_000))
    assert nearest(seen, chosen="small") == (), "it was a trial"


def test_without_a_certificate_no_number_moves_the_choice_there() -> None:
    seen = a_situation(PLAIN, a_candidate("small", 0.95, cost=400_000, reason="guarantee:none"), a_candidate("big", 0.9, cost=4_000_000))
    assert best(seen) == "big"
    assert all(one.chosen != "small" for one in nearest(seen, chosen="big"))


def test_under_a_guarantee_only_the_way_back_to_the_incumbent_is_told() -> None:
    promised = replace(RICH, guarantee=True)
    whole = (a_candidate("mid", 0.91, cost=3_000_000), a_candidate("small", 0.83, cost=400_000), a_candidate("big", 0.92, cost=4_000_000))
    seen = a_situation(promised, *whole)
    assert best(seen) == "mid", "a certificate let it go first"
    found = nearest(seen, chosen="mid")
    assert {one.chosen for one in found} == {"big"}
    assert not {"loss", "sure"} & {one.what for one in found}, "a certificate is about what it was proven for"


def test_where_nobody_keeps_to_a_criterion_it_is_told_what_would_have_had_to_be_asked_for() -> None:
    strict = replace(PLAIN, criteria=Criteria(quality_floor=0.99, confidence=0.9))
    seen = a_situation(strict, a_candidate("small", 0.95, cost=400_000), a_candidate("big", 0.9, cost=4_000_000))
    assert best(seen) == "small", "it breaks the floor least"
    assert "`big` would have been chosen if its quality were at least 0.94 (was 0.9 ± 0.03)." in {one.says for one in nearest(seen, chosen="small")}


def test_criteria_that_the_request_told_itself_are_not_on_record_and_nothing_is_counted_with_others() -> None:
    by_request = a_situation(RICH, a_candidate("small", 0.93, cost=400_000), a_candidate("big", 0.9, cost=4_000_000))
    assert nearest(by_request, chosen="small")
    assert nearest(replace(by_request, routing=PLAIN), chosen="small") == ()


def test_how_bad_an_error_is_and_whether_work_may_wait_are_told_as_they_are_written() -> None:
    criteria = Criteria(value_nano_usd=CENT, error_nano_usd=CENT, delay_nano_usd_per_s=CENT)
    slow = a_candidate("mid", 0.9, cost=400_000, latency_ms=60_000)
    seen = a_situation(Routing(incumbent=BIG, loss=0.4, criteria=criteria), slow, a_candidate("big", 0.8, cost=500_000))
    assert "`mid` would have been chosen if `volume` were `bulk` (was `interactive`)." in {one.says for one in nearest(seen, chosen="big")}
    bold = a_situation(Routing(incumbent=BIG, loss=0.4, criteria=criteria), a_candidate("mid", 0.7, cost=400_000), a_candidate("big", 0.8, cost=4_000_000))
    assert "`big` would have been chosen if `risk` were `high` (was `normal`)." in {one.says for one in nearest(bold, chosen=best(bold))}


shares = st.integers(1, 99).map(lambda number: number / 100)
made = st.builds(
    a_candidate,
    target=st.just(""),
    quality=shares,
    cost=st.none() | st.integers(0, 50 * CENT),
    latency_ms=st.none() | st.floats(1, 60_000),
    sd=st.sampled_from([0.0, 0.01, 0.1]),
)
criteria = st.builds(
    Criteria,
    risk=st.sampled_from([0.5, 1.0, 16.0]),
    value_nano_usd=st.sampled_from([0, CENT, 500 * CENT]),
    error_nano_usd=st.sampled_from([0, CENT, 500 * CENT]),
    delay_nano_usd_per_s=st.sampled_from([0, CENT]),
    quality_floor=st.sampled_from([0.0, 0.5, 0.9]),
    confidence=shares,
    within_s=st.sampled_from([None, 1.0, 30.0]),
    cost_nano_usd=st.sampled_from([None, CENT]),
    bulk=st.booleans(),
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    names = ["big", "mid", "small"][: draw(st.integers(1, 3))]
    routing = Routing(incumbent=BIG, criteria=draw(criteria), loss=draw(st.sampled_from([0.01, 0.02, 0.3])), sure=draw(shares))
    return a_situation(routing, *(replace(draw(made), target=name) for name in names))


@settings(max_examples=40, deadline=None)
@given(situations())
def test_doing_what_is_stated_changes_the_choice_to_whom_it_names(situation: Situation) -> None:
    chosen = best(situation)
    for change in nearest(situation, chosen=chosen):
        assert change.chosen != chosen
        assert best(applied(situation, change)) == change.chosen, change


@settings(max_examples=40, deadline=None)
@given(situations())
def test_what_is_stated_is_ordered_by_how_near_it_is(situation: Situation) -> None:
    sizes = [one.size for one in nearest(situation, chosen=best(situation))]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("what", ["quality", "price", "delay", "value", "loss", "sure"])
def test_half_of_the_change_is_not_enough(what: str) -> None:
    seen = a_situation(RICH, a_candidate("small", 0.83, cost=400_000), a_candidate("mid", 0.91, cost=3_000_000), a_candidate("big", 0.92, cost=4_000_000))
    chosen = best(seen)
    for change in nearest(seen, chosen=chosen):
        if change.what == what and change.was:
            half = replace(change, needed=(change.was + change.needed) / 2)
            assert best(applied(seen, half)) != change.chosen, change


# ── by the chooser itself ───────────────────────────────────────────────────────────────────────────────────────────

known = st.builds(
    Known,
    quality=shares,
    sd=st.sampled_from([0.001, 0.02, 0.1]),
    usd=st.sampled_from([0.0004, 0.002, 0.01, 0.3]),
    s=st.sampled_from([0.4, 2.0, 20.0]),
)


def chosen_after(change: Change, told: dict[str, Known], routing: dict[str, Any]) -> str:
    """Let the chooser choose among what a change makes of the targets and of the criteria."""
    asked: Criteria = routing["criteria"]
    if change.target:
        told = dict(told)
        made = {"quality": {"quality": change.needed}, "price": {"usd": change.needed / 1e9}, "delay": {"s": change.needed / 1000}}[change.what]
        told[change.target] = replace(told[change.target], **made)
        return first(told, **routing)
    after = applied(Situation(weighed=(), routing=Routing(incumbent=BIG, criteria=asked, loss=routing["loss"], sure=routing["sure"])), change).routing
    return first(told, **{**routing, "criteria": after.criteria, "loss": after.loss, "sure": after.sure})


@settings(max_examples=30, deadline=None)
@given(st.lists(known, min_size=1, max_size=3), criteria, st.sampled_from([0.01, 0.02, 0.3]), shares)
def test_the_chooser_itself_chooses_as_is_stated(found: list[Known], asked: Criteria, loss: float, sure: float) -> None:
    told = dict(zip(["small", "mid", "big"], found, strict=False))
    routing: dict[str, Any] = {"criteria": asked, "loss": loss, "sure": sure}
    choice = choose(told, **routing)
    went_first = choice.rungs[0].target.name
    seen = Situation(weighed=choice.weighed, routing=Routing(incumbent=a_target([*told][-1]), criteria=asked, loss=loss, sure=sure))
    assert best(seen) == went_first
    for change in nearest(seen, chosen=went_first):
        assert chosen_after(change, told, routing) == change.chosen, change
