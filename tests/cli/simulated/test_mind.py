import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.cli.simulated.asked import Asked
from pointsman.cli.simulated.behaviour import MODELS, Behaviour, Difficulty
from pointsman.cli.simulated.mind import answer
from pointsman.cli.simulated.pieces import pieces
from pointsman.cli.simulated.support import INTENTS, difficulty, intents_in

FRONTIER, _, SMALL, _ = MODELS
CALM = Behaviour()
EASY = "Where is my parcel {n}?"
HARD = "Order {n}: the mug came broken, I wanted a refund and an invoice, but now just cancel it."


def asked(prompt: str) -> Asked:
    schema = {"type": "object", "properties": {"intent": {"enum": ["x"]}, "confidence": {"type": "number"}, "reply": {"type": "string"}}}
    return Asked(model="m", fault=None, prompt=prompt, tokens_in=1, schema=schema)


def test_the_same_prompt_has_the_same_answer_and_another_seed_may_have_another() -> None:
    seen = {answer(asked(HARD), SMALL, behaviour=Behaviour(seed=seed)).text for seed in range(20)}
    assert len(seen) > 1
    assert len({answer(asked(HARD), SMALL, behaviour=CALM).text for _ in range(3)}) == 1


@pytest.mark.parametrize(("text", "hard"), [(EASY, Difficulty.EASY), (HARD, Difficulty.HARD), ("Hello", Difficulty.EASY)])
def test_a_ticket_that_speaks_of_more_things_is_harder(text: str, hard: Difficulty) -> None:
    assert difficulty(text) is hard


def test_what_the_customer_wants_stands_at_the_end() -> None:
    assert [intent.name for intent in intents_in(HARD)][-1] == "cancel_order"


def test_the_frontier_model_is_right_far_more_often_where_it_is_hard_and_both_are_where_it_is_easy() -> None:
    def share(text: str, wanted: str, model_index: int) -> float:
        answers = [answer(asked(text.format(n=n)), MODELS[model_index], behaviour=CALM).text for n in range(400)]
        return sum(f'"intent":"{wanted}"' in told for told in answers) / len(answers)

    assert share(EASY, "track_order", 0) > 0.98
    assert share(EASY, "track_order", 2) > 0.95
    assert share(HARD, "cancel_order", 0) > 0.9
    assert 0.1 < share(HARD, "cancel_order", 2) < 0.3


def test_a_small_model_is_unsure_of_most_of_what_it_gets_wrong() -> None:
    texts = [answer(asked(HARD.format(n=n)), SMALL, behaviour=CALM).text for n in range(400)]
    wrong = [text for text in texts if '"intent":"cancel_order"' not in text]
    unsure = [text for text in wrong if '"confidence":0.3' in text or '"confidence":0.4' in text or '"confidence":0.5' in text or '"confidence":0.6' in text]
    assert 0.8 < len(unsure) / len(wrong) < 1


def test_without_a_schema_a_ticket_is_answered_in_plain_words() -> None:
    told = answer(Asked(model="m", fault=None, prompt="I need an invoice", tokens_in=1), FRONTIER, behaviour=CALM)
    assert told.text == next(intent.reply for intent in INTENTS if intent.name == "invoice")


@given(st.text())
@settings(max_examples=200)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
