"""
What a place answers: one whole `Reply`, or the events of a stream.

The events are the vocabulary between a vendor's stream decoder and a caller's stream encoder. Order: `Started`, then deltas,
`Finished` and `UsageSeen` in either order, `Closed` last. A stream that ends without `Closed` was cut.
"""

from dataclasses import dataclass
from enum import StrEnum

from pointsman.core.call import Part
from pointsman.core.place import Dialect


class Finish(StrEnum):
    """Why the model stopped."""

    DONE = "done"
    LENGTH = "length"
    TOOLS = "tools"
    STOP_SEQUENCE = "stop_sequence"
    REFUSED = "refused"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """
    Tokens by kind, as the vendor counted them.

    `tokens_in` counts the whole prompt, cached parts included; `cache_read` and `cache_write` are parts of it, `reasoning` is part
    of `tokens_out`.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Native:
    """A body in the words of one dialect, to be forwarded untouched to a caller who speaks it."""

    dialect: Dialect
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    A whole answer.

    `parts` is empty when `native` is set and nobody needed to look inside. `usage` None means the vendor did not say.
    `cost_nano_usd` is set when the vendor reported its own price.
    """

    reply_id: str
    model: str
    finish: Finish
    parts: tuple[Part, ...] = ()
    stop_sequence: str | None = None
    usage: Usage | None = None
    native: Native | None = None
    cost_nano_usd: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The model began to answer."""

    reply_id: str
    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More text of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More reasoning text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingSigned:
    """The signature over the reasoning so far."""

    signature: str


@dataclass(frozen=True, slots=True)
class ThinkingHidden:
    """A block of encrypted reasoning."""

    data: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The model began to ask for a tool. `slot` numbers the tool uses of one answer from 0."""

    slot: int
    use_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """More JSON text of the arguments of the tool use in this slot."""

    slot: int
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The model stopped."""

    finish: Finish
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """The vendor told what it counted; the last one told is the truth. `alone` marks a message that held nothing else."""

    usage: Usage
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The vendor told in the stream that it failed. `failure` is one of `FailureKind`."""

    failure: str
    message: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The vendor's mark that nothing is missing."""


Event = Started | TextDelta | RefusalDelta | ThinkingDelta | ThinkingSigned | ThinkingHidden | ToolStarted | ToolDelta | Finished | UsageSeen | Broken | Closed
