from typing import Any, get_args, get_type_hints

import anthropic.types
import msgspec
import pytest
from anthropic.types import Message, ModelInfo
from tests.providers.dialects import ANTHROPIC, OPENAI, Json, misfits, put_together, read, told
from tests.values import CALL_ID, a_call

from pointsman.core.call import Foreign, HiddenThinking, Image, OutputSchema, Refusal, Role, Text, Thinking, ToolChoice, ToolMode, ToolResult, ToolUse
from pointsman.core.errors import BadRequest, PlaceFailed
from pointsman.core.place import Dialect, Feature
from pointsman.core.reply import (
    Broken,
    Closed,
    Event,
    Finish,
    Finished,
    Native,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingHidden,
    ThinkingSigned,
    ToolDelta,
    ToolStarted,
    Usage,
    UsageSeen,
)
from pointsman.surfaces.anthropic_messages import SURFACE
from pointsman.surfaces.surface import Problem

USER: Json = {"role": "user", "content": "Hi"}
CALL = a_call(dialect=Dialect.ANTHROPIC_MESSAGES, stream=True, wants_usage=True)


def _request(*messages: Json, **more: Any) -> Json:
    return {"model": "support", "max_tokens": 9, "messages": list(messages) or [USER], **more}


def _user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_becomes_a_call_and_its_body_is_kept() -> None:
    request = _request(USER, system="Be brief.", stop_sequences=["a"], stream=True, metadata={"user_id": "u"}, top_k=3)
    call = read(ANTHROPIC, request)
    assert (call.call_id, call.capability, call.user, call.stream, call.wants_usage) == (CALL_ID, "support", "u", True, True)
    assert call.system == (Text("Be brief."),)
    assert [(turn.role, turn.parts) for turn in call.turns] == [(Role.USER, (Text("Hi"),))]
    assert (call.sampling.max_tokens, call.sampling.stop, call.sampling.top_k) == (9, ("a",), 3)
    assert call.wire == request
    assert call.size_chars == len("Be brief.") + len("Hi")


def test_every_kind_of_block_that_we_know_keeps_what_it_holds() -> None:
    blocks = [
        {
            "type": "tool_result",
            "tool_use_id": "1",
            "content": [{"type": "text", "text": "a"}, {"type": "image", "source": {"type": "url", "url": "https://e.org/a"}}],
        },
        {"type": "tool_result", "tool_use_id": "2", "is_error": True},
        {"type": "text", "text": "b", "citations": None},
    ]
    answer = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 2**70}},
    ]
    call = read(ANTHROPIC, _request({"role": "assistant", "content": answer}, _user(*blocks)))
    assert call.turns[0].parts == (
        Thinking(text="hm", signature="s"),
        Thinking(text="hm"),
        HiddenThinking(data="d"),
        ToolUse(use_id="1", name="f", arguments=f'{{"a":{2**70}}}'),
    )
    assert call.turns[1].parts == (
        ToolResult(use_id="1", parts=(Text("a"), Image(url="https://e.org/a"))),
        ToolResult(use_id="2", parts=(), is_error=True),
        Text("b"),
    )
    assert call.extras == {}
    assert call.needs == {Feature.IMAGES}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, ToolChoice(parallel=False)),
        ({"tool_choice": {"type": "any"}}, ToolChoice(mode=ToolMode.REQUIRED)),
        ({"tool_choice": {"type": "none"}}, ToolChoice(mode=ToolMode.NONE)),
        ({"tool_choice": {"type": "tool", "name": "f"}}, ToolChoice(mode=ToolMode.NAMED, name="f")),
    ],
)
def test_the_choice_of_tools_is_read(more: Json, expected: ToolChoice) -> None:
    assert read(ANTHROPIC, _request(**more)).tool_choice == expected


