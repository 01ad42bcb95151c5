"""Every text of a body is found, and a changed body is a new one."""

import base64
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.filtering.tree import HEADER, INSIDE, NAME, rewritten, spots
from pointsman.governance.filtering.words import WORDS

PICTURE = base64.b64encode(b"\x89PNG" + bytes(range(60))).decode()


def texts(wire: dict[str, Any], **more: Any) -> list[str]:
    return [spot.text for spot in spots(wire, **more)]


def a_wire(content: Any) -> dict[str, Any]:
    return {"model": "support", "messages": [{"role": "user", "content": content}]}


def test_words_of_a_message_are_found_and_those_of_the_protocol_are_not() -> None:
    assert texts(a_wire("Ann lives here.")) == ["Ann lives here."]


def test_a_field_that_nobody_knows_is_found_with_its_name() -> None:
    found = spots({"model": "support", "messages": [], "x_note": {"who": ["Ann"]}})
    assert [(spot.path, spot.text, spot.is_key) for spot in found] == [
        (("x_note", NAME), "x_note", True),
        (("x_note", "who", NAME), "who", True),
        (("x_note", "who", 0), "Ann", False),
    ]


def test_a_field_of_the_protocol_that_says_something_else_than_its_words_is_found() -> None:
    wire = {"messages": [{"role": "Ann", "content": "Hi."}], "tool_choice": "ann@example.org"}
    assert texts(wire) == ["Ann", "Hi.", "ann@example.org"]


def test_the_name_of_the_capability_is_left_out_but_no_other_model() -> None:
    assert texts({"model": "Ann", "messages": [], "metadata": {"model": "Ann"}}) == ["Ann"]


def test_long_numbers_are_texts_and_short_ones_are_not() -> None:
    assert texts(a_wire([{"a": 123456, "b": 4111111111111111, "c": 4111111111111111.0, "d": 1.5, "e": True, "f": None, "g": 1e22, "h": -12.345678}])) == [
        *["a", "b", "4111111111111111", "c", "4111111111111111", "d", "e", "f", "g", "10000000000000000000000", "h", "-12.345678"],
    ]


def test_arguments_of_tools_are_read_inside() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": '{"to": "\\u0041nn", "card": 4111111111111111}'}}
    found = {spot.path: spot.text for spot in spots({"messages": [{"role": "assistant", "tool_calls": [call]}]})}
    at = ("messages", 0, "tool_calls", 0, "function", "arguments", INSIDE)
    assert found[*at, "to"] == "Ann"
    assert found[*at, "card"] == "4111111111111111"


def test_arguments_that_two_readers_could_understand_differently_stay_whole() -> None:
    """The value that our reading drops would be sent on unseen."""
    for arguments in ('{"a": "Ann", "a": "x"}', '{"a": {"b": "Ann", "b": 1}}', '{"a": "Ann"', '{"a": NaN}', '"Ann"', "[" * 100 + "]" * 100, "[" * 20_000):
        assert texts({"x": {"arguments": arguments}}) == ["x", arguments]


def test_json_text_within_arguments_is_a_text() -> None:
    inner = json.dumps({"who": "Ann"})
    assert texts({"arguments": json.dumps({"arguments": inner})}) == [inner]


def test_pictures_and_files_are_told_with_their_type() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
        {"type": "file", "file": {"filename": "cv.pdf", "file_data": f"data:application/pdf;base64,{PICTURE}"}},
        {"type": "file", "file": {"file_data": PICTURE}},
        {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PICTURE}},
    ]
    found = [(spot.text, spot.media_type) for spot in spots(a_wire(parts))]
    assert found == [
        (PICTURE, "image/png"),
        ("cv.pdf", None),
        (PICTURE, "application/pdf"),
        (PICTURE, "application/octet-stream"),
        (PICTURE, "audio/wav"),
        (PICTURE, "image/jpeg"),
    ]


def test_what_only_claims_to_be_a_file_is_a_text() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,ann@example.org"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;name=Ann;base64,AAAA"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "ann@example.org"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Ann"}},
    ]
    assert [(spot.text, spot.media_type) for spot in spots(a_wire(parts))] == [
        ("data:image/png;base64,ann@example.org", None),
        ("data:image/png;name=Ann;base64,AAAA", None),
        ("ann@example.org", None),
        ("Ann", None),
    ]


