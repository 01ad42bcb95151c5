import asyncio
import time

import msgspec
import pytest
from tests.cli.simulated.at_work import anthropic, chat, connected, control, events, openai, request, sent, with_vendor
from tests.transport.vendor import eventually

from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.faults import AMOUNTS
from pointsman.cli.simulated.vendor import Running

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


@pytest.mark.parametrize("status", ANTHROPIC_TYPES)
def test_a_status_is_told_in_the_shape_of_either_vendor(status: int) -> None:
    async def work(running: Running) -> None:
        told, headers, body = await openai(running, f"sim-small!status_{status}")
        assert told == status
        assert set(msgspec.json.decode(body)["error"]) == {"message", "type", "param", "code"}
        assert ("retry-after" in headers) == (status == 429)
        told, _, body = await anthropic(running, f"sim-small!status_{status}", stream=True)
        assert told == status
        read = msgspec.json.decode(body)
        assert read["type"] == "error"
        assert read["error"]["type"] == ANTHROPIC_TYPES[status]
        assert read["request_id"].startswith("req_")

    with_vendor(work)


def test_the_wait_after_a_rate_limit_can_be_chosen() -> None:
    async def work(running: Running) -> None:
        _, headers, _ = await openai(running, "sim-small!status_429:0.5")
        assert headers["retry-after"] == "0.5"

    with_vendor(work)


def test_a_prompt_may_be_too_long_or_not_allowed() -> None:
    async def work(running: Running) -> None:
        status, _, body = await openai(running, "sim-small!context_length")
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (400, "context_length_exceeded")
        status, _, body = await anthropic(running, "sim-small!context_length")
        assert (status, b"prompt is too long" in body) == (400, True)
        status, _, body = await openai(running, "sim-small!refuse_request")
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (400, "content_policy_violation")
        status, _, body = await anthropic(running, "sim-small!refuse_request")
        assert (status, b"content filtering" in body) == (400, True)

    with_vendor(work)


def test_a_prompt_that_really_is_too_long_is_refused_like_that() -> None:
    async def work(running: Running) -> None:
        status, _, body = await openai(running, "sim-small", text="word " * 17_000)
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (400, "context_length_exceeded")

    with_vendor(work)


def test_a_model_may_decline_in_its_answer() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!refuse_content")
        choice = msgspec.json.decode(body)["choices"][0]
        assert choice["finish_reason"] == "content_filter"
        assert choice["message"]["content"] is None
        assert choice["message"]["refusal"]
        _, _, body = await anthropic(running, "sim-small!refuse_content")
        assert msgspec.json.decode(body)["stop_reason"] == "refusal"

    with_vendor(work)


def test_what_stands_in_the_place_of_an_answer_may_be_no_answer() -> None:
    async def work(running: Running) -> None:
        status, headers, body = await openai(running, "sim-small!html_page")
        assert (status, headers["content-type"][:9], body[:15]) == (200, "text/html", b"<!DOCTYPE html>")
        status, headers, body = await openai(running, "sim-small!empty_body")
        assert (status, headers["content-length"], body) == (200, "0", b"")
        status, headers, body = await openai(running, "sim-small!redirect")
        assert (status, headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")
        for stream in (False, True):
            status, headers, body = await openai(running, "sim-small!huge_body:200000", stream=stream)
            assert (status, len(body)) == (200, 200_000)
        status, _, body = await openai(running, "sim-small!malformed_json")
        assert status == 200
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(body)

    with_vendor(work)


def test_a_stream_may_be_cut_before_its_first_event_and_after_some() -> None:
    async def work(running: Running) -> None:
        status, _, body = await openai(running, "sim-small!cut_before_first_chunk", stream=True)
        assert (status, body) == (200, b"")
        _, _, body = await anthropic(running, "sim-small!cut_after_chunks:2", stream=True)
        assert [event.split(b"\n")[0] for event in events(body)] == [b"event: message_start", b"event: content_block_start"]

    with_vendor(work)


def test_a_whole_answer_may_be_cut_too() -> None:
    async def work(running: Running) -> None:
        for fault, is_empty in (("cut_before_first_chunk", True), ("cut_after_chunks", False)):
            _, headers, body = await openai(running, f"sim-small!{fault}")
            assert len(body) < int(headers["content-length"])
            assert (not body) == is_empty

    with_vendor(work)


def test_a_stream_may_end_without_its_mark() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!no_end_mark", stream=True)
        assert b"[DONE]" not in body
        assert events(body)[-1] == b""
        _, _, body = await anthropic(running, "sim-small!no_end_mark", stream=True)
        assert b"message_stop" not in body
        assert b'stop_reason":"end_turn' not in body
        assert events(body)[-1] == b""

    with_vendor(work)


def test_a_whole_answer_without_its_end_mark_does_not_say_why_it_ended() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!no_end_mark")
        assert msgspec.json.decode(body)["choices"][0]["finish_reason"] is None
        _, _, body = await anthropic(running, "sim-small!no_end_mark")
        assert msgspec.json.decode(body)["stop_reason"] is None

    with_vendor(work)


def test_an_error_may_come_in_the_middle_of_a_stream() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!error_event:2", stream=True)
        *_, last, end = events(body)
        assert msgspec.json.decode(last.removeprefix(b"data: "))["error"]["type"] == "server_error"
        assert end == b""
        assert b"[DONE]" not in body
        _, _, body = await anthropic(running, "sim-small!error_event:2", stream=True)
        assert events(body)[-2].startswith(b"event: error\ndata: ")
        status, _, body = await openai(running, "sim-small!error_event")
        assert (status, "error" in msgspec.json.decode(body)) == (200, True)

    with_vendor(work)


def test_an_event_of_a_stream_may_be_no_json() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!malformed_json", stream=True)
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(events(body)[1].removeprefix(b"data: "))

    with_vendor(work)


def test_the_first_byte_may_be_late_however_fast_the_models_are() -> None:
    async def work(running: Running) -> None:
        before = time.monotonic()
        status, _, _ = await openai(running, "sim-small!slow_first_byte:0.05")
        assert status == 200
        assert time.monotonic() - before >= 0.05

    with_vendor(work)


def test_a_stalled_stream_sends_some_events_and_then_nothing() -> None:
    async def work(running: Running) -> None:
        async with connected(running) as (reader, writer):
            writer.write(request("POST", "/v1/chat/completions", chat("sim-small!stall:2", stream=True)))
            seen = b""
            while seen.count(b"data: ") < 2:
                seen += await reader.read(4096)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.03)
            assert running.vendor.records[-1].ended == "stalled"

    with_vendor(work)


