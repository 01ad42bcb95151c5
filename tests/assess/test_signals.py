"""What speaks for and against an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.values import a_call

from pointsman.assess.declining import declines
from pointsman.assess.grounding import grounding, read, words
from pointsman.assess.signals import asked, evidence, of_text
from pointsman.core.call import Image, Refusal, Role, Text, ToolResult, Turn
from pointsman.core.reply import Finish, Reply

PASSAGE = "The parcel of Ms Novak left Hamburg on 12 March and weighs 340 grams."


def a_reply(text: str = "", *, finish: Finish = Finish.DONE, refusal: str | None = None, logprobs: tuple[float, float] | None = None) -> Reply:
    parts = (Refusal(text=refusal),) if refusal is not None else (Text(text),)
    return Reply(reply_id="r", model="m", finish=finish, parts=parts, logprobs=logprobs)


def test_an_answer_that_makes_its_facts_up_is_less_grounded_than_one_that_quotes() -> None:
    honest = of_text("When did the parcel leave?", "It left Hamburg on 12 March.", passages=[PASSAGE])
    invented = of_text("When did the parcel leave?", "It left Rotterdam on 19 April, said Doctor Miller.", passages=[PASSAGE])
    for name in ("grounded_words", "grounded_figures", "grounded_names", "copied"):
        assert honest[name] > invented[name], name


def test_what_an_answer_has_none_of_is_not_held_against_it() -> None:
    found = grounding(read("yes"), read(PASSAGE))
    assert "grounded_figures" not in found
    assert "grounded_names" not in found
    assert "figures_unused" not in of_text("Why?", "Because 3 is odd.")
    assert "ends_whole" not in of_text("How many are 3 and 4?", "Seven.")


@pytest.mark.parametrize(
    "text", ["I cannot help with that.", "I don\u2019t know.", "Leider weiß ich das nicht.", "Lo siento, no puedo.", "抱歉\uff0c我不知道。", "", "  "]
)
def test_an_answer_that_declines_is_told_in_several_languages(text: str) -> None:
    assert declines(text) == 1.0


def test_a_long_answer_that_happens_to_say_so_is_hardly_one_that_declines() -> None:
    assert declines("Sorry for the wait. " + "The invoice was paid on 3 May. " * 60) == 0.25
    assert declines("The invoice was paid. " * 30 + "I cannot overstate that.") == 0.0


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("", 1.0),
        ("He drives for (3 * 60", 0.6),
        ("```python\nprint(1)", 0.6),
        ("and then the whole of the rest of it goes to", 0.3),
        ("Billing", 0.0),
        ("Done.", 0.0),
    ],
)
def test_an_answer_that_ends_in_the_middle_is_noticed(text: str, least: float) -> None:
    found = of_text("Go on?", text)["cut"]
    assert (found >= least) if least else (found == 0.0)


def test_words_of_doubt_count_by_sentence() -> None:
    sure = of_text("Who pays?", "The sender pays. The receiver does not.")["doubts"]
    unsure = of_text("Who pays?", "Perhaps the sender pays. I think the receiver probably does not.")["doubts"]
    assert sure == 0.0
    assert unsure == 1.0


def test_an_answer_is_on_the_question_when_it_ends_with_its_words() -> None:
    prompt = "Tom has 3 apples. How many apples does Tom have in the end?"
    assert of_text(prompt, "Tom has 3 apples in the end.")["addresses"] > of_text(prompt, "Pears are green.")["addresses"]
    assert of_text("Name the colour", "the colour is red")["addresses"] > 0.5
    assert of_text("", "red")["addresses"] == 0.0


def test_the_last_figure_is_looked_at_as_the_answer() -> None:
    found = of_text("3 boxes of 4", "3 * 4 = 12, so 12")
    assert (found["ends_whole"], found["ends_given"], found["ends_result"], found["ends_repeated"], found["figures_unused"]) == (1.0, 0.0, 1.0, 0.5, 0.0)


def test_a_reply_tells_what_its_vendor_told() -> None:
    call = a_call()
    assert evidence(a_reply("ok"), call)["refused"] == 0.0
    assert evidence(a_reply(refusal="No."), call)["refused"] == 1.0
    assert evidence(a_reply(finish=Finish.REFUSED), call)["refused"] == 1.0
    assert evidence(a_reply("so", finish=Finish.LENGTH), call)["truncated"] == 1.0
    sure = evidence(a_reply("ok", logprobs=(-0.1, -2.0)), call)
    assert (sure["logprob_mean"], sure["logprob_min"]) == (-0.1, -2.0)
    assert "logprob_mean" not in evidence(a_reply("ok"), call)


def test_an_answer_may_rest_on_all_that_was_said_and_on_what_tools_answered() -> None:
    result = ToolResult(use_id="u", parts=(Text("340 grams"), Image(url="http://x/y.png")))
    call = a_call(system=(Text("Be short."),), turns=(Turn(Role.USER, (Text("How heavy?"), Image(url="http://x/z.png"))), Turn(Role.USER, (result,))))
    assert asked(call) == "Be short.\nHow heavy?\n340 grams"
    assert evidence(a_reply("It weighs 340 grams."), call)["grounded_figures"] == 1.0


@settings(max_examples=60)
@given(prompt=st.text(max_size=80), answer=st.text(max_size=120))
def test_every_text_can_be_read(prompt: str, answer: str) -> None:
    found = of_text(prompt, answer, passages=[prompt])
    assert all(value == value and abs(value) < 1e6 for value in found.values())  # noqa: PLR0124 not NaN


def test_words_of_scripts_without_spaces_stand_for_themselves() -> None:
    assert words("Größe 東京 ok") == ["größe", "東", "京", "ok"]
