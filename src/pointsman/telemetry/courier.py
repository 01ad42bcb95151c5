"""
Brings spans, events and metrics to a collector, from a bounded queue and a thread of its own.

Nobody ever waits for it: what does not fit, or is not taken, is left out and counted, and the log tells when that begins and when it is over.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from pointsman.telemetry.events import Event
from pointsman.telemetry.spans import Span

_LOG: Final = logging.getLogger("pointsman")
_MOST_AT_ONCE: Final = 1000
_T = TypeVar("_T")


class Sender(Protocol):
    """What sends; each tells whether what it was given was taken."""

    def send_spans(self, spans: Sequence[Span]) -> bool:
        """Send spans."""
        ...

    def send_events(self, events: Sequence[Event]) -> bool:
        """Send events."""
        ...

    def send_metrics(self) -> bool | None:
        """Send metrics; None where there are none yet, which tells nothing of the collector."""
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...


class Courier:
    """`capacity` bounds spans and events each; they are sent every `every_s` seconds, metrics every `metrics_s`; `patience_s` is how long closing may take."""

    def __init__(self, sender: Sender, *, capacity: int = 20_000, every_s: float = 1.0, metrics_s: float = 15.0, patience_s: float = 2.0) -> None:
        self._sender = sender
        self._capacity = capacity
        self._every_s = every_s
        self._metrics_s = metrics_s
        self._patience_s = patience_s
        self._spans: deque[Span] = deque()
        self._events: deque[Event] = deque()
        self._stop = threading.Event()
        self._nudge = threading.Event()
        self.dropped = 0
        self.is_failing = False
        self._thread = threading.Thread(target=self._run, name="pointsman-otlp", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many spans and events wait to be sent."""
        return len(self._spans) + len(self._events)

    def take_spans(self, spans: Sequence[Span]) -> None:
        """Take spans along; never waits."""
        self._take(self._spans, spans)

    def take_event(self, event: Event) -> None:
        """Take an event along; never waits."""
        self._take(self._events, (event,))

    def close(self) -> None:
        """Send what is left, for a bounded time."""
        self._stop.set()
        self._nudge.set()
        self._thread.join(self._patience_s)
        self._sender.close()
        self._thread.join(self._patience_s)

    def _take(self, queue: "deque[_T]", things: Sequence[_T]) -> None:
        if len(queue) + len(things) > self._capacity:
            self.dropped += len(things)
            return
        queue.extend(things)
        if len(queue) >= _MOST_AT_ONCE:
            self._nudge.set()

    def _run(self) -> None:
        metrics_at = time.monotonic() + self._metrics_s
        while not self._stop.is_set():
            self._nudge.wait(self._every_s)
            self._nudge.clear()
            self._send_waiting()
            if time.monotonic() >= metrics_at or self._stop.is_set():
                self._note(self._sent(self._sender.send_metrics), 0)
                metrics_at = time.monotonic() + self._metrics_s

    def _send_waiting(self) -> None:
        while self._spans:
            spans = _first(self._spans)
            self._note(self._sent(lambda spans=spans: self._sender.send_spans(spans)), len(spans))
        while self._events:
            events = _first(self._events)
            self._note(self._sent(lambda events=events: self._sender.send_events(events)), len(events))

    def _sent(self, send: "_Send") -> bool | None:
        try:
            return send()
        except Exception:  # noqa: BLE001 - whatever it is, calls are answered; it is told as what was not taken
            return False

    def _note(self, was_taken: bool | None, count: int) -> None:
        if was_taken is None:
            return
        if was_taken == self.is_failing:
            if was_taken:
                _LOG.info("the collector takes telemetry again; left out so far: %d spans and events", self.dropped)
            else:
                _LOG.warning("the collector (`telemetry.otlp`) does not take telemetry; it is left out until it does")
        self.is_failing = not was_taken
        if not was_taken:
            self.dropped += count


class _Send(Protocol):
    def __call__(self) -> bool | None: ...


def _first(queue: "deque[_T]") -> list[_T]:
    return [queue.popleft() for _ in range(min(len(queue), _MOST_AT_ONCE))]
