"""
Anthropic Messages as a vendor's format: `Call` → bytes, bytes → `Reply`.

Translation only. Sending, timing and retrying belong to `transport`; choosing belongs to `decision`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from pointsman.core.call import (
    Call,
    Foreign,
    HiddenThinking,
    Image,
    Part,
    Refusal,
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
from pointsman.providers.anthropic_messages_stream import FINISH, AnthropicDecoder, StopDetails, WireUsage, usage_of
from pointsman.providers.failures import bad_answer, failure
from pointsman.providers.fit import forces_no_tool, is_prefilled
from pointsman.providers.tool_input import tool_input
from pointsman.providers.wire_format import WireFormat

_PATH: Final = "/v1/messages"
_HEADERS: Final[Mapping[str, str]] = {"anthropic-version": "2023-06-01"}
_DEFAULT_MAX_TOKENS: Final = 4096
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_NO_EFFORT: Final = "none"
_UNFIT_FOR_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MODES: Final = {ToolMode.AUTO: "auto", ToolMode.NONE: "none", ToolMode.REQUIRED: "any", ToolMode.NAMED: "tool"}


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    thinking: str = ""
    signature: str | None = None
    data: str = ""
    citations: Any = None


class _Message(msgspec.Struct):
    content: list[_Block]
    stop_reason: str
    id: str = ""
    model: str = ""
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: WireUsage | None = None


class _Head(msgspec.Struct):
    stop_reason: str
    id: str = ""
    model: str = ""
    stop_sequence: str | None = None
    usage: WireUsage | None = None


_read_whole: Final = msgspec.json.Decoder(_Message).decode
_read_head: Final = msgspec.json.Decoder(_Head).decode


# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


def misfits(call: Call, target: Target) -> tuple[str, ...]:
    """Name what this format cannot express of a call in another dialect."""
    if call.dialect is Dialect.ANTHROPIC_MESSAGES:
        return ()
    del target
    found = list(call.extras)
    sampling = call.sampling
    if sampling.temperature is not None and sampling.temperature > 1:
        found.append("temperature")
    if sampling.effort is not None and sampling.effort not in _EFFORTS and sampling.effort != _NO_EFFORT:
        found.append("reasoning_effort")
    if call.schema is not None and call.schema.schema is None:
        found.append("response_format")
    if forces_no_tool(call):
        found.append("tool_choice")
    if is_prefilled(call):
        found.append("messages[].role=assistant (last)")
    unsaid = (_unsaid(part) for turn in call.turns for part in turn.parts)
    found.extend(dict.fromkeys(name for name in unsaid if name is not None))
    return tuple(found)


def _unsaid(part: Part) -> str | None:
    match part:
        case Image(detail=str()):
            return "messages[].content[].image_url.detail"
        case Thinking(signature=None):
            return "messages[].reasoning_content"
        case ToolResult(parts=parts) if any(_unsaid(inner) for inner in parts):
            return "messages[].content[].image_url.detail"
        case _:
            return None


def encode(call: Call, target: Target) -> Outgoing:
    """Write the call the way the vendor wants to read it; every field of the caller's own dialect is kept."""
    body = {**call.wire, "model": target.model} if call.dialect is Dialect.ANTHROPIC_MESSAGES else _translated(call, target)
    headers = {**_HEADERS, **dict(call.headers)} if call.headers else _HEADERS
    return Outgoing(path=_PATH, body=msgspec.json.encode(body), headers=headers, stream=call.stream)


