"""One attempt at a model over a real socket: a reply, a stream, or a failure of the right kind."""

import asyncio
import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.places.attempts import an_attempt
from tests.transport.vendor import Script, Talk, Vendor, answer, chunk, eventually, run, says, stream_head, sweeping
from tests.values import a_call, a_key, a_principal, openai_answer

from pointsman.core.attempt import Attempt
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.place import Dialect
from pointsman.core.reply import Closed, Finish, Finished, Started, TextDelta, UsageSeen
from pointsman.places.models.outlet import ModelsPlace, ModelStream, Outlet
from pointsman.providers.registry import BY_DIALECT
from pointsman.transport.bounds import Bounds
from pointsman.transport.endpoint import endpoint
from pointsman.transport.pool import Pool

NAME = "acme/small"
SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
END = b"0\r\n\r\n"


def _event(**fields: Any) -> bytes:
    return b"data: " + msgspec.json.encode({"id": "c", "model": "small", **fields}) + b"\n\n"


def _text(text: str) -> bytes:
    return _event(choices=[{"index": 0, "delta": {"content": text}}])


DONE = _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) + _event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2})
MARK = b"data: [DONE]\n\n"


def _place(vendor: Vendor, line_bytes: int = 10_000, **bounds: Any) -> ModelsPlace:
    return ModelsPlace({NAME: Outlet(vendor.pool(**bounds), BY_DIALECT[Dialect.OPENAI_CHAT])}, sse_line_bytes=line_bytes)


def _attempt(**more: Any) -> Attempt:
    return an_attempt(call=a_call(stream=True), **more)


async def _events(stream: ModelStream) -> list[Any]:
    return [event async for pieces in stream.pieces() for piece in pieces for event in piece.events]


# ── whole replies ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_answer_becomes_a_reply() -> None:
    async def main() -> None:
        async with Vendor(says(answer(openai_answer("On its way.")))) as vendor:
            reply = await _place(vendor).run(an_attempt(), full=True)
            assert (reply.finish, reply.model) == (Finish.DONE, "small")
            assert b"POST /v1/chat/completions " in vendor.requests[0]

    run(main())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (answer(b'{"error":{"message":"slow down"}}', status="429 Too Many", headers="retry-after: 3\r\n"), FailureKind.RATE_LIMITED),
        (answer(b"<html>", status="502 Bad Gateway"), FailureKind.SERVER_ERROR),
        (answer(b"", status="302 Found", headers="location: https://evil.example\r\n"), FailureKind.BAD_ANSWER),
        (answer(b"no json"), FailureKind.BAD_ANSWER),
        (b"no http at all\r\n", FailureKind.BAD_ANSWER),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_answer_is_a_failure_of_the_target(data: bytes, kind: FailureKind, stream: bool) -> None:
    async def main() -> PlaceFailed:
        async with Vendor(says(data)) as vendor:
            place = _place(vendor)
            with pytest.raises(PlaceFailed) as failed:
                await (place.stream(_attempt(), full=True) if stream else place.run(an_attempt(), full=True))
            return failed.value

    failed = run(main())
    assert (failed.target, failed.failure.kind) == (NAME, kind)
    if kind is FailureKind.RATE_LIMITED:
        assert failed.failure.retry_after_s == 3.0


def test_a_vendor_that_repeats_our_key_in_an_error_does_not_tell_it_to_the_caller() -> None:
    async def main() -> None:
        data = answer(b'{"error":{"message":"Incorrect key: sk-very-secret"}}', status="401 Unauthorized")
        async with Vendor(says(data, data)) as vendor:
            for run in (_place(vendor).run(an_attempt(), full=True), _place(vendor).stream(_attempt(), full=True)):
                with pytest.raises(PlaceFailed, match=r"Incorrect key: \[credential\]"):
                    await run

    run(main())


