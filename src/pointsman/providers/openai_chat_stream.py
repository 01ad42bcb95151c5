"""
OpenAI Chat Completions streams: `chat.completion.chunk` events → our events.
"""

from typing import Final

import msgspec

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
from pointsman.providers.failures import bad_answer, stream_kind

# The vendor's words on the left, ours on the right. A new word must be added here on purpose: guessing would hide a truncated answer.
FINISH: Final = {
    "stop": Finish.DONE,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOLS,
    "function_call": Finish.TOOLS,
    "content_filter": Finish.REFUSED,
}
_DONE: Final = b"[DONE]"


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """Usage as OpenAI tells it; cached tokens are part of the prompt."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Detail(msgspec.Struct):
    signature: str | None = None
    data: str | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[_Detail] | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    type: str | None = None
    code: str | int | None = None


class _Chunk(msgspec.Struct):
    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: WireUsage | None = None
    error: _Error | None = None


_read: Final = msgspec.json.Decoder(_Chunk).decode


def usage_of(told: WireUsage | None) -> Usage | None:
    """Return usage in our words."""
    if told is None:
        return None
    prompt, completion = told.prompt_tokens_details, told.completion_tokens_details
    return Usage(
        tokens_in=told.prompt_tokens,
        tokens_out=told.completion_tokens,
        cache_read=(prompt.cached_tokens or 0) if prompt is not None else 0,
        reasoning=(completion.reasoning_tokens or 0) if completion is not None else 0,
    )


class OpenAIDecoder:
    """Reads the chunks of one answer. Only the first choice is understood; more are asked for by callers of the same dialect alone."""

    def __init__(self, target: Target, *, full: bool) -> None:
        self._target = target
        self._full = full
        self._has_started = False
        self._tools: set[int] = set()

    def feed(self, event: str | None, data: bytes) -> tuple[Event, ...]:
        """Return what one chunk means. Raises `PlaceFailed`."""
        del event
        if data == _DONE:
            return (Closed(),)
        try:
            chunk = _read(data)
            events = self._events(chunk)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
            raise bad_answer(self._target, error) from error
        return events

    def _events(self, chunk: _Chunk) -> tuple[Event, ...]:
        if chunk.error is not None:
            return (Broken(stream_kind(str(chunk.error.code or chunk.error.type or "")), chunk.error.message),)
        events: list[Event] = []
        if not self._has_started and chunk.choices:
            self._has_started = True
            events.append(Started(chunk.id, chunk.model))
        for choice in chunk.choices:
            if self._full and choice.delta is not None:
                events.extend(self._delta(choice.delta))
            if choice.finish_reason is not None:
                events.append(Finished(FINISH[choice.finish_reason]))
        usage = usage_of(chunk.usage)
        if usage is not None:
            events.append(UsageSeen(usage, alone=not chunk.choices))
        return tuple(events)

    def _delta(self, delta: _Delta) -> list[Event]:
        events: list[Event] = []
        if delta.reasoning_content:
            events.append(ThinkingDelta(delta.reasoning_content))
        for detail in delta.reasoning_details or ():
            if detail.signature is not None:
                events.append(ThinkingSigned(detail.signature))
            if detail.data is not None:
                events.append(ThinkingHidden(detail.data))
        if delta.content:
            events.append(TextDelta(delta.content))
        if delta.refusal:
            events.append(RefusalDelta(delta.refusal))
        for use in delta.tool_calls or ():
            events.extend(self._tool(use))
        return events

    def _tool(self, use: _ToolCall) -> list[Event]:
        events: list[Event] = []
        function = use.function or _Function()
        if use.index not in self._tools:
            self._tools.add(use.index)
            events.append(ToolStarted(use.index, use.id or f"call_{use.index}", function.name or ""))
        if function.arguments:
            events.append(ToolDelta(use.index, function.arguments))
        return events
