"""Streams over real sockets: arriving piece by piece, paused, given back, dropped."""

import asyncio
import gzip

import pytest
from msgspec.structs import replace
from tests.transport.vendor import ASK, ASK_STREAM, QUICK, Talk, Vendor, answer, chunk, eventually, run, says, stream_head

from pointsman.core.failure import FailureKind
from pointsman.core.http import Deadlines
from pointsman.transport.connection import AnswerBroken

END = b"0\r\n\r\n"


def test_a_stream_arrives_piece_by_piece_and_its_connection_is_used_again() -> None:
    first_is_read = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(stream_head("x-ratelimit: 5\r\n") + chunk(b"one"))
        await first_is_read.wait()
        talk.write(chunk(b"two") + END)
        await talk.request()
        talk.write(answer(b"next"))
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            assert (stream.header(b"x-ratelimit"), stream.header(b"x-none")) == ("5", None)
            assert b"accept: text/event-stream\r\n" in vendor.requests[0]
            pieces: list[bytes] = []
            while (piece := await stream.read()) is not None:
                pieces.append(piece)
                first_is_read.set()
            assert pieces == [b"one", b"two"]
            assert await stream.read() is None
            stream.close(whole=True)
            assert (await pool.fetch(ASK, QUICK)).body == b"next"
            assert vendor.connections == 1

    run(main())


@pytest.mark.parametrize("late", [False, True])
def test_a_stream_left_at_its_end_mark_gives_the_connection_back_once_the_body_is_over(late: bool) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        if late:
            await talk.trickle([stream_head() + chunk(b"mark"), chunk(b"ignored"), END])
        else:
            talk.write(stream_head() + chunk(b"mark") + END)
        await talk.request()
        talk.write(answer(b"next"))
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            assert await stream.read() == b"mark"
            stream.close(whole=True)
            stream.close(whole=False)  # a second close changes nothing
            await eventually(lambda: bool(pool._idle))
            assert (await pool.fetch(ASK, QUICK)).body == b"next"

    run(main())


def test_a_vendor_that_never_ends_a_stream_that_is_over_loses_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(stream_head() + chunk(b"mark"))
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            await stream.read()
            before = asyncio.get_running_loop().time()
            stream.close(whole=True)
            pool.sweep(before + 1)
            assert pool.open_connections == 1
            pool.sweep(asyncio.get_running_loop().time() + 3)
            await eventually(lambda: pool.open_connections == 0 and vendor.lost == 1)

    run(main())


@pytest.mark.parametrize("whole", [False, True])
def test_a_stream_left_half_read_drops_the_socket_unless_it_is_dead_already(whole: bool) -> None:
    is_read = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(stream_head() + chunk(b"one"))
        if whole:
            await is_read.wait()
            talk.cut()
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            await stream.read()
            is_read.set()
            if whole:
                await eventually(lambda: pool.open_connections == 0)
            stream.close(whole=whole)
            await eventually(lambda: pool.open_connections == 0 and vendor.lost == 1)

    run(main())


