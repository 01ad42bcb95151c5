"""
Content: kept as far as it may be, sealed, never in the way of a call, and unreadable without its keys.
"""

import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.content.kept import CANARY, DAY_MS, NOW_MS, a_said, files_holding, files_in, keep

from pointsman.core.verdict import Keeping
from pointsman.ledger.content.opening import Files
from pointsman.ledger.content.records import Content, Seen
from pointsman.ledger.content.store import ContentStore
from pointsman.storage.content_files import open_file


@pytest.fixture
def files(tmp_path: Path) -> Any:
    with files_in(tmp_path) as found:
        yield found


def read(files: Files, call_id: str) -> Content | None:
    store = ContentStore(files.content, files.keys)
    try:
        return store.read(call_id, who="tests")
    finally:
        store.close()


@pytest.mark.parametrize("keeping", [Keeping.FULL, Keeping.FILTERED])
def test_what_was_kept_is_read_again(files: Files, keeping: Keeping) -> None:
    record = a_said(keeping=keeping)
    keep(files, record)
    found = read(files, record.call_id)
    assert found is not None
    assert (found.request, found.answer, found.keeping) == (record.request, record.answer, keeping)
    assert (found.tenant, found.label, found.said_ms, found.until_ms) == ("acme", "internal", NOW_MS, NOW_MS + 30 * DAY_MS)


def test_a_hash_proves_what_was_said_and_holds_none_of_it(files: Files) -> None:
    record = a_said(keeping=Keeping.HASH)
    keep(files, record)
    store = ContentStore(files.content, files.keys)
    found = store.read(record.call_id, who="tests")
    assert found is not None
    assert (found.request, found.answer) == (None, None)
    assert record.request is not None
    assert store.proves(record.call_id, record.request, part="request")
    assert not store.proves(record.call_id, record.request, part="answer")
    assert not store.proves(record.call_id, b"something else", part="request")
    files.keys.erase("acme", files.keys.subject("acme", record.subject), now_ms=NOW_MS)
    assert not store.proves(record.call_id, record.request, part="request")  # nobody can guess at it any more
    store.close()


def test_nothing_is_kept_where_nothing_may_be(files: Files) -> None:
    record = a_said(keeping=Keeping.NOTHING)
    keep(files, record)
    assert read(files, record.call_id) is None


def test_a_call_may_have_no_answer_no_user_and_no_unit(files: Files) -> None:
    record = a_said(answer=None, subject=None, unit=None)
    keep(files, record)
    found = read(files, record.call_id)
    assert found is not None
    assert (found.request, found.answer) == (record.request, None)


def test_no_byte_on_the_disk_tells_what_was_said_by_whom_about_what(files: Files, tmp_path: Path) -> None:
    keep(files, *[a_said(number, keeping=keeping) for number, keeping in enumerate(Keeping)])
    assert files_holding(tmp_path, CANARY, "ada@example.com", "ticket-1") == []


def test_reading_is_told_to_the_audit_also_when_nothing_is_found(files: Files) -> None:
    record = a_said()
    seen: list[Seen] = []
    store = ContentStore(files.content, files.keys, seen=seen.append)
    store.keep(record)
    store.flush()
    store.read(record.call_id, who="reviewer")
    store.read("nobody's", who="reviewer")
    store.close()
    assert [(one.call_id, one.tenant, one.who, one.found) for one in seen] == [(record.call_id, "acme", "reviewer", True), ("nobody's", "", "reviewer", False)]


@pytest.mark.parametrize(
    "change",
    [
        "request = answer, answer = request",
        "tenant = 'beta'",
        "keeping = 2",
        "request = (SELECT request FROM content c WHERE c.call_id <> content.call_id)",
        "day_key = 'another'",
        "subject_key = 'another'",
        "request = zeroblob(40)",
    ],
)
def test_a_row_that_somebody_changed_is_not_read(files: Files, change: str) -> None:
    record, other = a_said(1), a_said(2)
    keep(files, record, other)
    connection = open_file(files.content, "content")
    connection.execute(f"UPDATE content SET {change} WHERE call_id = ?", (record.call_id,))
    connection.close()
    assert read(files, record.call_id) is None
    assert read(files, other.call_id) is not None


@pytest.mark.parametrize("record", [a_said(), a_said(keeping=Keeping.HASH)])
def test_neither_a_record_nor_what_is_read_shows_what_was_said(files: Files, record: Any) -> None:
    keep(files, record)
    shown = repr(record) + repr(read(files, record.call_id))
    assert record.call_id in shown
    assert "canary" not in shown


def test_the_same_call_twice_is_kept_once_as_it_was_first(files: Files) -> None:
    record = a_said()
    keep(files, record, a_said(request=b"later"))
    found = read(files, record.call_id)
    assert found is not None
    assert found.request == record.request


def test_what_was_said_before_an_erasure_and_comes_late_is_not_kept(files: Files) -> None:
    early, late, other = a_said(1), a_said(2, said_ms=NOW_MS + 2), a_said(3, subject="bob")
    files.keys.erase("acme", files.keys.subject("acme", "ada@example.com"), now_ms=NOW_MS + 1)
    keep(files, early, late, other)
    assert [read(files, one.call_id) is not None for one in (early, late, other)] == [False, True, True]


def test_keeping_never_waits_and_what_there_is_no_room_for_is_left_out_and_told(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    blocker = sqlite3.connect(files.content, isolation_level=None)
    store = ContentStore(files.content, files.keys, most_records=3, most_bytes=1000)
    blocker.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            store.keep(a_said(number))
        store.keep(a_said(9, request=b"x" * 2000))
    assert store.lost == 3
    assert [record.message for record in caplog.records] == ["content cannot be kept (too much waits to be written) and is left out from here on; calls go on"]
    blocker.execute("ROLLBACK")
    blocker.close()
    store.flush()
    store.close()
    assert [read(files, a_said(number).call_id) is not None for number in range(5)] == [True] * 3 + [False] * 2


def test_a_fault_of_one_record_leaves_the_others_of_its_batch_whole(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = a_said(1), a_said(2, tenant="\ud800")  # a text that no column can hold
    store = ContentStore(files.content, files.keys)
    with caplog.at_level(logging.ERROR):
        store.keep(bad)
        store.keep(good)
        store.flush()
    store.close()
    assert store.lost == 1
    assert "(UnicodeEncodeError)" in caplog.text
    assert read(files, good.call_id) is not None


def test_a_writer_that_cannot_write_says_why_tries_again_and_gives_up_when_it_must_end(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Event()

    def full(*_: object) -> None:
        tried.set()
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("pointsman.ledger.content.store.write_content", full)
        store = ContentStore(files.content, files.keys)
        store.keep(a_said())
        assert tried.wait(50)
        with pytest.raises(TimeoutError):
            store.flush(0.05)
        end = time.monotonic() + 20
        while store.trouble is None:
            assert time.monotonic() < end
            time.sleep(0.002)
        assert store.trouble == "OperationalError"
    store.flush()
    assert (store.trouble, store.lost) == (None, 0)
    with monkeypatch.context() as patch:
        patch.setattr("pointsman.ledger.content.store.write_content", full)
        store.keep(a_said(2))
        store.close()
    assert store.lost == 1
    assert read(files, a_said().call_id) is not None
