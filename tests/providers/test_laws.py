"""
What must hold for every answer: a stream says what the whole says, however its bytes are cut, and nothing is counted twice or lost.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.answers import answers
from tests.providers.dialects import ANTHROPIC, OPENAI, PAIRS, Json, answered, events_of, judge_answer, put_together, read, sse, streamed, target_of

from pointsman.core.place import Dialect
from pointsman.core.reply import Closed, Finished, Started, UsageSeen
from pointsman.providers.registry import BY_DIALECT as WIRES
from pointsman.surfaces.events import ReplyBuilder, reply_events
from pointsman.surfaces.registry import BY_DIALECT as SURFACES

ACROSS = [(caller, vendor) for caller, vendor in PAIRS if caller is not vendor]
REQUESTS: dict[Dialect, Json] = {
    OPENAI: {"model": "support", "messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": True}},
    ANTHROPIC: {"model": "support", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
}


def _said(dialect: Dialect, answer: Json) -> Json:
    """Return what an answer says, without what only its form differs in."""
    if dialect is ANTHROPIC:
        return {name: answer[name] for name in ("id", "model", "content", "stop_reason", "stop_sequence")} | {"usage": _counts(answer["usage"])}
    message = answer["choices"][0]["message"]
    return {
        "id": answer["id"],
        "model": answer["model"],
        "content": message["content"] or "",
        "refusal": message.get("refusal") or "",
        "reasoning": message.get("reasoning_content") or "",
        "details": [{name: value for name, value in detail.items() if name != "index"} for detail in message.get("reasoning_details") or ()],
        "tools": [(use["id"], use["function"]["name"], use["function"]["arguments"]) for use in message.get("tool_calls") or ()],
        "finish": answer["choices"][0]["finish_reason"],
        "usage": _counts(answer["usage"]),
    }


def _counts(usage: Json) -> Json:
    return {name: _counts(value) if isinstance(value, dict) else value for name, value in usage.items() if value}


@pytest.mark.parametrize(("caller", "vendor"), ACROSS)
@given(data=st.data())
def test_a_stream_says_what_the_whole_answer_says_in_the_other_dialect(caller: Dialect, vendor: Dialect, data: st.DataObject) -> None:
    whole, stream = data.draw(answers(vendor))
    call = read(caller, REQUESTS[caller])
    one = answered(call, vendor, whole)
    judge_answer(caller, one)
    other = put_together(caller, streamed(read(caller, {**REQUESTS[caller], "stream": True}), vendor, sse(vendor, stream)))
    assert _said(caller, _merged(one)) == _said(caller, _merged(_plain(other)))


def _plain(answer: Json) -> Json:
    """Leave out the fields that the SDK adds as null."""
    content = answer.get("content")
    if content is None:
        return answer
    return {**answer, "content": [{name: value for name, value in block.items() if value is not None} for block in content]}


def _merged(answer: Json) -> Json:
    """Neighbouring texts are one: a stream of another dialect does not tell where one ended."""
    blocks: list[Json] = []
    for block in answer.get("content", ()):
        if blocks and block["type"] == blocks[-1]["type"] == "text":
            blocks[-1] = {"type": "text", "text": blocks[-1]["text"] + block["text"]}
        else:
            blocks.append(block)
    return {**answer, "content": blocks} if "content" in answer else answer


@pytest.mark.parametrize("dialect", list(Dialect))
@given(data=st.data())
def test_a_whole_answer_replayed_as_a_stream_is_put_together_to_itself(dialect: Dialect, data: st.DataObject) -> None:
    whole, _ = data.draw(answers(dialect))
    call = read(dialect, {**REQUESTS[dialect], "stream": True})
    reply = WIRES[dialect].decode(msgspec.json.encode(whole), target_of(dialect), full=True)
    assert _said(dialect, _plain(put_together(dialect, SURFACES[dialect].replay(reply, call)))) == _said(dialect, whole)


@pytest.mark.parametrize("vendor", list(Dialect))
@given(data=st.data())
def test_a_stream_means_the_same_however_its_bytes_are_cut(vendor: Dialect, data: st.DataObject) -> None:
    _, stream = data.draw(answers(vendor))
    raw = sse(vendor, stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    bits = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert events_of(vendor, bits) == events_of(vendor, [raw])


@pytest.mark.parametrize("vendor", list(Dialect))
@given(data=st.data())
def test_the_events_of_a_stream_build_the_reply_that_the_whole_answer_is(vendor: Dialect, data: st.DataObject) -> None:
    whole, stream = data.draw(answers(vendor))
    builder = ReplyBuilder()
    builder.feed(events_of(vendor, [sse(vendor, stream)]))
    built = builder.reply()
    reply = WIRES[vendor].decode(msgspec.json.encode(whole), target_of(vendor), full=True)
    assert (built.reply_id, built.model, built.finish, built.stop_sequence, built.usage) == (
        reply.reply_id,
        reply.model,
        reply.finish,
        reply.stop_sequence,
        reply.usage,
    )
    again = ReplyBuilder()
    again.feed(reply_events(reply))
    assert built.parts == again.reply().parts


@pytest.mark.parametrize("vendor", list(Dialect))
@given(data=st.data())
def test_a_reader_of_the_head_sees_the_same_start_end_and_usage_as_one_of_the_whole(vendor: Dialect, data: st.DataObject) -> None:
    whole, stream = data.draw(answers(vendor))
    raw = [sse(vendor, stream)]
    kinds = (Started, UsageSeen, Closed)
    assert [event for event in events_of(vendor, raw, full=False) if not isinstance(event, Finished)] == [
        event for event in events_of(vendor, raw) if isinstance(event, kinds)
    ]
    body = msgspec.json.encode(whole)
    head, full = (WIRES[vendor].decode(body, target_of(vendor), full=full) for full in (False, True))
    assert (head.reply_id, head.model, head.usage, head.native) == (full.reply_id, full.model, full.usage, full.native)


@pytest.mark.parametrize(("caller", "vendor"), ACROSS)
@given(data=st.data())
def test_usage_survives_the_way_there_and_back(caller: Dialect, vendor: Dialect, data: st.DataObject) -> None:
    whole, _ = data.draw(answers(vendor))
    told = WIRES[vendor].decode(msgspec.json.encode(whole), target_of(vendor), full=True).usage
    body = msgspec.json.encode(answered(read(caller, REQUESTS[caller]), vendor, whole))
    assert WIRES[caller].decode(body, target_of(caller), full=False).usage == told
