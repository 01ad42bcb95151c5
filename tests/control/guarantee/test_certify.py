"""
From prompts that were answered twice to a certificate.
"""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from pointsman.control.guarantee.certify import Terms, certified, paired
from pointsman.control.guarantee.observed import Observed
from pointsman.decision.guarantee.certificate import Certificate
from pointsman.decision.guarantee.pair import Pair
from pointsman.decision.guarantee.sequence import Proof
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.fit import fit
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Label, Prompt

PROMPT = Prompt(capability="triage")


def terms(**more: Any) -> Terms:
    whole: dict[str, Any] = {
        "capability": "triage",
        "incumbent": "large",
        "targets": ("small", "tiny"),
        "loss": 0.02,
        "sure": 0.9,
        "parameters": "p1",
        "source": "shadows",
        "made_ms": 1_000,
        "lapses_ms": 2_000,
        **more,
    }
    return Terms(**whole)


def predictor(**good: int) -> Predictor:
    """Return one by which each target gave so many good answers of ten."""
    return Predictor(fit([Label(prompt=PROMPT, target=name, score=float(number < many)) for name, many in good.items() for number in range(10)]))


def observed(number: int, **scores: float) -> Observed:
    return Observed(key=f"c{number}", prompt=PROMPT, scores=scores, at_ms=number)


def test_the_loss_is_that_of_the_target_which_the_rule_prefers() -> None:
    prompts = [observed(1, large=1.0, small=0.25, tiny=1.0), observed(2, large=1.0, tiny=0.0), observed(3, small=1.0)]
    (pair,) = paired(prompts, terms(), predictor=predictor(large=9, small=8, tiny=5))

    assert (pair.loss, pair.key) == (0.75, "c1")
    assert pair.advantage == pytest.approx(-0.1, abs=0.06)


def test_where_prompts_are_looked_at_one_that_cannot_be_is_no_pair() -> None:
    reader = Embedder()
    labels = [
        Label(prompt=replace(PROMPT, text=f"question {number} of {number % 7}"), target=name, score=float(number % many > 0))
        for number in range(60)
        for name, many in (("large", 9), ("small", 3))
    ]
    asked = Predictor(fit(labels, embedder=reader), embedder=reader)
    texts = ("question 3 of 3", reader.features("question 4 of 4"), b"looked at by another", b"", "")
    several = [replace(observed(number, large=1.0, small=0.5), prompt=replace(PROMPT, text=text)) for number, text in enumerate(texts)]

    assert [pair.key for pair in paired(several, terms(targets=("small",)), predictor=asked)] == ["c0", "c1"]


def test_what_a_lower_price_is_worth_makes_another_one_the_preferred() -> None:
    (pair,) = paired([observed(1, large=1.0, small=0.25, tiny=1.0)], terms(lean={"tiny": 0.5}), predictor=predictor(large=9, small=8, tiny=5))

    assert pair.loss == 0.0


def test_pairs_weigh_by_how_seldom_they_are_drawn() -> None:
    prompts = [
        Observed(key=str(propensity), prompt=PROMPT, scores={"large": 1.0, "small": 1.0}, propensity=propensity) for propensity in (0.05, 0.1, 1.0, 0.001)
    ]
    weights = [pair.weight for pair in paired(prompts, terms(), predictor=predictor(large=9, small=8))]

    assert weights == pytest.approx([0.2, 0.1, 0.01, 1.0])


def test_a_certificate_says_what_it_rests_on() -> None:
    prompts = [observed(number, large=1.0, small=1.0) for number in range(200)]
    pairs = paired(prompts, terms(), predictor=predictor(large=9, small=9))
    found = certified(pairs, terms())

    assert isinstance(found, Certificate)
    assert (found.pairs, found.pairs_elsewhere, found.share_elsewhere, found.mean) == (200, 200, 1.0, 0.0)
    assert (found.from_ms, found.until_ms, found.made_ms, found.lapses_ms, found.parameters) == (0, 199, 1_000, 2_000, "p1")
    assert (sum(found.seen), len(found.seen), len(found.edges)) == (200, 16, 15)
    assert found.data == certified(tuple(reversed(pairs)), terms()).data  # pyright: ignore[reportAttributeAccessIssue] - it is one too
    assert found.data != certified(pairs[1:], terms()).data  # pyright: ignore[reportAttributeAccessIssue]


def test_bins_hold_about_as_many_each_where_predictions_differ() -> None:
    rng = np.random.default_rng(1)
    pairs = paired([observed(1, large=1.0, small=1.0)], terms(), predictor=predictor(large=9, small=9)) * 320
    spread = [type(pair)(advantage=float(value), loss=0.0) for pair, value in zip(pairs, rng.normal(0, 0.1, 320), strict=True)]
    found = certified(spread, terms())

    assert isinstance(found, Certificate)
    assert found.seen == (20,) * 16


def test_what_was_drawn_more_often_stands_for_less_of_the_traffic_that_is_looked_for() -> None:
    rare = [Pair(advantage=-0.2 + number / 10_000, loss=0.0, key=f"r{number}") for number in range(160)]
    often = [Pair(advantage=0.2 + number / 10_000, loss=0.0, weight=0.5, key=f"o{number}") for number in range(320)]
    found = certified([*rare, *often], terms())

    assert isinstance(found, Certificate)
    assert found.seen == pytest.approx((20,) * 16)
    assert sum(edge < 0 for edge in found.edges) == 7


def test_too_few_pairs_are_told_as_such() -> None:
    found = certified((), terms())

    assert isinstance(found, Proof)
    assert (found.why, found.pairs) == ("too_few", 0)
