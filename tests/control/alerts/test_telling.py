"""
Alerts are told once for each rule and period: over restarts and by several replicas, and again later to whoever did not take them.
"""

import threading
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from tests.storage.databases import each_place

from pointsman.control.alerts.alert import Alert, Event
from pointsman.control.alerts.telling import Alerts, recent
from pointsman.storage.open import Place, open_writing
from pointsman.transport.post import Undelivered

__all__ = ["each_place"]

START_MS = 1_767_225_600_000
MINUTE_MS = 60_000


class Inbox:
    """A channel that keeps what it takes, and takes nothing while it is `down`."""

    def __init__(self) -> None:
        self.got: list[Event] = []
        self.is_down = False

    def __call__(self, event: Event) -> None:
        if self.is_down:
            raise Undelivered("nobody is there")
        self.got.append(event)


class Replica:
    """One gateway's alerts, with a clock that is set."""

    def __init__(self, place: Place, **channels: Inbox) -> None:
        self.now_ms = START_MS
        self.place = place
        self.alerts = Alerts(partial(open_writing, place), channels, now_ms=lambda: self.now_ms)

    def later(self, ms: int) -> int:
        self.now_ms += ms
        return self.alerts.again()

    def events(self) -> list[Event]:
        db = open_writing(self.place)
        try:
            return list(recent(db, since_ms=0, until_ms=self.now_ms + 1))
        finally:
            db.close()


def an_alert(**more: Any) -> Alert:
    whole: dict[str, Any] = {"kind": "budget", "subject": "team-a", "rule": "0.8", "says": "It is nearly spent.", "value": 0.8, "threshold": 0.8, **more}
    return Alert(**whole)


def test_an_alert_is_told_once_in_its_period(each_place: Place) -> None:
    inbox = Inbox()
    one = Replica(each_place, ops=inbox)
    assert one.alerts.tell(an_alert(period="2026-01"))
    assert not one.alerts.tell(an_alert(period="2026-01"))
    assert one.alerts.tell(an_alert(period="2026-02"))
    assert [event.event_id for event in inbox.got] == ["budget|team-a|0.8|2026-01", "budget|team-a|0.8|2026-02"]
    assert all(event.told_ms == START_MS and event.is_told for event in one.events())


def test_a_restart_tells_nothing_again(each_place: Place) -> None:
    inbox = Inbox()
    Replica(each_place, ops=inbox).alerts.tell(an_alert())
    again = Replica(each_place, ops=inbox)
    assert not again.alerts.tell(an_alert())
    assert again.later(10 * MINUTE_MS) == 0
    assert len(inbox.got) == 1


def test_of_several_replicas_that_tell_at_once_one_does(each_place: Place) -> None:
    inbox = Inbox()
    replicas = [Replica(each_place, ops=inbox) for _ in range(4)]
    gate = threading.Barrier(len(replicas))

    def tell(one: Replica) -> None:
        gate.wait()
        one.alerts.tell(an_alert())

    threads = [threading.Thread(target=tell, args=(one,)) for one in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inbox.got) == 1


def test_of_several_threads_one_tells_at_a_time(each_place: Place) -> None:
    """What is known of who did not take an alert is one thread's at a time."""
    inside, met = threading.Barrier(2), list[Event]()

    def channel(event: Event) -> None:
        with suppress(threading.BrokenBarrierError):
            inside.wait(0.1)
            met.append(event)

    alerts = Alerts(partial(open_writing, each_place), {"ops": channel}, now_ms=lambda: START_MS)
    threads = [threading.Thread(target=alerts.tell, args=(an_alert(period=period),)) for period in ("1", "2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []


def test_the_log_names_the_alert_and_who_did_not_take_it(each_place: Place, guarded_log: pytest.LogCaptureFixture) -> None:
    down = Inbox()
    down.is_down = True
    Replica(each_place, ops=down).alerts.tell(an_alert(period="2026-01"))
    assert "the alert `budget|team-a|0.8|2026-01` was not taken by `ops` and is told again later: nobody is there" in guarded_log.text


def test_within_its_quiet_time_another_period_is_not_told(each_place: Place) -> None:
    """A burn that goes on over the border of two periods is one burn."""
    inbox = Inbox()
    one = Replica(each_place, ops=inbox)
    assert one.alerts.tell(an_alert(period="1", quiet_ms=MINUTE_MS))
    one.now_ms += MINUTE_MS // 2
    assert not one.alerts.tell(an_alert(period="2", quiet_ms=MINUTE_MS))
    one.now_ms += MINUTE_MS
    assert one.alerts.tell(an_alert(period="2", quiet_ms=MINUTE_MS))


def test_whoever_did_not_take_it_is_told_again_and_nobody_else(each_place: Place) -> None:
    ops, boss = Inbox(), Inbox()
    ops.is_down = True
    one = Replica(each_place, ops=ops, boss=boss)
    one.alerts.tell(an_alert())
    assert one.alerts.trouble == "`ops`: nobody is there"
    assert not one.events()[0].is_told
    assert one.later(1_000) == 0  # it is too early
    assert one.later(4_000) == 1
    ops.is_down = False
    assert one.later(60_000) == 1
    assert (len(ops.got), len(boss.got)) == (1, 1)
    assert one.alerts.trouble is None
    assert one.events()[0].is_told


def test_waits_grow_and_end_after_a_day(each_place: Place) -> None:
    down = Inbox()
    down.is_down = True
    one = Replica(each_place, ops=down)
    one.alerts.tell(an_alert())
    assert [minute for minute in range(16) if one.later(MINUTE_MS)] == [0, 1, 3, 7, 15]
    assert [minute for minute in range(0, 40, 5) if one.later(5 * MINUTE_MS)] == [5, 15, 25, 35]  # ten minutes at most
    one.now_ms = START_MS + 24 * 60 * MINUTE_MS
    assert one.later(0) == 0
    assert one.alerts.trouble is None  # nobody waits for it any more


def test_another_replica_takes_over_only_from_one_that_is_gone(each_place: Place) -> None:
    inbox = Inbox()
    inbox.is_down = True
    dead, alive = Replica(each_place, ops=inbox), Replica(each_place, ops=inbox)
    dead.alerts.tell(an_alert())
    inbox.is_down = False
    assert alive.later(10_000) == 0
    assert alive.later(2 * MINUTE_MS) == 1
    assert len(inbox.got) == 1
    dead.now_ms = alive.now_ms
    assert dead.alerts.again() == 0
    assert dead.alerts.trouble is None


def test_without_channels_an_alert_is_on_record_all_the_same(each_place: Place) -> None:
    one = Replica(each_place)
    assert one.alerts.tell(an_alert())
    assert [event.told_ms for event in one.events()] == [None]
    assert one.later(10 * MINUTE_MS) == 0


def test_a_channel_that_was_taken_out_is_waited_for_no_more(each_place: Place) -> None:
    down = Inbox()
    down.is_down = True
    one = Replica(each_place, ops=down)
    one.alerts.tell(an_alert())
    one.alerts.use({})
    assert one.alerts.trouble is None
    assert one.later(MINUTE_MS) == 1
    assert one.events()[0].is_told


@pytest.mark.parametrize("span", [(START_MS + 1, START_MS + 2), (0, START_MS)])
def test_what_was_told_is_asked_for_by_span(each_place: Place, span: tuple[int, int]) -> None:
    Replica(each_place).alerts.tell(an_alert())
    db = open_writing(each_place)
    assert recent(db, since_ms=span[0], until_ms=span[1]) == ()
    db.close()
