"""Streams come back whole: in our words and in both dialects, whatever the order of choices, blocks and tools."""

import json
from typing import Any

import msgspec
import pytest
from tests.governance.filtering.round_trips import data_of, round_trip

from pointsman.core.call import Foreign
from pointsman.core.place import Dialect
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
    ThinkingSigned,
    ToolDelta,
    ToolStarted,
    Usage,
    UsageSeen,
)
from pointsman.governance.filtering.event_stream import EventStream
from pointsman.governance.filtering.native_stream import NativeStream, native_stream
from pointsman.governance.filtering.pseudonyms import Namer
from pointsman.governance.filtering.restore import Restorer

NAMER = Namer(b"the key of a tenant for its pseudonyms", scope="one")
ANN = NAMER.name("person", 'Ann "A" Smith')
MAIL = NAMER.name("email", "ann@example.org")


def a_restorer(**more: Any) -> Restorer:
    return Restorer(NAMER.originals, **more)


# ── in our words ────────────────────────────────────────────────────────────────────────────────────────────────────


def events_of(*events: Event, **more: Any) -> list[Event]:
    stream = EventStream(a_restorer(**more))
    return [told for event in events for told in stream.feed([event])]


def test_what_is_held_back_is_told_before_something_else_begins() -> None:
    assert events_of(
        *(Started("r", "m"), ThinkingDelta("So EM"), TextDelta("Hi " + MAIL[:8]), TextDelta(MAIL[8:] + " PER"), RefusalDelta("No e"), Finished(Finish.DONE)),
        *(UsageSeen(Usage()), Closed()),
    ) == [
        *(Started("r", "m"), ThinkingDelta("So "), ThinkingDelta("EM"), TextDelta("Hi "), TextDelta("ann@example.org "), TextDelta("PER"), RefusalDelta("No ")),
        *(RefusalDelta("e"), Finished(Finish.DONE), UsageSeen(Usage()), Closed()),
    ]


def test_arguments_of_tools_that_come_in_turns_are_told_apart() -> None:
    told = events_of(
        *(TextDelta("I e"), ToolStarted(0, "a", f"to_{MAIL}"), ToolDelta(0, '{"a": "' + ANN[:4]), ToolStarted(1, "b", "f"), ToolDelta(1, MAIL[:3])),
        *(ToolDelta(0, ANN[4:] + '"}'), ToolDelta(1, MAIL[3:] + " EMAIL"), Closed()),
    )
    assert told == [
        *(TextDelta("I "), TextDelta("e"), ToolStarted(0, "a", "to_ann@example.org"), ToolDelta(0, '{"a": "'), ToolStarted(1, "b", "f")),
        *(ToolDelta(0, 'Ann \\"A\\" Smith"}'), ToolDelta(1, "ann@example.org "), ToolDelta(1, "EMAIL"), Closed()),
    ]


@pytest.mark.parametrize("end", [ThinkingSigned(MAIL), Broken("broken", "x"), Foreign("citations")])
def test_what_is_held_back_comes_before_a_proof_a_failure_or_a_strange_part(end: Event) -> None:
    assert events_of(ThinkingDelta("So EM"), end) == [ThinkingDelta("So "), ThinkingDelta("EM"), end]


def test_words_of_an_answer_that_must_be_json_are_escaped_and_thoughts_are_not() -> None:
    assert events_of(ThinkingDelta(ANN), TextDelta(f'"{ANN}"'), answers_json=True) == [ThinkingDelta('Ann "A" Smith'), TextDelta('"Ann \\"A\\" Smith"')]
    assert events_of(TextDelta(f'"{ANN}"'), answers_json=True) == [TextDelta('"Ann \\"A\\" Smith"')]


# ── OpenAI Chat Completions ─────────────────────────────────────────────────────────────────────────────────────────


def a_chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": list(choices), **more}).encode() + b"\n\n"


def a_choice(delta: dict[str, Any] | None = None, *, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta or {}, "finish_reason": finish, **more}


def openai(**more: Any) -> NativeStream:
    return native_stream(Dialect.OPENAI_CHAT, a_restorer(**more))


