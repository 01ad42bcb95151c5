"""
Server-sent events (WHATWG HTML, section 9.2): bytes in any pieces → whole events.

Each event keeps its own bytes, so that a caller who speaks the vendor's dialect can be sent exactly what the vendor wrote.
"""

from dataclasses import dataclass

from pointsman.core.errors import TooLarge


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its type if it was named, its data lines joined by newlines, and the bytes it came as, blank line included."""

    event: str | None
    data: bytes
    raw: bytes


class SseReader:
    """Collects bytes until events are complete. `line_bytes` bounds an event that never ends."""

    __slots__ = ("_limit", "_pending")

    def __init__(self, line_bytes: int) -> None:
        self._pending = b""
        self._limit = line_bytes

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that are complete now. Comments and empty events are dropped. Raises `TooLarge`."""
        pending = self._pending + data if self._pending else data
        if b"\r" in pending:
            # A pair may be split between two reads: a CR at the very end waits for what follows it.
            held = b"\r" if pending.endswith(b"\r") else b""
            pending = pending.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        else:
            held = b""
        *blocks, rest = pending.split(b"\n\n")
        self._pending = rest + held
        if len(self._pending) > self._limit:
            raise TooLarge(f"An event of the stream is longer than {self._limit} bytes. Raise `server.bounds.max_sse_line_bytes` if it should be.")
        return [event for block in blocks if (event := _read(block)) is not None]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is left over."""
        return not self._pending.strip()


def _read(block: bytes) -> ServerSentEvent | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return ServerSentEvent(None, block[6:], block + b"\n\n")
    name: str | None = None
    data: list[bytes] = []
    for line in block.split(b"\n"):
        label, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if label == b"data":
            data.append(value)
        elif label == b"event":
            name = value.decode("utf-8", "replace")
    if not data:
        return None
    return ServerSentEvent(name, b"\n".join(data), block + b"\n\n")
