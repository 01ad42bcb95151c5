"""
OpenAI Chat Completions as a client protocol: bytes → `Call`, `Reply` → bytes.

Which fields mean something elsewhere is told in `openai_chat_wire`; streams are written in `openai_chat_stream`.
"""

from collections.abc import Iterator, Sequence
from types import UnionType
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
from pointsman.core.reply import Reply
from pointsman.surfaces import openai_chat_wire as wire
from pointsman.surfaces.body import convert, read_object
from pointsman.surfaces.checks import check_schema, image_from_url
from pointsman.surfaces.events import untranslatable
from pointsman.surfaces.names import checked
from pointsman.surfaces.openai_chat_stream import FINISH, OpenAIStream, completion_id, created, replay, usage_object
from pointsman.surfaces.surface import Problem, Surface

_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_FIRST_SERVER_ERROR: Final = 500
_BARE: Final = 2  # fields of a part that holds its type and its text alone, and of a message of a role and a text
_SPEAKERS: Final = {"user": Role.USER, "assistant": Role.ASSISTANT}
_MODES: Final = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED}


def decode(body: bytes, call_id: str) -> Call:
    """Read the body of a chat completion request. Raises `BadRequest` with the field at fault."""
    return read(read_object(body), call_id)


def read(tree: dict[str, Any], call_id: str) -> Call:
    """Read a body that is an object already. Raises `BadRequest` with the field at fault."""
    asked = convert(tree, wire.ChatRequest)
    if not asked.model:
        raise BadRequest("`model` is empty. Name a capability; `GET /v1/models` lists them.", field="model")
    if not asked.messages:
        raise BadRequest("`messages` is empty. Send at least one message.", field="messages")
    reading = _Reading(tree)
    reading.read(asked.messages, tree["messages"])
    tools = tuple(reading.tools(asked.tools)) if asked.tools else ()
    schema = reading.schema(asked.response_format)
    return Call(
        call_id=call_id,
        dialect=Dialect.OPENAI_CHAT,
        capability=asked.model,
        turns=tuple(reading.turns),
        wire=tree,
        system=tuple(reading.system),
        tools=tools,
        tool_choice=_tool_choice(asked, reading.extras),
        sampling=Sampling(
            max_tokens=asked.max_completion_tokens if asked.max_completion_tokens is not None else asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            stop=(asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()),
            effort=asked.reasoning_effort,
        ),
        schema=schema,
        extras=reading.extras,
        needs=frozenset(reading.needs),
        answers=asked.n or 1,
        stream=bool(asked.stream),
        wants_usage=asked.stream_options is not None and bool(asked.stream_options.include_usage),
        user=checked(asked.user, field="user") if asked.user else None,
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
        if "stream_options" in tree:
            self.extras.update(wire.STREAM_OPTIONS.unsaid(tree["stream_options"] or {}, "stream_options"))

    def read(self, messages: list[wire.Message], found: list[dict[str, Any]]) -> None:
        """Read the conversation; `found` is the same with every field."""
        for index, message in enumerate(messages):
            if len(found[index]) == _BARE and isinstance(message.content, str) and self._plain(message.role, message.content):
                continue
            at = f"messages[{index}]"
            fields = wire.MESSAGE.get(message.role)
            if fields is None:
                self._stranger(message, at)
                continue
            self.extras.update(fields.unsaid(found[index], at))
            parts = self._parts(message.content, f"{at}.content")
            match message.role:
                case "user":
                    self.turns.append(Turn(Role.USER, tuple(parts)))
                case "assistant":
                    self.turns.append(Turn(Role.ASSISTANT, self._assistant(message, parts, at=at)))
                case "tool":
                    self._tool_result(message, parts, at=at)
                case _:
                    self._instruct(message, parts, at=at)

    def _plain(self, role: str, text: str) -> bool:
        """Read a message of a role and a text, by far the most; tell whether it was one that needs no further look."""
        if role in _SPEAKERS:
            self.turns.append(Turn(_SPEAKERS[role], (Text(text),)))
        elif role == "system" and not self.turns:
            self.system.append(Text(text))
        else:
            return False
        self.size += len(text)
        return True

    def _stranger(self, message: wire.Message, at: str) -> None:
        if message.role != "function":  # the form of tool results that tools replaced; only its own dialect still knows it
            raise BadRequest(f"`{at}.role` is `{message.role[:40]}`. Use `system`, `developer`, `user`, `assistant` or `tool`.", field=f"{at}.role")
        self.extras[f"{at}.role"] = message.role

    def _instruct(self, message: wire.Message, parts: list[Part], *, at: str) -> None:
        if self.turns:  # a later instruction has no place in other dialects
            self.extras[f"{at}.role"] = message.role
            return
        self.system.extend(part for part in parts if isinstance(part, Text))
        self._only(parts, Text, at=f"{at}.content")

    def _only(self, parts: list[Part], kinds: type[Part] | UnionType, *, at: str) -> None:
        if not all(isinstance(part, kinds) for part in parts):
            self.extras[at] = "parts of another kind"

    def _assistant(self, message: wire.Message, spoken: list[Part], *, at: str) -> tuple[Part, ...]:
        parts: list[Part] = []
        for position, detail in enumerate(message.reasoning_details or ()):
            parts.extend(self._detail(detail, f"{at}.reasoning_details[{position}]"))
        if message.reasoning_content and not any(isinstance(part, Thinking) for part in parts):
            parts.append(Thinking(text=message.reasoning_content))
        parts.extend(spoken)
        if message.refusal:
            parts.append(Refusal(text=message.refusal))
        for position, use in enumerate(message.tool_calls or ()):
            parts.extend(self._tool_use(use, f"{at}.tool_calls[{position}]"))
        return tuple(parts)

    def _detail(self, found: dict[str, Any], at: str) -> tuple[Part, ...]:
        match found:
            case {"type": "reasoning.text", "text": str(text)}:
                self.extras.update(wire.DETAIL_TEXT.unsaid(found, at))
                return (Thinking(text=text, signature=found.get("signature") or None),)
            case {"type": "reasoning.encrypted", "data": str(data)}:
                self.extras.update(wire.DETAIL_ENCRYPTED.unsaid(found, at))
                return (HiddenThinking(data=data),)
            case _:
                self.extras[at] = found
                return ()

    def _tool_use(self, found: dict[str, Any], at: str) -> tuple[ToolUse, ...]:
        match found:
            case {"id": str(use_id), "function": {"name": str(name), **called}} if found.get("type", "function") == "function":
                arguments = called.get("arguments") or ""
                if not isinstance(arguments, str):
                    raise BadRequest(f"`{at}.function.arguments` is no text. Send the JSON as a string.", field=f"{at}.function.arguments")
                self.extras.update(wire.TOOL_CALL.unsaid(found, at))
                self.extras.update(wire.CALLED.unsaid(called, f"{at}.function"))
                self.size += len(arguments)
                return (ToolUse(use_id=use_id, name=name, arguments=arguments),)
            case {"type": str(kind)} if kind != "function":
                self.extras[f"{at}.type"] = kind
                return ()
            case _:
                raise BadRequest(f"`{at}` lacks its `id` or its `function` with a `name`. Send tool calls back as you got them.", field=at)

    def _tool_result(self, message: wire.Message, parts: list[Part], *, at: str) -> None:
        if message.tool_call_id is None:
            raise BadRequest(f"`{at}.tool_call_id` is missing. Name the tool call that this answers.", field=f"{at}.tool_call_id")
        self._only(parts, Text | Image, at=f"{at}.content")
        result = ToolResult(use_id=message.tool_call_id, parts=tuple(part for part in parts if isinstance(part, Text | Image)))
        last = self.turns[-1].parts if self.turns else ()
        if last and isinstance(last[-1], ToolResult):
            self.turns[-1] = Turn(Role.USER, (*last, result))
        else:
            self.turns.append(Turn(Role.USER, (result,)))

    def _parts(self, content: str | list[dict[str, Any]] | None, at: str) -> list[Part]:
        if isinstance(content, str):
            self.size += len(content)
            return [Text(content)]
        parts: list[Part] = []
        for position, found in enumerate(content or ()):
            match found:
                case {"type": "text", "text": str(text)} if len(found) == _BARE:  # by far the most, and nothing in them can need a name
                    self.size += len(text)
                    parts.append(Text(text))
                case _:
                    parts.extend(self._part(found, f"{at}[{position}]"))
        return parts

    def _part(self, found: dict[str, Any], at: str) -> tuple[Part, ...]:
        kind = found.get("type")
        fields = wire.PART.get(kind) if isinstance(kind, str) else None
        if fields is None:
            self.extras[f"{at}.type"] = kind
            return ()
        self.extras.update(fields.unsaid(found, at))
        match found:
            case {"type": "text", "text": str(text)}:
                self.size += len(text)
                return (Text(text),)
            case {"type": "refusal", "refusal": str(text)}:
                return (Refusal(text=text),)
            case {"type": "image_url", "image_url": {"url": str(url), **more}}:
                self.needs.add(Feature.IMAGES)
                self.extras.update(wire.IMAGE_URL.unsaid(more, f"{at}.image_url"))
                detail = more.get("detail")
                return (image_from_url(url, detail=None if detail == "auto" else detail, field=f"{at}.image_url.url"),)
            case _:
                raise BadRequest(f"`{at}` says `{kind}` but holds none. Add it.", field=at)

    def tools(self, found: Sequence[dict[str, Any]]) -> Iterator[Tool]:
        """Read the tools' definitions."""
        for index, definition in enumerate(found):
            at = f"tools[{index}]"
            self.needs.add(Feature.TOOLS)
            if definition.get("type", "function") != "function":
                self.extras[f"{at}.type"] = definition["type"]
                continue
            tool = convert(definition.get("function"), wire.FunctionTool, at=f"{at}.function")
            self.extras.update(wire.TOOL.unsaid(definition, at))
            self.extras.update(wire.FUNCTION.unsaid(definition["function"], f"{at}.function"))
            parameters = tool.parameters or {"type": "object", "properties": {}}
            self.size += check_schema(parameters, f"{at}.function.parameters") + len(tool.description or "")
            yield Tool(name=tool.name, description=tool.description, parameters=parameters, strict=tool.strict)

    def schema(self, found: dict[str, Any] | None) -> OutputSchema | None:
        """Read the form that the answer must have."""
        if found is None:
            return None
        self.extras.update(wire.RESPONSE_FORMAT.unsaid(found, "response_format"))
        match found:
            case {"type": "text"}:
                return None
            case {"type": "json_object"}:
                self.needs.add(Feature.SCHEMA)
                return OutputSchema(name="object", schema=None)
            case {"type": "json_schema"}:
                told = convert(found.get("json_schema"), wire.JsonSchema, at="response_format.json_schema")
                self.extras.update(wire.JSON_SCHEMA.unsaid(found["json_schema"], "response_format.json_schema"))
                if told.schema is None:
                    field = "response_format.json_schema.schema"
                    raise BadRequest(f"`{field}` is missing. Add the JSON Schema of the answer.", field=field)
                self.size += check_schema(told.schema, "response_format.json_schema.schema")
                self.needs.add(Feature.SCHEMA)
                return OutputSchema(name=told.name, schema=told.schema, strict=told.strict)
            case _:
                self.extras["response_format"] = found
                return None


def _tool_choice(asked: wire.ChatRequest, extras: dict[str, object]) -> ToolChoice | None:
    chosen, parallel = asked.tool_choice, asked.parallel_tool_calls
    match chosen:
        case None:
            return None if parallel is None else ToolChoice(parallel=parallel)
        case "auto" | "none" | "required":
            return ToolChoice(mode=_MODES[chosen], parallel=parallel)
        case {"type": "function", "function": {"name": str(name)}}:
            extras.update(wire.TOOL_CHOICE.unsaid(chosen, "tool_choice"))
            return ToolChoice(mode=ToolMode.NAMED, name=name, parallel=parallel)
        case {"type": str(kind)} if kind != "function":
            extras["tool_choice"] = chosen
            return None
        case _:
            raise BadRequest("`tool_choice` must be `auto`, `none`, `required` or a function. Choose one.", field="tool_choice")


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(reply: Reply, call: Call) -> bytes:
    """Write a whole chat completion."""
    if reply.native is not None and reply.native.dialect is Dialect.OPENAI_CHAT:
        return reply.native.body
    completion: dict[str, object] = {
        "id": reply.reply_id or completion_id(call),
        "object": "chat.completion",
        "created": created(call),
        "model": reply.model or call.capability,
        "choices": [{"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": FINISH[reply.finish]}],
    }
    if reply.usage is not None:
        completion["usage"] = usage_object(reply.usage)
    return msgspec.json.encode(completion)


def _message(reply: Reply) -> dict[str, object]:
    for part in reply.parts:
        if isinstance(part, Foreign):
            raise untranslatable(part, reply.model)
    texts = [part.text for part in reply.parts if isinstance(part, Text)]
    refusals = [part.text for part in reply.parts if isinstance(part, Refusal)]
    uses = [part for part in reply.parts if isinstance(part, ToolUse)]
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (uses or refusals) else None,
        "refusal": "".join(refusals) or None,
    }
    if uses:
        message["tool_calls"] = [{"id": use.use_id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}} for use in uses]
    thoughts = [part for part in reply.parts if isinstance(part, Thinking | HiddenThinking)]
    if thoughts:
        message["reasoning_content"] = "".join(thought.text for thought in thoughts if isinstance(thought, Thinking))
    if any(isinstance(thought, HiddenThinking) or thought.signature for thought in thoughts):
        message["reasoning_details"] = [_detail(thought) for thought in thoughts]
    return message


