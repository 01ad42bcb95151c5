"""Connections to vendors over real sockets: reuse, replacement, deadlines, bounds, cancelling."""

import asyncio
import gzip
import os
import socket
from typing import Any

import pytest
import uvloop
from msgspec.structs import replace
from tests.transport.vendor import ASK, ASK_STREAM, QUICK, Script, Talk, Vendor, answer, chunk, eventually, run, says, silent, stream_head, sweeping

from pointsman.core.failure import FailureKind
from pointsman.core.http import Deadlines, Incoming
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.pool import IDLE_S, Pool


async def _fails(pool: Pool, deadlines: Deadlines = QUICK) -> AnswerBroken:
    watch = asyncio.create_task(sweeping(pool))
    try:
        with pytest.raises(AnswerBroken) as broken:
            await pool.fetch(ASK, deadlines)
    finally:
        watch.cancel()
    return broken.value


def _fetch_from(script: Script, **bounds: Any) -> Incoming:
    async def main() -> Incoming:
        async with Vendor(script) as vendor:
            return await vendor.pool(**bounds).fetch(ASK, QUICK)

    return run(main())


def _failure_from(script: Script, deadlines: Deadlines = QUICK, **bounds: Any) -> AnswerBroken:
    async def main() -> AnswerBroken:
        async with Vendor(script) as vendor:
            pool = vendor.pool(**bounds)
            broken = await _fails(pool, deadlines)
            await eventually(lambda: pool.open_connections == 0)
            return broken

    return run(main())


async def _mute(talk: Talk) -> None:
    await talk.request()
    await talk.gone()


# ── whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_carries_path_host_credential_and_body_and_nothing_else_of_ours() -> None:
    async def main() -> None:
        async with Vendor(says(answer(b'{"a":1}'))) as vendor:
            got = await vendor.pool().fetch(replace(ASK, headers={"x-more": "1"}), QUICK)
            assert (got.status, got.body) == (200, b'{"a":1}')
            lines = vendor.requests[0].split(b"\r\n")
            assert lines[0] == b"POST /v1/chat/completions HTTP/1.1"
            assert b"host: 127.0.0.1:%d" % vendor.port in lines
            assert b"authorization: Bearer sk-very-secret" in lines
            assert b"accept-encoding: identity" in lines
            assert b"x-more: 1" in lines
            assert vendor.requests[0].endswith(b"\r\n\r\n{}")

    run(main())


def test_a_connection_is_kept_and_used_again() -> None:
    async def main() -> None:
        async with Vendor(says(answer(b"1"), answer(b"2"), answer(b"3"))) as vendor:
            pool = vendor.pool()
            assert [(await pool.fetch(ASK, QUICK)).body for _ in range(3)] == [b"1", b"2", b"3"]
            assert vendor.connections == 1

    run(main())


@pytest.mark.parametrize("loop", [uvloop.run, asyncio.run])
def test_small_writes_are_not_held_back_by_the_kernel(loop: "object") -> None:
    async def main() -> None:
        async with Vendor(says(answer())) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            (connection,) = pool._all
            assert connection._transport is not None
            raw = connection._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    loop(main())  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("close", ["connection: close\r\n", ""])
def test_a_vendor_that_closes_after_each_answer_gets_a_new_connection_each_time(close: str) -> None:
    async def once(talk: Talk) -> None:
        await talk.request()
        talk.write(answer(headers=close))
        await asyncio.sleep(0.002)
        talk.close()

    async def main() -> None:
        async with Vendor(once) as vendor:
            pool = vendor.pool()
            for _ in range(3):
                assert (await pool.fetch(ASK, QUICK)).status == 200
                await eventually(lambda: pool.open_connections == 0)
            assert vendor.connections == 3

    run(main())


