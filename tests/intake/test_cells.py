"""Where counts are kept: by one process or by many, and what becomes of names that nobody asks for any more."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import Failed
from pointsman.intake import cells as module
from pointsman.intake.cells import NOTHING, OwnCells, SharedCells

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "limits"


@pytest.fixture
def shared(path: Path) -> Iterator[SharedCells]:
    cells = SharedCells(path)
    yield cells
    cells.close()


def test_a_name_never_written_holds_nothing(shared: SharedCells) -> None:
    assert shared.read("new") == OwnCells().read("new") == NOTHING


def test_what_one_worker_writes_another_reads(shared: SharedCells, path: Path) -> None:
    other = SharedCells(path)
    shared.write("team", (60, 2, 1, 180), now_s=70)
    assert other.read("team") == (60, 2, 1, 180)
    other.write("team", (60, 3, 1, 180), now_s=70)
    assert shared.read("team") == (60, 3, 1, 180)
    other.close()


def test_the_file_is_for_its_owner_only(shared: SharedCells, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


names = st.text(alphabet="abc", min_size=1, max_size=3)


@given(writes=st.lists(st.tuples(names, st.integers(0, 2**40)), max_size=40))
def test_both_kinds_remember_the_same(writes: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    own, shared = OwnCells(), SharedCells(tmp_path_factory.mktemp("cells") / "limits")
    for name, amount in writes:
        for cells in (own, shared):
            cells.write(name, (1, amount, 0, 10), now_s=5)
    assert all(own.read(name) == shared.read(name) for name, _ in writes)
    shared.close()


def _count(path: Path, times: int, gate: Barrier) -> None:
    cells = SharedCells(path)
    gate.wait(50)
    for _ in range(times):
        with cells.lock():
            period, now, before, until_s = cells.read("team")
            os.sched_yield()  # let the other one in, if it can come in
            cells.write("team", (period, now + 1, before, until_s), now_s=0)
    os._exit(0)


def test_workers_that_count_at_once_lose_nothing(shared: SharedCells, path: Path) -> None:
    gate = FORK.Barrier(2)
    workers = [FORK.Process(target=_count, args=(path, 2000, gate)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(50)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert shared.read("team")[1] == 4000


def _hold(path: Path, told: Connection) -> None:
    cells = SharedCells(path)
    with cells.lock():
        told.send("held")
        signal.pause()


def test_a_worker_killed_with_the_lock_in_hand_does_not_close_the_door(shared: SharedCells, path: Path) -> None:
    here, there = FORK.Pipe()
    worker = FORK.Process(target=_hold, args=(path, there))
    worker.start()
    assert here.recv() == "held"
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    with shared.lock():
        shared.write("team", (1, 1, 0, 10), now_s=0)
    worker.join(50)
    assert shared.read("team")[1] == 1


def test_the_lock_is_given_back_when_a_call_is_refused(shared: SharedCells, path: Path) -> None:
    with pytest.raises(ValueError), shared.lock():
        raise ValueError
    worker = FORK.Process(target=_count, args=(path, 1, FORK.Barrier(1)))
    worker.start()
    worker.join(50)
    assert worker.exitcode == 0


def test_names_that_lapsed_make_room_for_others(shared: SharedCells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REACH", 4)
    monkeypatch.setattr(module, "_SLOTS", 4)
    for day in range(5):
        for user in range(4):
            shared.write(f"user {day} {user}", (day, user, 0, day + 1), now_s=day)
        assert [shared.read(f"user {day} {user}")[1] for user in range(4)] == [0, 1, 2, 3]
    assert shared.read("user 0 1") == NOTHING


def test_a_worker_forgets_where_names_stand_but_not_what_they_hold(shared: SharedCells, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    other = SharedCells(path)
    for turn in range(2):
        for user in range(5):
            (shared, other)[turn].write(f"user {user}", (turn, user, 0, 9), now_s=0)
    assert [shared.read(f"user {user}") for user in range(5)] == [(1, user, 0, 9) for user in range(5)]
    other.close()


def test_nobody_can_work_out_names_that_crowd_out_another_s(tmp_path: Path) -> None:
    """Users name themselves. Where a name is kept follows from the folder of one start, which nobody outside knows."""
    tables: list[bytes] = []
    for start in ("a", "b"):
        cells = SharedCells(tmp_path / start)
        cells.write("user", (1, 2, 3, 4), now_s=0)
        cells.close()
        tables.append((tmp_path / start).read_bytes())
    assert tables[0] != tables[1]


def test_a_full_table_is_told_with_its_remedy_and_still_knows_its_names(shared: SharedCells, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REACH", 2)
    monkeypatch.setattr(module, "_SLOTS", 2)
    for user in range(2):
        shared.write(f"user {user}", (0, user, 0, 100), now_s=0)
    with pytest.raises(Failed, match="Limit by team or key"):
        shared.write("one too many", (0, 0, 0, 100), now_s=99)
    assert [shared.read(f"user {user}")[1] for user in range(2)] == [0, 1]


def test_a_process_alone_forgets_what_lapsed_before_its_memory_grows() -> None:
    cells = OwnCells()
    for minute in range(40):
        for user in range(1000):
            cells.write(f"user {minute} {user}", (minute, 1, 0, minute + 2), now_s=minute)
    assert len(cells) < 9000
    assert cells.read("user 39 999") == (39, 1, 0, 41)


@given(writes=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 5), st.integers(0, 3)), max_size=60))
def test_no_cell_is_lost_before_it_lapses_however_full_the_table_is(writes: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_REACH", 3)
        patch.setattr(module, "_SLOTS", 8)
        fill(SharedCells(tmp_path_factory.mktemp("tiny") / "limits"), writes)


def fill(cells: SharedCells, writes: list[tuple[int, int, int]]) -> None:
    now, known = 0, dict[str, tuple[int, int, int, int]]()
    for name, lasts, wait in writes:
        now += wait
        cell = (now, name, 0, now + lasts)
        try:
            cells.write(str(name), cell, now_s=now)
        except Failed:
            alive = [other for other, (_, _, _, until_s) in known.items() if until_s > now]
            assert len(alive) >= 3
        else:
            known[str(name)] = cell
        assert all(cells.read(other) == kept for other, kept in known.items() if kept[3] > now)
    cells.close()