def test_a_vendor_that_repeats_our_key_in_a_stream_does_not_tell_it_to_the_caller() -> None:
    told = b'data: {"error":{"message":"Incorrect key: of-no-usual-form"}}\n\n'
    for before in (b"", _text("On its ")):
        data = stream_head() + chunk(before + told) + END

        async def main(data: bytes = data) -> None:
            async with Vendor(says(data)) as vendor:
                pool = Pool(endpoint(vendor.url, credential_headers=lambda _: {"authorization": "Bearer of-no-usual-form"}), Bounds())
                place = ModelsPlace({NAME: Outlet(pool, BY_DIALECT[Dialect.OPENAI_CHAT])}, sse_line_bytes=10_000)
                with pytest.raises(PlaceFailed, match=r"Incorrect key: \[credential\]"):
                    await _events(await place.stream(_attempt(), full=False))

        run(main())


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_read_piece_by_piece_to_its_end_mark_and_the_connection_is_kept() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head(), *map(chunk, (_text("On its "), _text("way."), DONE, MARK)), END])
        await talk.request()
        talk.write(answer(openai_answer()))
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            place = _place(vendor)
            stream = await place.stream(_attempt(), full=True)
            events = await _events(stream)
            stream.close()
            assert [event.text for event in events if isinstance(event, TextDelta)] == ["On its ", "way."]
            assert isinstance(events[0], Started)
            assert isinstance(events[-1], Closed)
            assert (stream.finished, stream.pieces_seen) == (Finished(Finish.DONE), 5)
            assert isinstance(stream.usage, UsageSeen)
            assert stream.usage.usage.tokens_out == 2
            assert stream.first_byte_at is not None
            await eventually(lambda: bool(place._outlets[NAME].pool._idle))
            await place.run(an_attempt(), full=True)
            assert vendor.connections == 1

    run(main())


def test_the_bytes_of_a_stream_are_kept_as_they_came() -> None:
    async def main() -> None:
        data = b": hello\n" + _text("a") + DONE + MARK
        async with Vendor(says(stream_head() + chunk(data) + chunk(b"data: late\n\n") + END)) as vendor:
            stream = await _place(vendor).stream(_attempt(), full=False)
            assert b"".join([piece.raw async for pieces in stream.pieces() for piece in pieces]) == data
            assert await _events(stream) == []
            stream.close()

    run(main())


def _failing_stream(script: Script, **options: Any) -> tuple[list[Any], PlaceFailed]:
    """Return what could be read before the failure, and the failure."""

    async def main() -> tuple[list[Any], PlaceFailed]:
        seen: list[Any] = []
        async with Vendor(script) as vendor:
            place = _place(vendor, **options)
            stream = await place.stream(_attempt(), full=True)
            with pytest.raises(PlaceFailed) as failed:  # noqa: PT012 - the loop is what fails
                async for pieces in stream.pieces():
                    seen.extend(event for piece in pieces for event in piece.events)
            with pytest.raises(PlaceFailed):
                await anext(stream)
            stream.close()
            await eventually(lambda: vendor.lost == 1 or bool(place._outlets[NAME].pool._idle))
            return seen, failed.value

    return run(main())


def test_a_stream_that_ends_without_its_mark_is_cut_and_never_looks_whole() -> None:
    seen, failed = _failing_stream(says(stream_head() + chunk(_text("On its ") + DONE) + END))
    assert failed.failure.kind is FailureKind.CUT
    assert TextDelta("On its ") in seen


def test_what_came_in_one_read_with_an_error_is_not_lost() -> None:
    broken = _event(error={"message": "out of memory", "code": "server_error"})

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head() + chunk(_text("On ")), chunk(_text("its way") + broken)])
        await talk.gone()

    seen, failed = _failing_stream(script)
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["On ", "its way"]
    assert failed.failure.kind is FailureKind.SERVER_ERROR
    assert "out of memory" in str(failed)


@pytest.mark.parametrize(
    ("late", "kind"),
    [
        (b"data: {no json\n\n", FailureKind.BAD_ANSWER),
        (b"data: " + b"x" * 20_000, FailureKind.BAD_ANSWER),
    ],
)
def test_a_stream_that_cannot_be_read_on_is_a_bad_answer(late: bytes, kind: FailureKind) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head() + chunk(_text("a")), chunk(late)])
        await talk.gone()

    assert _failing_stream(script)[1].failure.kind is kind


def test_a_vendor_that_cuts_the_socket_cuts_the_stream() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head() + chunk(_text("a")), b"5\r\nda"])
        talk.cut()

    assert _failing_stream(script)[1].failure.kind is FailureKind.CUT


