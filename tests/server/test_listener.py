"""Strict HTTP/1.1 over raw sockets: what is let in, what is refused, and what a slow, greedy or vanishing client can do."""

import asyncio
import gzip
import socket
import ssl
from typing import Any

import pytest
from tests.server.house import ASK, ASK_STREAM, CHUNK, STREAM, WHOLE, House, get, post, with_house
from tests.transport.certificates import certificate
from tests.transport.vendor import Talk, Vendor, chunk, eventually, run, says, stream_head

from pointsman.server.bounds import ClientBounds

CHUNKED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def _refused(house: House, data: bytes) -> tuple[int, str]:
    """Send bytes; return status and message of the only answer, after which the gateway must close."""
    caller = await house.caller()
    caller.send(data)
    got = await caller.answer()
    assert await caller.rest() == b""
    assert got.headers["connection"] == "close"
    return got.status, got.message


SMUGGLING = {
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "two lengths that differ": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": HEAD + b"Content-Length: 1, 1\r\n\r\na",
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two encodings": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an encoding before chunks": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an encoding like chunks": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a folded header": HEAD + b"X: a\r\n b\r\n\r\n",
    "bare line feeds": b"POST /v1/chat/completions HTTP/1.1\nHost: localhost\n\n",
    "a bare line feed": HEAD + b"X: a\nY: b\r\n\r\n",
    "a bare carriage return": HEAD + b"X: a\rY: b\r\n\r\n",
    "a NUL": HEAD + b"X: a\0b\r\n\r\n",
    "a space before a colon": HEAD + b"Content-Length : 5\r\n\r\n",
    "no header name": HEAD + b": a\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a signed length": HEAD + b"Content-Length: +1\r\n\r\na",
    "a length without end": HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a hexadecimal prefix": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "a chunk without end": CHUNKED + b"fffffffffffffffff\r\n",
    "a chunk ended by a line feed": CHUNKED + b"1\na\r\n0\r\n\r\n",
    "a line feed in an extension": CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a chunk that spills over": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a space in a chunk size": CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/1.2": b"GET /livez HTTP/1.2\r\nHost: localhost\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /v1/chat/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "a method that is none": b"FOO /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an upgrade": HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
    "a tunnel": b"CONNECT vendor.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two credentials of a kind": HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "two keys": HEAD + b"x-api-key: a\r\nX-Api-Key: b\r\n\r\n",
    "two classes of data": HEAD + b"x-pointsman-data-class: restricted\r\nx-pointsman-data-class: public\r\n\r\n",
    "two content types": HEAD + b"Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n",
}


@pytest.mark.parametrize("shape", SMUGGLING)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(shape: str) -> None:
    async def work(house: House) -> None:
        status, message = await _refused(house, SMUGGLING[shape] + get("/livez"))
        assert status == 400
        assert message.split(". ")[-1].startswith(("Send", "Use"))

    run(with_house(work, says()))


def test_nothing_in_a_trailer_counts() -> None:
    async def work(house: House) -> None:
        size = b"%x" % len(ASK)
        trailers = b"content-encoding: gzip\r\nx-pointsman-data-class: nonsense\r\nauthorization: Basic x\r\n"
        got = await house.ask(CHUNKED + size + b"\r\n" + ASK + b"\r\n0\r\n" + trailers + b"\r\n")
        assert got.status == 200

    run(with_house(work, says(WHOLE)))


def test_a_client_can_never_name_a_host() -> None:
    async def work(house: House) -> None:
        got = await house.ask(post().replace(b"POST /v1", b"POST http://evil.example/v1"))
        assert got.status == 404
        assert "`/v1/chat/completions`" in got.message

    run(with_house(work, says(WHOLE)))


@pytest.mark.parametrize("split", [1, 7, 100])
def test_a_request_in_pieces_is_the_same_request(split: int) -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        request = post(ASK, "Content-Type: application/json; charset=utf-8")
        for at in range(0, len(request), split):
            caller.send(request[at : at + split])
            await asyncio.sleep(0)
        assert (await caller.answer()).status == 200

    run(with_house(work, says(WHOLE)))


def test_requests_one_behind_the_other_are_answered_in_order_and_the_last_one_closes() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(post() + get("/livez") + get("/v1/models") + get("/livez", "Connection: close"))
        answers = [await caller.answer() for _ in range(4)]
        assert [got.status for got in answers] == [200] * 4
        assert [got.headers.get("connection") for got in answers] == [None, None, None, "close"]
        assert answers[2].json["data"][0]["id"] == "support"
        assert await caller.rest() == b""

    run(with_house(work, says(WHOLE)))


