"""
What a place answers: one whole `Reply`, or the events of a stream.

The events are the vocabulary between a vendor's stream decoder and a caller's stream encoder. Order: `Started`, then deltas,
`Finished` and `UsageSeen` in either order, `Closed` last. A stream that ends without `Closed` was cut.
"""

from enum import StrEnum

from msgspec import Struct

from pointsman.core.call import Foreign, Part
from pointsman.core.place import Dialect


class Finish(StrEnum):
    """Why the model stopped."""

    DONE = "done"
    LENGTH = "length"
    TOOLS = "tools"
    STOP_SEQUENCE = "stop_sequence"
    REFUSED = "refused"
    PAUSED = "paused"


class Usage(Struct, frozen=True, kw_only=True):
    """
    Tokens by kind, as the vendor counted them.

    `tokens_in` counts the whole prompt, cached parts included; `cache_read` and `cache_write` are parts of it, `reasoning` is part
    of `tokens_out`. `cost_nano_usd` is what the vendor says it charged, if it says so.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost_nano_usd: int | None = None


class Native(Struct, frozen=True):
    """A body in the words of one dialect, to be forwarded untouched to a caller who speaks it."""

    dialect: Dialect
    body: bytes


class Reply(Struct, frozen=True, kw_only=True):
    """
    A whole answer.

    `parts` is empty when `native` is set and nobody needed to look inside. `usage` and `logprobs` (mean and least of its tokens) None: the vendor did not say.
    """

    reply_id: str
    model: str
    finish: Finish
    parts: tuple[Part, ...] = ()
    stop_sequence: str | None = None
    usage: Usage | None = None
    native: Native | None = None
    logprobs: tuple[float, float] | None = None


class Started(Struct, frozen=True):
    """The model began to answer."""

    reply_id: str
    model: str


class TextDelta(Struct, frozen=True):
    """More text of the answer."""

    text: str


class RefusalDelta(Struct, frozen=True):
    """More text of a refusal."""

    text: str


class ThinkingDelta(Struct, frozen=True):
    """More reasoning text."""

    text: str


class ThinkingSigned(Struct, frozen=True):
    """The signature over the reasoning so far."""

    signature: str


class ThinkingHidden(Struct, frozen=True):
    """A block of encrypted reasoning."""

    data: str


class ToolStarted(Struct, frozen=True):
    """The model began to ask for a tool. `slot` numbers the tool uses of one answer from 0."""

    slot: int
    use_id: str
    name: str


class ToolDelta(Struct, frozen=True):
    """More JSON text of the arguments of the tool use in this slot."""

    slot: int
    arguments: str


class Finished(Struct, frozen=True):
    """The model stopped."""

    finish: Finish
    stop_sequence: str | None = None


class UsageSeen(Struct, frozen=True):
    """The vendor told what it counted; the last one told is the truth. `alone` marks a message that held nothing else."""

    usage: Usage
    alone: bool = False


class Broken(Struct, frozen=True):
    """The vendor told in the stream that it failed. `failure` is one of `FailureKind`."""

    failure: str
    message: str


class Closed(Struct, frozen=True):
    """The vendor's mark that nothing is missing."""


class Piece(Struct, frozen=True):
    """A part of a streamed reply: what it means, and the bytes it came as."""

    events: "tuple[Event, ...]"
    raw: bytes


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ThinkingSigned
    | ThinkingHidden
    | ToolStarted
    | ToolDelta
    | Foreign
    | Finished
    | UsageSeen
    | Broken
    | Closed
)
