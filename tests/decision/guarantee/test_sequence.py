"""
Learn then test: the boldest threshold that is proven, and what is missing where none is.
"""

import numpy as np
import pytest

from pointsman.decision.guarantee.pair import Pair
from pointsman.decision.guarantee.sequence import prove
from pointsman.decision.guarantee.split import is_kept_apart


def pairs(number: int, *, seed: int = 1, worse: float = 0.5, gain: float = 0.2) -> list[Pair]:
    """Return pairs of which more are lost, by `worse`, the more negative the advantage is, and a few are gained the more positive it is."""
    rng = np.random.default_rng(seed)
    found: list[Pair] = []
    for advantage in rng.uniform(-0.5, 0.5, number):
        lost = rng.random() < 0.05 + worse * max(-advantage, 0)
        won = rng.random() < 0.05 + gain * max(advantage, 0)
        found.append(Pair(advantage=float(advantage), loss=float(lost) - float(won)))
    return found


def test_what_is_proven_holds_on_other_pairs_of_the_same_draw() -> None:
    proof = prove(pairs(1000), loss=0.02, sure=0.9)
    assert proof.threshold is not None
    later = pairs(20_000, seed=2)
    lost = np.mean([pair.loss if pair.advantage >= proof.threshold else 0.0 for pair in later])

    assert lost <= 0.02
    assert proof.bound <= 0.02
    assert proof.share_elsewhere == pytest.approx(proof.pairs_elsewhere / 1000)
    assert 0.3 < proof.share_elsewhere < 0.9


def test_of_many_calibrations_no_more_break_their_promise_than_may() -> None:
    later = pairs(20_000, seed=999, worse=1.0)
    broken = 0
    for seed in range(20):
        proof = prove(pairs(300, seed=seed, worse=1.0), loss=0.02, sure=0.9, thresholds=[0.4, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3])
        if proof.threshold is not None:
            broken += np.mean([pair.loss if pair.advantage >= proof.threshold else 0.0 for pair in later]) > 0.02

    assert broken <= 5


def test_more_room_lets_more_go_and_more_certainty_less() -> None:
    shares = [prove(pairs(1000), loss=loss, sure=sure).share_elsewhere for loss, sure in ((0.02, 0.99), (0.02, 0.9), (0.1, 0.9))]

    assert shares == sorted(shares)
    assert shares[0] < shares[-1]


def test_too_few_pairs_prove_nothing_and_it_is_said_how_many_are_missing() -> None:
    proof = prove(pairs(100), loss=0.02, sure=0.9)

    assert (proof.threshold, proof.why, proof.missing) == (None, "too_few", 49)


def test_where_all_loses_no_number_of_pairs_would_do() -> None:
    proof = prove([Pair(advantage=0.7, loss=0.5) for _ in range(500)], loss=0.02, sure=0.9)

    assert (proof.threshold, proof.why, proof.missing) == (None, "not_proven", None)


def test_where_it_is_close_about_so_many_more_pairs_would_do_as_are_named() -> None:
    def close(number: int, seed: int) -> list[Pair]:
        losses = np.random.default_rng(seed).choice([1.0, -1.0, 0.0], p=[0.05, 0.05, 0.9], size=number)
        return [Pair(advantage=0.7, loss=loss) for loss in losses.tolist()]

    missing = [proof.missing for seed in range(9) if (proof := prove(close(170, seed), loss=0.02, sure=0.9, thresholds=[0.6])).missing]
    usual = int(np.median(missing))
    proven = [prove(close(170 + usual, seed), loss=0.02, sure=0.9, thresholds=[0.6]).threshold is not None for seed in range(20, 34)]

    assert 0.3 < np.mean(proven) < 0.95


def test_a_predictor_that_sends_nothing_elsewhere_is_promised_nothing() -> None:
    assert prove([Pair(advantage=-0.9, loss=0.0) for _ in range(300)], loss=0.02, sure=0.9).threshold is None


def test_a_part_of_all_calls_is_kept_apart_and_always_the_same() -> None:
    keys = [f"call-{number}" for number in range(2000)]

    assert 0.45 < sum(is_kept_apart(key) for key in keys) / 2000 < 0.55
    assert all(is_kept_apart(key, share=0.9) for key in keys if is_kept_apart(key))