def _detail(thought: Thinking | HiddenThinking) -> dict[str, object]:
    if isinstance(thought, HiddenThinking):
        return {"type": "reasoning.encrypted", "data": thought.data}
    return {"type": "reasoning.text", "text": thought.text, "signature": thought.signature}


def error(problem: Problem) -> bytes:
    """Write an error answer in OpenAI's shape."""
    kind = _ERROR_TYPES.get(problem.status) or ("server_error" if problem.status >= _FIRST_SERVER_ERROR else "invalid_request_error")
    return msgspec.json.encode({"error": {"message": problem.message, "type": kind, "param": problem.field, "code": problem.code}})


def stream_error(problem: Problem) -> bytes:
    """Write the error that ends a stream which had begun; the SDK raises it. No `[DONE]` follows: the answer is not whole."""
    return b"data: " + error(problem) + b"\n\n"


def models(names: tuple[str, ...]) -> bytes:
    """List capabilities as models."""
    return msgspec.json.encode({"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "pointsman"} for name in names]})


SURFACE: Final = Surface(
    dialect=Dialect.OPENAI_CHAT,
    decode=decode,
    read=read,
    encode=encode,
    replay=replay,
    stream=OpenAIStream,
    error=error,
    stream_error=stream_error,
    models=models,
)
