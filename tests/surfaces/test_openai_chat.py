from typing import Any

import msgspec
import openai
import pytest
from openai.types import Model
from tests.providers.dialects import ANTHROPIC, OPENAI, Json, misfits, put_together, read
from tests.values import CALL_ID, a_call

from pointsman.core.call import Foreign, HiddenThinking, Image, OutputSchema, Refusal, Role, Text, Thinking, ToolChoice, ToolMode, ToolResult, ToolUse
from pointsman.core.errors import BadRequest, PlaceFailed
from pointsman.core.place import Feature
from pointsman.core.reply import Broken, Closed, Finish, Finished, Native, Reply, Started, TextDelta, Usage, UsageSeen
from pointsman.surfaces.openai_chat import SURFACE
from pointsman.surfaces.surface import Problem

USER: Json = {"role": "user", "content": "Hi"}


def _request(*messages: Json, **more: Any) -> Json:
    return {"model": "support", "messages": list(messages) or [USER], **more}


def _call_of(**more: Any) -> Json:
    return {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}, **more}


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_becomes_a_call_and_its_body_is_kept() -> None:
    request = _request(
        {"role": "system", "content": "Be brief."}, USER, max_tokens=5, stop=["a"], stream=True, stream_options={"include_usage": True}, user="u"
    )
    call = read(OPENAI, request)
    assert (call.call_id, call.capability, call.user, call.stream, call.wants_usage) == (CALL_ID, "support", "u", True, True)
    assert call.system == (Text("Be brief."),)
    assert [(turn.role, turn.parts) for turn in call.turns] == [(Role.USER, (Text("Hi"),))]
    assert (call.sampling.max_tokens, call.sampling.stop) == (5, ("a",))
    assert call.wire == request
    assert call.size_chars == len("Be brief.") + len("Hi")
    assert call.needs == frozenset()


def test_the_newer_name_of_the_token_limit_wins() -> None:
    assert read(OPENAI, _request(max_tokens=5, max_completion_tokens=0)).sampling.max_tokens == 0


def test_it_is_known_how_many_answers_are_asked_for() -> None:
    for told, answers in (({}, 1), ({"n": None}, 1), ({"n": 1}, 1), ({"n": 3}, 3)):
        assert read(OPENAI, _request(**told)).answers == answers
    with pytest.raises(BadRequest) as refused:
        read(OPENAI, _request(n=0))
    assert refused.value.field == "n"


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_fewer_tokens_than_none_are_refused_for_limits_would_grow_by_them(field: str) -> None:
    with pytest.raises(BadRequest, match="Correct it") as refused:
        read(OPENAI, _request(**{field: -1_000_000}))
    assert refused.value.field == field


def test_usage_is_wanted_only_when_asked_for() -> None:
    for options in (None, {}, {"include_usage": None}, {"include_usage": False}):
        assert read(OPENAI, _request(stream=True, stream_options=options)).wants_usage is False


def test_an_assistants_turn_keeps_thoughts_words_refusal_and_tool_uses_in_order() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s"}, {"type": "reasoning.encrypted", "data": "d", "format": "x", "index": 1}]
    turn = {"role": "assistant", "content": [{"type": "text", "text": "A"}, {"type": "refusal", "refusal": "B"}], "refusal": "C", "tool_calls": [_call_of()]}
    call = read(OPENAI, _request(USER, {**turn, "reasoning_content": "hm", "reasoning_details": details}, USER))
    assert call.turns[1].parts == (
        Thinking(text="hm", signature="s"),
        HiddenThinking(data="d"),
        Text("A"),
        Refusal(text="B"),
        Refusal(text="C"),
        ToolUse(use_id="call_1", name="f", arguments="{}"),
    )
    assert call.extras == {}


def test_shown_reasoning_is_kept_beside_hidden_details() -> None:
    turn = {"role": "assistant", "content": "A", "reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]}
    assert read(OPENAI, _request(USER, turn, USER)).turns[1].parts == (HiddenThinking(data="d"), Thinking(text="hm"), Text("A"))


def test_results_of_parallel_tools_are_one_turn() -> None:
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in "ab"]
    call = read(OPENAI, _request(USER, {"role": "assistant", "tool_calls": [_call_of()]}, *results, USER))
    assert call.turns[2].parts == (ToolResult(use_id="a", parts=(Text("a"),)), ToolResult(use_id="b", parts=(Text("b"),)))
    assert call.turns[3].parts == (Text("Hi"),)


