"""
Anthropic Messages as a client protocol: bytes → `Call`, `Reply` → bytes.

Which fields mean something elsewhere is told in `anthropic_messages_wire`; streams are written in `anthropic_messages_stream`.
"""

from typing import Any, Final

import msgspec

from pointsman.core.call import (
    Call,
    HiddenThinking,
    Image,
    OutputSchema,
    Part,
    Refusal,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.core.errors import BadRequest
from pointsman.core.place import Dialect, Feature
from pointsman.core.reply import Reply, Usage
from pointsman.surfaces import anthropic_messages_wire as wire
from pointsman.surfaces.anthropic_messages_stream import STOP_REASON, AnthropicStream, usage_object
from pointsman.surfaces.body import convert, read_object
from pointsman.surfaces.checks import check_schema, image_from_base64, image_from_url
from pointsman.surfaces.surface import Problem, Surface

_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_MODES: Final = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "any": ToolMode.REQUIRED, "tool": ToolMode.NAMED}


def decode(body: bytes, call_id: str) -> Call:
    """Read the body of a messages request. Raises `BadRequest` with the field at fault."""
    tree = read_object(body)
    asked = convert(tree, wire.MessagesRequest)
    if not asked.model:
        raise BadRequest("`model` is empty. Name a capability; `GET /v1/models` lists them.", field="model")
    if not asked.messages:
        raise BadRequest("`messages` is empty. Send at least one message.", field="messages")
    reading = _Reading(tree)
    reading.read(asked)
    tools = _tools(asked, reading)
    if tools:
        reading.needs.add(Feature.TOOLS)
        reading.size += len(msgspec.json.encode(tree["tools"]))
    return Call(
        call_id=call_id,
        dialect=Dialect.ANTHROPIC_MESSAGES,
        capability=asked.model,
        turns=tuple(reading.turns),
        wire=tree,
        system=reading.system,
        tools=tools,
        tool_choice=_tool_choice(asked),
        sampling=_sampling(asked, reading),
        schema=_schema(asked, reading),
        extras=reading.extras,
        needs=frozenset(reading.needs),
        stream=bool(asked.stream),
        wants_usage=True,
        user=asked.metadata.user_id if asked.metadata is not None else None,
        size_chars=reading.size,
    )