def deltas(raw: bytes) -> list[Any]:
    return [(choice["index"], choice["delta"], choice["finish_reason"]) for chunk in data_of(raw) for choice in chunk["choices"]]


def test_a_chunk_in_which_nothing_changes_is_forwarded_byte_for_byte() -> None:
    stream = openai()
    for raw in (a_chunk(a_choice({"role": "assistant", "content": ""})), a_chunk(a_choice({"content": "Hi. "})), a_chunk(usage={"total_tokens": 1})):
        assert stream.feed(raw) == raw
    for raw in (
        b"data: [DONE]\n\n",
        b"data: no json\n\n",
        b"data: 7\n\n",
        b'data: {"choices":null}\n\n',
        b'data: {"choices":[{"index":0}]}\n\n',
        b'data: {"choices":[1]}\n\n',
        b'data: {"choices":[{"delta":null}]}\n\n',
    ):
        assert stream.feed(raw) == raw


def test_a_pseudonym_split_over_chunks_is_restored_and_an_end_that_is_none_is_told_before_the_choice_ends() -> None:
    stream = openai()
    assert deltas(stream.feed(a_chunk(a_choice({"content": f"Hi {MAIL[:5]}"})))) == [(0, {"content": "Hi "}, None)]
    assert deltas(stream.feed(a_chunk(a_choice({"content": f"{MAIL[5:]} PER"})))) == [(0, {"content": "ann@example.org "}, None)]
    end = stream.feed(a_chunk(a_choice(finish="stop")))
    assert deltas(end) == [(0, {"content": "PER"}, None), (0, {}, "stop")]
    assert [(chunk["id"], chunk["model"], chunk["object"]) for chunk in data_of(end)] == [("c", "m", "chat.completion.chunk")] * 2


def test_a_chunk_that_speaks_and_ends_loses_nothing() -> None:
    told = deltas(openai().feed(a_chunk(a_choice({"content": "Hi PER"}, finish="stop"))))
    assert "".join(delta.get("content", "") for _, delta, _ in told) == "Hi PER"


def test_choices_that_come_in_turns_are_told_apart() -> None:
    stream = openai()
    raw = b"".join([stream.feed(a_chunk(a_choice({"content": ANN[at]}), a_choice({"content": MAIL[at]}, index=1))) for at in range(14)])
    raw += stream.feed(a_chunk(a_choice({"content": ANN[14:]}), a_choice({"content": MAIL[14:]}, index=1)))
    for index, value in ((0, 'Ann "A" Smith'), (1, "ann@example.org")):
        assert "".join(delta.get("content", "") for number, delta, _ in deltas(raw) if number == index) == value


def test_reasoning_words_and_tools_of_one_choice_follow_one_another() -> None:
    stream = openai()
    stream.feed(
        a_chunk(a_choice({"reasoning_content": "So e", "reasoning_details": [{"type": "reasoning.text", "index": 3, "text": "So e", "signature": None}]}))
    )
    assert deltas(stream.feed(a_chunk(a_choice({"content": "Hi P"})))) == [
        (0, {"reasoning_content": "e"}, None),
        (0, {"reasoning_details": [{"index": 3, "type": "reasoning.text", "text": "e"}]}, None),
        (0, {"content": "Hi "}, None),
    ]
    first = {"index": 0, "id": "t", "type": "function", "function": {"name": f"to_{MAIL}", "arguments": '{"a": "' + ANN[:9]}}
    assert deltas(stream.feed(a_chunk(a_choice({"tool_calls": [first]})))) == [
        (0, {"content": "P"}, None),
        (0, {"tool_calls": [{**first, "function": {"name": "to_ann@example.org", "arguments": '{"a": "'}}]}, None),
    ]
    stream.feed(a_chunk(a_choice({"tool_calls": [{"index": 1, "function": {"arguments": "EM"}}]})))
    again = stream.feed(a_chunk(a_choice({"tool_calls": [{"index": 0, "function": {"arguments": ANN[9:]}}]})))
    assert deltas(again) == [(0, {"tool_calls": [{"index": 0, "function": {"arguments": 'Ann \\"A\\" Smith'}}]}, None)]
    assert deltas(stream.feed(a_chunk(a_choice(finish="tool_calls")))) == [
        (0, {"tool_calls": [{"index": 1, "function": {"arguments": "EM"}}]}, None),
        (0, {}, "tool_calls"),
    ]


