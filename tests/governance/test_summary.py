"""
A summary takes nothing along but itself, repeats nothing, and loosens only the class of the data.
"""

import base64
import gzip
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.values import a_call

from pointsman.core.call import Call
from pointsman.core.label import INTERNAL, a_label
from pointsman.core.place import Dialect
from pointsman.governance.summary import bare, is_unfit, lowered, question
from pointsman.surfaces.registry import BY_DIALECT
from pointsman.surfaces.reread import retold

SAID: Final = "The Lyon plant closes in March, and nobody there has been told yet. How do we announce it?"


def read(text: str = SAID, dialect: Dialect = Dialect.OPENAI_CHAT, **more: Any) -> Call:
    call = a_call(text, dialect=dialect)
    return BY_DIALECT[dialect].read({**call.wire, **more}, call.call_id)


def short(call: Call, text: str) -> Call:
    return retold(bare(call), BY_DIALECT[call.dialect], text=text)


def test_a_summary_in_other_words_is_fit() -> None:
    assert not is_unfit(read(), short(read(), "How does a company best announce that it gives up a site?"))


@pytest.mark.parametrize(
    "told",
    [
        SAID,
        f"The request is: {SAID[:70]}",
        SAID.upper(),
        "\u200b".join(SAID),
        " ".join(SAID),
        SAID[::-1],
        base64.b64encode(SAID.encode()).decode(),
        SAID.encode().hex(),
        "".join(f"%{ord(letter):02x}" for letter in SAID),
    ],
)
def test_one_that_repeats_the_call_is_none_in_whatever_form(told: str) -> None:
    assert is_unfit(read(), short(read(), told))


@pytest.mark.parametrize("start", range(0, 20, 3))
def test_ten_words_in_a_row_are_enough_wherever_they_stand(start: int) -> None:
    copied = "".join(filter(str.isalnum, SAID))[start : start + 48]
    assert is_unfit(read(), short(read(), f"Someone asks: {copied}?"))
    assert not is_unfit(read(), short(read(), f"Someone asks: {copied[:30]}?"))


def test_what_was_said_beside_the_conversation_must_not_be_repeated_either() -> None:
    call = read("And now?", metadata={"about": SAID}, tools=[{"type": "function", "function": {"name": "look", "description": SAID[::-1]}}])
    assert is_unfit(call, short(call, SAID))
    assert is_unfit(call, short(call, SAID[::-1]))


def test_nothing_stays_beside_a_summary_that_could_say_something() -> None:
    call = read(
        messages=[{"role": "system", "content": SAID}, {"role": "user", "content": "Well?"}],
        metadata={"about": SAID},
        stop=[SAID],
        user="anna",
        x_unknown={SAID: 1},
        seed=12_345_678_901,
        temperature=0.2,
        max_tokens=300,
        stream=True,
        stream_options={"include_usage": True},
        response_format={"type": "json_object"},
    )
    assert dict(short(call, "In short?").wire) == {
        "model": "support",
        "messages": [{"role": "user", "content": "In short?"}],
        "temperature": 0.2,
        "max_tokens": 300,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {"type": "json_object"},
    }


def test_nothing_stays_beside_a_summary_in_the_other_dialect() -> None:
    call = read("Well?", Dialect.ANTHROPIC_MESSAGES, system=SAID, metadata={"user_id": SAID}, thinking={"type": "enabled", "budget_tokens": 2000})
    assert dict(short(call, "In short?").wire) == {
        "model": "support",
        "messages": [{"role": "user", "content": "In short?"}],
        "max_tokens": 100,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    assert bare(call).headers == ()


def test_a_form_of_the_answer_that_says_something_itself_cannot_be_told_again() -> None:
    """Its names and descriptions are data like any other, and without it the answer would not be what was asked for."""
    schema = {"type": "object", "properties": {"lyon_closes_in_march": {"type": "boolean"}}}
    call = read(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert is_unfit(call, short(call, "In short?"))


def test_a_repetition_is_seen_even_beside_what_unfolds_without_end() -> None:
    bomb = base64.b64encode(gzip.compress(b"la " * 2_000_000)).decode()
    assert is_unfit(read(), short(read(), f"{SAID} {bomb}"))
    assert not is_unfit(read(), short(read(), f"Well? {bomb}"))  # the judge looks too, and takes it for unknown


def test_what_tools_said_is_told_to_the_summariser_and_must_not_be_repeated() -> None:
    use = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    call = read(
        messages=[
            {"role": "user", "content": "What is new?"},
            {"role": "assistant", "content": None, "tool_calls": [use]},
            {"role": "tool", "tool_call_id": "call_1", "content": SAID},
        ]
    )
    assert f"user: {SAID}" in question(call)
    assert is_unfit(call, short(call, SAID))


def test_the_summariser_is_told_the_instructions_too() -> None:
    assert "system: Be brief.\nuser: Well?" in question(read(messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Well?"}]))


def test_a_row_of_numbers_or_of_protocol_words_is_no_setting() -> None:
    """Either can spell what the data says."""
    spelled = list(SAID.encode())
    words = ["low" if byte & 1 else "high" for byte in spelled]
    call = read(seed=7, response_format={"type": "json_object"}, metadata={"user": spelled}, logit_bias={"name": {"id": 84, "text": [101]}}, reasoning=words)
    assert bare(call).wire.keys() == {"model", "seed", "response_format"}


def test_only_the_class_is_lowered() -> None:
    """A summary of data that must stay in a region, or serves one purpose, still does."""
    label = replace(a_label("confidential"), residency=frozenset({"eu"}), purposes=frozenset({"care"}), keep_at_most_s=60, sources=frozenset({"crm"}))
    assert lowered(label) == replace(label, classes=INTERNAL.classes, level=INTERNAL.level)
