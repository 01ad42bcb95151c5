"""
The desk: incidents with what was in force and what changed before, and the way back. And the watch that opens them.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_record
from tests.storage.databases import each_place

from pointsman.app.control_watch import Watch
from pointsman.app.incident_desk import Desk
from pointsman.app.switches import Off, switch_off
from pointsman.control.alerts.alert import Alert
from pointsman.control.alerts.telling import Alerts
from pointsman.control.snapshots.history import Kept, NoSuchSnapshot, Whole, history, keep
from pointsman.settings.mistakes import Mistake, SettingsInvalid
from pointsman.settings.workflows import Objective, Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.open import Place, open_reading, open_writing
from pointsman.storage.records import write_batch

__all__ = ["each_place"]

DAY_MS = 24 * HOUR_MS
GOOD, BAD = "aaaaaaaa11111111", "bbbbbbbb22222222"
FILES = {
    GOOD: {"pointsman.yaml": "targets: {acme/small: {model: one}}\n", "rules.csv": "old\n"},
    BAD: {"pointsman.yaml": "targets: {acme/small: {model: two}}\n"},
}
PROMISE = Objective(name="answered", workflow="support", kind="success", share=0.99, window_ms=30 * DAY_MS)


class House:
    """A ledger with a history, its desk and its alerts, at a time that is set."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.now_ms = START_MS
        self.number = 0
        self.told: list[str] = []
        self.desk = Desk(partial(open_reading, place), partial(open_writing, place), now_ms=lambda: self.now_ms, random_bits=self._next)
        self.alerts = Alerts(partial(open_writing, place), {"ops": lambda event: self.told.append(event.says)}, now_ms=lambda: self.now_ms)

    def _next(self) -> int:
        self.number += 1
        return self.number

    def do(self, work: Any, *args: Any, **more: Any) -> Any:
        db = open_writing(self.place)
        try:
            return work(db, *args, **more)
        finally:
            db.close()

    def took_effect(self, digest: str, *, at_ms: int, parent: str | None = None, author: str = "ada") -> None:
        self.do(keep, Kept(digest=digest, since_ms=at_ms, parent=parent, author=author), files=FILES[digest])

    def failed(self, number: int, *, first: int = 0) -> None:
        records = [a_record(first + index, at_ms=START_MS + first + index, status="exhausted", workflow="support", snapshot=BAD) for index in range(number)]
        self.do(write_batch, Batch(records=records))

    def watch(self, *, opens: bool = True) -> Watch:
        workflows = [Workflow(name="support", capabilities=("support",), objectives=(PROMISE,))]
        return Watch(partial(open_reading, self.place), lambda: workflows, alerts=self.alerts, incidents=lambda: self.desk if opens else None)


@pytest.fixture
def house(each_place: Place) -> House:
    return House(each_place)


def test_an_incident_says_what_was_in_force_and_what_changed_before(house: House) -> None:
    house.took_effect(GOOD, at_ms=START_MS - 20 * DAY_MS)
    house.took_effect(BAD, at_ms=START_MS - 2 * HOUR_MS, parent=GOOD, author="bob")
    house.do(switch_off, Off(kind="vendor", name="acme", since_ms=START_MS - HOUR_MS, actor="ada", reason="It lies."))
    house.alerts.tell(Alert(kind="budget", subject="team-a", rule="0.8", says="It is nearly spent.", value=1, threshold=1))
    found = house.desk.open("Answers are wrong", by="ada", workflow="support", since_ms=START_MS - HOUR_MS)
    story = house.desk.story(found.incident_id)
    assert story.incident.snapshot == BAD
    assert [(note.kind, note.actor, note.says) for note in story.timeline] == [
        ("opened", "ada", "Answers are wrong"),
        (
            "changed",
            "bob",
            f"Snapshot `{BAD}` took effect. The target `acme/small`: `model` is two, and was one. The file `rules.csv` is no part of it any more.",
        ),
        ("switched", "ada", "The vendor `acme` was switched off by ada: It lies."),
        ("alert", "pointsman", "It is nearly spent."),
    ]
    assert story.before is not None
    assert story.before.digest == GOOD
    assert [one.name for one in story.switches] == ["acme"]
    assert [note.kind for note in house.desk.changes(since_ms=START_MS - DAY_MS, until_ms=START_MS + 1)] == ["changed", "switched", "alert"]


def test_without_a_history_an_incident_opens_all_the_same(house: House) -> None:
    story = house.desk.story(house.desk.open("Something", by="ada").incident_id)
    assert (story.incident.snapshot, story.before, story.met.met) == ("", None, ())


