import asyncio
from typing import Any

import msgspec
import pytest
from tests.governance.finding import Crashes, Finds
from tests.values import CALL_ID, a_capability, a_judge, a_key, a_policy, a_principal, a_snapshot, a_target

from pointsman.core.call import Call
from pointsman.core.errors import BadRequest, NoPlaceAllowed
from pointsman.core.label import INTERNAL, Integrity, Label, Level, a_label
from pointsman.core.place import Dialect
from pointsman.core.verdict import Duty, Obligation
from pointsman.governance.detection.scanner import Detector
from pointsman.governance.judge import Judged
from pointsman.settings.policy_text import Action, PolicyText, Rule
from pointsman.surfaces.registry import BY_DIALECT

PERSON = Finds("Ann Miller")
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PSEUDONYMISE = Rule(rule_id="all", permits=True, obligations=frozenset({Obligation.PSEUDONYMISE}))


def a_body(*messages: dict[str, Any], **more: Any) -> Call:
    return BY_DIALECT[Dialect.OPENAI_CHAT].decode(msgspec.json.encode({"model": "support", "messages": messages, **more}), CALL_ID)


def says(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def judged(call: Call, *detectors: Detector, declared: Label = INTERNAL, policy: PolicyText | None = None, **more: Any) -> Judged:
    capability = a_capability(**{"ladder": [a_target()], **more.pop("capability", {})})
    judge = a_judge(a_snapshot(capability), *detectors, policy=policy)
    principal = a_principal(a_key(**more))
    return asyncio.run(judge.judge(call, declared, principal=principal, capability=capability, pause=asyncio.sleep, now_s=0))


def test_a_label_is_what_was_declared_and_what_was_found() -> None:
    label = judged(a_body(says("I am Ann Miller.")), PERSON, declared=a_label("internal")).verdict.label
    assert (label.classes, label.level) == ({"internal", "personal"}, Level.CONFIDENTIAL)


def test_data_above_the_ceiling_of_a_capability_goes_nowhere_and_the_refusal_says_of_which_class_it_was() -> None:
    with pytest.raises(NoPlaceAllowed, match="`internal\\+personal` data"):
        judged(a_body(says("I am Ann Miller.")), PERSON, capability={"ceiling": Level.INTERNAL})


def test_a_detector_that_fails_leaves_data_unknown_and_that_is_the_strictest() -> None:
    found = judged(a_body(says("Hello")), Crashes())
    assert found.verdict.label.level is Level.RESTRICTED
    assert dict(found.seen.counts) == {"failed:crashes/1": 1}


@pytest.mark.parametrize(("files", "level"), [(None, Level.INTERNAL), (a_label("legal"), Level.RESTRICTED)])
def test_a_picture_counts_as_what_its_source_says_of_such(files: Label | None, level: Level) -> None:
    call = a_body({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]})
    found = judged(call, files=files)
    assert (found.seen.unread, found.verdict.label.level) == (True, level)


def test_what_stands_in_a_file_takes_the_whole_file_out() -> None:
    text = "UGxlYXNlIGFzayBBbm4gTWlsbGVyIGFib3V0IGl0Lg=="  # "Please ask Ann Miller about it."
    call = a_body({"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:text/plain;base64,{text}", "filename": "a.txt"}}]})
    found = judged(call, PERSON, policy=a_policy(PSEUDONYMISE))

    sent, restorer = found.ready(a_target())

    assert dict(found.seen.counts) == {"person": 1}
    assert text not in msgspec.json.encode(sent.wire).decode()
    assert restorer is None


@pytest.mark.parametrize(
    ("messages", "integrity"),
    [
        ([says("Hi")], Integrity.TRUSTED_USER),
        ([says("Hi"), {"role": "assistant", "content": "Hello"}, says("And?")], Integrity.MODEL_OUTPUT),
        (
            [
                says("Hi"),
                {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "found"},
            ],
            Integrity.TOOL_OUTPUT,
        ),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}], Integrity.EXTERNAL),
    ],
)
def test_a_conversation_is_trusted_as_far_as_its_least_trusted_part(messages: list[dict[str, Any]], integrity: Integrity) -> None:
    assert judged(a_body(*messages)).verdict.label.integrity is integrity


def test_what_is_owed_is_done_once_for_all_targets_that_are_owed_the_same() -> None:
    found = judged(a_body(says("I am Ann Miller.")), PERSON, policy=a_policy(PSEUDONYMISE))
    one, other = a_target("one"), a_target("other")

    assert found.met(one) == {Duty("personal", Obligation.PSEUDONYMISE), Duty("internal", Obligation.PSEUDONYMISE)}
    assert found.ready(one) is found.ready(other)


def test_a_call_in_which_nothing_is_to_be_replaced_is_sent_as_it_is() -> None:
    found = judged(a_body(says("Hello")), PERSON, policy=a_policy(PSEUDONYMISE))
    assert found.ready(a_target()) == (found.call, None)


def allowed(*rules: Rule, action: Action = Action.JUDGE) -> bool:
    return judged(a_body(says("Hello")), policy=a_policy(*rules)).allows(a_target(), action=action, now_s=0)


