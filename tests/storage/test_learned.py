"""
Learned parameters in their folder: named by what is in them, private, whole or not at all.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.storage.learned import LearnedFolder, ParametersLost, TableLost, digest_of, is_digest


@pytest.fixture
def folder(tmp_path: Path) -> LearnedFolder:
    return LearnedFolder(tmp_path / "learned")


def test_what_is_kept_is_found_by_its_digest_and_is_nobody_elses_to_read(folder: LearnedFolder) -> None:
    digest = folder.keep(b"numbers")
    assert folder.read(digest) == b"numbers"
    assert folder.digests() == {digest}
    assert (folder.folder / digest).stat().st_mode & 0o777 == 0o600
    assert folder.folder.stat().st_mode & 0o777 == 0o700


def test_keeping_the_same_again_leaves_the_file_alone_and_mends_a_damaged_one(folder: LearnedFolder) -> None:
    path = folder.folder / folder.keep(b"numbers")
    before = path.stat()
    folder.keep(b"numbers")
    assert path.stat().st_ino == before.st_ino
    path.write_bytes(b"damaged")
    folder.keep(b"numbers")
    assert path.read_bytes() == b"numbers"


def test_what_is_missing_damaged_or_no_name_is_told_with_the_way_back(folder: LearnedFolder) -> None:
    digest = digest_of(b"numbers")
    with pytest.raises(ParametersLost, match=r"are not in `learned`.*pointsman rollback"):
        folder.read(digest)
    folder.keep(b"numbers")
    (folder.folder / digest).write_bytes(b"other")
    with pytest.raises(ParametersLost, match="are damaged"):
        folder.read(digest)
    (folder.folder / digest).unlink()
    (folder.folder / digest).mkdir()
    with pytest.raises(ParametersLost, match="cannot be read"):
        folder.read(digest)


@given(st.text(max_size=40).filter(lambda text: not is_digest(text)))
def test_no_other_file_is_ever_read(name: str) -> None:
    with pytest.raises(ParametersLost, match="no name that could be theirs"):
        LearnedFolder(Path("/nowhere")).read(name)


def test_pruning_leaves_what_is_named_and_whatever_is_not_parameters(folder: LearnedFolder) -> None:
    assert folder.digests() == frozenset()
    kept, gone = folder.keep(b"kept"), folder.keep(b"gone")
    folder.note_newest(kept)
    assert folder.prune({kept}) == 1
    assert folder.digests() == {kept}
    assert folder.newest == kept
    assert gone not in folder.digests()


def test_without_a_note_nothing_is_newest(folder: LearnedFolder) -> None:
    assert folder.newest == ""


def test_a_table_is_found_by_what_it_was_made_from_and_is_kept_for_good(folder: LearnedFolder) -> None:
    source, other = digest_of(b"weights"), digest_of(b"other weights")
    assert folder.table_of(source) == ""
    name = folder.keep_table(source, b"rows")
    assert folder.table(name) == b"rows"
    assert (folder.table_of(source), folder.table_of(other)) == (name, "")
    assert folder.has_table(name)
    assert folder.prune(()) == 0  # it is no parameters
    assert folder.keep_table(source, b"rows") == name
    assert [path.name for path in folder.folder.iterdir()] == [f"{name}.table"]


def test_a_table_that_is_lost_or_damaged_is_told_with_the_way_back_and_taken_for_none(folder: LearnedFolder) -> None:
    source = digest_of(b"weights")
    name = folder.keep_table(source, b"rows")
    path = folder.folder / f"{name}.table"
    path.write_bytes(b"damaged")
    with pytest.raises(TableLost, match=r"is damaged.*pointsman learn --anew"):
        folder.table(name)
    assert (folder.has_table(name), folder.table_of(source)) == (False, "")
    path.unlink()
    with pytest.raises(TableLost, match="is not in `learned`"):
        folder.table(name)
    path.mkdir()
    with pytest.raises(TableLost, match="cannot be read"):
        folder.table(name)
    with pytest.raises(TableLost, match="no name that could be its own"):
        folder.table("../secret")
