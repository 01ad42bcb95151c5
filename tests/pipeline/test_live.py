"""Streams on their way to the caller: what is forwarded, and what is booked however they end."""

import asyncio
import tracemalloc
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from tests.pipeline.seam import Breaks, Explodes, Hangs, House, Streams, openai_stream, sse
from tests.values import PRICE, a_call, a_capability, a_target

from pointsman.core.call import Call
from pointsman.core.capability import CachePolicy
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.place import Dialect
from pointsman.core.principal import Limit, LimitBy
from pointsman.core.target import Hardware

WIRE = {"model": "support", "messages": [{"role": "user", "content": "Where is my parcel?"}], "stream": True}


def a_stream_call(*, wants_usage: bool = False, **more: Any) -> Call:
    return a_call(stream=True, wire=WIRE, wants_usage=wants_usage, **more)


def a_house(*steps: Any, target: Any = None, **more: Any) -> House:
    return House(a_capability(ladder=[target or a_target()], **more), scripts={"acme/small": steps})


def entry_of(house: House) -> tuple[str | None, int | None, bool]:
    (entry,) = house.record.entries
    return entry.error, entry.cost_nano_usd, entry.estimated


# ── what the caller receives ────────────────────────────────────────────────────────────────────────────────────────


def test_between_two_of_one_dialect_the_bytes_are_forwarded_as_they_are() -> None:
    pieces = openai_stream("On ", "its way.")
    house = a_house(Streams(pieces))
    assert house.ask(a_stream_call(wants_usage=True)) == b"".join(pieces)
    assert house.record.status == "ok"
    assert entry_of(house) == (None, 20_000, False)
    assert house.vendors["acme/small"].given_back == [True]


def test_usage_that_was_asked_for_in_the_caller_s_stead_is_kept_from_it_and_counted_all_the_same() -> None:
    house = a_house(Streams(openai_stream("On ", "its way.")))
    sent = house.ask(a_stream_call())
    assert b"usage" not in sent
    assert b"its way." in sent
    assert sent.endswith(b"data: [DONE]\n\n")
    assert entry_of(house) == (None, 20_000, False)


@pytest.mark.parametrize("cache", [None, CachePolicy()], ids=["forwarded", "read"])
def test_a_vendor_that_tells_usage_with_every_word_loses_no_word(cache: CachePolicy | None) -> None:
    def chunk(text: str, tokens: int) -> str:
        usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop" if tokens == 3 else None}
        return msgspec.json.encode({"id": "c1", "model": "small", "choices": [choice], "usage": usage}).decode()

    pieces = sse(chunk("On ", 1), chunk("its ", 2), chunk("way.", 3), "[DONE]")
    house = a_house(Streams(pieces), cache=cache)
    assert house.ask(a_stream_call()) == b"".join(pieces)
    assert entry_of(house) == (None, 16_000, False)


def test_of_a_stream_that_is_too_long_to_be_kept_nothing_is_held() -> None:
    word = openai_stream("word " * 15_000)[1]
    house = a_house(Streams((word,) * 100), cache=CachePolicy())
    tracemalloc.start()
    try:
        leave_after(house, 100)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(word)
    finally:
        tracemalloc.stop()


def test_a_stream_in_another_dialect_is_translated_as_it_comes() -> None:
    house = a_house(Streams(openai_stream("On ", "its way.")))
    sent = house.ask(a_stream_call(dialect=Dialect.ANTHROPIC_MESSAGES, wants_usage=True))
    assert b"message_start" in sent
    assert b"its way." in sent
    assert b"message_stop" in sent


def test_the_first_byte_is_noted() -> None:
    house = a_house(Streams(openai_stream("Yes.")))
    house.ask(a_stream_call())
    assert house.record.entries[0].first_byte_ms == pytest.approx(0, abs=50)


def test_an_answer_without_usage_has_an_unknown_cost() -> None:
    house = a_house(Streams(openai_stream("Yes.", usage=None)))
    house.ask(a_stream_call())
    assert entry_of(house) == (None, None, False)


# ── a stream that fails midway ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("then", "code"), [(Breaks(FailureKind.TIMEOUT_GAP), "timeout_gap"), (None, "cut")])
def test_a_caller_is_told_that_the_rest_is_missing_and_no_other_target_is_asked(then: Breaks | None, code: str) -> None:
    house = a_house(Streams(openai_stream("On ", ends=False, usage=None), then))
    received: list[bytes] = []

    async def read() -> None:
        answer = await house.run(a_stream_call())
        assert answer.chunks is not None
        async with aclosing(answer.chunks) as chunks:
            async for data in chunks:
                received.append(data)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(PlaceFailed, match=code):
        asyncio.run(read())
    assert b"On " in b"".join(received)
    assert (house.record.status, house.asked) == (code, {"acme/small": 1})
    error, cost, estimated = entry_of(house)
    assert (error, estimated) == (code, True)
    # The prompt of 19 characters is about 5 tokens; two pieces were produced.
    assert cost == (5 * PRICE.rates.tokens_in + 2 * PRICE.rates.tokens_out) // 1_000_000
    assert house.vendors["acme/small"].given_back == [False]


