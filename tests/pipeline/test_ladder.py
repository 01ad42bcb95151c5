"""Falling back: who is tried next, how often, for how long, and what the caller is told in the end."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.pipeline.seam import Breaks, Explodes, Hangs, House, Says, Step, Streams, openai_stream
from tests.values import PRICE, Time, a_call, a_capability, a_target, anthropic_answer, openai_answer

from pointsman.core.call import Call, OutputSchema, Sampling
from pointsman.core.capability import Retries
from pointsman.core.errors import CredentialMissing, Exhausted, NotGoodEnough, PlaceFailed
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.http import Deadlines
from pointsman.core.place import Dialect
from pointsman.core.snapshot import FIRST_TARGET_BIT
from pointsman.core.target import Hardware
from pointsman.decision.errors import NoTargetFits

A = a_target("a")
B = a_target("b", bit=FIRST_TARGET_BIT + 1)
C = a_target("c", bit=FIRST_TARGET_BIT + 2, dialect=Dialect.ANTHROPIC_MESSAGES)
TICKET = OutputSchema(name="ticket", schema={"type": "object", "required": ["team"]})
ONCE = Retries(per_target=0)

STREAMED = a_call(stream=True, wire={"model": "support", "messages": [{"role": "user", "content": "hi"}], "stream": True})


def a_house(*ladder: Any, a: Sequence[Step] = (), b: Sequence[Step] = (), c: Sequence[Step] = (), **more: Any) -> House:
    return House(a_capability(ladder=ladder or (A, B), **more), scripts={"a": a, "b": b, "c": c})


def steps_of(house: House) -> list[tuple[str, str | None]]:
    return [(entry.target, entry.error) for entry in house.record.entries]


BAD_STATUS = Says(b'{"error":{"message":"down"}}', status=500)


# ── the next try ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("call", [a_call(), STREAMED], ids=["whole", "stream"])
@pytest.mark.parametrize("step", [BAD_STATUS, Breaks(), Breaks(FailureKind.CUT), Says(b"<html>", status=200)], ids=["500", "connect", "cut", "html"])
def test_what_may_pass_is_tried_again_at_the_same_target_after_a_wait(call: Call, step: Step) -> None:
    good = Streams(openai_stream("Yes.")) if call.stream else Says()
    house = a_house(a=[step, good])
    house.ask(call)
    assert [target for target, _ in steps_of(house)] == ["a", "a"]
    assert house.time.slept == [0.25 * 0.75]
    assert (house.record.status, house.record.entries[1].error) == ("ok", None)


def test_after_the_last_try_the_next_rung_answers_and_says_whom_it_follows() -> None:
    house = a_house(a=[BAD_STATUS, BAD_STATUS])
    assert house.ask(a_call()) == openai_answer()
    assert steps_of(house) == [("a", "server_error"), ("a", "server_error"), ("b", None)]
    assert (house.record.reason, house.record.status) == ("next_after:a", "ok")


def test_a_fallback_may_speak_another_dialect() -> None:
    house = a_house(A, C, a=[Breaks(FailureKind.TLS)], c=[Says(anthropic_answer("From afar."))])
    answer = msgspec.json.decode(house.ask(a_call()))
    assert answer["choices"][0]["message"]["content"] == "From afar."


def test_a_stream_that_fails_before_its_first_event_is_hidden_from_the_caller() -> None:
    house = a_house(a=[Streams((), Breaks(FailureKind.CUT)), Streams(())], b=[Streams(openai_stream("Yes."))])
    assert b"Yes." in house.ask(STREAMED)
    assert steps_of(house) == [("a", "cut"), ("a", "cut"), ("b", None)]
    assert house.vendors["a"].given_back == [False, False]


def test_a_mistake_in_the_request_is_told_at_once() -> None:
    house = a_house(a=[Says(b'{"error":{"message":"no such field"}}', status=400)])
    with pytest.raises(PlaceFailed, match="no such field"):
        house.ask(a_call())
    assert (house.record.status, steps_of(house), house.asked) == ("rejected", [("a", "rejected")], {"a": 1})


def test_when_every_rung_fails_the_caller_is_told_of_each_and_of_the_soonest_return() -> None:
    limited = [Says(b"{}", status=429, headers={"retry-after": wait}) for wait in ("30", "20")]
    house = a_house(a=[limited[0]], b=[limited[1]])
    with pytest.raises(Exhausted) as told:
        house.ask(a_call())
    assert (told.value.retry_after_s, [failure.target for failure in told.value.failures]) == (20, ["a", "b"])
    assert (house.record.status, house.record.reason) == ("exhausted", "")


# ── budgets of tries and of time ────────────────────────────────────────────────────────────────────────────────────


def test_one_budget_of_further_tries_holds_for_all_targets_and_a_hop_is_none() -> None:
    ladder = [a_target(name, bit=FIRST_TARGET_BIT + index) for index, name in enumerate("abc")]
    scripts = {name: [BAD_STATUS] * 9 for name in "abc"}
    house = House(a_capability(ladder=ladder, retries=Retries(per_target=2, budget=3)), scripts=scripts)
    with pytest.raises(Exhausted):
        house.ask(a_call())
    assert house.asked == {"a": 3, "b": 2, "c": 1}


def test_retry_after_is_waited_for_when_it_is_short() -> None:
    house = a_house(a=[Says(b"{}", status=429, headers={"retry-after": "2"}), Says()])
    house.ask(a_call())
    assert (house.time.slept, house.asked) == ([2.0], {"a": 2})


def test_each_hop_has_the_time_that_is_left() -> None:
    house = a_house(a=[Breaks(FailureKind.TIMEOUT_FIRST_BYTE, after_s=40)], deadlines=Deadlines(total_s=60))
    house.ask(a_call())
    (_, deadlines), *_ = house.vendors["b"].asked
    assert deadlines.total_s == pytest.approx(20)


def test_when_the_time_of_the_call_is_up_nobody_else_is_asked() -> None:
    house = a_house(a=[Breaks(FailureKind.TIMEOUT_TOTAL, after_s=60)], deadlines=Deadlines(total_s=60))
    with pytest.raises(PlaceFailed, match="timeout_total"):
        house.ask(a_call())
    assert (house.record.status, house.asked) == ("timeout_total", {"a": 1})


def test_a_target_that_used_up_its_own_time_leaves_the_rest_to_the_next() -> None:
    quick = a_target("a", deadlines=Deadlines(total_s=5))
    house = a_house(quick, B, a=[Breaks(FailureKind.TIMEOUT_TOTAL, after_s=5)], deadlines=Deadlines(total_s=60))
    house.ask(a_call())
    assert steps_of(house) == [("a", "timeout_total"), ("b", None)]


# ── who is asked at all ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_target_that_does_not_fit_is_passed_over_and_on_record() -> None:
    house = a_house(a_target("a", max_output_tokens=10), B)
    house.ask(a_call(sampling=Sampling(max_tokens=100)))
    assert (house.record.considered, house.record.reason, house.asked) == ((("a", "output_too_long"),), "next_after:a", {"b": 1})


def test_where_nothing_fits_the_record_says_why() -> None:
    house = a_house(a_target("a", context_tokens=1), retries=ONCE)
    with pytest.raises(NoTargetFits):
        house.ask(a_call())
    assert (house.record.status, house.record.considered) == ("no_target_fits", (("a", "context_too_long"),))


def test_a_target_without_a_credential_is_passed_over_and_alone_it_is_no_last_hope() -> None:
    house = House(a_capability(ladder=(A, B)), unreachable=["a"])
    house.ask(a_call())
    assert house.record.considered == (("a", "no_credential"),)
    alone = House(a_capability(ladder=(A,)), unreachable=["a"])
    with pytest.raises(CredentialMissing):
        alone.ask(a_call())
    assert alone.record.status == "credential_missing"


def test_a_stream_that_must_be_seen_whole_needs_no_target_that_streams() -> None:
    silent = a_target("a", features=frozenset())
    house = a_house(silent, output=TICKET, a=[Says(openai_answer('{"team":1}'))])
    assert b"team" in house.ask(STREAMED)


def test_a_target_that_keeps_failing_is_left_alone_and_probed_later() -> None:
    house = a_house(a=[BAD_STATUS] * 5 + [Says()], retries=ONCE)
    for _ in range(7):
        house.ask(a_call())
    assert house.asked == {"a": 5, "b": 7}
    house.time.advance(5)
    house.ask(a_call())
    house.ask(a_call())
    assert house.asked == {"a": 7, "b": 7}


def test_while_one_call_probes_the_others_go_elsewhere() -> None:
    house = a_house(a=[BAD_STATUS] * 5 + [Hangs()], retries=ONCE)
    for _ in range(5):
        house.ask(a_call())
    house.time.advance(5)

    async def two() -> None:
        probe = asyncio.create_task(house.run(a_call()))
        await asyncio.sleep(0)
        await house.run(a_call())
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe

    asyncio.run(two())
    assert house.asked == {"a": 6, "b": 6}


def test_a_probe_is_not_spent_on_a_call_that_another_rung_answers() -> None:
    house = a_house(a=[Says(), Breaks(FailureKind.TLS)], retries=ONCE)
    for _ in range(5):
        house.breakers.failed("b", Failure(kind=FailureKind.SERVER_ERROR, message=""))
    house.time.advance(5)
    house.ask(a_call())
    house.ask(a_call())  # `a` fails now, and `b` may still be probed
    assert house.asked == {"a": 2, "b": 1}


# ── good enough ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_is_not_good_enough_goes_up_the_ladder_and_is_paid_for() -> None:
    house = a_house(output=TICKET, a=[Says(openai_answer("no JSON"))], b=[Says(openai_answer('{"team":"billing"}'))])
    house.ask(a_call())
    assert steps_of(house) == [("a", "not_json"), ("b", None)]
    assert [entry.cost_nano_usd for entry in house.record.entries] == [20_000, 20_000]


def test_when_no_answer_is_good_enough_the_last_shortfall_is_told() -> None:
    house = a_house(output=TICKET, a=[Says(openai_answer("no JSON"))], b=[Says(openai_answer("{}"))])
    with pytest.raises(NotGoodEnough, match="does not fit `output_schema`"):
        house.ask(a_call())
    assert house.record.status == "not_good_enough"


def test_a_shortfall_is_told_even_if_a_later_rung_failed() -> None:
    house = a_house(output=TICKET, a=[Says(openai_answer("no JSON"))], b=[Breaks(FailureKind.TLS)])
    with pytest.raises(NotGoodEnough):
        house.ask(a_call())


# ── what is booked when it ends badly ───────────────────────────────────────────────────────────────────────────────


def test_a_vendor_that_said_no_costs_nothing_and_one_that_may_have_worked_costs_the_prompt() -> None:
    house = a_house(a=[BAD_STATUS], b=[Breaks(FailureKind.CUT)], retries=ONCE)
    with pytest.raises(Exhausted):
        house.ask(a_call("x" * 400))
    refused, cut = house.record.entries
    assert (refused.cost_nano_usd, refused.estimated) == (0, False)
    assert (cut.cost_nano_usd, cut.estimated) == (101 * PRICE.rates.tokens_in // 1_000_000, True)


@pytest.mark.parametrize("call", [a_call(), STREAMED], ids=["whole", "stream"])
def test_a_caller_who_goes_away_while_a_model_thinks_is_booked_once_and_charged_the_prompt(call: Call) -> None:
    owned = a_target("a", price=None, hardware=Hardware(hourly_nano_usd=3_600_000_000))
    house = a_house(owned, a=[Streams((), Hangs()) if call.stream else Hangs()])

    async def leave() -> None:
        task = asyncio.create_task(house.run(call))
        for _ in range(5):
            await asyncio.sleep(0)
        house.time.advance(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert (house.record.status, steps_of(house)) == ("cancelled", [("a", "cancelled")])
    assert house.record.entries[0].cost_nano_usd == pytest.approx(1_000_000, rel=0.05)
    assert house.vendors["a"].running == 0


class Endless(Time):
    """A clock whose sleeps never end."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.Event().wait()


def test_a_caller_who_goes_away_between_two_tries_is_booked_with_what_was_tried() -> None:
    house = House(a_capability(ladder=(A, B)), scripts={"a": [BAD_STATUS]}, time=Endless())

    async def leave() -> None:
        task = asyncio.create_task(house.run(a_call()))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert (house.record.status, steps_of(house)) == ("cancelled", [("a", "server_error")])


@pytest.mark.parametrize("call", [a_call(), STREAMED], ids=["whole", "stream"])
def test_a_fault_of_our_own_is_booked_with_the_attempt_and_frees_the_hardware(call: Call) -> None:
    owned = a_target("a", price=None, hardware=Hardware(hourly_nano_usd=3_600_000_000))
    house = a_house(owned, a=[Explodes()])
    with pytest.raises(RuntimeError):
        house.ask(call)
    assert (house.record.status, steps_of(house)) == ("internal", [("a", "internal")])
    house.time.advance(100)
    house.ask(a_call())
    assert house.booked[1].entries[0].cost_nano_usd == 100_000  # alone on the hardware for a tenth of a second
