"""
OpenAI Chat Completions as a vendor's format: `Call` → bytes, bytes → `Reply`. Also spoken by vLLM, llama.cpp, Ollama and many others.

Translation only. Sending, timing and retrying belong to `transport`; choosing belongs to `decision`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pointsman.core.call import Call, HiddenThinking, Image, Part, Refusal, Role, Text, Thinking, Tool, ToolChoice, ToolMode, ToolResult, ToolUse, Turn
from pointsman.core.http import Outgoing
from pointsman.core.place import Dialect
from pointsman.core.reply import Native, Reply
from pointsman.core.target import Target
from pointsman.providers.failures import bad_answer, failure
from pointsman.providers.openai_chat_stream import FINISH, OpenAIDecoder, WireUsage, usage_of
from pointsman.providers.profiles.table import profile_of
from pointsman.providers.wire_format import WireFormat

_PATH: Final = "/chat/completions"
_NO_HEADERS: Final[Mapping[str, str]] = {}
_MOST_STOPS: Final = 4
_EFFORTS: Final = frozenset({"low", "medium", "high"})
_TOOL_ERROR: Final = "[tool error] "


class _Function(msgspec.Struct):
    name: str
    arguments: str = ""


class _ToolCall(msgspec.Struct):
    id: str
    function: _Function


class _Detail(msgspec.Struct):
    text: str | None = None
    signature: str | None = None
    data: str | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning_content: str | None = None
    reasoning_details: list[_Detail] | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    id: str = ""
    model: str = ""
    usage: WireUsage | None = None


class _HeadChoice(msgspec.Struct):
    finish_reason: str | None = None


class _Head(msgspec.Struct):
    choices: list[_HeadChoice]
    id: str = ""
    model: str = ""
    usage: WireUsage | None = None


_read_whole: Final = msgspec.json.Decoder(_Completion).decode
_read_head: Final = msgspec.json.Decoder(_Head).decode


# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


def misfits(call: Call, target: Target) -> tuple[str, ...]:
    """Name what this format cannot express of a call in another dialect."""
    if call.dialect is Dialect.OPENAI_CHAT:
        return ()
    del target
    found = list(call.extras)
    sampling = call.sampling
    if sampling.top_k is not None:
        found.append("top_k")
    if sampling.thinking_tokens is not None:
        found.append("thinking")
    if sampling.effort is not None and sampling.effort not in _EFFORTS:
        found.append("output_config.effort")
    if len(sampling.stop) > _MOST_STOPS:
        found.append("stop_sequences")
    for index, turn in enumerate(call.turns):
        for position, part in enumerate(turn.parts):
            if not _is_expressible(part):
                found.append(f"messages[{index}].content[{position}]")
    return tuple(found)


def _is_expressible(part: Part) -> bool:
    match part:
        case HiddenThinking() | Thinking(signature=str()):
            return False
        case ToolResult(parts=parts):
            return all(isinstance(inner, Text) for inner in parts)
        case _:
            return True


def encode(call: Call, target: Target) -> Outgoing:
    """Write the call the way the vendor wants to read it; every field of the caller's own dialect is kept."""
    if call.dialect is Dialect.OPENAI_CHAT:
        body: dict[str, Any] = {**call.wire, "model": target.model}
        if call.stream:
            body["stream_options"] = {**(call.wire.get("stream_options") or {}), "include_usage": True}
    else:
        body = _translated(call, target)
    return Outgoing(path=_PATH, body=msgspec.json.encode(body), headers=_NO_HEADERS, stream=call.stream)


