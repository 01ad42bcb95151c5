"""
Where it should run: the capability's ladder, less what is closed, cannot hold the call, or is down; with the reason for each.

This first form keeps the owner's order. Before each hop the target is checked for policy, context length, features and for what its protocol
cannot express. The last target standing is never left out for its breaker: a doubtful answer beats none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.errors import NoPlaceAllowed, NoTargetFits, NotExpressible
from pointsman.core.place import Feature
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict

_CHARS_PER_TOKEN: Final = 4
_NOTHING: Final[frozenset[Feature]] = frozenset()

Misfits = Callable[[Call, Target], tuple[str, ...]]
Health = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Rung:
    """A target to try, and why it is tried in this place."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The ladder for one call, best first; `considered` lists the targets left out with a reason code each."""

    rungs: tuple[Rung, ...]
    considered: tuple[tuple[str, str], ...]


class Chooser:
    """Chooses. `misfits` tells what a target's protocol cannot express of a call; `health` for which class of failure a target is closed."""

    def __init__(self, *, misfits: Misfits, health: Health) -> None:
        self._misfits = misfits
        self._health = health

    def choose(self, call: Call, capability: Capability, verdict: Verdict) -> Choice:
        """Return the ladder. Raises `NoPlaceAllowed`, `NotExpressible` or `NoTargetFits` when it has no rung."""
        rungs: list[Rung] = []
        out: list[tuple[str, str]] = []
        resting: list[Target] = []
        for target in capability.ladder:
            why = self.fault(call, target, verdict)
            if why is not None:
                out.append((target.name, why))
                continue
            down = self._health(target.name)
            if down is not None:
                resting.append(target)
                out.append((target.name, f"breaker:{down}"))
                continue
            rungs.append(Rung(target, _reason(out)))
        if not rungs and resting:
            return Choice((Rung(resting[0], "last_hope"),), tuple(out))
        if not rungs:
            raise self._nowhere(call, capability, verdict, out)
        return Choice(tuple(rungs), tuple(out))

    def fault(self, call: Call, target: Target, verdict: Verdict) -> str | None:
        """Return the code of what keeps the call from the target, or None."""
        if not verdict.permits(target):
            return f"policy:{verdict.label.name.lower()}"
        if call.needs is not _NOTHING and not call.needs <= target.features:
            return "lacks:" + ",".join(sorted(need.value for need in call.needs - target.features))
        if target.context_tokens is not None and call.size_chars // _CHARS_PER_TOKEN + (call.sampling.max_tokens or 0) > target.context_tokens:
            return "context_too_long"
        if target.dialect is not call.dialect:
            unsaid = self._misfits(call, target)
            if unsaid:
                return "cannot_express:" + ",".join(unsaid)
        return None

    def _nowhere(self, call: Call, capability: Capability, verdict: Verdict, out: list[tuple[str, str]]) -> Exception:
        codes = [code for _, code in out]
        if all(code.startswith("policy:") for code in codes):
            return NoPlaceAllowed(capability=capability.name, data_class=verdict.label.name.lower())
        unsaid = [self._misfits(call, target) for target in capability.ladder if verdict.permits(target)]
        if all(code.startswith(("policy:", "cannot_express:")) for code in codes):
            return NotExpressible(fields=next(fields for fields in unsaid if fields), capability=capability.name)
        return NoTargetFits(capability=capability.name, lacks=out)


def _reason(out: list[tuple[str, str]]) -> str:
    return "first_choice" if not out else f"next_after:{out[-1][0]}"