def test_a_flood_of_requests_before_the_first_answer_ends_the_connection() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(post() + get("/livez") * 100)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await caller.answer()

    async def never(talk: Talk) -> None:
        await talk.request()
        await talk.gone()

    run(with_house(work, never))


def test_garbage_behind_a_request_ends_the_connection_and_its_work() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(post() + b"garbage\r\n\r\n")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await caller.answer()
        await eventually(lambda: not house.clients)

    run(with_house(work, says()))


def test_a_client_of_http_1_0_is_answered_and_its_stream_is_not_chunked() -> None:
    async def work(house: House) -> None:
        old = post(ASK_STREAM).replace(b"HTTP/1.1", b"HTTP/1.0")
        caller = await house.caller()
        caller.send(old)
        status, headers = await caller.head()
        assert (status, headers["connection"]) == (200, "close")
        assert "transfer-encoding" not in headers
        body = await caller.rest()
        assert body.startswith(CHUNK)
        assert body.endswith(b"data: [DONE]\n\n")
        caller = await house.caller()
        caller.send(get("/livez").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (await caller.answer()).headers["connection"] == "close"

    run(with_house(work, says(STREAM)))


def test_a_client_that_asks_before_it_sends_is_told_to_go_on() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(post(ASK, "Expect: 100-continue").removesuffix(ASK))
        assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        caller.send(ASK)
        assert (await caller.answer()).status == 200
        caller = await house.caller()
        caller.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n")
        assert (await caller.answer()).status == 413

    run(with_house(work, says(WHOLE)))


def test_going_on_is_never_said_in_the_middle_of_another_answer() -> None:
    async def slow(talk: Talk) -> None:
        await talk.request()
        await asyncio.sleep(0.01)
        talk.write(WHOLE)
        await talk.gone()

    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(post() + post(b"{}", "Expect: 100-continue"))
        assert [(await caller.answer()).status for _ in range(2)] == [200, 400]

    run(with_house(work, slow))


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "status", "told"),
    [
        (HEAD + b"X: " + b"y" * 4000 + b"\r\n\r\n", 413, "raise `server.bounds.max_header_bytes`"),
        (HEAD + b"X: y\r\n" * 2000 + b"\r\n", 413, "raise `server.bounds.max_header_bytes`"),
        (b"GET /" + b"a" * 5000, 413, "raise `server.bounds.max_header_bytes`"),
        (HEAD + b"X-Endless: " + b"y" * 9000, 413, "raise `server.bounds.max_header_bytes`"),
        (HEAD + b"Content-Length: 20001\r\n\r\n", 413, "raise `server.bounds.max_body_bytes`"),
        (post(b"x" * 200_000), 413, "raise `server.bounds.max_body_bytes`"),
        (CHUNKED + b"4000\r\n" + b"x" * 0x4000 + b"\r\n4000\r\n" + b"x" * 0x4000, 413, "raise `server.bounds.max_body_bytes`"),
        (post(gzip.compress(b" " * 1_000_000, mtime=0), "Content-Encoding: gzip"), 413, "unpacks to more than 20000 bytes"),
        (post(b"no gzip", "Content-Encoding: gzip"), 400, "not valid gzip"),
        (post(ASK, "Content-Encoding: br"), 400, "Send `gzip`, `deflate` or none"),
    ],
)
def test_nobody_can_make_us_hold_more_than_the_bound(data: bytes, status: int, told: str) -> None:
    async def work(house: House) -> None:
        got = await _refused(house, data)
        assert got[0] == status
        assert told in got[1]

    run(with_house(work, says(), bounds=ClientBounds(body_bytes=20_000, header_bytes=4000)))


@pytest.mark.parametrize("start", [CHUNKED + b"1\r\nx\r\n0\r\nX-Endless: ", CHUNKED + b"1;ext="])
def test_endless_trailers_and_chunk_extensions_are_bounded_too(start: bytes) -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(start)
        await asyncio.sleep(0.005)
        caller.send(b"y" * 9000)
        got = await caller.answer()
        assert (got.status, "max_header_bytes" in got.message) == (413, True)

    run(with_house(work, says(), bounds=ClientBounds(header_bytes=4000)))


def test_a_packed_body_within_the_bound_is_unpacked() -> None:
    async def work(house: House) -> None:
        assert (await house.ask(post(gzip.compress(ASK), "Content-Encoding: gzip"))).status == 200

    run(with_house(work, says(WHOLE)))


