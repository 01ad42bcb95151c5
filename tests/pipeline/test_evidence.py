"""What speaks for an answer that is looked at before it is given: more answers, a judge, and how sure the model was. Who may not be asked is not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.governance.finding import Finds
from tests.pipeline.seam import Breaks, Explodes, Hangs, House, Says, Step
from tests.pipeline.test_doubt import BIG, ROUTING, SMALL, STREAMED, Doubting, steps_of, text_of
from tests.values import a_call, a_capability, a_policy, a_target, openai_answer

from pointsman.core.call import Asked, Call, Sampling
from pointsman.core.label import Level, a_label
from pointsman.core.place import Dialect
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.verdict import Obligation
from pointsman.settings.policy_text import Action, Rule

JUDGE = a_target("judge", bit=FIRST_TARGET_BIT + 4)
SECOND = a_target("second", bit=FIRST_TARGET_BIT + 5)
KEPT: list[Step] = [Says(openai_answer("Berlin"))]


def a_house(*, small: Sequence[Step], routing: dict[str, Any], scripts: dict[str, list[Step]] | None = None, **more: Any) -> tuple[House, Doubting]:
    targets = {one.name: one for one in (SMALL, BIG, SECOND, routing.get("judge", JUDGE))}
    capability = a_capability(ladder=(SMALL, BIG), routing=msgspec.structs.replace(ROUTING, **routing), **more.pop("capability", {}))
    house = House(capability, scripts={"small": small, **(scripts or {})}, targets=targets, **more)
    chooser = Doubting(house.stages.chooser, lambda grade: False)
    house.stages = replace(house.stages, chooser=chooser)
    return house, chooser


def sent(house: House, target: str, *, nth: int = 0) -> dict[str, Any]:
    return msgspec.json.decode(house.vendors[target].asked[nth][0].body)


# ── a judge ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_judge_reads_question_and_answer_and_the_call_pays_for_it() -> None:
    house, chooser = a_house(small=KEPT, routing={"judge": JUDGE}, scripts={"judge": [Says(openai_answer("9"))]})
    assert text_of(house.ask(a_call("Which city?"))) == "Berlin"
    assert chooser.grades[0].evidence["judged"] == 0.9
    assert steps_of(house.record) == [("judge", None, "judge"), ("small", None, "model")]
    assert [entry.cost_nano_usd for entry in house.record.entries] == [20_000, 20_000]
    (message,) = sent(house, "judge")["messages"]
    assert "<request>\nWhich city?\n</request>" in message["content"]
    assert "<answer>\nBerlin\n</answer>" in message["content"]


@pytest.mark.parametrize("step", [Breaks(), Says(openai_answer("I would rather not.")), Says(openai_answer("85"))], ids=["fails", "declines", "out of range"])
def test_a_judge_that_gives_no_grade_speaks_for_nothing(step: Step) -> None:
    house, chooser = a_house(small=KEPT, routing={"judge": JUDGE}, scripts={"judge": [step]})
    assert text_of(house.ask(a_call())) == "Berlin"
    assert "judged" not in chooser.grades[0].evidence


def test_an_answer_that_asks_for_a_form_is_graded_without_it() -> None:
    wire = {"model": "support", "messages": [{"role": "user", "content": "hi"}], "stream": True, "response_format": {"type": "json_object"}}
    house, _ = a_house(small=KEPT, routing={"judge": JUDGE}, scripts={"judge": [Says(openai_answer("9"))]})
    house.ask(a_call(stream=True, wire=wire))
    assert not {"response_format", "stream"} & set(sent(house, "judge"))


def may(*actions: Action) -> Rule:
    return Rule(rule_id="+".join(actions), permits=True, actions=frozenset(actions))


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        (may(Action.INFER, Action.SHADOW), {"small": 1, "second": 1}),
        (may(Action.INFER), {"small": 1}),
        (may(Action.INFER, Action.JUDGE), {"small": 1, "judge": 1}),
    ],
    ids=["answering beside", "answering alone", "judging"],
)
def test_who_may_answer_may_not_therefore_grade_or_answer_beside(rule: Rule, asked: dict[str, int]) -> None:
    house, _ = a_house(small=KEPT, routing={"judge": JUDGE, "second": SECOND}, policy=a_policy(rule))
    house.ask(a_call())
    assert house.asked == asked


def test_a_judge_that_the_data_may_not_reach_is_not_asked() -> None:
    public = a_target("judge", bit=JUDGE.bit, accepts=Level.INTERNAL)
    house, _ = a_house(small=KEPT, routing={"judge": public})
    house.ask(a_call(), Asked(declared=a_label("confidential")))
    assert house.asked == {"small": 1}


def test_a_judge_sees_no_more_of_what_is_found_than_who_answered() -> None:
    hidden = Rule(rule_id="hidden", permits=True, obligations=frozenset({Obligation.PSEUDONYMISE}))
    said = [Says(openai_answer("Dear Ann Miller, soon."))]
    house, _ = a_house(small=said, routing={"judge": JUDGE}, policy=a_policy(hidden), detectors=[Finds("Ann Miller")])
    call = a_call("I am Ann Miller.")
    assert text_of(house.ask(call)) == "Dear Ann Miller, soon."
    assert b"Ann Miller" not in house.vendors["judge"].asked[0][0].body
    assert b"Dear PERSON_" in house.vendors["judge"].asked[0][0].body


def test_an_answer_with_more_in_it_than_the_capability_may_hold_is_not_graded() -> None:
    house, chooser = a_house(
        small=[Says(openai_answer("Ask Ann Miller."))], routing={"judge": JUDGE}, detectors=[Finds("Ann Miller")], capability={"ceiling": Level.INTERNAL}
    )
    assert text_of(house.ask(a_call())) == "Ask Ann Miller."
    assert (house.asked, "judged" in chooser.grades[0].evidence) == ({"small": 1}, False)


# ── more answers ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_target_is_asked_again_and_what_it_says_then_is_evidence() -> None:
    steps = [Says(openai_answer(word)) for word in ("Berlin", "Berlin.", "Paris")]
    house, chooser = a_house(small=steps, routing={"samples": 2})
    assert text_of(house.ask(a_call())) == "Berlin"
    assert chooser.grades[0].evidence["consistent"] == 0.5
    assert steps_of(house.record) == [("small", None, "judge"), ("small", None, "judge"), ("small", None, "model")]


def test_nobody_is_asked_again_for_an_answer_that_would_be_the_same() -> None:
    house, chooser = a_house(small=KEPT, routing={"samples": 2})
    house.ask(a_call(sampling=Sampling(temperature=0)))
    assert (house.asked, "consistent" in chooser.grades[0].evidence) == ({"small": 1}, False)


def test_documents_are_compared_by_the_fields_that_their_owner_names() -> None:
    said = [Says(openai_answer(f'{{"queue": "a", "why": "{why}"}}')) for why in "xy"]
    house, chooser = a_house(small=said, routing={"samples": 1, "agree_on": ("queue",)})
    house.ask(a_call())
    assert chooser.grades[0].evidence["consistent"] == 1.0


def test_all_that_was_asked_beside_an_answer_is_booked_where_the_caller_leaves_meanwhile() -> None:
    house, _ = a_house(small=[*KEPT, Hangs(), Hangs()], routing={"samples": 2, "judge": JUDGE}, scripts={"judge": [Hangs()]})

    async def leaves() -> None:
        call = asyncio.ensure_future(house.run(a_call()))
        for _ in range(20):
            await asyncio.sleep(0)
        assert house.asked == {"small": 3, "judge": 1}
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(leaves())
    assert house.record.status == "cancelled"
    *beside, answer = steps_of(house.record)
    assert sorted(target for target, *told in beside if told == ["cancelled", "judge"]) == ["judge", "small", "small"]
    assert answer == ("small", None, "model")


def test_a_fault_of_our_own_beside_an_answer_is_not_taken_for_evidence() -> None:
    house, _ = a_house(small=KEPT, routing={"second": SECOND}, scripts={"second": [Explodes()]})
    with pytest.raises(ExceptionGroup):
        house.ask(a_call())
    assert house.record.status == "internal"


def test_what_is_heard_of_an_answer_is_on_record_to_be_learned_from_and_what_its_words_show_is_not() -> None:
    said = [Says(openai_answer("Berlin")), Says(openai_answer("Berlin"))]
    house, _ = a_house(small=said, routing={"judge": JUDGE, "samples": 1}, scripts={"judge": [Says(openai_answer("7"))]})
    house.ask(a_call())
    (seen,) = house.record.weighed
    assert seen.evidence == {"judged": 0.7, "consistent": 1.0}
    house, _ = a_house(small=KEPT, routing={})
    house.ask(a_call())
    assert house.record.weighed[0].evidence is msgspec.UNSET


# ── how sure the model was ──────────────────────────────────────────────────────────────────────────────────────────


def sure(*logprobs: float, text: str = "Berlin") -> bytes:
    told = msgspec.json.decode(openai_answer(text))
    told["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": value} for value in logprobs]}
    return msgspec.json.encode(told)


@pytest.mark.parametrize("call", [a_call(), STREAMED, a_call(dialect=Dialect.ANTHROPIC_MESSAGES)], ids=["whole", "stream", "another dialect"])
def test_a_vendor_is_asked_how_sure_its_model_was_and_the_caller_never_sees_it(call: Call) -> None:
    house, chooser = a_house(small=[Says(sure(-0.1, -0.5))], routing={"logprobs": frozenset({"small"})})
    told = house.ask(call)
    assert sent(house, "small")["logprobs"] is True
    assert chooser.grades[0].evidence["logprob_mean"] == pytest.approx(-0.3)
    assert chooser.grades[0].evidence["logprob_min"] == -0.5
    assert b"Berlin" in told
    assert b"-0.5" not in told


def test_a_caller_who_asks_for_it_gets_it_and_it_is_evidence_all_the_same() -> None:
    wire = {"model": "support", "messages": [{"role": "user", "content": "hi"}], "logprobs": True, "top_logprobs": 2}
    house, chooser = a_house(small=[Says(sure(-0.5))], routing={"logprobs": frozenset({"small"})})
    told = msgspec.json.decode(house.ask(a_call(wire=wire, extras={"logprobs": True})))
    assert told["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.5
    assert sent(house, "small")["top_logprobs"] == 2
    assert chooser.grades[0].evidence["logprob_mean"] == -0.5


def test_nobody_is_asked_how_sure_it_is_whose_answer_is_not_looked_at() -> None:
    house, chooser = a_house(small=[Says(sure(-0.1))], routing={"logprobs": frozenset({"small", "big"})}, scripts={"big": [Says()]})
    chooser.is_doubted = lambda grade: True
    house.ask(a_call())
    assert ("logprobs" in sent(house, "small"), "logprobs" in sent(house, "big")) == (True, False)
    house, _ = a_house(small=KEPT, routing={})
    house.ask(a_call())
    assert "logprobs" not in sent(house, "small")
