"""
OpenAI Chat Completions as a vendor's format: `Call` → bytes, bytes → `Reply`. Also spoken by vLLM, llama.cpp, Ollama and many others.

Translation only. Sending, timing and retrying belong to `transport`; choosing belongs to `decision`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from pointsman.core.call import (
    Call,
    Foreign,
    HiddenThinking,
    Image,
    OutputSchema,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.core.http import Outgoing
from pointsman.core.place import Dialect
from pointsman.core.reply import Native, Reply
from pointsman.core.target import Target
from pointsman.providers.failures import bad_answer, failure
from pointsman.providers.fit import forces_no_tool, is_prefilled
from pointsman.providers.openai_chat_stream import FINISH, OpenAIDecoder, WireDetail, WireUsage, thought_of, true_finish, usage_of, use_id
from pointsman.providers.profiles.table import profile_of
from pointsman.providers.wire_format import WireFormat

_PATH: Final = "/chat/completions"
_NO_HEADERS: Final[Mapping[str, str]] = {}
_MOST_STOPS: Final = 4
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_TOOL_ERROR: Final = "[tool error] "


class _Function(msgspec.Struct):
    name: str
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[WireDetail] | None = None
    audio: Any = None
    function_call: Any = None
    annotations: Any = None


class _Logprob(msgspec.Struct):
    logprob: float


class _Logprobs(msgspec.Struct):
    content: list[_Logprob] | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None
    logprobs: Any = None


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
    if forces_no_tool(call):
        found.append("tool_choice")
    if is_prefilled(call):
        found.append("messages[].role=assistant (last)")
    takes_details = profile_of(target).takes_reasoning_details
    unsaid = (_unsaid(part, takes_details=takes_details) for turn in call.turns for part in turn.parts)
    found.extend(dict.fromkeys(name for name in unsaid if name is not None))
    return tuple(found)


def _unsaid(part: Part, *, takes_details: bool) -> str | None:
    match part:
        case HiddenThinking():
            return None if takes_details else "messages[].content[].type=redacted_thinking"
        case Thinking(signature=str()):
            return None if takes_details else "messages[].content[].signature"
        case ToolResult(parts=parts) if any(isinstance(inner, Image) for inner in parts):
            return "messages[].content[].content[].type=image"
        case _:
            return None


def encode(call: Call, target: Target) -> Outgoing:
    """Write the call the way the vendor wants to read it; every field of the caller's own dialect is kept."""
    if call.dialect is Dialect.OPENAI_CHAT:
        body: dict[str, Any] = {**call.wire, "model": target.model}
        if call.stream:
            body["stream_options"] = {**_asked(call), "include_usage": True}
    else:
        body = _translated(call, target)
    if call.sureness and profile_of(target).tells_sureness:
        body["logprobs"] = True
    if call.cache_salt is not None:
        body["cache_salt"] = call.cache_salt  # last, so that a caller's own does not count
    return Outgoing(path=_PATH, body=msgspec.json.encode(body), headers=_NO_HEADERS, stream=call.stream)


def _asked(call: Call) -> dict[str, Any]:
    asked = call.wire.get("stream_options")
    return cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}


def _translated(call: Call, target: Target) -> dict[str, Any]:
    profile = profile_of(target)
    sampling = call.sampling
    messages: list[dict[str, Any]] = []
    if call.system:
        messages.append({"role": "system", "content": _content(call.system)})
    for turn in call.turns:
        messages.extend(_messages(turn))
    optional = {
        profile.max_tokens_field: sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "reasoning_effort": sampling.effort,
        "tools": [_tool(tool) for tool in call.tools] or None,
        "response_format": _response_format(call.schema),
        "user": call.user,
        "stream": True if call.stream else None,
        "stream_options": {"include_usage": True} if call.stream else None,
        **(_choice(call.tool_choice) if call.tools else {}),
    }
    return {"model": target.model, "messages": messages, **{name: value for name, value in optional.items() if value is not None}}


def _response_format(schema: OutputSchema | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    if schema.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": schema.name, "schema": schema.schema, "strict": schema.strict is not False}}


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
    results = [{"role": "tool", "tool_call_id": part.use_id, "content": _content(_marked(part))} for part in turn.parts if isinstance(part, ToolResult)]
    rest = [part for part in turn.parts if not isinstance(part, ToolResult)]
    return [*results, {"role": "user", "content": _content(rest)}] if rest or not results else results


def _marked(result: ToolResult) -> Sequence[Part]:
    # There is no field that tells a failed tool from one that worked; the model must still be told.
    if not result.is_error:
        return result.parts
    first, *rest = result.parts or (Text(""),)
    return (Text(_TOOL_ERROR + first.text), *rest) if isinstance(first, Text) else (Text(_TOOL_ERROR), first, *rest)


def _assistant(parts: tuple[Part, ...]) -> dict[str, Any]:
    uses = [part for part in parts if isinstance(part, ToolUse)]
    thoughts = [part for part in parts if isinstance(part, Thinking | HiddenThinking)]
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not uses else None}
    if any(isinstance(thought, HiddenThinking) or thought.signature for thought in thoughts):
        message["reasoning_details"] = [_detail(thought) for thought in thoughts]
    elif thoughts:
        message["reasoning_content"] = "".join(thought.text for thought in thoughts if isinstance(thought, Thinking))
    if uses:
        message["tool_calls"] = [{"id": use.use_id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}} for use in uses]
    return message


