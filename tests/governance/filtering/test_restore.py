"""Values come back into whole answers and into one channel of a stream, however a model bends their pseudonyms and wherever the borders are."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.call import Foreign, HiddenThinking, Refusal, Text, Thinking, ToolUse
from pointsman.core.place import Dialect
from pointsman.core.reply import Finish, Native, Reply
from pointsman.governance.filtering.pseudonyms import Namer, Style
from pointsman.governance.filtering.restore import Restorer, wants_json

KEY = b"the key of a tenant for its pseudonyms"
NAMER = Namer(KEY, scope="one")
ANN = NAMER.name("person", 'Ann "A" Smith')
MAIL = NAMER.name("email", "ann@example.org")


def a_restorer(**more: Any) -> Restorer:
    return Restorer(NAMER.originals, **more)


@pytest.mark.parametrize(
    "bent",
    [
        *(MAIL, MAIL.lower(), MAIL.title(), MAIL.replace("_", "\\_"), MAIL.replace("_", " "), MAIL.replace("_", "-"), MAIL.replace("_", "\u2011")),
        *(MAIL.replace("_", "%5F"), MAIL.replace("_", "&#95;"), MAIL.replace("_", "")),
    ],
)
def test_a_bent_pseudonym_is_mended_and_counted(bent: str) -> None:
    restorer = a_restorer()
    assert restorer.text(f"Write to **{bent}**, `{bent}`s.") == "Write to **ann@example.org**, `ann@example.org`s."
    assert (restorer.restored, restorer.mended) == (2, 0 if bent == MAIL else 2)


@pytest.mark.parametrize("strange", [MAIL[:-1], MAIL[:-1] + "?", MAIL[6:], "PERSON" + MAIL[5:], MAIL.replace("_", "  "), MAIL.replace("_", "\\\\\\_")])
def test_what_is_no_pseudonym_of_this_call_stays(strange: str) -> None:
    restorer = a_restorer()
    assert restorer.text(strange) == strange
    assert restorer.restored == 0


def test_one_call_never_restores_the_pseudonym_of_another() -> None:
    """Neither of another conversation nor of another tenant, even for the same value."""
    ours = Namer(KEY, scope="one")
    ours.name("person", "Ann")
    for other in (Namer(KEY, scope="two"), Namer(b"the key of another tenant", scope="one")):
        text = other.name("person", "Ann")
        assert Restorer(ours.originals).text(text) == text


def test_a_value_is_written_as_json_needs_it_in_json_text_only() -> None:
    arguments = f'{{"to": "{ANN}", "note": "\\"{MAIL}\\" \\\\{MAIL}"}}'
    assert json.loads(a_restorer().text(arguments, is_json=True)) == {"to": 'Ann "A" Smith', "note": '"ann@example.org" \\ann@example.org'}
    assert a_restorer().text(f'"{ANN}"') == '"Ann "A" Smith"'


def test_a_pseudonym_written_in_escapes_is_found_and_an_escaped_backslash_is_none() -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in MAIL)
    assert a_restorer().text(f'"\\n{escaped}\\t"', is_json=True) == '"\\nann@example.org\\t"'
    assert a_restorer().text(f'"\\\\u0045{MAIL[1:]}"', is_json=True) == f'"\\\\u0045{MAIL[1:]}"'


@pytest.mark.parametrize("broken", ["\\", "\\u", "\\u00", "\\u00g0 x", "\\u1\\", '"\\x"'])
def test_broken_json_text_is_left_as_it_is(broken: str) -> None:
    assert a_restorer().text(broken, is_json=True) == broken
    assert a_restorer().text(f"{broken} {MAIL} {broken}", is_json=True).endswith(f" ann@example.org {broken}")


def test_of_two_pseudonyms_that_overlap_the_first_counts() -> None:
    assert Restorer({"x@example.com": "1", "comet": "2"}).text("x@example.comet comet") == "1et 2"


# ── whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_part_of_a_reply_is_restored_and_proofs_are_not() -> None:
    arguments = json.dumps({ANN: MAIL})
    told = a_restorer().reply(
        Reply(
            reply_id="r",
            model="m",
            finish=Finish.TOOLS,
            stop_sequence=MAIL,
            parts=(
                *(Text(ANN), Refusal(text=MAIL), Thinking(text=MAIL, signature=MAIL), HiddenThinking(data=MAIL), Foreign(MAIL)),
                ToolUse(use_id="1", name=f"to_{MAIL}", arguments=arguments),
            ),
        )
    )
    assert told.parts[:5] == (
        *(Text('Ann "A" Smith'), Refusal(text="ann@example.org"), Thinking(text="ann@example.org", signature=MAIL)),
        *(HiddenThinking(data=MAIL), Foreign(MAIL)),
    )
    use = told.parts[5]
    assert isinstance(use, ToolUse)
    assert (use.name, json.loads(use.arguments)) == ("to_ann@example.org", {'Ann "A" Smith': "ann@example.org"})
    assert told.stop_sequence == "ann@example.org"


def test_an_answer_that_must_be_json_stays_json() -> None:
    restorer = a_restorer(answers_json=True)
    reply = restorer.reply(Reply(reply_id="r", model="m", finish=Finish.DONE, parts=(Text(f'{{"who": "{ANN}"}}'), Thinking(text=ANN))))
    assert reply.parts == (Text('{"who": "Ann \\"A\\" Smith"}'), Thinking(text='Ann "A" Smith'))


def test_all_choices_of_a_native_body_are_restored_but_not_its_logprobs() -> None:
    message = {"role": "assistant", "content": f'{{"who": "{ANN}"}}', "tool_calls": [{"function": {"name": "f", "arguments": f'"{ANN}"'}}]}
    detail = {"type": "reasoning.text", "text": ANN, "signature": ANN}
    choices = [{"index": index, "message": {**message, "reasoning_details": [detail], "x": {ANN: 1}}, "logprobs": {"content": [ANN]}} for index in (0, 1)]
    body = msgspec.json.encode({"choices": choices, "usage": {"total_tokens": 1}})
    reply = a_restorer(answers_json=True).reply(Reply(reply_id="r", model="m", finish=Finish.DONE, native=Native(Dialect.OPENAI_CHAT, body)))
    assert reply.native is not None
    told = msgspec.json.decode(reply.native.body)
    for choice in told["choices"]:
        assert json.loads(choice["message"]["content"]) == {"who": 'Ann "A" Smith'}
        assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == 'Ann "A" Smith'
        assert choice["message"]["reasoning_details"] == [{**detail, "text": 'Ann "A" Smith'}]
        assert choice["message"]["x"] == {'Ann "A" Smith': 1}
        assert choice["logprobs"] == {"content": [ANN]}


def test_a_native_message_is_restored_but_not_its_proofs() -> None:
    content = [
        {"type": "thinking", "thinking": MAIL, "signature": MAIL},
        {"type": "redacted_thinking", "data": MAIL},
        {"type": "text", "text": ANN, "citations": [{"cited_text": MAIL, "encrypted_index": MAIL}]},
        {"type": "tool_use", "name": "f", "input": {"to": [ANN], MAIL: 1}},
    ]
    told = msgspec.json.decode(a_restorer().body(msgspec.json.encode({"content": content})))["content"]
    assert told == [
        {"type": "thinking", "thinking": "ann@example.org", "signature": MAIL},
        {"type": "redacted_thinking", "data": MAIL},
        {"type": "text", "text": 'Ann "A" Smith', "citations": [{"cited_text": "ann@example.org", "encrypted_index": MAIL}]},
        {"type": "tool_use", "name": "f", "input": {"to": ['Ann "A" Smith'], "ann@example.org": 1}},
    ]


@pytest.mark.parametrize("body", [b'{ "content" : "nothing" }', b"no json " + MAIL.encode(), b"\xff", b"[" * 5000 + b"]" * 5000])
def test_a_body_without_pseudonyms_or_without_json_is_forwarded_byte_for_byte(body: bytes) -> None:
    assert a_restorer().body(body) == body


@pytest.mark.parametrize(
    ("wire", "is_json"),
    [
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, True),
        ({"output_config": {"format": {"type": "json_schema"}}}, True),
        ({"response_format": {"type": "text"}}, False),
        ({"output_config": {"effort": "low"}}, False),
        ({}, False),
    ],
)
def test_a_request_tells_whether_its_answer_is_json(wire: dict[str, Any], is_json: bool) -> None:
    assert wants_json(wire) is is_json


# ── one channel ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "told", "held"),
    [
        ("Hello.", "Hello.", ""),
        ("Write to EM", "Write to ", "EM"),
        ("Write to " + MAIL[:-1], "Write to ", MAIL[:-1]),
        ("Write to " + MAIL[:-2] + "!", "Write to " + MAIL[:-2] + "!", ""),
        ("an email ", "an ", "email "),
        ("an email is", "an email is", ""),
        ("email%5", "", "email%5"),
        ("email\\", "", "email\\"),
        ("EMAIL_2222", "EMAIL_2222", ""),  # no pseudonym of this call goes on like that
        (MAIL + "EMAIL", "ann@example.org", "EMAIL"),
        ("EMAIL_EMAIL", "EMAIL_", "EMAIL"),
    ],
)
def test_only_an_end_that_may_become_a_pseudonym_is_held_back(said: str, told: str, held: str) -> None:
    channel = Restorer({MAIL: "ann@example.org"}).channel()
    assert (channel.feed(said), channel.held) == (told, held)
    assert (channel.end(), channel.end()) == (held, "")


def test_half_an_escape_of_json_text_is_held_back() -> None:
    channel = a_restorer().channel(is_json=True)
    assert [channel.feed(piece) for piece in ('"a\\', "u00", "45", MAIL[1:], '"')] == ['"a', "", "", "ann@example.org", '"']


def test_a_surrogate_that_is_cut_comes_back() -> None:
    namer = Namer(KEY, scope="one", style=Style.SURROGATES)
    name = namer.name("email", "ann@example.org")
    channel = Restorer(namer.originals).channel()
    assert (channel.feed("To " + name[:5]), channel.feed(name[5:] + " and " + name[:3]), channel.feed("!"), channel.end()) == (
        *("To ", "ann@example.org and "),
        f"{name[:3]}!",
        "",
    )


pieces = st.lists(st.sampled_from([MAIL, MAIL.lower(), MAIL[:7], MAIL[7:], ANN[:3], "email ", "\\", '"', "\\u0045", "é", "\U0001f600", "x", "_"]), max_size=8)


@settings(max_examples=80)
@given(pieces, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_the_borders_of_the_pieces_make_no_difference(parts: list[str], borders: list[int], is_json: bool) -> None:
    text = "".join(parts)
    edges = [0, *sorted(min(border, len(text)) for border in borders), len(text)]
    channel = a_restorer().channel(is_json=is_json)
    told = "".join([channel.feed(text[start:end]) for start, end in pairwise(edges)]) + channel.end()
    assert told == a_restorer().text(text, is_json=is_json)
