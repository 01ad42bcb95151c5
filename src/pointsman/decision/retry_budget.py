"""
How many further tries a target may be given, over all calls: a share of what it is asked, so that trying again cannot double the load of what fails.

Each try, the first of a call or a further one, pays in `SHARE` of a try, and each further one takes one out: in a storm there is one for every four calls.
A trickle with time, and what is kept of quiet times, let few calls try again freely.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

SHARE: Final = 0.2
PER_S: Final = 1.0
MOST: Final = 20.0


class _Purse(Struct):
    tries: float
    at_s: float


class RetryBudget:
    """The budgets of all targets. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._purses: dict[str, _Purse] = {}

    def called(self, target: str) -> None:
        """Note a try at a target."""
        purse = self._purses.get(target)
        if purse is not None:
            purse.tries = min(purse.tries + SHARE, MOST)

    def take(self, target: str) -> bool:
        """Take one further try, if there is one."""
        now = self._now()
        purse = self._purses.setdefault(target, _Purse(MOST, now))
        purse.tries = min(purse.tries + PER_S * (now - purse.at_s), MOST)
        purse.at_s = now
        if purse.tries < 1:
            return False
        purse.tries -= 1
        return True
