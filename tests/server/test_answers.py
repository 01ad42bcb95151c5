"""Bytes of answers: whatever is put into a header stays one value of one line."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.server.answers import chunk, header_value, last_chunk, stream_head, whole


@given(st.text(max_size=400))
def test_any_text_becomes_one_plain_bounded_header_value(text: str) -> None:
    shown = header_value(text)
    assert shown.isascii()
    assert not set(shown) & set("\r\n\0")
    assert len(shown) <= 200 * 12  # at most four bytes for a character, three signs for a byte


def test_a_plain_name_is_shown_as_it_is() -> None:
    assert header_value("acme/gpt-5.2:mini@eu") == "acme/gpt-5.2:mini@eu"


def test_an_answer_says_its_length_and_whether_it_is_the_last() -> None:
    told = whole(200, b"{}", headers="x: y\r\n")
    assert told == b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncache-control: no-store\r\nx: y\r\n\r\n{}"
    assert whole(404, b"", content_type="text/plain", keep_alive=False).endswith(b"content-length: 0\r\ncache-control: no-store\r\nconnection: close\r\n\r\n")


def test_a_stream_is_framed_in_chunks_or_ended_by_the_connection() -> None:
    head = stream_head(headers="", keep_alive=True)
    assert b"transfer-encoding: chunked\r\n" in head
    assert b"cache-control: no-store\r\n" in head
    plain = stream_head(headers="", keep_alive=True, is_chunked=False)
    assert b"chunked" not in plain
    assert b"connection: close\r\n" in plain
    assert chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
    assert last_chunk({"a": "b"}) == b"0\r\na: b\r\n\r\n"
