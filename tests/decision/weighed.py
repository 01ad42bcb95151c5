"""
Choices by value for tests: targets with the quality, price and time that a test gives them, predicted by nothing but that.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from msgspec import Struct
from tests.values import a_call, a_capability, a_target

from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.label import a_label
from pointsman.core.routing import Criteria, Routing
from pointsman.core.target import Hardware, Price, Rates, Target
from pointsman.core.verdict import Verdict
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.choose import Chooser
from pointsman.decision.learned import Learned
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prediction, Prompt
from pointsman.decision.sessions import Sessions

ALL = Verdict(label=a_label("internal"), mask=-1, snapshot="s")
USD = 1_000_000_000
PLAIN: Final = Criteria()
USUAL: Final = Circumstances()
NOTHING: Final = Parameters()


class Known(Struct, frozen=True):
    """What is known of a target: quality, its standard deviation, US dollars for an answer (None: no price) or for an hour of own hardware, seconds."""

    quality: float = 0.9
    sd: float = 0.001
    usd: float | None = 0.01
    s: float | None = 1.0
    hourly_usd: float | None = None
    novelty: float = 0.0
    labels: float = 500.0
    basis: str = "prompt"


class Told(Predictor):
    """Predicts what it is told."""

    def __init__(self, known: Mapping[str, Known], parameters: Parameters = NOTHING) -> None:
        super().__init__(parameters)
        self._told = known

    def predict(self, prompt: Prompt, targets: Sequence[str]) -> tuple[Prediction, ...]:
        """Return what was told."""
        return tuple(self._one(name) for name in targets)

    def _one(self, name: str) -> Prediction:
        told = self._told[name]
        basis: Any = told.basis
        return Prediction(
            target=name, quality=told.quality, sd=told.sd, tokens_out=100.0, latency_s=told.s, novelty=told.novelty, labels=told.labels, basis=basis
        )

    def features(self, prompt: Prompt, *, is_kept: bool = True) -> bytes:
        """Return a number for the length of the prompt."""
        return len(prompt.text).to_bytes(4)

    def worse_than(self, prompt: Prompt, target: str, *, incumbent: str, loss: float) -> float:
        """Return the probability for two that are independent."""
        one, other = self._one(target), self._one(incumbent)
        return NormalDist(one.quality - other.quality, (one.sd**2 + other.sd**2) ** 0.5).cdf(-loss)

    def draw(self, prompt: Prompt, targets: Sequence[str], *, rng: np.random.Generator, n: int) -> Any:
        """Return draws of qualities that are independent."""
        found = [self._one(name) for name in targets]
        return np.clip(rng.normal([one.quality for one in found], [one.sd for one in found], size=(n, len(found))), 0, 1)


def priced(known: Known) -> Price | None:
    """Return a price by the request."""
    if known.usd is None:
        return None
    return Price(price_id="test", rates=Rates(tokens_in=0, tokens_out=0), per_request_nano_usd=round(known.usd * USD))


def ladder_of(known: Mapping[str, Known]) -> tuple[Target, ...]:
    """Return targets in the order in which they are told."""
    return tuple(a_target(name, bit=bit, price=priced(told), hardware=_own(told)) for bit, (name, told) in enumerate(known.items(), start=2))


def _own(known: Known) -> Hardware | None:
    return None if known.hourly_usd is None else Hardware(hourly_nano_usd=round(known.hourly_usd * USD))


def a_routed(ladder: Sequence[Target], *, criteria: Criteria = PLAIN, incumbent: str | None = None, **more: Any) -> Capability:
    """Return a capability whose target is chosen by value. The incumbent is the last, by default: the usual one is the dear one."""
    there = next((one for one in ladder if one.name == incumbent), ladder[-1])
    return a_capability(ladder=ladder, routing=Routing(criteria=criteria, incumbent=there, **more))


def learned(known: Mapping[str, Known], parameters: Parameters = NOTHING) -> Learned:
    """Return what was learned of the targets."""
    return Learned(Told(known, parameters), digest="d" * 32)


def a_chooser(known: Mapping[str, Known] | None, *, down: Mapping[str, str] | None = None, sessions: Sessions | None = None) -> Chooser:
    """Return a chooser; nothing was learned where nothing is known."""
    by_value = ByValue(learned=None if known is None else learned(known), sessions=sessions)
    return Chooser(misfits=lambda call, target: (), health=(down or {}).get, by_value=by_value)


def choose(
    known: Mapping[str, Known],
    criteria: Criteria = PLAIN,
    *,
    now: Circumstances = USUAL,
    verdict: Verdict = ALL,
    call: Call | None = None,
    **more: Any,
) -> Choice:
    """Return the choice among these targets."""
    return a_chooser(known).choose(call or a_call(), a_routed(ladder_of(known), criteria=criteria, **more), verdict=verdict, now=now)


def first(known: Mapping[str, Known], criteria: Criteria = PLAIN, **more: Any) -> str:
    """Return who goes first."""
    return choose(known, criteria, **more).rungs[0].target.name
