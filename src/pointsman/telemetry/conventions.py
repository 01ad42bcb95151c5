"""
The names of OpenTelemetry's conventions for generative AI, in the two forms that are about: the last before they moved, and those that are coming.

All are "in development" there, so nobody else's package holds both. Whatever is ours and no convention's begins with `pointsman.`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pointsman.core.place import Dialect
from pointsman.core.reply import Finish

OLD: Final = "1.41"
NEXT: Final = "next"
BOTH: Final = "both"

SCOPE: Final = "pointsman"
_OLD_SCHEMA: Final = "https://opentelemetry.io/schemas/1.41.0"

# What has one name in both.
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
WORKFLOW: Final = "gen_ai.workflow.name"
CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - the name of an attribute
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # noqa: S105 - as above
ERROR_TYPE: Final = "error.type"
EVALUATION: Final = "gen_ai.evaluation.result"
DETAILS: Final = "gen_ai.client.inference.operation.details"

INVOKE_WORKFLOW: Final = "invoke_workflow"

# What has two: the last name before the conventions moved (None: there was none), and the one that is coming.
RENAMED: Final[Mapping[str, tuple[str | None, str]]] = MappingProxyType(
    {
        "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
        "duration": ("gen_ai.client.operation.duration", "gen_ai.client.inference.duration"),
        "first_chunk": ("gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.inference.time_to_first_chunk"),
        "per_chunk": ("gen_ai.client.operation.time_per_output_chunk", "gen_ai.client.inference.time_per_output_chunk"),
        "workflow_duration": (None, "gen_ai.invoke_workflow.duration"),
    }
)

# The old histogram of tokens by type became counters by kind, and histograms by operation.
OLD_TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - the name of a metric
NEXT_TOKEN_COUNTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tokens_in": "gen_ai.client.inference.usage.input_tokens",
        "tokens_out": "gen_ai.client.inference.usage.output_tokens",
        "cache_read": "gen_ai.client.inference.usage.cache_read.input_tokens",
        "cache_write": "gen_ai.client.inference.usage.cache_write.input_tokens",
        "reasoning": "gen_ai.client.inference.usage.reasoning.output_tokens",
    }
)
NEXT_TOKENS_IN: Final = "gen_ai.client.inference.operation.input_tokens"
NEXT_TOKENS_OUT: Final = "gen_ai.client.inference.operation.output_tokens"

# The values that the conventions know for who runs a model; a vendor of another kind is named as it is configured.
_PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"openai": "openai", "anthropic": "anthropic", "mistral": "mistral_ai", "groq": "groq", "deepseek": "deepseek"}
)
ROUTES: Final[Mapping[Dialect, str]] = MappingProxyType({Dialect.OPENAI_CHAT: "/v1/chat/completions", Dialect.ANTHROPIC_MESSAGES: "/v1/messages"})
FINISHED: Final[Mapping[Finish, str]] = MappingProxyType(
    {
        Finish.DONE: "stop",
        Finish.LENGTH: "length",
        Finish.TOOLS: "tool_call",
        Finish.STOP_SEQUENCE: "stop",
        Finish.REFUSED: "content_filter",
        Finish.PAUSED: "pause",
    }
)


def names(key: str, semconv: str) -> tuple[str, ...]:
    """Return the name, or both names, under which something that was renamed is told."""
    old, coming = RENAMED[key]
    told = {OLD: (old,), NEXT: (coming,), BOTH: (old, coming)}[semconv]
    return tuple(name for name in told if name is not None)


def tells_old(semconv: str) -> bool:
    """Tell whether what only the old conventions have is told."""
    return semconv != NEXT


def tells_next(semconv: str) -> bool:
    """Tell whether what only the coming conventions have is told."""
    return semconv != OLD


def schema_url(semconv: str) -> str | None:
    """Return the schema that all names are of, or None where they are of none that was published."""
    return _OLD_SCHEMA if semconv == OLD else None


def provider(kind: str) -> str:
    """Return the conventions' name for a vendor of this kind."""
    return _PROVIDERS.get(kind, kind)
