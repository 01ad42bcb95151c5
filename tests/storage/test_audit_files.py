"""
The files of the audit log: whole or not at all, held by one process, and found changed when they were.
"""

import threading
from pathlib import Path

import pytest

from pointsman.storage.audit_files import StreamFiles, keep_note, lines_of, notes_of, replace_whole, segments_of, streams_of
from pointsman.storage.audit_salts import Salts


def test_a_stream_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    one, other = StreamFiles(tmp_path), StreamFiles(tmp_path)
    assert [path.name for path in streams_of(tmp_path)] == ["0", "1"]
    one.close()
    again = StreamFiles(tmp_path)
    assert again.path.name == "0"
    other.close()
    again.close()
    assert streams_of(tmp_path / "nowhere") == []


def test_what_is_no_stream_and_no_segment_is_passed_over(tmp_path: Path) -> None:
    files = StreamFiles(tmp_path)
    files.open_segment(0)
    files.append(b"one\ntwo\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "0" / "notes.txt").write_text("x\n")
    (tmp_path / "0" / "00000000000000000002.jsonl").write_bytes(b"three\nhalf")
    assert [segment.first for segment in segments_of(tmp_path / "0")] == [0, 2]
    assert list(lines_of(tmp_path / "0")) == [b"one", b"two", b"three"]
    files.close()


def test_many_who_replace_a_file_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    def replace(number: int) -> None:
        for _ in range(20):
            replace_whole(tmp_path / "file", b"%d" % number * 1000)

    threads = [threading.Thread(target=replace, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = (tmp_path / "file").read_bytes()
    assert content in {b"%d" % number * 1000 for number in range(4)}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_notes_are_kept_one_after_the_other_and_the_latest_by_itself(tmp_path: Path) -> None:
    one, two = "a\n1\n\n— a b\n", "a\n2\n\n— a b\n— c d\n"
    keep_note(tmp_path, one, in_history=True)
    keep_note(tmp_path, two, in_history=True)
    keep_note(tmp_path, one, in_history=False)
    assert notes_of(tmp_path) == [one, two, one]
    assert notes_of(tmp_path / "nowhere") == []


def test_hashes_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    files = StreamFiles(tmp_path)
    files.add_hashes([[b"\1" * 32, b"\2" * 32], []])
    assert files.hashes(0, range(1, 2)) == [b"\2" * 32]
    with pytest.raises(OSError, match="are missing"):
        files.hashes(0, range(1, 3))
    assert not files.cut_hashes([3])
    files.close()


def test_every_process_knows_a_person_by_the_same_key_until_one_erases_them(tmp_path: Path) -> None:
    one, other = Salts(tmp_path), Salts(tmp_path)
    key = one.of("acme", "anna")
    one.commit()
    other.refresh()
    assert other.of("acme", "anna") == other.find("acme", "anna") == key
    assert one.of("globex", "anna") != key
    one.commit()
    assert other.forget("acme", "anna")
    assert not other.forget("acme", "anna")
    one.refresh()
    assert one.find("acme", "anna") is None
    assert one.of("acme", "anna") != key
    one.undo()
    assert one.find("acme", "anna") is None
    assert len(list(other.all())) == 1
    one.close()
    other.close()


def test_the_keys_of_people_are_for_their_owner_alone(tmp_path: Path) -> None:
    Salts(tmp_path).close()
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"subjects.db": 0o600, "subjects.key": 0o600}
