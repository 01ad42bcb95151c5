"""
What is expected of each target: the closest that is known, and how sure that is.
"""

import numpy as np

from pointsman.decision.prediction.fit import fit, update
from pointsman.decision.prediction.parameters import decode, encode
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

TRIAGE = Prompt(text="Sort this ticket", capability="triage", task="classify")


def labels(target: str, scores: list[float], *, prompt: Prompt = TRIAGE) -> list[Label]:
    return [Label(prompt=prompt, target=target, score=score, cost_nano_usd=1000, tokens_out=20, latency_s=0.5) for score in scores]


def test_the_target_that_did_better_is_expected_to_do_better_and_more_outcomes_make_it_surer() -> None:
    known = fit(labels("good", [1, 1, 1, 0, 1]) + labels("bad", [0, 0, 1, 0, 0]))
    good, bad, new = Predictor(known).predict(TRIAGE, ("good", "bad", "new"))
    assert good.quality > bad.quality
    assert (good.basis, new.basis) == ("capability", "none")
    assert round(good.cost_nano_usd or 0) == 1000
    more = Predictor(update(known, labels("good", [1.0] * 40))).predict(TRIAGE, ("good",))[0]
    assert more.sd < good.sd < new.sd
    assert good.low <= good.quality <= good.high


def test_parameters_are_the_same_after_they_were_written_and_read() -> None:
    known = fit(labels("good", [1, 0]))
    assert decode(encode(known)) == known
    assert decode(encode(known)).digest == known.digest


def test_a_target_that_did_much_worse_is_surely_worse() -> None:
    judge = Predictor(fit(labels("good", [1.0] * 40) + labels("bad", [0.0] * 40)))
    assert judge.worse_than(TRIAGE, "bad", incumbent="good", loss=0.02) > 0.99
    assert judge.worse_than(TRIAGE, "good", incumbent="bad", loss=0.02) < 0.01


def test_draws_lie_about_what_is_expected() -> None:
    judge = Predictor(fit(labels("good", [1.0] * 30 + [0.0] * 30)))
    drawn = judge.draw(TRIAGE, ("good",), rng=np.random.default_rng(1), n=4000)
    assert drawn.shape == (4000, 1)
    assert abs(float(drawn.mean()) - judge.predict(TRIAGE, ("good",))[0].quality) < 0.01
