from typing import Any

import msgspec
import pytest
from tests.providers.dialects import ANTHROPIC, OPENAI, Json, asked, events_of, misfits, read, sse, target_of
from tests.values import a_call, a_target, a_vendor

from pointsman.core.call import (
    Call,
    Foreign,
    HiddenThinking,
    Image,
    OutputSchema,
    Part,
    Refusal,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.reply import (
    Finish,
    Finished,
    Reply,
    Usage,
    UsageSeen,
)
from pointsman.providers.counts import MOST
from pointsman.providers.openai_chat import WIRE

TARGET = target_of(OPENAI)


def _decoded(message: Json | None, *, finish: str | None = "stop", full: bool = True, **more: Any) -> Reply:
    choice: Json = {"index": 0, "message": message, "finish_reason": finish, **more.pop("choice", {})}
    body = {"id": "chatcmpl-1", "model": "m", "choices": [choice], **more}
    return WIRE.decode(msgspec.json.encode(body), TARGET, full=full)


def _call(*turns: Turn, **more: Any) -> Call:
    return Call(call_id="x", dialect=ANTHROPIC, capability="c", turns=turns, wire={}, extras={}, **more)


# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_request_goes_to_the_vendors_path_with_its_credential() -> None:
    outgoing = WIRE.encode(_call(Turn(Role.USER, (Text("Hi"),)), stream=True), TARGET)
    assert (outgoing.path, outgoing.stream, dict(outgoing.headers)) == ("/chat/completions", True, {})
    assert WIRE.headers("s3cret") == {"authorization": "Bearer s3cret"}
    assert WIRE.headers(None) == {}


def test_the_token_limit_has_the_name_that_the_vendor_reads() -> None:
    call = read(ANTHROPIC, {"model": "c", "max_tokens": 7, "messages": [{"role": "user", "content": "Hi"}]})
    assert asked(call, OPENAI, kind="openai")["max_completion_tokens"] == 7
    assert asked(call, OPENAI, kind="vllm")["max_tokens"] == 7


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_obfuscation": False}, "odd"])
def test_usage_is_asked_for_in_every_stream_and_the_callers_other_wishes_are_kept(options: Any) -> None:
    call = Call(call_id="x", dialect=OPENAI, capability="c", turns=(), wire={"stream": True, "stream_options": options}, extras={}, stream=True)
    kept = {name: value for name, value in options.items() if name != "include_usage"} if isinstance(options, dict) else {}
    assert asked(call, OPENAI)["stream_options"] == {**kept, "include_usage": True}


def test_a_server_that_takes_reasoning_details_is_sent_signed_and_hidden_thoughts() -> None:
    thoughts = (Thinking(text="a", signature="s"), HiddenThinking(data="d"), Thinking(text="b"), Text("x"))
    call = _call(Turn(Role.USER, (Text("Hi"),)), Turn(Role.ASSISTANT, thoughts), Turn(Role.USER, (Text("Hi"),)))
    assert len(misfits(call, OPENAI)) == 2
    assert misfits(call, OPENAI, kind="openrouter") == ()
    assert asked(call, OPENAI, kind="openrouter")["messages"][1] == {
        "role": "assistant",
        "content": "x",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "a", "signature": "s"},
            {"type": "reasoning.encrypted", "data": "d"},
            {"type": "reasoning.text", "text": "b", "signature": None},
        ],
    }


