"""
The candidates of one call on the scales: what each is expected to do and to be worth, and whether it may go before the incumbent.

The guard: another target goes before the incumbent only if it is worse by more than is allowed with a small probability, on traffic that something was learned
about. Where the owner wants a guarantee, only the target that its certificate is about does.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from pointsman.core.capability import Capability
from pointsman.core.routing import Criteria, Routing, Weighed
from pointsman.core.target import Target
from pointsman.decision.guarantee.certificate import preferred
from pointsman.decision.guarantee.gate import NOTHING_PROMISED, Wish, gate
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.values import Prediction, Prompt
from pointsman.decision.value import KEPT, Breach, Candidate, Scale

UNKNOWN: Final = "guard:unknown"
NOVEL: Final = "guard:novel"
WORSE: Final = "guard:worse"

MOST_NOVEL: Final = 0.9  # beyond this a prompt is unlike anything that was seen, whatever is expected of it
FEW: Final = 30.0  # outcomes, from which on a capability is known whatever its prompts are like

_MS: Final = 1000.0


class Seen(Struct, frozen=True, kw_only=True):
    """What the weighing of one call starts from: `rules` are the capability's with the criteria of this call; `stands` is where its conversation stands."""

    capability: Capability
    routing: Routing
    criteria: Criteria
    prompt: Prompt
    stands: str | None
    now_ms: int


class Weighing:
    """One call's candidates, in the owner's order. Guards are asked as far as they are needed, each once."""

    def __init__(self, seen: Seen, *, candidates: Sequence[Candidate], learned: Learned | None) -> None:
        self.seen = seen
        self.candidates = candidates
        self.scale = Scale(seen.criteria, candidates)
        self.worth = [self.scale.worth(one) for one in candidates]
        self.breach: list[Breach] = [self.scale.breach(one) for one in candidates]
        self._learned = learned
        self._guards: dict[int, str] = {}
        self._certified: tuple[str, str] | None = None
        self._incumbent = seen.routing.incumbent.name
        names = [one.target for one in candidates]
        self.incumbent = names.index(self._incumbent) if self._incumbent in names else None
        self.loss = seen.routing.loss / seen.criteria.risk

    def greedy(self) -> int:
        """
        Return who goes first when nothing is tried: of those that keep to the bounds best and pass the guard, the one that is worth most.

        Where the incumbent cannot take the call and nobody is as good, the best that is known goes first; nothing known, the owner's next.
        """
        stands, incumbent = self.seen.stands, self.incumbent
        order = sorted(
            [(self.breach[at], -worth, self.candidates[at].target != stands, at != incumbent, at) for at, worth in enumerate(self.worth)],
        )
        for *_, at in order:
            if not self.guard(at):
                return at
        return min(range(len(order)), key=self._doubt)

    def passed(self) -> frozenset[str]:
        """Return who may go before the incumbent, and the incumbent."""
        return frozenset(one.target for at, one in enumerate(self.candidates) if not self.guard(at))

    def guard(self, at: int) -> str:
        """Return why a candidate may not go before the incumbent; nothing if it may."""
        if at == self.incumbent:
            return ""
        found = self._guards.get(at)
        if found is None:
            found = self._guards[at] = self._guarded(self.candidates[at])
        return found

    def is_known(self, at: int) -> bool:
        """Tell whether something was learned of a candidate, and of prompts like this one."""
        return self.candidates[at].seen.basis != "none" and self.guard(at) != NOVEL

    def worth_of_quality(self) -> float:
        """
        Return what certainty of a right answer is worth, in nano-dollars.

        Where the owner does not say more: all that is allowed to be lost of it counts as much as the most that could be saved by it.
        """
        criteria, prices = self.seen.criteria, [self.scale.price(one) for one in self.candidates]
        there = max(prices) if self.incumbent is None else prices[self.incumbent]
        return max(criteria.value_nano_usd + criteria.error_nano_usd * criteria.risk, (there - min(prices)) / self.loss, 1.0)

    def reason(self, at: int) -> str:
        """Return what speaks against a candidate, as far as it was looked at."""
        breach = self.breach[at]
        return (breach is not KEPT and breach.told(self.candidates[at])) or self._guards.get(at, "")

    def weighed(self, probabilities: Sequence[float]) -> tuple[Weighed, ...]:
        """Return how each candidate was seen, for the record."""
        return tuple([self._one(at, probability) for at, probability in enumerate(probabilities)])

    def _one(self, at: int, probability: float) -> Weighed:
        one = self.candidates[at]
        seen, cost, latency = one.seen, one.cost_nano_usd, one.latency_s
        return Weighed(
            target=one.target,
            quality=seen.quality,
            low=seen.low,
            high=seen.high,
            cost_nano_usd=None if cost is None else round(cost),
            latency_ms=None if latency is None else latency * _MS,
            value_nano_usd=round(self.worth[at]),
            probability=probability,
            reason=self.reason(at),
        )

    def _doubt(self, at: int) -> tuple[Breach, float]:
        known = self.candidates[at].seen
        return self.breach[at], -known.quality if known.basis != "none" else 0.0

    def _guarded(self, one: Candidate) -> str:
        learned, seen = self._learned, self.seen
        if seen.routing.guarantee:
            return self._promised(one.target, learned)
        if learned is None or one.seen.basis == "none":
            return UNKNOWN
        if one.seen.novelty >= MOST_NOVEL and one.seen.labels < FEW:
            return NOVEL
        worse = learned.predictor.falls_short(one.seen, self._incumbent_seen(learned), loss=self.loss)
        return WORSE if worse > 1 - seen.routing.sure else ""

    def _promised(self, target: str, learned: Learned | None) -> str:
        """Return why there is no promise about the target, or nothing. The promise is about one of them: the one that its certificate prefers."""
        if learned is None:
            return NOTHING_PROMISED
        if self._certified is None:
            self._certified = self._of_certificate(learned)
        name, closed = self._certified
        return closed if closed or name == target else "guarantee:not_preferred"

    def _incumbent_seen(self, learned: Learned) -> Prediction:
        if self.incumbent is not None:
            return self.candidates[self.incumbent].seen
        (seen,) = learned.predictor.predict(self.seen.prompt, (self._incumbent,))
        return seen

    def _of_certificate(self, learned: Learned) -> tuple[str, str]:
        seen, there = self.seen, self._incumbent_seen(learned).quality
        standing = learned.standing(seen.capability.name)
        if standing is None:
            return "", NOTHING_PROMISED
        ahead: Mapping[str, float] = {one.target: one.seen.quality - there for at, one in enumerate(self.candidates) if at != self.incumbent}
        name = preferred(standing.certificate.targets, ahead, lean=standing.certificate.lean) or ""
        wish = Wish(
            capability=seen.capability.name,
            incumbent=self._incumbent,
            target=name,
            advantages=ahead,
            loss=self.loss,
            sure=seen.routing.sure,
        )
        opened = gate(standing, wish, now_ms=seen.now_ms, parameters=learned.predictions)
        return name, "" if opened.is_open else opened.reason


def expected_of_people(target: str) -> Prediction:
    """Return what is expected of people of whom nothing was learned: mostly good answers."""
    return Prediction(target=target, quality=0.95, sd=0.05, novelty=0.0)


def clueless(target: str) -> Prediction:
    """Return what is expected of a target where nothing was learned at all."""
    return Prediction(target=target, quality=0.5, sd=0.3)


def as_expected(seen: Prediction, target: Target) -> Prediction:
    """Return what is expected of a target, given what is predicted of it: of people something is expected before anything was learned of them."""
    return expected_of_people(target.name) if seen.basis == "none" and target.desk is not None else seen
