"""How much an answer must be worth for a way over several rungs to be as good as the incumbent."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.decision.weighed import Known

from pointsman.core.routing import Criteria
from pointsman.decision.answers.cascade import plan
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.prediction.values import Prediction
from pointsman.decision.value import Candidate, Scale
from pointsman.decision.ways import Terms, best_way, stakes_at, stakes_told, step_of

USD = 1_000_000_000


class Strong(Verifier):
    """Tells good answers from bad with a given strength."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength


def candidate(name: str, known: Known) -> Candidate:
    seen = Prediction(target=name, quality=known.quality, sd=known.sd, labels=known.labels, basis="prompt")
    return Candidate(target=name, seen=seen, cost_nano_usd=(known.usd or 0) * USD, latency_s=1.0)


def terms(*, loss: float = 0.02, sure: float = 0.9, may_end: frozenset[str] = frozenset({"dear"})) -> Terms:
    return Terms(incumbent="dear", loss=loss, sure=sure, checked=frozenset({"cheap"}), may_end=may_end)


def pair(quality: float, *, strength: float = 0.8, labels: float = 500.0, **told: Any) -> tuple[tuple[str, ...], float]:
    among = [candidate("cheap", Known(quality=quality, usd=0.001, labels=labels)), candidate("dear", Known(quality=0.88, usd=0.02, labels=labels))]
    way = best_way(among, Scale(Criteria(), among), criteria=Criteria(), verifier=Strong(strength), terms=terms(**told))
    return way.order, way.worth_nano_usd


def test_a_look_that_tells_nothing_makes_no_way_and_one_that_tells_much_does() -> None:
    assert pair(0.75, strength=0.55)[0] == ("dear",)
    assert pair(0.75, strength=0.85)[0] == ("cheap", "dear")


def test_the_less_may_be_lost_and_the_surer_that_must_be_the_more_a_right_answer_is_worth() -> None:
    assert pair(0.75, loss=0.001)[1] >= pair(0.75, loss=0.02)[1] >= pair(0.75, loss=0.1)[1]
    assert pair(0.75, sure=0.99)[1] >= pair(0.75, sure=0.5)[1]
    assert pair(0.75, labels=20.0)[1] >= pair(0.75, labels=5000.0)[1]


def test_what_may_answer_unseen_needs_no_worth_to_go_first() -> None:
    order, worth = pair(0.88, may_end=frozenset({"cheap", "dear"}))
    assert order == ("cheap",)
    assert worth < 0.02 * USD


def test_a_way_keeps_to_the_time_and_the_money_of_the_whole_call() -> None:
    among = [candidate("cheap", Known(quality=0.75, usd=0.001)), candidate("dear", Known(quality=0.88, usd=0.02))]
    for told, order in (
        (Criteria(within_s=2.0, cost_nano_usd=21 * USD // 1000), ("cheap", "dear")),
        (Criteria(within_s=1.5), ("dear",)),
        (Criteria(cost_nano_usd=20 * USD // 1000), ("dear",)),
    ):
        scale = Scale(told, among)
        assert best_way(among, scale, criteria=told, verifier=Strong(0.85), terms=terms()).order == order


def test_an_incumbent_that_costs_nothing_is_left_for_nobody() -> None:
    among = [candidate("cheap", Known(quality=0.5, usd=0.001)), candidate("dear", Known(quality=0.88, usd=0.0))]
    assert best_way(among, Scale(Criteria(), among), criteria=Criteria(), verifier=Strong(0.8), terms=terms()).order == ("dear",)


def test_the_owner_s_word_on_what_an_answer_is_worth_counts_where_it_is_more() -> None:
    told = Criteria(value_nano_usd=100, error_nano_usd=50, risk=2.0, delay_nano_usd_per_s=3, within_s=4.0, cost_nano_usd=5)
    stakes = stakes_told(told)
    assert (stakes.value_nano_usd, stakes.error_nano_usd, stakes.delay_nano_usd_per_s, stakes.within_s, stakes.most_nano_usd) == (100, 100, 3, 4.0, 5)
    assert stakes_at(150, told).value_nano_usd == 100
    assert stakes_at(500, told).value_nano_usd == 400
    assert stakes_told(Criteria(delay_nano_usd_per_s=3, bulk=True)).delay_nano_usd_per_s == 0


qualities = st.integers(2, 98).map(lambda hundredths: hundredths / 100)


@given(qualities, qualities, st.sampled_from([0.55, 0.7, 0.85, 0.95]), st.sampled_from([0.0001, 0.001, 0.01]), st.sampled_from([0.005, 0.02, 0.1]))
def test_a_way_never_promises_less_than_the_incumbent_by_more_than_may_be_lost(cheap: float, dear: float, strength: float, usd: float, loss: float) -> None:
    among = [candidate("cheap", Known(quality=cheap, usd=usd, labels=1e9)), candidate("dear", Known(quality=dear, usd=0.02, labels=1e9))]
    scale = Scale(Criteria(), among)
    way = best_way(among, scale, criteria=Criteria(), verifier=Strong(strength), terms=terms(loss=loss))
    if not way.order:
        assert cheap > dear - loss  # the cheap one by itself: it may not answer unseen, and nobody goes on from it
        return
    steps = [step_of(one, scale, strength=strength, is_checked=one.target == "cheap") for one in among]
    promised = plan(steps, stakes=stakes_at(way.worth_nano_usd, Criteria())).right
    assert promised >= dear - loss - 0.01  # qualities and prices are rounded
