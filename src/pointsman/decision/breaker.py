"""
Circuit breakers: a target that keeps failing is left alone for a while.

One breaker per target and class of failure, so that a spent rate limit does not close what a time-out would, nor the other way round.
Closed → open after enough failures in a row → after the cool-down one probe is let through → closed, or open for twice as long.
`Retry-After` opens at once, until then. A fault of the caller counts for nothing. Pure: the clock is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.core.failure import Failure, FailureKind

FAILURES_IN_A_ROW: Final = 5
COOL_DOWN_S: Final = 5.0
LONGEST_COOL_DOWN_S: Final = 120.0

_CLASSES: Final = MappingProxyType(
    {
        FailureKind.CONNECT: "unreachable",
        FailureKind.TLS: "unreachable",
        FailureKind.TIMEOUT_CONNECT: "unreachable",
        FailureKind.TIMEOUT_FIRST_BYTE: "slow",
        FailureKind.TIMEOUT_GAP: "slow",
        FailureKind.RATE_LIMITED: "limited",
        FailureKind.OVERLOADED: "failing",
        FailureKind.SERVER_ERROR: "failing",
        FailureKind.BAD_ANSWER: "failing",
        FailureKind.CUT: "failing",
        FailureKind.BROKEN: "failing",
        FailureKind.CREDENTIAL: "credential",
        FailureKind.NOT_FOUND: "credential",
    }
)


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float = 0.0
    cool_down_s: float = COOL_DOWN_S
    is_probing: bool = False


class Breakers:
    """The breakers of all targets. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_target: dict[str, dict[str, _Breaker]] = {}

    def open_class(self, target: str) -> str | None:
        """Return the class of failure for which the target is left alone now, or None. Asking changes nothing."""
        breakers = self._by_target.get(target)
        if breakers is None:
            return None
        now = self._now()
        return next((name for name, breaker in breakers.items() if breaker.open_until > now), None)

    def trying(self, target: str) -> None:
        """
        Note that an attempt begins. After a cool-down it is the probe: the others wait for what becomes of it.

        A probe may never return (its caller may go away), so they wait for one more cool-down at most.
        """
        breakers = self._by_target.get(target)
        if breakers is None:
            return
        now = self._now()
        for breaker in breakers.values():
            if breaker.open_until:
                breaker.is_probing = True
                if breaker.open_until <= now:
                    breaker.open_until = now + breaker.cool_down_s

    def succeeded(self, target: str) -> None:
        """Forget the target's failures. An answer to a call that began before a breaker opened does not close it."""
        breakers = self._by_target.get(target)
        if breakers is None:
            return
        now = self._now()
        kept = {name: breaker for name, breaker in breakers.items() if breaker.open_until > now and not breaker.is_probing}
        if kept:
            self._by_target[target] = kept
        else:
            del self._by_target[target]

    def failed(self, target: str, failure: Failure) -> None:
        """Count a failure."""
        name = _CLASSES.get(failure.kind)
        if name is None:
            return
        now = self._now()
        breaker = self._by_target.setdefault(target, {}).setdefault(name, _Breaker())
        breaker.failures += 1
        wait_s = min(failure.retry_after_s or 0.0, LONGEST_COOL_DOWN_S)
        if breaker.is_probing:
            breaker.is_probing = False
            breaker.cool_down_s = min(breaker.cool_down_s * 2, LONGEST_COOL_DOWN_S)
        if breaker.open_until or breaker.failures >= FAILURES_IN_A_ROW:
            wait_s = max(wait_s, breaker.cool_down_s)
        if wait_s:
            breaker.open_until = max(breaker.open_until, now + wait_s)