def test_words_of_a_choice_that_must_be_json_stay_json() -> None:
    told = deltas(openai(answers_json=True).feed(a_chunk(a_choice({"content": f'"{ANN}"', "reasoning": f'"{ANN}"'}))))
    assert told == [(0, {"content": '"Ann \\"A\\" Smith"', "reasoning": '"Ann "A" Smith"'}, None)]


def test_fields_of_chunks_that_nobody_knows_are_restored_and_logprobs_stay_as_the_model_said_them() -> None:
    choice = a_choice({"x_note": [MAIL, {"y": MAIL}]}, logprobs={"content": [{"token": MAIL}]}, x=MAIL)
    told = data_of(openai().feed(a_chunk(choice, note=MAIL)))[0]
    assert told["note"] == told["choices"][0]["x"] == "ann@example.org"
    assert told["choices"][0]["delta"]["x_note"] == ["ann@example.org", {"y": "ann@example.org"}]
    assert told["choices"][0]["logprobs"] == {"content": [{"token": MAIL}]}
    assert data_of(openai().feed(b'data: {"error":{"message":"' + MAIL.encode() + b'"}}\n\n')) == [{"error": {"message": "ann@example.org"}}]


def test_a_stream_that_is_cut_tells_what_it_held() -> None:
    stream = openai()
    stream.feed(a_chunk(a_choice({"content": "PER"}), a_choice({"content": "EM"}, index=1)))
    assert deltas(stream.end()) == [(0, {"content": "PER"}, None), (1, {"content": "EM"}, None)]
    assert stream.end() == b""


def test_a_choice_without_its_number_is_the_first() -> None:
    assert data_of(openai().feed(b'data: {"choices":[{"index":"?","delta":{"content":"' + MAIL.encode() + b'"}}]}\n\n'))[0]["choices"][0]["delta"] == {
        "content": "ann@example.org"
    }


# ── Anthropic Messages ──────────────────────────────────────────────────────────────────────────────────────────────


def an_event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def a_delta(kind: str, index: int = 0, **more: Any) -> bytes:
    return an_event("content_block_delta", index=index, delta={"type": kind, **more})


def anthropic(**more: Any) -> NativeStream:
    return native_stream(Dialect.ANTHROPIC_MESSAGES, a_restorer(**more))


def test_events_in_which_nothing_changes_are_forwarded_byte_for_byte() -> None:
    stream = anthropic()
    for raw in (
        *(
            an_event("message_start", message={"id": "m", "content": []}),
            an_event("ping"),
            an_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        ),
        *(a_delta("text_delta", text="Hi. "), an_event("content_block_stop", index=0), an_event("message_delta", delta={"stop_reason": "end_turn"})),
        *(an_event("message_stop"), b": a word aside\ndata: no json\n\n"),
    ):
        assert stream.feed(raw) == raw


def test_a_block_tells_what_it_held_before_it_stops() -> None:
    stream = anthropic()
    stream.feed(an_event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    assert data_of(stream.feed(a_delta("text_delta", text=f"Hi {MAIL[:5]}")))[0]["delta"]["text"] == "Hi "
    assert data_of(stream.feed(a_delta("text_delta", text=f"{MAIL[5:]} PER")))[0]["delta"]["text"] == "ann@example.org "
    end = stream.feed(an_event("content_block_stop", index=0))
    assert end.startswith(b"event: content_block_delta\ndata: ")
    assert data_of(end) == [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "PER"}},
        {"type": "content_block_stop", "index": 0},
    ]


def test_thoughts_are_told_before_they_are_signed_and_the_signature_stays() -> None:
    stream = anthropic()
    stream.feed(an_event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "So ", "signature": ""}))
    stream.feed(a_delta("thinking_delta", thinking=f"{MAIL} EM"))
    told = [event["delta"] for event in data_of(stream.feed(a_delta("signature_delta", signature=MAIL)))]
    assert told == [{"type": "thinking_delta", "thinking": "EM"}, {"type": "signature_delta", "signature": MAIL}]


