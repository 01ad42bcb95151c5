"""
Nothing lives past its end, nothing goes before its floor, and what is held stays.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.content.kept import CANARY, DAY_MS, NOW_MS, a_call_of, a_said, book, bytes_of, files_holding, files_in, keep
from tests.ledger.content.test_erasure import ADA, rows
from tests.ledger.entries import an_outcome, write
from tests.values import Time

from pointsman.ledger.content.erasure import erase
from pointsman.ledger.content.expiry import Expired, copy_keys, expire
from pointsman.ledger.content.holds import Hold
from pointsman.ledger.content.job import RetentionJob
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.opening import Files
from pointsman.ledger.content.records import ContentRecord
from pointsman.ledger.content.store import ContentStore
from pointsman.settings.retention_compile import Retention, retention_of
from pointsman.settings.retention_shape import Retention as Told
from pointsman.storage.content_files import open_file
from pointsman.storage.database import open_database

HOUR_MS = 3_600_000


@pytest.fixture
def files(tmp_path: Path) -> Any:
    with files_in(tmp_path, copies=True) as found:
        yield found


def retention(**section: Any) -> Retention:
    return retention_of(msgspec.convert(section, Told))


def alive(files: Files) -> set[str]:
    with closing(open_file(files.content, "content")) as connection:
        return {call_id for (call_id,) in connection.execute("SELECT call_id FROM content")}


def test_content_goes_at_its_end_and_not_before(files: Files) -> None:
    record = a_said(until_ms=NOW_MS + 1000)
    keep(files, record)
    assert expire(files, retention(), now_ms=NOW_MS + 999).content == 0
    assert alive(files) == {record.call_id}
    assert expire(files, retention(), now_ms=NOW_MS + 1000).content == 1
    assert alive(files) == set()


def test_what_is_kept_of_a_prompt_goes_when_its_content_would_and_the_record_stays(files: Files) -> None:
    book(files, a_call_of(ADA, 1, features="AAAA"), a_call_of(ADA, 2, features="BBBB", data_class="personal"), a_call_of(ADA, 3, features="CCCC"))
    told = retention(content_for="30d", classes={"personal": {"content_for": "7d"}})
    kept = "SELECT features FROM decision ORDER BY call_id"

    expire(files, told, now_ms=NOW_MS + 8 * DAY_MS)
    assert [row[0] for row in rows(files, kept)] == ["AAAA", None, "CCCC"]
    expire(files, told, now_ms=NOW_MS + 31 * DAY_MS)
    assert [row[0] for row in rows(files, kept)] == [None, None, None]
    assert len(rows(files, "SELECT call_id FROM call")) == 3


def test_a_dry_run_counts_and_deletes_nothing(files: Files) -> None:
    keep(files, a_said(1, until_ms=NOW_MS + 1), a_said(2))
    book(files, a_call_of(ADA, 1), a_call_of(ADA, 2, at_ms=NOW_MS + 9 * DAY_MS))
    told = retention(records_for="5d")
    planned = expire(files, told, now_ms=NOW_MS + 9 * DAY_MS, dry_run=True)
    assert (planned.content, planned.calls) == (1, 1)
    assert len(alive(files)) == 2
    done = expire(files, told, now_ms=NOW_MS + 9 * DAY_MS)
    assert (done.content, done.calls, done.days) == (1, 1, 1)
    assert (len(alive(files)), rows(files, "SELECT COUNT(*) FROM call"), rows(files, "SELECT COUNT(*) FROM attempt")) == (1, [(1,)], [(1,)])


def test_when_a_day_is_over_its_key_goes_so_that_backups_of_its_content_are_dead_too(files: Files) -> None:
    record = a_said(until_ms=NOW_MS + 1)
    keep(files, record)
    backup = files.content.read_bytes()
    expire(files, retention(), now_ms=NOW_MS + DAY_MS)
    files.content.write_bytes(backup)
    store = ContentStore(files.content, files.keys)
    assert store.read(record.call_id, who="tests") is None
    store.close()


def test_what_went_is_in_no_byte_of_the_files(files: Files, tmp_path: Path) -> None:
    keep(files, *[a_said(number, until_ms=NOW_MS + number % 2) for number in range(200)])
    with closing(open_file(files.content, "content")) as connection:
        sealed = [bytes(one) for (one,) in connection.execute("SELECT request FROM content WHERE until_ms = ?", (NOW_MS,))]
    book(files, *[a_call_of(f"user-{number:04}@example.com", number, at_ms=NOW_MS + number) for number in range(2000)])
    assert len([held for held in bytes_of(tmp_path).values() if sealed[0] in held]) == 1
    assert expire(files, retention(records_for="1d"), now_ms=NOW_MS + DAY_MS + 1000).calls == 1000
    held = b"".join(bytes_of(tmp_path).values())
    assert not [one for one in sealed if one in held]
    assert not [number for number in range(1000) if f"user-{number:04}@".encode() in held]
    assert f"user-{1500:04}@".encode() in held
    assert files_holding(tmp_path, CANARY) == []


@given(
    records=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6),
    ticks=st.lists(st.integers(0, 90), min_size=1, max_size=5).map(sorted),
)
@settings(max_examples=4, deadline=None)
def test_no_content_lives_past_its_end_and_a_tick_and_none_goes_before(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, int]], ticks: list[int]
) -> None:
    with files_in(tmp_path_factory.mktemp("law")) as files:
        made = [
            a_said(number, said_ms=NOW_MS + said * HOUR_MS, until_ms=NOW_MS + (said + kept) * HOUR_MS, not_before_ms=NOW_MS + (said + 99) * HOUR_MS)
            for number, (said, kept) in enumerate(records)
        ]
        keep(files, *made)
        for tick in ticks:
            expire(files, retention(), now_ms=NOW_MS + tick * HOUR_MS)
            assert alive(files) == {one.call_id for one in made if one.until_ms > NOW_MS + tick * HOUR_MS}


_CLASS = st.sampled_from(["internal", "personal", "financial", "internal+personal", "financial+internal"])


@given(calls=st.lists(st.tuples(st.integers(0, 60), _CLASS), min_size=1, max_size=8), tick=st.integers(0, 120))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_record_lives_past_its_ceiling_and_a_tick_and_none_goes_before_its_floor(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, str]], tick: int
) -> None:
    told = retention(records_for="30d", classes={"personal": {"records_for": "10d"}, "financial": {"records_for": "50d", "records_at_least": "40d"}})
    lasts = {"internal": 30, "personal": 10, "financial": 50, "internal+personal": 10, "financial+internal": 50}
    with files_in(tmp_path_factory.mktemp("law")) as files:
        book(files, *[a_call_of(None, number, at_ms=NOW_MS + day * DAY_MS, data_class=name) for number, (day, name) in enumerate(calls)])
        expire(files, told, now_ms=NOW_MS + tick * DAY_MS + 1)
        left = [(started - NOW_MS) // DAY_MS for (started,) in rows(files, "SELECT started_ms FROM call")]
        assert sorted(left) == sorted(day for day, name in calls if day + lasts[name] > tick)


def test_outcomes_go_when_no_record_could_still_be_there(files: Files) -> None:
    book(files)
    told = retention(records_for="10d", classes={"financial": {"records_for": "40d"}})
    with closing(open_database(Path(files.ledger))) as connection:
        outcomes = [an_outcome("t", f"o-{day}", tenant="acme", at_ms=NOW_MS + day * DAY_MS) for day in (0, 20, 30)]
        write(connection, [], outcomes=outcomes, hardware=[])
    for dry_run in (True, False):
        assert expire(files, told, now_ms=NOW_MS + 65 * DAY_MS, dry_run=dry_run).outcomes == 2
    assert rows(files, "SELECT outcome_id FROM outcome") == [("o-30",)]
    assert expire(files, retention(), now_ms=NOW_MS + 999 * DAY_MS).outcomes == 0


@pytest.mark.parametrize(("kind", "name"), [("subject", ADA), ("unit", "ticket-1"), ("tenant", "")])
def test_what_is_held_stays_past_every_ceiling_and_goes_once_it_is_released(files: Files, kind: str, name: str) -> None:
    held, other = a_said(1, until_ms=NOW_MS + 1), a_said(2, tenant="beta", until_ms=NOW_MS + 1)
    keep(files, held, other)
    book(files, a_call_of(ADA, 1, unit="ticket-1"), a_call_of(ADA, 3, unit="ticket-1"))
    files.keys.holds.put(Hold(tenant="acme", kind=kind, name=name, held_ms=NOW_MS, who="legal", why="case 7"))
    told = retention(records_for="1d")
    for dry_run in (True, False):
        done = expire(files, told, now_ms=NOW_MS + 400 * DAY_MS, dry_run=dry_run)
        assert (done.content, done.calls) == (1, 0)
    assert alive(files) == {held.call_id}
    store = ContentStore(files.content, files.keys)
    assert store.read(held.call_id, who="legal") is not None  # its day's key is still there
    store.close()
    files.keys.holds.release("acme", kind, name=name)
    assert expire(files, told, now_ms=NOW_MS + 400 * DAY_MS) == Expired(content=1, calls=2, days=1)


def test_an_outcome_of_a_held_unit_stays(files: Files) -> None:
    book(files)
    with closing(open_database(Path(files.ledger))) as connection:
        write(connection, [], outcomes=[an_outcome(f"ticket-{n}", f"o-{n}", tenant="acme", at_ms=NOW_MS) for n in (1, 2)], hardware=[])
    files.keys.holds.put(Hold(tenant="acme", kind="unit", name="ticket-1", held_ms=NOW_MS, who="legal", why="case 7"))
    assert expire(files, retention(records_for="1d"), now_ms=NOW_MS + 9 * DAY_MS).outcomes == 1
    assert rows(files, "SELECT unit FROM outcome") == [("ticket-1",)]


def test_a_large_ledger_is_not_rewritten_while_its_gateway_runs(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.ledger.content.expiry._SMALL_BYTES", 0)
    book(files, *[a_call_of(ADA, number) for number in range(500)])
    size = Path(files.ledger).stat().st_size
    assert expire(files, retention(records_for="1d"), now_ms=NOW_MS + 9 * DAY_MS).calls == 500
    assert Path(files.ledger).stat().st_size == size


# ── the job ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_job(files: Files, time: Time, forget: Callable[[str], None] = lambda _: None) -> RetentionJob:
    return RetentionJob(files, clock=time.clock, forget=forget)


def test_the_job_deletes_once_an_hour(files: Files) -> None:
    time = Time(wall_ms=NOW_MS)
    job = a_job(files, time)
    keep(files, a_said(1, until_ms=NOW_MS), a_said(2, until_ms=NOW_MS + 60_000))
    assert job.run(retention()) == Expired(content=1)
    time.advance(3599)
    assert job.run(retention()) is None
    time.advance(1)
    assert job.run(retention()) == Expired(content=1)


def test_the_job_erases_again_what_came_late_and_has_answers_forgotten(files: Files) -> None:
    time = Time(wall_ms=NOW_MS)
    forgotten: list[str] = []
    job = a_job(files, time, forgotten.append)
    job.run(retention())
    time.advance(60)
    erase(files, "acme", user=ADA, now_ms=time.wall_ms, told=lambda _: None)
    book(files, a_call_of(ADA, 1, at_ms=NOW_MS + 1))  # it was on its way
    job.run(retention())
    job.run(retention())
    assert forgotten == ["acme"]
    assert rows(files, "SELECT user FROM call") == [("(erased)",)]


def test_the_first_run_does_all_tombstones_again_because_the_files_may_come_from_a_backup(files: Files) -> None:
    erase(files, "acme", user=ADA, now_ms=NOW_MS, told=lambda _: None)
    book(files, a_call_of(ADA, 1, at_ms=NOW_MS - 300 * DAY_MS))
    time = Time(wall_ms=NOW_MS + 300 * DAY_MS)
    job = a_job(files, time)
    job.run(retention())
    assert rows(files, "SELECT user FROM call") == [("(erased)",)]


def test_a_clock_that_jumps_ahead_deletes_nothing(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    time = Time(wall_ms=NOW_MS)
    job = a_job(files, time)
    job.run(retention())
    keep(files, a_said())
    time.advance(7200)
    time.wall_ms += 365 * DAY_MS
    with caplog.at_level(logging.ERROR):
        assert job.run(retention()) is None
    assert "the clock moved ahead by" in caplog.text
    assert len(alive(files)) == 1
    time.wall_ms -= 365 * DAY_MS
    assert job.run(retention()) == Expired()


def test_a_copy_of_the_keys_is_made_each_day_and_goes_after_its_time(files: Files) -> None:
    told = retention(keys={"copies": "copies", "copies_for": "2d"})
    assert files.copies is not None
    (files.copies).mkdir()
    (files.copies / "notes.keys").write_text("somebody else's")
    for day in range(5):
        made = copy_keys(files, now_ms=NOW_MS + day * DAY_MS)
        assert made is not None
        assert copy_keys(files, now_ms=NOW_MS + day * DAY_MS) is None
        KeyStore(made, b"m" * 32).close()
    assert expire(files, told, now_ms=NOW_MS + 4 * DAY_MS, dry_run=True).copies == 2
    assert expire(files, told, now_ms=NOW_MS + 4 * DAY_MS).copies == 2
    assert len(list(files.copies.glob("*.keys"))) == 4


def test_without_a_folder_no_copy_is_made(tmp_path: Path) -> None:
    with files_in(tmp_path) as files:
        assert copy_keys(files, now_ms=NOW_MS) is None
        assert expire(files, retention(), now_ms=NOW_MS) == Expired()


def test_a_record_of_content_has_a_size() -> None:
    assert a_said(request=b"12", answer=b"345").size == 5
    record: ContentRecord = a_said(request=None, answer=None)
    assert record.size == 0
