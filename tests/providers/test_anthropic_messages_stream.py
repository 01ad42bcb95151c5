from typing import Any

import msgspec
import pytest
from tests.providers.dialects import ANTHROPIC, Json, events_of, sse

from pointsman.core.call import (
    Foreign,
)
from pointsman.core.errors import PlaceFailed
from pointsman.core.failure import FailureKind
from pointsman.core.reply import (
    Broken,
    Closed,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingHidden,
    ToolDelta,
    ToolStarted,
    Usage,
    UsageSeen,
)

START: Json = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}}
STOP: Json = {"type": "message_stop"}


def _block(start: Json, *deltas: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": 0, "content_block": start},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
    ]


def _events(*events: Json, full: bool = True) -> list[Any]:
    return events_of(ANTHROPIC, [sse(ANTHROPIC, events)], full=full)


def test_a_stream_is_read_from_start_to_end_mark() -> None:
    ends = {"stop_reason": "stop_sequence", "stop_sequence": "END", "stop_details": None}
    events = (
        START,
        {"type": "ping"},
        *_block({"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}),
        {"type": "message_delta", "delta": ends, "usage": {"output_tokens": 9}},
        STOP,
    )
    expected = [
        Started("msg_1", "m"),
        UsageSeen(Usage(tokens_in=5, tokens_out=1)),
        TextDelta("a"),
        Finished(Finish.STOP_SEQUENCE, "END"),
        UsageSeen(Usage(tokens_in=5, tokens_out=9)),
        Closed(),
    ]
    assert _events(*events) == expected
    assert _events(*events, full=False) == [event for event in expected if not isinstance(event, TextDelta)]


@pytest.mark.parametrize(
    ("block", "events"),
    [
        pytest.param(_block({"type": "text", "text": "a"}), [TextDelta("a")], id="a text that begins whole"),
        pytest.param(_block({"type": "thinking", "thinking": "a"}), [ThinkingDelta("a")], id="a thought that begins whole"),
        pytest.param(_block({"type": "redacted_thinking", "data": "d"}), [ThinkingHidden("d")], id="a hidden thought"),
        pytest.param(_block({"type": "tool_use", "id": "1", "name": "f", "input": {}}), [ToolStarted(0, "1", "f")], id="a tool without arguments"),
        pytest.param(
            _block({"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}),
            [ToolStarted(0, "1", "f"), ToolDelta(0, '{"a":1}')],
            id="a tool that begins whole",
        ),
        pytest.param(
            _block(
                {"type": "tool_use", "id": "1", "name": "f"},
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": "{}"},
            ),
            [ToolStarted(0, "1", "f"), ToolDelta(0, "{}")],
            id="an empty fragment",
        ),
        pytest.param(
            _block({"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}, {"type": "input_json_delta", "partial_json": "{}"}),
            [Foreign("server_tool_use")],
            id="a tool that runs at the vendor",
        ),
        pytest.param(
            _block({"type": "text", "text": "", "citations": []}, {"type": "text_delta", "text": "a"}, {"type": "citations_delta", "citation": {}}),
            [TextDelta("a"), Foreign("citations_delta")],
            id="sources",
        ),
        pytest.param(_block({"type": "text", "text": "", "citations": [{}]}), [Foreign("citations")], id="sources that begin whole"),
        pytest.param(_block({"type": "text", "text": ""}, {"type": "brand_new"}), [Foreign("brand_new")], id="a delta nobody knows"),
        pytest.param([{"type": "brand_new", "data": {}}], [], id="an event nobody knows: the protocol says to pass over it"),
        pytest.param([{"type": "message_delta", "delta": {"stop_reason": None}}], [UsageSeen(Usage())], id="an end that is none"),
    ],
)
def test_what_a_stream_holds_is_kept_or_marked_as_foreign(block: list[Json], events: list[Any]) -> None:
    assert _events(*block) == events


def test_why_the_model_declined_is_its_refusal_in_a_stream_too() -> None:
    ends = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": None, "explanation": "No."}}
    end = {"type": "message_delta", "delta": ends, "usage": {"output_tokens": 1}}
    assert _events(end)[0] == RefusalDelta("No.")
    assert _events(end, full=False)[0] == Finished(Finish.REFUSED)


@pytest.mark.parametrize(
    ("error", "expected"),
    [({"type": "overloaded_error", "message": "Over\nloaded"}, Broken("overloaded", "Over loaded")), (None, Broken("broken", ""))],
)
def test_an_error_in_a_stream_is_told(error: Json | None, expected: Broken) -> None:
    assert _events(START, {"type": "error", "error": error})[-1] == expected


def test_events_without_a_name_are_read_by_their_type() -> None:
    raw = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in (START, *_block({"type": "text", "text": "a"}), STOP))
    for full in (False, True):
        kinds = [type(event) for event in events_of(ANTHROPIC, [raw], full=full)]
        assert kinds == [Started, UsageSeen, *([TextDelta] if full else []), Closed]


@pytest.mark.parametrize(
    "event",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"type": "message_delta", "delta": {"stop_reason": "brand_new"}}',
        b'{"type": "content_block_delta", "index": 9, "delta": {"type": "input_json_delta", "partial_json": "{}"}}',
        b'{"type": "content_block_start", "content_block": {"type": "tool_use", "input": ' + b'{"a":' * 9999 + b"1" + b"}" * 9999 + b"}}",
    ],
)
def test_an_event_that_cannot_be_read_is_a_failure_of_the_target(event: bytes) -> None:
    with pytest.raises(PlaceFailed) as failed:
        events_of(ANTHROPIC, [b"event: x\ndata: " + event + b"\n\n"])
    assert failed.value.failure.kind is FailureKind.BAD_ANSWER
