"""What of a call is looked at."""

from tests.values import a_call

from pointsman.core.call import Image, Role, Text, ToolResult, Turn
from pointsman.decision.question import question, question_text


def test_the_last_question_of_the_user_is_looked_at_not_what_came_before() -> None:
    turns = (
        Turn(Role.USER, (Text("first"),)),
        Turn(Role.ASSISTANT, (Text("so"),)),
        Turn(Role.USER, (Text("What is"), Image(url="https://x"), Text("this?"))),
        Turn(Role.ASSISTANT, (Text("It is"),)),
        Turn(Role.USER, (ToolResult(use_id="t", parts=(Text("42"),)),)),
    )
    assert question_text(a_call(turns=turns)) == "What is\nthis?"


def test_of_a_long_question_its_beginning_and_its_end_are_looked_at() -> None:
    text = question_text(a_call(turns=(Turn(Role.USER, (Text("begins" + "x" * 50_000 + "ends"),)),)))
    assert (text[:6], text[-4:], len(text)) == ("begins", "ends", 8001)


def test_a_call_without_words_is_no_question_but_has_a_length() -> None:
    prompt = question(a_call(turns=(Turn(Role.USER, (Image(url="https://x"),)),), size_chars=400), capability="c", task="t")
    assert (prompt.text, prompt.capability, prompt.task, prompt.tokens_in) == ("", "c", "t", 101)
