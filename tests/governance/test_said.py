import msgspec
import pytest

from pointsman.governance.said import told


def a_stream(*events: object) -> bytes:
    return b"".join(b"event: x\ndata: " + msgspec.json.encode(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def test_a_whole_answer_is_told_as_it_is() -> None:
    assert told(b'{"a": [1, {"b": "c"}]}') == {"a": [1, {"b": "c"}]}


def test_pieces_of_a_stream_are_joined_by_choice_and_by_field() -> None:
    chunks = [
        {"id": "c", "choices": [{"index": index, "delta": {"content": text, "tool_calls": [{"index": 0, "function": {"arguments": text.upper()}}]}}]}
        for index, text in ((0, "Ann"), (1, "Bob"), (0, " Miller"), (1, " Jones"))
    ]
    assert told(a_stream(*chunks, {"id": "c", "choices": [], "usage": {"tokens": 7}})) == {
        "id": "c",
        "choices.0.index": 0,
        "choices.0.delta.content": "Ann Miller",
        "choices.0.delta.tool_calls.0.index": 0,
        "choices.0.delta.tool_calls.0.function.arguments": "ANN MILLER",
        "choices.1.index": 1,
        "choices.1.delta.content": "Bob Jones",
        "choices.1.delta.tool_calls.0.index": 0,
        "choices.1.delta.tool_calls.0.function.arguments": "BOB JONES",
        "usage.tokens": 7,
    }


def test_pieces_of_a_block_are_joined_by_its_number() -> None:
    pieces = [{"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}} for index, text in ((0, "a"), (1, "b"), (0, "c"))]
    assert {where: what for where, what in told(a_stream(*pieces)).items() if where.endswith("text")} == {"0.delta.text": "ac", "1.delta.text": "b"}


@pytest.mark.parametrize("odd", [b": a note of Ann Miller", b"data: {broken by Ann Miller", b"Ann Miller \xff"])
def test_what_is_no_event_is_looked_at_all_the_same(odd: bytes) -> None:
    assert "Ann Miller" in told(b'data: {"a": "b"}\n\n' + odd + b"\n\n")["rest"]


def test_lists_without_numbers_go_by_position_and_nothing_is_nothing() -> None:
    assert told(a_stream({"a": ["x", None, True]}, {"a": ["y"]})) == {"a.0": "xy", "a.2": True}
    assert told(b"") == {}