def test_a_client_that_is_still_sending_reads_why_it_was_refused() -> None:
    """Closing at once would destroy the answer on its way."""

    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(HEAD + b"Content-Length: 5000000\r\n\r\n")
        for _ in range(50):
            caller.send(b"x" * 100_000)
            await asyncio.sleep(0)
        assert (await caller.answer()).status == 413
        house.time.pass_by(3)
        await eventually(lambda: not house.clients)

    run(with_house(work, says(), bounds=ClientBounds(body_bytes=20_000)))


def test_connections_beyond_the_bound_are_closed_at_once_and_the_others_live_on() -> None:
    async def work(house: House) -> None:
        first = await house.caller()
        second = await house.caller()
        await eventually(lambda: len(house.clients) == 2)
        third = await house.caller()
        third.send(get("/livez"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await third.answer()
        second.leave()
        await eventually(lambda: len(house.clients) == 1)
        first.send(get("/livez"))
        assert (await first.answer()).status == 200
        assert (await house.ask(get("/livez"))).status == 200

    run(with_house(work, says(), bounds=ClientBounds(connections=2)))


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


LATE = "The request did not arrive in time. Send it without pauses."
SPANS = ClientBounds(stall_s=30, idle_s=75)


@pytest.mark.parametrize("data", [b"POST /v1/chat", HEAD, HEAD + b"Content-Length: 10\r\n\r\n", HEAD + b"Content-Length: 10\r\n\r\n12", CHUNKED + b"5\r\n"])
def test_a_request_that_stops_midway_is_refused_in_time(data: bytes) -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        await house.due(75)
        caller.send(data)
        await house.due(30)
        house.time.pass_by(31)
        got = await caller.answer()
        assert (got.status, got.message, got.headers["connection"]) == (400, LATE, "close")
        assert await caller.rest() == b""

    run(with_house(work, says(), bounds=SPANS))


def test_a_head_that_trickles_in_gets_one_span_in_all() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        caller.send(HEAD[:1])
        await house.due(30)

        async def trickle() -> None:
            for byte in HEAD[1:-1]:  # one a second: for longer than a span, and never for one without a byte
                caller.send(bytes([byte]))
                await asyncio.sleep(0.004)
                house.time.pass_by(1)

        trickling = asyncio.create_task(trickle())
        got = await caller.answer()
        assert (got.status, got.message) == (400, LATE)
        trickling.cancel()

    run(with_house(work, says(), bounds=SPANS))


def test_a_body_gets_a_span_for_each_piece_but_not_for_ever() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        request = post(ASK)
        caller.send(request[: 1 - len(ASK)])
        await house.due(30)
        for byte in ASK[1:9]:  # longer than one span in all
            house.time.pass_by(20)
            caller.send(bytes([byte]))
            await house.due(30)
        caller.send(ASK[9:])
        assert (await caller.answer()).status == 200
        caller.leave()
        await eventually(lambda: not house.clients)

        slow = await house.caller()
        slow.send(post(b"x" * 10_000)[:-9_999])
        await house.due(30)
        for spent in range(20, 300, 20):
            house.time.pass_by(20)
            slow.send(b"x")
            await house.due(min(30, 300 - spent))
        house.time.pass_by(20)
        slow.send(b"x")
        got = await slow.answer()
        assert (got.status, got.message) == (400, LATE)

    run(with_house(work, says(WHOLE), bounds=SPANS))


def test_an_idle_connection_is_closed_after_a_while_and_not_before() -> None:
    async def work(house: House) -> None:
        caller = await house.caller()
        for _ in range(3):
            caller.send(get("/livez"))
            assert (await caller.answer()).status == 200
            await house.due(75)
            house.time.pass_by(74)
        house.time.pass_by(2)
        assert await caller.rest() == b""
        await eventually(lambda: not house.clients)
        silent = await house.caller()
        await house.due(75)
        house.time.pass_by(76)
        assert await silent.rest() == b""
        await eventually(lambda: not house.clients)

    run(with_house(work, says(), bounds=SPANS))


def _narrow(house: House, holds: int = 4096) -> socket.socket:
    """Return a connection whose receive buffer holds little, so that not reading is felt."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, holds)
    narrow.connect(("127.0.0.1", house.port))
    narrow.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return narrow


async def _flood(talk: Talk) -> None:
    await talk.request()
    talk.write(stream_head())
    try:
        while True:
            talk.write(chunk(CHUNK * 500))
            await talk.writer.drain()
    except ConnectionError:
        pass


def test_a_client_that_never_reads_is_dropped_in_time_and_nobody_else_notices() -> None:
    async def work(house: House) -> None:
        narrow = _narrow(house)
        await asyncio.get_running_loop().sock_sendall(narrow, post(ASK_STREAM))
        await house.due(30)
        assert (await house.ask(get("/livez"))).status == 200
        held = max((client._transport.get_write_buffer_size() for client in house.clients if client._transport), default=0)
        assert held < 1_000_000  # what one read from the vendor holds, at most
        while any(client.is_busy for client in house.clients):  # the kernel may have taken a little more meanwhile, which counts as reading
            house.time.pass_by(31)
            await asyncio.sleep(0.01)
        narrow.close()

    run(with_house(work, _flood, bounds=ClientBounds(stall_s=30, unread_bytes=50_000)))


def test_a_client_that_reads_slowly_but_steadily_gets_everything() -> None:
    size, at_once = 3_000_000, 300_000  # more at once than the kernel holds on both sides: some of it left the gateway meanwhile
    body = b'{"id":"c","model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}]}' % (b"x" * size)

    async def work(house: House) -> None:
        house.hold_little()
        narrow = _narrow(house, 32_768)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(narrow, post())
        got = 0
        while got < size:
            piece = await loop.sock_recv(narrow, 100_000)
            assert piece
            if got // at_once < (got + len(piece)) // at_once:
                house.time.pass_by(20)
                await asyncio.sleep(0.01)
            got += len(piece)
        assert house.time.time() > 4 * 30  # longer than one span
        narrow.close()

    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    run(with_house(work, says(answer), bounds=ClientBounds(stall_s=30, unread_bytes=50_000)))


def test_answers_are_not_piled_up_for_a_client_that_asks_again_and_never_reads() -> None:
    body = b'{"id":"c","model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}]}' % (b"x" * 8_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def main() -> None:
        async with Vendor(says(answer, answer)) as vendor, House(vendor) as house:
            narrow = _narrow(house)
            await asyncio.get_running_loop().sock_sendall(narrow, post() + post())
            await eventually(lambda: len(vendor.requests) == 1)
            await asyncio.sleep(0.1)
            assert len(vendor.requests) == 1
            narrow.close()

    run(main())


# ── going away ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _half(talk: Talk) -> None:
    await talk.request()
    talk.write(stream_head() + chunk(CHUNK))
    await talk.gone()


async def _mute(talk: Talk) -> None:
    await talk.request()
    await talk.gone()


@pytest.mark.parametrize(("script", "body"), [(_half, ASK_STREAM), (_mute, ASK_STREAM), (_mute, ASK)])
@pytest.mark.parametrize("how", ["abort", "close"])
def test_a_client_that_goes_away_cancels_the_call_to_the_vendor_at_once(script: Any, body: bytes, how: str) -> None:
    async def main() -> None:
        async with Vendor(script) as vendor, House(vendor) as house:
            caller = await house.caller()
            caller.send(post(body))
            await eventually(lambda: len(vendor.requests) == 1)
            if script is _half:
                await caller.head()
            caller.writer.transport.abort() if how == "abort" else caller.writer.close()
            await eventually(lambda: vendor.lost == 1 and not house.clients)

    run(main())


def test_a_handler_that_breaks_leaves_no_half_answer_that_looks_whole() -> None:
    async def work(house: House) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        house.site.answer = broken  # pyright: ignore[reportAttributeAccessIssue] - broken on purpose
        caller = await house.caller()
        caller.send(get("/livez"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await caller.answer()

    run(with_house(work, says()))


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_holds_behind_tls() -> None:
    files = certificate()

    async def main() -> None:
        async with Vendor(says(WHOLE, STREAM)) as vendor, House(vendor, tls=files.server()) as house:
            context = ssl.create_default_context(cafile=str(files.ca))
            caller = await house.caller(ssl=context)
            caller.send(post())
            assert (await caller.answer()).status == 200
            caller.send(post(ASK_STREAM))
            assert (await caller.answer()).body.endswith(b"data: [DONE]\n\n")
            caller.send(b"garbage\r\n\r\n")
            assert (await caller.answer()).status == 400
            house.time.pass_by(3)  # TLS has no half of a connection to close: what is still sent is dropped for two seconds
            assert await caller.rest() == b""

    run(main())
