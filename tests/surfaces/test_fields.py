"""Every field that the official SDKs can send is carried, without effect, or refused by name: a new one in an SDK upgrade fails here."""

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import anthropic.types as anthropic_types
import pytest
from anthropic.types import message_create_params
from openai.types import chat as openai_types
from openai.types.chat import completion_create_params
from openai.types.shared_params import FunctionDefinition, ResponseFormatJSONSchema
from openai.types.shared_params.response_format_json_schema import JSONSchema
from tests.providers.dialects import ANTHROPIC, OPENAI, Json, misfits, read

from pointsman.core.place import Dialect
from pointsman.surfaces import anthropic_messages_wire, openai_chat_wire
from pointsman.surfaces.fields import Fields

# What only one dialect can say. Each is refused by name when the target speaks the other one; the value is one that the SDK allows.
ONLY_OPENAI: dict[str, Any] = {
    "audio": {"format": "wav", "voice": "alloy"},
    "frequency_penalty": 0.5,
    "function_call": "none",
    "functions": [{"name": "f"}],
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "modalities": ["text", "audio"],
    "moderation": {"policy": {}},
    "n": 2,
    "presence_penalty": -0.5,
    "seed": 7,
    "service_tier": "priority",
    "top_logprobs": 3,
    "verbosity": "low",
    "web_search_options": {},
}
ONLY_ANTHROPIC: dict[str, Any] = {
    "container": "container_1",
    "inference_geo": "eu",
    "service_tier": "priority",
    "speed": "fast",
    "user_profile_id": "profile_1",
    "workspace_id": "workspace_1",
    "context_management": {"edits": []},
}
# Where each parameter type of an SDK is read, and which of its fields are this dialect's own.
OBJECTS: list[tuple[Any, Fields, set[str]]] = [
    (openai_types.ChatCompletionSystemMessageParam, openai_chat_wire.MESSAGE["system"], {"name"}),
    (openai_types.ChatCompletionDeveloperMessageParam, openai_chat_wire.MESSAGE["developer"], {"name"}),
    (openai_types.ChatCompletionUserMessageParam, openai_chat_wire.MESSAGE["user"], {"name"}),
    (openai_types.ChatCompletionAssistantMessageParam, openai_chat_wire.MESSAGE["assistant"], {"name", "audio", "function_call"}),
    (openai_types.ChatCompletionToolMessageParam, openai_chat_wire.MESSAGE["tool"], set()),
    (openai_types.ChatCompletionContentPartTextParam, openai_chat_wire.PART["text"], set()),
    (openai_types.ChatCompletionContentPartImageParam, openai_chat_wire.PART["image_url"], set()),
    (openai_types.ChatCompletionContentPartRefusalParam, openai_chat_wire.PART["refusal"], set()),
    (openai_types.chat_completion_content_part_image_param.ImageURL, openai_chat_wire.IMAGE_URL, set()),
    (openai_types.ChatCompletionMessageFunctionToolCallParam, openai_chat_wire.TOOL_CALL, set()),
    (openai_types.chat_completion_message_function_tool_call_param.Function, openai_chat_wire.CALLED, set()),
    (openai_types.ChatCompletionFunctionToolParam, openai_chat_wire.TOOL, set()),
    (FunctionDefinition, openai_chat_wire.FUNCTION, set()),
    (openai_types.ChatCompletionNamedToolChoiceParam, openai_chat_wire.TOOL_CHOICE, set()),
    (ResponseFormatJSONSchema, openai_chat_wire.RESPONSE_FORMAT, set()),
    (JSONSchema, openai_chat_wire.JSON_SCHEMA, {"description"}),
    (openai_types.ChatCompletionStreamOptionsParam, openai_chat_wire.STREAM_OPTIONS, set()),
    (anthropic_types.MessageParam, anthropic_messages_wire.MESSAGE, set()),
    (anthropic_types.TextBlockParam, anthropic_messages_wire.BLOCK["text"], {"citations"}),
    (anthropic_types.ImageBlockParam, anthropic_messages_wire.BLOCK["image"], {"transformations"}),
    (anthropic_types.ToolUseBlockParam, anthropic_messages_wire.BLOCK["tool_use"], {"caller", "toolset_name"}),
    (anthropic_types.ToolResultBlockParam, anthropic_messages_wire.BLOCK["tool_result"], {"toolset_name"}),
    (anthropic_types.ThinkingBlockParam, anthropic_messages_wire.BLOCK["thinking"], set()),
    (anthropic_types.RedactedThinkingBlockParam, anthropic_messages_wire.BLOCK["redacted_thinking"], set()),
    (anthropic_types.Base64ImageSourceParam, anthropic_messages_wire.SOURCE["base64"], set()),
    (anthropic_types.URLImageSourceParam, anthropic_messages_wire.SOURCE["url"], set()),
    (anthropic_types.ToolParam, anthropic_messages_wire.TOOL, {"defer_loading", "allowed_callers", "input_examples"}),
    (anthropic_types.ToolChoiceToolParam, anthropic_messages_wire.TOOL_CHOICE, set()),
    (anthropic_types.OutputConfigParam, anthropic_messages_wire.OUTPUT_CONFIG, set()),
    (anthropic_types.JSONOutputFormatParam, anthropic_messages_wire.FORMAT, set()),
    (anthropic_types.MetadataParam, anthropic_messages_wire.METADATA, set()),
]
SMALLEST: dict[Dialect, Json] = {
    OPENAI: {"model": "support", "messages": [{"role": "user", "content": "Hi"}]},
    ANTHROPIC: {"model": "support", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
}
OTHER = {OPENAI: ANTHROPIC, ANTHROPIC: OPENAI}


def _declared(params: Any) -> set[str]:
    return {name for kind in get_args(params) or (params,) for name in get_type_hints(kind)}


def _decided(fields: Fields) -> frozenset[str]:
    return fields.carried | fields.no_effect | fields.neutral.keys()


@pytest.mark.parametrize(
    ("params", "fields", "refused"),
    [
        (completion_create_params.CompletionCreateParams, openai_chat_wire.REQUEST, ONLY_OPENAI),
        (message_create_params.MessageCreateParams, anthropic_messages_wire.REQUEST, ONLY_ANTHROPIC),
    ],
)
def test_every_parameter_of_the_sdk_has_been_decided_on(params: Any, fields: Fields, refused: Mapping[str, Any]) -> None:
    assert _declared(params) - _decided(fields) - refused.keys() == set()


@pytest.mark.parametrize(("params", "fields", "refused"), OBJECTS, ids=lambda value: getattr(value, "__name__", None))
def test_every_field_inside_a_parameter_has_been_decided_on(params: Any, fields: Fields, refused: set[str]) -> None:
    assert _declared(params) - _decided(fields) - refused == set()
    for name in refused:
        assert fields.unsaid({name: "anything"}, "here") == {f"here.{name}": "anything"}


@pytest.mark.parametrize(
    ("dialect", "name", "value"), [(OPENAI, *pair) for pair in ONLY_OPENAI.items()] + [(ANTHROPIC, *pair) for pair in ONLY_ANTHROPIC.items()]
)
def test_what_only_one_dialect_can_say_is_refused_by_name(dialect: Dialect, name: str, value: Any) -> None:
    call = read(dialect, {**SMALLEST[dialect], name: value})
    assert misfits(call, OTHER[dialect]) == (name,)
    assert misfits(call, dialect) == ()


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(OPENAI, name) for name in sorted(openai_chat_wire.REQUEST.no_effect)] + [(ANTHROPIC, name) for name in sorted(anthropic_messages_wire.REQUEST.no_effect)],
)
def test_what_changes_no_answer_does_not_keep_a_call_from_another_dialect(dialect: Dialect, name: str) -> None:
    assert misfits(read(dialect, {**SMALLEST[dialect], name: {"any": "value"}}), OTHER[dialect]) == ()


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [
        (dialect, name, value)
        for dialect, fields in ((OPENAI, openai_chat_wire.REQUEST), (ANTHROPIC, anthropic_messages_wire.REQUEST))
        for name, values in fields.neutral.items()
        for value in (*values, None)
    ],
)
def test_a_value_that_says_what_would_happen_anyway_is_no_hindrance(dialect: Dialect, name: str, value: Any) -> None:
    assert misfits(read(dialect, {**SMALLEST[dialect], name: value}), OTHER[dialect]) == ()


def test_a_field_nobody_knows_is_refused_by_name_and_forwarded_in_its_own_dialect() -> None:
    for dialect in Dialect:
        call = read(dialect, {**SMALLEST[dialect], "brand_new": {"deep": [1]}})
        assert misfits(call, OTHER[dialect]) == ("brand_new",)
        assert call.wire["brand_new"] == {"deep": [1]}


def test_kinds_of_content_that_the_sdk_knows_are_read_or_named() -> None:
    """A new kind of part or block needs no decision: whatever is not in the tables is refused by its type."""
    parts = {get_type_hints(kind)["type"].__args__[0] for kind in get_args(openai_types.ChatCompletionContentPartParam)}
    for kind in parts - openai_chat_wire.PART.keys():
        call = read(OPENAI, {**SMALLEST[OPENAI], "messages": [{"role": "user", "content": [{"type": kind, kind: {"x": 1}}]}]})
        assert misfits(call, ANTHROPIC) == ("messages[0].content[0].type",)
    assert parts >= {"text", "image_url", "input_audio", "file"}
