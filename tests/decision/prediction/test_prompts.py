"""
What the prompt says beyond the name of its capability.
"""

from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace
from tests.decision.prediction.samples import STRANGE, outcomes, prompts

from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.errors import ParametersUnreadable
from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.model import packed, unpacked
from pointsman.decision.prediction.parameters import Parameters, decode, encode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

BOTH = ("weak", "strong")
READER = Embedder()


@cache
def known() -> Parameters:
    return fit(outcomes(240), embedder=READER)


@cache
def judge() -> Predictor:
    return Predictor(known(), embedder=READER)


def test_what_a_prompt_is_about_tells_who_can_answer_it() -> None:
    for prompt, is_sum in prompts(20, seed=7):
        weak, strong = judge().predict(prompt, BOTH)
        assert weak.basis == "prompt"
        assert (weak.quality < 0.5) is is_sum
        assert strong.quality > 0.7


def test_the_same_labels_and_seed_give_the_same_parameters_and_they_survive_writing() -> None:
    assert fit(outcomes(240), embedder=READER).digest == known().digest
    assert decode(encode(known())) == known()


def test_bytes_of_features_say_what_the_text_says() -> None:
    prompt = prompts(1, seed=9)[0][0]
    seen = judge().features(prompt)
    told = replace(prompt, text=seen)
    assert judge().predict(told, BOTH) == judge().predict(prompt, BOTH)
    assert judge().features(told) == seen
    assert prompt.text.encode() not in seen  # type: ignore[union-attr]


def test_without_a_model_of_prompts_there_is_nothing_to_look_at() -> None:
    few = Predictor(fit(outcomes(10)))
    assert few.features(prompts(1)[0][0]) == b""
    assert few.predict(prompts(1)[0][0], BOTH)[0].basis == "capability"


def test_a_prompt_unlike_anything_seen_is_new_and_the_incumbent_stays() -> None:
    strange, usual = Prompt(text=STRANGE), prompts(1, seed=7)[0][0]
    new, old = (judge().predict(one, BOTH)[0] for one in (strange, usual))
    assert new.novelty > 0.9
    assert old.novelty < 0.6
    assert new.sd > 2 * old.sd
    assert judge().worse_than(strange, "weak", incumbent="strong", loss=0.02) > 0.1


def test_on_sums_the_weak_target_is_surely_worse_and_on_small_talk_it_is_not() -> None:
    (chat, _), (sums, _) = prompts(2, seed=7)
    assert judge().worse_than(sums, "weak", incumbent="strong", loss=0.02) > 0.99
    assert judge().worse_than(chat, "weak", incumbent="strong", loss=0.3) < 0.1


def test_longer_answers_are_expected_where_they_were_longer() -> None:
    (chat, _), (sums, _) = prompts(2, seed=7)
    short, long = (judge().predict(one, ("strong",))[0] for one in (chat, sums))
    assert (long.tokens_out or 0) > 3 * (short.tokens_out or 0)
    assert (long.cost_nano_usd or 0) > 3 * (short.cost_nano_usd or 0)
    assert (long.latency_s or 0) > 3 * (short.latency_s or 0)


def test_more_labels_move_the_prediction_and_make_it_surer() -> None:
    prompt = prompts(2, seed=7)[1][0]
    turned = [replace(label, score=1.0) for label in outcomes(240, seed=5)]
    later = Predictor(update(known(), turned, embedder=READER), embedder=READER).predict(prompt, ("weak",))[0]
    assert later.quality > judge().predict(prompt, ("weak",))[0].quality + 0.2


def test_what_is_forgotten_counts_less_than_what_is_new() -> None:
    prompt = prompts(2, seed=7)[1][0]
    turned = [replace(label, score=1.0) for label in outcomes(120, seed=5)]
    kept, forgot = (
        Predictor(update(known(), turned, embedder=READER, keep=keep), embedder=READER).predict(prompt, ("weak",))[0].quality for keep in (1.0, 0.1)
    )
    assert forgot > kept + 0.1


def test_learning_in_two_steps_rests_on_the_same_sums_as_learning_at_once() -> None:
    one, other = outcomes(60, seed=3), outcomes(60, seed=4)
    at_once = unpacked(update(known(), one + other, embedder=READER).prompts)
    twice = unpacked(update(update(known(), one, embedder=READER), other, embedder=READER).prompts)
    assert np.allclose(np.frombuffer(at_once.sums, np.float32), np.frombuffer(twice.sums, np.float32), atol=1e-3)
    assert np.allclose(np.frombuffer(at_once.grams[0], np.float32), np.frombuffer(twice.grams[0], np.float32), atol=1e-3)
    assert at_once.counts == twice.counts