def test_the_form_of_the_answer_and_the_effort_are_read() -> None:
    call = read(ANTHROPIC, _request(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"}))
    assert call.schema == OutputSchema(name="answer", schema={"type": "object"}, strict=True)
    assert call.sampling.effort == "low"
    assert call.needs == {Feature.SCHEMA}


@pytest.mark.parametrize(
    ("thinking", "tokens", "needs"),
    [
        ({"type": "disabled"}, None, False),
        ({"type": "enabled", "budget_tokens": 2048}, 2048, True),
        ({"type": "adaptive"}, None, True),
        ({"type": "between_tools"}, None, True),
    ],
)
def test_thinking_is_needed_where_it_is_asked_for_and_refused_by_name_elsewhere(thinking: Json, tokens: int | None, *, needs: bool) -> None:
    call = read(ANTHROPIC, _request(thinking=thinking))
    assert call.sampling.thinking_tokens == tokens
    assert (Feature.THINKING in call.needs) is needs
    assert misfits(call, OPENAI) == (("thinking",) if needs else ())


NAMED: list[tuple[Json, str]] = [
    (_request(USER, {"role": "system", "content": "Now French."}, USER), "messages[1].role"),
    (_request({"role": "user", "content": "Hi", "name": "Ada"}), "messages[0].name"),
    (_request(system=[{"type": "image", "source": {"type": "url", "url": "https://e.org/a"}}]), "system"),
    (_request(system=[{"type": "text", "text": "a", "lang": "fr"}]), "system[0].lang"),
    (_request(_user({"type": "text", "text": "a", "citations": [{"type": "char_location"}]})), "messages[0].content[0].citations"),
    (_request(_user({"type": ["odd"]})), "messages[0].content[0].type"),
    (_request(_user({"type": "image", "source": {"type": "file", "file_id": "f"}})), "messages[0].content[0].source.type"),
    (_request(_user({"type": "image", "source": {"type": "url", "url": "https://e.org/a", "crop": 1}})), "messages[0].content[0].source.crop"),
    (_request(_user({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "search_result"}]})), "messages[0].content[0].content[0].type"),
    (
        _request(_user({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "thinking", "thinking": "a", "signature": "s"}]})),
        "messages[0].content[0].content",
    ),
    (
        _request(
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}, "caller": {"type": "code_execution", "tool_id": "x"}}]},
            USER,
        ),
        "messages[0].content[0].caller",
    ),
    (_request(tools=[{"type": "bash_20250124", "name": "bash"}]), "tools[0].type"),
    (_request(tools=[{"name": "f", "input_schema": {}, "defer_loading": True}]), "tools[0].defer_loading"),
    (_request(tools=[{"name": "f", "input_schema": {}, "input_examples": [{}]}]), "tools[0].input_examples"),
    (_request(tool_choice={"type": "some"}), "tool_choice.type"),
    (_request(tool_choice={"type": "auto", "order": 1}), "tool_choice.order"),
    (_request(output_config={"format": {"type": "regex"}}), "output_config.format.type"),
    (_request(output_config={"format": {"type": "json_schema", "schema": {}, "name": "n"}}), "output_config.format.name"),
    (_request(output_config={"task_budget": 5}), "output_config.task_budget"),
    (_request(metadata={"user_id": "u", "team": "t"}), "metadata.team"),
]


@pytest.mark.parametrize(("request_", "field"), NAMED, ids=[field for _, field in NAMED])
def test_what_is_only_understood_in_this_dialect_is_named_and_forwarded(request_: Json, field: str) -> None:
    call = read(ANTHROPIC, request_)
    assert field in misfits(call, OPENAI)
    assert misfits(call, ANTHROPIC) == ()
    assert call.wire == request_


ODD_SHAPES: Json = {"source": "a text", "content": {"type": "an object"}, "input": [1], "text": 5, "data": None, "name": 1, "id": {}, "title": "t"}
KNOWN = {"text", "image", "tool_use", "tool_result", "thinking", "redacted_thinking"}


def test_blocks_of_every_other_kind_are_forwarded_whatever_their_shape() -> None:
    kinds = {get_args(get_type_hints(kind)["type"])[0] for kind in get_args(anthropic.types.ContentBlockParam)}
    assert kinds > KNOWN
    for kind in kinds - KNOWN:
        call = read(ANTHROPIC, _request(_user({**ODD_SHAPES, "type": kind})))
        assert misfits(call, OPENAI) == ("messages[0].content[0].type",)
        assert call.wire["messages"] == [_user({**ODD_SHAPES, "type": kind})]


