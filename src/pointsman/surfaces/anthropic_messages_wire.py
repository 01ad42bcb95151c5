"""
Anthropic Messages: the request as it is written on the wire, and which of its fields mean something in another dialect.
"""

from typing import Any, Final

import msgspec

CARRIED: Final = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
    }
)

# Marking a prefix for the vendor's prompt cache changes what a call costs, not its answer; other vendors cache by themselves.
NO_EFFECT: Final = frozenset({"cache_control"})

NEUTRAL: Final[dict[str, tuple[object, ...]]] = {"service_tier": ("auto", "standard_only"), "mcp_servers": ([],)}


class Source(msgspec.Struct):
    """Where a picture comes from."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class Block(msgspec.Struct):
    """A content block; kinds we have no word for keep their type."""

    type: str
    text: str | None = None
    source: Source | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[Block] | None" = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: str | list[Block]


class SystemText(msgspec.Struct):
    """A part of the system prompt."""

    text: str
    type: str = "text"


class ToolDefinition(msgspec.Struct):
    """A tool; kinds other than `custom` run at the vendor and have no word in other dialects."""

    name: str
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct):
    """Which tools may be used."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(msgspec.Struct):
    """Whether the model shows its reasoning."""

    type: str
    budget_tokens: int | None = None


class Format(msgspec.Struct):
    """The shape of the answer."""

    type: str
    schema: dict[str, Any] | None = None


class OutputConfig(msgspec.Struct):
    """How the answer is made."""

    format: Format | None = None
    effort: str | None = None


class Metadata(msgspec.Struct):
    """Whom the application acts for."""

    user_id: str | None = None


class MessagesRequest(msgspec.Struct):
    """The body of `POST /v1/messages`, as far as we read it."""

    model: str
    messages: list[Message]
    max_tokens: int
    system: str | list[SystemText] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    tools: list[ToolDefinition] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    metadata: Metadata | None = None