def test_a_trickle_sends_one_byte_at_a_time() -> None:
    async def work(running: Running) -> None:
        _, _, body = await openai(running, "sim-small!trickle:0", stream=True, max_tokens=1)
        assert {len(piece) for piece in events(body)[:-1]} == {1}
        assert b"".join(events(body)).endswith(b"data: [DONE]\n\n")

    with_vendor(work)


def test_a_huge_body_waits_for_a_client_who_does_not_read() -> None:
    async def work(running: Running) -> None:
        size = 16 * 1024 * 1024
        async with connected(running) as (reader, writer):
            writer.write(request("POST", "/v1/chat/completions", chat(f"sim-small!huge_body:{size}")))
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            assert running.vendor.records[-1].ended == "answering"
            assert len(await reader.read()) == size
            assert running.vendor.records[-1].ended == "answered"

    with_vendor(work)


def test_every_fault_that_is_known_can_be_asked_for() -> None:
    async def work(running: Running) -> None:
        for name in AMOUNTS:
            status, _ = await control(running, "POST", "/simulated/faults", {"model": "sim-mid", "fault": name, "count": 1})
            assert status == 200

    with_vendor(work)


def test_a_fault_that_does_not_exist_is_refused_by_name() -> None:
    async def work(running: Running) -> None:
        for name in ("status_418", "trickle:fast"):
            status, told = await control(running, "POST", "/simulated/faults", {"fault": name})
            assert (status, name.partition(":")[0] in told["error"]["message"]) == (400, True)
            status, _, body = await openai(running, f"sim-small!{name}")
            assert (status, name.partition(":")[0].encode() in body) == (400, True)
        status, _ = await control(running, "POST", "/simulated/faults", {"fault": "status_500", "count": 0})
        assert status == 400
        status, _ = await control(running, "GET", "/simulated/elsewhere")
        assert status == 404

    with_vendor(work)


def test_a_fault_can_be_set_for_the_next_requests_to_one_model() -> None:
    async def work(running: Running) -> None:
        _, told = await control(running, "POST", "/simulated/faults", {"model": "sim-mid", "fault": "status_429", "count": 2, "amount": 7})
        assert told == {"faults": [{"model": "sim-mid", "fault": "status_429", "amount": 7.0, "count": 2}]}
        seen = [(await openai(running, model))[0] for model in ("sim-small", "sim-mid", "sim-mid", "sim-mid")]
        assert seen == [200, 429, 429, 200]

    with_vendor(work)


def test_a_fault_without_a_count_stays_until_it_is_cleared() -> None:
    async def work(running: Running) -> None:
        await control(running, "POST", "/simulated/faults", {"fault": "status_503"})
        await control(running, "POST", "/simulated/faults", {"fault": "status_500", "model": "sim-mid"})
        assert [(await openai(running, model))[0] for model in ("sim-small", "sim-mid", "sim-small")] == [503, 500, 503]
        await control(running, "DELETE", "/simulated/faults", {"model": "sim-mid"})
        assert (await openai(running, "sim-mid"))[0] == 503
        await control(running, "DELETE", "/simulated/faults")
        assert (await control(running, "GET", "/simulated/faults"))[1] == {"faults": []}
        assert (await openai(running, "sim-mid"))[0] == 200

    with_vendor(work)


def test_the_vendor_tells_what_it_received() -> None:
    async def work(running: Running) -> None:
        await openai(running, "sim-small!status_500", temperature=0.5)
        await sent(running, request("POST", "/v1/messages", b"no json"))
        _, told = await control(running, "GET", "/simulated/requests")
        first, second = told["requests"]
        assert first["path"] == "/v1/chat/completions"
        assert first["body"]["temperature"] == 0.5
        assert first["headers"]["authorization"] == "Bearer k"
        assert (first["model"], first["fault"], first["status"], first["ended"]) == ("sim-small", "status_500", 500, "answered")
        assert (second["body"], second["status"]) == ("no json", 400)
        await control(running, "DELETE", "/simulated/requests")
        assert (await control(running, "GET", "/simulated/requests"))[1] == {"requests": []}

    with_vendor(work)


def test_the_vendor_notices_a_client_who_leaves_early() -> None:
    async def work(running: Running) -> None:
        async with connected(running) as (reader, writer):
            writer.write(request("POST", "/v1/chat/completions", chat("sim-small", stream=True)))
            await reader.readuntil(b"data: ")
        await eventually(lambda: running.vendor.records[-1].ended == "client_left")

    with_vendor(work, Behaviour(speed=5))
