"""
Recorded calls beside what another policy would have done with each: calls, cost, quality, eligibility and latency that would have been.

Where both do the same, what was is what would have been, at the proposed prices. Elsewhere an estimate needs evidence: a log that tried, by chance, what
is proposed (doubly robust, see `estimate`). Without it, cost and latency are predicted, without an interval, and quality is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from pointsman.control.policies.errors import TooLittleEvidence
from pointsman.control.policies.estimate import change
from pointsman.control.policies.evidence import Floats, Log, evidence_of, numbered
from pointsman.control.policies.recorded import Recorded

Basis = Literal["recorded", "doubly_robust", "predicted", "unknown"]
FEW: Final = 10
_SAME: Final = 1e-9
_LITTLE: Final = 0.01  # what exploration moves to and fro between two likenesses of a policy is no difference


class Expected(Struct, frozen=True, kw_only=True):
    """What is expected of a target with one call; None is unknown."""

    quality: float | None = None
    cost_nano_usd: float | None = None
    latency_ms: float | None = None


class Proposal(Struct, frozen=True, kw_only=True):
    """
    What the proposed policy would have done with a call: with which probability each target goes first; nothing is no place. `why` is the reason.

    `expected` tells of targets what is expected of them, both of what was done and of what would be. `repriced_nano_usd` is what was done, at the proposed
    prices.
    """

    call: Recorded
    chances: Mapping[str, float]
    expected: Mapping[str, Expected]
    repriced_nano_usd: int | None
    why: str = ""

    @property
    def did(self) -> str | None:
        """What was tried first."""
        return self.call.tried[0].target if self.call.tried else None

    @property
    def moved(self) -> float:
        """How much of the probability of what goes first would have moved to other targets."""
        was = self.call.behaviour
        return sum(max(0.0, chance - was.get(name, 0.0)) for name, chance in self.chances.items())

    @property
    def likeliest(self) -> str | None:
        """Who would have gone first most probably, None without a place."""
        return max(self.chances, key=lambda name: self.chances[name], default=None)


class Measure(Struct, frozen=True, kw_only=True):
    """
    A mean for each call, as it was and as it would have been; money in nano-dollars, time in milliseconds, quality 0..1.

    `basis` `recorded` is exact, at the proposed prices; `doubly_robust` has 95 % bounds; `predicted` has none; of `unknown`, `why` tells why. `known` counts
    the calls of which it is known what was, `effective` how many of the proposed policy's decisions the log is worth.
    """

    basis: Basis
    known: int
    now: float | None = None
    then: float | None = None
    low: float | None = None
    high: float | None = None
    effective: float | None = None
    why: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """
    One capability. `untouched` calls were answered before any target was asked, or failed before; `moved` is how many others would have gone elsewhere
    first. `no_place` would be refused, `regained` were refused and would not be.
    """

    capability: str
    calls: int
    untouched: int
    moved: float
    no_place: int
    regained: int
    cost: Measure
    quality: Measure
    latency: Measure


class Differing(Struct, frozen=True, kw_only=True):
    """A call that would have gone elsewhere, and by how much it would have differed; None is unknown."""

    call_id: str
    capability: str
    before: str | None
    after: str | None
    why: str
    quality: float | None
    cost_nano_usd: float | None
    latency_ms: float | None


def lines(proposals: Sequence[Proposal]) -> tuple[Line, ...]:
    """Return a line for each capability, in the order of their names."""
    found: dict[str, list[Proposal]] = {}
    for one in proposals:
        found.setdefault(one.call.capability, []).append(one)
    return tuple(_line(name, ones) for name, ones in sorted(found.items()))


def differing(proposals: Sequence[Proposal], *, most: int = FEW) -> tuple[Differing, ...]:
    """Return the calls that differ most: first those without a place, then by how much the expected quality differs, then the cost."""
    told = [_differing(one) for one in proposals if one.did is not None and (not one.chances or (one.moved > _LITTLE and one.likeliest != one.did))]
    return tuple(sorted(told, key=lambda one: (one.after is not None, -abs(one.quality or 0.0), -abs(one.cost_nano_usd or 0.0), one.call_id))[:most])


def _differing(one: Proposal) -> Differing:
    after = one.likeliest
    was, would = one.expected.get(one.did or "", Expected()), one.expected.get(after or "", Expected())
    cost = was.cost_nano_usd if one.repriced_nano_usd is None else float(one.repriced_nano_usd)
    return Differing(
        call_id=one.call.call_id,
        capability=one.call.capability,
        before=one.did,
        after=after,
        why=one.why,
        quality=_less(would.quality, was.quality),
        cost_nano_usd=_less(would.cost_nano_usd, cost),
        latency_ms=_less(would.latency_ms, one.call.latency_ms),
    )


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


# ── one capability ──────────────────────────────────────────────────────────────────────────────────────────────────


def _line(name: str, proposals: list[Proposal]) -> Line:
    asked = [one for one in proposals if one.did is not None]
    lost = [one for one in asked if not one.chances]
    placed = [one for one in asked if one.chances]
    return Line(
        capability=name,
        calls=len(proposals),
        untouched=len(proposals) - len(asked),
        moved=sum(one.moved for one in placed),
        no_place=len(lost),
        regained=sum(1 for one in proposals if one.did is None and one.chances),
        cost=_measure(placed, was=lambda one: _number(one.repriced_nano_usd), then=lambda it: it.cost_nano_usd, paid=lambda one: one.call.cost_nano_usd),
        quality=_proven(_measure(placed, was=lambda one: one.call.reward, then=lambda it: it.quality)),
        latency=_measure(placed, was=lambda one: one.call.latency_ms, then=lambda it: it.latency_ms),
    )


def _proven(quality: Measure) -> Measure:
    """Quality is not told from predictions alone."""
    return (
        Measure(basis="unknown", known=quality.known, now=quality.now, effective=quality.effective, why=quality.why)
        if quality.basis == "predicted"
        else quality
    )


Was = Callable[[Proposal], float | None]
Then = Callable[[Expected], float | None]


def _number(value: int | None) -> float | None:
    return None if value is None else float(value)


def _measure(proposals: list[Proposal], *, was: Was, then: Then, paid: Was | None = None) -> Measure:
    """Return one measure. `was` is what a call showed, at the proposed prices; `paid` at those of its day, if that may be another."""
    told = [(one, value) for one in proposals if (value := was(one)) is not None]
    if not told:
        return Measure(basis="unknown", known=0, why="nothing was told of any call")
    reward = np.array([value for _, value in told])
    now = float(np.mean([reward[at] if paid is None else paid(one) or 0.0 for at, (one, _) in enumerate(told)]))
    if all(one.moved <= _SAME for one, _ in told):
        value = float(np.mean(reward))
        return Measure(basis="recorded", known=len(told), now=now, then=value, low=value, high=value)
    log = _log([one for one, _ in told], reward, then=then)
    if np.isnan(log.predicted[log.proposed > 0.0]).any():
        return Measure(basis="unknown", known=len(told), now=now, why="nothing is known of a target that would be asked")
    return _estimated(log, now=now)


def _estimated(log: Log, *, now: float) -> Measure:
    known = len(log.reward)
    base = float(np.mean(log.reward))
    try:
        told = change(evidence_of(_drawn(log)))
    except TooLittleEvidence as error:
        return Measure(basis="predicted", known=known, now=now, then=float(np.mean(_imputed(log))), effective=error.effective, why=error.message)
    then = base + told.value
    return Measure(basis="doubly_robust", known=known, now=now, then=then, low=base + told.low, high=base + told.high, effective=told.effective)


def _log(proposals: list[Proposal], reward: Floats, *, then: Then) -> Log:
    """Return calls as arrays. Of a target of which nothing is expected, the mean of what it showed here is."""
    names = sorted({name for one in proposals for name in (*one.chances, *one.call.behaviour, one.did or "")})
    at = {name: column for column, name in enumerate(names)}
    shape = (len(proposals), len(names))
    behaviour, proposed, predicted = np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
    for row, one in enumerate(proposals):
        for name, chance in one.call.behaviour.items():
            behaviour[row, at[name]] = chance
        for name, chance in one.chances.items():
            proposed[row, at[name]] = chance
        for name, expected in one.expected.items():
            if name in at and (value := then(expected)) is not None:
                predicted[row, at[name]] = value
    action = np.array([at[one.did or ""] for one in proposals])
    for column in range(len(names)):
        shown = reward[action == column]
        if len(shown):
            predicted[np.isnan(predicted[:, column]), column] = float(np.mean(shown))
    return Log(
        reward=reward, action=action, behaviour=behaviour, proposed=proposed, predicted=predicted, cluster=numbered([one.call.unit for one in proposals])
    )


def _drawn(log: Log) -> Log:
    """Return the calls that went where chance sent them; a call that went elsewhere, because a place had just shut, is no evidence."""
    drawn = log.behaviour[np.arange(len(log.reward)), log.action] > 0.0
    return Log(
        reward=log.reward[drawn],
        action=log.action[drawn],
        behaviour=log.behaviour[drawn],
        proposed=log.proposed[drawn],
        predicted=np.nan_to_num(log.predicted[drawn]),
        cluster=numbered(log.cluster[drawn].tolist()),
    )


def _imputed(log: Log) -> Floats:
    """Return what each call would have shown: what it did, where it would have gone the same way, else what is expected."""
    rows = np.arange(len(log.reward))
    same = log.proposed[rows, log.action]
    elsewhere = log.proposed.copy()
    elsewhere[rows, log.action] = 0.0
    expected: Floats = np.where(elsewhere > 0.0, elsewhere * log.predicted, 0.0).sum(axis=1)
    return same * log.reward + expected
