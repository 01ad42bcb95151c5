"""
Is the traffic still that which a promise was proven on: bets against it that cannot grow rich unless it is not.

Pure Python, a few microseconds each: it runs for each call and each pair. An alarm stays until the next certificate.
"""

import bisect
from typing import Final

import msgspec

from pointsman.decision.guarantee.certificate import Certificate, Drift

ALARM: Final = 0.01  # α: the probability of a false alarm, over all time
SCORES: Final = "drift:scores"
LOSSES: Final = "drift:loss"

_JUMP: Final = 0.01
_STAKES: Final = (0.05, 0.2, 0.6)


def begun(certificate: Certificate) -> Drift:
    """Return the state in which a certificate begins."""
    return Drift(counts=certificate.seen, scores=(1 / 3, 1 / 3, 1 / 3), losses=tuple(1 / len(_STAKES) for _ in _STAKES))


def saw_call(drift: Drift, certificate: Certificate, *, advantage: float, chance: float, now_ms: int) -> Drift:
    """
    Return the state after a call with this advantage of the preferred target. `chance` in 0..1 breaks ties.

    Its rank among all before it is equally likely to be any, if they are exchangeable: a conformal test by a simple jumper (Vovk et al., 2021).
    """
    at = bisect.bisect_right(certificate.edges, advantage)
    counts = list(drift.counts)
    rank = (sum(counts[at + 1 :]) + chance * (counts[at] + 1)) / (sum(counts) + 1)
    counts[at] += 1
    total = sum(drift.scores)
    down, still, up = (wealth * (1 - _JUMP) + total * _JUMP / 3 for wealth in drift.scores)
    scores = (down * (1.5 - rank), still, up * (0.5 + rank))
    rich = not drift.alarm and sum(scores) * ALARM / 2 >= 1
    return msgspec.structs.replace(
        drift,
        counts=tuple(counts),
        scores=scores,
        calls=drift.calls + 1,
        alarm=SCORES if rich else drift.alarm,
        alarm_ms=now_ms if rich else drift.alarm_ms,
    )


def saw_pair(drift: Drift, certificate: Certificate, *, advantage: float, loss: float, now_ms: int, weight: float = 1.0) -> Drift:
    """Return the state after a pair that was answered by both: a bet that the mean loss of the rule is above what is promised."""
    excess = weight * ((loss if advantage >= certificate.threshold else 0.0) - certificate.loss)
    losses = tuple(wealth * (1 + stake * excess) for wealth, stake in zip(drift.losses, _STAKES, strict=True))
    rich = not drift.alarm and sum(losses) * ALARM / 2 >= 1
    return msgspec.structs.replace(
        drift, losses=losses, pairs=drift.pairs + 1, alarm=LOSSES if rich else drift.alarm, alarm_ms=now_ms if rich else drift.alarm_ms
    )
