"""Spans and events are brought to the collector without anybody waiting, whatever the collector does."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from tests.ledger.entries import a_record
from tests.telemetry.collector import a_collector, eventually
from tests.telemetry.test_otlp import to

from pointsman.telemetry.courier import Courier
from pointsman.telemetry.events import Event
from pointsman.telemetry.otlp import Otlp
from pointsman.telemetry.spans import Span, spans_of

SPANS = spans_of(a_record(), {}, semconv="1.41")
EVENT = Event(name="gen_ai.evaluation.result", at_ns=1, attributes={"gen_ai.evaluation.name": "n"})


class Wall:
    """A collector that takes nothing until it is opened: a request to it hangs."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.breaks = False

    def _take(self, things: object = ()) -> bool:
        del things
        self.opened.wait(60)
        if self.breaks:
            raise RuntimeError("canary")
        return True

    def send_spans(self, spans: Sequence[Span]) -> bool:
        return self._take(spans)

    def send_events(self, events: Sequence[Event]) -> bool:
        return self._take(events)

    def send_metrics(self) -> bool | None:
        return self._take()

    def close(self) -> None:
        self.opened.set()


@contextmanager
def a_courier(url: str) -> Iterator[Courier]:
    courier = Courier(Otlp(to(url)), every_s=0.01, metrics_s=0.03, patience_s=0.5)
    try:
        yield courier
    finally:
        courier.close()


def test_what_is_taken_along_arrives() -> None:
    with a_collector() as collector, a_courier(collector.url) as courier:
        courier.take_spans(SPANS)
        courier.take_event(EVENT)
        eventually(lambda: len(collector.spans) == len(SPANS) and len(collector.events) == 1)
        assert (courier.waiting, courier.dropped, courier.is_failing) == (0, 0, False)


def test_what_is_left_at_the_end_is_sent() -> None:
    with a_collector() as collector:
        courier = Courier(Otlp(to(collector.url)), every_s=100, metrics_s=100)
        courier.take_spans(SPANS)
        courier.close()
        assert len(collector.spans) == len(SPANS)


def test_a_collector_that_is_away_is_told_once_and_what_it_missed_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with a_collector() as collector, a_courier(collector.url) as courier, caplog.at_level(logging.INFO):
        collector.status = 400
        for _ in range(3):
            courier.take_spans(SPANS)
            eventually(lambda: not courier.waiting)
        eventually(lambda: courier.dropped == 3 * len(SPANS))
        collector.status = 200
        courier.take_spans(SPANS)
        eventually(lambda: not courier.is_failing)
        said = [record.getMessage() for record in caplog.records]
        assert said[0] == "the collector (`telemetry.otlp`) does not take telemetry; it is left out until it does"
        assert said[1] == "the collector takes telemetry again; left out so far: 9 spans and events"
        assert len(said) == 2


def test_that_there_is_nothing_to_send_does_not_mean_that_the_collector_takes_telemetry(caplog: pytest.LogCaptureFixture) -> None:
    rounds = threading.Semaphore(0)

    class Closed(Wall):
        def send_spans(self, spans: Sequence[Span]) -> bool:
            del spans
            return False

        def send_metrics(self) -> bool | None:
            rounds.release()
            return None

    courier = Courier(Closed(), every_s=0.001, metrics_s=0.001)
    with caplog.at_level(logging.INFO):
        courier.take_spans(SPANS)
        eventually(lambda: courier.dropped == len(SPANS))
        for _ in range(3):
            assert rounds.acquire(timeout=20)
        courier.close()
    assert courier.is_failing
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_collector_that_hangs_makes_nobody_wait_and_fills_a_bounded_queue() -> None:
    wall = Wall()
    courier = Courier(wall, capacity=300, every_s=0.001, patience_s=0.05)
    for _ in range(500):
        courier.take_spans(SPANS)
    assert not wall.opened.is_set()  # all of them came back while the collector hangs
    assert courier.waiting <= 300
    assert courier.dropped >= 500 * len(SPANS) - 300 - 1000
    began = time.perf_counter()
    courier.close()
    assert time.perf_counter() - began < 1


def test_many_are_sent_before_their_time() -> None:
    with a_collector() as collector:
        courier = Courier(Otlp(to(collector.url)), every_s=100, metrics_s=100)
        for _ in range(400):
            courier.take_spans(SPANS)
        eventually(lambda: len(collector.spans) == 400 * len(SPANS))
        courier.close()


def test_whatever_breaks_on_the_way_is_a_collector_that_does_not_take() -> None:
    wall = Wall()
    wall.breaks = True
    wall.opened.set()
    courier = Courier(wall, every_s=0.001)
    courier.take_event(EVENT)
    eventually(lambda: courier.dropped == 1)
    assert courier.is_failing
    courier.close()