def test_a_stream_that_keeps_breaking_midway_opens_the_breaker() -> None:
    house = a_house(*[Streams(openai_stream("On ", ends=False), Breaks(FailureKind.CUT))] * 5)
    for _ in range(5):
        with pytest.raises(PlaceFailed):
            house.ask(a_stream_call())
    assert house.breakers.open_class("acme/small") == "failing"


def test_what_one_caller_s_protocol_cannot_express_closes_no_target_to_the_others() -> None:
    strange = sse('{"id":"c1","model":"small","choices":[{"index":0,"delta":{"content":"On its way.","annotations":[{"type":"url_citation"}]}}]}')
    house = a_house(*[Streams(strange)] * 9)
    for _ in range(9):
        with pytest.raises(PlaceFailed, match="annotations"):
            house.ask(a_stream_call(dialect=Dialect.ANTHROPIC_MESSAGES))
    assert house.breakers.open_class("acme/small") is None
    assert {record.status for record in house.booked} == {"untranslatable"}


def test_a_fault_of_our_own_midway_is_not_taken_for_the_caller_s() -> None:
    house = a_house(Streams(openai_stream("On ", ends=False), Explodes()))
    with pytest.raises(RuntimeError):
        house.ask(a_stream_call())
    assert (house.record.status, entry_of(house)[0]) == ("internal", "internal")
    assert house.vendors["acme/small"].running == 0


# ── a caller who goes away ──────────────────────────────────────────────────────────────────────────────────────────


def leave_after(house: House, pieces: int, *, wants_usage: bool = False) -> None:
    """Read so many pieces, then close the stream as the server does when the client has gone."""

    async def read() -> None:
        answer = await house.run(a_stream_call(wants_usage=wants_usage))
        assert answer.chunks is not None
        async with aclosing(answer.chunks) as chunks:
            for _ in range(pieces):
                await anext(chunks)

    asyncio.run(read())


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_stream_that_is_left_is_booked_once_and_its_connection_dropped(pieces: int) -> None:
    house = a_house(Streams(openai_stream("a", "b", "c", "d")))
    leave_after(house, pieces)
    assert house.record.status == "cancelled"
    error, cost, estimated = entry_of(house)
    assert (error, estimated) == ("cancelled", True)
    produced = max(pieces, 1)  # the first event is read before the stream is given out
    assert cost == (5 * PRICE.rates.tokens_in + produced * PRICE.rates.tokens_out) // 1_000_000
    assert house.vendors["acme/small"].given_back == [False]


@pytest.mark.parametrize(("pieces", "cost", "estimated"), [(5, 16_000, False), (4, 13_000, True)], ids=["counted", "not counted yet"])
def test_a_caller_who_leaves_once_all_is_said_pays_what_the_vendor_counted(pieces: int, cost: int, *, estimated: bool) -> None:
    """Many clients stop reading at the last word, and do not wait for the end mark."""
    house = a_house(Streams(openai_stream("a", "b", usage=(10, 3))))
    leave_after(house, pieces, wants_usage=True)
    assert entry_of(house) == ("cancelled", cost, estimated)


def test_a_stream_that_is_never_begun_gives_back_what_it_reserved_and_the_hardware() -> None:
    owned = a_target(price=None, hardware=Hardware(hourly_nano_usd=3_600_000_000))
    limit = Limit(name="tight", by=LimitBy.KEY, tokens_per_minute=1100)
    steps = [Streams(openai_stream("a"))] * 3
    house = House(a_capability(ladder=[owned]), scripts={"acme/small": steps}, limits=[limit])
    for _ in range(3):
        leave_after(house, 0)
    assert [record.status for record in house.booked] == ["cancelled"] * 3


def test_a_task_that_is_cancelled_while_it_waits_for_the_next_piece_is_booked_once() -> None:
    house = a_house(Streams(openai_stream("a", ends=False), Hangs()))

    async def read() -> None:
        answer = await house.run(a_stream_call())
        assert answer.chunks is not None
        async with aclosing(answer.chunks) as chunks:
            async for _ in chunks:
                pass

    async def leave() -> None:
        task = asyncio.create_task(read())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert (house.record.status, house.vendors["acme/small"].given_back) == ("cancelled", [False])


def test_reading_on_after_the_end_changes_nothing() -> None:
    house = a_house(Streams(openai_stream("a")))

    async def read() -> None:
        answer = await house.run(a_stream_call())
        assert answer.chunks is not None
        async with aclosing(answer.chunks) as chunks:
            assert [data async for data in chunks]
            assert [data async for data in chunks] == []

    asyncio.run(read())
    assert house.record.status == "ok"
