"""How probable it is that an answer is right: without labels, with few, and with many."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pointsman.decision.answers.fitting import Judged, fit_verifier
from pointsman.decision.answers.forest import fall, grow
from pointsman.decision.answers.learnt import Learnt, encode
from pointsman.decision.answers.logistic import auroc, chance, odds, regress, straightened
from pointsman.decision.answers.verifier import UNSEEN, Verifier

Told = Callable[[np.random.Generator, bool], tuple[str, dict[str, float]]]


def by_length(rng: np.random.Generator, is_right: bool) -> tuple[str, dict[str, float]]:
    """Right answers show their work; a signal helps a little, and is not always there."""
    answer = "so it follows. " * max(1, round(rng.normal(6 + 4 * is_right, 2)))
    return answer, ({"agrees": float(np.clip(rng.normal(0.5 + 0.2 * is_right, 0.2), 0, 1))} if rng.random() < 0.8 else {})


def by_word(rng: np.random.Generator, is_right: bool) -> tuple[str, dict[str, float]]:
    """Only one word tells, as where a model says one of a few labels too readily."""
    return f"{'billing' if is_right != (rng.random() < 0.1) else 'support'} team", {}


def labels(count: int, *, told: Told = by_length, seed: int = 0, share: float = 0.6) -> list[Judged]:
    rng, found = np.random.default_rng(seed), list[Judged]()
    for index in range(count):
        is_right = bool(rng.random() < share)
        answer, evidence = told(rng, is_right)
        found.append(Judged(score=float(is_right), prior=share, prompt=f"Question {index}?", answer=answer, evidence=evidence))
    return found


def judgements(verifier: Verifier, asked: list[Judged]) -> tuple[list[float], list[float]]:
    found = [verifier.right(one.prompt, one.answer, evidence=one.evidence, prior=one.prior) for one in asked]
    return [right for right, _ in found], [sd for _, sd in found]


def rank(values: list[float], asked: list[Judged]) -> float:
    return auroc(np.array(values), np.array([one.score for one in asked]), weights=np.ones(len(asked)))


# ── without labels ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_labels_an_answer_that_nothing_speaks_against_is_believed_as_before() -> None:
    right, sd = Verifier().right("Why?", "Because.", evidence={}, prior=0.7)
    assert right == pytest.approx(0.7)
    assert 0.1 < sd < 0.3
    assert (Verifier().strength, Verifier().labels) == (UNSEEN, 0.0)


@pytest.mark.parametrize("signal", ["refused", "declines", "truncated", "cut", "doubts", "sums_wrong", "from_nowhere"])
def test_without_labels_every_declared_signal_counts_against_an_answer(signal: str) -> None:
    assert Verifier().right("Why?", "Because.", evidence={signal: 1.0}, prior=0.7)[0] < 0.7


def test_without_labels_agreement_speaks_for_an_answer_and_contradiction_against() -> None:
    agreed, contradicted = (Verifier().right("Why?", "Because.", evidence={"agrees": agrees}, prior=0.7)[0] for agrees in (1.0, 0.0))
    assert contradicted < 0.7 < agreed


# ── with labels ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def learned() -> bytes:
    return fit_verifier(labels(240))


def test_labels_teach_what_right_answers_look_like(learned: bytes) -> None:
    verifier, fresh = Verifier(learned), labels(150, seed=1)
    right, sd = judgements(verifier, fresh)
    assert rank(right, fresh) > 0.85
    assert verifier.strength > 0.75
    assert verifier.labels == 240
    assert abs(float(np.mean(right)) - 0.6) < 0.1
    assert all(0 < each < 0.5 for each in sd)


def test_what_is_believed_is_what_happens(learned: bytes) -> None:
    fresh = labels(400, seed=2)
    right, _ = judgements(Verifier(learned), fresh)
    for low, high in ((0.0, 0.4), (0.4, 0.8), (0.8, 1.0)):
        inside = [(belief, one.score) for belief, one in zip(right, fresh, strict=True) if low <= belief < high]
        assert abs(float(np.mean([belief - score for belief, score in inside]))) < 0.12


def test_words_count_where_they_tell() -> None:
    verifier, fresh = Verifier(fit_verifier(labels(150, told=by_word))), labels(100, told=by_word, seed=1)
    assert rank(judgements(verifier, fresh)[0], fresh) > 0.8


def test_a_handful_of_labels_teaches_nothing_and_labels_of_one_kind_neither() -> None:
    assert fit_verifier(labels(19)) == b""
    assert fit_verifier(labels(60, share=1.0)) == b""


def test_labels_that_show_nothing_leave_the_belief_where_it_was() -> None:
    noise = [Judged(score=float(index % 2), prior=0.5, prompt=f"{index}", answer="The same answer.") for index in range(60)]
    verifier = Verifier(fit_verifier(noise))
    assert verifier.strength < 0.6
    assert verifier.right("61", "The same answer.", evidence={}, prior=0.5)[0] == pytest.approx(0.5, abs=0.08)


def test_what_was_predicted_from_the_prompt_still_counts(learned: bytes) -> None:
    answer = "so it follows. " * 9
    low, high = (Verifier(learned).right("Question?", answer, evidence={}, prior=prior)[0] for prior in (0.2, 0.9))
    assert low < high


def test_the_same_labels_and_the_same_seed_teach_the_same(learned: bytes) -> None:
    assert fit_verifier(labels(240)) == learned


def test_heavier_labels_count_more() -> None:
    plain = labels(60)
    weighed = [Judged(score=one.score, prior=one.prior, prompt=one.prompt, answer=one.answer, weight=5.0 if one.score else 1.0) for one in plain]
    usual, heavy = (Verifier(fit_verifier(each)).right("Question?", "so it follows. " * 9, evidence={}, prior=0.6)[0] for each in (plain, weighed))
    assert heavy > usual


def test_successes_of_two_targets_on_one_prompt_are_seen_to_go_together() -> None:
    def both(other: Callable[[int], float]) -> float:
        found = [
            Judged(score=score(index), prior=0.5, prompt=f"{index}", answer="a", target=target, group=f"{index}")
            for index in range(60)
            for target, score in (("one", lambda index: float(index % 2)), ("two", other))
        ]
        return Verifier(fit_verifier(found)).together

    assert both(lambda index: float(index % 2)) > 0.6
    assert both(lambda index: float(index // 2 % 2)) < 0.2
    assert Verifier().together == Verifier(fit_verifier(labels(40))).together


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


def asked_next(count: int, *, alike: float) -> list[Judged]:
    """The next target fails where the first one does in a share `alike` of the prompts, and as it likes in the others."""
    rng, found = np.random.default_rng(3), list[Judged]()
    for one in labels(count, seed=2):
        other = one.score if rng.random() < alike else float(rng.random() < 0.6)
        found.append(replace(one, onward=(other, 0.6)))
    return found


def ahead(kept: bytes, words: int, **evidence: float) -> float:
    found = Verifier(kept).onward("Question?", "so it follows. " * words, evidence=evidence, prior=0.6)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def alike() -> bytes:
    return fit_verifier(asked_next(120, alike=0.9))


def test_an_answer_tells_of_the_next_target_what_both_find_hard_and_nothing_else(alike: bytes) -> None:
    """Escalating pays where the first is wrong and the next is right; a look that shows a prompt too hard for both saves the price of the second."""
    own = fit_verifier(asked_next(120, alike=0.0))
    assert ahead(alike, 3) < 0.4
    assert ahead(alike, 12) > 0.7
    assert abs(ahead(own, 12) - ahead(own, 3)) < 0.2


def test_a_refusal_says_nothing_of_the_next_target_until_labels_do(alike: bytes) -> None:
    assert ahead(alike, 8, refused=1.0) == pytest.approx(ahead(alike, 8))


@pytest.mark.parametrize("told", [labels(100), asked_next(60, alike=0.9), [replace(one, onward=(1.0, 0.6)) for one in labels(100)]])
def test_nothing_is_said_of_the_next_target_where_it_was_not_asked_or_too_seldom_or_never_failed(told: list[Judged]) -> None:
    assert Verifier(fit_verifier(told)).onward("Question?", "so it follows. ", evidence={}, prior=0.6) is None


@pytest.mark.parametrize(("names", "known"), [(("large",), "large"), (("large", "medium"), ""), (("",), "")])
def test_whom_it_speaks_of_is_known_where_all_labels_are_of_one_target(names: tuple[str, ...], known: str) -> None:
    told = [replace(one, next_target=names[index % len(names)]) for index, one in enumerate(asked_next(90, alike=0.9))]
    assert Verifier(fit_verifier(told)).next_target == known


def test_what_is_kept_of_an_answer_serves_as_well_as_its_text(learned: bytes) -> None:
    verifier, (one, *_) = Verifier(learned), labels(1, seed=5)
    kept = verifier.features(one.prompt, one.answer, evidence=one.evidence)
    judged = verifier.right("", kept, evidence={}, prior=0.6)
    assert judged == pytest.approx(verifier.right(one.prompt, one.answer, evidence=one.evidence, prior=0.6), abs=1e-3)
    assert b"follows" not in kept
    again = [Judged(score=each.score, prior=each.prior, features=verifier.features(each.prompt, each.answer, evidence=each.evidence)) for each in labels(60)]
    assert Verifier(fit_verifier(again)).strength > 0.6


@pytest.mark.parametrize("kept", [b"", b"\xc1 no message", encode(Learnt(version=99))])
def test_what_another_version_learned_counts_as_nothing_learned(kept: bytes) -> None:
    assert Verifier(kept).right("Why?", "Because.", evidence={}, prior=0.7)[0] == pytest.approx(0.7)


# ── the parts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_trees_find_what_no_line_can_separate() -> None:
    rng = np.random.default_rng(0)
    inputs, fresh = rng.normal(size=(2, 300, 3))
    scores, later = (np.asarray(np.abs(each[:, 1]) < 0.7, dtype=float) for each in (inputs, fresh))
    forest = grow(inputs, scores, weights=np.ones(300), start=np.zeros(300), rng=rng)
    assert auroc(fall(forest, fresh), later, weights=np.ones(300)) > 0.95
    assert auroc(fresh[:, 1], later, weights=np.ones(300)) < 0.6


def test_a_slope_that_is_held_strongly_hardly_moves() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(300, 1))
    scores = (rng.random(300) < chance(2 * inputs[:, 0])).astype(float)
    free, held = (regress(inputs, scores, weights=np.ones(300), start=np.zeros(300), ridge=np.array([ridge]))[0][0] for ridge in (0.01, 1e5))
    assert free == pytest.approx(2.0, abs=0.6)
    assert abs(held) < 0.01
    assert chance(odds(np.array([0.3])))[0] == pytest.approx(0.3)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 1)), min_size=2, max_size=60))
def test_a_straightened_curve_rises_and_keeps_the_mean(pairs: list[tuple[float, int]]) -> None:
    values, scores = np.array([value for value, _ in pairs]), np.array([float(score) for _, score in pairs])
    curve = straightened(values, scores, weights=np.ones(len(pairs)))
    heights = [height for _, height in curve]
    assert heights == sorted(heights)
    assert min(scores) - 1e-9 <= heights[0] <= heights[-1] <= max(scores) + 1e-9


def test_a_verifier_of_many_labels_is_straightened() -> None:
    one = np.zeros(1, dtype="<f4").tobytes()
    few = Verifier(encode(Learnt(slope=one, doubt=one)))
    many = Verifier(encode(Learnt(slope=one, doubt=one, knots=((-5.0, 0.5), (5.0, 0.6)))))
    assert few.right("Why?", "Because.", evidence={}, prior=0.9)[0] == pytest.approx(0.9)
    assert many.right("Why?", "Because.", evidence={}, prior=0.9)[0] == pytest.approx((0.9 + 0.5 + 0.1 * (5 + np.log(9)) / 10) / 2, abs=1e-3)


def test_ranks_of_one_kind_tell_nothing() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 1.0]), weights=np.ones(2)) == 0.5
    assert auroc(np.array([1.0, 1.0]), np.array([1.0, 0.0]), weights=np.ones(2)) == 0.5
