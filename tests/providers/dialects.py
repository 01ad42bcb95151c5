"""
Both dialects by name, for tests: bytes in and out of a pair of them, and the official SDKs as judges of what comes out.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming
from pydantic import TypeAdapter
from tests.values import CALL_ID, a_target, a_vendor

from pointsman.core.call import Call
from pointsman.core.place import Dialect
from pointsman.core.reply import Event
from pointsman.core.target import Target
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.surfaces.registry import BY_DIALECT as SURFACES
from pointsman.transport.sse import SseReader

OPENAI, ANTHROPIC = Dialect.OPENAI_CHAT, Dialect.ANTHROPIC_MESSAGES
PAIRS = tuple((caller, vendor) for caller in (OPENAI, ANTHROPIC) for vendor in (OPENAI, ANTHROPIC))
KINDS = {OPENAI: "openai_compatible", ANTHROPIC: "anthropic_compatible"}

Json = dict[str, Any]


def target_of(dialect: Dialect, *, kind: str | None = None, **more: Any) -> Target:
    return a_target(dialect=dialect, vendor=a_vendor(kind=kind or KINDS[dialect]), **more)


def read(dialect: Dialect, request: Json) -> Call:
    return SURFACES[dialect].decode(msgspec.json.encode(request), CALL_ID)


def asked(call: Call, vendor: Dialect, *, kind: str | None = None) -> Json:
    return msgspec.json.decode(WIRES[vendor].encode(call, target_of(vendor, kind=kind)).body)


def misfits(call: Call, vendor: Dialect, *, kind: str | None = None) -> tuple[str, ...]:
    return WIRES[vendor].misfits(call, target_of(vendor, kind=kind))


def answered(call: Call, vendor: Dialect, answer: Json) -> Json:
    reply = WIRES[vendor].decode(msgspec.json.encode(answer), target_of(vendor), full=vendor is not call.dialect)
    return msgspec.json.decode(SURFACES[call.dialect].encode(reply, call))


def sse(dialect: Dialect, events: Iterable[Json]) -> bytes:
    """Return a stream as the vendors of a dialect write it."""
    if dialect is OPENAI:
        return b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    return b"".join(f"event: {event['type']}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n" for event in events)


def told(dialect: Dialect, stream: bytes) -> list[Json]:
    """Return what a stream tells, checking its frame: names, blank lines, and an end mark where the dialect has one."""
    events = SseReader(1_000_000).feed(stream)
    assert b"".join(event.raw for event in events) == stream
    if dialect is OPENAI:
        assert events.pop().data == b"[DONE]"
    bodies = [msgspec.json.decode(event.data) for event in events]
    assert [event.event for event in events] == [body["type"] if dialect is ANTHROPIC else None for body in bodies]
    return bodies


def events_of(vendor: Dialect, pieces: Iterable[bytes], *, full: bool = True) -> list[Event]:
    reader, decoder = SseReader(1_000_000), WIRES[vendor].stream(target_of(vendor), full=full)
    return [meaning for piece in pieces for event in reader.feed(piece) for meaning in decoder.feed(event.event, event.data)]


def streamed(call: Call, vendor: Dialect, stream: bytes) -> bytes:
    """Return what the caller is sent for a vendor's stream in another dialect."""
    encoder = SURFACES[call.dialect].stream(call)
    return b"".join(encoder.feed(event) for event in events_of(vendor, [stream]))


# ── the SDKs as judges ──────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _params(dialect: Dialect, *, stream: bool) -> TypeAdapter[Any]:
    streaming, whole = {
        OPENAI: (CompletionCreateParamsStreaming, CompletionCreateParamsNonStreaming),
        ANTHROPIC: (MessageCreateParamsStreaming, MessageCreateParamsNonStreaming),
    }[dialect]
    return TypeAdapter(streaming if stream else whole)


@cache
def _event_type() -> TypeAdapter[RawMessageStreamEvent]:
    return TypeAdapter(RawMessageStreamEvent)


def judge_request(dialect: Dialect, request: Json) -> None:
    """Check a request against the parameters that the SDK declares; writing it out again makes pydantic look into every list."""
    params = _params(dialect, stream=bool(request.get("stream")))
    params.dump_json(params.validate_python(request), warnings="error")


def judge_answer(dialect: Dialect, answer: Json) -> ChatCompletion | Message:
    model = ChatCompletion if dialect is OPENAI else Message
    return model.model_validate_json(msgspec.json.encode(answer), strict=True)


def put_together(dialect: Dialect, stream: bytes) -> Json:
    """Return the whole answer that the SDK makes of a stream, each of whose events it finds valid."""
    if dialect is OPENAI:
        state = ChatCompletionStreamState()
        for body in told(dialect, stream):
            list(state.handle_chunk(ChatCompletionChunk.model_validate_json(msgspec.json.encode(body), strict=True)))
        return state.current_completion_snapshot.model_dump(mode="json")
    message, buffers = None, {}
    for body in told(dialect, stream):
        event = _event_type().validate_json(msgspec.json.encode(body), strict=True)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=buffers)
    assert message is not None
    return message.model_dump(mode="json")
