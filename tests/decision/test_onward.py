"""Ways over several rungs: when a cheap answer is looked at first, and when the next one is asked after all."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decision.weighed import ALL, USD, Known, a_chooser, a_routed, choose, ladder_of
from tests.values import a_call, a_target

from pointsman.core.attempt import Grade
from pointsman.core.call import Sampling, Text
from pointsman.core.place import Place
from pointsman.core.reply import Finish, Reply
from pointsman.core.routing import Criteria
from pointsman.core.target import Desk
from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.choice import Choice
from pointsman.decision.choose import Chooser

WEAK, STRONG = Known(quality=0.75, usd=0.0005), Known(quality=0.88, usd=0.02)
PAIR = {"weak": WEAK, "strong": STRONG}
LOOKED: Mapping[str, Any] = {"checked": frozenset({"weak"})}
REPLY = Reply(reply_id="r", model="m", finish=Finish.DONE, parts=(Text("42"),))


class Sees(Verifier):
    """Believes what it is told of every answer."""

    def __init__(self, right: float, sd: float = 0.01, *, strength: float = 0.8, ahead: tuple[str, float] | None = None) -> None:
        super().__init__()
        self.strength = strength
        self._told = right, sd
        self.next_target, self._next = ahead or ("", None)

    def onward(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float], prior: float) -> float | None:
        """Return what was told of the next target; what it was given must be the question, the answer and what was predicted of that target."""
        assert prompt
        assert (answer, evidence, prior) == ("42", {"agrees": 1.0}, STRONG.quality)
        return self._next

    def right(self, prompt: str, answer: str | bytes, *, evidence: Mapping[str, float], prior: float) -> tuple[float, float]:
        """Return what was told; what it was given must be the question, the answer and its evidence."""
        assert (answer, evidence) == ("42", {"agrees": 1.0})
        assert prompt
        return self._told


def chooser_that_sees(known: Mapping[str, Known], right: float, **told: Any) -> Chooser:
    chooser = a_chooser(known)
    assert chooser._by_value.learned is not None
    chooser._by_value.learned._verifiers["support"] = Sees(right, **told)
    return chooser


def way(choice: Choice) -> list[tuple[str, bool]]:
    return [(rung.target.name, rung.checked) for rung in choice.rungs]


def goes_on(known: Mapping[str, Known], right: float, *, criteria: Criteria | None = None, left_s: float = 60.0, **told: Any) -> bool:
    chooser = chooser_that_sees(known, right, **told)
    choice = chooser.choose(a_call(), a_routed(ladder_of(known), criteria=criteria or Criteria(), **LOOKED), verdict=ALL)
    assert way(choice)[0] == ("weak", True)
    return chooser.goes_on(choice, 0, grade=Grade(passed=True, evidence={"agrees": 1.0}), reply=REPLY, left_s=left_s)


# ── before the call ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cheap_target_whose_answers_are_checked_goes_before_a_better_one_where_a_look_tells_enough() -> None:
    choice = chooser_that_sees(PAIR, 0.5).choose(a_call(), a_routed(ladder_of(PAIR), **LOOKED), verdict=ALL)
    assert way(choice) == [("weak", True), ("strong", False)]
    assert [rung.reason for rung in choice.rungs] == ["cascade", "next_after:weak"]
    assert {one.target: one.probability for one in choice.weighed} == {"weak": 1.0, "strong": 0.0}
    assert choice.propensity == 1.0


def test_without_a_check_the_same_target_is_too_bad_to_go_first() -> None:
    assert way(choose(PAIR)) == [("strong", False), ("weak", False)]


@pytest.mark.parametrize(
    "known",
    [
        {"weak": Known(quality=0.75, usd=0.0195), "strong": STRONG},  # hardly cheaper
        {"weak": Known(quality=0.1, usd=0.0005), "strong": STRONG},  # hardly ever right
        {"weak": Known(quality=0.75, usd=0.0005, novelty=1.0, labels=10.0), "strong": STRONG},  # nobody knows whether
        {"weak": Known(quality=0.75, usd=0.0005, basis="none"), "strong": STRONG},
    ],
)
def test_a_look_that_cannot_pay_is_not_planned(known: Mapping[str, Known]) -> None:
    choice = chooser_that_sees(known, 0.5, strength=0.6).choose(a_call(), a_routed(ladder_of(known), **LOOKED), verdict=ALL)
    assert way(choice) == [("strong", False), ("weak", False)]


def with_evidence(usd: float, **told: Any) -> Choice:
    """Return the choice where a second target and a judge cost so much an answer, in US dollars."""
    known = {**PAIR, "beside": Known(usd=usd, s=3.0)}
    *ladder, beside = ladder_of(known)
    capability = a_routed(ladder, **{**LOOKED, "second": beside, "judge": beside, **told})
    return chooser_that_sees(known, 0.5).choose(a_call(sampling=Sampling(temperature=0.5)), capability, verdict=ALL)


def test_what_is_asked_beside_a_checked_answer_is_a_part_of_its_price_and_its_time() -> None:
    weak, strong = with_evidence(0.001, samples=2).weighed
    assert (weak.cost_nano_usd, weak.latency_ms) == (round((3 * 0.0005 + 2 * 0.001) * USD), 4000.0)
    assert (strong.cost_nano_usd, strong.latency_ms) == (round(0.02 * USD), 1000.0)


def test_a_check_that_costs_more_than_it_saves_is_not_planned() -> None:
    assert way(with_evidence(0.001))[0] == ("weak", True)
    assert way(with_evidence(0.02))[0] == ("strong", False)


def test_a_check_of_unknown_price_makes_no_answer_s_price_unknown() -> None:
    known = {**PAIR, "beside": Known(usd=None, s=None)}
    *ladder, beside = ladder_of(known)
    choice = chooser_that_sees(known, 0.5).choose(a_call(), a_routed(ladder, **{**LOOKED, "second": beside}), verdict=ALL)
    assert [one.cost_nano_usd for one in choice.weighed] == [round(0.0005 * USD), round(0.02 * USD)]


def test_the_last_rung_is_never_held_back_there_is_nobody_to_ask_instead() -> None:
    choice = choose(PAIR, checked=frozenset({"weak", "strong"}), incumbent="strong")
    assert choice.rungs[-1].checked is False


@pytest.mark.parametrize(
    ("criteria", "is_looked_at"),
    [(Criteria(), False), (Criteria(risk=4.0), False), (Criteria(value_nano_usd=USD), True), (Criteria(error_nano_usd=USD), True)],
)
def test_the_incumbent_s_answers_are_looked_at_and_paid_for_so_only_where_a_right_one_has_a_worth(*, criteria: Criteria, is_looked_at: bool) -> None:
    """Without a worth others are measured by it, and it could never be doubted."""
    choice = with_evidence(0.001, checked=frozenset({"weak", "strong"}), criteria=criteria)
    rung = next(rung for rung in choice.rungs if rung.target.name == "strong")
    _, strong = choice.weighed
    assert strong.cost_nano_usd == round((0.02 + (0.002 if is_looked_at else 0)) * USD)
    assert rung.checked is (is_looked_at and rung is not choice.rungs[-1])
    alone = choose({"weak": Known(quality=0.1, usd=0.0005), "strong": STRONG}, checked=frozenset({"strong"}), incumbent="strong", criteria=criteria)
    assert way(alone) == [("strong", is_looked_at), ("weak", False)]


def test_a_guarantee_is_about_one_target_at_a_time_so_no_way_is_planned_over_several() -> None:
    chooser = chooser_that_sees(PAIR, 0.5)
    assert way(chooser.choose(a_call(), a_routed(ladder_of(PAIR), guarantee=True, **LOOKED), verdict=ALL))[0][0] == "strong"


@given(
    st.lists(
        st.builds(Known, quality=st.integers(1, 99).map(lambda hundredths: hundredths / 100), usd=st.sampled_from([0.001, 0.01, 0.1])), min_size=2, max_size=4
    ),
    st.sets(st.sampled_from("abcd")),
)
def test_whose_answer_is_given_unseen_is_the_incumbent_or_past_the_guard(told: list[Known], checked: set[str]) -> None:
    known = dict(zip("abcd", told, strict=False))
    choice = chooser_that_sees(known, 0.5).choose(a_call(), a_routed(ladder_of(known), checked=frozenset(checked)), verdict=ALL)
    unseen = next(rung.target.name for rung in choice.rungs if not rung.checked)
    before = [rung.target.name for rung in choice.rungs[: [rung.checked for rung in choice.rungs].index(False)]]
    incumbent = list(known)[-1]
    good_enough = known[unseen].quality >= known[incumbent].quality - 0.03
    assert good_enough or incumbent in before


# ── after an answer ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_is_surely_right_is_given_and_a_doubtful_one_goes_on() -> None:
    assert not goes_on(PAIR, 0.99)
    assert goes_on(PAIR, 0.3)


def test_a_doubtful_answer_is_kept_where_it_shows_that_the_next_one_fails_too() -> None:
    assert goes_on(PAIR, 0.3, ahead=("strong", 0.85))
    assert not goes_on(PAIR, 0.3, ahead=("strong", 0.3))


def test_what_an_answer_tells_of_the_next_target_counts_for_that_target_alone() -> None:
    assert goes_on(PAIR, 0.3, ahead=("stronger", 0.3))
    assert goes_on(PAIR, 0.3, ahead=("", 0.3))


def test_an_answer_of_one_that_may_not_answer_unseen_is_kept_only_if_that_is_sure() -> None:
    assert not goes_on(PAIR, 0.93, sd=0.01)
    assert goes_on(PAIR, 0.93, sd=0.4)


def test_an_answer_of_one_that_may_answer_unseen_goes_on_only_where_that_pays() -> None:
    same = {"weak": Known(quality=0.88, usd=0.0005), "strong": STRONG}
    chooser = chooser_that_sees(same, 0.6, sd=0.4)
    for value, expected in ((USD // 100, False), (10 * USD, True)):
        choice = chooser.choose(a_call(), a_routed(ladder_of(same), criteria=Criteria(value_nano_usd=value), **LOOKED), verdict=ALL)
        assert way(choice)[0] == ("weak", True)
        assert chooser.goes_on(choice, 0, grade=Grade(passed=True, evidence={"agrees": 1.0}), reply=REPLY, left_s=60) is expected


def test_nobody_is_asked_who_would_answer_too_late() -> None:
    slow = {"weak": WEAK, "strong": Known(quality=0.88, usd=0.02, s=30.0)}
    assert goes_on(slow, 0.3, left_s=31)
    assert not goes_on(slow, 0.3, left_s=29)


def test_people_are_asked_whatever_time_is_left_for_they_answer_later() -> None:
    desk = a_target("desk", bit=9, place=Place.PEOPLE, price=None, desk=Desk(item_nano_usd=USD, delay_s=3600.0, says="Soon."))
    known = {"weak": Known(quality=0.75, usd=0.0005), "desk": Known(quality=0.5, basis="none", s=None)}
    capability = a_routed([ladder_of(known)[0], desk], incumbent="weak", criteria=Criteria(value_nano_usd=50 * USD), **LOOKED)
    chooser = chooser_that_sees(known, 0.1)
    choice = chooser.choose(a_call(), capability, verdict=ALL)
    assert way(choice) == [("weak", True), ("desk", False)]
    assert chooser.goes_on(choice, 0, grade=Grade(passed=True, evidence={"agrees": 1.0}), reply=REPLY, left_s=1.0)


def test_nobody_is_asked_who_breaks_the_floor_by_more() -> None:
    known = {"weak": Known(quality=0.95, usd=0.0005), "strong": Known(quality=0.5, usd=0.02)}
    chooser = chooser_that_sees(known, 0.0)
    capability = a_routed(ladder_of(known), criteria=Criteria(quality_floor=0.9), **LOOKED)
    choice = chooser.choose(a_call(), capability, verdict=ALL)
    assert not chooser.goes_on(choice, 0, grade=Grade(passed=True, evidence={"agrees": 1.0}), reply=REPLY, left_s=60)


def test_a_choice_by_order_and_the_last_rung_never_go_on() -> None:
    chooser = a_chooser(PAIR)
    choice = choose(PAIR)
    assert not chooser.goes_on(choice, len(choice.rungs) - 1, grade=Grade(passed=True), reply=REPLY, left_s=60)
    by_order = Choice(choice.rungs, ())
    assert not chooser.goes_on(by_order, 0, grade=Grade(passed=True), reply=REPLY, left_s=60)


def test_without_anything_learned_only_declared_signals_count() -> None:
    chooser = a_chooser(None)
    capability = a_routed(ladder_of(PAIR), incumbent="weak", criteria=Criteria(value_nano_usd=USD), **LOOKED)
    choice = chooser.choose(a_call(), capability, verdict=ALL)
    assert way(choice) == [("weak", True), ("strong", False)]
    for evidence, is_doubted in (({}, False), ({"agrees": 0.0}, True)):
        assert chooser.goes_on(choice, 0, grade=Grade(passed=True, evidence=evidence), reply=REPLY, left_s=60) is is_doubted
