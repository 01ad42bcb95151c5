"""
What decided a choice beside the worth of its candidates, in one sentence each: for choices as they are really made.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.decision.weighed import Known, choose, ladder_of
from tests.values import a_target

from pointsman.core.label import Level, a_label
from pointsman.core.routing import Criteria, Routing, Trial
from pointsman.core.verdict import Verdict
from pointsman.decision.choice import Circumstances
from pointsman.decision.decisive import Occasion, decisive

SMALL = Known(quality=0.7, usd=0.001)
LARGE = Known(quality=0.9, usd=0.01)
EXPLORES = Trial(share=0.05)


def told(known: dict[str, Known], *, level: str = "internal", spent: bool = False, criteria: Criteria | None = None, **more: Any) -> tuple[str, ...]:
    """Choose, and return what decided it."""
    verdict = Verdict(label=a_label(level), mask=-1, snapshot="s")
    found = choose(known, criteria or Criteria(), verdict=verdict, now=Circumstances(chance=0.0), **more)
    routing = Routing(incumbent=next(one for one in ladder_of(known) if one.name == more.get("incumbent", list(known)[-1])), **_of_routing(more))
    now = Occasion(level=Level[level.upper()], reason=found.rungs[0].reason, is_spent=spent)
    return decisive(found.weighed, replace(routing, criteria=criteria or Criteria()), first=found.rungs[0].target.name, now=now)


def _of_routing(more: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if name in Routing.__struct_fields__ and name != "incumbent"}


def test_where_worth_alone_decides_nothing_is_said() -> None:
    assert told({"small": replace_quality(SMALL, 0.9), "large": LARGE}) == ()
    assert told({"large": LARGE}) == ()


def replace_quality(known: Known, quality: float) -> Known:
    return Known(quality=quality, usd=known.usd)


def test_the_guard_that_kept_back_who_was_worth_more_is_told() -> None:
    [says] = told({"small": SMALL, "large": LARGE}, explore=None)

    assert says == "`small` is expected to be worth more than `large`, but may not go before `large`: it is not surely enough as good."


def test_of_one_of_which_nothing_was_learned_it_is_told_what_would_bring_it() -> None:
    unknown = Known(quality=0.7, usd=0.001, basis="none")
    first, second = told({"small": unknown, "large": LARGE})

    assert first.endswith("nothing was learned of it.")
    assert second == "Nobody asks `small` by the way: `routing.shadow` or `routing.explore` would, and so bring what is missing."
    assert len(told({"small": unknown, "large": LARGE}, shadow=Trial(share=0.1))) == 1


def test_a_guarantee_that_is_not_in_force_is_told_where_it_kept_somebody_back() -> None:
    first, second = told({"small": replace_quality(SMALL, 0.9), "large": LARGE}, guarantee=True)

    assert first == ("`small` is expected to be worth more than `large`, but may not go before `large`: nothing is promised for this capability yet.")
    assert second == "Nobody asks `small` by the way: `routing.shadow` would, and so bring what is missing."
    assert told({"small": Known(quality=0.5, usd=0.1), "large": LARGE}, guarantee=True) == (), "it is worth less: the guarantee decided nothing"


def test_with_a_guarantee_it_is_told_that_no_way_over_checked_answers_is_weighed() -> None:
    says = told({"small": SMALL, "large": LARGE}, guarantee=True, shadow=Trial(share=0.1), checked=frozenset({"small"}))

    assert says[-1] == "No way that looks at answers of `small` first is weighed: a guarantee is about whoever goes first, not about ways over several."


def test_a_way_over_checked_answers_that_does_not_pay_is_told() -> None:
    says = told({"small": Known(quality=0.02, usd=0.001), "large": LARGE}, checked=frozenset({"small"}))

    assert says[-1] == "No way that looks at answers of `small` first is worth more and, as a whole, surely enough as good as `large`."


def test_a_way_over_checked_answers_that_is_taken_is_told() -> None:
    says = told({"small": Known(quality=0.88, usd=0.001), "large": LARGE}, checked=frozenset({"small"}), loss=0.019)

    assert says[-1] == "Answers of `small` are looked at before they are given, and that way as a whole is worth more than any target alone."


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"level": "confidential"}, "`explore` takes data up to `internal`, and this is `confidential`"),
        ({"spent": True, "criteria": Criteria(cost_nano_usd=1)}, "the day's money for it (`explore.usd_per_day`) is spent"),
        ({"criteria": Criteria(cost_nano_usd=1)}, "nothing was learned yet, or bounds, a conversation or the day's money stand against each of the others"),
    ],
)
def test_why_nothing_is_tried_is_told_where_the_owner_lets_something_be(more: dict[str, Any], why: str) -> None:
    says = told({"small": replace_quality(SMALL, 0.9), "large": LARGE}, explore=EXPLORES, **more)

    assert says[-1] == f"Nothing is tried here: {why}."


def test_where_others_are_tried_now_and_then_nothing_is_said_of_it() -> None:
    assert told({"small": replace_quality(SMALL, 0.9), "large": LARGE}, explore=EXPLORES) == ()


def test_in_a_conversation_nothing_is_tried_and_that_is_told() -> None:
    found = choose({"small": replace_quality(SMALL, 0.9), "large": LARGE})
    routing, now = Routing(incumbent=a_target("large"), explore=EXPLORES), Occasion(level=Level.INTERNAL, reason="stays")

    [says] = decisive(found.weighed, routing, first="small", now=now)
    assert "nothing is tried in the middle of one" in says
    assert decisive(found.weighed, routing, first="small", now=replace(now, is_trial=True)) == ()


def test_an_incumbent_that_cannot_take_the_call_is_told() -> None:
    found = choose({"small": SMALL, "large": LARGE})
    [says] = decisive(found.weighed, Routing(incumbent=a_target("gone")), first="large", now=Occasion(level=Level.INTERNAL, reason="stands_in"))

    assert says == "The incumbent `gone` cannot take the call, and of nobody that can is it sure enough that it is as good."


def test_who_keeps_to_the_bounds_and_may_not_go_first_is_told() -> None:
    says = told({"small": Known(quality=0.7, usd=0.001, s=1.0), "large": Known(quality=0.9, usd=0.0005, s=9.0)}, criteria=Criteria(within_s=2.0))

    assert says == ("`small` keeps to the bounds better than `large`, but may not go before `large`: it is not surely enough as good.",)


def test_of_a_first_one_whose_reason_is_not_on_record_nothing_is_said_of_looks() -> None:
    found = choose({"small": SMALL, "large": LARGE})
    routing = Routing(incumbent=a_target("large"), checked=frozenset({"small"}))

    assert len(decisive(found.weighed, routing, first="large", now=Occasion(level=Level.INTERNAL, reason=""))) == 1
    assert decisive(found.weighed, routing, first=None, now=Occasion(level=Level.INTERNAL, reason="")) == ()


@settings(max_examples=60, deadline=None)
@given(
    small=st.floats(0.05, 0.99),
    usd=st.floats(0.0001, 0.02),
    guarantee=st.booleans(),
    floor=st.sampled_from([0.0, 0.5, 0.95]),
    level=st.sampled_from(["internal", "confidential"]),
)
def test_somebody_is_told_to_be_kept_back_exactly_where_the_worthiest_does_not_go_first(
    small: float, usd: float, guarantee: bool, floor: float, level: str
) -> None:
    """Without bounds, whoever is worth most goes first, or it is told why not."""
    known = {"small": Known(quality=small, usd=usd), "large": LARGE}
    criteria = Criteria(quality_floor=floor)
    found = choose(known, criteria, guarantee=guarantee)
    says = told(known, criteria=criteria, guarantee=guarantee, level=level, explore=None if guarantee else EXPLORES)
    worthiest = max(found.weighed, key=lambda one: one.value_nano_usd)
    there = next(one for one in found.weighed if one.target == found.rungs[0].target.name)
    is_kept_back = worthiest.value_nano_usd > there.value_nano_usd
    if floor == 0.0:
        assert any("may not go before" in one for one in says) is is_kept_back
    assert any("`explore` takes data up to" in one for one in says) is (level == "confidential" and not guarantee)
