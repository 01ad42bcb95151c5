"""
Server-sent events (WHATWG HTML, section 9.2): bytes in any pieces → whole events.

Each event keeps its own bytes, so that a caller who speaks the vendor's dialect can be sent what the vendor wrote; only line ends are made
line feeds.
"""

from typing import Final

from msgspec import Struct

from pointsman.core.errors import TooLarge

_BOM: Final = b"\xef\xbb\xbf"


class ServerSentEvent(Struct, frozen=True):
    """One event: its type if it was named, its data lines joined by newlines, and the bytes it came as, blank line included."""

    event: str | None
    data: bytes
    raw: bytes


class SseReader:
    """Collects bytes until events are complete. `limit_bytes` bounds one event, whole or unfinished."""

    __slots__ = ("_follows_cr", "_has_begun", "_limit", "_pending")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._pending = bytearray()
        self._has_begun = False
        self._follows_cr = False

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that are complete now. Comments and events without data are dropped. Raises `TooLarge`."""
        if self._follows_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if self._pending:
            before = len(self._pending)
            self._pending += data
            if self._pending.find(b"\n\n", before - 1) < 0:  # what came earlier was searched already
                self._check(len(self._pending) - self._pending.endswith(b"\n"))  # the half of a blank line is no part of the event
                return []
            data = bytes(self._pending)
        if not self._has_begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._pending = bytearray(data)
                return []
            self._has_begun = True
            data = data.removeprefix(_BOM)
        *blocks, rest = data.split(b"\n\n")
        self._pending = bytearray(rest)
        self._check(max(map(len, blocks), default=0))
        self._check(len(rest) - rest.endswith(b"\n"))
        return [event for block in blocks if (event := _read(block)) is not None]

    def _with_line_feeds(self, data: bytes) -> bytes:
        # The second half of a CR LF that was split between two reads is no line end of its own.
        if self._follows_cr and data:
            data = data.removeprefix(b"\n")
            self._follows_cr = False
        if data:
            self._follows_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(f"An event of the stream is longer than {self._limit} bytes. Raise `server.bounds.max_sse_line_bytes` if it should be.")


def _read(block: bytes) -> ServerSentEvent | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return ServerSentEvent(None, block[6:], block + b"\n\n") if len(block) > 6 else None  # noqa: PLR2004 - the label
    name: str | None = None
    data: list[bytes] = []
    for line in block.split(b"\n"):
        label, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if label == b"data":
            data.append(value)
        elif label == b"event":
            name = value.decode("utf-8", "replace")
    if not any(data):
        return None
    return ServerSentEvent(name, b"\n".join(data), block + b"\n\n")
