"""
Drift: an alarm when the traffic or the loss changes, and hardly ever without a change, however long one watches.
"""

import random

import pytest
from msgspec.structs import replace
from tests.decision.guarantee.test_gate import MADE

from pointsman.decision.guarantee.certificate import Certificate, Drift
from pointsman.decision.guarantee.drift import LOSSES, SCORES, begun, saw_call, saw_pair
from pointsman.decision.guarantee.pair import Pair

CERTIFICATE: Certificate = replace(MADE, edges=tuple(part / 8 - 1 for part in range(1, 16)), seen=(60,) * 16)


def calls(drift: Drift, number: int, *, seed: int, shift: float = 0.0, width: float = 1.0) -> Drift:
    rng = random.Random(seed)
    for at in range(number):
        drift = saw_call(drift, CERTIFICATE, advantage=rng.uniform(-width, width) + shift, chance=rng.random(), now_ms=at)
    return drift


def pairs(drift: Drift, number: int, *, seed: int, lost: float) -> Drift:
    rng = random.Random(seed)
    for at in range(number):
        drift = saw_pair(drift, CERTIFICATE, pair=Pair(advantage=0.5, loss=float(rng.random() < lost)), now_ms=at)
    return drift


def test_the_same_traffic_raises_no_alarm() -> None:
    alarms = sum(bool(pairs(calls(begun(CERTIFICATE), 1500, seed=seed), 500, seed=seed, lost=0.02).alarm) for seed in range(10))

    assert alarms == 0


@pytest.mark.parametrize(("shift", "width"), [(0.5, 1.0), (-0.5, 1.0), (0.0, 0.3), (0.0, 3.0)])
def test_traffic_that_moved_or_changed_its_spread_is_noticed(shift: float, width: float) -> None:
    drift = calls(calls(begun(CERTIFICATE), 1000, seed=1), 500, seed=2, shift=shift, width=width)

    assert drift.alarm == SCORES
    assert drift.alarm_ms is not None


def test_a_loss_above_the_promise_is_noticed_by_the_pairs() -> None:
    drift = pairs(begun(CERTIFICATE), 300, seed=1, lost=0.15)

    assert (drift.alarm, drift.pairs) == (LOSSES, 300)


def test_losses_of_pairs_that_stay_with_the_incumbent_are_none() -> None:
    drift = begun(CERTIFICATE)
    for at in range(200):
        drift = saw_pair(drift, CERTIFICATE, pair=Pair(advantage=0.0, loss=1.0), now_ms=at)

    assert not drift.alarm


def test_an_alarm_stays_whatever_comes_after() -> None:
    alarmed = pairs(begun(CERTIFICATE), 300, seed=1, lost=0.15)
    later = pairs(calls(alarmed, 300, seed=3), 300, seed=2, lost=0.0)

    assert (later.alarm, later.alarm_ms) == (alarmed.alarm, alarmed.alarm_ms)


def test_what_gathers_slowly_is_not_lost_with_each_new_certificate() -> None:
    drift = begun(CERTIFICATE)
    for seed in range(12):
        drift = pairs(drift, 60, seed=seed, lost=0.08)
        drift = begun(CERTIFICATE, drift) if not drift.alarm else drift

    assert drift.alarm == LOSSES


def test_after_an_alarm_a_new_certificate_begins_anew() -> None:
    alarmed = pairs(begun(CERTIFICATE), 300, seed=1, lost=0.15)

    assert begun(CERTIFICATE, alarmed) == begun(CERTIFICATE)