@pytest.mark.parametrize(
    ("result", "content"),
    [
        (ToolResult(use_id="1", parts=()), ""),
        (ToolResult(use_id="1", parts=(Text("a"), Text("b"))), [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        (ToolResult(use_id="1", parts=(), is_error=True), "[tool error] "),
        (ToolResult(use_id="1", parts=(Text("a"), Text("b")), is_error=True), [{"type": "text", "text": "[tool error] a"}, {"type": "text", "text": "b"}]),
    ],
)
def test_a_tools_failure_is_told_to_the_model_in_words(result: ToolResult, content: Any) -> None:
    messages = asked(_call(Turn(Role.USER, (result,))), OPENAI)["messages"]
    assert messages == [{"role": "tool", "tool_call_id": "1", "content": content}]


def test_a_failed_tools_picture_is_not_lost_where_a_server_would_take_it() -> None:
    result = ToolResult(use_id="1", parts=(Image(url="https://e.org/a"),), is_error=True)
    content = asked(_call(Turn(Role.USER, (result,))), OPENAI)["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]


def test_a_turn_without_words_stays_a_turn() -> None:
    messages = asked(_call(Turn(Role.USER, ()), Turn(Role.ASSISTANT, ()), Turn(Role.USER, (Text("a"), Text("b")))), OPENAI)["messages"]
    assert [message["content"] for message in messages] == ["", "", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]]


@pytest.mark.parametrize("mode", [ToolMode.AUTO, ToolMode.NONE])
def test_a_choice_that_forces_nothing_is_left_out_without_tools(mode: ToolMode) -> None:
    call = _call(Turn(Role.USER, (Text("Hi"),)), tool_choice=ToolChoice(mode=mode, parallel=False))
    assert misfits(call, OPENAI) == ()
    assert asked(call, OPENAI).keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("sampling", "field"),
    [(Sampling(effort="ultra"), "output_config.effort"), (Sampling(stop=("a", "b", "c", "d", "e")), "stop_sequences"), (Sampling(top_k=1), "top_k")],
)
def test_what_this_format_cannot_say_is_named(sampling: Sampling, field: str) -> None:
    assert misfits(_call(Turn(Role.USER, (Text("Hi"),)), sampling=sampling), OPENAI) == (field,)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (OutputSchema(name="object", schema=None), {"type": "json_object"}),
        (OutputSchema(name="n", schema={}, strict=False), {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": False}}),
    ],
)
def test_the_form_of_the_answer_is_sent(schema: OutputSchema, sent: Json) -> None:
    assert asked(_call(Turn(Role.USER, (Text("Hi"),)), schema=schema), OPENAI)["response_format"] == sent


def test_a_tool_without_a_description_has_none() -> None:
    call = _call(Turn(Role.USER, (Text("Hi"),)), tools=(Tool(name="f", description=None, parameters={}),))
    assert asked(call, OPENAI)["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def test_what_is_no_part_of_a_turn_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="HiddenThinking"):
        asked(_call(Turn(Role.USER, (HiddenThinking(data="d"), Text("a")))), OPENAI)


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        pytest.param({"content": "a"}, (Text("a"),), id="text"),
        pytest.param({"content": ""}, (), id="no text"),
        pytest.param(None, (), id="no message"),
        pytest.param({"reasoning_content": "a", "content": "b"}, (Thinking(text="a"), Text("b")), id="DeepSeek, llama.cpp"),
        pytest.param({"reasoning": "a", "content": "b"}, (Thinking(text="a"), Text("b")), id="vLLM, Groq"),
        pytest.param(
            {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
            (Thinking(text="a"),),
            id="OpenRouter, details that repeat the text",
        ),
        pytest.param(
            {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a", "signature": "s"}, {"type": "reasoning.encrypted", "data": "d"}]},
            (Thinking(text="a", signature="s"), HiddenThinking(data="d")),
            id="OpenRouter, signed and hidden",
        ),
        pytest.param(
            {"reasoning_details": [{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.summary", "summary": "b"}, {"type": "odd"}]},
            (Thinking(text="a"), Thinking(text="b")),
            id="details alone",
        ),
        pytest.param({"refusal": "no"}, (Refusal(text="no"),), id="a refusal"),
        pytest.param(
            {"tool_calls": [{"function": {"name": "f"}}]}, (ToolUse(use_id="call_chatcmpl-1_0", name="f", arguments=""),), id="a tool without a name of its own"
        ),
        pytest.param({"tool_calls": [{"id": "1", "type": "custom", "custom": {}}]}, (Foreign("tool_calls.custom"),), id="a custom tool"),
        pytest.param({"content": "a", "audio": {"id": "x"}}, (Text("a"), Foreign("audio")), id="a voice"),
        pytest.param({"content": "a", "annotations": [{}]}, (Text("a"), Foreign("annotations")), id="sources"),
        pytest.param({"content": "a", "annotations": [], "audio": None}, (Text("a"),), id="empty fields"),
        pytest.param({"function_call": {"name": "f"}}, (Foreign("function_call"),), id="the form before tools"),
    ],
)
def test_what_a_message_holds_is_kept_or_marked_as_foreign(message: Json | None, parts: tuple[Part, ...]) -> None:
    assert _decoded(message).parts == parts


def test_probabilities_and_further_choices_are_foreign() -> None:
    assert _decoded({"content": "a"}, choice={"logprobs": {"content": []}}).parts == (Text("a"), Foreign("logprobs"))
    both = [{"message": {"content": word}, "finish_reason": "stop"} for word in "ab"]
    assert WIRE.decode(msgspec.json.encode({"choices": both}), TARGET, full=True).parts == (Text("a"), Foreign("choices"))


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        ({"content": "a"}, "stop", Finish.DONE),
        ({"content": "a"}, "length", Finish.LENGTH),
        ({"content": "a"}, "model_length", Finish.LENGTH),
        ({"content": "a"}, "content_filter", Finish.REFUSED),
        ({"refusal": "no"}, "stop", Finish.REFUSED),
        ({"refusal": "no"}, "length", Finish.LENGTH),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "stop", Finish.TOOLS),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "tool_calls", Finish.TOOLS),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "length", Finish.LENGTH),
        ({"function_call": {"name": "f"}}, "function_call", Finish.TOOLS),
    ],
)
def test_why_the_model_stopped_is_told_as_other_dialects_mean_it(message: Json, finish: str, expected: Finish) -> None:
    assert _decoded(message, finish=finish).finish is expected
    deltas = [{"choices": [{"index": 0, "delta": message, "finish_reason": None}]}, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}]
    assert Finished(expected) in events_of(OPENAI, [sse(OPENAI, deltas)])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(b'{"choices": []}', id="no choice"),
        pytest.param(b'{"id": "x"}', id="no choices"),
        pytest.param(b'{"choices": [{"message": {"content": "a"}}]}', id="no end"),
        pytest.param(b'{"choices": [{"message": {"content": "a"}, "finish_reason": "brand_new"}]}', id="an end nobody knows: guessing would hide a cut"),
        pytest.param(b'{"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}', id="content that is none"),
        pytest.param(b'{"choices": [{"message": {"content": "\xff"}, "finish_reason": "stop"}]}', id="broken UTF-8"),
        pytest.param(b'{"choices": [{"message": {"audio": ' + b"[" * 9999 + b"]" * 9999 + b'}, "finish_reason": "stop"}]}', id="nested deep"),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure_of_the_target(body: bytes) -> None:
    with pytest.raises(PlaceFailed, match="cannot be read") as failed:
        WIRE.decode(body, TARGET, full=True)
    assert failed.value.failure.kind is FailureKind.BAD_ANSWER


