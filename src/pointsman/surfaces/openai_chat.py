"""
OpenAI Chat Completions as a client protocol: bytes → `Call`, `Reply` → bytes.

Which fields mean something elsewhere is told in `openai_chat_wire`; streams are written in `openai_chat_stream`.
"""

from typing import Any, Final

import msgspec

from pointsman.core.call import (
    Call,
    HiddenThinking,
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
from pointsman.surfaces import openai_chat_wire as wire
from pointsman.surfaces.body import convert, read_object
from pointsman.surfaces.checks import check_schema, image_from_url
from pointsman.surfaces.openai_chat_stream import FINISH, OpenAIStream, usage_object
from pointsman.surfaces.surface import Problem, Surface

_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_FIRST_SERVER_ERROR: Final = 500
_MODES: Final = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED}


def decode(body: bytes, call_id: str) -> Call:
    """Read the body of a chat completion request. Raises `BadRequest` with the field at fault."""
    tree = read_object(body)
    asked = convert(tree, wire.ChatRequest)
    if not asked.model:
        raise BadRequest("`model` is empty. Name a capability; `GET /v1/models` lists them.", field="model")
    if not asked.messages:
        raise BadRequest("`messages` is empty. Send at least one message.", field="messages")
    reading = _Reading(tree)
    reading.read(asked.messages)
    tools = _tools(asked, reading.extras)
    schema = _schema(asked.response_format)
    if schema is not None:
        reading.needs.add(Feature.SCHEMA)
    if tools:
        reading.needs.add(Feature.TOOLS)
        reading.size += len(msgspec.json.encode(tree["tools"]))
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
        stream=bool(asked.stream),
        wants_usage=asked.stream_options is not None and asked.stream_options.include_usage,
        user=asked.user,
        size_chars=reading.size,
    )