@pytest.mark.parametrize(
    "data",
    [
        answer(openai_answer(), headers="content-type: application/json\r\n"),
        answer(b"", headers=""),
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"{"),
        stream_head("content-encoding: gzip\r\n") + chunk(b"\x1f\x8b"),
        stream_head() + chunk(_text("a") + _event(error={"message": "no"})),
        stream_head() + chunk(b": nothing\n\n") + b"zz",
    ],
)
def test_a_stream_that_fails_before_its_first_event_fails_at_once_and_drops_the_socket(data: bytes) -> None:
    """Nothing has been sent on, so another target may still answer."""

    async def main() -> None:
        async with Vendor(says(data)) as vendor:
            with pytest.raises(PlaceFailed):
                await _place(vendor).stream(_attempt(), full=True)
            await eventually(lambda: vendor.lost == 1)

    run(main())


def test_an_empty_stream_is_cut() -> None:
    async def main() -> None:
        async with Vendor(says(stream_head() + END)) as vendor:
            with pytest.raises(PlaceFailed, match="cut"):
                await _place(vendor).stream(_attempt(), full=True)

    run(main())


def test_the_type_of_a_stream_is_compared_without_regard_to_case() -> None:
    async def main() -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        async with Vendor(says(head + chunk(_text("a") + MARK) + END)) as vendor:
            stream = await _place(vendor).stream(_attempt(), full=True)
            assert TextDelta("a") in await _events(stream)

    run(main())


def test_comments_keep_a_stream_alive_before_its_first_event() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head(), *[chunk(b": processing\n\n")] * 5, chunk(_text("a") + MARK), END])
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            assert TextDelta("a") in await _events(await _place(vendor).stream(_attempt(), full=True))

    run(main())


def test_a_silent_stream_ends_at_its_gap() -> None:
    async def main() -> None:
        async with Vendor(says(stream_head())) as vendor:
            place = _place(vendor)
            pool = place._outlets[NAME].pool
            watch = asyncio.create_task(sweeping(pool))
            attempt = _attempt()
            with pytest.raises(PlaceFailed, match="timeout_gap"):
                await place.stream(replace(attempt, deadlines=replace(attempt.deadlines, gap_s=0.02)), full=True)
            watch.cancel()

    run(main())


def test_a_stream_that_is_left_drops_the_socket_at_once() -> None:
    async def main() -> None:
        async with Vendor(says(stream_head() + chunk(_text("a")))) as vendor:
            stream = await _place(vendor).stream(_attempt(), full=True)
            await anext(stream)
            reading = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.002)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            stream.close()
            await eventually(lambda: vendor.lost == 1)

    run(main())


# ── what a target remembers ─────────────────────────────────────────────────────────────────────────────────────────


def test_b13_what_a_model_server_remembers_is_kept_to_one_tenant_whatever_the_caller_says() -> None:
    async def main() -> None:
        async with Vendor(*[says(answer(openai_answer()))] * 3) as vendor:
            greedy = a_call(wire={"model": "support", "messages": [{"role": "user", "content": "Hi"}], "cache_salt": "salt of acme"})
            for call, tenant in ((a_call(), "acme"), (greedy, "other"), (a_call(dialect=Dialect.ANTHROPIC_MESSAGES), "acme")):
                outlet = Outlet(vendor.pool(), BY_DIALECT[Dialect.OPENAI_CHAT], salt_of=lambda tenant: f"salt of {tenant}")
                place = ModelsPlace({NAME: outlet}, sse_line_bytes=10_000)
                await place.run(an_attempt(call=call, principal=a_principal(a_key(tenant=tenant))), full=True)
            bodies = [request.partition(b"\r\n\r\n")[2] for request in vendor.requests]
            assert [msgspec.json.decode(body)["cache_salt"] for body in bodies] == ["salt of acme", "salt of other", "salt of acme"]
            assert all(body.count(b"cache_salt") == 1 for body in bodies)

    run(main())


# ── the caller's trace ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("propagates", "span", "expected"), [(True, SPAN, [SPAN.encode()]), (False, SPAN, []), (True, "", [])])
def test_a_trace_is_told_only_to_those_who_may_learn_it(propagates: bool, span: str, expected: list[bytes]) -> None:
    async def main() -> None:
        async with Vendor(says(answer(openai_answer("Hi.")))) as vendor:
            outlet = Outlet(vendor.pool(), BY_DIALECT[Dialect.OPENAI_CHAT], propagates=propagates)
            await ModelsPlace({NAME: outlet}, sse_line_bytes=10_000).run(replace(an_attempt(), span=span), full=True)
            assert re.findall(rb"(?im)^traceparent: *(\S+)", vendor.requests[0]) == expected

    run(main())
