from typing import Any, get_args

import msgspec
import pytest
from anthropic.types import StopReason
from tests.providers.dialects import ANTHROPIC, OPENAI, Json, asked, misfits, read, target_of

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
    Reply,
    Usage,
)
from pointsman.providers.anthropic_messages import WIRE
from pointsman.providers.anthropic_messages_stream import FINISH
from pointsman.providers.counts import MOST
from pointsman.surfaces.openai_chat import SURFACE as OPENAI_SURFACE

TARGET = target_of(ANTHROPIC)
HI = Turn(Role.USER, (Text("Hi"),))


def _call(*turns: Turn, **more: Any) -> Call:
    return Call(call_id="x", dialect=OPENAI, capability="c", turns=turns or (HI,), wire={}, extras={}, **more)


def _decoded(*content: Json, full: bool = True, **more: Any) -> Reply:
    body = {"id": "msg_1", "model": "m", "content": content, "stop_reason": "end_turn", **more}
    return WIRE.decode(msgspec.json.encode(body), TARGET, full=full)


# ── the request ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_request_goes_to_the_vendors_path_with_its_version_and_credential() -> None:
    outgoing = WIRE.encode(_call(stream=True), TARGET)
    assert (outgoing.path, outgoing.stream, dict(outgoing.headers)) == ("/v1/messages", True, {"anthropic-version": "2023-06-01"})
    assert WIRE.headers("s3cret") == {"x-api-key": "s3cret"}
    assert WIRE.headers(None) == {}


@pytest.mark.parametrize(("asked_for", "of_target", "sent"), [(7, 100, 7), (0, 100, 0), (None, 100, 100), (None, None, 4096)])
def test_a_bound_on_tokens_is_always_sent(asked_for: int | None, of_target: int | None, sent: int) -> None:
    call = _call(sampling=Sampling(max_tokens=asked_for))
    body = msgspec.json.decode(WIRE.encode(call, target_of(ANTHROPIC, max_output_tokens=of_target)).body)
    assert body["max_tokens"] == sent


@pytest.mark.parametrize(
    ("effort", "sent", "refused"),
    [
        (None, {}, ()),
        ("high", {"output_config": {"effort": "high"}}, ()),
        ("none", {"thinking": {"type": "disabled"}}, ()),
        ("minimal", None, ("reasoning_effort",)),
    ],
)
def test_effort_is_sent_where_the_dialect_has_a_word_for_it(effort: str | None, sent: Json | None, refused: tuple[str, ...]) -> None:
    call = _call(sampling=Sampling(effort=effort))
    assert misfits(call, ANTHROPIC) == refused
    if sent is not None:
        body = asked(call, ANTHROPIC)
        assert {name: body[name] for name in ("output_config", "thinking") if name in body} == sent


def test_turns_of_one_speaker_are_one_message_and_empty_texts_are_none() -> None:
    """The vendor refuses empty blocks, and wants the results of tools together with what the user adds."""
    result = ToolResult(use_id="1", parts=(Text(""),), is_error=True)
    call = _call(
        Turn(Role.ASSISTANT, (Text(""),)),
        HI,
        Turn(Role.USER, (Text(""), Text("there"))),
        Turn(Role.ASSISTANT, (Text(""), Refusal(text="no"))),
        Turn(Role.USER, (result,)),
    )
    assert asked(call, ANTHROPIC)["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "no"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [], "is_error": True}]},
    ]


def test_an_empty_system_text_is_none() -> None:
    assert "system" not in asked(_call(system=(Text(""),)), ANTHROPIC)
    assert asked(_call(system=(Text(""), Text("a"))), ANTHROPIC)["system"] == "a"


@pytest.mark.parametrize("mode", [ToolMode.AUTO, ToolMode.NONE])
def test_a_choice_that_forces_nothing_is_left_out_without_tools(mode: ToolMode) -> None:
    call = _call(tool_choice=ToolChoice(mode=mode, parallel=False))
    assert misfits(call, ANTHROPIC) == ()
    assert "tool_choice" not in asked(call, ANTHROPIC)


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(mode=ToolMode.NONE, parallel=False), {"type": "none"}),
        (ToolChoice(parallel=True), {"type": "auto", "disable_parallel_tool_use": False}),
    ],
)
def test_parallel_use_is_said_where_there_is_use(choice: ToolChoice, sent: Json) -> None:
    call = _call(tools=(Tool(name="f", description=None, parameters={}),), tool_choice=choice)
    assert asked(call, ANTHROPIC)["tool_choice"] == sent


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (_call(sampling=Sampling(temperature=1.1)), "temperature"),
        (_call(schema=OutputSchema(name="object", schema=None)), "response_format"),
        (_call(tool_choice=ToolChoice(mode=ToolMode.NAMED, name="f")), "tool_choice"),
        (_call(HI, Turn(Role.ASSISTANT, (Text("a"),))), "messages[].role=assistant (last)"),
        (_call(Turn(Role.USER, (Image(url="https://e.org/a", detail="low"),))), "messages[].content[].image_url.detail"),
        (_call(Turn(Role.USER, (ToolResult(use_id="1", parts=(Image(url="https://e.org/a", detail="low"),)),))), "messages[].content[].image_url.detail"),
        (_call(HI, Turn(Role.ASSISTANT, (Thinking(text="a"),)), HI), "messages[].reasoning_content"),
    ],
)
def test_what_this_format_cannot_say_is_named_once(call: Call, field: str) -> None:
    assert misfits(call, ANTHROPIC) == (field,)


