"""
Answers as bytes: status line, headers, body. No meaning, only HTTP/1.1.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

_STATUS_LINES: Final = MappingProxyType({status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus})
_CLOSE: Final = "connection: close\r\n"
_NO_STORE: Final = "cache-control: no-store\r\n"  # every answer is for who asked, and for nobody who asks a cache on the way
_LONGEST_VALUE: Final = 200

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
COST_TRAILER: Final = "x-pointsman-cost-nano-usd"


def whole(status: int, body: bytes, *, headers: str = "", content_type: str = JSON, keep_alive: bool = True) -> bytes:
    """Return a whole answer. `headers` are ready lines, each with its line end."""
    close = "" if keep_alive else _CLOSE
    head = f"{_STATUS_LINES[status]}content-type: {content_type}\r\ncontent-length: {len(body)}\r\n{_NO_STORE}{headers}{close}\r\n"
    return head.encode("latin-1") + body


def stream_head(*, headers: str, keep_alive: bool, is_chunked: bool = True) -> bytes:
    """Return the head of a stream of server-sent events. In chunks its cost follows as a trailer; without, it ends with the connection."""
    close = "" if keep_alive and is_chunked else _CLOSE
    framing = f"transfer-encoding: chunked\r\ntrailer: {COST_TRAILER}\r\n" if is_chunked else ""
    head = f"{_STATUS_LINES[200]}content-type: {EVENT_STREAM}\r\n{_NO_STORE}x-accel-buffering: no\r\n{framing}{headers}{close}\r\n"
    return head.encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Mapping[str, str]) -> bytes:
    """Return the end of a chunked body, with trailers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
    return f"0\r\n{lines}\r\n".encode("latin-1")


def header_value(text: str) -> str:
    """Return a text as a header can carry it: bounded, and percent-encoded where it is not plain."""
    text = text[:_LONGEST_VALUE]
    return text if text.isascii() and text.isprintable() else quote(text, safe=" /:;,@.[]_-")
