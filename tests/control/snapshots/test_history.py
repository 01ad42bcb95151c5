"""
Which snapshot was in force when.
"""

import pytest
from tests.storage.databases import each_database, each_place

from pointsman.control.snapshots.history import Kept, NoSuchSnapshot, Whole, before, history, in_force, is_same, keep, whole
from pointsman.storage.sql import Database

__all__ = ["each_database", "each_place"]

FIRST, SECOND = "aaaaaaaa11111111", "bbbbbbbb22222222"


def files_of(digest: str) -> dict[str, str]:
    return {"pointsman.yaml": f"name: {digest}", "a.csv": ""}


def lived(db: Database, *digests: str) -> None:
    for number, digest in enumerate(digests):
        keep(db, Kept(digest=digest, since_ms=100 * (number + 1), parent=None, author="ada"), files=files_of(digest))


def now(digest: str, **files: str) -> Whole:
    return Whole(kept=Kept(digest=digest, since_ms=999, parent=None, author="ada"), files={**files_of(digest), **files})


def test_the_newest_comes_first(each_database: Database) -> None:
    lived(each_database, FIRST, SECOND)
    assert [one.digest for one in history(each_database)] == [SECOND, FIRST]
    assert [one.digest for one in history(each_database, before_ms=200)] == [FIRST]


def test_at_each_time_one_was_in_force(each_database: Database) -> None:
    lived(each_database, FIRST, SECOND)
    at = {ms: in_force(each_database, at_ms=ms) for ms in (99, 100, 199, 200, 9999)}
    assert {ms: None if one is None else one.digest for ms, one in at.items()} == {99: None, 100: FIRST, 199: FIRST, 200: SECOND, 9999: SECOND}


def test_files_keep_their_order_so_that_the_configuration_stays_first(each_database: Database) -> None:
    lived(each_database, FIRST)
    assert list(whole(each_database, FIRST).files) == ["pointsman.yaml", "a.csv"]


@pytest.mark.parametrize("digest", ["", "%", "aaaaa", "%%%%%%%%", "______", "cccccccc"])
def test_a_digest_that_names_none_is_told(each_database: Database, digest: str) -> None:
    lived(each_database, FIRST)
    with pytest.raises(NoSuchSnapshot, match="rollback --list"):
        whole(each_database, digest)


def test_six_characters_name_a_snapshot(each_database: Database) -> None:
    lived(each_database, FIRST, SECOND)
    assert whole(each_database, "bbbbbb").kept.digest == SECOND


def test_what_was_before_is_another_however_often_this_one_took_effect(each_database: Database) -> None:
    lived(each_database, FIRST, SECOND, SECOND)
    assert before(each_database, now(SECOND)).kept.digest == FIRST
    with pytest.raises(NoSuchSnapshot, match="before"):
        before(each_database, now(FIRST))
    with pytest.raises(NoSuchSnapshot, match="before"):
        before(each_database, now("cccccccc33333333"))


def test_going_back_twice_comes_back(each_database: Database) -> None:
    lived(each_database, FIRST, SECOND, FIRST)
    assert before(each_database, now(FIRST)).kept.digest == SECOND


def test_what_differs_in_its_files_alone_is_another(each_database: Database) -> None:
    """A digest covers what calls meet; who may sign in, or who approves, stands in the files."""
    lived(each_database, FIRST)
    later = now(FIRST, **{"pointsman.yaml": "identity: {}"})
    keep(each_database, later.kept, files=later.files)
    assert before(each_database, later).files == files_of(FIRST)


def test_one_that_lacks_a_file_which_was_just_changing_is_the_same() -> None:
    whole_one, part = now(FIRST), now(FIRST)
    del part.files["a.csv"]  # type: ignore[attr-defined]
    assert is_same(whole_one, part)
    assert not is_same(whole_one, now(SECOND))
