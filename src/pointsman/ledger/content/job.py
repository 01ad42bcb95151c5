"""
The retention job of a running gateway: called every minute from a thread, it erases what came late, and once an hour lets go what has had its time.

A clock that jumps must not delete what is still to be kept: when the calendar moved far more than the time that passed, the job waits for a person.
"""

import logging
from collections.abc import Callable
from typing import Final

from pointsman.core.clock import Clock
from pointsman.ledger.content.erasure import erase_again
from pointsman.ledger.content.expiry import Expired, copy_keys, expire
from pointsman.ledger.content.opening import Files
from pointsman.settings.retention_compile import Retention

_LOG: Final = logging.getLogger("pointsman")
_EVERY_S: Final = 3600.0
_LATE_MS: Final = 7_200_000
_JUMP_S: Final = 7 * 86_400.0  # a machine that sleeps over a long weekend has not jumped


class RetentionJob:
    """
    Keeps a gateway's files within their retention.

    `forget` is told each tenant of which a subject was erased since the last run: answers that are remembered for it must go. Its first run does again
    what every tombstone says, because the files may come from a backup.
    """

    def __init__(self, files: Files, *, clock: Clock, forget: Callable[[str], None]) -> None:
        self._files = files
        self._clock = clock
        self._forget = forget
        self._last: tuple[int, float] | None = None
        self._next_s = 0.0
        self._seen_ms = -1

    def run(self, retention: Retention) -> Expired | None:
        """Do what is due; return what went, or None if it was not yet time for that. Raises `sqlite3.Error` and `PointsmanError`."""
        wall_ms, monotonic_s = self._clock.wall_ms(), self._clock.monotonic_s()
        self._erase_again(wall_ms)
        if self._has_jumped(wall_ms, monotonic_s) or (self._last is not None and monotonic_s < self._next_s):
            return None
        self._last = (wall_ms, monotonic_s)
        self._next_s = monotonic_s + _EVERY_S
        copy_keys(self._files, now_ms=wall_ms)
        return expire(self._files, retention, now_ms=wall_ms)

    def _erase_again(self, wall_ms: int) -> None:
        first = self._seen_ms < 0
        fresh = [stone for stone in self._files.keys.tombstones() if stone.erased_ms > self._seen_ms]
        if first or any(stone.erased_ms > wall_ms - _LATE_MS for stone in self._files.keys.tombstones()):
            erase_again(self._files, since_ms=0 if first else wall_ms - _LATE_MS)
        for tenant in sorted({stone.tenant for stone in fresh}):
            self._forget(tenant)
        self._seen_ms = max([0, self._seen_ms, *(stone.erased_ms for stone in fresh)])

    def _has_jumped(self, wall_ms: int, monotonic_s: float) -> bool:
        if self._last is None:
            return False
        moved_s = (wall_ms - self._last[0]) / 1000 - (monotonic_s - self._last[1])
        if moved_s > _JUMP_S:
            _LOG.error("the clock moved ahead by %d s at once; nothing is deleted until the gateway is started again", moved_s)
        return moved_s > _JUMP_S
