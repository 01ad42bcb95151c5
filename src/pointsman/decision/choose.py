"""
Where it should run: the capability's ladder, less what is closed, cannot hold the call, or is down; with the reason for each.

Before each hop the target is checked for policy, length, features and for what its protocol cannot express. The last target standing is never left out
for its breaker: a doubtful answer beats none. What is left keeps the owner's order, or stands by value where the capability has `routing` (`by_value`).
"""

from collections.abc import Callable
from typing import Final

from pointsman.core.attempt import Grade
from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.errors import CredentialMissing, NoPlaceAllowed, PointsmanError
from pointsman.core.place import Feature
from pointsman.core.reply import Reply, Usage
from pointsman.core.target import Target
from pointsman.core.verdict import Obligation, Verdict
from pointsman.decision.by_value import ByValue
from pointsman.decision.choice import Choice, Circumstances, Doubts, Rung
from pointsman.decision.errors import NoTargetFits, NotExpressible, SwitchedOff

NO_CREDENTIAL: Final = "no_credential"
SWITCHED_OFF: Final = "switched_off"

_CHARS_PER_TOKEN: Final = 4
_STREAM: Final = frozenset({Feature.STREAM})
_PARALLEL: Final = frozenset({Feature.PARALLEL_TOOLS})
_SHUT: Final = frozenset({NO_CREDENTIAL, SWITCHED_OFF})  # no breaker: nothing is tried there, not even as the last hope

Misfits = Callable[[Call, Target], tuple[str, ...]]
Health = Callable[[str], str | None]


_USUAL: Final = Circumstances()


class Chooser:
    """
    Chooses. `misfits` tells what a target's protocol cannot express of a call; `health` for which class of failure a target is left alone,
    `NO_CREDENTIAL` for one that cannot be reached at all, or `SWITCHED_OFF` for one that somebody shut off. `by_value` orders what is left where a
    capability asks for it.
    """

    def __init__(self, *, misfits: Misfits, health: Health, by_value: ByValue | None = None) -> None:
        self._misfits = misfits
        self.health = health
        self._by_value = by_value or ByValue()

    def choose(self, call: Call, capability: Capability, *, verdict: Verdict, now: Circumstances = _USUAL) -> Choice:
        """
        Return the ladder for a call as it will be sent. Where it has no rung, its refusal is a `Refused` or `CredentialMissing`.

        Raises `BadRequest` for criteria that the owner does not let a request set.
        """
        rungs: list[Rung] = []
        out: list[tuple[str, str]] = []
        resting: Target | None = None
        reason = "first_choice"
        for target in capability.ladder:
            why = self.fault(call, target, verdict=verdict)
            if why is None and (down := self.health(target.name)) is not None:
                why = down if down in _SHUT else f"breaker:{down}"
                resting = resting or (None if down in _SHUT else target)
            if why is None:
                rungs.append(Rung(target, reason))
            else:
                out.append((target.name, why))
            reason = f"next_after:{target.name}"
        if rungs:
            ladder = Choice(tuple(rungs), tuple(out))
            if capability.routing is None and not now.criteria:
                return ladder
            return self._by_value.choose(call, capability, ladder=ladder, now=now, verdict=verdict)
        if resting is not None:
            return Choice((Rung(resting, "last_hope"),), tuple(out))
        return Choice((), tuple(out), self._refusal(call, capability, verdict=verdict, out=out))

    def doubts(self, choice: Choice, index: int, *, left_s: Callable[[], float]) -> Doubts | None:
        """
        Return who tells whether the next rung is worth more than an answer of the rung `index`; nobody where its answers are not checked. `left_s` tells how
        many seconds of the call are left by then.
        """
        if not choice.rungs[index].checked:
            return None
        return lambda grade, reply: self.goes_on(choice, index, grade=grade, reply=reply, left_s=left_s())

    def goes_on(self, choice: Choice, index: int, *, grade: Grade, reply: Reply, left_s: float) -> bool:
        """Tell, after an answer of the checked rung `index`, whether the next one is worth its price within the `left_s` seconds of the call."""
        return self._by_value.goes_on(choice, index, grade=grade, reply=reply, left_s=left_s)

    def answered(self, choice: Choice, target: str, *, usage: Usage | None = None) -> None:
        """Note that a target answered: a conversation stays there unless it pays to move. `usage` None: its vendor did not count."""
        self._by_value.answered(choice, target, usage=usage)

    def fault(self, call: Call, target: Target, *, verdict: Verdict) -> str | None:
        """Return the code of what keeps the call from the target, or None."""
        if not verdict.permits(target):
            return f"policy:{verdict.label.text}"
        if any(duty.obligation is Obligation.PERSON for duty in verdict.owes(target)):
            return "person"
        needs = _needs(call)
        if not needs <= target.features:
            return "lacks:" + ",".join(sorted(need.value for need in needs - target.features))
        wanted = call.sampling.max_tokens or 0
        if target.max_output_tokens is not None and wanted > target.max_output_tokens:
            return "output_too_long"
        if target.context_tokens is not None and call.size_chars // _CHARS_PER_TOKEN + wanted > target.context_tokens:
            return "context_too_long"
        unsaid = () if target.dialect is call.dialect else self._misfits(call, target)
        return "cannot_express:" + ",".join(unsaid) if unsaid else None

    def _refusal(self, call: Call, capability: Capability, *, verdict: Verdict, out: list[tuple[str, str]]) -> PointsmanError:
        kinds = {code.partition(":")[0] for _, code in out}
        if kinds <= {"policy", "person"}:
            return NoPlaceAllowed(capability=capability.name, data_class=verdict.label.text)
        if SWITCHED_OFF in kinds:
            return SwitchedOff(what=f"Every target of `{capability.name}` that may take this call")
        if NO_CREDENTIAL in kinds:
            return CredentialMissing(f"No target of `{capability.name}` has its credential. `pointsman check` names what is missing; set it.")
        if kinds <= {"policy", "person", "cannot_express"}:
            unsaid = next(filter(None, (self._misfits(call, target) for target in capability.ladder if verdict.permits(target))))
            return NotExpressible(fields=unsaid, capability=capability.name)
        return NoTargetFits(capability=capability.name, lacks=out)


def _needs(call: Call) -> frozenset[Feature]:
    """Return what a target must offer: what the call says, and what follows from how it asks."""
    needs = call.needs | _STREAM if call.stream else call.needs
    return needs | _PARALLEL if call.tool_choice is not None and call.tool_choice.parallel else needs
