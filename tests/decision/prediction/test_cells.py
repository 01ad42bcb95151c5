"""
What capabilities show: each drawn towards what is known elsewhere, as far as its own evidence is thin.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.decision.prediction.cells import Outlook, counted
from pointsman.decision.prediction.fit import update
from pointsman.decision.prediction.parameters import Moments, Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt


def told(capability: str, scores: list[float], *, task: str = "", target: str = "a") -> list[Label]:
    return [Label(prompt=Prompt(capability=capability, task=task), target=target, score=score) for score in scores]


def quality(labels: list[Label], capability: str, *, task: str = "") -> float:
    known = Outlook(counted((), labels)).of(capability, "a", task=task)
    assert known is not None
    return known.quality


def test_a_new_capability_of_a_known_task_is_expected_to_be_like_that_task() -> None:
    labels = told("sort-mail", [1.0] * 50, task="classify") + told("write-poem", [0.0] * 50, task="write")
    assert quality(labels, "sort-tickets", task="classify") > 0.75
    assert quality(labels, "write-song", task="write") < 0.25
    assert 0.4 < quality(labels, "other") < 0.6


def test_little_evidence_is_drawn_to_the_rest_and_much_speaks_for_itself() -> None:
    rest = told("x", [1.0] * 30) + told("y", [0.9] * 30) + told("z", [0.8] * 30)
    few, many = quality(rest + told("c", [0.0]), "c"), quality(rest + told("c", [0.0] * 200), "c")
    assert few > 0.5
    assert many < 0.1


def test_a_few_outcomes_tell_more_of_a_target_that_is_good_at_little_than_of_one_that_is_the_same_everywhere() -> None:
    """What the rest shows is the same of both on the whole; what it says of a capability is not."""
    labels: list[Label] = []
    for number in range(10):
        labels += told(f"c{number}", [1.0, 0.0] * 15, target="steady") + told(f"c{number}", [number % 2 * 1.0] * 30, target="uneven")
    labels += told("new", [1.0] * 3, target="steady") + told("new", [1.0] * 3, target="uneven")
    outlook = Outlook(counted((), labels))
    steady, uneven = outlook.of("new", "steady"), outlook.of("new", "uneven")
    assert steady is not None
    assert uneven is not None
    assert steady.quality < 0.7
    assert uneven.quality > 0.85


def test_costs_and_times_are_those_of_the_target_where_the_capability_told_none() -> None:
    labels = [Label(prompt=Prompt(capability="x"), target="a", score=1.0, cost_nano_usd=500, tokens_out=9, latency_s=0.0)]
    known = Outlook(counted((), labels + told("c", [1.0]))).of("c", "a")
    assert known is not None
    assert known.cost_nano_usd == pytest.approx(500)
    assert known.tokens_out == pytest.approx(9)
    assert known.latency_s == pytest.approx(0.001)


def test_nothing_is_known_of_a_target_that_was_never_seen() -> None:
    assert Outlook(counted((), told("c", [1.0]))).of("c", "b") is None
    assert Predictor(Parameters()).predict(Prompt(text="hello"), ("b",))[0].cost_nano_usd is None


def test_a_target_is_not_worse_than_itself() -> None:
    assert Predictor(Parameters()).worse_than(Prompt(), "a", incumbent="a", loss=0.0) == 0.0


def test_a_weight_counts_as_so_many_labels_and_what_is_forgotten_counts_less() -> None:
    thrice = counted((), [Label(prompt=Prompt(capability="c"), target="a", score=1.0, weight=3.0)])
    assert thrice[0].scores == counted((), told("c", [1.0] * 3))[0].scores
    faded = update(Parameters(cells=thrice), told("c", [0.0]), keep=0.5).cells[0].scores
    assert faded == Moments(2.5, 1.5, 1.5)


@settings(max_examples=30, deadline=None)
@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=12), others=st.lists(st.floats(0, 1), max_size=12))
def test_a_better_outcome_never_lowers_what_is_expected(scores: list[float], others: list[float]) -> None:
    """Within one capability: the same outcomes and a success more are worth at least what they and a failure more are."""
    before = told("d", others)
    assert quality(told("c", [*scores, 1.0]) + before, "c") >= quality(told("c", [*scores, 0.0]) + before, "c") - 1e-9


@settings(max_examples=30, deadline=None)
@given(one=st.lists(st.floats(0, 1), max_size=8), other=st.lists(st.floats(0, 1), max_size=8))
def test_learning_in_steps_is_learning_at_once(one: list[float], other: list[float]) -> None:
    steps = update(update(Parameters(), told("c", one)), told("c", other))
    at_once = update(Parameters(), told("c", one + other))
    for left, right in zip(steps.cells, at_once.cells, strict=True):
        assert (left.scores.n, left.scores.total) == pytest.approx((right.scores.n, right.scores.total))
