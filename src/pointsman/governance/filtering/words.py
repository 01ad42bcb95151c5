"""
The words that belong to the protocols themselves: names of fields, and values out of closed lists. They carry no data, so they are not looked at.

A word stands here only if it is the same in everybody's requests. A text is left out because it *is* such a word, never because of the field it stands
in: a caller may write anything into any field.
"""

import re
from collections.abc import Iterable
from typing import Final

_ENVELOPE: Final = """
    model messages system stream stream_options include_usage include_obfuscation max_tokens max_completion_tokens temperature top_p top_k stop stop_sequences
    tools tool_choice parallel_tool_calls disable_parallel_tool_use response_format output_config reasoning_effort effort thinking budget_tokens user metadata
    user_id store prediction prompt_cache_key prompt_cache_options prompt_cache_retention prompt_cache_breakpoint safety_identifier n frequency_penalty
    presence_penalty logprobs top_logprobs logit_bias modalities service_tier verbosity speed seed diagnostics mcp_servers container context_management
"""
_CONTENT: Final = """
    role content type text name id input arguments function tool_calls tool_call_id tool_use_id is_error image_url url detail file file_data file_id filename
    input_audio audio data format source media_type title context citations cache_control ttl caller custom index refusal annotations reasoning
    reasoning_content reasoning_details signature summary function_call
"""
_SCHEMA: Final = """
    json_schema schema strict input_schema parameters description properties required items additionalProperties enum const anyOf oneOf allOf not default
    examples minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems pattern $ref $defs $schema
    definitions prefixItems nullable defer_loading allowed_callers input_examples eager_input_streaming
"""
_VALUES: Final = """
    system developer user assistant tool function custom text image image_url document file input_audio tool_use tool_result thinking redacted_thinking
    refusal base64 url content ephemeral 5m 1h auto none any required low medium high xhigh max minimal enabled disabled adaptive json_object json_schema
    string number integer boolean object array null date-time date time email uri uuid direct default standard_only standard priority flex batch
    reasoning.text reasoning.encrypted reasoning.summary wav mp3
"""
_MEDIA: Final = """
    image/png image/jpeg image/jpg image/gif image/webp image/bmp image/tiff image/svg+xml image/heic image/avif application/pdf application/json
    application/xml application/zip application/gzip application/msword application/rtf application/vnd.ms-excel application/vnd.ms-powerpoint
    application/vnd.openxmlformats-officedocument.wordprocessingml.document application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
    application/vnd.openxmlformats-officedocument.presentationml.presentation application/octet-stream text/plain text/html text/csv text/markdown text/xml
    text/calendar message/rfc822 audio/wav audio/mpeg audio/mp3 audio/mp4 audio/ogg audio/flac audio/webm video/mp4 video/webm
"""

MEDIA_TYPES: Final = frozenset(_MEDIA.split())
WORDS: Final = frozenset((_ENVELOPE + _CONTENT + _SCHEMA + _VALUES).split()) | MEDIA_TYPES | {""}

_CANNOT: Final = "cannot_express:"
_STEP: Final = re.compile(r"[^.,\[\]]+")
_HEADERS: Final = frozenset({"header anthropic-beta", "header anthropic-version"})


def recordable(considered: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """
    Return why targets were left out, without names of fields that are no words of a protocol.

    A caller may call a field anything, and records hold no content.
    """
    return tuple((target, _CANNOT + _STEP.sub(_known, why.removeprefix(_CANNOT)) if why.startswith(_CANNOT) else why) for target, why in considered)


def _known(step: re.Match[str]) -> str:
    return step[0] if step[0] in WORDS or step[0] in _HEADERS else "…"
