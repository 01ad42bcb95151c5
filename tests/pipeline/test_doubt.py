"""An answer that is looked at before it is given: the next rung, a second opinion, people, and what is given when nothing better comes."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from tests.pipeline.seam import Breaks, House, Says, Step, Streams, openai_stream
from tests.values import a_call, a_capability, a_target, a_vendor, openai_answer

from pointsman.core.attempt import Grade
from pointsman.core.call import Asked, Call
from pointsman.core.capability import Capability
from pointsman.core.entry import CallRecord
from pointsman.core.errors import Exhausted, PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.label import a_label
from pointsman.core.place import Place
from pointsman.core.reply import Reply, Usage
from pointsman.core.routing import Routing, Weighed
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Desk, Target
from pointsman.core.verdict import Verdict
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.choose import Chooser
from pointsman.governance.policy.template import template

SMALL = a_target("small")
BIG = a_target("big", bit=FIRST_TARGET_BIT + 1)
_DESK = Desk(item_nano_usd=5, delay_s=60, says="Someone will call.")
_USUAL = Circumstances()
DESK = a_target(
    "people/desk",
    bit=FIRST_TARGET_BIT + 2,
    place=Place.PEOPLE,
    dialect=None,
    model="desk",
    price=None,
    desk=Desk(item_nano_usd=5, delay_s=60, says="Someone will call."),
)
ROUTING = Routing(incumbent=BIG, checked=frozenset({"small"}), settable={"quality_floor": (0.0, 1.0)})
STREAMED = a_call(stream=True, wire={"model": "support", "messages": [{"role": "user", "content": "hi"}], "stream": True})


class Doubting(Chooser):
    """Chooses as the real one does, checks the first rungs, and doubts whatever `doubts` says."""

    def __init__(self, real: Chooser, doubts: Callable[[Grade], bool]) -> None:
        super().__init__(misfits=lambda call, target: (), health=real.health)
        self.is_doubted = doubts
        self.grades: list[Grade] = []
        self.now = Circumstances()
        self.stayed: list[str] = []
        self.counted: list[Usage | None] = []

    def choose(self, call: Call, capability: Capability, *, verdict: Verdict, now: Circumstances = _USUAL) -> Choice:
        self.now = now
        found = super().choose(call, msgspec.structs.replace(capability, routing=None), verdict=verdict)
        rungs = tuple(msgspec.structs.replace(rung, checked=rung.target.name == "small") for rung in found.rungs)
        seen = (Weighed(target="small", quality=0.5, low=0.4, high=0.6, cost_nano_usd=1, latency_ms=2.0, value_nano_usd=3, probability=0.75),)
        return msgspec.structs.replace(found, rungs=rungs, weighed=seen, mode="explore", propensity=0.75, learned="abc", features="AAAA")

    def goes_on(self, choice: Choice, index: int, *, grade: Grade, reply: Reply, left_s: float) -> bool:
        self.grades.append(grade)
        return self.is_doubted(grade)

    def answered(self, choice: Choice, target: str, *, usage: Usage | None = None) -> None:
        self.stayed.append(target)
        self.counted.append(usage)


def a_house(*, ladder: tuple[Target, ...] = (SMALL, BIG), doubts: Callable[[Grade], bool] = lambda grade: True, **steps: list[Step]) -> tuple[House, Doubting]:
    house = House(a_capability(ladder=ladder, routing=ROUTING), scripts=steps, targets={one.name: one for one in (*ladder, BIG)})
    chooser = Doubting(house.stages.chooser, doubts)
    house.stages = replace(house.stages, chooser=chooser)
    return house, chooser


def steps_of(record: CallRecord) -> list[tuple[str, str | None, str]]:
    return [(entry.target, entry.error, entry.kind) for entry in record.entries]


def text_of(body: bytes) -> str:
    return msgspec.json.decode(body)["choices"][0]["message"]["content"]


def test_a_doubtful_answer_is_not_given_where_the_next_rung_has_a_better_one() -> None:
    house, chooser = a_house(small=[Says(openai_answer("Maybe."))], big=[Says(openai_answer("Surely."))])
    assert text_of(house.ask(a_call())) == "Surely."
    assert steps_of(house.record) == [("small", "doubtful", "model"), ("big", None, "model")]
    assert chooser.stayed == ["big"]
    assert chooser.grades[0].evidence["truncated"] == 0.0


def test_an_answer_that_is_not_doubted_is_given_and_nobody_else_is_asked() -> None:
    house, _ = a_house(doubts=lambda grade: False, small=[Says(openai_answer("Maybe."))])
    assert text_of(house.ask(a_call())) == "Maybe."
    assert steps_of(house.record) == [("small", None, "model")]


@pytest.mark.parametrize("step", [Breaks(), Says(b'{"error":{"message":"no"}}', status=400)], ids=["down", "rejected"])
def test_a_doubtful_answer_is_given_after_all_where_the_next_rung_fails(step: Step) -> None:
    house, _ = a_house(small=[Says(openai_answer("Maybe."))], big=[step, step, step])
    assert text_of(house.ask(a_call())) == "Maybe."
    assert house.record.status == "ok"


def test_a_rejection_is_told_where_there_is_no_answer_to_fall_back_on() -> None:
    house, _ = a_house(small=[Says(b'{"error":{"message":"no"}}', status=400)])
    with pytest.raises(PlaceFailed):
        house.ask(a_call())


def test_a_stream_is_held_back_at_a_checked_rung_only() -> None:
    house, _ = a_house(small=[Says(openai_answer("Maybe."))], big=[Streams(openai_stream("Sure", "ly."))])
    told = house.ask(STREAMED)
    assert b"Maybe" not in told
    assert b"Sure" in told
    assert told.rstrip().endswith(b"data: [DONE]")


@pytest.mark.parametrize(
    ("call", "step"), [(a_call(), Says(openai_answer("Surely."))), (STREAMED, Streams(openai_stream("Surely.", usage=(10, 5))))], ids=["whole", "stream"]
)
def test_what_the_vendor_of_the_answer_counted_is_told_at_its_end(call: Call, step: Step) -> None:
    house, chooser = a_house(small=[Says(openai_answer("Maybe."))], big=[step])
    house.ask(call)
    assert chooser.stayed == ["big"]
    assert chooser.counted == [house.record.entries[-1].usage]
    assert chooser.counted[0] is not None


def test_what_was_counted_of_a_stream_that_was_cut_is_no_measure() -> None:
    house, chooser = a_house(small=[Says(openai_answer("Maybe."))], big=[Streams(openai_stream("Sure", ends=False, usage=None), Breaks(FailureKind.CUT))])
    with pytest.raises(PlaceFailed):
        house.ask(STREAMED)
    assert (chooser.stayed, chooser.counted) == (["big"], [None])


def test_people_count_no_tokens() -> None:
    house, chooser = a_house(ladder=(SMALL, DESK), small=[Says(openai_answer("Maybe."))])
    chooser.health = lambda name: None
    house.ask(a_call())
    assert (chooser.stayed, chooser.counted) == (["people/desk"], [None])


def test_a_second_target_is_asked_and_its_agreement_is_evidence() -> None:
    second = a_target("second", bit=FIRST_TARGET_BIT + 3)
    routing = msgspec.structs.replace(ROUTING, second=second)
    house = House(
        a_capability(ladder=(SMALL, BIG), routing=routing),
        scripts={"small": [Says(openai_answer("Berlin"))], "second": [Says(openai_answer("Berlin"))]},
        targets={one.name: one for one in (SMALL, BIG, second)},
    )
    chooser = Doubting(house.stages.chooser, lambda grade: grade.evidence["agrees"] < 0.5)
    house.stages = replace(house.stages, chooser=chooser)
    assert text_of(house.ask(a_call())) == "Berlin"
    assert steps_of(house.record) == [("second", None, "judge"), ("small", None, "model")]


def test_a_second_opinion_that_fails_speaks_for_nothing() -> None:
    second = a_target("second", bit=FIRST_TARGET_BIT + 3)
    house = House(
        a_capability(ladder=(SMALL, BIG), routing=msgspec.structs.replace(ROUTING, second=second)),
        scripts={"small": [Says(openai_answer("Berlin"))], "second": [Breaks(FailureKind.CONNECT)]},
        targets={one.name: one for one in (SMALL, BIG, second)},
    )
    chooser = Doubting(house.stages.chooser, lambda grade: False)
    house.stages = replace(house.stages, chooser=chooser)
    assert text_of(house.ask(a_call())) == "Berlin"
    assert "agrees" not in chooser.grades[0].evidence


def test_an_answer_that_came_is_booked_where_the_caller_leaves_while_it_is_doubted() -> None:
    def gone(grade: Grade) -> bool:
        raise asyncio.CancelledError

    house, _ = a_house(doubts=gone, small=[Says(openai_answer("Maybe."))])
    with pytest.raises(asyncio.CancelledError):
        house.ask(a_call())
    (entry,) = house.record.entries
    assert (entry.target, entry.cost_nano_usd, house.record.status) == ("small", 20_000, "cancelled")


@pytest.mark.parametrize("call", [a_call(), STREAMED], ids=["whole", "stream"])
def test_people_take_over_at_the_end_of_a_ladder_and_the_caller_is_told_so(call: Call) -> None:
    house = House(a_capability(ladder=(SMALL, DESK)), scripts={"small": [Breaks()] * 9})
    house.stages = replace(house.stages, chooser=Chooser(misfits=lambda call, target: (), health=lambda name: None))
    assert b"Someone will call." in house.ask(call)
    last = house.record.entries[-1]
    assert (last.kind, last.target, last.cost_nano_usd, house.record.status) == ("person", "people/desk", 0, "ok")


def test_what_was_chosen_by_is_on_record() -> None:
    house, chooser = a_house(doubts=lambda grade: False, small=[Says()])
    house.ask(a_call(), Asked(session="s-1", criteria={"quality_floor": 0.9}))
    record = house.record
    assert (record.mode, record.propensity, record.learned, record.weighed[0].target) == ("explore", 0.75, "abc", "small")
    assert record.features == "AAAA"
    assert (chooser.now.session, chooser.now.criteria, chooser.now.tenant) == ("s-1", {"quality_floor": 0.9}, "default")


def test_what_of_the_prompt_was_looked_at_is_not_kept_where_its_content_may_not_be() -> None:
    own = a_target("small", place=Place.PRIVATE, vendor=a_vendor(zone="private"))
    house = House(a_capability(ladder=(own,), routing=ROUTING), scripts={"small": [Says()]}, policy=template())
    house.stages = replace(house.stages, chooser=Doubting(house.stages.chooser, lambda grade: False))
    house.ask(a_call(), Asked(declared=a_label("restricted")))
    assert (house.record.learned, house.record.features) == ("abc", None)


def test_when_every_rung_fails_all_of_it_is_told() -> None:
    house, _ = a_house(small=[Breaks()] * 9, big=[Breaks()] * 9)
    with pytest.raises(Exhausted):
        house.ask(a_call())
