import asyncio
import logging
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.entries import HOUR_MS, START_MS, a_charge, a_record, a_review, a_score, an_entry, an_outcome
from tests.ledger.ingest import check, killed
from tests.storage.databases import a_server, each_place
from tests.storage.sums import check_roll_ups
from tests.values import a_snapshot

from pointsman.core.errors import BadRequest, LedgerUnavailable
from pointsman.ledger.balance import balance
from pointsman.ledger.busy import BusyMeter
from pointsman.ledger.in_force import InForce
from pointsman.ledger.writer import Ledger
from pointsman.settings.ledger_place import Place
from pointsman.settings.workflows import Workflow
from pointsman.storage.batch import Batch
from pointsman.storage.database import open_database
from pointsman.storage.open import open_reading
from pointsman.storage.sql import SqliteDatabase

__all__ = ["each_place"]


@contextmanager
def a_ledger(path: Path, **more: Any) -> Iterator[Ledger]:
    ledger = Ledger(path, **more)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's write lock, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def until(what: str, fact: Any) -> None:
    """Wait, within bounds, for what another thread does."""
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.002)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_what_is_booked_is_on_disk_within_the_blink_of_a_batch(path: Path) -> None:
    with a_ledger(path) as ledger:
        ledger.book(a_record(1, entries=(an_entry(), an_entry(1, error="cut"))))
        until("the commit", lambda: rows(path, "SELECT COUNT(*) FROM call") == [(1,)])
        assert rows(path, "SELECT seq, error, cost_nano_usd, tokens_in FROM attempt") == [(0, None, 1000, 10), (1, "cut", 1000, 10)]


def test_closing_writes_what_is_left(path: Path) -> None:
    with a_ledger(path) as ledger:
        for number in range(5000):  # more than one batch
            ledger.book(a_record(number))
    assert rows(path, "SELECT COUNT(*) FROM call") == [(5000,)]
    with closing(open_database(path)) as connection:
        check_roll_ups(SqliteDatabase(connection))


def test_a_locked_file_stops_acceptance_loses_nothing_and_recovers_by_itself(path: Path) -> None:
    with a_ledger(path, busy_s=0.01) as ledger:
        with locked(path):
            ledger.book(a_record(1))
            until("the trouble", lambda: ledger.trouble is not None)
            assert ledger.trouble == "database is locked"
            with pytest.raises(LedgerUnavailable, match=r"database is locked.*unlock `ledger.db`"):
                asyncio.run(ledger.room())
            ledger.book(a_record(2))  # a call that was under way
            with pytest.raises(LedgerUnavailable, match="cannot be written"):
                ledger.flush(0.01)
        ledger.flush()
        until("the end of the trouble", lambda: ledger.trouble is None)
        asyncio.run(ledger.room())
        assert rows(path, "SELECT COUNT(*) FROM call") == [(2,)]


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_file_that_is_moved_or_removed_is_noticed_and_nothing_is_written_into_the_void(
    path: Path, caplog: pytest.LogCaptureFixture, *, is_removed: bool
) -> None:
    with a_ledger(path) as ledger, caplog.at_level(logging.ERROR):
        ledger.book(a_record(1))
        ledger.flush()
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            if is_removed:
                path.with_name(name).unlink()
            else:
                path.with_name(name).rename(path.with_name("old-" + name))
        ledger.book(a_record(2))
        ledger.flush()
        assert rows(path, "SELECT COUNT(*) FROM call") == [(1,)]
    assert "was moved, replaced or removed" in caplog.text


def test_a_file_whose_folder_is_gone_stops_acceptance_until_it_is_back(path: Path) -> None:
    folder = path.parent
    with a_ledger(path) as ledger:
        folder.rename(folder.with_name("away"))
        ledger.book(a_record(1))
        until("the trouble", lambda: ledger.trouble is not None)
        assert "There is no folder" in (ledger.trouble or "")
        folder.with_name("away").rename(folder)
        ledger.flush()
    assert rows(path, "SELECT COUNT(*) FROM call") == [(1,)]


def test_a_full_queue_makes_acceptance_wait_and_loses_nothing(path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        with locked(path):
            ledger.book(a_record(1))
            waiting = asyncio.ensure_future(ledger.room())
            await asyncio.sleep(0.01)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 20)

    with a_ledger(path, capacity=1, busy_s=20) as ledger:
        asyncio.run(scene(ledger))
        ledger.flush()
        assert rows(path, "SELECT COUNT(*) FROM call") == [(1,)]