def test_usage_that_cannot_be_neither_fills_nor_empties_a_limit() -> None:
    told = {
        "prompt_tokens": -5,
        "completion_tokens": 10**30,
        "prompt_tokens_details": {"cached_tokens": -1},
        "completion_tokens_details": {"reasoning_tokens": -1},
    }
    assert _decoded({"content": "a"}, usage=told).usage == Usage(tokens_out=MOST)


def test_usage_may_be_missing_whole_or_in_part() -> None:
    assert _decoded({"content": "a"}).usage is None
    assert _decoded({"content": "a"}, usage={"prompt_tokens": 1, "completion_tokens": None, "prompt_tokens_details": None}).usage == Usage(tokens_in=1)


@pytest.mark.parametrize(("cost", "expected"), [(0.00014, 140_000), (0, 0), (None, None), ("1", None), ({"total_cost": 1}, None), (-1, None), (1e300, None)])
def test_a_vendor_that_tells_what_it_charged_is_taken_at_its_word_and_no_other(cost: Any, expected: int | None) -> None:
    body = msgspec.json.encode({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "cost": cost}})
    chunk = msgspec.json.encode({"choices": [], "usage": {"prompt_tokens": 1, "cost": cost}})
    for kind, told in (("openrouter", expected), ("openai_compatible", None)):
        target = a_target(vendor=a_vendor(kind=kind))
        usage = WIRE.decode(body, target, full=False).usage
        (seen,) = WIRE.stream(target, full=False).feed(None, chunk)
        assert isinstance(seen, UsageSeen)
        assert usage == seen.usage == Usage(tokens_in=1, cost_nano_usd=told)


def test_a_picture_in_a_tools_result_is_refused_by_name() -> None:
    result = ToolResult(use_id="1", parts=(Text("a"), Image(url="https://e.org/a")))
    assert misfits(_call(Turn(Role.USER, (result,))), OPENAI) == ("messages[].content[].content[].type=image",)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]}, (-1.0, -1.5)),
        ({"content": []}, None),
        ({"content": None}, None),
        ({"content": [{"token": "a"}]}, None),
        ("odd", None),
        (None, None),
    ],
)
def test_how_sure_the_model_was_is_read_where_the_vendor_tells(told: Any, expected: tuple[float, float] | None) -> None:
    assert _decoded({"content": "ab"}, choice={"logprobs": told}).logprobs == expected
    assert _decoded({"content": "ab"}, choice={"logprobs": told}, full=False).logprobs is None


@pytest.mark.parametrize(("kind", "asked"), [("openai", True), ("vllm", True), ("groq", None), ("mistral", None)])
def test_a_vendor_is_asked_how_sure_its_model_was_if_it_takes_the_question(kind: str, asked: bool | None) -> None:
    target = a_target(vendor=a_vendor(kind=kind))
    for call in (_call(Turn(Role.USER, (Text("Hi"),)), sureness=True), a_call(sureness=True)):
        body = msgspec.json.decode(WIRE.encode(call, target).body)
        assert body.get("logprobs") is asked
    assert "logprobs" not in msgspec.json.decode(WIRE.encode(a_call(), target).body)


def test_what_the_caller_did_not_ask_for_is_taken_out_and_all_else_stays() -> None:
    told = _decoded({"content": "ab", "annotations": [{}]}, choice={"logprobs": {"content": [{"logprob": -0.5}]}}, service_tier="flex")
    bare = WIRE.unasked(told)
    assert (bare.parts, bare.logprobs) == ((Text("ab"), Foreign("annotations")), (-0.5, -0.5))
    assert told.native is not None
    assert bare.native is not None
    before, after = (msgspec.json.decode(native.body) for native in (told.native, bare.native))
    assert after["choices"][0].pop("logprobs") is None
    assert before["choices"][0].pop("logprobs") is not None
    assert after == before


def test_an_answer_without_anything_unasked_stays_as_it_is() -> None:
    told = _decoded({"content": "ab"})
    assert WIRE.unasked(told) is told
