"""
Refusals of a choice: no target can take the call as it is.
"""

from collections.abc import Sequence

from pointsman.core.errors import BadRequest, Refused


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
