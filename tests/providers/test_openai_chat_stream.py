from typing import Any

import pytest
from tests.providers.dialects import OPENAI, Json, events_of, sse

from pointsman.core.call import (
    Foreign,
    HiddenThinking,
    Part,
    Text,
    Thinking,
    ToolUse,
)
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.reply import (
    Broken,
    Closed,
    Event,
    Finish,
    Finished,
    RefusalDelta,
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
from pointsman.surfaces.events import ReplyBuilder


def _chunks(*deltas: Json, finish: str | None = "stop", **more: Any) -> bytes:
    chunks: list[Json] = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return sse(OPENAI, [*chunks, {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], **more}])


def _built(*deltas: Json) -> tuple[Part, ...]:
    builder = ReplyBuilder()
    builder.feed(events_of(OPENAI, [_chunks(*deltas)]))
    return builder.reply().parts


def _fragment(index: int | None = None, **more: Any) -> Json:
    return {"tool_calls": [{**({} if index is None else {"index": index}), **more}]}


@pytest.mark.parametrize(
    ("deltas", "parts"),
    [
        pytest.param([{"reasoning": "a"}, {"content": "b"}], (Thinking(text="a"), Text("b")), id="vLLM, Groq"),
        pytest.param(
            [
                {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
                {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s"}]},
            ],
            (Thinking(text="a", signature="s"),),
            id="OpenRouter",
        ),
        pytest.param(
            [{"reasoning_details": [{"text": "a"}]}, {"reasoning_details": [{"text": "b", "signature": "s"}]}, {"reasoning_details": [{"data": "d"}]}],
            (Thinking(text="ab", signature="s"), HiddenThinking(data="d")),
            id="details alone",
        ),
        pytest.param(
            [_fragment(3, id="1", function={"name": "f", "arguments": "{"}), _fragment(3, function={"arguments": "}"})],
            (ToolUse(use_id="1", name="f", arguments="{}"),),
            id="numbered from three",
        ),
        pytest.param(
            [_fragment(0, id="1", function={"name": "f", "arguments": "{}"}), _fragment(0, id="2", function={"name": "f", "arguments": "[]"})],
            (ToolUse(use_id="1", name="f", arguments="{}"), ToolUse(use_id="2", name="f", arguments="[]")),
            id="Gemini numbers every tool 0",
        ),
        pytest.param(
            [_fragment(id="1", function={"name": "f"}), _fragment(id="1", function={"name": "f", "arguments": "{}"})],
            (ToolUse(use_id="1", name="f", arguments="{}"),),
            id="no number, and the name repeated",
        ),
        pytest.param(
            [_fragment(0, id="1", function={"name": "f", "arguments": "{"}), _fragment(0, id="random", function={"arguments": "}"})],
            (ToolUse(use_id="1", name="f", arguments="{}"),),
            id="vLLM, some versions, makes up an identifier for every fragment",
        ),
        pytest.param([_fragment(0, function={"name": "f"}), _fragment(0)], (ToolUse(use_id="call_c_0", name="f", arguments=""),), id="no name of its own"),
        pytest.param([_fragment(0, id="1", type="custom", custom={"name": "f"})], (Foreign("tool_calls.custom"),), id="a custom tool"),
        pytest.param([{"content": "a", "annotations": [{}]}], (Text("a"), Foreign("annotations")), id="sources"),
        pytest.param([{"content": None, "refusal": None, "tool_calls": None, "audio": None}], (), id="empty fields"),
    ],
)
def test_servers_that_write_streams_in_their_own_way_are_understood(deltas: list[Json], parts: tuple[Part, ...]) -> None:
    assert _built(*deltas) == parts


def test_a_stream_is_read_from_start_to_end_mark() -> None:
    stream = _chunks({"role": "assistant", "content": ""}, {"content": "a"}, {"refusal": "no"}, usage={"prompt_tokens": 1})
    assert events_of(OPENAI, [stream]) == [
        Started("c", "m"),
        TextDelta("a"),
        RefusalDelta("no"),
        Finished(Finish.REFUSED),
        UsageSeen(Usage(tokens_in=1)),
        Closed(),
    ]


def test_usage_that_came_beside_content_is_told_apart_from_usage_alone() -> None:
    """A caller who did not ask for usage is spared the chunk that holds nothing else, and no other."""
    beside = {"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}}], "usage": {"prompt_tokens": 1}}
    alone = {"id": "c", "choices": [], "usage": {"prompt_tokens": 2}}
    for full in (False, True):
        seen = [event.alone for event in events_of(OPENAI, [sse(OPENAI, [beside, alone])], full=full) if isinstance(event, UsageSeen)]
        assert seen == [False, True]


def test_further_choices_and_probabilities_are_foreign() -> None:
    chunk = {
        "choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}, {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": []}}]
    }
    assert events_of(OPENAI, [sse(OPENAI, [chunk])]) == [Started("", ""), Foreign("choices"), TextDelta("a"), Foreign("logprobs"), Closed()]
    assert events_of(OPENAI, [sse(OPENAI, [chunk])], full=False) == [Started("", ""), Closed()]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "no", "type": "overloaded_error"}, Broken("overloaded", "no")),
        ({"message": "a\r\nb " + "x" * 999, "code": 429}, Broken("rate_limited", "a b " + "x" * 296)),
        ({"message": "no", "code": 502}, Broken("server_error", "no")),
        ({"message": None, "code": "odd"}, Broken("broken", "")),
        ("no", Broken("broken", "no")),
    ],
)
def test_an_error_in_a_stream_is_told(error: Any, expected: Event) -> None:
    assert events_of(OPENAI, [sse(OPENAI, [{"error": error}])])[0] == expected


def test_the_end_mark_may_be_followed_by_a_space_and_an_empty_finish_is_none() -> None:
    assert events_of(OPENAI, [b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": ""}]}\n\ndata: [DONE] \n\n']) == [
        Started("", ""),
        TextDelta("a"),
        Closed(),
    ]


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b"\xff", b'{"choices": [{"finish_reason": "brand_new"}]}', b'{"choices": 5}'])
def test_a_chunk_that_cannot_be_read_is_a_failure_of_the_target(data: bytes) -> None:
    with pytest.raises(PlaceFailed) as failed:
        events_of(OPENAI, [b"data: " + data + b"\n\n"])
    assert failed.value.failure.kind is FailureKind.BAD_ANSWER


def test_signed_and_hidden_thoughts_of_our_own_streams_are_read_back() -> None:
    """Another gateway of this kind may stand behind this one."""
    deltas = [
        {"reasoning_content": "a"},
        {"reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "a", "signature": "s"}]},
        {"reasoning_details": [{"index": 1, "type": "reasoning.encrypted", "data": "d"}]},
    ]
    events = events_of(OPENAI, [_chunks(*deltas)])
    assert events[1:4] == [ThinkingDelta("a"), ThinkingSigned("s"), ThinkingHidden("d")]


def test_names_made_up_for_tool_uses_are_short_and_differ_between_answers() -> None:
    made = [_built_id(f"chatcmpl-{'x' * 60}{number}") for number in range(2)]
    assert made[0] != made[1]
    assert max(map(len, made)) <= 40


def _built_id(reply_id: str) -> str:
    chunk = {"id": reply_id, "choices": [{"index": 0, "delta": _fragment(0, function={"name": "f", "arguments": "{}"})}]}
    started, delta = events_of(OPENAI, [sse(OPENAI, [chunk])])[1:3]
    assert isinstance(started, ToolStarted)
    assert delta == ToolDelta(0, "{}")
    return started.use_id
