"""
What to do after a failure: the same target again, the next rung, or tell the caller. A table, not a guess.
"""

from dataclasses import dataclass
from typing import Final

from pointsman.core.capability import Retries
from pointsman.core.failure import Failure, FailureKind

_SAME: Final = "same"
_NEXT: Final = "next"
_END: Final = "end"

# With less time than this left, a call is over: a request sent now would be paid for and never read.
_LEAST_S: Final = 0.02

_AFTER: Final = {
    FailureKind.CONNECT: _SAME,
    FailureKind.TLS: _NEXT,
    FailureKind.TIMEOUT_CONNECT: _NEXT,
    FailureKind.TIMEOUT_FIRST_BYTE: _NEXT,
    FailureKind.TIMEOUT_GAP: _NEXT,
    FailureKind.TIMEOUT_TOTAL: _NEXT,  # the target's own time; that of the call is `left_s`
    FailureKind.RATE_LIMITED: _SAME,
    FailureKind.OVERLOADED: _SAME,
    FailureKind.SERVER_ERROR: _SAME,
    FailureKind.CREDENTIAL: _NEXT,
    FailureKind.NOT_FOUND: _NEXT,
    FailureKind.CONTEXT_LENGTH: _NEXT,
    FailureKind.REJECTED: _END,  # another vendor would be sent the same mistake
    FailureKind.CONTENT_REFUSED: _END,  # a refusal is never routed around
    FailureKind.BAD_ANSWER: _SAME,
    FailureKind.UNTRANSLATABLE: _NEXT,
    FailureKind.CUT: _SAME,
    FailureKind.BROKEN: _SAME,
    FailureKind.BUSY: _NEXT,
    FailureKind.SWITCHED_OFF: _NEXT,
}


@dataclass(frozen=True, slots=True)
class Again:
    """Try the same target after a wait."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class NextRung:
    """Leave this target."""


@dataclass(frozen=True, slots=True)
class End:
    """Tell the caller."""


NEXT: Final = NextRung()
END: Final = End()


def plan(failure: Failure, retries: Retries, *, tries_here: int, tries_total: int, left_s: float, chance: float) -> Again | NextRung | End:
    """
    Return the next step. `tries_here` and `tries_total` count the further tries already made, at this target and at all; `left_s` is what is
    left of the call's time; `chance` in [0, 1) spreads the waits.

    `Retry-After` is honoured: a wait that is too long, or longer than what is left, sends the call to the next rung.
    """
    after = _AFTER[failure.kind]
    if after is _END or left_s < _LEAST_S:
        return END
    if after is _NEXT or tries_here >= retries.per_target or tries_total >= retries.budget:
        return NEXT
    wait_s = failure.retry_after_s
    if wait_s is None:
        wait_s = min(retries.backoff_s * 2**tries_here, retries.longest_wait_s) * (0.5 + chance / 2)
    return Again(wait_s) if wait_s <= retries.longest_wait_s and wait_s + _LEAST_S <= left_s else NEXT