FULL_DISK = """
import asyncio, resource, sys, time
from pathlib import Path
from pointsman.core.errors import LedgerUnavailable
from pointsman.ledger.writer import Ledger
from tests.ledger.entries import a_record

path = Path(sys.argv[1])
ledger = Ledger(path)
ledger.book(a_record(0))
ledger.flush()
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
size = path.with_name(path.name + "-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, most))  # the disk is full from here on
for number in range(1, 501):
    ledger.book(a_record(number))
until = time.monotonic() + 20
while ledger.trouble is None and time.monotonic() < until:
    time.sleep(0.002)
try:
    asyncio.run(ledger.room())
except LedgerUnavailable as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # somebody freed it
ledger.flush(20)
print(ledger.trouble)
ledger.close()
"""


def test_a_full_disk_stops_acceptance_loses_nothing_and_recovers_by_itself(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=55, check=True, cwd=Path(__file__).parents[2])
    told, trouble = done.stdout.splitlines()
    assert "so no call is accepted. Free the disk" in told
    assert trouble == "None"
    with closing(open_database(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM call").fetchone() == (501,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        check_roll_ups(SqliteDatabase(connection))


KILLED = """
import sys, time
from pathlib import Path
from pointsman.ledger.writer import Ledger
from tests.ledger.entries import a_record

ledger = Ledger(Path(sys.argv[1]))
had_s, before_s = 0.0, time.monotonic()
for number in range(100_000):
    ledger.book(a_record(number))
    now_s = time.monotonic()
    had_s, before_s = had_s + min(now_s - before_s, 0.01), now_s
    print(number, had_s, flush=True)
    time.sleep(0.0005)
"""


def test_a_process_that_is_killed_loses_at_most_the_last_batch(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    booked: list[float] = []  # when, by a clock that does not count the moments in which the process got no turn: its writer got none either
    for line in child.stdout:
        booked.append(float(line.split()[1]))
        if booked[-1] - booked[0] > 1.5:
            break
    child.kill()
    child.wait()
    child.stdout.close()
    with closing(open_database(path)) as connection:
        kept = connection.execute("SELECT COUNT(*) FROM call").fetchone()[0]
        assert kept >= sum(at < booked[-1] - 0.4 for at in booked)  # 50 ms, and what a busy machine adds
        assert kept > 0
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        check_roll_ups(SqliteDatabase(connection))


WORKER = """
import sys
from pathlib import Path
from pointsman.ledger.writer import Ledger
from tests.ledger.entries import a_record

ledger = Ledger(Path(sys.argv[1]))
for number in range(1500):
    ledger.book(a_record(int(sys.argv[2]) * 10_000 + number))
    if number % 300 == 0:
        ledger.flush()
ledger.close()
"""


def test_several_workers_write_one_file(path: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(path), str(number)], cwd=Path(__file__).parents[2]) for number in range(3)]
    assert [worker.wait(55) for worker in workers] == [0, 0, 0]
    with closing(open_database(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM call").fetchone() == (4500,)
        check_roll_ups(SqliteDatabase(connection))


def test_the_log_ahead_shrinks_after_a_long_reader_let_it_grow(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.storage.database._MOST_WAL_BYTES", 100_000)
    wal = path.with_name("ledger.db-wal")
    with a_ledger(path) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM call").fetchone()
            for number in range(15_000):
                ledger.book(a_record(number))
            ledger.flush(40)
            assert wal.stat().st_size > 4_000_000
            reader.rollback()
        for number in range(15_000, 15_010):
            ledger.book(a_record(number))
            ledger.flush()
        assert wal.stat().st_size < 1_000_000


def test_an_outcome_is_kept_when_its_report_returns(path: Path) -> None:
    with a_ledger(path) as ledger:
        asyncio.run(ledger.record_outcome(an_outcome()))
        assert rows(path, "SELECT unit, success FROM outcome") == [("ticket-1", 1)]
        asyncio.run(ledger.record_outcome(an_outcome(success=False)))
        assert rows(path, "SELECT unit, success FROM outcome") == [("ticket-1", 1)]


def test_an_outcome_that_cannot_be_kept_is_told_and_not_kept(path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        with locked(path), pytest.raises(LedgerUnavailable, match="database is locked"):
            await ledger.record_outcome(an_outcome())

    with a_ledger(path, busy_s=0.01) as ledger:
        asyncio.run(scene(ledger))
        until("the end of the trouble", lambda: ledger.trouble is None)
    assert rows(path, "SELECT * FROM outcome") == []


def test_who_reports_an_outcome_and_goes_away_does_not_stop_the_ledger(path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        with locked(path):
            report = asyncio.ensure_future(ledger.record_outcome(an_outcome()))
            await asyncio.sleep(0)
            report.cancel()
            await asyncio.gather(report, return_exceptions=True)
        await ledger.record_outcome(an_outcome("ticket-2", "o-2"))

    with a_ledger(path, busy_s=5) as ledger:
        asyncio.run(scene(ledger))
        assert ("ticket-2",) in rows(path, "SELECT unit FROM outcome")


def test_a_record_that_no_column_can_hold_is_left_out_and_told_and_stops_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = a_record(2, entries=(an_entry(cost=2**70),))
    with a_ledger(path) as ledger, caplog.at_level(logging.ERROR):
        for record in (a_record(1), bad, a_record(1), a_record(3, unit="\ud800"), a_record(4)):
            ledger.book(record)
        ledger.note_hardware(START_MS, 0.0)
        ledger.flush()
        assert ledger.trouble is None
    assert rows(path, "SELECT COUNT(*) FROM call") == [(2,)]
    assert f"the record of call {bad.call_id} cannot be written and is left out" in caplog.text
    with closing(open_database(path)) as connection:
        check_roll_ups(SqliteDatabase(connection))


def test_an_outcome_that_no_column_can_hold_is_refused(path: Path) -> None:
    async def scene(ledger: Ledger) -> list[Any]:
        two = (an_outcome("1", "o-1", value_nano_usd=2**80), an_outcome("2", "o-2"))
        return await asyncio.gather(*map(ledger.record_outcome, two), return_exceptions=True)

    with a_ledger(path) as ledger:
        refused, kept = asyncio.run(scene(ledger))
    assert isinstance(refused, BadRequest)
    assert kept is None
    assert rows(path, "SELECT unit FROM outcome") == [("2",)]


def test_closing_gives_up_after_its_patience_and_says_what_is_lost(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(path, busy_s=0.01, patience_s=0.05)
    with locked(path), caplog.at_level(logging.ERROR):
        ledger.book(a_record(1))
        ledger.close()
    assert "the ledger cannot be written (database is locked): 1 records are lost" in caplog.text


def test_own_hardware_is_booked_by_the_hour(path: Path) -> None:
    meter = BusyMeter(3_600_000_000, 0.0)
    with a_ledger(path) as ledger:
        ledger.watch_hardware({"own/llama": meter}, wall_ms=START_MS, monotonic_s=100.0)  # what was before is nobody's
        mark = meter.start(101.0)
        meter.stop(mark, 103.0)
        ledger.note_hardware(START_MS + 4_000, 104.0)
        ledger.note_hardware(START_MS + HOUR_MS, 105.0)
        ledger.watch_hardware({}, wall_ms=START_MS + HOUR_MS, monotonic_s=106.0)
        ledger.note_hardware(START_MS + HOUR_MS, 1000.0)
    assert rows(path, "SELECT * FROM infra_cost") == [
        ("own/llama", START_MS, 4.0, 4_000_000, 2.0, 2_000_000),
        ("own/llama", START_MS + HOUR_MS, 2.0, 2_000_000, 0.0, 0),
    ]


def test_what_was_spent_before_is_known_to_the_next_process(path: Path) -> None:
    with a_ledger(path) as ledger:
        ledger.book(a_record(1, team="care"))
    with a_ledger(path) as ledger:
        assert ledger.spent_since("team", START_MS) == {"default/care": 1_000}


def test_everything_that_is_told_of_a_unit_is_kept_when_its_report_returns(each_place: Place) -> None:
    async def scene(ledger: Ledger) -> None:
        call = a_record(1, unit="ticket-1")
        ledger.book(call)
        await ledger.record_outcomes([an_outcome("ticket-1", "o-1"), an_outcome("ticket-2", "o-2")])
        await ledger.record_charge(a_charge(unit="ticket-1"))
        await ledger.record_review(a_review("r-1", call.call_id, seconds=10.0))
        await ledger.record_score(a_score("s-1", call.call_id))
        await ledger.record(Batch())

    ledger = Ledger(each_place)
    ledger.use({"support": Workflow(name="support", capabilities=("support",), human_hourly_nano_usd=3_600)})
    asyncio.run(scene(ledger))
    with closing(open_reading(each_place)) as db:
        assert [row["n"] for row in db.rows("SELECT COUNT(*) AS n FROM outcome UNION ALL SELECT COUNT(*) FROM score")] == [2, 1]
        unit = db.rows("SELECT state, cost_nano_usd, human_nano_usd FROM unit")
        assert [tuple(row.values()) for row in unit] == [("useful", 2_000, 10)]
        assert balance(db).difference == 0
    ledger.close()


def test_of_a_list_that_holds_what_no_column_can_hold_nothing_is_kept(each_place: Place) -> None:
    async def scene(ledger: Ledger) -> list[Any]:
        lists = ([an_outcome("1", "o-1"), an_outcome("2", "o-2", value_nano_usd=2**80)], [an_outcome("3", "o-3")])
        return await asyncio.gather(*map(ledger.record_outcomes, lists), return_exceptions=True)

    ledger = Ledger(each_place)
    refused, kept = asyncio.run(scene(ledger))
    ledger.close()
    assert isinstance(refused, BadRequest)
    assert kept is None
    with closing(open_reading(each_place)) as db:
        assert [row["unit"] for row in db.rows("SELECT unit FROM outcome")] == ["3"]


def test_more_than_one_transaction_holds_is_written_in_several(path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        lists = [[an_outcome(f"{one}-{two}", f"{one}-{two}") for two in range(900)] for one in range(5)]
        await asyncio.gather(*map(ledger.record_outcomes, [*lists, [an_outcome(str(n), str(n)) for n in range(2500)]]))

    with a_ledger(path) as ledger:
        asyncio.run(scene(ledger))
        assert rows(path, "SELECT COUNT(*) FROM outcome") == [(7000,)]


def test_what_is_in_force_and_cannot_be_written_is_left_out_and_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = InForce(snapshot=a_snapshot(), since_ms=2**70, author="ann", files={}, workflows={}, prices={})
    with a_ledger(path) as ledger, caplog.at_level(logging.ERROR):
        ledger.note_snapshot(told)
        ledger.book(a_record(1))
        ledger.flush()
        assert ledger.trouble is None
    assert "a row of `snapshot` is left out" in caplog.text
    assert rows(path, "SELECT COUNT(*) FROM call") == [(1,)]


def test_a_server_that_is_away_stops_acceptance_loses_nothing_and_recovers_by_itself() -> None:
    server = a_server()
    ledger = Ledger(server.fresh())
    try:
        ledger.book(a_record(1))
        ledger.flush()
        server.stop()
        ledger.book(a_record(2))
        until("the trouble", lambda: ledger.trouble is not None)
        with pytest.raises(LedgerUnavailable, match=r"no call is accepted. Start `postgresql://.*` or make it reachable"):
            asyncio.run(ledger.record_outcome(an_outcome()))
        server.start()
        ledger.flush(20)
        asyncio.run(ledger.record_outcome(an_outcome()))
        assert ledger.spent_since("tenant", START_MS) == {"default": 2_000}
    finally:
        ledger.close()
        server.end()


def test_two_writers_of_one_server_add_to_the_same_units(each_place: Place) -> None:
    ledgers = [Ledger(each_place), Ledger(each_place)]
    for number in range(400):
        ledgers[number % 2].book(a_record(number, unit=f"ticket-{number % 7}"))
        if number % 20 < 2:
            time.sleep(0.001)
    for ledger in ledgers:
        ledger.close()
    with closing(open_reading(each_place)) as db:
        assert db.rows("SELECT SUM(calls) AS calls, COUNT(*) AS units FROM unit") == [{"calls": 400, "units": 7}]
        check_roll_ups(db)
        assert balance(db).difference == 0


def test_a_process_that_is_killed_again_and_again_loses_nothing_that_it_acknowledged_and_its_books_balance(each_place: Place) -> None:
    rounds = [killed(each_place, number, after_s=0.2 + 0.65 * number) for number in range(3)]
    found = check(each_place, rounds)
    assert min(found["outcome"], found["charge"], found["review"]) > 0
    assert found["calls"] > 0
