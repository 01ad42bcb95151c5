"""
Circuit breakers: a target that keeps failing is left alone for a while.

One breaker per target and class of failure, so that a spent rate limit does not close what a time-out would, nor the other way round.
Closed → open after enough failures in a row → after the cool-down one probe is let through → closed, or open for twice as long.
`Retry-After` opens at once, until then, and so does a refused credential: it is not refused by chance. A target that answers, but much slower than it
usually does, is left alone like one that fails (`pace`). A fault of the caller counts for nothing. Pure: the clock is passed in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.core.failure import Failure, FailureKind
from pointsman.decision.pace import Pace, Took
from pointsman.decision.retry_budget import RetryBudget

FAILURES_IN_A_ROW: Final = 5
COOL_DOWN_S: Final = 5.0
LONGEST_COOL_DOWN_S: Final = 120.0
BROWN_OUT: Final = "brown_out"
CREDENTIAL: Final = "credential"

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
        FailureKind.CREDENTIAL: CREDENTIAL,
        FailureKind.NOT_FOUND: CREDENTIAL,
    }
)
_COOL_DOWNS_S: Final = MappingProxyType({CREDENTIAL: 30.0})
_IN_A_ROW: Final = MappingProxyType({CREDENTIAL: 1, BROWN_OUT: 1})


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float = 0.0
    cool_down_s: float = COOL_DOWN_S
    is_probing: bool = False


def _untold(target: str, name: str) -> None:
    del target, name


class Breakers:
    """
    The breakers of all targets. `now` is a monotonic clock in seconds; `tell(target, class)` hears of each that opens after having been closed.
    """

    def __init__(self, now: Callable[[], float], *, tell: Callable[[str, str], None] = _untold) -> None:
        self._now = now
        self._tell = tell
        self._by_target: dict[str, dict[str, _Breaker]] = {}
        self._paces: dict[tuple[str, bool], Pace] = {}
        self._accounts: Mapping[str, object] = {}
        self._budget = RetryBudget(now)

    def may_try_again(self, target: str) -> bool:
        """Take one of the further tries that the target has for all calls together; tell whether there was one."""
        return self._budget.take(target)

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
        self._budget.called(target)
        breakers = self._by_target.get(target)
        if breakers is None:
            return
        now = self._now()
        for breaker in breakers.values():
            if breaker.open_until:
                breaker.is_probing = True
                if breaker.open_until <= now:
                    breaker.open_until = now + breaker.cool_down_s

    def succeeded(self, target: str, took: Took | None = None) -> None:
        """
        Forget the target's failures, and take in how long it took. An answer to a call that began before a breaker opened does not close it.

        An answer that shows a brown-out counts as a failure of that class.
        """
        is_slow = took is not None and self._pace(target, took).took(took.seconds, tokens_out=took.tokens_out)
        if is_slow:
            self._count(target, BROWN_OUT, wait_s=0.0)
        breakers = self._by_target.get(target)
        if breakers is None:
            return
        now = self._now()
        kept = {name: breaker for name, breaker in breakers.items() if (breaker.open_until > now and not breaker.is_probing) or (is_slow and name == BROWN_OUT)}
        if kept:
            self._by_target[target] = kept
        else:
            del self._by_target[target]

    def asked_with(self, accounts: Mapping[str, object]) -> None:
        """Note what each target is asked with from now on. Where that is new, what the target refused before counts no more."""
        for target, account in accounts.items():
            if self._accounts.get(target) != account:
                self._by_target.get(target, {}).pop(CREDENTIAL, None)
        self._accounts = accounts

    def failed(self, target: str, failure: Failure) -> None:
        """Count a failure."""
        name = _CLASSES.get(failure.kind)
        if name is None:
            return
        self._count(target, name, wait_s=min(failure.retry_after_s or 0.0, LONGEST_COOL_DOWN_S))

    def _pace(self, target: str, took: Took) -> Pace:
        pace = self._paces.get((target, took.is_stream))
        if pace is None:
            pace = self._paces[target, took.is_stream] = Pace()
        return pace

    def _count(self, target: str, name: str, *, wait_s: float) -> None:
        now = self._now()
        breaker = self._by_target.setdefault(target, {}).setdefault(name, _Breaker(cool_down_s=_COOL_DOWNS_S.get(name, COOL_DOWN_S)))
        breaker.failures += 1
        if breaker.is_probing:
            breaker.is_probing = False
            breaker.cool_down_s = min(breaker.cool_down_s * 2, LONGEST_COOL_DOWN_S)
        if breaker.open_until or breaker.failures >= _IN_A_ROW.get(name, FAILURES_IN_A_ROW):
            wait_s = max(wait_s, breaker.cool_down_s)
        if wait_s:
            if not breaker.open_until:
                self._tell(target, name)
            breaker.open_until = max(breaker.open_until, now + wait_s)
