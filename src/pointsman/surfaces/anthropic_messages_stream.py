"""
Anthropic Messages as a stream: our events → `message_start` … `message_stop`.

Content blocks follow one another: a block is closed before the next begins. Fragments for a tool that is not the open one are held until
the end, when each such tool gets its block.
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

STOP_REASON: Final = {
    Finish.DONE: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.REFUSED: "refusal",
    Finish.PAUSED: "pause_turn",
}


def usage_object(usage: Usage) -> dict[str, object]:
    """Return usage in Anthropic's words: cached tokens are counted beside the input, not in it."""
    return {
        "input_tokens": usage.tokens_in - usage.cache_read - usage.cache_write,
        "output_tokens": usage.tokens_out,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }


class AnthropicStream:
    """Writes the events of one answer."""

    def __init__(self, call: Call) -> None:
        self._id = f"msg_{call.call_id}"
        self._model = call.capability
        self._index = -1
        self._open: str | None = None
        self._open_slot: int | None = None
        self._late: dict[int, tuple[ToolStarted, list[str]]] = {}
        self._usage = Usage()
        self._finished = Finished(Finish.DONE)
        self._has_begun = False

    def feed(self, event: Event) -> bytes:
        """Return the bytes of the server-sent events for one of ours."""
        match event:
            case Started(reply_id, model):
                self._id, self._model = reply_id or self._id, model or self._model
                return self._begin()
            case TextDelta(text) | RefusalDelta(text):
                return self._in("text", {"type": "text", "text": ""}) + self._delta({"type": "text_delta", "text": text})
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Finished():
                self._finished = event
                return b""
            case Closed():
                return self._end()
            case _:
                return self._rarer(event)

    def _rarer(self, event: Event) -> bytes:
        match event:
            case ThinkingDelta(text):
                return self._in_thinking() + self._delta({"type": "thinking_delta", "thinking": text})
            case ThinkingSigned(signature):
                return self._in_thinking() + self._delta({"type": "signature_delta", "signature": signature})
            case ThinkingHidden(data):
                return self._close() + self._start("hidden", {"type": "redacted_thinking", "data": data}) + self._close()
            case ToolStarted():
                return self._tool(event)
            case ToolDelta(slot, arguments):
                if slot != self._open_slot:
                    self._late[slot][1].append(arguments)
                    return b""
                return self._delta({"type": "input_json_delta", "partial_json": arguments})
            case _:
                return b""

    def _in_thinking(self) -> bytes:
        return self._in("thinking", {"type": "thinking", "thinking": "", "signature": ""})

    def _tool(self, event: ToolStarted) -> bytes:
        if self._open == "tool" and event.slot in self._late:
            return b""
        if self._open == "tool":
            self._late[event.slot] = (event, [])
            return b""
        return self._open_tool(event)

    def _open_tool(self, event: ToolStarted) -> bytes:
        closing = self._close()
        self._open_slot = event.slot
        return closing + self._start("tool", {"type": "tool_use", "id": event.use_id, "name": event.name, "input": {}})

    def _begin(self) -> bytes:
        self._has_begun = True
        message = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_object(self._usage),
        }
        return _event("message_start", {"message": message})

    def _in(self, kind: str, block: dict[str, object]) -> bytes:
        return b"" if self._open == kind else self._flush() + self._start(kind, block)

    def _start(self, kind: str, block: dict[str, object]) -> bytes:
        self._index += 1
        self._open = kind
        return _event("content_block_start", {"index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, object]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = self._open_slot = None
        return _event("content_block_stop", {"index": self._index})

    def _flush(self) -> bytes:
        """Close the open block and write the tools that had to wait for it."""
        written = self._close()
        for started, fragments in self._late.values():
            written += self._open_tool(started) + self._delta({"type": "input_json_delta", "partial_json": "".join(fragments)}) + self._close()
        self._late = {}
        return written

    def _end(self) -> bytes:
        begun = b"" if self._has_begun else self._begin()
        delta = {"stop_reason": STOP_REASON[self._finished.finish], "stop_sequence": self._finished.stop_sequence}
        return begun + self._flush() + _event("message_delta", {"delta": delta, "usage": usage_object(self._usage)}) + _event("message_stop", {})


def _event(name: str, body: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode({"type": name, **body}) + b"\n\n"
