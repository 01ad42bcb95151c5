import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.values import a_call

from pointsman.core.call import Foreign, HiddenThinking, Image, Part, Refusal, Text, Thinking, ToolUse
from pointsman.core.reply import Broken, Closed, Event, Finish, Finished, Reply, Started, TextDelta, ThinkingSigned, ToolDelta, ToolStarted, Usage, UsageSeen
from pointsman.surfaces.events import ReplyBuilder, part_events, reply_events, unstreamed

TEXTS = st.text(min_size=1)
PARTS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(lambda text: Refusal(text=text)),
    st.builds(Thinking, text=TEXTS, signature=TEXTS),
    st.builds(HiddenThinking, data=TEXTS),
    st.builds(ToolUse, use_id=st.text(), name=st.text(), arguments=st.text()),
    st.builds(Foreign, TEXTS),
)


def _are_apart(parts: list[Part]) -> bool:
    return not any(type(one) is type(next_) and isinstance(one, Text | Refusal) for one, next_ in pairwise(parts))


REPLIES = st.builds(
    Reply,
    reply_id=st.text(),
    model=st.text(),
    finish=st.sampled_from(Finish),
    parts=st.lists(PARTS, max_size=5).filter(_are_apart).map(tuple),
    stop_sequence=st.none() | st.text(),
    usage=st.none() | st.builds(Usage, tokens_in=st.integers(0), tokens_out=st.integers(0)),
)


@given(REPLIES)
def test_a_reply_told_as_events_is_built_again(reply: Reply) -> None:
    builder = ReplyBuilder()
    for event in reply_events(reply):
        builder.feed((event,))
    assert builder.reply() == reply


def test_a_reply_is_told_in_order_and_closed() -> None:
    reply = Reply(reply_id="r", model="m", finish=Finish.TOOLS, parts=(Text("a"), ToolUse(use_id="1", name="f", arguments="{}")), usage=Usage(tokens_in=1))
    assert reply_events(reply) == (
        Started("r", "m"),
        TextDelta("a"),
        ToolStarted(0, "1", "f"),
        ToolDelta(0, "{}"),
        Finished(Finish.TOOLS),
        UsageSeen(Usage(tokens_in=1)),
        Closed(),
    )


def test_neighbouring_text_is_one_part_and_tools_are_told_apart_by_slot() -> None:
    builder = ReplyBuilder()
    builder.feed([TextDelta("a"), TextDelta("b"), ToolStarted(0, "1", "f"), ToolStarted(1, "2", "g"), ToolDelta(1, "{"), ToolDelta(0, "["), ToolDelta(1, "}")])
    assert builder.reply().parts == (Text("ab"), ToolUse(use_id="1", name="f", arguments="["), ToolUse(use_id="2", name="g", arguments="{}"))


def test_each_signature_ends_a_thought_even_one_without_text() -> None:
    builder = ReplyBuilder()
    builder.feed([ThinkingSigned("a"), ThinkingSigned("b")])
    assert builder.reply().parts == (Thinking(text="", signature="a"), Thinking(text="", signature="b"))


@pytest.mark.parametrize("said", [[TextDelta("word ")], [ToolDelta(0, "word ")]])
def test_a_long_answer_takes_no_longer_for_each_word_than_a_short_one(said: list[Event]) -> None:
    def seconds(words: int) -> float:
        builder = ReplyBuilder()
        builder.feed([ToolStarted(0, "1", "f")])
        began = time.process_time()
        for _ in range(words):
            builder.feed(said)
        spent = time.process_time() - began
        assert builder.size_chars == 5 * words
        return spent

    assert min(seconds(60_000) for _ in range(2)) < 15 * min(seconds(10_000) for _ in range(3))


def test_a_failure_told_in_a_stream_is_no_part_of_a_reply() -> None:
    builder = ReplyBuilder()
    builder.feed([TextDelta("a"), Broken("broken", "gone")])
    assert builder.reply().parts == (Text("a"),)


def test_an_unsigned_thought_is_told_without_a_signature() -> None:
    builder = ReplyBuilder()
    builder.feed(part_events(Thinking(text="hm"), 0))
    assert builder.reply().parts == (Thinking(text="hm"),)


def test_what_no_model_answers_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no Image"):
        part_events(Image(url="https://example.org"), 0)


def test_a_call_for_a_stream_becomes_one_for_a_whole_answer_in_both_its_forms() -> None:
    call = a_call(stream=True, wire={"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}})
    whole = unstreamed(call)
    assert whole.stream is False
    assert whole.wire == {"model": "m", "messages": []}
    assert call.stream is True
