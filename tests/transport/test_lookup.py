"""
Asking a service that is no vendor: one exchange, small bounds, and no way to send anything elsewhere.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.transport.certificates import certificate

from pointsman.core.http import Deadlines, Incoming
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.lookup import Lookup, look_up

SHORT = Deadlines(connect_s=0.2, first_byte_s=0.2, gap_s=0.2, total_s=0.2)


def ask(answer: bytes, *, tls: Any = None, scheme: str = "http", **more: Any) -> tuple[bytes, Incoming]:
    """Return what a server got, and what came back from it."""

    async def main() -> tuple[bytes, Incoming]:
        got = b""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal got
            got = await reader.readuntil(b"\r\n\r\n")
            length = [int(line.split(b": ")[1]) for line in got.split(b"\r\n") if line.startswith(b"content-length")]
            got += await reader.readexactly(length[0]) if length else b""
            writer.write(answer)
            if answer:
                writer.close()
            await asyncio.sleep(20 if not answer else 0)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        path = more.pop("path", "/keys?x=1")
        try:
            return got, await look_up(Lookup(url=f"{scheme}://127.0.0.1:{port}{path}", **more), deadlines=SHORT if not answer else Deadlines(total_s=40))
        finally:
            sent.append(got)
            server.close()

    sent: list[bytes] = []
    _, found = asyncio.run(main())
    return sent[0], found


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def test_a_lookup_is_a_get_and_with_a_body_a_post() -> None:
    sent, found = ask(OK)
    assert sent.startswith(b"GET /keys?x=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert (found.status, found.body) == (200, b"{}")
    sent, _ = ask(OK, body=b"code=1", headers={"content-type": "application/x-www-form-urlencoded"}, path="")
    assert sent.startswith(b"POST / HTTP/1.1\r\n")
    assert sent.endswith(b"content-type: application/x-www-form-urlencoded\r\n\r\ncode=1")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    assert ask(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n")[1].status == 302


def test_https_is_trusted_only_with_the_authority_that_was_named(tmp_path: Path) -> None:
    files = certificate()
    tls = files.server()
    assert ask(OK, tls=tls, scheme="https", ca_file=files.ca)[1].status == 200
    with pytest.raises(AnswerBroken, match="TLS"):
        ask(OK, tls=tls, scheme="https")
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(AnswerBroken, match="cannot be read"):
        ask(OK, tls=tls, scheme="https", ca_file=tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://id.example.com/", "another machine"),
        ("http://169.254.169.254/latest", "another machine"),
        ("http://2130706433/", "another machine"),
        ("ftp://127.0.0.1/", "no URL"),
        ("file:///etc/passwd", "no URL"),
        ("https://a@127.0.0.1/", "no URL"),
        ("http://127.0.0.1/\r\nx: y", "no URL"),
        ("http://127.0.0.1:99999/", "host or port"),
        ("http://①②⑦.⓪.⓪.①/", "no URL"),
        ("https:///x", "no URL"),
    ],
)
def test_what_is_no_address_that_may_be_asked_is_not_asked(url: str, says: str) -> None:
    with pytest.raises(AnswerBroken, match=says):
        asyncio.run(look_up(Lookup(url=url)))


def test_a_header_that_would_break_its_line_is_not_sent() -> None:
    with pytest.raises(AnswerBroken, match="header"):
        asyncio.run(look_up(Lookup(url="http://127.0.0.1:1/", headers={"authorization": "a\r\nb: c"})))


def test_nobody_there_silence_and_floods_end_in_one_way() -> None:
    with pytest.raises(AnswerBroken, match="cannot connect"):
        asyncio.run(look_up(Lookup(url="http://127.0.0.1:1/")))
    with pytest.raises(AnswerBroken, match="did not answer within"):
        ask(b"")
    with pytest.raises(AnswerBroken, match="exceeds"):
        ask(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + bytes(3_000_000))
    with pytest.raises(AnswerBroken, match="unpacked"):
        ask(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope")
