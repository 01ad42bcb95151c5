"""
Is the traffic still that which a promise was proven on: bets against it that cannot grow rich unless it is not.

Pure Python, a few microseconds each: it runs for each call and each pair. An alarm stays until the next certificate.
"""

import bisect
from typing import Final

from msgspec.structs import replace

from pointsman.decision.guarantee.certificate import Certificate, Drift
from pointsman.decision.guarantee.pair import Pair

ALARM: Final = 0.01  # α: the probability of a false alarm, over all time
SCORES: Final = "drift:scores"
LOSSES: Final = "drift:loss"

_RICH: Final = 2 / ALARM  # either of the two bets may raise it
_JUMP: Final = 0.01
_STAKES: Final = (0.05, 0.2, 0.6)


def begun(certificate: Certificate, before: Drift | None = None) -> Drift:
    """
    Return the state in which a certificate begins.

    Bets go on where those of an earlier certificate stand: each is fair whichever rule is in force, and evidence that gathers slowly must not be lost with each
    new one. Only after an alarm they begin anew.
    """
    fresh = Drift(counts=certificate.seen, scores=(0.25, 0.25, 0.25, 0.25), losses=tuple(1 / len(_STAKES) for _ in _STAKES))
    if before is None or before.alarm:
        return fresh
    return replace(fresh, scores=before.scores or fresh.scores, losses=before.losses or fresh.losses)


def saw_call(drift: Drift, certificate: Certificate, *, advantage: float, chance: float, now_ms: int) -> Drift:
    """
    Return the state after a call with this advantage of the preferred target. `chance` in 0..1 breaks ties.

    Its rank among all before it is equally likely to be any, if they are exchangeable. The bets are that it is low, high, near the middle or near the ends,
    and each passes a little of what it has to the others, so that a change that comes late is noticed too (a simple jumper, Vovk et al., 2021).
    """
    at = bisect.bisect_right(certificate.edges, advantage)
    counts = list(drift.counts)
    rank = (sum(counts[at + 1 :]) + chance * (counts[at] + 1)) / (sum(counts) + 1)
    counts[at] += 1
    shared = sum(drift.scores) * _JUMP / 4
    low, high, middle, ends = drift.scores
    tilt, spread = rank - 0.5, abs(2 * rank - 1) - 0.5
    scores = (
        (low * (1 - _JUMP) + shared) * (1 + tilt),
        (high * (1 - _JUMP) + shared) * (1 - tilt),
        (middle * (1 - _JUMP) + shared) * (1 - spread),
        (ends * (1 - _JUMP) + shared) * (1 + spread),
    )
    is_rich = not drift.alarm and sum(scores) >= _RICH
    return replace(
        drift,
        counts=tuple(counts),
        scores=scores,
        calls=drift.calls + 1,
        alarm=SCORES if is_rich else drift.alarm,
        alarm_ms=now_ms if is_rich else drift.alarm_ms,
    )


def saw_pair(drift: Drift, certificate: Certificate, *, pair: Pair, now_ms: int) -> Drift:
    """Return the state after a prompt that both answered: bets that the mean loss of the rule is above what is promised."""
    excess = pair.weight * ((pair.loss if pair.advantage >= certificate.threshold else 0.0) - certificate.loss)
    losses = tuple(wealth * (1 + stake * excess) for wealth, stake in zip(drift.losses, _STAKES, strict=True))
    is_rich = not drift.alarm and sum(losses) >= _RICH
    return replace(
        drift,
        losses=losses,
        pairs=drift.pairs + 1,
        last_pair_ms=now_ms,
        alarm=LOSSES if is_rich else drift.alarm,
        alarm_ms=now_ms if is_rich else drift.alarm_ms,
    )
