"""
What an answer is worth, in money: one sum, and the bounds that it must keep to.

The worth of a candidate is `value` × P(success) − price − price of delay × time − `error` × `risk` × P(wrong). What is not known of one candidate, its price or
its time, counts as the worst that is known of the others: ignorance is no advantage. Bounds come before worth. Where no candidate keeps to all of them, the
one that breaks them least is taken: the ceiling of cost is given up first, the dead-line next, the floor of quality last. Pure.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from math import inf
from typing import Final

from msgspec import Struct

from pointsman.core.routing import Criteria
from pointsman.decision.prediction.values import Prediction

FLOOR: Final = "floor"
TOO_LATE: Final = "too_late"
TOO_DEAR: Final = "too_dear"
PRICE_UNKNOWN: Final = "price_unknown"

_SURE: Final = 1e-4  # a confidence of 0 or 1 is read as this near to it: nothing is known beyond


class Candidate(Struct, frozen=True, kw_only=True):
    """A target that may take the call, as it is seen: `seen` is what is predicted. Cost in nano-dollars, None is unknown."""

    target: str
    seen: Prediction
    cost_nano_usd: float | None
    latency_s: float | None


class Breach(Struct, frozen=True, order=True):
    """By how much a candidate breaks the bounds, the gravest first: quality in 0..1, seconds, nano-dollars. None broken is all zero."""

    quality: float = 0.0
    seconds: float = 0.0
    nano_usd: float = 0.0

    def told(self, candidate: Candidate) -> str:
        """Return the code of the gravest breach, or nothing."""
        if self.quality > 0:
            return FLOOR
        if self.seconds > 0:
            return TOO_LATE
        if self.nano_usd > 0:
            return TOO_DEAR if candidate.cost_nano_usd is not None else PRICE_UNKNOWN
        return ""

    @property
    def relaxed(self) -> str:
        """The code of the bounds that are given up for a candidate that breaks them, or nothing."""
        broken = (("quality_floor", self.quality), ("within_s", self.seconds), ("cost_usd", self.nano_usd))
        names = ",".join(name for name, by in broken if by > 0)
        return f"relaxed:{names}" if names else ""


KEPT: Final = Breach()


class Scale:
    """Weighs candidates of one call, at least one, against each other."""

    def __init__(self, criteria: Criteria, candidates: Sequence[Candidate]) -> None:
        self._criteria = criteria
        self._dearest = max([one.cost_nano_usd or 0.0 for one in candidates])
        self._slowest = max([one.latency_s or 0.0 for one in candidates])
        self._gain = criteria.value_nano_usd + criteria.error_nano_usd * criteria.risk
        self._loss = criteria.error_nano_usd * criteria.risk
        self._delay = 0 if criteria.bulk else criteria.delay_nano_usd_per_s
        self._z = 0.0 if criteria.quality_floor <= 0 else deviations(criteria.confidence)
        self._has_bounds = criteria.quality_floor > 0 or criteria.within_s is not None or criteria.cost_nano_usd is not None

    def worth(self, candidate: Candidate) -> float:
        """Return what an answer is expected to be worth less what it costs, in nano-dollars."""
        return self._gain * candidate.seen.quality - self._loss - self.price(candidate)

    def price(self, candidate: Candidate) -> float:
        """Return what an answer costs, its delay included, in nano-dollars."""
        cost = candidate.cost_nano_usd
        if cost is None:
            cost = self._dearest
        return cost + self._delay * self.latency_s(candidate) if self._delay else cost

    def cost(self, candidate: Candidate) -> float:
        """Return what is paid for an answer, in nano-dollars."""
        return self._dearest if candidate.cost_nano_usd is None else candidate.cost_nano_usd

    def latency_s(self, candidate: Candidate) -> float:
        """Return how long an answer takes, in seconds."""
        return self._slowest if candidate.latency_s is None else candidate.latency_s

    def breach(self, candidate: Candidate) -> Breach:
        """Return by how much the candidate breaks the bounds."""
        if not self._has_bounds:
            return KEPT
        criteria, seen = self._criteria, candidate.seen
        short = criteria.quality_floor - (seen.quality - self._z * seen.sd) if criteria.quality_floor > 0 else 0.0
        late = 0.0 if criteria.within_s is None or candidate.latency_s is None else candidate.latency_s - criteria.within_s
        over = _over(candidate.cost_nano_usd, criteria.cost_nano_usd)
        return Breach(max(0.0, short), max(0.0, late), over) if short > 0 or late > 0 or over > 0 else KEPT


def _over(cost: float | None, ceiling: int | None) -> float:
    """Return by how much a cost is above the ceiling. One that is not known may be any."""
    if ceiling is None:
        return 0.0
    return inf if cost is None else max(0.0, cost - ceiling)


@lru_cache(maxsize=64)
def deviations(confidence: float) -> float:
    """Return how many standard deviations below its mean a normal variable is exceeded with this probability."""
    distribution = import_module("statistics").NormalDist()  # read only where a floor is set: most gateways need no statistics
    found: float = distribution.inv_cdf(min(max(confidence, _SURE), 1 - _SURE))
    return found
