"""
What another policy would have been worth, from the log of the one that was in force: four estimators and their intervals. Numbers only.

With w = proposed / behaviour probability of what was done, r what came of it, q what was expected of it and v what is expected of the proposed policy:

    direct          mean(v)                          no better than the predictions
    ips             mean(w r)                        Horvitz and Thompson 1952; no predictions, much noise
    snips           sum(w r) / sum(w)                Swaminathan and Joachims 2015
    doubly robust   mean(v) + sum(w (r - q)) / n     Dudík, Langford and Li 2011; right where either half is

Weights are capped. Intervals are of sums over units, not of calls: what is done to one ticket twice is one piece of evidence.
"""

from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from pointsman.control.policies.errors import TooLittleEvidence
from pointsman.control.policies.evidence import Evidence, Floats

LEAST: Final = 200.0
CAP: Final = 100.0

Method = Literal["doubly_robust", "snips", "ips", "direct"]


class Estimate(Struct, frozen=True, kw_only=True):
    """
    A policy's mean reward for each decision, with the bounds between which it lies with this confidence.

    `effective` is how many decisions of the proposed policy the log is worth (Kish 1965), `capped` the share of its weights that were cut.
    """

    value: float
    low: float
    high: float
    method: Method
    effective: float
    decisions: int
    units: int
    capped: float = 0.0
    confidence: float = 0.95


def effective_size(weight: Floats) -> float:
    """Return how many equally weighted decisions weights are worth (Kish): (Σw)² / Σw²."""
    squares = float(np.sum(weight * weight))
    return 0.0 if squares == 0.0 else float(np.sum(weight)) ** 2 / squares


def estimate(evidence: Evidence, method: Method = "doubly_robust", *, cap: float = CAP, confidence: float = 0.95, least: float = LEAST) -> Estimate:
    """Return what the proposed policy would have been worth. Raises `TooLittleEvidence` where the log is worth fewer than `least` of its decisions."""
    full = evidence.weight
    weight = np.minimum(full, cap)
    effective = effective_size(weight)
    if method != "direct" and effective < least:
        raise TooLittleEvidence(effective=effective, least=least)
    value, pushes = _influence(evidence, method, weight=weight)
    units, spread = _by_unit(pushes, evidence)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        method=method,
        effective=effective,
        decisions=evidence.size,
        units=units,
        capped=float(np.mean(full > cap)) if evidence.size else 0.0,
        confidence=confidence,
    )


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


def _by_unit(pushes: Floats, evidence: Evidence) -> tuple[int, float]:
    """Return the number of units, and the standard error of the mean of what decisions push, summed over each unit."""
    sums = np.bincount(evidence.cluster, weights=pushes)
    units = len(sums)
    if units <= 1:
        return units, float("inf")
    return units, float(np.sqrt(np.sum(sums * sums) * units / (units - 1))) / evidence.size