def test_a_result_without_a_turn_before_it_is_one_of_its_own() -> None:
    assert len(read(OPENAI, _request({"role": "tool", "tool_call_id": "a", "content": "x"})).turns) == 1


def test_a_picture_is_needed_with_its_detail() -> None:
    call = read(OPENAI, _request({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "high"}}]}))
    assert call.turns[0].parts == (Image(url="https://e.org/a", detail="high"),)
    assert call.needs == {Feature.IMAGES}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"parallel_tool_calls": False}, ToolChoice(parallel=False)),
        ({"tool_choice": "none"}, ToolChoice(mode=ToolMode.NONE)),
        ({"tool_choice": "required", "parallel_tool_calls": True}, ToolChoice(mode=ToolMode.REQUIRED, parallel=True)),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ToolChoice(mode=ToolMode.NAMED, name="f")),
    ],
)
def test_the_choice_of_tools_is_read(more: Json, expected: ToolChoice | None) -> None:
    assert read(OPENAI, _request(**more)).tool_choice == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputSchema(name="object", schema=None)),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": False}}, OutputSchema(name="n", schema={}, strict=False)),
    ],
)
def test_the_form_of_the_answer_is_read(form: Json | None, expected: OutputSchema | None) -> None:
    call = read(OPENAI, _request(response_format=form))
    assert call.schema == expected
    assert call.needs == ({Feature.SCHEMA} if expected else frozenset())


