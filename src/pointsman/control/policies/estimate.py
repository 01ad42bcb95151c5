"""
What another policy would have been worth, from the log of the one that was in force: four estimators and their intervals. Numbers only.

With w = proposed / behaviour probability of what was done, r what came of it, q what was expected of it and v what is expected of the proposed policy:

    direct          mean(v)                          no better than the predictions
    ips             mean(w r)                        Horvitz and Thompson 1952; no predictions, much noise
    snips           sum(w r) / sum(w)                Swaminathan and Joachims 2015
    doubly robust   mean(v + w (r - q))              Dudík, Langford and Li 2011; right where either half is

Weights are capped where predictions stand in for what is cut off. Intervals are of sums over units, not over calls: what is done to one ticket twice is
one piece of evidence. They are never narrower than the probabilities of the log make them: that nothing rare was drawn is no proof that nothing rare is
there. Where the other policy does what was never tried, the prediction stands unchecked; the interval is wider by two of its usual errors there.
"""

from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from pointsman.control.policies.errors import TooLittleEvidence
from pointsman.control.policies.evidence import CAP, Evidence, Floats

LEAST: Final = 200.0
UNSUPPORTED_AT_MOST: Final = 0.05
_UNCHECKED: Final = 2.0

Method = Literal["doubly_robust", "snips", "ips", "direct"]


class Estimate(Struct, frozen=True, kw_only=True):
    """
    A policy's mean reward for each decision, with the bounds between which it lies with this confidence.

    `effective` is how many decisions of the proposed policy the log is worth (Kish 1965), `capped` the share of its weights that were cut, `unsupported`
    the share of what the policy does that was never tried.
    """

    value: float
    low: float
    high: float
    method: Method
    effective: float
    decisions: int
    units: int
    capped: float = 0.0
    unsupported: float = 0.0
    confidence: float = 0.95


def effective_size(weight: Floats) -> float:
    """Return how many equally weighted decisions weights are worth (Kish): (Σw)² / Σw²."""
    squares = float(np.sum(weight * weight))
    return 0.0 if squares == 0.0 else float(np.sum(weight)) ** 2 / squares


def estimate(evidence: Evidence, method: Method = "doubly_robust", *, cap: float = CAP, confidence: float = 0.95, least: float = LEAST) -> Estimate:
    """
    Return what the proposed policy would have been worth.

    Raises `TooLittleEvidence` where the log is worth fewer than `least` of its decisions, or where more than 5 % of what it does was never tried.
    """
    weight = _weight(evidence, method, cap=cap, least=least)
    value, pushes = _influence(evidence, method, weight=weight)
    error = _error(pushes, evidence)
    if method == "doubly_robust" and evidence.squared is not None:
        spread = _by_unit(evidence.expected - float(np.mean(evidence.expected)), evidence)
        error = max(error, float(np.hypot(spread, _drawn(evidence, evidence.squared, weight=weight))))
    return _told(evidence, method, value=value, error=error, weight=weight, confidence=confidence)


def change(evidence: Evidence, *, cap: float = CAP, confidence: float = 0.95, least: float = LEAST) -> Estimate:
    """
    Return by how much the mean reward of these very decisions would have been another (doubly robust), 0 where both policies do the same.

    Raises `TooLittleEvidence` as `estimate` does.
    """
    weight = _weight(evidence, "doubly_robust", cap=cap, least=least)
    value, pushes = _influence(evidence, "doubly_robust", weight=weight)
    pushes = pushes + value - evidence.reward
    value = float(np.mean(pushes))
    error = _error(pushes - value, evidence)
    if evidence.squared is not None:
        error = max(error, _drawn(evidence, np.maximum(evidence.squared - 1.0, 0.0), weight=weight))
    return _told(evidence, "doubly_robust", value=value, error=error, weight=weight, confidence=confidence)


def _weight(evidence: Evidence, method: Method, *, cap: float, least: float) -> Floats:
    weight = np.minimum(evidence.weight, cap) if method == "doubly_robust" else evidence.weight  # the others have no prediction for what is cut off
    effective = effective_size(weight)
    if method != "direct" and (effective < least or _unsupported(evidence) > UNSUPPORTED_AT_MOST):
        raise TooLittleEvidence(effective=effective, least=least, unsupported=_unsupported(evidence))
    return weight


def _influence(evidence: Evidence, method: Method, *, weight: Floats) -> tuple[float, Floats]:
    """Return the estimate, and by how much each decision pushes it, on average 0."""
    match method:
        case "direct":
            told = evidence.expected
        case "ips":
            told = weight * evidence.reward
        case "doubly_robust":
            told = evidence.expected + weight * (evidence.reward - evidence.predicted)
        case "snips":
            value = float(np.sum(weight * evidence.reward) / np.sum(weight))
            return value, weight * (evidence.reward - value) / float(np.mean(weight))
    value = float(np.mean(told))
    return value, told - value


def _error(pushes: Floats, evidence: Evidence) -> float:
    """Return the standard error of the mean of what decisions push, summed over each unit. Of a single unit nothing is known."""
    return _by_unit(pushes, evidence) if _units(evidence) > 1 else float("inf")


def _by_unit(pushes: Floats, evidence: Evidence) -> float:
    sums = np.bincount(evidence.cluster, weights=pushes)
    return float(np.sqrt(np.sum(sums * sums) * len(sums) / max(len(sums) - 1, 1))) / evidence.size


def _drawn(evidence: Evidence, squared: Floats, *, weight: Floats) -> float:
    """Return the standard error that the draws of the log alone make: the mean squared weight times the usual squared error of a prediction."""
    return float(np.sqrt(np.mean(squared) / evidence.size)) * _usual(evidence, weight)


def _usual(evidence: Evidence, weight: Floats) -> float:
    """Return by how much a prediction of what the proposed policy does is usually off."""
    off = evidence.reward - evidence.predicted
    heavy = float(np.sum(weight))
    return float(np.sqrt(np.sum(weight * off * off) / heavy)) if heavy else 0.0


def _told(evidence: Evidence, method: Method, *, value: float, error: float, weight: Floats, confidence: float) -> Estimate:
    unsupported = _unsupported(evidence)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * error + _UNCHECKED * unsupported * _usual(evidence, weight)
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        method=method,
        effective=effective_size(weight),
        decisions=evidence.size,
        units=_units(evidence),
        capped=float(np.mean(evidence.weight > weight)) if evidence.size else 0.0,
        unsupported=unsupported,
        confidence=confidence,
    )


def _units(evidence: Evidence) -> int:
    return int(evidence.cluster.max()) + 1 if evidence.size else 0


def _unsupported(evidence: Evidence) -> float:
    return 0.0 if evidence.unsupported is None or not evidence.size else float(np.mean(evidence.unsupported))