class _Reading:
    """One pass over the messages, collecting what a Call is made of."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.turns: list[Turn] = []
        self.system: tuple[Text, ...] = ()
        self.needs: set[Feature] = set()
        self.size = 0
        self.extras: dict[str, object] = {
            name: value
            for name, value in tree.items()
            if name not in wire.CARRIED and value is not None and name not in wire.NO_EFFECT and value not in wire.NEUTRAL.get(name, ())
        }

    def read(self, asked: wire.MessagesRequest) -> None:
        system = [asked.system] if isinstance(asked.system, str) else [part.text for part in asked.system or ()]
        self.system = tuple(Text(text) for text in system)
        self.size += sum(map(len, system))
        for index, message in enumerate(asked.messages):
            if message.role not in ("user", "assistant"):
                field = f"messages[{index}].role"
                raise BadRequest(f"`{field}` is `{message.role[:40]}`. Use `user` or `assistant`; the system prompt goes into `system`.", field=field)
            parts = self._blocks(message.content, f"messages[{index}].content")
            self.turns.append(Turn(Role(message.role), tuple(parts)))

    def _blocks(self, content: str | list[wire.Block], field: str) -> list[Part]:
        if isinstance(content, str):
            self.size += len(content)
            return [Text(content)]
        parts: list[Part] = []
        for position, block in enumerate(content):
            part = self._block(block, f"{field}[{position}]")
            if part is not None:
                parts.append(part)
        return parts

    def _block(self, block: wire.Block, field: str) -> Part | None:
        match block:
            case wire.Block(type="text", text=str(text)):
                self.size += len(text)
                return Text(text)
            case wire.Block(type="image", source=wire.Source() as source):
                return self._image(source, field)
            case wire.Block(type="tool_use", id=str(use_id), name=str(name)):
                arguments = msgspec.json.encode(block.input or {}).decode()
                self.size += len(arguments)
                return ToolUse(use_id=use_id, name=name, arguments=arguments)
            case wire.Block(type="tool_result", tool_use_id=str(use_id)):
                parts = tuple(part for part in self._blocks(block.content or [], f"{field}.content") if isinstance(part, Text | Image))
                return ToolResult(use_id=use_id, parts=parts, is_error=bool(block.is_error))
            case wire.Block(type="thinking", thinking=str(text)):
                return Thinking(text=text, signature=block.signature or None)
            case wire.Block(type="redacted_thinking", data=str(data)):
                return HiddenThinking(data=data)
            case wire.Block(type="text" | "image" | "tool_use" | "tool_result" | "thinking" | "redacted_thinking" as kind):
                raise BadRequest(f"`{field}` says `{kind}` but lacks what such a block holds. Complete it.", field=field)
            case _:
                self.extras[f"{field}.type"] = block.type
                return None

    def _image(self, source: wire.Source, field: str) -> Image | None:
        self.needs.add(Feature.IMAGES)
        if source.type == "base64" and source.data is not None and source.media_type is not None:
            return image_from_base64(source.data, source.media_type, detail=None, field=f"{field}.source.data")
        if source.type == "url" and source.url is not None:
            return image_from_url(source.url, detail=None, field=f"{field}.source.url")
        self.extras[f"{field}.source.type"] = source.type
        return None


def _sampling(asked: wire.MessagesRequest, reading: _Reading) -> Sampling:
    thinking = asked.thinking
    if thinking is not None and thinking.type == "enabled":
        reading.needs.add(Feature.THINKING)
    return Sampling(
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        stop=tuple(asked.stop_sequences or ()),
        thinking_tokens=thinking.budget_tokens if thinking is not None and thinking.type == "enabled" else None,
        effort=asked.output_config.effort if asked.output_config is not None else None,
    )


def _schema(asked: wire.MessagesRequest, reading: _Reading) -> OutputSchema | None:
    form = asked.output_config.format if asked.output_config is not None else None
    if form is None:
        return None
    if form.type != "json_schema" or form.schema is None:
        raise BadRequest("`output_config.format` must be a `json_schema` with its `schema`. Correct it.", field="output_config.format")
    check_schema(form.schema, "output_config.format.schema")
    reading.needs.add(Feature.SCHEMA)
    return OutputSchema(name="answer", schema=form.schema, strict=True)


def _tools(asked: wire.MessagesRequest, reading: _Reading) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for index, tool in enumerate(asked.tools or ()):
        if tool.type not in (None, "custom"):
            reading.extras[f"tools[{index}].type"] = tool.type
            continue
        if tool.input_schema is None:
            raise BadRequest(f"`tools[{index}].input_schema` is missing. Describe the tool's input.", field=f"tools[{index}].input_schema")
        check_schema(tool.input_schema, f"tools[{index}].input_schema")
        tools.append(Tool(name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict))
    return tuple(tools)


def _tool_choice(asked: wire.MessagesRequest) -> ToolChoice | None:
    chosen = asked.tool_choice
    if chosen is None:
        return None
    mode = _MODES.get(chosen.type)
    if mode is None or (mode is ToolMode.NAMED and chosen.name is None):
        raise BadRequest("`tool_choice` must be `auto`, `any`, `none`, or `tool` with a `name`. Choose one.", field="tool_choice")
    parallel = None if chosen.disable_parallel_tool_use is None else not chosen.disable_parallel_tool_use
    return ToolChoice(mode=mode, name=chosen.name, parallel=parallel)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(reply: Reply, call: Call) -> bytes:
    """Write a whole message."""
    del call
    if reply.native is not None and reply.native.dialect is Dialect.ANTHROPIC_MESSAGES:
        return reply.native.body
    return msgspec.json.encode(
        {
            "id": reply.reply_id,
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": [_content(part) for part in reply.parts],
            "stop_reason": STOP_REASON[reply.finish],
            "stop_sequence": reply.stop_sequence,
            "usage": usage_object(reply.usage or Usage()),
        }
    )


def _content(part: Part) -> dict[str, object]:
    match part:
        case Text(text) | Refusal(text=text):
            return {"type": "text", "text": text}
        case ToolUse(use_id=use_id, name=name, arguments=arguments):
            return {"type": "tool_use", "id": use_id, "name": name, "input": msgspec.json.decode(arguments or "{}")}
        case Thinking(text=text, signature=signature):
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case HiddenThinking(data=data):
            return {"type": "redacted_thinking", "data": data}
        case _:
            raise TypeError(f"a model answers no {type(part).__name__}")


def error(problem: Problem) -> bytes:
    """Write an error answer in Anthropic's shape."""
    kind = _ERROR_TYPES.get(problem.status, "api_error")
    told = {"type": kind, "message": problem.message, "code": problem.code}
    return msgspec.json.encode({"type": "error", "error": told, "request_id": problem.request_id})


def stream_error(problem: Problem) -> bytes:
    """Write the error that ends a stream which had begun; the SDK raises it. No `message_stop` follows: the answer is not whole."""
    return b"event: error\ndata: " + error(problem) + b"\n\n"


def models(names: tuple[str, ...]) -> bytes:
    """List capabilities as models."""
    data = [{"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"} for name in names]
    return msgspec.json.encode({"data": data, "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None})


SURFACE: Final = Surface(
    dialect=Dialect.ANTHROPIC_MESSAGES, decode=decode, encode=encode, stream=AnthropicStream, error=error, stream_error=stream_error, models=models
)