def test_an_unknown_part_of_an_answer_is_never_sent_as_a_request() -> None:
    with pytest.raises(TypeError, match="no part of a request"):
        asked(_call(Turn(Role.USER, (Foreign("x"),))), ANTHROPIC)


def test_a_thought_goes_there_and_back_through_an_openai_callers_history() -> None:
    thoughts = ({"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"})
    from_vendor = _decoded(*thoughts, {"type": "text", "text": "42"})
    caller = read(OPENAI, {"model": "c", "messages": [{"role": "user", "content": "Hi"}]})
    message = msgspec.json.decode(OPENAI_SURFACE.encode(from_vendor, caller))["choices"][0]["message"]
    again = read(OPENAI, {"model": "c", "messages": [{"role": "user", "content": "Hi"}, message, {"role": "user", "content": "Sure?"}]})
    assert misfits(again, ANTHROPIC) == ()
    assert asked(again, ANTHROPIC)["messages"][1]["content"] == [*thoughts, {"type": "text", "text": "42"}]


# ── the answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        ({"type": "text", "text": "a", "citations": None}, (Text("a"),)),
        ({"type": "text", "text": "a", "citations": [{}]}, (Text("a"), Foreign("citations"))),
        ({"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1.0}}, (ToolUse(use_id="1", name="f", arguments='{"a":1.0}'),)),
        ({"type": "thinking", "thinking": "a", "signature": ""}, (Thinking(text="a"),)),
        ({"type": "redacted_thinking", "data": "d"}, (HiddenThinking(data="d"),)),
        ({"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}, (Foreign("server_tool_use"),)),
        ({"type": "web_search_tool_result", "tool_use_id": "1", "content": []}, (Foreign("web_search_tool_result"),)),
    ],
)
def test_what_a_block_holds_is_kept_or_marked_as_foreign(block: Json, parts: tuple[Part, ...]) -> None:
    assert _decoded(block).parts == parts
    assert _decoded(block, full=False).parts == ()


def test_why_the_model_declined_is_its_refusal() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    assert _decoded(stop_reason="refusal", stop_details=details).parts == (Refusal(text="No."),)
    assert _decoded(stop_reason="refusal", stop_details={**details, "explanation": None}).parts == ()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", Finish.DONE),
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("stop_sequence", Finish.STOP_SEQUENCE),
        ("tool_use", Finish.TOOLS),
        ("refusal", Finish.REFUSED),
        ("pause_turn", Finish.PAUSED),
    ],
)
def test_every_stop_reason_of_the_vendor_is_known(reason: str, finish: Finish) -> None:
    reply = _decoded(stop_reason=reason, stop_sequence="END")
    assert (reply.finish, reply.stop_sequence) == (finish, "END")


def test_the_stop_reasons_are_those_of_the_sdk() -> None:
    assert set(get_args(StopReason)) == FINISH.keys()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(b'{"content": []}', id="no end"),
        pytest.param(b'{"content": [], "stop_reason": null}', id="an end that is none"),
        pytest.param(b'{"content": [], "stop_reason": "brand_new"}', id="an end nobody knows: guessing would hide a cut"),
        pytest.param(b'{"content": "a", "stop_reason": "end_turn"}', id="content that is none"),
        pytest.param(b'{"content": [{"type": "text", "text": "\xff"}], "stop_reason": "end_turn"}', id="broken UTF-8"),
        pytest.param(b'{"content": [{"type": "text", "citations": ' + b"[" * 9999 + b"]" * 9999 + b'}], "stop_reason": "end_turn"}', id="nested deep"),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure_of_the_target(body: bytes) -> None:
    with pytest.raises(PlaceFailed, match="cannot be read") as failed:
        WIRE.decode(body, TARGET, full=True)
    assert failed.value.failure.kind is FailureKind.BAD_ANSWER


def test_cached_tokens_are_part_of_the_prompt() -> None:
    told = {
        "input_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": None,
        "output_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 2},
    }
    assert _decoded(usage=told).usage == Usage(tokens_in=105, tokens_out=3, cache_read=100, reasoning=2)
    assert _decoded().usage is None


def test_usage_that_cannot_be_neither_fills_nor_empties_a_limit() -> None:
    told = {"input_tokens": 10**30, "output_tokens": -5, "cache_read_input_tokens": -7, "output_tokens_details": {"thinking_tokens": -1}}
    assert _decoded(usage=told).usage == Usage(tokens_in=MOST)
