"""What was said, as messages with a role and parts, in either dialect, whole or streamed."""

import json
from typing import Any

import msgspec
import pytest
from tests.values import anthropic_answer, openai_answer

from pointsman.governance.said import told
from pointsman.telemetry.said import messages

ASKED = {"model": "support", "messages": [{"role": "user", "content": "Where is it?"}]}
ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]}]
STREAM = b"".join(
    b"data: " + msgspec.json.encode({"id": "c", "choices": [{"index": 0, "delta": {"content": piece}}]}) + b"\n\n" for piece in ("On its", " way.")
)
ANTHROPIC_STREAM = b"".join(
    b"event: content_block_delta\ndata: " + msgspec.json.encode({"index": 0, "delta": {"type": "text_delta", "text": piece}}) + b"\n\n"
    for piece in ("On its", " way.")
)


def said(request: Any, answer: bytes) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in messages(request, told(answer)).items()}


@pytest.mark.parametrize("answer", [openai_answer(), anthropic_answer(), STREAM + b"data: [DONE]\n\n", ANTHROPIC_STREAM])
def test_question_and_answer_are_messages(answer: bytes) -> None:
    assert said(ASKED, answer) == {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]}],
        "gen_ai.output.messages": ANSWERED,
    }


def test_of_what_is_no_text_the_kind_is_told() -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:canary"}}, "odd"]
    found = said({"system": "Be kind.", "messages": [{"role": "user", "content": parts}, "odd", {"content": None}]}, openai_answer())
    assert found["gen_ai.system_instructions"] == [{"type": "text", "content": "Be kind."}]
    assert found["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": "Look:"}, {"type": "image_url"}]},
        {"role": "user", "parts": []},
    ]


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b"null", b'{"choices": 3}', b'{"content": 3}'])
def test_an_answer_that_says_nothing_is_none(answer: bytes) -> None:
    assert said({}, answer) == {}
