"""In which order rungs are tried, which answers are looked at, and when to stop."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.decision.answers.cascade import LONGEST, Plan, Stakes, Step, go_on, learned_of, plan
from pointsman.decision.answers.cascade import given as of_pair
from pointsman.decision.answers.looks import chances

CHEAP = Step(target="cheap", right=0.64, cost_nano_usd=9_000, strength=0.8, checkable=True)
DEAR = Step(target="dear", right=0.86, cost_nano_usd=1_000_000)
STAKES = Stakes(value_nano_usd=5_000_000)


def a_step(name: str = "other", right: float = 0.7, *, cost: float = 0.0, strength: float = 0.8, checkable: bool = True, latency_s: float = 0.0) -> Step:
    return Step(target=name, right=right, cost_nano_usd=cost, strength=strength, checkable=checkable, latency_s=latency_s)


probabilities = st.floats(0.02, 0.98)
strengths = st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
correlations = st.sampled_from([0.0, 0.2, 0.5])
steps = st.builds(a_step, right=probabilities, cost=st.floats(0, 3e6), strength=strengths, checkable=st.booleans(), latency_s=st.floats(0, 5))
several = st.lists(steps, min_size=1, max_size=4).map(lambda found: [a_renamed(step, str(index)) for index, step in enumerate(found)])
stakes = st.builds(Stakes, value_nano_usd=st.floats(0, 1e7), error_nano_usd=st.floats(0, 1e7), delay_nano_usd_per_s=st.floats(0, 1e5))


def a_renamed(step: Step, name: str) -> Step:
    return a_step(name, step.right, cost=step.cost_nano_usd, strength=step.strength, checkable=step.checkable, latency_s=step.latency_s)


def alone(step: Step, stakes: Stakes) -> float:
    return stakes.worth(step.right) - stakes.price(step)


# ── the promise ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cheap_answer_is_looked_at_first_and_the_dear_one_asked_for_when_it_looks_wrong() -> None:
    found = plan([DEAR, CHEAP], stakes=STAKES)
    assert found.order == ("cheap", "dear")
    assert found.checked == {"cheap"}
    assert found.value_nano_usd > max(alone(CHEAP, STAKES), alone(DEAR, STAKES))
    assert found.cost_nano_usd < DEAR.cost_nano_usd


def test_an_answer_that_looks_right_is_given_and_one_that_looks_wrong_is_not() -> None:
    assert not go_on(0.9, [DEAR], answered=CHEAP, stakes=STAKES).go
    onward = go_on(0.3, [DEAR], answered=CHEAP, stakes=STAKES)
    assert (onward.go, onward.target) == (True, "dear")
    assert onward.right > 0.3


def test_after_an_answer_it_goes_on_exactly_if_the_next_is_better_by_more_than_its_price() -> None:
    for right in (0.55, 0.6, 0.65, 0.7, 0.75):
        if_right, if_wrong = of_pair(DEAR.right, CHEAP.right, together=0.3)
        next_right = right * if_right + (1 - right) * if_wrong
        gain = STAKES.value_nano_usd * (next_right - right) - DEAR.cost_nano_usd
        onward = go_on(right, [DEAR], answered=CHEAP, stakes=STAKES, together=0.3)
        assert onward.gain_nano_usd == pytest.approx(gain)
        assert onward.go == (gain > 0)


def test_without_a_look_there_is_nothing_to_escalate_by() -> None:
    blind = a_step("blind", 0.64, cost=9_000, strength=0.5)
    assert plan([blind, DEAR], stakes=STAKES).order == ("dear",)
    assert plan([a_step("shut", 0.64, cost=9_000, checkable=False), DEAR], stakes=STAKES).checked == frozenset()


def test_a_person_is_a_rung_like_any_other_and_worth_it_only_where_errors_are_dear() -> None:
    person = Step(target="person", right=0.98, cost_nano_usd=2e9, latency_s=3600)
    model = a_step("model", 0.8, cost=1e6, strength=0.9)
    assert plan([model, person], stakes=Stakes(value_nano_usd=1e9, delay_nano_usd_per_s=1000)).order == ("model",)
    assert plan([model, person], stakes=Stakes(value_nano_usd=1e9, error_nano_usd=1e11, delay_nano_usd_per_s=1000)).order == ("model", "person")


def test_a_ladder_of_three_is_climbed_in_the_order_that_pays() -> None:
    ladder = [a_step("small", 0.6, cost=1e4), a_step("middle", 0.75, cost=1e5), a_step("large", 0.9, cost=2e6)]
    found = plan(ladder, stakes=Stakes(value_nano_usd=1e7, error_nano_usd=1e7))
    assert set(found.order) == {"small", "middle", "large"}
    assert found.order[-1] == "large"
    assert found.checked == set(found.order[:-1])


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_planned_where_nothing_keeps_to_the_bounds() -> None:
    assert plan([], stakes=STAKES) == Plan()
    assert plan([DEAR], stakes=Stakes(value_nano_usd=1e9, most_nano_usd=1.0)) == Plan()
    assert plan([a_step(latency_s=2)], stakes=Stakes(within_s=1)) == Plan()
    assert not go_on(0.1, [DEAR], answered=CHEAP, stakes=Stakes(value_nano_usd=1e9, most_nano_usd=1.0)).go
    assert not go_on(0.1, [], answered=CHEAP, stakes=STAKES).go


def test_the_whole_way_keeps_to_the_dead_line_and_to_the_cost_and_not_only_each_rung() -> None:
    slow = [a_step("cheap", 0.64, cost=9_000, latency_s=2), a_step("dear", 0.86, cost=1e6, latency_s=2)]
    assert plan(slow, stakes=Stakes(value_nano_usd=5e6, within_s=4)).order == ("cheap", "dear")
    assert plan(slow, stakes=Stakes(value_nano_usd=5e6, within_s=3)).order == ("dear",)
    assert plan([CHEAP, DEAR], stakes=Stakes(value_nano_usd=5e6, most_nano_usd=1_009_000)).order == ("cheap", "dear")
    assert plan([CHEAP, DEAR], stakes=Stakes(value_nano_usd=5e6, most_nano_usd=1_000_000)).order == ("dear",)


@settings(max_examples=30)
@given(ladder=several, at=stakes, within=st.floats(0, 8), together=correlations)
def test_no_plan_is_expected_to_take_longer_than_it_may(ladder: list[Step], at: Stakes, within: float, together: float) -> None:
    bound = Stakes(value_nano_usd=at.value_nano_usd, error_nano_usd=at.error_nano_usd, within_s=within)
    found = plan(ladder, stakes=bound, together=together)
    named = {step.target: step for step in ladder}
    assert sum(named[name].latency_s for name in found.order) <= within + 1e-9
    assert found.delay_s <= within + 1e-9


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=40)
@given(ladder=several, at=stakes, together=correlations)
def test_a_plan_is_never_worth_less_than_its_best_rung_alone(ladder: list[Step], at: Stakes, together: float) -> None:
    found = plan(ladder, stakes=at, together=together)
    assert found.value_nano_usd >= max(alone(step, at) for step in ladder) - 1e-6
    assert set(found.checked) <= set(found.order)
    assert 0.0 <= found.right <= 1.0 + 1e-9


@settings(max_examples=40)
@given(first=steps, second=steps, at=stakes, together=correlations)
def test_of_two_rungs_the_plan_is_exactly_the_best_there_is(first: Step, second: Step, at: Stakes, together: float) -> None:
    pair = [a_renamed(first, "a"), a_renamed(second, "b")]
    best = max(*(alone(one, at) for one in pair), *(in_turn(one, other, at, together=together) for one, other in (pair, pair[::-1])))
    assert plan(pair, stakes=at, together=together).value_nano_usd == pytest.approx(best, rel=1e-6, abs=20.0)


def in_turn(one: Step, other: Step, at: Stakes, *, together: float) -> float:
    """What it is worth to look at one answer, and to go on to the other where that pays: the sum written out."""
    total = -at.price(one)
    for good, bad in chances(one.strength) if one.checkable else [(1.0, 1.0)]:
        mass = one.right * good + (1 - one.right) * bad
        if mass > 0:
            belief = one.right * good / mass
            then = at.worth(learned_of(other, after=one, right=belief, together=together).right) - at.price(other)
            total += mass * (max(at.worth(belief), then) if one.checkable else at.worth(belief))
    return total


@settings(max_examples=15)
@given(ladder=st.lists(steps, min_size=3, max_size=3), at=stakes)
def test_of_three_unrelated_rungs_the_plan_is_close_to_the_best_there_is(ladder: list[Step], at: Stakes) -> None:
    named = [a_renamed(step, str(index)) for index, step in enumerate(ladder)]
    best = max(whole_tree(step, [other for other in named if other is not step], at) for step in named)
    scale = at.value_nano_usd + at.error_nano_usd + 1.0
    assert plan(named, stakes=at, together=0.0).value_nano_usd == pytest.approx(best, abs=0.01 * scale)


def whole_tree(step: Step, rest: Sequence[Step], at: Stakes) -> float:
    """Every finding of every look, followed to its end."""
    total = -at.price(step)
    for good, bad in chances(step.strength) if step.checkable else [(1.0, 1.0)]:
        mass = step.right * good + (1 - step.right) * bad
        if mass > 0:
            ways = [at.worth(step.right * good / mass)]
            if step.checkable:
                ways += [whole_tree(other, [one for one in rest if one is not other], at) for other in rest]
            total += mass * max(ways)
    return total


@settings(max_examples=30)
@given(ladder=several, at=stakes, weak=strengths, strong=strengths)
def test_a_sharper_look_is_never_worth_less(ladder: list[Step], at: Stakes, weak: float, strong: float) -> None:
    weak, strong = sorted((weak, strong))
    worth = [
        plan([a_step(one.target, one.right, cost=one.cost_nano_usd, strength=each) for one in ladder], stakes=at).value_nano_usd for each in (weak, strong)
    ]
    assert worth[1] >= worth[0] - 0.01 * (at.value_nano_usd + at.error_nano_usd + 1.0)


@settings(max_examples=30)
@given(right=probabilities, lower=probabilities, at=stakes)
def test_the_more_an_answer_looks_right_the_less_is_gained_by_going_on(right: float, lower: float, at: Stakes) -> None:
    lower, right = sorted((lower, right))
    gains = [go_on(each, [DEAR], answered=CHEAP, stakes=at).gain_nano_usd for each in (lower, right)]
    assert gains[1] <= gains[0] + 1e-6


@given(right=st.floats(0, 1), other=st.floats(0, 1), together=st.floats(0, 1))
def test_what_two_successes_say_of_each_other_adds_up_to_what_was_believed(right: float, other: float, together: float) -> None:
    if_right, if_wrong = of_pair(right, other, together=together)
    assert other * if_right + (1 - other) * if_wrong == pytest.approx(right)
    assert -1e-9 <= if_wrong <= 1 + 1e-9
    assert -1e-9 <= if_right <= 1 + 1e-9
    if 0 < other < 1:
        assert if_right >= if_wrong - 1e-6


def test_what_one_model_finds_hard_another_is_trusted_less_with() -> None:
    doubted = learned_of(DEAR, after=CHEAP, right=0.1, together=0.4)
    assert doubted.right < DEAR.right < learned_of(DEAR, after=CHEAP, right=0.95, together=0.4).right
    assert learned_of(DEAR, after=CHEAP, right=0.1, together=0.0).right == pytest.approx(DEAR.right)


def test_of_many_rungs_the_promising_and_the_cheap_are_planned_over() -> None:
    ladder = [a_step(str(index), 0.5 + 0.04 * index, cost=10.0**index) for index in range(LONGEST + 4)]
    found = plan(ladder, stakes=Stakes(value_nano_usd=1e8))
    assert len(found.order) <= LONGEST
    assert found.value_nano_usd >= max(alone(step, Stakes(value_nano_usd=1e8)) for step in ladder)
    assert found.order[0] in {"0", "1", "2", "3", "4", "5"}
