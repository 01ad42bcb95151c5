"""
Is a target slower than it usually is: a brown-out answers, but late, and no failure tells of it.

Each target is measured by itself, against its own past. Times are compared as logarithms: a few slow answers among quick ones are no brown-out, most of the
last ones being several times slower than usual is. Pure, a microsecond each.
"""

from math import log
from typing import Final

from msgspec import Struct

from pointsman.core.reply import Usage

TIMES_SLOWER: Final = 4.0
LEAST_S: Final = 0.5  # slower by less than this is not worth moving for
KNOWN: Final = 20  # answers before anything is said of a target

_RECENT: Final = 0.3  # weight of the newest answer among the recent ones: the last five or so
_USUAL: Final = 0.02  # and in what is usual: the last hundred or so
_SLOWER: Final = log(TIMES_SLOWER)
_TOKENS: Final = 50  # a whole answer of so many tokens takes about twice as long as its first
_SHORTEST_S: Final = 1e-4
_ACCEPTED: Final = 30  # after so many slow answers that is what is usual


class Took(Struct, frozen=True):
    """How long a good answer took: to its first byte if it is a stream, else to its end, with the number of its tokens."""

    seconds: float
    tokens_out: int = 0
    is_stream: bool = False


def whole(seconds: float, usage: Usage | None) -> Took:
    """Return how long a whole answer took, whose tokens the vendor may have counted."""
    return Took(seconds, 0 if usage is None else usage.tokens_out)


class Pace(Struct):
    """What is known of a target: the mean logarithm of its times, lately and usually; how many were seen, and how many in a row were slow."""

    recent: float = 0.0
    usual: float = 0.0
    seen: int = 0
    slow: int = 0
    is_afresh: bool = False

    def took(self, seconds: float, *, tokens_out: int = 0) -> bool:
        """
        Take in how long an answer took; tell whether the target is browned out now. Then the next answer alone is believed: after a pause, what was
        slow before it says little.

        What is slow does not become usual, unless it lasts: a vendor that stays slower is not left for ever.
        """
        time = log(max(seconds / (1 + tokens_out / _TOKENS), _SHORTEST_S))
        self.seen += 1
        if self.seen <= KNOWN:
            self.usual += (time - self.usual) / self.seen
            self.recent = self.usual
            return False
        self.recent += (1.0 if self.is_afresh else _RECENT) * (time - self.recent)
        is_slow = self.recent - self.usual > _SLOWER
        self.slow = self.slow + 1 if is_slow else 0
        if self.slow >= _ACCEPTED:
            self.usual, self.slow, is_slow = self.recent, 0, False
        elif not is_slow:
            self.usual += _USUAL * (time - self.usual)
        self.is_afresh = is_slow and seconds >= LEAST_S
        return self.is_afresh