WRONG: list[tuple[Json, str]] = [
    ({"messages": [USER], "max_tokens": 9}, "model"),
    ({"model": "", "messages": [USER], "max_tokens": 9}, "model"),
    ({"model": "support", "messages": [USER]}, "max_tokens"),
    ({"model": "support", "messages": [USER], "max_tokens": -1}, "max_tokens"),  # limits would grow by it
    ({"model": "support", "max_tokens": 9, "messages": []}, "messages"),
    (_request({"role": "tool", "content": "x"}), "messages[0].role"),
    (_request({"role": "user"}), "messages[0].content"),
    (_request({"role": "user", "content": None}), "messages[0].content"),
    (_request(_user({"type": "text"})), "messages[0].content[0]"),
    (_request(_user({"type": "image", "source": "x"})), "messages[0].content[0]"),
    (_request(_user({"type": "image", "source": {"type": "base64", "data": "aaaa"}})), "messages[0].content[0].source"),
    (_request(_user({"type": "image", "source": {"type": "base64", "data": "aaaa", "media_type": "image/png"}})), "messages[0].content[0].source.data"),
    (_request(_user({"type": "tool_use", "id": "1", "name": "f", "input": "x"})), "messages[0].content[0]"),
    (_request(_user({"type": "tool_result", "tool_use_id": "1", "content": 5})), "messages[0].content[0].content"),
    (_request(_user({"type": "thinking"})), "messages[0].content[0]"),
    (_request(tools=[{"name": "f"}]), "tools[0].input_schema"),
    (_request(tools=[{"name": "f", "input_schema": {"type": "nope"}}]), "tools[0].input_schema"),
    (_request(tool_choice={"type": "tool"}), "tool_choice.name"),
    (_request(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
    (_request(output_config={"format": {"type": "json_schema", "schema": {"type": "nope"}}}), "output_config.format.schema"),
    (_request(stop_sequences="a"), "stop_sequences"),
]


@pytest.mark.parametrize(("request_", "field"), WRONG, ids=[field for _, field in WRONG])
def test_a_request_that_is_wrong_in_every_dialect_names_the_field(request_: Json, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(ANTHROPIC, request_)
    assert refused.value.field == field
    assert f"`{field}`" in refused.value.message
    assert refused.value.message.endswith(".")


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reply(*parts: Any, **more: Any) -> Reply:
    return Reply(**{"reply_id": "", "model": "", "finish": Finish.DONE, "parts": parts, **more})


def _streamed(*events: Event) -> bytes:
    encoder = SURFACE.stream(CALL)
    return b"".join(encoder.feed(event) for event in events)


def _blocks(*events: Event) -> list[Json]:
    content = put_together(ANTHROPIC, _streamed(*events, Finished(Finish.DONE), Closed()))["content"]
    return [{name: value for name, value in block.items() if value is not None} for block in content]


def test_an_answer_without_a_name_is_named_after_the_call() -> None:
    body = Message.model_validate_json(SURFACE.encode(_reply(Text("a"), Refusal(text="b")), CALL), strict=True)
    assert (body.id, body.model) == (f"msg_{CALL_ID}", "support")
    assert [block.text for block in body.content if block.type == "text"] == ["a", "b"]


def test_thoughts_of_another_vendor_are_written_as_blocks() -> None:
    body = Message.model_validate_json(
        SURFACE.encode(_reply(Thinking(text="a"), Thinking(text="b", signature="s"), HiddenThinking(data="d")), CALL), strict=True
    )
    assert [block.to_dict() for block in body.content] == [
        {"type": "thinking", "thinking": "a", "signature": ""},
        {"type": "thinking", "thinking": "b", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]


def test_arguments_that_are_no_object_are_kept_as_text() -> None:
    for arguments, expected in (("[1]", "[1]"), ('{"a', '{"a'), ("[" * 5000, "[" * 5000)):
        body = msgspec.json.decode(SURFACE.encode(_reply(ToolUse(use_id="1", name="f", arguments=arguments)), CALL))
        assert body["content"][0]["input"] == {"INVALID_JSON": expected}


def test_arguments_keep_every_digit() -> None:
    body = SURFACE.encode(_reply(ToolUse(use_id="1", name="f", arguments='{"a": 1.0, "b": 12345678901234567890123}')), CALL)
    assert b'"input":{"a": 1.0, "b": 12345678901234567890123}' in body


def test_an_answer_with_foreign_parts_is_a_failure_and_never_half_an_answer() -> None:
    reply = _reply(Text("a"), Foreign("audio"), model="small")
    with pytest.raises(PlaceFailed, match="`audio`"):
        SURFACE.encode(reply, CALL)
    with pytest.raises(PlaceFailed, match="`audio`"):
        SURFACE.replay(reply, CALL)


def test_no_model_answers_a_tools_result() -> None:
    with pytest.raises(TypeError, match="no ToolResult"):
        SURFACE.encode(_reply(ToolResult(use_id="1", parts=())), CALL)


def test_an_empty_stream_is_a_whole_message() -> None:
    assert put_together(ANTHROPIC, _streamed(Closed()))["stop_reason"] == "end_turn"
    assert put_together(ANTHROPIC, _streamed(TextDelta("a"), Closed()))["content"][0]["text"] == "a"


def test_text_refusals_and_thoughts_get_blocks_of_their_own() -> None:
    assert _blocks(
        ThinkingDelta("a"), ThinkingSigned("s"), ThinkingDelta("b"), ThinkingHidden("d"), TextDelta("x"), RefusalDelta("y"), ThinkingSigned("t")
    ) == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "thinking", "thinking": "b", "signature": ""},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "xy"},
        {"type": "thinking", "thinking": "", "signature": "t"},
    ]


def test_what_comes_while_a_tool_is_written_waits_for_its_end() -> None:
    """A vendor may go back to a tool it has left; its block can then not have been closed."""
    assert _blocks(
        ToolStarted(0, "1", "f"),
        ToolStarted(1, "2", "g"),
        TextDelta("between"),
        ToolDelta(1, '{"b":'),
        ToolDelta(0, '{"a":'),
        ThinkingDelta("hm"),
        ToolDelta(1, "2}"),
        ToolDelta(0, "1}"),
    ) == [
        {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "2", "name": "g", "input": {"b": 2}},
        {"type": "text", "text": "between"},
        {"type": "thinking", "thinking": "hm", "signature": ""},
    ]


def test_the_open_tools_arguments_are_not_held_back() -> None:
    encoder = SURFACE.stream(CALL)
    encoder.feed(ToolStarted(0, "1", "f"))
    assert b"partial_json" in encoder.feed(ToolDelta(0, "{"))
    assert encoder.feed(Broken("broken", "x")) == b""


def test_the_stop_sequence_and_all_usage_are_told_at_the_end() -> None:
    usage = Usage(tokens_in=125, tokens_out=9, cache_read=100, cache_write=20, reasoning=4)
    body = put_together(ANTHROPIC, _streamed(Started("", ""), UsageSeen(usage), Broken("x", "y"), Finished(Finish.STOP_SEQUENCE, "END"), Closed()))
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "END")
    told_usage = {name: body["usage"][name] for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")}
    assert told_usage == {"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}


def test_a_replayed_message_keeps_what_only_its_vendor_understands() -> None:
    """Citations, blocks that run at the vendor, and fields nobody knows: a held answer loses nothing by becoming a stream."""
    cited = {
        "type": "char_location",
        "cited_text": "x",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 1,
        "file_id": None,
    }
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "text", "text": "a", "citations": [cited]},
            {"type": "brand_new", "field": [1]},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "brand_new": {"a": 1},
        "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}},
    }
    reply = _reply(Text("a"), native=Native(Dialect.ANTHROPIC_MESSAGES, msgspec.json.encode(whole)))
    events = told(ANTHROPIC, SURFACE.replay(reply, CALL))
    assert events[0]["message"]["brand_new"] == {"a": 1}
    starts = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert starts == [whole["content"][0], {"type": "text", "text": "", "citations": []}, whole["content"][2]]
    assert {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": cited}} in events
    assert events[-2] == {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": whole["usage"]}


# ── errors and lists ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
    ],
)
def test_an_error_has_the_shape_that_the_sdk_reads(status: int, kind: str) -> None:
    problem = Problem(status=status, code="some_code", message="Say it.", request_id="r", field=None)
    body = anthropic.types.ErrorResponse.model_validate_json(SURFACE.error(problem), strict=True)
    assert (body.error.type, body.error.message, body.request_id) == (kind, "Say it.", "r")
    assert msgspec.json.decode(SURFACE.error(problem))["error"]["code"] == "some_code"
    assert SURFACE.stream_error(problem) == b"event: error\ndata: " + SURFACE.error(problem) + b"\n\n"


def test_a_body_that_is_too_large_has_the_type_of_the_documentation() -> None:
    """The SDK's list of types lacks it."""
    problem = Problem(status=413, code="too_large", message="Send less.", request_id="r")
    assert msgspec.json.decode(SURFACE.error(problem))["error"]["type"] == "request_too_large"


def test_capabilities_are_listed_as_models() -> None:
    body = msgspec.json.decode(SURFACE.models(("a", "b")))
    assert [ModelInfo.model_validate_json(msgspec.json.encode(entry), strict=True).id for entry in body["data"]] == ["a", "b"]
    assert (body["first_id"], body["last_id"], body["has_more"]) == ("a", "b", False)
    assert msgspec.json.decode(SURFACE.models(()))["first_id"] is None
