"""
May a call leave the incumbent: only under a certificate that is about exactly this, and still holds.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.decision.guarantee.certificate import Standing, preferred

OPEN: Final = "certified"
NOTHING_PROMISED: Final = "guarantee:none"
OTHER_CAPABILITY: Final = "guarantee:other_capability"
OTHER_INCUMBENT: Final = "guarantee:other_incumbent"
OTHER_PARAMETERS: Final = "guarantee:other_parameters"
OTHER_PROMISE: Final = "guarantee:other_promise"
LAPSED: Final = "guarantee:lapsed"
NOT_COVERED: Final = "guarantee:not_covered"
NOT_PREFERRED: Final = "guarantee:not_preferred"
BELOW: Final = "guarantee:below_threshold"


class Wish(Struct, frozen=True, kw_only=True):
    """
    Who wants to leave the incumbent for `target`. `advantages` is the predicted quality of each candidate less that of the incumbent.

    `loss` and `sure` are what the owner asks for now.
    """

    capability: str
    incumbent: str
    target: str
    advantages: Mapping[str, float]
    loss: float
    sure: float


class Gate(Struct, frozen=True):
    """Whether a call may leave the incumbent: `OPEN` is the only reason that lets it."""

    reason: str

    @property
    def is_open(self) -> bool:
        """Tell whether it may."""
        return self.reason == OPEN


def gate(standing: Standing | None, wish: Wish, *, now_ms: int, parameters: str) -> Gate:
    """Return whether the call may go to the target it wants. `parameters` is the digest of what predicted its advantages."""
    if standing is None:
        return Gate(NOTHING_PROMISED)
    closed = closed_for_all(standing, wish, now_ms=now_ms, parameters=parameters)
    if closed is not None:
        return Gate(closed)
    certificate = standing.certificate
    if wish.target not in certificate.targets or wish.target not in wish.advantages:
        return Gate(NOT_COVERED)
    if wish.target != preferred(certificate.targets, wish.advantages, lean=certificate.lean):
        return Gate(NOT_PREFERRED)
    if not wish.advantages[wish.target] >= certificate.threshold:
        return Gate(BELOW)
    return Gate(OPEN)


def closed_for_all(standing: Standing, wish: Wish, *, now_ms: int, parameters: str) -> str | None:
    """Return why no call of this capability may leave the incumbent, or None."""
    certificate = standing.certificate
    for differs, reason in (
        (wish.capability != certificate.capability, OTHER_CAPABILITY),
        (wish.incumbent != certificate.incumbent, OTHER_INCUMBENT),
        (parameters != certificate.parameters, OTHER_PARAMETERS),
        (wish.loss < certificate.loss or wish.sure > certificate.sure, OTHER_PROMISE),
        (not certificate.made_ms <= now_ms < certificate.lapses_ms, LAPSED),
    ):
        if differs:
            return reason
    return f"guarantee:{standing.drift.alarm}" if standing.drift.alarm else None