def _detail(thought: Thinking | HiddenThinking) -> dict[str, Any]:
    if isinstance(thought, HiddenThinking):
        return {"type": "reasoning.encrypted", "data": thought.data}
    return {"type": "reasoning.text", "text": thought.text, "signature": thought.signature}


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    match parts:
        case []:
            return ""
        case [Text(text)]:
            return text
        case _:
            return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(url=url, data=data, media_type=media_type):
            return {"type": "image_url", "image_url": {"url": url or f"data:{media_type};base64,{data}"}}
        case _:
            raise TypeError(f"no part of a user's turn: {type(part).__name__}")


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(body: bytes, target: Target, *, full: bool) -> Reply:
    """Read a whole answer, or say plainly why it cannot be read."""
    try:
        answer = _read_whole(body) if full else _read_head(body)
        choice = answer.choices[0]
        finish = FINISH[choice.finish_reason or ""]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError, KeyError) as error:
        raise bad_answer(target, error) from error
    parts = tuple(_parts(choice, answer)) if isinstance(choice, _Choice) else ()
    asks, declines = (any(isinstance(part, kind) for part in parts) for kind in (ToolUse, Refusal))
    return Reply(
        reply_id=answer.id,
        model=answer.model,
        finish=true_finish(finish, asks=asks, declines=declines),
        parts=parts,
        usage=usage_of(answer.usage, target),
        native=Native(Dialect.OPENAI_CHAT, body),
        logprobs=_sureness(choice.logprobs) if isinstance(choice, _Choice) else None,
    )


def _sureness(told: Any) -> tuple[float, float] | None:
    """Return the mean and the least log-probability of the tokens; None where the vendor told none, or not in numbers."""
    try:
        found = [token.logprob for token in msgspec.convert(told, _Logprobs).content or ()] if told else []
    except msgspec.ValidationError:
        return None
    return (sum(found) / len(found), min(found)) if found else None


def unasked(reply: Reply) -> Reply:
    """Return a reply without the log-probabilities that the caller did not ask for; what they come to is kept."""
    if Foreign("logprobs") not in reply.parts or reply.native is None:
        return reply
    body = cast("dict[str, Any]", msgspec.json.decode(reply.native.body))
    for choice in body["choices"]:
        choice["logprobs"] = None
    native = Native(reply.native.dialect, msgspec.json.encode(body))
    return replace(reply, native=native, parts=tuple(part for part in reply.parts if part != Foreign("logprobs")))


def _parts(choice: _Choice, answer: _Completion | _Head) -> Iterator[Part]:
    message = choice.message or _Message()
    yield from _thoughts(message)
    if message.content:
        yield Text(message.content)
    if message.refusal:
        yield Refusal(text=message.refusal)
    for slot, use in enumerate(message.tool_calls or ()):
        if use.function is None:
            yield Foreign(f"tool_calls.{use.type}")
        else:
            yield ToolUse(use_id=use.id or use_id(answer.id, slot), name=use.function.name, arguments=use.function.arguments or "")
    for name, value in (("audio", message.audio), ("function_call", message.function_call), ("annotations", message.annotations)):
        if value:
            yield Foreign(name)
    if choice.logprobs:
        yield Foreign("logprobs")
    if len(answer.choices) > 1:
        yield Foreign("choices")


def _thoughts(message: _Message) -> list[Thinking | HiddenThinking]:
    shown = message.reasoning_content or message.reasoning
    details = message.reasoning_details or []
    thoughts = [thought for detail in details if (thought := thought_of(detail, is_shown=bool(shown))) is not None]
    if shown and not any(isinstance(thought, Thinking) for thought in thoughts):
        thoughts.append(Thinking(text=shown))
    return thoughts


def headers(secret: str | None) -> Mapping[str, str]:
    """Return the headers that carry the credential."""
    return {} if secret is None else {"authorization": f"Bearer {secret}"}


WIRE: Final = WireFormat(
    dialect=Dialect.OPENAI_CHAT,
    misfits=misfits,
    encode=encode,
    decode=decode,
    stream=OpenAIDecoder,
    failure=failure,
    headers=headers,
    unasked=unasked,
)