def test_a_key_or_a_name_in_the_place_of_a_file_is_a_text() -> None:
    """They consist of the same letters as base64, and a field of a tool may well be called `data`."""
    for told in ("ghp_" + "a8Kd93kfLs02Mdk39fKsl29dkKd93kfLs02M", "4111111111111111", "AKIA" + "Q3EGRZ5T7XYPLMN2"):
        for place in ({"data": told, "format": "csv"}, {"file_data": told}, {"type": "base64", "media_type": "image/png", "data": told}):
            assert told in texts(a_wire([place])), place
        assert f"data:image/png;base64,{told}" in texts(a_wire(f"data:image/png;base64,{told}"))


def test_a_short_file_is_a_file_if_it_begins_like_one_or_says_something() -> None:
    for content in (b"%PDF-1.7 \x80\xff", b"RIFF\x80\xff\0\0", b"\0\0\0\x20ftypheic\xff", "Grüße,\nAnn".encode()):
        told = base64.b64encode(content).decode()
        assert [spot.media_type for spot in spots({"file_data": told})] == ["application/octet-stream"], content


def test_a_type_of_file_that_nobody_knows_is_read_too() -> None:
    found = spots(a_wire([{"url": f"data:ann/smith;base64,{PICTURE}"}]))
    assert [(spot.text, spot.media_type) for spot in found] == [(f"data:ann/smith;base64,{PICTURE}", None), (PICTURE, "ann/smith")]


def test_heeded_headers_are_found_unless_they_name_trials() -> None:
    headers = (("anthropic-beta", "output-128k-2025-02-19, files-api-2025-04-14"), ("anthropic-beta", "Ann"))
    assert [(spot.path, spot.text) for spot in spots({}, headers)] == [((HEADER, 1), "Ann")]


def test_a_changed_body_is_new_and_the_old_one_is_as_it_was() -> None:
    wire = a_wire([{"type": "text", "text": "Ann"}, {"Ann": 4111111111111111, "b": ["x", "Ann"]}])
    wire["tool"] = {"arguments": '{"Ann": ["Ann", 1.50]}'}
    before = copy.deepcopy(wire)
    changes = {spot.path: "P" for spot in spots(wire) if spot.text in {"Ann", "4111111111111111"}}
    told = rewritten(wire, changes)
    assert told["messages"] == [{"role": "user", "content": [{"type": "text", "text": "P"}, {"P": "P", "b": ["x", "P"]}]}]
    assert told["tool"] == {"arguments": '{"P":["P",1.5]}'}
    assert wire == before
    assert told["model"] is wire["model"]


def test_a_part_can_be_replaced_whole() -> None:
    assert rewritten(a_wire([{"type": "image"}, 1]), {("messages", 0, "content", 0): {"type": "text"}}) == a_wire([{"type": "text"}, 1])


def test_a_change_of_a_header_leaves_the_body_alone() -> None:
    assert rewritten(a_wire("Hi."), {(HEADER, 0): "P"}) == a_wire("Hi.")


names = st.text(st.sampled_from('abAB \u00e9\U0001f600"\\'), min_size=1, max_size=4)
leaves = st.one_of(names, st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.sampled_from(["arguments", "content"]), inner, max_size=3), max_leaves=8
)


def strings(node: Any) -> list[str]:
    match node:
        case str():
            return [node]
        case dict():
            return [text for name, value in node.items() for text in (name, *strings(value))]
        case list():
            return [text for item in node for text in strings(item)]
        case _:
            return []


@settings(max_examples=60)
@given(trees)
def test_no_string_of_any_body_is_passed_over(tree: Any) -> None:
    wire = {"model": "support", "input": tree, "arguments": json.dumps(tree)}
    found = {spot.text for spot in spots(wire)}
    assert set(strings(tree)) - WORDS <= found


@settings(max_examples=60)
@given(trees)
def test_every_text_can_be_changed_where_it_was_found(tree: Any) -> None:
    wire = {"model": "support", "input": tree, "arguments": json.dumps(tree)}
    paths = [spot.path for spot in spots(wire)]
    assert len(set(paths)) == len(paths)
    told = rewritten(wire, {path: f"new{position}" for position, path in enumerate(paths)})
    assert [spot.text for spot in spots(told)] == [f"new{position}" for position in range(len(paths))]
