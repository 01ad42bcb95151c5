"""
Anthropic Messages as a client protocol: bytes → `Call`, `Reply` → bytes.

Which fields mean something elsewhere is told in `anthropic_messages_wire`; streams are written in `anthropic_messages_stream`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from pointsman.core.call import (
    Call,
    Foreign,
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
from pointsman.providers.tool_input import tool_input
from pointsman.surfaces import anthropic_messages_wire as wire
from pointsman.surfaces.anthropic_messages_stream import STOP_REASON, AnthropicStream, message_id, replay, usage_object
from pointsman.surfaces.body import convert, read_object
from pointsman.surfaces.checks import check_schema, image_from_base64, image_from_url
from pointsman.surfaces.events import untranslatable
from pointsman.surfaces.names import checked
from pointsman.surfaces.surface import Problem, Surface

_Content: Final[Any] = str | list[dict[str, Any]]
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
_ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT}
_BARE: Final = 2  # fields of a block that holds its type and its text alone
_MODES: Final = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "any": ToolMode.REQUIRED, "tool": ToolMode.NAMED}


def decode(body: bytes, call_id: str) -> Call:
    """Read the body of a messages request. Raises `BadRequest` with the field at fault."""
    return read(read_object(body), call_id)


def read(tree: dict[str, Any], call_id: str) -> Call:
    """Read a body that is an object already. Raises `BadRequest` with the field at fault."""
    asked = convert(tree, wire.MessagesRequest)
    if not asked.model:
        raise BadRequest("`model` is empty. Name a capability; `GET /v1/models` lists them.", field="model")
    if not asked.messages:
        raise BadRequest("`messages` is empty. Send at least one message.", field="messages")
    reading = _Reading(tree)
    reading.read(asked, tree["messages"])
    tools = tuple(reading.tools(asked.tools or ()))
    return Call(
        call_id=call_id,
        dialect=Dialect.ANTHROPIC_MESSAGES,
        capability=asked.model,
        turns=tuple(reading.turns),
        wire=tree,
        system=tuple(reading.system),
        tools=tools,
        tool_choice=reading.tool_choice(asked.tool_choice),
        sampling=Sampling(
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            top_k=asked.top_k,
            stop=tuple(asked.stop_sequences or ()),
            thinking_tokens=reading.thinking_tokens(asked.thinking),
            effort=asked.output_config.effort if asked.output_config is not None else None,
        ),
        schema=reading.schema(asked.output_config),
        extras=reading.extras,
        needs=frozenset(reading.needs),
        stream=bool(asked.stream),
        wants_usage=True,
        user=checked(asked.metadata.user_id, field="metadata.user_id") if asked.metadata is not None and asked.metadata.user_id else None,
        size_chars=reading.size,
    )


class _Reading:
    """One pass over the request, collecting what a Call is made of."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.turns: list[Turn] = []
        self.system: list[Text] = []
        self.needs: set[Feature] = set()
        self.size = 0
        self.extras = dict(wire.REQUEST.unsaid(tree))
        for name, fields in (("output_config", wire.OUTPUT_CONFIG), ("metadata", wire.METADATA), ("tool_choice", wire.TOOL_CHOICE)):
            self.extras.update(fields.unsaid(tree.get(name) or {}, name))

    def read(self, asked: wire.MessagesRequest, found: list[dict[str, Any]]) -> None:
        """Read the system prompt and the conversation; `found` is the latter with every field."""
        for part in self._blocks(asked.system or [], "system"):
            if isinstance(part, Text):
                self.system.append(part)
            else:
                self.extras["system"] = asked.system
        for index, message in enumerate(asked.messages):
            at = f"messages[{index}]"
            self.extras.update(wire.MESSAGE.unsaid(found[index], at))
            parts = self._blocks(message.content, f"{at}.content")
            role = _ROLES.get(message.role)
            if role is not None:
                self.turns.append(Turn(role, tuple(parts)))
            elif message.role == "system":  # a later instruction has no place in other dialects
                self.extras[f"{at}.role"] = message.role
            else:
                raise BadRequest(f"`{at}.role` is `{message.role[:40]}`. Use `user` or `assistant`; the system prompt goes into `system`.", field=f"{at}.role")

    def _blocks(self, content: str | list[dict[str, Any]], at: str) -> list[Part]:
        if isinstance(content, str):
            self.size += len(content)
            return [Text(content)]
        parts: list[Part] = []
        for position, found in enumerate(content):
            match found:
                case {"type": "text", "text": str(text)} if len(found) == _BARE:  # by far the most, and nothing in them can need a name
                    self.size += len(text)
                    parts.append(Text(text))
                case _:
                    parts.extend(self._block(found, f"{at}[{position}]"))
        return parts

    def _block(self, found: dict[str, Any], at: str) -> tuple[Part, ...]:
        kind = found.get("type")
        fields = wire.BLOCK.get(kind) if isinstance(kind, str) else None
        if fields is None:
            self.extras[f"{at}.type"] = kind
            return ()
        self.extras.update(fields.unsaid(found, at))
        match found:
            case {"type": "text", "text": str(text)}:
                self.size += len(text)
                return (Text(text),)
            case {"type": "image", "source": {"type": str()}}:
                return self._image(found["source"], f"{at}.source")
            case {"type": "tool_use", "id": str(use_id), "name": str(name), "input": dict()}:
                arguments = msgspec.json.encode(found["input"]).decode()
                self.size += len(arguments)
                return (ToolUse(use_id=use_id, name=name, arguments=arguments),)
            case {"type": "tool_result", "tool_use_id": str(use_id)}:
                return (ToolResult(use_id=use_id, parts=self._result(found.get("content"), f"{at}.content"), is_error=bool(found.get("is_error"))),)
            case {"type": "thinking", "thinking": str(text)}:
                return (Thinking(text=text, signature=found.get("signature") or None),)
            case {"type": "redacted_thinking", "data": str(data)}:
                return (HiddenThinking(data=data),)
            case _:
                raise BadRequest(f"`{at}` says `{kind}` but lacks what such a block holds. Complete it.", field=at)

    def _result(self, content: object, at: str) -> tuple[Text | Image, ...]:
        parts = self._blocks(convert(content or [], _Content, at=at), at)
        if not all(isinstance(part, Text | Image) for part in parts):
            self.extras[at] = content
        return tuple(part for part in parts if isinstance(part, Text | Image))

    def _image(self, source: dict[str, Any], at: str) -> tuple[Image, ...]:
        self.needs.add(Feature.IMAGES)
        fields = wire.SOURCE.get(source["type"])
        if fields is not None:
            self.extras.update(fields.unsaid(source, at))
        match source:
            case {"type": "base64", "data": str(data), "media_type": str(media_type)}:
                return (image_from_base64(data, media_type, detail=None, field=f"{at}.data"),)
            case {"type": "url", "url": str(url)}:
                return (image_from_url(url, detail=None, field=f"{at}.url"),)
            case {"type": "base64" | "url" as kind}:
                raise BadRequest(f"`{at}` says `{kind}` but lacks what such a source holds. Complete it.", field=at)
            case _:
                self.extras[f"{at}.type"] = source["type"]
                return ()

    def thinking_tokens(self, found: dict[str, Any] | None) -> int | None:
        """Read how long the model is to think; other ways to ask for thoughts than a number of tokens are this dialect's own."""
        match found:
            case None | {"type": "disabled"}:
                return None
            case {"type": "enabled", "budget_tokens": int(tokens)}:
                self.needs.add(Feature.THINKING)
                return tokens
            case _:
                self.needs.add(Feature.THINKING)
                self.extras["thinking"] = found
                return None

    def schema(self, found: wire.OutputConfig | None) -> OutputSchema | None:
        """Read the form that the answer must have."""
        form = found.format if found is not None else None
        if form is None:
            return None
        at = "output_config.format"
        self.needs.add(Feature.SCHEMA)
        self.extras.update(wire.FORMAT.unsaid(form, at))
        match form:
            case {"type": "json_schema", "schema": dict()}:
                schema: dict[str, Any] = form["schema"]
                self.size += check_schema(schema, f"{at}.schema")
                return OutputSchema(name="answer", schema=schema, strict=True)
            case {"type": "json_schema"}:
                raise BadRequest(f"`{at}.schema` is missing. Add the JSON Schema of the answer.", field=f"{at}.schema")
            case _:
                self.extras[f"{at}.type"] = form.get("type")
                return None

    def tools(self, found: Sequence[dict[str, Any]]) -> Iterator[Tool]:
        """Read the tools' definitions."""
        for index, definition in enumerate(found):
            at = f"tools[{index}]"
            self.needs.add(Feature.TOOLS)
            if definition.get("type") not in (None, "custom"):  # runs at the vendor
                self.extras[f"{at}.type"] = definition["type"]
                continue
            self.extras.update(wire.TOOL.unsaid(definition, at))
            tool = convert(definition, wire.Tool, at=at)
            self.size += check_schema(tool.input_schema, f"{at}.input_schema") + len(tool.description or "")
            yield Tool(name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict)

    def tool_choice(self, found: wire.ToolChoice | None) -> ToolChoice | None:
        """Read which tools may be used."""
        if found is None:
            return None
        mode = _MODES.get(found.type)
        if mode is None:
            self.extras["tool_choice.type"] = found.type
            return None
        if mode is ToolMode.NAMED and found.name is None:
            raise BadRequest("`tool_choice.name` is missing. Name the tool.", field="tool_choice.name")
        parallel = None if found.disable_parallel_tool_use is None else not found.disable_parallel_tool_use
        return ToolChoice(mode=mode, name=found.name if mode is ToolMode.NAMED else None, parallel=parallel)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(reply: Reply, call: Call) -> bytes:
    """Write a whole message."""
    if reply.native is not None and reply.native.dialect is Dialect.ANTHROPIC_MESSAGES:
        return reply.native.body
    return msgspec.json.encode(
        {
            "id": reply.reply_id or message_id(call),
            "type": "message",
            "role": "assistant",
            "model": reply.model or call.capability,
            "content": [_content(part, reply.model) for part in reply.parts],
            "stop_reason": STOP_REASON[reply.finish],
            "stop_sequence": reply.stop_sequence,
            "usage": usage_object(reply.usage or Usage()),  # the dialect has no word for usage that is not known
        }
    )


def _content(part: Part, model: str) -> dict[str, object]:
    match part:
        case Text(text) | Refusal(text=text):
            return {"type": "text", "text": text}
        case ToolUse(use_id=use_id, name=name, arguments=arguments):
            return {"type": "tool_use", "id": use_id, "name": name, "input": tool_input(arguments)}
        case Thinking(text=text, signature=signature):
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case HiddenThinking(data=data):
            return {"type": "redacted_thinking", "data": data}
        case Foreign():
            raise untranslatable(part, model)
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
    known = {"type": "model", "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active"}
    data = [{**known, "id": name, "display_name": name} for name in names]
    return msgspec.json.encode({"data": data, "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None})


SURFACE: Final = Surface(
    dialect=Dialect.ANTHROPIC_MESSAGES,
    decode=decode,
    read=read,
    encode=encode,
    replay=replay,
    stream=AnthropicStream,
    error=error,
    stream_error=stream_error,
    models=models,
    heeds=("anthropic-beta",),
)