def test_a_slow_reader_pauses_the_vendor_and_gets_everything_in_the_end() -> None:
    size = 12_000_000  # more than the kernel's buffers hold
    written = 0

    async def script(talk: Talk) -> None:
        nonlocal written
        await talk.request()
        talk.write(stream_head())
        for _ in range(size // 100_000):
            talk.write(chunk(b"x" * 100_000))
            await talk.writer.drain()
            written += 100_000
        talk.write(END)
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool(buffered_bytes=50_000)
            stream = await pool.open(ASK_STREAM, replace(QUICK, gap_s=600, total_s=900))
            await eventually(lambda: stream._connection._is_paused)
            pool.sweep(asyncio.get_running_loop().time() + 700)  # longer than the gap: it is us who wait, not the vendor
            await asyncio.sleep(0.02)
            assert written < size
            read = 0
            while (piece := await stream.read()) is not None:
                read += len(piece)
            assert read == size

    run(main())


def test_a_paused_stream_can_be_left_and_its_rest_passes_by() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head() + chunk(b"mark")])
        for _ in range(20):
            talk.write(chunk(b"x" * 100_000))
        talk.write(END)
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool(buffered_bytes=1000)
            stream = await pool.open(ASK_STREAM, QUICK)
            await stream.read()
            await eventually(lambda: stream._connection._is_paused)
            stream.close(whole=True)
            await eventually(lambda: bool(pool._idle))

    run(main())


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([chunk(b"one")], FailureKind.CUT),
        ([chunk(b"one"), b"zz\r\n"], FailureKind.BAD_ANSWER),
    ],
)
def test_what_arrived_before_a_stream_broke_is_read_first(pieces: list[bytes], kind: FailureKind) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.trickle([stream_head(), *pieces])
        talk.close()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            await eventually(lambda: pool.open_connections == 0)
            assert await stream.read() == b"one"
            with pytest.raises(AnswerBroken) as broken:
                await stream.read()
            assert broken.value.failure.kind is kind
            stream.close(whole=False)

    run(main())


@pytest.mark.parametrize(
    ("deadlines", "kind"),
    [
        (Deadlines(gap_s=600, total_s=900), FailureKind.TIMEOUT_GAP),
        (Deadlines(gap_s=900, total_s=600), FailureKind.TIMEOUT_TOTAL),
    ],
)
def test_a_stream_that_falls_silent_ends_at_its_deadline(deadlines: Deadlines, kind: FailureKind) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.write(stream_head() + chunk(b"one"))
        await talk.gone()

    async def main() -> None:
        async with Vendor(script) as vendor:
            pool = vendor.pool()
            loop = asyncio.get_running_loop()
            before = loop.time()
            stream = await pool.open(ASK_STREAM, deadlines)
            assert await stream.read() == b"one"
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0)
            pool.sweep(before + 599)
            await asyncio.sleep(0)
            assert not reading.done()
            pool.sweep(loop.time() + 601)
            with pytest.raises(AnswerBroken) as broken:
                await reading
            assert broken.value.failure.kind is kind
            await eventually(lambda: vendor.lost == 1)

    run(main())


def test_a_stream_that_never_begins_is_a_failure_before_anybody_was_told_anything() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        talk.cut()

    async def main() -> None:
        async with Vendor(script) as vendor:
            with pytest.raises(AnswerBroken) as broken:
                await vendor.pool().open(ASK_STREAM, QUICK)
            assert broken.value.failure.kind is FailureKind.CUT  # it was reached, and may have worked

    run(main())


def test_an_error_to_a_request_for_a_stream_is_read_whole_and_unpacked() -> None:
    body = gzip.compress(b'{"error":{"message":"key sk-very-secret is wrong"}}')

    async def main() -> None:
        async with Vendor(says(answer(body, status="401 Unauthorized", headers="content-encoding: gzip\r\n"), answer(b"next"))) as vendor:
            pool = vendor.pool()
            stream = await pool.open(ASK_STREAM, QUICK)
            got = await stream.whole()
            assert (got.status, got.body) == (401, b'{"error":{"message":"key [credential] is wrong"}}')
            stream.close(whole=False)
            assert (await pool.fetch(ASK, QUICK)).body == b"next"
            assert vendor.connections == 1

    run(main())


def test_an_endless_error_to_a_request_for_a_stream_is_bounded() -> None:
    async def main() -> None:
        async with Vendor(says(answer(b"x" * 5000, status="500 Oops"))) as vendor:
            pool = vendor.pool(answer_bytes=1000)
            stream = await pool.open(ASK_STREAM, QUICK)
            with pytest.raises(AnswerBroken, match="exceeds 1000 bytes"):
                await stream.whole()
            stream.close(whole=False)
            await eventually(lambda: pool.open_connections == 0)

    run(main())
