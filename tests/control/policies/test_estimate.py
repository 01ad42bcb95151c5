"""What another policy would have been worth, on logs of which the truth is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.control.policies.errors import TooLittleEvidence
from pointsman.control.policies.estimate import Estimate, Method, change, effective_size, estimate
from pointsman.control.policies.evidence import Evidence, Log, evidence_of, numbered

_METHODS: tuple[Method, ...] = ("doubly_robust", "snips", "ips")
_TRUTH = np.array([0.2, 0.5, 0.8])


def a_log(*, n: int = 2000, seed: int = 0, behaviour: tuple[float, ...] = (0.6, 0.3, 0.1), proposed: tuple[float, ...] = (0.0, 0.0, 1.0), **more: Any) -> Log:
    """Decisions between three candidates of known worth, of which `predicted` is a bad guess."""
    rng = np.random.default_rng(seed)
    action = rng.choice(3, size=n, p=behaviour)
    whole: dict[str, Any] = {
        "reward": (rng.random(n) < _TRUTH[action]).astype(float),
        "action": action,
        "behaviour": np.tile(behaviour, (n, 1)),
        "proposed": np.tile(proposed, (n, 1)),
        "predicted": np.full((n, 3), 0.4),
        "cluster": np.arange(n),
        **more,
    }
    return Log(**whole)


def by_hand(**more: Any) -> Evidence:
    """Four decisions, worked out by hand: weights 2, 0, 1 and 0."""
    whole: dict[str, Any] = {
        "reward": np.array([1.0, 0.0, 0.5, 1.0]),
        "behaviour": np.array([0.5, 0.5, 1.0, 0.25]),
        "proposed": np.array([1.0, 0.0, 1.0, 0.0]),
        "predicted": np.array([0.6, 0.2, 0.5, 0.4]),
        "expected": np.array([0.6, 0.8, 0.5, 0.7]),
        "cluster": np.array([0, 1, 2, 2]),
        **more,
    }
    return Evidence(**whole)


def test_four_decisions_by_hand() -> None:
    # direct (0.6 + 0.8 + 0.5 + 0.7) / 4 = 0.65; ips (2 × 1 + 1 × 0.5) / 4; snips 2.5 / 3; doubly robust 0.65 + (2 × 0.4 + 1 × 0) / 4
    told = {method: estimate(by_hand(), method, least=1.0).value for method in (*_METHODS, "direct")}
    assert told == pytest.approx({"direct": 0.65, "ips": 0.625, "snips": 2.5 / 3, "doubly_robust": 0.85})
    assert estimate(by_hand(), least=1.0).effective == pytest.approx(9 / 5)
    assert change(by_hand(), least=1.0).value == pytest.approx(0.85 - 0.625)


def test_weights_that_are_alike_are_worth_all_of_them_and_one_alone_is_worth_one() -> None:
    assert effective_size(np.full(50, 3.0)) == pytest.approx(50)
    assert effective_size(np.array([7.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_size(np.zeros(3)) == 0.0


@pytest.mark.parametrize("method", _METHODS)
def test_the_interval_holds_the_truth_where_predictions_alone_do_not(method: Method) -> None:
    evidence = evidence_of(a_log(n=6000))
    told = estimate(evidence, method)
    assert told.low < 0.8 < told.high
    assert told.high - told.low < 0.2
    blind = estimate(evidence, "direct")
    assert blind.high < 0.8


def test_a_log_worth_less_than_two_hundred_decisions_is_refused_with_what_to_do() -> None:
    with pytest.raises(TooLittleEvidence, match=r"routing\.explore") as refused:
        estimate(evidence_of(a_log(n=1500)))
    assert 100 < refused.value.effective < 200
    assert refused.value.least == 200


def test_what_was_never_tried_widens_the_interval_and_much_of_it_is_refused() -> None:
    some = estimate(evidence_of(a_log(behaviour=(0.5, 0.5, 0.0), proposed=(0.48, 0.48, 0.04))))
    none = estimate(evidence_of(a_log(behaviour=(0.5, 0.5, 0.0), proposed=(0.5, 0.5, 0.0))))
    assert some.unsupported == pytest.approx(0.04)
    assert some.high - some.low > none.high - none.low + 0.06
    with pytest.raises(TooLittleEvidence, match="10% of what it would do was never tried"):
        estimate(evidence_of(a_log(behaviour=(0.5, 0.5, 0.0), proposed=(0.45, 0.45, 0.1))))


def test_decisions_of_one_unit_are_one_piece_of_evidence() -> None:
    alone = a_log(n=1000, proposed=(0.6, 0.3, 0.1))
    told = estimate(evidence_of(alone))
    fourfold = {name: np.repeat(getattr(alone, name), 4, axis=0) for name in ("reward", "action", "behaviour", "proposed", "predicted", "cluster")}
    again = estimate(evidence_of(Log(**fourfold)))
    assert (again.units, again.decisions) == (1000, 4000)
    assert again.high - again.low == pytest.approx(told.high - told.low, rel=0.02)


def test_that_nothing_rare_was_drawn_makes_an_estimate_no_surer() -> None:
    """The third candidate was drawn with 1 % and, as it happened, never: the log looks as if there was no variance at all."""
    n = 500
    lucky = a_log(n=n, behaviour=(0.5, 0.49, 0.01), proposed=(0.5, 0.45, 0.05), action=np.arange(n) % 2, reward=(np.arange(n) % 4 < 2) * 1.0)
    blind = evidence_of(lucky)
    told = estimate(blind)
    unaware = estimate(Evidence(**{name: getattr(blind, name) for name in ("reward", "behaviour", "proposed", "predicted", "expected", "cluster")}))
    assert told.high - told.low > unaware.high - unaware.low


def test_of_one_unit_alone_nothing_is_known() -> None:
    told = estimate(evidence_of(a_log(proposed=(0.6, 0.3, 0.1), cluster=np.zeros(2000, dtype=int))))
    assert (told.low, told.high, told.units) == (-np.inf, np.inf, 1)


def test_weights_are_cut_for_who_has_a_prediction_to_fall_back_on() -> None:
    evidence = evidence_of(a_log(n=40_000, behaviour=(0.495, 0.495, 0.01)))
    robust, plain = estimate(evidence), estimate(evidence, "ips")
    assert robust.capped == pytest.approx(0.01, abs=0.003)
    assert plain.capped == 0.0
    assert plain.low < 0.8 < plain.high


def test_units_are_numbered_as_they_are_first_seen() -> None:
    assert numbered(["b", "a", "b", ("c", 1)]).tolist() == [0, 1, 0, 2]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.2, 0.8), st.sampled_from(_METHODS))
def test_the_policy_that_was_in_force_is_worth_what_it_was(seed: int, share: float, method: Method) -> None:
    chances = (share, 0.7 * (1 - share), 0.3 * (1 - share))
    log = a_log(n=400, seed=seed, behaviour=chances, proposed=chances)
    predicted = np.random.default_rng(seed).random((400, 3))
    evidence = evidence_of(Log(**{**{name: getattr(log, name) for name in log.__struct_fields__}, "predicted": predicted}))
    told = estimate(evidence, method)
    assert told.effective == pytest.approx(400)
    if method == "doubly_robust":
        assert told.low <= float(np.mean(log.reward)) <= told.high
    else:
        assert told.value == pytest.approx(float(np.mean(log.reward)))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_a_policy_that_does_what_was_certain_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    action = rng.integers(0, 3, 300)
    certain = np.eye(3)[action]
    log = Log(reward=rng.random(300), action=action, behaviour=certain, proposed=certain, predicted=rng.random((300, 3)), cluster=np.arange(300))
    told = change(evidence_of(log))
    assert (told.value, told.low, told.high) == pytest.approx((0.0, 0.0, 0.0))


def test_intervals_of_many_logs_hold_the_truth_about_as_often_as_they_say() -> None:
    def covered(seed: int) -> Estimate:
        return estimate(evidence_of(a_log(n=1500, seed=seed, proposed=(0.2, 0.4, 0.4))))

    truth = float(np.array([0.2, 0.4, 0.4]) @ _TRUTH)
    assert sum(one.low <= truth <= one.high for one in map(covered, range(100))) >= 91