class _Reading:
    """One pass over the messages, collecting what a Call is made of."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.turns: list[Turn] = []
        self.system: list[Text] = []
        self.needs: set[Feature] = set()
        self.size = 0
        self._messages: list[dict[str, Any]] = tree["messages"]
        self.extras: dict[str, object] = {
            name: value
            for name, value in tree.items()
            if name not in wire.CARRIED and value is not None and name not in wire.NO_EFFECT and value not in wire.NEUTRAL.get(name, ())
        }

    def read(self, messages: list[wire.Message]) -> None:
        for index, message in enumerate(messages):
            if not self._messages[index].keys() <= wire.MESSAGE:
                for name in self._messages[index].keys() - wire.MESSAGE:
                    self.extras[f"messages[{index}].{name}"] = self._messages[index][name]
            match message.role:
                case "user":
                    self.turns.append(Turn(Role.USER, self._parts(message.content, index)))
                case "assistant":
                    self.turns.append(Turn(Role.ASSISTANT, self._assistant(message, index)))
                case "system" | "developer":
                    self._system(message, index)
                case "tool":
                    self._tool_result(message, index)
                case _:
                    field = f"messages[{index}].role"
                    raise BadRequest(f"`{field}` is `{message.role[:40]}`. Use `system`, `developer`, `user`, `assistant` or `tool`.", field=field)

    def _system(self, message: wire.Message, index: int) -> None:
        if self.turns:
            self.extras[f"messages[{index}].role"] = message.role  # a later instruction has no place in other dialects
            self._parts(message.content, index)
            return
        self.system.extend(part for part in self._parts(message.content, index) if isinstance(part, Text))

    def _assistant(self, message: wire.Message, index: int) -> tuple[Part, ...]:
        parts: list[Part] = []
        for detail in message.reasoning_details or ():
            if detail.data is not None:
                parts.append(HiddenThinking(data=detail.data))
            elif detail.text is not None:
                parts.append(Thinking(text=detail.text, signature=detail.signature))
        if message.reasoning_content and not parts:
            parts.append(Thinking(text=message.reasoning_content))
        parts.extend(self._parts(message.content, index))
        if message.refusal is not None:
            parts.append(Refusal(text=message.refusal))
        for use in message.tool_calls or ():
            parts.append(ToolUse(use_id=use.id, name=use.function.name, arguments=use.function.arguments))
            self.size += len(use.function.arguments)
        return tuple(parts)

    def _tool_result(self, message: wire.Message, index: int) -> None:
        if message.tool_call_id is None:
            field = f"messages[{index}].tool_call_id"
            raise BadRequest(f"`{field}` is missing. Name the tool call that this answers.", field=field)
        parts = tuple(part for part in self._parts(message.content, index) if isinstance(part, Text))
        result = ToolResult(use_id=message.tool_call_id, parts=parts)
        last = self.turns[-1].parts if self.turns else ()
        if last and isinstance(last[-1], ToolResult):
            self.turns[-1] = Turn(Role.USER, (*last, result))
        else:
            self.turns.append(Turn(Role.USER, (result,)))

    def _parts(self, content: str | list[wire.Part] | None, index: int) -> tuple[Part, ...]:
        if isinstance(content, str):
            self.size += len(content)
            return (Text(content),)
        parts: list[Part] = []
        for position, part in enumerate(content or ()):
            field = f"messages[{index}].content[{position}]"
            if part.type == "text" and part.text is not None:
                self.size += len(part.text)
                parts.append(Text(part.text))
            elif part.type == "image_url" and part.image_url is not None:
                detail = None if part.image_url.detail == "auto" else part.image_url.detail
                parts.append(image_from_url(part.image_url.url, detail=detail, field=f"{field}.image_url.url"))
                self.needs.add(Feature.IMAGES)
            elif part.type == "refusal" and part.refusal is not None:
                parts.append(Refusal(text=part.refusal))
            elif part.type in ("text", "image_url", "refusal"):
                raise BadRequest(f"`{field}` says `{part.type}` but holds none. Add it.", field=field)
            else:
                self.extras[f"{field}.type"] = part.type
        return tuple(parts)


def _tools(asked: wire.ChatRequest, extras: dict[str, object]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for index, tool in enumerate(asked.tools or ()):
        if tool.type != "function":
            extras[f"tools[{index}].type"] = tool.type
            continue
        if tool.function is None or not tool.function.name:
            raise BadRequest(f"`tools[{index}].function` is missing or has no name. Add it.", field=f"tools[{index}].function")
        parameters = tool.function.parameters or {"type": "object", "properties": {}}
        check_schema(parameters, f"tools[{index}].function.parameters")
        tools.append(Tool(name=tool.function.name, description=tool.function.description, parameters=parameters, strict=tool.function.strict))
    return tuple(tools)


def _tool_choice(asked: wire.ChatRequest, extras: dict[str, object]) -> ToolChoice | None:
    chosen, parallel = asked.tool_choice, asked.parallel_tool_calls
    if chosen is None:
        return None if parallel is None else ToolChoice(parallel=parallel)
    if isinstance(chosen, str):
        if chosen not in _MODES:
            raise BadRequest("`tool_choice` must be `auto`, `none`, `required` or a function. Choose one.", field="tool_choice")
        return ToolChoice(mode=_MODES[chosen], parallel=parallel)
    function = chosen.get("function")
    name = function.get("name") if isinstance(function, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if chosen.get("type") == "function" and isinstance(name, str):
        return ToolChoice(mode=ToolMode.NAMED, name=name, parallel=parallel)
    extras["tool_choice"] = chosen
    return None


def _schema(asked: wire.ResponseFormat | None) -> OutputSchema | None:
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return OutputSchema(name="object", schema=None)
    if asked.type != "json_schema" or asked.json_schema is None or asked.json_schema.schema is None:
        raise BadRequest("`response_format` must be `text`, `json_object` or a `json_schema` with its `schema`. Correct it.", field="response_format")
    check_schema(asked.json_schema.schema, "response_format.json_schema.schema")
    return OutputSchema(name=asked.json_schema.name, schema=asked.json_schema.schema, strict=asked.json_schema.strict)


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode(reply: Reply, call: Call) -> bytes:
    """Write a whole chat completion."""
    if reply.native is not None and reply.native.dialect is Dialect.OPENAI_CHAT:
        return reply.native.body
    usage = reply.usage or Usage()
    return msgspec.json.encode(
        {
            "id": reply.reply_id,
            "object": "chat.completion",
            "created": int(call.call_id[:8] + call.call_id[9:13], 16) // 1000,
            "model": reply.model,
            "choices": [{"index": 0, "message": _message(reply.parts), "logprobs": None, "finish_reason": FINISH[reply.finish]}],
            "usage": usage_object(usage),
        }
    )


def _message(parts: tuple[Part, ...]) -> dict[str, object]:
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    uses = [part for part in parts if isinstance(part, ToolUse)]
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not uses else None,
        "refusal": "".join(refusals) or None,
    }
    if uses:
        message["tool_calls"] = [{"id": use.use_id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}} for use in uses]
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    if thoughts:
        message["reasoning_content"] = "".join(thought.text for thought in thoughts)
    details = [detail for part in parts if (detail := _detail(part)) is not None]
    if details:
        message["reasoning_details"] = details
    return message


def _detail(part: Part) -> dict[str, object] | None:
    if isinstance(part, HiddenThinking):
        return {"type": "reasoning.encrypted", "data": part.data}
    if isinstance(part, Thinking) and part.signature:
        return {"type": "reasoning.text", "text": part.text, "signature": part.signature}
    return None


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


SURFACE: Final = Surface(dialect=Dialect.OPENAI_CHAT, decode=decode, encode=encode, stream=OpenAIStream, error=error, stream_error=stream_error, models=models)
