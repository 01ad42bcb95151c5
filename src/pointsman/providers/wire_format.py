"""
What an adapter for a vendor's wire format is: a handful of pure functions, bound together as one value.

Nothing here sends, waits, retries or chooses. `profiles` holds what differs between vendors that share a format.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pointsman.core.call import Call
from pointsman.core.failure import Failure
from pointsman.core.http import Incoming, Outgoing
from pointsman.core.place import Dialect
from pointsman.core.reply import Event, Reply
from pointsman.core.target import Target


def _as_it_is(reply: Reply) -> Reply:
    return reply


class StreamDecoder(Protocol):
    """Reads the server-sent events of one answer, in order."""

    def feed(self, event: str | None, data: bytes) -> tuple[Event, ...]:
        """
        Return what one server-sent event means.

        `event` is its `event:` field if it had one, `data` its joined `data:` lines. Raises `PlaceFailed` (`bad_answer`) for bytes that
        cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """
    One vendor wire format.

    `misfits(call, target)` names the fields of a call that this format cannot express, for a caller of another dialect; none for its own.
    `encode(call, target)` writes the request; a call of the same dialect keeps every field of `call.wire`, only `model` (and the wish for
    usage in a stream) is set.
    `decode(body, target, full=…)` reads a whole answer; with `full=False` only id, model, finish and usage, and `native` is set either way.
    `stream(target, full=…)` makes a decoder; with `full=False` it reports only `Started`, `Finished`, `UsageSeen`, `Broken`, `Closed`.
    `failure(answer)` reads an error answer (status 300 or more). `headers(secret)` are the headers that carry the credential.
    `unasked(reply)` takes out of a fully read answer what only we asked for (`call.sureness`).
    """

    dialect: Dialect
    misfits: Callable[[Call, Target], tuple[str, ...]]
    encode: Callable[[Call, Target], Outgoing]
    decode: "Callable[..., Reply]"
    stream: "Callable[..., StreamDecoder]"
    failure: Callable[[Incoming], Failure]
    headers: Callable[[str | None], Mapping[str, str]]
    unasked: Callable[[Reply], Reply] = _as_it_is
