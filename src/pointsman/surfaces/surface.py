"""
What a client protocol is: pure functions between bytes and our words, bound together as one value.

Nothing here knows which target answers, and nothing here decides. HTTP statuses are chosen in `server`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.core.call import Call
from pointsman.core.place import Dialect
from pointsman.core.reply import Event, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the caller is told when there is no answer. `status` is the HTTP status; `field` the request field at fault."""

    status: int
    code: str
    message: str
    request_id: str
    field: str | None = None


class StreamEncoder(Protocol):
    """Writes one streamed answer in the caller's dialect."""

    def feed(self, event: Event) -> bytes:
        """Return the bytes of complete server-sent events for one event; possibly none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """
    One client protocol.

    `decode(body, call_id)` reads a request body, `read(tree, call_id)` one that is an object already, raising `BadRequest` (or `TooLarge`) with the
    field at fault. `encode(reply, call)` writes a
    whole answer; a reply whose `native` is of this dialect is returned as it is. `replay(reply, call)` writes a whole answer as a stream.
    `stream(call)` makes an encoder for one that is not whole yet. These three raise `PlaceFailed` for an answer with parts that this dialect
    has no word for. `error(problem)` is the body of an error answer, `stream_error(problem)` the same as the last server-sent event of a
    stream that had begun. `models(names)` is the body of the list of capabilities. `heeds` names the request headers, in lower case, that
    change what is answered.
    """

    dialect: Dialect
    decode: Callable[[bytes, str], Call]
    read: Callable[[dict[str, Any], str], Call]
    encode: Callable[[Reply, Call], bytes]
    replay: Callable[[Reply, Call], bytes]
    stream: Callable[[Call], StreamEncoder]
    error: Callable[[Problem], bytes]
    stream_error: Callable[[Problem], bytes]
    models: Callable[[tuple[str, ...]], bytes]
    heeds: tuple[str, ...] = ()
