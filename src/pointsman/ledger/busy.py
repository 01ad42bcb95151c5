"""
What a call on own hardware costs: the hourly price, shared over measured busy time.

While n calls run, each second of the hardware is shared by n. `V(t) = ∫ price / n(t) dt` over busy time makes a call's share V(end) − V(start),
known in constant time, and the shares of all calls add up to the hourly price of the busy time. The idle rest is the owner's, and is shown as such.
"""

from dataclasses import dataclass
from typing import Final

_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareTime:
    """A span of time of one deployment: seconds and nano-dollars that were paid for, and the part of both in which it was busy."""

    paid_s: float
    paid_nano_usd: int
    busy_s: float
    busy_nano_usd: int


class BusyMeter:
    """Measures one deployment, or a worker's part of one, from `now_s` on. Times are monotonic seconds."""

    def __init__(self, hourly_nano_usd: int, now_s: float) -> None:
        self._hourly = hourly_nano_usd
        self._running = 0
        self._share_nano = 0.0
        self._since = now_s
        self._paid_s = self._busy_s = 0.0
        self._paid_nano = self._busy_nano = 0.0

    def start(self, now_s: float) -> float:
        """Note that a call begins; return the mark to give back at its end."""
        self._advance(now_s)
        self._running += 1
        return self._share_nano

    def stop(self, mark: float, now_s: float) -> int:
        """Note that the call with this mark ends; return its share in nano-dollars."""
        self._advance(now_s)
        self._running -= 1
        return round(self._share_nano - mark)

    def reprice(self, hourly_nano_usd: int, now_s: float) -> None:
        """Change the hourly price from now on. Calls under way pay the old price for the time before."""
        self._advance(now_s)
        self._hourly = hourly_nano_usd

    def take(self, now_s: float) -> HardwareTime:
        """Return the time since this was last asked."""
        self._advance(now_s)
        taken = HardwareTime(paid_s=self._paid_s, paid_nano_usd=round(self._paid_nano), busy_s=self._busy_s, busy_nano_usd=round(self._busy_nano))
        # What rounding left over belongs to the next span, so that sums stay exact however often this is asked.
        self._paid_nano -= taken.paid_nano_usd
        self._busy_nano -= taken.busy_nano_usd
        self._paid_s = self._busy_s = 0.0
        return taken

    def _advance(self, now_s: float) -> None:
        passed_s, self._since = now_s - self._since, now_s
        worth_nano = passed_s * self._hourly / _HOUR_S
        self._paid_s += passed_s
        self._paid_nano += worth_nano
        if self._running:
            self._share_nano += worth_nano / self._running
            self._busy_s += passed_s
            self._busy_nano += worth_nano
