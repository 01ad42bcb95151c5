"""
Answers of vendors, made up by hypothesis: the same content as a whole body and as a stream, in any dialect.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st
from tests.providers.dialects import OPENAI, Json

from pointsman.core.place import Dialect

TEXTS = st.text(min_size=1, max_size=12)
INPUTS = st.dictionaries(st.text(max_size=4), st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=4), max_size=3)
COUNTS = st.integers(0, 10**9)


def pieces(text: str) -> st.SearchStrategy[list[str]]:
    """Split a text anywhere."""
    cuts = st.lists(st.integers(0, len(text)), max_size=3).map(lambda at: [0, *sorted(at), len(text)])
    return cuts.map(lambda at: [text[start:end] for start, end in pairwise(at)])


@st.composite
def answers(draw: st.DrawFn, vendor: Dialect) -> tuple[Json, list[Json]]:
    """Return a whole answer, and the events of a stream that says the same."""
    return draw(_openai()) if vendor is OPENAI else draw(_anthropic())


@st.composite
def _openai(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    message: Json = {"role": "assistant", "content": draw(st.none() | TEXTS)}
    if draw(st.booleans()):
        message["reasoning_content"] = draw(TEXTS)
    if draw(st.booleans()):
        message["refusal"] = draw(TEXTS)
    uses = [
        {"id": f"call_{slot}", "type": "function", "function": {"name": f"f{slot}", "arguments": msgspec.json.encode(draw(INPUTS)).decode()}}
        for slot in range(draw(st.integers(0, 3)))
    ]
    if uses:
        message["tool_calls"] = uses
    finish = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    prompt = draw(COUNTS)
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    completion = draw(COUNTS)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": draw(st.integers(0, completion))},
    }
    head = {"id": "chatcmpl-1", "created": 1, "model": "small-1"}
    whole = {**head, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "content", "refusal"):
        deltas.extend({name: piece} for piece in draw(pieces(message.get(name) or "")))
    deltas.extend(_interleaved(draw, uses))
    chunks = [{**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    return whole, chunks


def _interleaved(draw: st.DrawFn, uses: list[Json]) -> Iterator[Json]:
    waiting = {slot: draw(pieces(use["function"]["arguments"])) for slot, use in enumerate(uses)}
    for slot, use in enumerate(uses):
        first = waiting[slot].pop(0)
        yield {"tool_calls": [{"index": slot, "id": use["id"], "type": "function", "function": {"name": use["function"]["name"], "arguments": first}}]}
    while any(waiting.values()):
        slot = draw(st.sampled_from([slot for slot, rest in waiting.items() if rest]))
        yield {"tool_calls": [{"index": slot, "function": {"arguments": waiting[slot].pop(0)}}]}


@st.composite
def _anthropic(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    usage: Json = {
        "input_tokens": draw(COUNTS),
        "output_tokens": draw(COUNTS),
        "cache_read_input_tokens": draw(COUNTS),
        "cache_creation_input_tokens": draw(COUNTS),
    }
    usage["output_tokens_details"] = {"thinking_tokens": draw(st.integers(0, usage["output_tokens"]))}
    stop = draw(st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn"]))
    ends = {"stop_reason": stop, "stop_sequence": "END" if stop == "stop_sequence" else None}
    head: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": "small-1"}
    events: list[Json] = [
        {"type": "message_start", "message": {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}}
    ]
    blocks = []
    for index in range(draw(st.integers(0, 4))):
        block, start, deltas = draw(_block(index))
        blocks.append(block)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events.extend({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    told = {"output_tokens": usage["output_tokens"], "output_tokens_details": usage["output_tokens_details"]}
    events += [{"type": "ping"}, {"type": "message_delta", "delta": ends, "usage": told}, {"type": "message_stop"}]
    return {**head, "content": blocks, **ends, "usage": usage}, events


@st.composite
def _block(draw: st.DrawFn, index: int) -> tuple[Json, Json, list[dict[str, Any]]]:
    match draw(st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use"])):
        case "text":
            text = draw(TEXTS)
            deltas = [{"type": "text_delta", "text": piece} for piece in draw(pieces(text))]
            return {"type": "text", "text": text}, {"type": "text", "text": ""}, deltas
        case "thinking":
            text = draw(st.text(max_size=12))
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in draw(pieces(text))]
            signed = {"type": "thinking", "thinking": text, "signature": f"sig{index}"}
            return signed, {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": f"sig{index}"}]
        case "tool_use":
            given = draw(INPUTS)
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in draw(pieces(msgspec.json.encode(given).decode()))]
            block = {"type": "tool_use", "id": f"toolu_{index}", "name": "f", "input": given}
            return block, {**block, "input": {}}, deltas
        case kind:
            block = {"type": kind, "data": f"hidden{index}"}
            return block, block, []
