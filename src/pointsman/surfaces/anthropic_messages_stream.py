"""
Anthropic Messages as a stream: our events → `message_start` … `message_stop`; and a whole message → the same.

Content blocks follow one another: a block is closed before the next begins. Other vendors may go back to a tool use they have left, so
the block of a tool stays open to the end, and what comes meanwhile for others waits until then.
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
from pointsman.surfaces.events import ReplyBuilder, part_events, reply_events, untranslatable

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
    told: dict[str, object] = {
        "input_tokens": max(usage.tokens_in - usage.cache_read - usage.cache_write, 0),
        "output_tokens": usage.tokens_out,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }
    return {**told, "output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else told


def message_id(call: Call) -> str:
    """Return a name for an answer to which nobody has given one."""
    return f"msg_{call.call_id}"


class AnthropicStream:
    """Writes the events of one answer."""

    def __init__(self, call: Call) -> None:
        self._id = message_id(call)
        self._model = call.capability
        self._index = -1
        self._open: str | None = None
        self._open_slot: int | None = None
        self._later = ReplyBuilder()
        self._usage = Usage()
        self._finished = Finished(Finish.DONE)
        self._has_begun = False

    def feed(self, event: Event) -> bytes:
        """Return the bytes of the server-sent events for one of ours."""
        match event:
            case Started(reply_id, model):
                self._id, self._model = reply_id or self._id, model or self._model
                return self._begin()
            case UsageSeen(usage):
                self._usage = usage
                return b""
            case Finished():
                self._finished = event
                return b""
            case Closed():
                return self._end()
            case Foreign():
                raise untranslatable(event, self._model)
            case ToolDelta(slot) if slot == self._open_slot:
                return self._content(event)
            case _ if self._open_slot is not None:
                self._later.feed((event,))
                return b""
            case _:
                return self._content(event)

    def _content(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                return self._in("text", {"type": "text", "text": ""}) + self._delta({"type": "text_delta", "text": text})
            case ToolDelta(arguments=arguments):
                return self._delta({"type": "input_json_delta", "partial_json": arguments})
            case ToolStarted(slot, use_id, name):
                started = self._start("tool", {"type": "tool_use", "id": use_id, "name": name, "input": {}})
                self._open_slot = slot
                return started
            case ThinkingDelta(text):
                return self._in_thinking() + self._delta({"type": "thinking_delta", "thinking": text})
            case ThinkingSigned(signature):
                written = self._in_thinking() + self._delta({"type": "signature_delta", "signature": signature})
                self._open = "signed"  # a signature ends its block
                return written
            case ThinkingHidden(data):
                return self._start("hidden", {"type": "redacted_thinking", "data": data})
            case _:
                return b""

    def _in_thinking(self) -> bytes:
        return self._in("thinking", {"type": "thinking", "thinking": "", "signature": ""})

    def _in(self, kind: str, block: dict[str, object]) -> bytes:
        return b"" if self._open == kind else self._start(kind, block)

    def _begin(self) -> bytes:
        self._has_begun = True
        message: dict[str, object] = {
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

    def _start(self, kind: str, block: dict[str, object]) -> bytes:
        begun = b"" if self._has_begun else self._begin()
        closed = self._close()
        self._index += 1
        self._open = kind
        return begun + closed + _event("content_block_start", {"index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, object]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = self._open_slot = None
        return _event("content_block_stop", {"index": self._index})

    def _end(self) -> bytes:
        written = b"" if self._has_begun else self._begin()
        written += self._close()
        for slot, part in enumerate(self._later.reply().parts):
            written += b"".join([self._content(event) for event in part_events(part, slot)]) + self._close()
        delta = {"stop_reason": STOP_REASON[self._finished.finish], "stop_sequence": self._finished.stop_sequence}
        return written + _event("message_delta", {"delta": delta, "usage": usage_object(self._usage)}) + _event("message_stop", {})


def replay(reply: Reply, call: Call) -> bytes:
    """Write a whole answer as a stream, with every field that its vendor wrote."""
    if reply.native is None or reply.native.dialect is not Dialect.ANTHROPIC_MESSAGES:
        encoder = AnthropicStream(call)
        return b"".join([encoder.feed(event) for event in reply_events(reply)])
    whole: dict[str, Any] = msgspec.json.decode(reply.native.body)
    events = [_event("message_start", {"message": {**whole, "content": [], "stop_reason": None, "stop_sequence": None}})]
    for index, block in enumerate(whole["content"]):
        start, deltas = _taken_apart(block)
        events.append(_event("content_block_start", {"index": index, "content_block": start}))
        events.extend(_event("content_block_delta", {"index": index, "delta": delta}) for delta in deltas)
        events.append(_event("content_block_stop", {"index": index}))
    ends = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details", "container") if name in whole}
    events.extend((_event("message_delta", {"delta": ends, "usage": whole.get("usage")}), _event("message_stop", {})))
    return b"".join(events)


def _taken_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block:
        case {"type": "text", "text": text}:
            cited = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
            return {**block, "text": "", **({"citations": []} if cited else {})}, [{"type": "text_delta", "text": text}, *cited]
        case {"type": "thinking", "thinking": text}:
            signed = {"type": "signature_delta", "signature": block.get("signature") or ""}
            return {**block, "thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": text}, signed]
        case {"type": "tool_use", "input": given}:
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": msgspec.json.encode(given).decode()}]
        case _:  # kinds that we do not know begin whole
            return block, []


def _event(name: str, body: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode({"type": name, **body}) + b"\n\n"
