"""
Anthropic Messages streams: `message_start` … `message_stop` → our events.
"""

from typing import Any, Final

import msgspec

from pointsman.core.call import Foreign
from pointsman.core.reply import (
    Broken,
    Closed,
    Event,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingHidden,
    ThinkingSigned,
    ToolDelta,
    ToolStarted,
    Usage,
    UsageSeen,
)
from pointsman.core.target import Target
from pointsman.providers.counts import tokens
from pointsman.providers.failures import bad_answer, one_line, stream_kind

# The vendor's words on the left, ours on the right. A new word must be added here on purpose: guessing would hide a truncated answer.
FINISH: Final = {
    "end_turn": Finish.DONE,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "tool_use": Finish.TOOLS,
    "refusal": Finish.REFUSED,
    "pause_turn": Finish.PAUSED,
}


class OutputDetails(msgspec.Struct):
    """What the output was spent on."""

    thinking_tokens: int | None = None


class StopDetails(msgspec.Struct):
    """Why the model declined."""

    explanation: str | None = None


class WireUsage(msgspec.Struct):
    """Usage as Anthropic tells it: cached tokens are counted beside the input, not in it."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: WireUsage | None = None


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None
    thinking: str = ""
    data: str = ""
    citations: Any = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: WireUsage | None = None
    error: _Error | None = None


_read: Final = msgspec.json.Decoder(_Event).decode
_QUIET: Final = frozenset({"content_block_start", "content_block_delta", "content_block_stop", "ping"})


def usage_of(told: WireUsage | None) -> Usage | None:
    """Return usage in our words: the prompt with its cached parts."""
    if told is None:
        return None
    read, write = tokens(told.cache_read_input_tokens), tokens(told.cache_creation_input_tokens)
    details = told.output_tokens_details
    return Usage(
        tokens_in=tokens(told.input_tokens) + read + write,
        tokens_out=tokens(told.output_tokens),
        cache_read=read,
        cache_write=write,
        reasoning=tokens(details.thinking_tokens) if details is not None else 0,
    )


class AnthropicDecoder:
    """Reads the events of one answer."""

    def __init__(self, target: Target, *, full: bool) -> None:
        self._target = target
        self._full = full
        self._usage = WireUsage()
        self._slots: dict[int, int] = {}
        self._foreign: set[int] = set()

    def feed(self, event: str | None, data: bytes) -> tuple[Event, ...]:
        """Return what one event means. Raises `PlaceFailed`."""
        if not self._full and event in _QUIET:
            return ()
        try:
            return self._events(_read(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
            raise bad_answer(self._target, error) from error

    def _events(self, told: _Event) -> tuple[Event, ...]:
        match told.type:
            case "content_block_delta" if told.delta is not None and self._full:
                return self._delta(told.delta, told.index)
            case "content_block_start" if told.content_block is not None and self._full:
                return self._block(told.content_block, told.index)
            case "message_start" if told.message is not None:
                return (Started(told.message.id, told.message.model), self._count(told.message.usage))
            case "message_delta" if told.delta is not None:
                return self._end(told.delta, self._count(told.usage))
            case "message_stop":
                return (Closed(),)
            case "error":
                error = told.error or _Error()
                return (Broken(stream_kind(None, error.type), one_line(error.message)),)
            case _:
                return ()  # the protocol asks readers to pass over events they do not know

    def _end(self, delta: _Delta, usage: UsageSeen) -> tuple[Event, ...]:
        if delta.stop_reason is None:
            return (usage,)
        finished = Finished(FINISH[delta.stop_reason], delta.stop_sequence)
        explained = delta.stop_details.explanation if delta.stop_details is not None and self._full else None
        return (RefusalDelta(explained), finished, usage) if explained else (finished, usage)

    def _count(self, told: WireUsage | None) -> UsageSeen:
        """Add what an event tells; the end repeats only what has changed since the start."""
        if told is not None:
            for name in WireUsage.__struct_fields__:
                value = getattr(told, name)
                if value is not None:
                    setattr(self._usage, name, value)
        return UsageSeen(usage_of(self._usage) or Usage())

    def _block(self, block: _Block, index: int) -> tuple[Event, ...]:
        match block.type:
            case "text":
                cited: tuple[Event, ...] = (Foreign("citations"),) if block.citations else ()
                return (TextDelta(block.text), *cited) if block.text else cited
            case "thinking":
                return (ThinkingDelta(block.thinking),) if block.thinking else ()
            case "redacted_thinking":
                return (ThinkingHidden(block.data),)
            case "tool_use":
                slot = self._slots[index] = len(self._slots)
                started = ToolStarted(slot, block.id, block.name)
                return (started, ToolDelta(slot, msgspec.json.encode(block.input).decode())) if block.input else (started,)
            case kind:
                self._foreign.add(index)
                return (Foreign(kind),)

    def _delta(self, delta: _Delta, index: int) -> tuple[Event, ...]:
        match delta.type:
            case _ if index in self._foreign:
                return ()  # told of when the block began
            case "text_delta":
                return (TextDelta(delta.text),)
            case "input_json_delta":
                return (ToolDelta(self._slots[index], delta.partial_json),) if delta.partial_json else ()
            case "thinking_delta":
                return (ThinkingDelta(delta.thinking),)
            case "signature_delta":
                return (ThinkingSigned(delta.signature),)
            case kind:
                return (Foreign(kind),)
