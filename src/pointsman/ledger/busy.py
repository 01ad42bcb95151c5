"""
What a call on own hardware costs: the hourly price, shared over measured busy time.

While n calls run, each second of the hardware is shared by n. `V(t) = ∫ dt / n(t)` over busy time makes a call's share V(end) − V(start),
known in constant time, and the shares of all calls add up to the hourly price of the busy time. The idle rest is the owner's, and is shown as such.
"""

from typing import Final

_HOUR_S: Final = 3600


class BusyMeter:
    """Measures one deployment. Times are monotonic seconds."""

    def __init__(self, hourly_nano_usd: int) -> None:
        self._hourly = hourly_nano_usd
        self._running = 0
        self._virtual_s = 0.0
        self._busy_s = 0.0
        self._since = 0.0

    def start(self, now_s: float) -> float:
        """Note that a call begins; return the mark to give back at its end."""
        self._advance(now_s)
        self._running += 1
        return self._virtual_s

    def stop(self, mark: float, now_s: float) -> int:
        """Note that the call with this mark ends; return its share in nano-dollars."""
        self._advance(now_s)
        self._running -= 1
        return round((self._virtual_s - mark) * self._hourly / _HOUR_S)

    def take_busy_s(self, now_s: float) -> float:
        """Return the busy seconds since this was last asked."""
        self._advance(now_s)
        busy, self._busy_s = self._busy_s, 0.0
        return busy

    def _advance(self, now_s: float) -> None:
        if self._running:
            passed = now_s - self._since
            self._virtual_s += passed / self._running
            self._busy_s += passed
        self._since = now_s
