"""
What a client asked of the simulated vendor, read from either protocol the way its vendor reads it.

Deliberately independent of `surfaces`: the simulator must not share the gateway's reading of a protocol, or it would hide its mistakes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pointsman.cli.simulated.conversation import Unreadable, blocks, check_anthropic, check_openai
from pointsman.cli.simulated.pieces import count

_PER_MESSAGE: Final = 4  # tokens that vendors add around each message


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that the model may call."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    One request, in words of no vendor.

    `model` is without its fault, `fault` what stood behind the `!`. `tool_mode` is `auto`, `none`, `any` or the name of a tool. `results` are
    the answers of tools in the last turn.
    """

    model: str
    fault: str | None
    prompt: str
    tokens_in: int
    stream: bool = False
    wants_usage: bool = False
    tools: tuple[ToolSpec, ...] = ()
    tool_mode: str = "auto"
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinks: bool = False
    results: tuple[str, ...] = ()


def read_openai(body: bytes) -> Asked:
    """Read a request to `/v1/chat/completions`. Raises `Unreadable`."""
    told, messages = _object(body)
    model, fault = _model(told)
    check_openai(messages)
    limit = told.get("max_completion_tokens", told.get("max_tokens"))
    last = messages[-1]
    stop: Any = told.get("stop")
    return Asked(
        model=model,
        fault=fault,
        prompt=_last_user(messages),
        tokens_in=_tokens(messages),
        stream=told.get("stream") is True,
        wants_usage=_part(told, "stream_options").get("include_usage") is True,
        tools=tuple(ToolSpec(name=tool["function"]["name"], parameters=tool["function"].get("parameters") or {}) for tool in told.get("tools") or ()),
        tool_mode=_openai_mode(told.get("tool_choice")),
        parallel=told.get("parallel_tool_calls") is not False,
        schema=_openai_schema(_part(told, "response_format")),
        max_tokens=_limit(limit, "max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        thinks=told.get("reasoning_effort") not in {None, "none", "minimal"},
        results=tuple(_text(message.get("content")) for message in messages if message.get("role") == "tool") if last.get("role") == "tool" else (),
    )


def read_anthropic(body: bytes) -> Asked:
    """Read a request to `/v1/messages`. Raises `Unreadable`."""
    told, messages = _object(body)
    model, fault = _model(told)
    if "max_tokens" not in told:
        raise Unreadable("max_tokens: Field required", "max_tokens")
    if messages[0].get("role") != "user":
        raise Unreadable('messages: first message must use the "user" role', "messages")
    check_anthropic(messages)
    choice = _part(told, "tool_choice")
    form = _part(_part(told, "output_config"), "format")
    return Asked(
        model=model,
        fault=fault,
        prompt=_last_user(messages),
        tokens_in=_tokens([*messages, {"content": told.get("system")}]),
        stream=told.get("stream") is True,
        wants_usage=True,
        tools=tuple(ToolSpec(name=tool["name"], parameters=tool.get("input_schema") or {}) for tool in told.get("tools") or ()),
        tool_mode=choice.get("name") or choice.get("type") or "auto",
        parallel=choice.get("disable_parallel_tool_use") is not True,
        schema=form.get("schema") if form.get("type") == "json_schema" else None,
        max_tokens=_limit(told["max_tokens"], "max_tokens"),
        stop=tuple(told.get("stop_sequences") or ()),
        thinks=_part(told, "thinking").get("type") in {"enabled", "adaptive"},
        results=tuple(_text(block.get("content")) for block in blocks(messages[-1]) if block.get("type") == "tool_result"),
    )


def _object(body: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
        messages = msgspec.convert(told.get("messages"), list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"We could not parse the JSON body of your request: {error}") from error
    if not messages:
        raise Unreadable("messages: at least one message is required", "messages")
    return told, messages


def _model(told: Mapping[str, Any]) -> tuple[str, str | None]:
    name = told.get("model")
    if not isinstance(name, str) or not name:
        raise Unreadable("you must provide a model parameter", "model")
    model, mark, fault = name.partition("!")
    return model, fault if mark else None


def _part(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    return msgspec.convert(told.get(name) or {}, dict[str, Any])


def _limit(value: Any, param: str) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise Unreadable(f"{param}: must be at least 1", param)
    return value


def _openai_mode(choice: Any) -> str:
    if isinstance(choice, dict):
        return msgspec.convert(choice, dict[str, Any])["function"]["name"]
    return "any" if choice == "required" else choice or "auto"


def _openai_schema(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    match form.get("type"):
        case "json_schema":
            return form["json_schema"].get("schema") or {}
        case "json_object":
            return {"type": "object", "properties": {"answer": {"type": "string"}}}
        case _:
            return None


def _last_user(messages: list[dict[str, Any]]) -> str:
    for message in reversed(messages):
        text = _text(message.get("content"))
        if message.get("role") == "user" and text:
            return text
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in blocks({"content": content}) if block.get("type") == "text" and isinstance(block.get("text"), str))


def _tokens(messages: list[dict[str, Any]]) -> int:
    return sum(count(_text(message.get("content"))) + _PER_MESSAGE for message in messages if message.get("content"))
