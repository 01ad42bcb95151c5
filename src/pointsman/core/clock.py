"""
Time and chance, passed in: the only way the pipeline learns what time it is.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct


class Clock(Struct, frozen=True, kw_only=True):
    """
    `monotonic_s` measures spans, on the event loop's scale; `wall_ms` is Unix time in milliseconds; `sleep` waits seconds; `chance` is a number in [0, 1).
    """

    monotonic_s: Callable[[], float]
    wall_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
