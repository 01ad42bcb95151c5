"""
OpenAI Chat Completions: the request as it is written on the wire, and which of its fields mean something in another dialect.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec

from pointsman.surfaces.fields import Fields

_Count = Annotated[int, msgspec.Meta(ge=0)]  # limits are reserved by it

REQUEST: Final = Fields(
    frozenset(
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
    ),
    # Notes for the vendor's own records, its cache and its abuse watch; a prediction only makes an answer come sooner.
    no_effect=frozenset({"metadata", "store", "prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier"}),
    neutral={
        "n": (1,),
        "frequency_penalty": (0,),
        "presence_penalty": (0,),
        "logprobs": (False,),
        "top_logprobs": (0,),
        "logit_bias": ({},),
        "modalities": (["text"],),
        "service_tier": ("auto", "default"),
        "verbosity": ("medium",),
    },
)

# A name sets apart speakers of one role; there is no word for it elsewhere, so it is refused.
_INSTRUCTION: Final = Fields(frozenset({"role", "content"}))
MESSAGE: Final = MappingProxyType(
    {
        "system": _INSTRUCTION,
        "developer": _INSTRUCTION,
        "user": Fields(frozenset({"role", "content"})),
        "assistant": Fields(frozenset({"role", "content", "tool_calls", "refusal", "reasoning_content", "reasoning_details"}), neutral={"annotations": ([],)}),
        "tool": Fields(frozenset({"role", "content", "tool_call_id"})),
    }
)

# Where a prompt cache may cut changes what a call costs, not its answer.
_CACHE_MARKS: Final = frozenset({"prompt_cache_breakpoint", "cache_control"})
PART: Final = MappingProxyType(
    {
        "text": Fields(frozenset({"type", "text"}), _CACHE_MARKS),
        "image_url": Fields(frozenset({"type", "image_url"}), _CACHE_MARKS),
        "refusal": Fields(frozenset({"type", "refusal"})),
    }
)
IMAGE_URL: Final = Fields(frozenset({"url", "detail"}))

# `index` and `format` come back with messages that were put together from a stream.
TOOL_CALL: Final = Fields(frozenset({"id", "type", "function"}), frozenset({"index"}))
CALLED: Final = Fields(frozenset({"name", "arguments"}))
_ORIGIN: Final = frozenset({"index", "format", "id"})
DETAIL_TEXT: Final = Fields(frozenset({"type", "text", "signature"}), _ORIGIN)
DETAIL_ENCRYPTED: Final = Fields(frozenset({"type", "data"}), _ORIGIN)

TOOL: Final = Fields(frozenset({"type", "function"}), _CACHE_MARKS)
FUNCTION: Final = Fields(frozenset({"name", "description", "parameters", "strict"}), _CACHE_MARKS)
TOOL_CHOICE: Final = Fields(frozenset({"type", "function"}))
RESPONSE_FORMAT: Final = Fields(frozenset({"type", "json_schema"}))
JSON_SCHEMA: Final = Fields(frozenset({"name", "schema", "strict"}))
# Padding against eavesdroppers is a matter of each connection.
STREAM_OPTIONS: Final = Fields(frozenset({"include_usage"}), frozenset({"include_obfuscation"}))


class Message(msgspec.Struct):
    """One message. Parts and tool uses are read one by one: those of kinds that we have no word for may have any shape."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None


class StreamOptions(msgspec.Struct):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class JsonSchema(msgspec.Struct):
    """The shape of the answer."""

    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(msgspec.Struct):
    """A tool's definition."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatRequest(msgspec.Struct):
    """The body of `POST /v1/chat/completions`, as far as we read it."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stop: str | list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    user: str | None = None