def test_a_timeline_is_told_and_closed(house: House) -> None:
    one = house.desk.open("Something", by="ada")
    house.desk.note(one.incident_id, "Looking.", by="bob")
    house.desk.close(one.incident_id, "It was the vendor.", by="bob")
    assert [note.says for note in house.desk.story(one.incident_id).timeline] == ["Something", "Looking.", "It was the vendor."]
    assert house.desk.list(closed_too=False) == ()
    assert [found.incident_id for found in house.desk.list()] == [one.incident_id]
    assert house.desk.list(before=one.incident_id) == ()


# ── the watch ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_burns_is_told_once_and_opens_one_incident(house: House) -> None:
    house.took_effect(BAD, at_ms=START_MS - HOUR_MS)
    house.failed(20)
    house.now_ms = START_MS + 60_000
    watch = house.watch()
    for _ in range(3):
        assert [burn.rule.name for burn in watch.look(house.now_ms)] == ["fast"]
        house.now_ms += 15_000
    (one,) = house.desk.list()
    assert len(house.told) == 1
    assert (one.workflow, one.cause.split("|")[:3], one.severity, one.title) == ("support", ["burn", "support/answered", "fast"], "page", house.told[0])
    story = house.desk.story(one.incident_id)
    assert story.affected.failed == 20
    assert len(story.met.met) == 20
    assert [note.kind for note in story.timeline] == ["opened", "changed"]  # the alert itself is the title


def test_an_alert_that_comes_again_joins_the_incident_that_is_open(house: House) -> None:
    house.failed(20)
    house.now_ms = START_MS + 60_000
    watch = house.watch()
    watch.look(house.now_ms)
    house.now_ms += 2 * HOUR_MS
    house.failed(20, first=2 * HOUR_MS)
    watch.look(house.now_ms)
    (one,) = house.desk.list()
    assert [note.kind for note in house.desk.story(one.incident_id).timeline] == ["opened", "alert"]


def test_where_the_settings_say_so_nothing_opens(house: House) -> None:
    house.failed(20)
    house.now_ms = START_MS + 60_000
    house.watch(opens=False).look(house.now_ms)
    assert (len(house.told), house.desk.list()) == (1, ())


def test_a_ledger_that_cannot_be_asked_is_told_and_asked_again(tmp_path: Path) -> None:
    house = House(tmp_path / "ledger.db")
    watch = house.watch()
    assert watch.look(START_MS) == ()
    assert watch.trouble == "objectives were not looked at (Unusable)"
    house.failed(1)
    watch.look(START_MS)
    assert watch.trouble is None


# ── the way back ────────────────────────────────────────────────────────────────────────────────────────────────────


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder / "pointsman.yaml"


def present(digest: str = BAD) -> Whole:
    return Whole(kept=Kept(digest=digest, since_ms=START_MS, parent=None, author="ada"), files=FILES[BAD])


def test_the_snapshot_before_comes_back_and_says_what_that_changes(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, FILES[BAD])
    house.took_effect(GOOD, at_ms=START_MS - DAY_MS)
    house.took_effect(BAD, at_ms=START_MS - HOUR_MS, parent=GOOD)
    done = house.desk.roll_back(path, check=lambda: None, present=present())
    assert (done.to.digest, done.files) == (GOOD, ("pointsman.yaml", "rules.csv"))
    assert done.difference.sentences[0] == "The target `acme/small`: `model` is one, and was two."
    assert {name: (tmp_path / name).read_text() for name in FILES[GOOD]} == FILES[GOOD]


def test_what_was_never_in_force_is_put_on_record_before_it_is_written_over(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, FILES[BAD])
    house.took_effect(GOOD, at_ms=START_MS - DAY_MS)
    house.desk.roll_back(path, check=lambda: None, present=present("cccccccc33333333"), to=GOOD[:6])
    assert [one.digest for one in house.do(history)] == ["cccccccc33333333", GOOD]


def test_with_nothing_before_nothing_is_written(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, FILES[BAD])
    house.took_effect(BAD, at_ms=START_MS - HOUR_MS)
    with pytest.raises(NoSuchSnapshot):
        house.desk.roll_back(path, check=lambda: None, present=present())
    assert path.read_text() == FILES[BAD]["pointsman.yaml"]


def test_a_snapshot_that_is_wrong_by_now_does_not_come_back(house: House, tmp_path: Path) -> None:
    path = written(tmp_path, FILES[BAD])
    house.took_effect(GOOD, at_ms=START_MS - DAY_MS)

    def check() -> None:
        raise SettingsInvalid([Mistake(file="pointsman.yaml", path="", line=1, says="it is wrong.", remedy="Correct it.")])

    with pytest.raises(SettingsInvalid):
        house.desk.roll_back(path, check=check, present=present(), to=GOOD)
    assert (path.read_text(), (tmp_path / "rules.csv").exists()) == (FILES[BAD]["pointsman.yaml"], False)
