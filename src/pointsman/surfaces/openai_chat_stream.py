"""
OpenAI Chat Completions as a stream: our events → `chat.completion.chunk` events.
"""

from typing import Final

import msgspec

from pointsman.core.call import Call
from pointsman.core.reply import (
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

FINISH: Final = {
    Finish.DONE: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.PAUSED: "stop",
    Finish.LENGTH: "length",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSED: "content_filter",
}


def usage_object(usage: Usage) -> dict[str, object]:
    """Return usage in OpenAI's words; cached tokens are part of the prompt."""
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


class OpenAIStream:
    """Writes the chunks of one answer; the role comes first, usage last and only if it was asked for."""

    def __init__(self, call: Call) -> None:
        self._wants_usage = call.wants_usage
        self._created = int(call.call_id[:8] + call.call_id[9:13], 16) // 1000
        self._id = f"chatcmpl-{call.call_id}"
        self._model = call.capability
        self._usage = Usage()
        self._thought: list[str] = []

    def feed(self, event: Event) -> bytes:
        """Return the bytes of the chunks for one event."""
        match event:
            case Started(reply_id, model):
                self._id, self._model = reply_id or self._id, model or self._model
                return self._chunk({"role": "assistant", "content": ""})
            case TextDelta(text):
                return self._chunk({"content": text})
            case Finished(finish):
                return self._chunk({}, FINISH[finish])
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Closed():
                return (self._usage_chunk() if self._wants_usage else b"") + b"data: [DONE]\n\n"
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
                text, self._thought = "".join(self._thought), []
                return self._chunk({"reasoning_details": [{"type": "reasoning.text", "text": text, "signature": signature}]})
            case ThinkingHidden(data):
                return self._chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": data}]})
            case _:
                return b""

    def _chunk(self, delta: dict[str, object], finish: str | None = None) -> bytes:
        return self._write([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], None)

    def _usage_chunk(self) -> bytes:
        return self._write([], usage_object(self._usage))

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
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