def test_blocks_that_come_with_all_they_hold_are_restored() -> None:
    stream = anthropic()
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"to": ANN}}
    assert data_of(stream.feed(an_event("content_block_start", index=0, content_block=block)))[0]["content_block"]["input"] == {"to": 'Ann "A" Smith'}
    hidden = an_event("content_block_start", index=1, content_block={"type": "redacted_thinking", "data": MAIL})
    assert stream.feed(hidden) == hidden
    opened = data_of(stream.feed(an_event("content_block_start", index=2, content_block={"type": "text", "text": f"{MAIL} PE"})))
    assert opened[0]["content_block"]["text"] == "ann@example.org "
    assert data_of(stream.feed(an_event("content_block_stop", index=2)))[0]["delta"] == {"type": "text_delta", "text": "PE"}


def test_arguments_and_json_answers_stay_json() -> None:
    stream = anthropic(answers_json=True)
    assert data_of(stream.feed(a_delta("input_json_delta", partial_json=f'"{ANN}"')))[0]["delta"]["partial_json"] == '"Ann \\"A\\" Smith"'
    assert data_of(stream.feed(a_delta("text_delta", 1, text=f'"{ANN}"')))[0]["delta"]["text"] == '"Ann \\"A\\" Smith"'
    assert data_of(stream.feed(a_delta("thinking_delta", 2, thinking=f'"{ANN}"')))[0]["delta"]["thinking"] == '"Ann "A" Smith"'


def test_citations_stop_words_and_failures_are_restored() -> None:
    stream = anthropic()
    assert data_of(stream.feed(a_delta("citations_delta", citation={"cited_text": MAIL})))[0]["delta"]["citation"] == {"cited_text": "ann@example.org"}
    assert data_of(stream.feed(an_event("message_delta", delta={"stop_sequence": MAIL})))[0]["delta"] == {"stop_sequence": "ann@example.org"}
    assert data_of(stream.feed(an_event("error", error={"message": MAIL})))[0]["error"] == {"message": "ann@example.org"}


def test_a_message_that_is_cut_tells_what_it_held() -> None:
    stream = anthropic()
    stream.feed(a_delta("text_delta", text="PER"))
    assert [event["delta"] for event in data_of(stream.end())] == [{"type": "text_delta", "text": "PER"}]


def test_several_events_of_one_read_are_all_restored() -> None:
    raw = a_delta("text_delta", text=MAIL[:4]) + a_delta("text_delta", text=MAIL[4:])
    assert [event["delta"]["text"] for event in data_of(anthropic().feed(raw))] == ["", "ann@example.org"]


def test_data_over_several_lines_is_read_as_one() -> None:
    raw = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,\ndata: "delta":{"type":"text_delta","text":"' + MAIL.encode() + b'"}}\n\n'
    )
    assert data_of(anthropic().feed(raw))[0]["delta"]["text"] == "ann@example.org"


def test_the_first_words_are_told_with_the_chunk_that_brings_them() -> None:
    """Nothing waits for the end: at most the end of one chunk is held, until the next."""
    stream = openai()
    assert deltas(stream.feed(a_chunk(a_choice({"content": "Certainly"})))) == [(0, {"content": "Certainly"}, None)]
    assert deltas(stream.feed(a_chunk(a_choice({"content": ", email"})))) == [(0, {"content": ", "}, None)]
    assert deltas(stream.feed(a_chunk(a_choice({"content": " is so"})))) == [(0, {"content": "email is so"}, None)]


# ── all together ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_thousand_texts_come_back_as_they_were() -> None:
    """Random values, look-alikes, splits, escapes, protocols and orders; the benchmark walks a million."""
    wrong = [trip for seed in range(10_000) if (trip := round_trip(seed)).came != trip.sent]
    assert wrong == []


def test_encoding_of_what_is_forwarded_is_utf_8() -> None:
    raw = openai().feed(a_chunk(a_choice({"content": f"é \U0001f600 {MAIL}"})))
    assert "é \U0001f600 ann@example.org" in raw.decode()
    assert msgspec.json.decode(raw[6:])
