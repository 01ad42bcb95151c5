"""
Refusals of a choice: no target can take the call as it is. And what is told where every rung was tried and none has an answer.
"""

from collections.abc import Sequence

from pointsman.core.attempt import Grade
from pointsman.core.errors import BadRequest, Exhausted, NotGoodEnough, PlaceFailed, PointsmanError, Refused


class NotExpressible(BadRequest):
    """The request uses features that no permitted target's protocol can express. Remedy: leave the named fields out, or add a target of that dialect."""

    code = "not_expressible"

    def __init__(self, *, fields: Sequence[str], capability: str) -> None:
        named = ", ".join(f"`{field}`" for field in fields)
        super().__init__(
            f"No target of `{capability}` can express {named}. Leave it out, or ask the owner of the capability for a target that speaks your protocol.",
            field=fields[0],
        )
        self.fields = tuple(fields)


class NoTargetFits(Refused):
    """Every permitted target lacks something the call needs. Remedy: shorten the prompt or leave the feature out, or add a target that offers it."""

    code = "no_target_fits"

    def __init__(self, *, capability: str, lacks: Sequence[tuple[str, str]]) -> None:
        listed = "; ".join(f"`{target}`: {why}" for target, why in lacks)
        super().__init__(f"No target of `{capability}` can take this call ({listed}). Change the call, or add a target that fits.")
        self.capability = capability
        self.lacks = tuple(lacks)


class SwitchedOff(Refused):
    """An operator shut off the capability, or every target that is left for the call. Remedy: wait; `pointsman switch list` tells who did it and why."""

    code = "switched_off"

    def __init__(self, *, what: str, why: str = "") -> None:
        told = f" ({why})" if why else ""
        super().__init__(f"{what} is switched off{told}. Try again later; `pointsman switch list` tells who did it, and `pointsman switch on` ends it.")
        self.what = what


def no_answer(capability: str, met: Sequence[object], *, failures: Sequence[PlaceFailed]) -> PointsmanError:
    """Return why no rung had an answer. `met` is what the rungs came to, in order: the grade of an answer, a refusal, or something else."""
    refusal = next((one for one in reversed(met) if isinstance(one, Refused)), None)
    if refusal is not None and not failures:
        return refusal.__cause__ if isinstance(refusal.__cause__, PlaceFailed) else refusal  # who should have summarised failed
    shortfall = next((one for one in reversed(met) if isinstance(one, Grade)), None)
    if shortfall is not None:
        return NotGoodEnough(capability=capability, says=shortfall.says)
    waits = [known.failure.retry_after_s for known in failures if known.failure.retry_after_s is not None]
    return Exhausted(capability=capability, failures=failures, retry_after_s=min(waits, default=None))