@pytest.mark.parametrize(
    ("permitted", "obligations", "allows"),
    [
        (set(Action), set(), True),
        ({Action.INFER}, set(), False),
        ({Action.INFER, Action.SHADOW}, set(), False),
        ({Action.JUDGE}, {Obligation.PSEUDONYMISE}, False),  # more would have to be done to the data than for an answer
    ],
)
def test_what_may_be_answered_at_a_target_is_not_therefore_graded_there(permitted: set[Action], obligations: set[Obligation], allows: bool) -> None:
    infer = Rule(rule_id="infer", permits=True, actions=frozenset({Action.INFER}))
    told = Rule(rule_id="told", permits=True, actions=frozenset(permitted), obligations=frozenset(obligations))
    assert allowed(infer, told) is allows


SECRET = Finds("sk-[0-9]+", kind="secret:openai", data_class="secret")


def kept(call: Call, answer: bytes, *detectors: Detector, is_masked: bool) -> tuple[bytes, bytes] | None:
    capability = a_capability(ladder=[a_target()])
    judge = a_judge(a_snapshot(capability), *detectors)
    return asyncio.run(judge.kept(call, answer, principal=a_principal(), capability=capability, pause=asyncio.sleep, is_masked=is_masked))


def test_an_answer_is_kept_with_the_pseudonyms_of_its_question() -> None:
    question, answer = kept(a_body(says("I am Ann Miller.")), b'{"content":"Hello Ann Miller"}', PERSON, is_masked=True) or (b"", b"")

    assert b"Ann" not in question + answer
    assert answer.startswith(b'{"content":"Hello PERSON_')
    assert answer.split()[1].removesuffix(b'"}') in question


def test_what_only_the_answer_says_is_masked_too_in_whatever_way_it_is_written() -> None:
    found = kept(a_body(says("Who is it?")), b'{"content":"A\\u006en Miller, I think"}', PERSON, is_masked=True)
    assert found is not None
    assert b"Miller" not in found[1]


STREAMED = b"".join(b'event: x\ndata: {"index":0,"delta":{"type":"text","text":"%s"}}\n\n' % piece for piece in (b"Hello An", b"n Mil", b"ler, sk-1", b"23"))


@pytest.mark.parametrize(("is_masked", "left"), [(True, b""), (False, b"Ann Miller")])
def test_what_a_stream_says_in_pieces_is_found(is_masked: bool, left: bytes) -> None:
    found = kept(a_body(says("Hi")), STREAMED + b": note\n\ndata: [DONE]\n\n", PERSON, SECRET, is_masked=is_masked)
    assert found is not None
    assert b"sk-1" not in found[1]
    assert b"Mil" not in found[1].replace(b"Ann Miller", b"")
    assert left in found[1]


def test_an_answer_in_which_nothing_is_found_is_kept_as_it_was_sent() -> None:
    for answer in (STREAMED, b'{"a": 1}', b"", b"no JSON"):
        assert kept(a_body(says("Hi")), answer, is_masked=True) == (b'{"model":"support","messages":[{"role":"user","content":"Hi"}]}', answer)


def test_nothing_is_kept_where_a_detector_fails_or_something_cannot_be_taken_out() -> None:
    assert kept(a_body(says("Hi")), b"{}", Crashes(), is_masked=False) is None
    assert kept(a_body(says("Hi"), metadata=ELSEWHERE), b"{}", PERSON, is_masked=True) is None


def test_permissions_name_classes_and_tools() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    assert sorted(judged(a_body(says("Hi"), tools=tools)).permissions) == ["class:internal", "tool:look"]


@pytest.mark.parametrize(
    ("tool", "names"),
    [
        ({"type": "web_search_20250305", "name": "web_search"}, {"tool:web_search"}),
        ({"type": "web_search", "name": "look", "function": {"name": "look"}}, {"tool:web_search", "tool:look"}),
        ({"type": "code_interpreter"}, {"tool:code_interpreter"}),
        ({"type": "mcp", "server_label": "notes"}, {"tool:mcp", "tool:notes"}),
        ({"type": "custom", "custom": {"name": "old"}}, {"tool:old"}),
    ],
)
def test_tools_that_run_at_the_vendor_need_permission_too(tool: dict[str, Any], names: set[str]) -> None:
    """They send data on, and our own words have none for them."""
    call = a_body(says("Hi"), tools=[tool])
    assert {name for name in judged(call).permissions if name.startswith("tool:")} == names


def test_tools_beside_the_list_of_tools_need_permission_too() -> None:
    call = a_body(says("Hi"), functions=[{"name": "old"}, 7], mcp_servers=[{"type": "url", "name": "calendar"}], web_search_options={})
    assert {name for name in judged(call).permissions if name.startswith("tool:")} == {"tool:old", "tool:?", "tool:calendar", "tool:web_search"}


ELSEWHERE = {"note": "data:text/plain;base64,UGxlYXNlIGFzayBBbm4gTWlsbGVyIGFib3V0IGl0Lg=="}  # a file where no part of a message can stand in for it


def test_a_secret_in_a_file_that_cannot_be_taken_out_is_refused_with_its_field() -> None:
    with pytest.raises(BadRequest, match="cannot be taken out") as refused:
        judged(a_body(says("Hi"), metadata=ELSEWHERE), Finds("Ann Miller", kind="secret:odd", data_class="secret"))
    assert refused.value.field == "metadata.note"


def test_what_cannot_be_replaced_closes_the_targets_that_demand_it() -> None:
    found = judged(a_body(says("Hi"), metadata=ELSEWHERE), PERSON, policy=a_policy(PSEUDONYMISE))
    with pytest.raises(NoPlaceAllowed):
        found.ready(a_target())
