"""
OpenAI Chat Completions streams: `chat.completion.chunk` events → our events.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pointsman.core.call import Foreign, HiddenThinking, Thinking
from pointsman.core.failure import FailureKind
from pointsman.core.money import nano
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
from pointsman.providers.profiles.table import profile_of

# The vendor's words on the left, ours on the right. A new word must be added here on purpose: guessing would hide a truncated answer.
FINISH: Final = {
    "stop": Finish.DONE,
    "length": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "tool_calls": Finish.TOOLS,
    "function_call": Finish.TOOLS,
    "content_filter": Finish.REFUSED,
}
_DONE: Final = b"[DONE]"
_ID_TAIL: Final = 24
_MOST_USD: Final = 1_000_000


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """Usage as OpenAI tells it; cached tokens are part of the prompt."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    cost: Any = None


class WireDetail(msgspec.Struct):
    """Reasoning with its proof, as an extension that several servers share."""

    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    custom: Any = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[WireDetail] | None = None
    tool_calls: list[_ToolCall] | None = None
    audio: Any = None
    function_call: Any = None
    annotations: Any = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Chunk(msgspec.Struct):
    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: WireUsage | None = None
    error: _Error | str | None = None


_read: Final = msgspec.json.Decoder(_Chunk).decode


def usage_of(told: WireUsage | None, target: Target) -> Usage | None:
    """Return usage in our words, with the cost that the vendor tells if it is one that tells it in US dollars."""
    if told is None:
        return None
    tells = profile_of(target).reports_cost and isinstance(told.cost, int | float) and 0 <= told.cost <= _MOST_USD
    prompt = told.prompt_tokens_details or _PromptDetails()
    completion = told.completion_tokens_details or _CompletionDetails()
    return Usage(
        tokens_in=tokens(told.prompt_tokens),
        tokens_out=tokens(told.completion_tokens),
        cache_read=tokens(prompt.cached_tokens),
        cache_write=tokens(prompt.cache_write_tokens),
        reasoning=tokens(completion.reasoning_tokens),
        cost_nano_usd=nano(told.cost) if tells else None,
    )


def use_id(reply_id: str, slot: int) -> str:
    """Return an identifier for a tool use to which the server gave none; no other answer has the same. Vendors take 40 characters."""
    return f"call_{reply_id[-_ID_TAIL:]}_{slot}"


def true_finish(finish: Finish, *, asks: bool, declines: bool) -> Finish:
    """
    Return why the model stopped, as other dialects mean it: `asks` for a tool, or `declines` in the field that is kept for it.

    Servers say `stop` when the caller forced a tool, and when the model declined.
    """
    if finish is Finish.DONE and asks:
        return Finish.TOOLS
    return Finish.REFUSED if finish is Finish.DONE and declines else finish


def thought_of(detail: WireDetail, *, is_shown: bool) -> Thinking | HiddenThinking | None:
    """Return the thought in a detail, unless it only repeats text that is shown elsewhere."""
    if detail.data is not None:
        return HiddenThinking(data=detail.data)
    if detail.signature:
        return Thinking(text=detail.text or "", signature=detail.signature)
    text = detail.text or detail.summary
    return None if is_shown or not text else Thinking(text=text)


class OpenAIDecoder:
    """Reads the chunks of one answer. Only the first choice is understood; more are asked for by callers of the same dialect alone."""

    def __init__(self, target: Target, *, full: bool) -> None:
        self._target = target
        self._full = full
        self._id: str | None = None
        self._slots: dict[int, tuple[int, str | None]] = {}
        self._tools = 0
        self._is_shown = False
        self._declines = False

    def feed(self, event: str | None, data: bytes) -> tuple[Event, ...]:
        """Return what one chunk means. Raises `PlaceFailed`."""
        del event
        if data.rstrip() == _DONE:
            return (Closed(),)
        try:
            return tuple(self._events(_read(data)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
            raise bad_answer(self._target, error) from error

    def _events(self, chunk: _Chunk) -> Iterator[Event]:
        if chunk.error is not None:
            yield _broken(chunk.error)
            return
        if self._id is None and chunk.choices:
            self._id = chunk.id
            yield Started(chunk.id, chunk.model)
        for choice in chunk.choices:
            if choice.index == 0:
                yield from self._choice(choice)
            elif self._full:
                yield Foreign("choices")
        usage = usage_of(chunk.usage, self._target)
        if usage is not None:
            yield UsageSeen(usage, alone=not chunk.choices)

    def _choice(self, choice: _Choice) -> Iterator[Event]:
        if self._full and choice.delta is not None:
            yield from self._delta(choice.delta)
        if self._full and choice.logprobs:
            yield Foreign("logprobs")
        if choice.finish_reason:
            yield Finished(true_finish(FINISH[choice.finish_reason], asks=self._tools > 0, declines=self._declines))

    def _delta(self, delta: _Delta) -> Iterator[Event]:
        shown = delta.reasoning_content or delta.reasoning
        if shown:
            self._is_shown = True
            yield ThinkingDelta(shown)
        for detail in delta.reasoning_details or ():
            yield from self._detail(detail)
        if delta.content:
            yield TextDelta(delta.content)
        if delta.refusal:
            self._declines = True
            yield RefusalDelta(delta.refusal)
        for use in delta.tool_calls or ():
            yield from self._tool(use)
        for name, value in (("audio", delta.audio), ("function_call", delta.function_call), ("annotations", delta.annotations)):
            if value:
                yield Foreign(name)

    def _detail(self, detail: WireDetail) -> Iterator[Event]:
        # A detail with a signature repeats what has been shown; without shown text the details are the only place of it.
        match thought_of(detail, is_shown=self._is_shown):
            case HiddenThinking(data=data):
                yield ThinkingHidden(data)
            case Thinking(text=text, signature=signature):
                if text and not self._is_shown:
                    yield ThinkingDelta(text)
                if signature is not None:
                    yield ThinkingSigned(signature)
            case _:
                pass

    def _tool(self, use: _ToolCall) -> Iterator[Event]:
        if use.custom is not None:
            yield Foreign("tool_calls.custom")
            return
        function = use.function or _Function()
        index = use.index or 0
        slot, known_id = self._slots.get(index, (-1, None))
        # Some servers number every tool use 0 and tell them apart by identifier alone.
        if slot < 0 or (use.id and function.name and use.id != known_id):
            slot, self._tools = self._tools, self._tools + 1
            self._slots[index] = (slot, use.id)
            yield ToolStarted(slot, use.id or use_id(self._id or "", slot), function.name or "")
        if function.arguments:
            yield ToolDelta(slot, function.arguments)


def _broken(told: _Error | str) -> Broken:
    if isinstance(told, str):
        return Broken(FailureKind.BROKEN, one_line(told))
    return Broken(stream_kind(told.code, told.type), one_line(told.message or ""))