def test_targets_that_answered_different_prompts_are_learned_from_their_own() -> None:
    split = [label for at, label in enumerate(outcomes(480)) if (label.target == "weak") == bool((at // 4) % 2)]
    asked = Predictor(fit(split, embedder=READER), embedder=READER)
    for prompt, is_sum in prompts(8, seed=7):
        assert (asked.predict(prompt, ("weak",))[0].quality < 0.5) is is_sum


def test_a_label_of_one_target_moves_that_one_alone() -> None:
    prompt = prompts(2, seed=7)[1][0]
    told = [label for label in outcomes(200, seed=5) if label.target == "weak"]
    after = Predictor(update(known(), [replace(label, score=1.0) for label in told], embedder=READER), embedder=READER)
    weak, strong = after.predict(prompt, BOTH)
    before = judge().predict(prompt, BOTH)
    assert weak.quality > before[0].quality + 0.1
    assert abs(strong.quality - before[1].quality) < 0.02


def test_a_target_that_the_model_does_not_know_is_learned_by_its_capability() -> None:
    prompt = Prompt(text="compute 3 + 4", capability="sums")
    later = update(known(), [Label(prompt=prompt, target="new", score=1.0)] * 30, embedder=READER)
    new = Predictor(later, embedder=READER).predict(prompt, ("new",))[0]
    assert new.basis == "capability"
    assert new.quality > 0.8


def test_with_names_the_capability_leads_and_its_own_outcomes_open_the_gate() -> None:
    named = fit(outcomes(240, is_named=True), embedder=READER)
    asked = Predictor(named, embedder=READER)
    chat = prompts(2, seed=7, is_named=True)[0][0]
    assert abs(asked.predict(chat, ("weak",))[0].quality - 0.9) < 0.1
    unknown = replace(chat, capability="other", text=STRANGE)
    assert asked.predict(chat, ("weak",))[0].sd < asked.predict(unknown, ("weak",))[0].sd
    assert asked.worse_than(chat, "weak", incumbent="strong", loss=0.1) < asked.worse_than(unknown, "weak", incumbent="strong", loss=0.1)


def test_labels_without_a_score_teach_what_an_answer_takes() -> None:
    silent = [replace(label, score=None) for label in outcomes(60)]
    found = Predictor(fit(silent, embedder=READER), embedder=READER).predict(prompts(1)[0][0], ("weak",))[0]
    assert found.tokens_out is not None
    assert found.labels == 0


def test_parameters_of_another_embedder_are_used_without_looking_at_the_prompt() -> None:
    other = replace(unpacked(known().prompts), embedder=b"another1")
    asked = Predictor(replace(known(), prompts=packed(other)), embedder=READER)
    assert asked.predict(prompts(1)[0][0], BOTH)[0].basis == "capability"
    assert asked.features(prompts(1)[0][0]) == READER.features(prompts(1)[0][0].text)


def test_features_of_another_embedder_are_not_read() -> None:
    alien = Prompt(text=b"another1" + b"\0" * 32)
    assert judge().predict(alien, BOTH)[0].basis == "capability"
    assert update(known(), [Label(prompt=alien, target="weak", score=1.0)], embedder=READER).prompts == known().prompts


def test_draws_go_together_as_far_as_what_is_not_known_does() -> None:
    prompt = prompts(1, seed=7)[0][0]
    drawn = judge().draw(prompt, BOTH, rng=np.random.default_rng(1), n=2000)
    weak, strong = judge().predict(prompt, BOTH)
    assert drawn.shape == (2000, 2)
    assert abs(float(drawn[:, 0].mean()) - weak.quality) < 0.05
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert strong.low <= float(np.median(drawn[:, 1])) <= strong.high


def test_what_cannot_be_read_is_said_with_its_remedy() -> None:
    with pytest.raises(ParametersUnreadable, match="learn them anew"):
        decode(b"\x01")
    with pytest.raises(ParametersUnreadable, match="form 9"):
        decode(encode(Parameters(version=9)))
    with pytest.raises(ParametersUnreadable):
        unpacked(b"\x01")


@pytest.mark.parametrize("text", ["", "\n", "?" * 30_000, "\ud800", "🙂" * 400, "word " * 5000])
def test_any_text_has_numbers(text: str) -> None:
    numbers = READER.numbers(READER.features(text))
    assert numbers is not None
    assert np.isfinite(numbers).all()
    assert all(0 <= one.quality <= 1 and np.isfinite(one.sd) for one in judge().predict(Prompt(text=text), BOTH))
