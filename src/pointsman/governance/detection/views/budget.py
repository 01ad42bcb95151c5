"""
How much may be spent on reading a text in other forms: characters and time. What is left over then was not read, and the caller has to say so.
"""

from collections.abc import Callable


class SpentError(Exception):
    """The budget is used up."""


class Budget:
    """
    Characters and seconds for one text or call. `clock` gives seconds that only grow; without it time is free.

    Time counts only between `resume` and `pause`, so that what others do meanwhile costs nothing.
    """

    __slots__ = ("_characters", "_clock", "_since", "_time_s")

    def __init__(self, *, characters: int, clock: Callable[[], float] | None = None, time_s: float = 0.0) -> None:
        self._characters = characters
        self._clock = clock
        self._time_s = time_s
        self._since = clock() if clock else 0.0

    def pause(self) -> None:
        """Stop counting time."""
        if self._clock:
            self._time_s -= self._clock() - self._since

    def resume(self) -> None:
        """Count time again."""
        if self._clock:
            self._since = self._clock()

    @property
    def characters(self) -> int:
        """How many characters are left."""
        return self._characters

    def allow(self, characters: int) -> None:
        """Set how many characters are left."""
        self._characters = characters

    def spend(self, characters: int) -> None:
        """Take characters, and look at the time. Raises `SpentError`."""
        self._characters -= characters
        if self._characters < 0 or self.is_late:
            raise SpentError

    @property
    def is_late(self) -> bool:
        """Tell whether the time is used up."""
        return self._clock is not None and self._clock() - self._since > self._time_s