@pytest.fixture
def slow_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a connection for stale however long its vendor needs to say so: what is tested is what follows from it."""
    monkeypatch.setattr("pointsman.transport.connection._STALE_S", 60.0)


@pytest.mark.usefixtures("slow_round_trip")
def test_an_idle_connection_that_the_vendor_closed_is_replaced_once_and_silently() -> None:
    async def closes_on_the_second(talk: Talk) -> None:
        await talk.request()
        talk.write(answer(b"first"))
        await talk.request()
        talk.cut()

    async def main() -> None:
        async with Vendor(closes_on_the_second, says(answer(b"second"))) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            assert (await pool.fetch(ASK, QUICK)).body == b"second"
            assert vendor.connections == 2

    run(main())


@pytest.mark.usefixtures("slow_round_trip")
def test_a_stream_too_gets_a_new_connection_when_the_kept_one_is_dead() -> None:
    async def closes_on_the_second(talk: Talk) -> None:
        await talk.request()
        talk.write(answer(b"first"))
        await talk.request()
        talk.close()

    async def main() -> None:
        async with Vendor(closes_on_the_second, says(stream_head() + chunk(b"data: 1\n\n"))) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            stream = await pool.open(ASK_STREAM, QUICK)
            assert (stream.status, await stream.read()) == (200, b"data: 1\n\n")
            stream.close(whole=False)

    run(main())


@pytest.mark.usefixtures("slow_round_trip")
def test_a_request_is_not_sent_again_when_the_new_connection_dies_too() -> None:
    async def main() -> None:
        async def first(talk: Talk) -> None:
            await talk.request()
            talk.write(answer())
            await talk.request()
            talk.cut()

        async def second(talk: Talk) -> None:
            await talk.request()
            talk.cut()

        async with Vendor(first, second) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            broken = await _fails(pool)
            assert broken.failure.kind is FailureKind.CUT  # it was reached, and may have worked
            assert vendor.connections == 2

    run(main())


def test_a_vendor_that_took_its_time_before_it_cut_may_have_worked_and_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is between us may drop a connection after a minute without a byte; the vendor bills for that minute."""
    monkeypatch.setattr("pointsman.transport.connection._STALE_S", 0.02)

    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(answer())
        await talk.request()
        await asyncio.sleep(0.04)
        talk.cut()

    async def main() -> None:
        async with Vendor(script, says(answer())) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            broken = await _fails(pool)
            assert (broken.failure.kind, vendor.connections) == (FailureKind.CUT, 1)

    run(main())


def test_a_kept_connection_that_stays_silent_is_a_time_out_and_no_reason_to_ask_twice() -> None:
    async def main() -> None:
        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(answer())
            await talk.gone()

        async with Vendor(script) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            broken = await _fails(pool, replace(QUICK, first_byte_s=0.02))
            assert broken.failure.kind is FailureKind.TIMEOUT_FIRST_BYTE
            assert vendor.connections == 1

    run(main())


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nx-trailer: 1\r\n\r\n"), b"abc"),
        (says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + answer(b"after hints")), b"after hints"),
        (says(b"HTTP/1.1 204 No Content\r\n\r\n"), b""),
        (says(answer(gzip.compress(b"plain"), headers="Content-Encoding: gzip\r\n")), b"plain"),
    ],
)
def test_every_framing_of_an_answer_is_understood(script: Script, body: bytes) -> None:
    assert _fetch_from(script).body == body


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([b"HTTP/1.1 200 OK\r\n\r\n", b"all of", b" it"])
        talk.close()

    assert _fetch_from(script).body == b"all of it"


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    got = _fetch_from(says(answer(b"", status="307 Temporary Redirect", headers="location: http://127.0.0.1:1/v1\r\n")))
    assert (got.status, got.headers["location"]) == (307, "http://127.0.0.1:1/v1")


def test_an_error_keeps_its_headers_and_never_repeats_our_credential() -> None:
    got = _fetch_from(says(answer(b'{"error":"bad key sk-very-secret"}', status="401 Unauthorized", headers="Retry-After: 7\r\n")))
    assert got.headers["retry-after"] == "7"
    assert got.body == b'{"error":"bad key [credential]"}'


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"SSH-2.0-OpenSSH\r\n", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", FailureKind.BAD_ANSWER),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", FailureKind.BAD_ANSWER),
        (answer(b"not gzip", headers="content-encoding: gzip\r\n"), FailureKind.BAD_ANSWER),
        (answer(b"x", headers="content-encoding: br\r\n"), FailureKind.BAD_ANSWER),
    ],
)
def test_bytes_that_are_no_answer_are_a_bad_answer(data: bytes, kind: FailureKind) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(data)
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            assert (await _fails(vendor.pool())).failure.kind is kind

    run(main())