NAMED: list[tuple[Json, str]] = [
    (_request({"role": "function", "name": "f", "content": "x"}, USER), "messages[0].role"),
    (_request(USER, {"role": "system", "content": "Now French."}, USER), "messages[1].role"),
    (_request({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://e.org/a"}}]}, USER), "messages[0].content"),
    (_request({"role": "user", "content": "Hi", "tool_calls": [_call_of()]}), "messages[0].tool_calls"),
    (_request({"role": "tool", "tool_call_id": "a", "content": [{"type": "refusal", "refusal": "no"}]}), "messages[0].content"),
    (_request({"role": "tool", "tool_call_id": "a", "content": "x", "name": "f"}), "messages[0].name"),
    (_request({"role": "user", "content": [{"type": "text", "text": "a", "lang": "fr"}]}), "messages[0].content[0].lang"),
    (
        _request({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://e.org/a", "crop": [1]}}]}),
        "messages[0].content[0].image_url.crop",
    ),
    (_request({"role": "user", "content": [{"text": "no type"}]}), "messages[0].content[0].type"),
    (_request({"role": "user", "content": [{"type": ["odd"]}]}), "messages[0].content[0].type"),
    (
        _request({"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "x"}}]}, USER),
        "messages[0].tool_calls[0].type",
    ),
    (_request({"role": "assistant", "tool_calls": [_call_of(extra_content={"google": {}})]}, USER), "messages[0].tool_calls[0].extra_content"),
    (
        _request({"role": "assistant", "tool_calls": [_call_of(function={"name": "f", "arguments": "", "memo": 1})]}, USER),
        "messages[0].tool_calls[0].function.memo",
    ),
    (_request({"role": "assistant", "reasoning_details": [{"type": "reasoning.summary", "summary": "s"}]}, USER), "messages[0].reasoning_details[0]"),
    (
        _request({"role": "assistant", "content": "a", "reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "s", "mood": 1}]}, USER),
        "messages[0].reasoning_details[0].mood",
    ),
    (_request(tools=[{"type": "custom", "custom": {"name": "f"}}]), "tools[0].type"),
    (_request(tools=[{"type": "function", "function": {"name": "f", "example": 1}}]), "tools[0].function.example"),
    (_request(tools=[{"type": "function", "function": {"name": "f"}, "scope": 1}]), "tools[0].scope"),
    (_request(tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}), "tool_choice"),
    (_request(response_format={"type": "grammar", "grammar": "root ::= x"}), "response_format"),
    (
        _request(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "description": "d"}}),
        "response_format.json_schema.description",
    ),
    (_request(stream=True, stream_options={"include_usage": True, "chunk": 5}), "stream_options.chunk"),
]


@pytest.mark.parametrize(("request_", "field"), NAMED, ids=[field for _, field in NAMED])
def test_what_is_only_understood_in_this_dialect_is_named_and_forwarded(request_: Json, field: str) -> None:
    call = read(OPENAI, request_)
    assert field in misfits(call, ANTHROPIC)
    assert misfits(call, OPENAI) == ()
    assert call.wire == request_


def test_fields_that_sdks_add_as_null_or_empty_are_no_hindrance() -> None:
    turn = {"role": "assistant", "content": "A", "refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": None}
    assert misfits(read(OPENAI, _request(USER, turn, USER)), ANTHROPIC) == ()


WRONG: list[tuple[Json, str | None]] = [
    ({"messages": [USER]}, "model"),
    ({"model": "", "messages": [USER]}, "model"),
    ({"model": "support"}, "messages"),
    ({"model": "support", "messages": []}, "messages"),
    ({"model": "support", "messages": [{"content": "x"}]}, "messages[0].role"),
    (_request({"role": "wizard", "content": "x"}), "messages[0].role"),
    (_request({"role": "tool", "content": "x"}), "messages[0].tool_call_id"),
    (_request({"role": "user", "content": 5}), "messages[0].content"),
    (_request({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0]"),
    (_request({"role": "user", "content": [{"type": "image_url", "image_url": "https://e.org/a"}]}), "messages[0].content[0]"),
    (_request({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "cat.png"}}]}), "messages[0].content[0].image_url.url"),
    (_request({"role": "assistant", "tool_calls": [{"id": "1", "type": "function"}]}), "messages[0].tool_calls[0]"),
    (_request({"role": "assistant", "tool_calls": [_call_of(function={"name": "f", "arguments": {"a": 1}})]}), "messages[0].tool_calls[0].function.arguments"),
    (_request(tools=[{"type": "function"}]), "tools[0].function"),
    (_request(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
    (_request(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "nope"}}}]), "tools[0].function.parameters"),
    (_request(tool_choice="perhaps"), "tool_choice"),
    (_request(tool_choice={"type": "function"}), "tool_choice"),
    (_request(response_format={"type": "json_schema"}), "response_format.json_schema"),
    (_request(response_format={"type": "json_schema", "json_schema": {"name": "n"}}), "response_format.json_schema.schema"),
    (_request(temperature="hot"), "temperature"),
    (_request(stream="yes"), "stream"),
]


@pytest.mark.parametrize(("request_", "field"), WRONG, ids=[str(field) for _, field in WRONG])
def test_a_request_that_is_wrong_in_every_dialect_names_the_field(request_: Json, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(OPENAI, request_)
    assert refused.value.field == field
    assert f"`{field}`" in refused.value.message
    assert refused.value.message.endswith(".")


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reply(*parts: Any, **more: Any) -> Reply:
    return Reply(**{"reply_id": "", "model": "", "finish": Finish.DONE, "parts": parts, **more})


def test_an_answer_without_a_name_is_named_after_the_call() -> None:
    body = msgspec.json.decode(SURFACE.encode(_reply(Text("a")), a_call()))
    assert (body["id"], body["model"], body["created"]) == (f"chatcmpl-{CALL_ID}", "support", int(CALL_ID[:8] + CALL_ID[9:13], 16) // 1000)


def test_usage_that_is_not_known_is_not_told_as_zero() -> None:
    call = a_call(stream=True, wants_usage=True)
    assert "usage" not in msgspec.json.decode(SURFACE.encode(_reply(Text("a")), call))
    assert put_together(OPENAI, SURFACE.replay(_reply(Text("a")), call))["usage"] is None


def test_an_unsigned_thought_beside_signed_ones_is_a_detail_too() -> None:
    """Callers send the details back and not the text, once there are details."""
    reply = _reply(Thinking(text="b", signature="s"), Thinking(text="a"), HiddenThinking(data="d"), Text("x"), Thinking(text="c"))
    whole = msgspec.json.decode(SURFACE.encode(reply, a_call()))["choices"][0]["message"]
    streamed = put_together(OPENAI, SURFACE.replay(reply, a_call(stream=True)))["choices"][0]["message"]
    expected = [("b", "s", None), ("a", None, None), (None, None, "d"), ("c", None, None)]
    for message in (whole, streamed):
        details = [(detail.get("text"), detail.get("signature"), detail.get("data")) for detail in message["reasoning_details"]]
        assert details == expected
        assert message["reasoning_content"] == "bac"


def test_an_answer_with_foreign_parts_is_a_failure_and_never_half_an_answer() -> None:
    reply = _reply(Text("a"), Foreign("server_tool_use"), model="small")
    with pytest.raises(PlaceFailed, match="`server_tool_use`"):
        SURFACE.encode(reply, a_call())
    with pytest.raises(PlaceFailed, match="`server_tool_use`"):
        SURFACE.replay(reply, a_call(stream=True))


def test_a_stream_names_itself_and_tells_usage_only_when_asked() -> None:
    for wanted in (False, True):
        encoder = SURFACE.stream(a_call(stream=True, wants_usage=wanted))
        events = (Started("", ""), TextDelta("a"), Broken("broken", "x"), UsageSeen(Usage(tokens_in=1)), Finished(Finish.DONE), Closed())
        answer = put_together(OPENAI, b"".join(encoder.feed(event) for event in events))
        assert (answer["id"], answer["model"]) == (f"chatcmpl-{CALL_ID}", "support")
        assert (answer["usage"] is not None) is wanted


def test_a_choice_without_a_message_is_told_as_a_stream_without_words() -> None:
    choices = [{"index": 0, "finish_reason": "length"}, {"index": 1, "message": None, "finish_reason": "length"}]
    body = msgspec.json.encode({"id": "c", "model": "small", "choices": choices})
    reply = Reply(reply_id="c", model="small", finish=Finish.LENGTH, native=Native(OPENAI, body))
    assert SURFACE.replay(reply, a_call(stream=True)).count(b'"delta":{}') == 2


def test_a_replayed_completion_keeps_what_only_its_vendor_understands() -> None:
    """Further choices, probabilities, sources and fields nobody knows: a held answer loses nothing by becoming a stream."""
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "a", "brand_new": 1},
            "logprobs": {"content": [token], "refusal": None},
            "finish_reason": "stop",
        }
        for index in range(2)
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "system_fingerprint": "fp", "usage": usage}
    reply = _reply(Text("a"), native=Native(OPENAI, msgspec.json.encode(whole)))
    for wanted in (False, True):
        answer = put_together(OPENAI, SURFACE.replay(reply, a_call(stream=True, wants_usage=wanted)))
        assert answer["system_fingerprint"] == "fp"
        assert [choice["message"]["brand_new"] for choice in answer["choices"]] == [1, 1]
        assert [choice["logprobs"]["content"][0]["logprob"] for choice in answer["choices"]] == [-0.5, -0.5]
        assert (answer["usage"] is not None) is wanted


def test_every_finish_has_a_word_here() -> None:
    for finish in Finish:
        body = msgspec.json.decode(SURFACE.encode(_reply(Text("a"), finish=finish), a_call()))
        assert body["choices"][0]["finish_reason"] in ("stop", "length", "tool_calls", "content_filter")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "invalid_request_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_an_error_has_the_shape_that_the_sdk_reads(status: int, kind: str) -> None:
    problem = Problem(status=status, code="some_code", message="Say it.", request_id="r", field="messages[0]")
    error = msgspec.json.decode(SURFACE.error(problem))["error"]
    told = openai.APIError("", request=None, body=error)  # pyright: ignore[reportArgumentType] - only the body matters
    assert (told.type, told.code, told.param, error["message"]) == (kind, "some_code", "messages[0]", "Say it.")
    assert SURFACE.stream_error(problem) == b"data: " + SURFACE.error(problem) + b"\n\n"


def test_capabilities_are_listed_as_models() -> None:
    body = msgspec.json.decode(SURFACE.models(("a", "b")))
    assert [Model.model_validate(entry, strict=True).id for entry in body["data"]] == ["a", "b"]
    assert msgspec.json.decode(SURFACE.models(()))["data"] == []