def _translated(call: Call, target: Target) -> dict[str, Any]:
    sampling = call.sampling
    optional = {
        "system": _system(call.system),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": list(sampling.stop) or None,
        "tools": [_tool(tool) for tool in call.tools] or None,
        "tool_choice": _choice(call.tool_choice) if call.tools else None,
        "thinking": {"type": "disabled"} if sampling.effort == _NO_EFFORT else None,
        "output_config": _output(call),
        "metadata": {"user_id": call.user} if call.user is not None else None,
        "stream": True if call.stream else None,
    }
    return {
        "model": target.model,
        # A dialect that must name a bound meets callers who named none: what the target can do, or a bound that every model has.
        "max_tokens": next((bound for bound in (sampling.max_tokens, target.max_output_tokens) if bound is not None), _DEFAULT_MAX_TOKENS),
        "messages": _messages(call.turns),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _system(texts: tuple[Text, ...]) -> str | list[dict[str, Any]] | None:
    told = [text for text in texts if text.text]
    if len(told) > 1:
        return [_block(text) for text in told]
    return told[0].text if told else None


def _output(call: Call) -> dict[str, Any] | None:
    config: dict[str, Any] = {}
    effort = call.sampling.effort
    if call.schema is not None:
        config["format"] = {"type": "json_schema", "schema": call.schema.schema}
    if effort is not None and effort != _NO_EFFORT:
        config["effort"] = effort
    return config or None


def _choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    chosen: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.name is not None:
        chosen["name"] = choice.name
    if choice.parallel is not None and choice.mode is not ToolMode.NONE:
        chosen["disable_parallel_tool_use"] = not choice.parallel
    return chosen


def _tool(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    return written


def _messages(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    # Two turns of one speaker are one message here: results of tools and what the user adds to them belong together.
    messages: list[dict[str, Any]] = []
    for turn in turns:
        blocks = [_block(part) for part in turn.parts if part != Text("")]
        if messages and messages[-1]["role"] == turn.role.value:
            messages[-1]["content"].extend(blocks)
        elif blocks:
            messages.append({"role": turn.role.value, "content": blocks})
    return messages


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text(text) | Refusal(text=text):
            return {"type": "text", "text": text}
        case Image(url=str(url)):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case Image(media_type=media_type, data=data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case ToolUse(use_id=use_id, name=name, arguments=arguments):
            return {"type": "tool_use", "id": _fit_id(use_id), "name": name, "input": tool_input(arguments)}
        case ToolResult(use_id=use_id, parts=parts, is_error=is_error):
            content = [_block(inner) for inner in parts if inner != Text("")]
            written: dict[str, Any] = {"type": "tool_result", "tool_use_id": _fit_id(use_id), "content": content}
            return {**written, "is_error": True} if is_error else written
        case Thinking(text=text, signature=signature):
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case HiddenThinking(data=data):
            return {"type": "redacted_thinking", "data": data}
        case _:
            raise TypeError(f"no part of a request: {type(part).__name__}")


def _fit_id(use_id: str) -> str:
    # Other vendors put dots and colons into their identifiers; use and result are changed alike.
    return _UNFIT_FOR_ID.sub("_", use_id)


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


def decode(body: bytes, target: Target, *, full: bool) -> Reply:
    """Read a whole answer, or say plainly why it cannot be read."""
    try:
        answer = _read_whole(body) if full else _read_head(body)
        finish = FINISH[answer.stop_reason]
        parts = tuple(_parts(answer)) if isinstance(answer, _Message) else ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise bad_answer(target, error) from error
    return Reply(
        reply_id=answer.id,
        model=answer.model,
        finish=finish,
        parts=parts,
        stop_sequence=answer.stop_sequence,
        usage=usage_of(answer.usage),
        native=Native(Dialect.ANTHROPIC_MESSAGES, body),
    )


def _parts(answer: _Message) -> Iterator[Part]:
    for block in answer.content:
        match block.type:
            case "text":
                yield Text(block.text)
            case "tool_use":
                yield ToolUse(use_id=block.id, name=block.name, arguments=bytes(block.input).decode())
            case "thinking":
                yield Thinking(text=block.thinking, signature=block.signature or None)
            case "redacted_thinking":
                yield HiddenThinking(data=block.data)
            case kind:
                yield Foreign(kind)
        if block.citations:
            yield Foreign("citations")
    if answer.stop_details is not None and answer.stop_details.explanation:
        yield Refusal(text=answer.stop_details.explanation)


def headers(secret: str | None) -> Mapping[str, str]:
    """Return the headers that carry the credential."""
    return {} if secret is None else {"x-api-key": secret}


WIRE: Final = WireFormat(
    dialect=Dialect.ANTHROPIC_MESSAGES, misfits=misfits, encode=encode, decode=decode, stream=AnthropicDecoder, failure=failure, headers=headers
)
