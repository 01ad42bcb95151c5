"""
Anthropic Messages: the request as it is written on the wire, and which of its fields mean something in another dialect.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec

from pointsman.surfaces.fields import Fields

_Count = Annotated[int, msgspec.Meta(ge=0)]  # limits are reserved by it

# Marking a prefix for the vendor's prompt cache changes what a call costs, not its answer; other vendors cache by themselves.
_CACHE_MARKS: Final = frozenset({"cache_control"})

REQUEST: Final = Fields(
    frozenset(
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
    ),
    # `diagnostics` asks why the prompt cache was missed.
    _CACHE_MARKS | {"diagnostics"},
    neutral={"service_tier": ("auto", "standard_only"), "speed": ("standard",), "mcp_servers": ([],)},
)
MESSAGE: Final = Fields(frozenset({"role", "content"}))

# A `caller` tells which tool asked for a tool; without one the model itself did.
_CALLED_DIRECTLY: Final[dict[str, tuple[object, ...]]] = {"caller": ({"type": "direct"},)}
_UNCITED: Final[dict[str, tuple[object, ...]]] = {"citations": ([],)}
BLOCK: Final = MappingProxyType(
    {
        "text": Fields(frozenset({"type", "text"}), _CACHE_MARKS, _UNCITED),
        "image": Fields(frozenset({"type", "source"}), _CACHE_MARKS),
        "tool_use": Fields(frozenset({"type", "id", "name", "input"}), _CACHE_MARKS, _CALLED_DIRECTLY),
        "tool_result": Fields(frozenset({"type", "tool_use_id", "content", "is_error"}), _CACHE_MARKS),
        "thinking": Fields(frozenset({"type", "thinking", "signature"})),
        "redacted_thinking": Fields(frozenset({"type", "data"})),
    }
)
SOURCE: Final = MappingProxyType({"base64": Fields(frozenset({"type", "media_type", "data"})), "url": Fields(frozenset({"type", "url"}))})

TOOL: Final = Fields(
    frozenset({"type", "name", "description", "input_schema", "strict"}),
    _CACHE_MARKS | {"eager_input_streaming"},
    {"defer_loading": (False,), "allowed_callers": (["direct"],), "input_examples": ([],)},
)
TOOL_CHOICE: Final = Fields(frozenset({"type", "name", "disable_parallel_tool_use"}))
OUTPUT_CONFIG: Final = Fields(frozenset({"format", "effort"}))
FORMAT: Final = Fields(frozenset({"type", "schema"}))
METADATA: Final = Fields(frozenset({"user_id"}))


class Message(msgspec.Struct):
    """One message. Blocks are read one by one: those of kinds that we have no word for may have any shape."""

    role: str
    content: str | list[dict[str, Any]]


class Tool(msgspec.Struct):
    """A tool that the application runs. Tools of other kinds run at the vendor."""

    name: str
    input_schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct):
    """Which tools may be used."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class OutputConfig(msgspec.Struct):
    """How the answer is made."""

    format: dict[str, Any] | None = None
    effort: str | None = None


class Metadata(msgspec.Struct):
    """Whom the application acts for."""

    user_id: str | None = None


class MessagesRequest(msgspec.Struct):
    """The body of `POST /v1/messages`, as far as we read it."""

    model: str
    messages: list[Message]
    max_tokens: _Count
    system: str | list[dict[str, Any]] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: ToolChoice | None = None
    thinking: dict[str, Any] | None = None
    output_config: OutputConfig | None = None
    metadata: Metadata | None = None
