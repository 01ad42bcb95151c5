"""
OpenAI Chat Completions as a stream: our events → `chat.completion.chunk` events; and a whole completion → the same.
"""

from typing import Any, Final

import msgspec

from pointsman.core.call import Call, Foreign
from pointsman.core.place import Dialect
from pointsman.core.reply import (
    Closed,
    Event,
    Finish,
    Finished,
    RefusalDelta,
    Reply,
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
from pointsman.surfaces.events import reply_events, untranslatable

FINISH: Final = {
    Finish.DONE: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.PAUSED: "stop",
    Finish.LENGTH: "length",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSED: "content_filter",
}
_END: Final = b"data: [DONE]\n\n"


def usage_object(usage: Usage) -> dict[str, object]:
    """Return usage in OpenAI's words; cached tokens are part of the prompt."""
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def created(call: Call) -> int:
    """Return when the call came, in seconds: its identifier begins with the time."""
    return int(call.call_id[:8] + call.call_id[9:13], 16) // 1000


def completion_id(call: Call) -> str:
    """Return a name for an answer to which nobody has given one."""
    return f"chatcmpl-{call.call_id}"


class OpenAIStream:
    """Writes the chunks of one answer; the role comes first, usage last and only if it was asked for."""

    def __init__(self, call: Call) -> None:
        self._wants_usage = call.wants_usage
        self._created = created(call)
        self._id = completion_id(call)
        self._model = call.capability
        self._usage: Usage | None = None
        self._thought: list[str] = []
        self._details = 0

    def feed(self, event: Event) -> bytes:
        """Return the bytes of the chunks for one event."""
        match event:
            case Started(reply_id, model):
                self._id, self._model = reply_id or self._id, model or self._model
                return self._chunk({"role": "assistant", "content": ""})
            case TextDelta(text):
                return self._chunk({"content": text})
            case Finished(finish):
                return self._unsigned() + self._chunk({}, FINISH[finish])
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Closed():
                return self._usage_chunk() + _END
            case _:
                return self._rarer(event)

    def _rarer(self, event: Event) -> bytes:
        match event:
            case RefusalDelta(text):
                return self._chunk({"refusal": text})
            case ToolStarted(slot, use_id, name):
                return self._chunk({"tool_calls": [{"index": slot, "id": use_id, "type": "function", "function": {"name": name, "arguments": ""}}]})
            case ToolDelta(slot, arguments):
                return self._chunk({"tool_calls": [{"index": slot, "function": {"arguments": arguments}}]})
            case ThinkingDelta(text):
                self._thought.append(text)
                return self._chunk({"reasoning_content": text})
            case ThinkingSigned(signature):
                return self._signed(signature)
            case ThinkingHidden(data):
                return self._unsigned(before_more=True) + self._detail({"type": "reasoning.encrypted", "data": data})
            case Foreign():
                raise untranslatable(event, self._model)
            case _:
                return b""

    def _signed(self, signature: str | None) -> bytes:
        text, self._thought = "".join(self._thought), []
        return self._detail({"type": "reasoning.text", "text": text, "signature": signature})

    def _unsigned(self, *, before_more: bool = False) -> bytes:
        # Once there are details, a thought without a signature is told among them too: callers send the details back, not the text.
        return self._signed(None) if self._thought and (before_more or self._details) else b""

    def _detail(self, detail: dict[str, object]) -> bytes:
        # The SDK puts lists together by `index` and cannot do without it.
        index, self._details = self._details, self._details + 1
        return self._chunk({"reasoning_details": [{"index": index, **detail}]})

    def _chunk(self, delta: dict[str, object], finish: str | None = None) -> bytes:
        return self._write([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], None)

    def _usage_chunk(self) -> bytes:
        return self._write([], usage_object(self._usage)) if self._wants_usage and self._usage is not None else b""

    def _write(self, choices: list[dict[str, object]], usage: dict[str, object] | None) -> bytes:
        chunk: dict[str, object] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        if self._wants_usage:
            chunk["usage"] = usage
        return _event(chunk)


def replay(reply: Reply, call: Call) -> bytes:
    """Write a whole answer as a stream, with every field that its vendor wrote."""
    if reply.native is None or reply.native.dialect is not Dialect.OPENAI_CHAT:
        encoder = OpenAIStream(call)
        return b"".join([encoder.feed(event) for event in reply_events(reply)])
    whole: dict[str, Any] = msgspec.json.decode(reply.native.body)
    usage, choices = whole.pop("usage", None), whole.pop("choices")
    whole["object"] = "chat.completion.chunk"
    asked: dict[str, Any] = {"usage": None} if call.wants_usage else {}
    chunks: list[dict[str, Any]] = [{**whole, "choices": [_whole_choice(choice)], **asked} for choice in choices]
    if call.wants_usage and usage is not None:
        chunks.append({**whole, "choices": [], "usage": usage})
    return b"".join([_event(chunk) for chunk in chunks]) + _END


def _whole_choice(choice: dict[str, Any]) -> dict[str, Any]:
    delta = dict(choice.pop("message", None) or {})
    for name in ("tool_calls", "reasoning_details"):
        if delta.get(name):
            delta[name] = [{"index": index, **entry} for index, entry in enumerate(delta[name])]
    return {**choice, "delta": delta}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
