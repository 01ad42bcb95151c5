"""
The order of the ladder by what an answer of each target is expected to be worth. Policy, fit and health have spoken before.
"""

from collections.abc import Callable

from msgspec.structs import replace

from pointsman.core.attempt import Grade
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.label import Level
from pointsman.core.reply import Reply
from pointsman.core.target import Price, Target
from pointsman.decision.choice import Choice, Circumstances
from pointsman.decision.learned import Learned

PriceOf = Callable[[Target], Price | None]


def _own(target: Target) -> Price | None:
    return target.price


class ByValue:
    """Orders ladders. `price_of` tells what a target charges now; without anything `learned` the incumbent goes first and the owner's order follows."""

    def __init__(self, *, price_of: PriceOf = _own, learned: Learned | None = None) -> None:
        self._price_of = price_of
        self.learned = learned

    def choose(self, call: Call, capability: Capability, *, ladder: Choice, now: Circumstances, level: Level) -> Choice:
        """Return the ladder in order of value. `ladder` holds the rungs that are left, in the owner's order; `level` is that of the data."""
        routing = capability.routing
        if routing is None or not ladder.rungs:
            return ladder
        first = sorted(ladder.rungs, key=lambda rung: rung.target.name != routing.incumbent.name)
        rungs = tuple(replace(rung, reason="incumbent") if rung.target.name == routing.incumbent.name else rung for rung in first)
        return Choice(rungs, ladder.considered, learned="" if self.learned is None else self.learned.digest)

    def goes_on(self, choice: Choice, index: int, grade: Grade, *, reply: Reply, left_s: float) -> bool:
        """Tell whether the next rung is worth more than the answer at hand."""
        return False

    def answered(self, choice: Choice, target: Target, *, reply: Reply | None = None) -> None:
        """Note where a conversation stands."""