@pytest.mark.parametrize("cut", ["close", "cut"])
@pytest.mark.parametrize("head", ["content-length: 10", "transfer-encoding: chunked"])
def test_half_an_answer_is_never_taken_for_a_whole_one(cut: str, head: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhel".encode()])
        getattr(talk, cut)()

    assert _failure_from(script).failure.kind is FailureKind.CUT


def test_a_body_without_a_length_that_ends_with_a_reset_is_cut() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([b"HTTP/1.1 200 OK\r\n\r\nhalf"])
        talk.cut()

    assert _failure_from(script).failure.kind is FailureKind.CUT


@pytest.mark.parametrize(
    ("data", "bounds", "told"),
    [
        (answer(b"x" * 2000), {"answer_bytes": 1000}, "the answer exceeds 1000 bytes"),
        (answer(b"", headers="".join(f"x-{n}: {'y' * 50}\r\n" for n in range(40))), {"header_bytes": 1000}, "the answer's headers exceed 1000 bytes"),
        (b"HTTP/1.1 200 OK\r\nx-endless: " + b"y" * 5000, {"header_bytes": 1000}, "the answer's headers exceed 1000 bytes"),
        (b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" * 1000, {"header_bytes": 1000}, "the answer's headers exceed 1000 bytes"),
        (answer(gzip.compress(b"\0" * 100_000, mtime=0), headers="content-encoding: gzip\r\n"), {"answer_bytes": 1000}, "unpacks to more than 1000 bytes"),
    ],
)
def test_no_vendor_can_make_us_hold_more_than_the_bound(data: bytes, bounds: dict[str, Any], told: str) -> None:
    async def main() -> None:
        async with Vendor(says(data)) as vendor:
            broken = await _fails(vendor.pool(**bounds))
            assert broken.failure.kind is FailureKind.BAD_ANSWER
            assert told in str(broken)

    run(main())


@pytest.mark.parametrize("endless", [b"0\r\nx-trailer: ", b"1;ext="])
def test_endless_trailers_and_chunk_extensions_are_bounded_too(endless: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + endless)
        await talk.trickle([b"y" * 300] * 10)
        await talk.gone()

    assert _failure_from(script, header_bytes=1000).failure.kind is FailureKind.BAD_ANSWER


def test_a_vendor_that_sends_two_answers_to_one_request_loses_the_connection() -> None:
    async def main() -> None:
        async with Vendor(says(answer(b"1") + answer(b"not yours")), says(answer(b"2"))) as vendor:
            pool = vendor.pool()
            assert (await pool.fetch(ASK, QUICK)).body == b"1"
            assert (await pool.fetch(ASK, QUICK)).body == b"2"

    run(main())


def test_bytes_that_come_after_an_answer_are_never_taken_for_the_next() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([answer(b"1"), answer(b"not yours")])
        await talk.gone()

    async def main() -> None:
        async with Vendor(script, says(answer(b"2"))) as vendor:
            pool = vendor.pool()
            assert (await pool.fetch(ASK, QUICK)).body == b"1"
            await eventually(lambda: pool.open_connections == 0)
            assert (await pool.fetch(ASK, QUICK)).body == b"2"

    run(main())


# ── deadlines ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_does_not_begin_ends_at_the_first_byte_deadline() -> None:
    assert _failure_from(silent, replace(QUICK, first_byte_s=0.02)).failure.kind is FailureKind.TIMEOUT_FIRST_BYTE


def test_an_answer_that_stops_midway_ends_at_the_gap_deadline() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhel")
        await talk.gone()

    assert _failure_from(script, replace(QUICK, gap_s=0.02)).failure.kind is FailureKind.TIMEOUT_GAP


def test_an_answer_that_trickles_on_ends_at_the_total_deadline() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        await talk.trickle(b"x" for _ in range(999_999))

    assert _failure_from(script, replace(QUICK, total_s=1.0)).failure.kind is FailureKind.TIMEOUT_TOTAL


def test_a_connection_that_does_not_come_about_ends_at_the_connect_deadline() -> None:
    async def main(deadlines: Deadlines) -> FailureKind:
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # once the queue of the kernel is full, further connections hang
            filler.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            filler.connect_ex(full.getsockname())
        try:
            pool = Vendor(silent).pool(url=f"http://127.0.0.1:{full.getsockname()[1]}/v1")
            return (await _fails(pool, deadlines)).failure.kind
        finally:
            for opened in (full, *fillers):
                opened.close()

    assert run(main(replace(QUICK, connect_s=0.03))) is FailureKind.TIMEOUT_CONNECT
    assert run(main(replace(QUICK, total_s=0.03))) is FailureKind.TIMEOUT_TOTAL


def test_a_call_without_time_left_sends_nothing() -> None:
    async def main() -> None:
        async with Vendor(says(answer())) as vendor:
            assert (await _fails(vendor.pool(), replace(QUICK, total_s=0.0))).failure.kind is FailureKind.TIMEOUT_TOTAL
            assert vendor.connections == 0

    run(main())


def test_the_sweep_goes_by_the_time_it_is_told() -> None:
    async def main() -> None:
        async with Vendor(_mute) as vendor:
            pool = vendor.pool()
            before = asyncio.get_running_loop().time()
            call = asyncio.create_task(pool.fetch(ASK, replace(QUICK, first_byte_s=600, total_s=900)))
            await eventually(lambda: len(vendor.requests) == 1)
            pool.sweep(before + 599)
            await asyncio.sleep(0)
            assert not call.done()
            pool.sweep(asyncio.get_running_loop().time() + 601)
            with pytest.raises(AnswerBroken, match="timeout_first_byte"):
                await call

    run(main())


def test_connections_that_were_idle_for_too_long_are_closed() -> None:
    async def main() -> None:
        async with Vendor(says(answer())) as vendor:
            pool = vendor.pool()
            before = asyncio.get_running_loop().time()
            await pool.fetch(ASK, QUICK)
            pool.sweep(before + IDLE_S - 1)
            assert pool.open_connections == 1
            pool.sweep(asyncio.get_running_loop().time() + IDLE_S + 1)
            await eventually(lambda: pool.open_connections == 0 and vendor.lost == 1)

    run(main())


# ── reaching it ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_vendor_that_cannot_be_reached_is_a_connect_failure(host: str) -> None:
    async def main() -> None:
        broken = await _fails(Vendor(silent).pool(url=f"http://{host}/v1"), replace(QUICK, total_s=20, connect_s=10))
        assert broken.failure.kind is FailureKind.CONNECT
        assert "sk-very-secret" not in str(broken)

    run(main())


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 here")  # noqa: PTH110
def test_an_ipv6_vendor_is_reached_and_named_in_brackets() -> None:
    async def main() -> None:
        async with Vendor(says(answer(b"six")), host="::1") as vendor:
            assert (await vendor.pool().fetch(ASK, QUICK)).body == b"six"
            assert b"host: [::1]:%d\r\n" % vendor.port in vendor.requests[0]

    run(main())


def test_the_number_of_connections_is_bounded_and_those_being_opened_count() -> None:
    async def main() -> None:
        async with Vendor(silent) as vendor:
            pool = vendor.pool(connections=2)
            calls = [asyncio.create_task(pool.fetch(ASK, QUICK)) for _ in range(5)]
            await eventually(lambda: vendor.connections == 2 and sum(call.done() for call in calls) == 3)
            done, waiting = [call for call in calls if call.done()], [call for call in calls if not call.done()]
            kinds = {call.exception().failure.kind for call in done}  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
            assert kinds == {FailureKind.BUSY}
            for call in waiting:
                call.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    run(main())


# ── going away ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_call_drops_its_socket_at_once(stream: bool) -> None:
    async def main() -> None:
        async with Vendor(silent) as vendor:
            pool = vendor.pool()
            call = asyncio.ensure_future(pool.open(ASK_STREAM, QUICK) if stream else pool.fetch(ASK, QUICK))
            await eventually(lambda: vendor.connections == 1)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await eventually(lambda: vendor.lost == 1 and pool.open_connections == 0)

    run(main())


def test_a_call_cancelled_while_it_connects_leaves_no_socket() -> None:
    async def main() -> None:
        async with Vendor(silent) as vendor:
            pool = vendor.pool(connections=1)
            call = asyncio.create_task(pool.fetch(ASK, QUICK))
            await asyncio.sleep(0)
            assert pool._opening == 1
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await eventually(lambda: (pool.open_connections, pool._opening) == (0, 0))

    run(main())


def test_closing_a_pool_ends_its_calls_and_asks_nobody_again() -> None:
    async def main() -> None:
        async def script(talk: Talk) -> None:
            await talk.request()
            talk.write(answer())
            await talk.request()
            await talk.gone()

        async with Vendor(script) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            call = asyncio.create_task(pool.fetch(ASK, QUICK))
            await eventually(lambda: len(vendor.requests) == 2)
            pool.close()
            with pytest.raises(AnswerBroken, match="dropped"):
                await call
            assert vendor.connections == 1

    run(main())


def test_a_pool_may_be_closed_after_its_loop() -> None:
    async def main() -> Pool:
        async with Vendor(says(answer())) as vendor:
            pool = vendor.pool()
            await pool.fetch(ASK, QUICK)
            return pool

    run(main()).close()