def _translated(call: Call, target: Target) -> dict[str, Any]:
    profile = profile_of(target)
    sampling = call.sampling
    messages: list[dict[str, Any]] = []
    if call.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in call.system)})
    for turn in call.turns:
        messages.extend(_messages(turn))
    body: dict[str, Any] = {"model": target.model, "messages": messages}
    optional = {
        profile.max_tokens_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "reasoning_effort": sampling.effort,
        "tools": [_tool(tool) for tool in call.tools] or None,
        "user": call.user,
        **_choice(call.tool_choice),
    }
    body.update({name: value for name, value in optional.items() if value is not None})
    if call.schema is not None:
        schema = {"name": call.schema.name, "schema": call.schema.schema, "strict": call.schema.strict is not False}
        body["response_format"] = {"type": "json_object"} if call.schema.schema is None else {"type": "json_schema", "json_schema": schema}
    if call.stream:
        body.update({"stream": True, "stream_options": {"include_usage": True}})
    return body


def _choice(choice: ToolChoice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if choice.mode is ToolMode.NAMED:
        named: Any = {"type": "function", "function": {"name": choice.name}}
    else:
        named = choice.mode.value
    return {"tool_choice": named, "parallel_tool_calls": choice.parallel}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _messages(turn: Turn) -> list[dict[str, Any]]:
    if turn.role is Role.ASSISTANT:
        return [_assistant(turn.parts)]
    results = [
        {"role": "tool", "tool_call_id": part.use_id, "content": (_TOOL_ERROR if part.is_error else "") + _joined(part.parts)}
        for part in turn.parts
        if isinstance(part, ToolResult)
    ]
    rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
    return [*results, {"role": "user", "content": _content(rest)}] if rest or not results else results


def _assistant(parts: tuple[Part, ...]) -> dict[str, Any]:
    uses = [part for part in parts if isinstance(part, ToolUse)]
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not uses else None}
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    if thought:
        message["reasoning_content"] = thought
    if uses:
        message["tool_calls"] = [{"id": use.use_id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}} for use in uses]
    return message


def _content(parts: list[Part]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in parts):
        return _joined(parts) if len(parts) == 1 else [{"type": "text", "text": part.text} for part in parts if isinstance(part, Text)]
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(url=url, data=data, media_type=media_type):
            return {"type": "image_url", "image_url": {"url": url or f"data:{media_type};base64,{data}"}}
        case _:
            raise TypeError(f"no part of a user's turn: {type(part).__name__}")


def _joined(parts: list[Part] | tuple[Text | Image, ...]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(body: bytes, target: Target, *, full: bool) -> Reply:
    """Read a whole answer, or say plainly why it cannot be read."""
    try:
        answer = _read_whole(body) if full else _read_head(body)
        choice = answer.choices[0]
        finish = FINISH[choice.finish_reason or ""]
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError, KeyError) as error:
        raise bad_answer(target, error) from error
    message = choice.message if isinstance(choice, _Choice) else None
    return Reply(
        reply_id=answer.id,
        model=answer.model,
        finish=finish,
        parts=() if message is None else _parts(message),
        usage=usage_of(answer.usage),
        native=Native(Dialect.OPENAI_CHAT, body),
    )


def _parts(message: _Message) -> tuple[Part, ...]:
    parts: list[Part] = []
    for detail in message.reasoning_details or ():
        if detail.data is not None:
            parts.append(HiddenThinking(data=detail.data))
        elif detail.text is not None and detail.signature is not None:
            parts.append(Thinking(text=detail.text, signature=detail.signature))
    if message.reasoning_content and not any(isinstance(part, Thinking) for part in parts):
        parts.append(Thinking(text=message.reasoning_content))
    if message.content:
        parts.append(Text(message.content))
    if message.refusal:
        parts.append(Refusal(text=message.refusal))
    parts.extend(ToolUse(use_id=use.id, name=use.function.name, arguments=use.function.arguments) for use in message.tool_calls or ())
    return tuple(parts)


def headers(secret: str | None) -> Mapping[str, str]:
    """Return the headers that carry the credential."""
    return {} if secret is None else {"authorization": f"Bearer {secret}"}


WIRE: Final = WireFormat(dialect=Dialect.OPENAI_CHAT, misfits=misfits, encode=encode, decode=decode, stream=OpenAIDecoder, failure=failure, headers=headers)
