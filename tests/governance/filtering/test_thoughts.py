"""Signed reasoning is shown with its values and goes back as its vendor wrote it; nobody else's text takes that way."""

import base64
import json
import re
from typing import Any

import pytest
from tests.governance.filtering.round_trips import data_of

from pointsman.core.call import Thinking
from pointsman.core.place import Dialect
from pointsman.core.reply import Closed, Finish, Reply, TextDelta, ThinkingDelta, ThinkingSigned
from pointsman.core.verdict import Duty, Obligation
from pointsman.governance.filtering.event_stream import EventStream
from pointsman.governance.filtering.filter import Filtered, filtered
from pointsman.governance.filtering.native_stream import native_stream
from pointsman.governance.filtering.pseudonyms import Namer, scope_of
from pointsman.governance.filtering.restore import Restorer
from pointsman.governance.filtering.tree import spots
from pointsman.governance.finding import Finding, Spot

KEY = b"the key of a tenant for its pseudonyms"
PERSONAL = frozenset({Duty("personal", Obligation.PSEUDONYMISE)})
SIGNATURE = "c2lnbmF0dXJl"
BEGINNING = "I am Ann Smith."


def a_turn(*later: dict[str, Any], beginning: str = BEGINNING, values: tuple[str, ...] = ("Ann Smith",), key: bytes = KEY, **more: Any) -> Filtered:
    """Filter a call in which a detector finds these values wherever they stand."""
    messages = [{"role": "user", "content": beginning}, *later]
    wire: dict[str, Any] = {"model": "support", "messages": messages, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    found: list[tuple[Spot, list[Finding]]] = []
    for spot in spots(wire):
        hits = [match for value in values for match in re.finditer(re.escape(value), spot.text)]
        found.append((spot, [Finding(start=hit.start(), end=hit.end(), kind="person", data_class="personal", detector="told") for hit in hits]))
    names = Namer(key, scope=scope_of(wire, tenant="acme", key_id="web", user=None))
    told: dict[str, Any] = {"duties": PERSONAL, "names": names, **more}
    return filtered(wire, found, **told)


def said(done: Filtered, position: int = 1) -> Any:
    messages: Any = done.wire["messages"]
    return messages[position]["content"]


def restorer_of(done: Filtered) -> Restorer:
    assert done.restorer is not None
    return done.restorer


def a_thought(done: Filtered, text: str = "{} has met Albert Einstein.") -> dict[str, Any]:
    person = re.findall(r"PERSON_\w{8}", said(done, 0))
    return {"type": "thinking", "thinking": text.format(*person), "signature": SIGNATURE}


def back(shown: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"role": "assistant", "content": [shown]}, {"role": "user", "content": "Go on."}


def test_a_thought_goes_back_as_it_was_written_whatever_a_detector_finds_in_it_by_then() -> None:
    first = a_turn()
    thought = a_thought(first)
    shown = restorer_of(first).tree(thought)
    assert shown["thinking"] == "Ann Smith has met Albert Einstein."
    assert shown["signature"] != SIGNATURE
    second = a_turn(*back(shown), values=("Ann Smith", "Albert Einstein"))
    assert said(second) == [thought]
    assert second.count_by_kind == {"person": 1, "thought": 1}
    assert restorer_of(second).tree(second.wire)["messages"][1]["content"][0]["thinking"] == shown["thinking"]


def test_a_thought_is_kept_where_nothing_was_hidden_yet() -> None:
    first = a_turn(beginning="Who was it?")
    thought = a_thought(first, "Albert Einstein.")
    second = a_turn(*back(restorer_of(first).tree(thought)), beginning="Who was it?", values=("Albert Einstein",))
    assert said(second) == [thought]


def test_what_the_model_said_aloud_hides_nothing_in_its_thoughts() -> None:
    first = a_turn()
    thought = a_thought(first)
    answer = {"role": "assistant", "content": [restorer_of(first).tree(thought), {"type": "text", "text": "Albert Einstein"}]}
    second = a_turn(answer, values=("Ann Smith", "Albert Einstein"))
    assert said(second)[0] == thought
    assert re.fullmatch(r"PERSON_\w{8}", said(second)[1]["text"])


def test_a_value_that_is_known_only_now_does_not_leave_in_an_old_thought() -> None:
    """Another target may get this call, which has not seen it."""
    first = a_turn(beginning="Zed and I.", values=())
    shown = restorer_of(first).tree(a_thought(first, "Zed is a friend."))
    second = a_turn(*back(shown), beginning="Zed and I.", values=("Zed",))
    assert "Zed" not in json.dumps(second.wire)
    assert said(second)[0]["signature"] == SIGNATURE


@pytest.mark.parametrize(
    "change",
    [{"thinking": "Bob Jones has met Albert Einstein."}, {"signature": "pointsman." + base64.b64encode(b"x" * 80).decode()}, {"signature": "pointsman.?"}],
)
def test_a_thought_that_was_changed_or_made_up_is_filtered_like_any_text(change: dict[str, str]) -> None:
    first = a_turn()
    shown = restorer_of(first).tree(a_thought(first)) | change
    second = a_turn(*back(shown), values=("Ann Smith", "Bob Jones", "Albert Einstein"))
    assert not re.search("Ann|Bob|Albert", json.dumps(second.wire))


@pytest.mark.parametrize("text", ["", "none"])
def test_a_signature_over_words_that_are_not_shown_or_are_no_data_goes_back_too(text: str) -> None:
    first = a_turn()
    thought = {"type": "thinking", "thinking": text, "signature": SIGNATURE}
    assert said(a_turn(*back(restorer_of(first).tree(thought)))) == [thought]


def test_a_signature_that_came_another_way_is_left_alone() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": SIGNATURE}
    assert said(a_turn(*back(thought))) == [thought]


def test_another_tenants_seal_is_none() -> None:
    shown = restorer_of(a_turn(key=b"the key of another tenant")).tree({"type": "thinking", "thinking": "Ann Smith", "signature": SIGNATURE})
    assert "Ann" not in json.dumps(a_turn(*back(shown)).wire)


def test_a_thought_that_was_written_while_less_was_hidden_is_filtered() -> None:
    first = a_turn(duties=frozenset({Duty("financial", Obligation.PSEUDONYMISE)}))
    shown = restorer_of(first).tree({"type": "thinking", "thinking": "Ann Smith", "signature": SIGNATURE})
    assert "Ann" not in json.dumps(a_turn(*back(shown)).wire)
    assert said(a_turn(*back(shown), duties=frozenset({Duty("financial", Obligation.REDACT)})))[0]["signature"] == SIGNATURE


def test_taking_out_secrets_at_the_door_leaves_seals_for_the_way_to_the_target() -> None:
    first = a_turn()
    shown = restorer_of(first).tree(a_thought(first))
    door = a_turn(*back(shown), duties=frozenset({Duty("secret", Obligation.REDACT)}))
    assert said(door) == [shown]
    assert (door.count_by_kind, door.restorer) == ({}, None)


def test_a_call_that_asks_for_no_thoughts_needs_no_restorer_if_nothing_was_hidden() -> None:
    for wire in ({"messages": []}, {"messages": [], "thinking": {"type": "disabled"}}):
        assert filtered(wire, [], duties=PERSONAL, names=Namer(KEY, scope="one")).restorer is None


# ── the ways a thought comes ────────────────────────────────────────────────────────────────────────────────────────


def test_a_reply_in_our_words_is_sealed() -> None:
    first = a_turn()
    thought = a_thought(first)
    reply = Reply(reply_id="r", model="m", finish=Finish.DONE, parts=(Thinking(text=thought["thinking"], signature=SIGNATURE), Thinking(text="x")))
    part, plain = restorer_of(first).reply(reply).parts
    assert isinstance(part, Thinking)
    assert plain == Thinking(text="x")
    assert said(a_turn(*back({"type": "thinking", "thinking": part.text, "signature": part.signature}))) == [thought]


def test_events_are_sealed_when_their_signature_comes() -> None:
    first = a_turn()
    thoughts = [a_thought(first), a_thought(first, "So EM")]
    stream = EventStream(restorer_of(first))
    shown: list[dict[str, Any]] = []
    for thought in thoughts:
        events = [*(ThinkingDelta(letter) for letter in thought["thinking"]), ThinkingSigned(SIGNATURE)]
        told = stream.feed(events)
        text = "".join([event.text for event in told if isinstance(event, ThinkingDelta)])
        assert isinstance(told[-1], ThinkingSigned)
        shown.append({"type": "thinking", "thinking": text, "signature": told[-1].signature})
    assert stream.feed([TextDelta("Hi."), Closed()]) == (TextDelta("Hi."), Closed())
    assert said(a_turn({"role": "assistant", "content": shown})) == thoughts


def test_a_stream_of_the_dialect_is_sealed_when_its_block_stops() -> None:
    first = a_turn()
    thought = a_thought(first, "{} and PER")
    deltas = [{"type": "thinking_delta", "thinking": letter} for letter in thought["thinking"]]
    deltas += [{"type": "signature_delta", "signature": part} for part in (SIGNATURE[:5], SIGNATURE[5:])]
    events = [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    stream = native_stream(Dialect.ANTHROPIC_MESSAGES, restorer_of(first))
    raw = b"".join([stream.feed(f"event: content_block_delta\ndata: {json.dumps(event)}\n\n".encode()) for event in events])
    raw += stream.feed(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n')
    told = data_of(raw)
    assert [event["delta"]["type"] for event in told[:-1]].count("signature_delta") == 1
    assert told[-1]["type"] == "content_block_stop"
    shown = {
        "type": "thinking",
        "thinking": "".join([event["delta"].get("thinking", "") for event in told[:-1]]),
        "signature": told[-2]["delta"]["signature"],
    }
    assert shown["thinking"] == "Ann Smith and PER"
    assert said(a_turn(*back(shown))) == [thought]
