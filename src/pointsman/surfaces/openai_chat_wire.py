"""
OpenAI Chat Completions: the request as it is written on the wire, and which of its fields mean something in another dialect.
"""

from typing import Any, Final

import msgspec

# Fields that a Call carries in its own words, so that a target of any dialect can be sent them.
CARRIED: Final = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "user",
    }
)

# Fields that cannot change an answer: another dialect loses nothing without them.
NO_EFFECT: Final = frozenset({"metadata", "store", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"})

# Values that say what would happen anyway. Any other value is refused by name when the target speaks another dialect.
NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
}

MESSAGE: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "refusal", "reasoning_content", "reasoning_details"})


class Function(msgspec.Struct):
    """A function that the model asked for."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct):
    """One use of a tool."""

    id: str
    function: Function


class ImageUrl(msgspec.Struct):
    """A picture."""

    url: str
    detail: str | None = None


class Part(msgspec.Struct):
    """A part of a message; kinds we have no word for keep their type."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None


class Detail(msgspec.Struct):
    """Reasoning with its proof, as an extension that several servers share."""

    type: str
    text: str | None = None
    signature: str | None = None
    data: str | None = None


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Detail] | None = None


class FunctionTool(msgspec.Struct):
    """A tool's definition."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(msgspec.Struct):
    """A tool; kinds other than `function` have no word in other dialects."""

    type: str = "function"
    function: FunctionTool | None = None


class JsonSchema(msgspec.Struct):
    """The shape of the answer."""

    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseFormat(msgspec.Struct):
    """What form the answer has."""

    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct):
    """What a stream tells besides the answer."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """The body of `POST /v1/chat/completions`, as far as we read it."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    tools: list[ToolDefinition] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    user: str | None = None
