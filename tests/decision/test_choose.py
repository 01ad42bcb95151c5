"""The ladder for one call: who is in, who is out and why, and what the caller is told when nobody is left."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_call, a_capability, a_target

from pointsman.core.call import Call, Sampling, ToolChoice
from pointsman.core.errors import CredentialMissing, NoPlaceAllowed
from pointsman.core.label import a_label
from pointsman.core.place import Dialect, Feature
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict
from pointsman.decision.choice import Choice
from pointsman.decision.choose import NO_CREDENTIAL, Chooser
from pointsman.decision.errors import NoTargetFits, NotExpressible

ALL = Verdict(label=a_label("internal"), mask=-1, snapshot="s")
A, B, C = (a_target(name, bit=bit) for bit, name in enumerate("abc"))


def choose(
    *ladder: Target,
    call: Call | None = None,
    down: Mapping[str, str] | None = None,
    unsaid: Mapping[str, tuple[str, ...]] | None = None,
    verdict: Verdict = ALL,
) -> Choice:
    chooser = Chooser(misfits=lambda _, target: (unsaid or {}).get(target.name, ()), health=(down or {}).get)
    return chooser.choose(call or a_call(), a_capability(ladder=ladder), verdict=verdict)


def out_for(target: Target, **more: Any) -> str:
    ((_, why),) = choose(target, **more).considered
    return why


def test_the_owner_s_order_is_kept_and_each_rung_says_why_it_is_tried() -> None:
    choice = choose(A, B, C)
    assert [(rung.target.name, rung.reason) for rung in choice.rungs] == [("a", "first_choice"), ("b", "next_after:a"), ("c", "next_after:b")]
    assert (choice.considered, choice.refusal) == ((), None)


def test_a_target_left_out_is_named_with_its_reason_by_the_one_that_follows() -> None:
    choice = choose(A, B, verdict=Verdict(label=a_label("confidential"), mask=1 << B.bit, snapshot="s"))
    assert choice.considered == (("a", "policy:confidential"),)
    assert [(rung.target.name, rung.reason) for rung in choice.rungs] == [("b", "next_after:a")]


# ── what keeps a call from a target ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "lacks"),
    [
        (a_call(needs=frozenset({Feature.SCHEMA})), "schema"),
        (a_call(needs=frozenset({Feature.TOOLS})), "tools"),
        (a_call(needs=frozenset({Feature.IMAGES})), "images"),
        (a_call(needs=frozenset({Feature.THINKING, Feature.SCHEMA})), "schema,thinking"),
        (a_call(stream=True), "stream"),
        (a_call(tool_choice=ToolChoice(parallel=True)), "parallel_tools"),
    ],
)
def test_a_target_must_offer_what_the_call_needs(call: Call, lacks: str) -> None:
    assert out_for(a_target(features=frozenset()), call=call) == f"lacks:{lacks}"
    assert choose(a_target(features=frozenset(map(Feature, lacks.split(",")))), call=call).rungs


@pytest.mark.parametrize("parallel", [None, False])
def test_tools_one_at_a_time_need_nothing_parallel(parallel: bool | None) -> None:
    assert choose(a_target(features=frozenset()), call=a_call(tool_choice=ToolChoice(parallel=parallel))).rungs


def test_the_prompt_and_the_wanted_answer_must_fit_the_context() -> None:
    call = a_call(size_chars=400, sampling=Sampling(max_tokens=50))
    assert choose(a_target(context_tokens=150), call=call).rungs
    assert out_for(a_target(context_tokens=149), call=call) == "context_too_long"
    assert choose(a_target(context_tokens=100), call=a_call(size_chars=400)).rungs


def test_a_longer_answer_than_the_target_can_give_is_not_asked_of_it() -> None:
    assert out_for(a_target(max_output_tokens=99), call=a_call(sampling=Sampling(max_tokens=100))) == "output_too_long"
    assert choose(a_target(max_output_tokens=100), call=a_call(sampling=Sampling(max_tokens=100))).rungs
    assert choose(a_target(max_output_tokens=1), call=a_call()).rungs


def test_what_another_dialect_cannot_say_is_named_but_one_s_own_can_say_all() -> None:
    foreign = a_target("a", dialect=Dialect.ANTHROPIC_MESSAGES)
    assert out_for(foreign, unsaid={"a": ("seed", "logprobs")}) == "cannot_express:seed,logprobs"
    assert choose(A, unsaid={"a": ("seed",)}).rungs


# ── targets that are down ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_target_that_is_down_is_left_out_while_another_stands() -> None:
    choice = choose(A, B, down={"a": "failing"})
    assert [rung.target.name for rung in choice.rungs] == ["b"]
    assert choice.considered == (("a", "breaker:failing"),)


def test_when_all_are_down_the_owner_s_first_is_the_last_hope() -> None:
    choice = choose(A, B, down={"a": "failing", "b": "slow"})
    assert [(rung.target.name, rung.reason) for rung in choice.rungs] == [("a", "last_hope")]


def test_hope_does_not_open_what_is_closed_or_cannot_be_reached() -> None:
    choice = choose(A, B, C, down={"b": NO_CREDENTIAL, "c": "failing"}, verdict=Verdict(label=a_label("internal"), mask=0b110, snapshot="s"))
    assert [rung.target.name for rung in choice.rungs] == ["c"]
    assert choice.considered == (("a", "policy:internal"), ("b", "no_credential"), ("c", "breaker:failing"))


# ── nobody is left ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_when_policy_closes_all_that_is_said() -> None:
    choice = choose(A, B, verdict=Verdict(label=a_label("restricted"), mask=0, snapshot="s"))
    assert isinstance(choice.refusal, NoPlaceAllowed)
    assert "`restricted` data" in choice.refusal.message


def test_when_no_permitted_target_speaks_a_field_it_is_named() -> None:
    foreign = a_target("b", bit=B.bit, dialect=Dialect.ANTHROPIC_MESSAGES)
    choice = choose(A, foreign, unsaid={"b": ("seed",)}, verdict=Verdict(label=a_label("internal"), mask=1 << B.bit, snapshot="s"))
    assert isinstance(choice.refusal, NotExpressible)
    assert choice.refusal.fields == ("seed",)


def test_when_every_target_lacks_something_each_is_listed_with_what() -> None:
    foreign = a_target("b", dialect=Dialect.ANTHROPIC_MESSAGES)
    choice = choose(a_target("a", context_tokens=1), foreign, unsaid={"b": ("seed",)})
    assert isinstance(choice.refusal, NoTargetFits)
    assert choice.refusal.lacks == (("a", "context_too_long"), ("b", "cannot_express:seed"))


def test_when_only_a_credential_is_missing_it_is_the_installation_s_fault() -> None:
    choice = choose(a_target("a", context_tokens=1), B, down={"b": NO_CREDENTIAL})
    assert isinstance(choice.refusal, CredentialMissing)
    assert "`pointsman check`" in choice.refusal.message


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ladders = st.lists(st.integers(0, 7), min_size=1, max_size=6, unique=True).map(lambda bits: [a_target(f"t{bit}", bit=bit) for bit in bits])
downs = st.dictionaries(st.integers(0, 7).map("t{}".format), st.sampled_from(["failing", "slow", "limited"]))


@given(ladders, downs)
def test_breakers_alone_never_leave_a_ladder_empty(ladder: list[Target], down: dict[str, str]) -> None:
    assert choose(*ladder, down=down).rungs


@given(ladders, downs, st.integers(0, 255))
def test_no_rung_is_ever_one_that_the_verdict_closes(ladder: list[Target], down: dict[str, str], mask: int) -> None:
    choice = choose(*ladder, down=down, verdict=Verdict(label=a_label("internal"), mask=mask, snapshot="s"))
    assert all(mask >> rung.target.bit & 1 for rung in choice.rungs)
    assert (choice.refusal is None) == bool(choice.rungs)


@given(ladders, downs, st.integers(0, 255))
def test_every_target_is_either_tried_or_its_absence_explained(ladder: list[Target], down: dict[str, str], mask: int) -> None:
    choice = choose(*ladder, down=down, verdict=Verdict(label=a_label("internal"), mask=mask, snapshot="s"))
    told = {rung.target.name for rung in choice.rungs} | {name for name, _ in choice.considered}
    assert told == {target.name for target in ladder}
