"""
Keys under keys: made once, opened by the right master only, and gone for good once destroyed.
"""

import sqlite3
import stat
from pathlib import Path

import pytest
from tests.ledger.content.kept import DAY_MS, MASTER, NOW_MS

from pointsman.core.errors import Unusable
from pointsman.ledger.content.holds import Hold
from pointsman.ledger.content.keys import KeyStore, Place, RecordKeys

ADA = "ada@example.com"


def a_place(keys: KeyStore, user: str | None = ADA, *, tenant: str = "acme", day: int = 20_000, said_ms: int = NOW_MS) -> Place:
    return Place(tenant=tenant, subject=keys.subject(tenant, user), day=day, said_ms=said_ms)


def made(keys: KeyStore, place: Place) -> RecordKeys:
    [found] = keys.to_seal([place])
    assert found is not None
    return found


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys.db", MASTER)


def test_a_key_is_made_once_and_found_again_also_by_another_process(keys: KeyStore) -> None:
    place = a_place(keys)
    assert keys.to_open(place) is None
    first = made(keys, place)
    assert made(keys, place) == first
    assert KeyStore(keys.path, MASTER).to_open(place) == first


def test_every_tenant_subject_and_day_has_keys_of_its_own(keys: KeyStore) -> None:
    places = [a_place(keys, user, tenant=tenant, day=day) for user in (ADA, "bob", None) for tenant in ("acme", "beta") for day in (1, 2)]
    found = keys.to_seal(places)
    assert len({one.material for one in found if one is not None}) == len(places)


def test_a_name_has_one_digest_in_its_tenant_and_another_elsewhere(keys: KeyStore) -> None:
    assert keys.subject("acme", ADA) == KeyStore(keys.path, MASTER).subject("acme", ADA)
    assert len({keys.subject("acme", ADA), keys.subject("beta", ADA), keys.unit("acme", ADA), keys.subject("acme", "bob")}) == 4
    assert (keys.subject("acme", None), keys.unit("acme", None)) == ("", "")


def test_another_master_key_is_refused_by_name(keys: KeyStore) -> None:
    with pytest.raises(Unusable, match=r"`keys.db` were made under another master key"):
        KeyStore(keys.path, b"x" * 32)


def test_the_file_is_for_its_owner_alone_and_holds_no_key_or_name_in_the_open(keys: KeyStore) -> None:
    found = made(keys, a_place(keys))
    keys.close()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    held = keys.path.read_bytes()
    assert found.material[:32] not in held
    assert found.material[32:] not in held
    assert ADA.encode() not in held


def test_the_keys_of_a_record_are_not_shown() -> None:
    keys = RecordKeys(material=b"secret", day_key="d1", subject_key="s1")
    assert repr(keys) == "RecordKeys(d1, s1)"


def test_an_erased_subject_loses_its_key_in_every_process_and_gets_a_new_one_for_what_comes_later(keys: KeyStore) -> None:
    other = KeyStore(keys.path, MASTER)
    place = a_place(keys)
    before = made(other, place)
    keys.erase("acme", place.subject, now_ms=NOW_MS + 5)
    assert other.to_open(place) is None
    assert other.to_seal([place]) == [None]  # it was said before
    later = made(other, a_place(keys, said_ms=NOW_MS + 6))
    assert later.subject_key != before.subject_key
    [stone] = other.tombstones()
    assert (stone.tenant, stone.subject, stone.erased_ms) == ("acme", place.subject, NOW_MS + 5)


def test_erasing_twice_keeps_the_later_time(keys: KeyStore) -> None:
    subject = keys.subject("acme", ADA)
    for ms in (10, 30, 20):
        keys.erase("acme", subject, now_ms=ms)
    assert [stone.erased_ms for stone in keys.tombstones()] == [30]


def test_a_destroyed_key_is_in_no_byte_of_the_file_or_its_log(keys: KeyStore) -> None:
    for number in range(200):
        made(keys, a_place(keys, f"user-{number}"))
    victim = a_place(keys, "user-77")
    wrapped = KeyStore(keys.path, MASTER)._connection.execute("SELECT wrapped FROM key WHERE name = ?", (victim.subject,)).fetchone()[0]
    assert any(wrapped in path.read_bytes() for path in keys.path.parent.iterdir())
    keys.erase("acme", victim.subject, now_ms=NOW_MS)
    assert not any(wrapped in path.read_bytes() for path in keys.path.parent.iterdir())


def test_days_that_are_over_lose_their_keys_unless_content_is_left(keys: KeyStore) -> None:
    for day in (9, 10, 11):
        made(keys, a_place(keys, day=day))
    assert keys.end_days(before_day=11, in_use={("acme", "9")}) == 1
    assert [keys.to_open(a_place(keys, day=day)) is None for day in (9, 10, 11)] == [False, True, False]


def test_a_tenant_that_goes_takes_all_its_keys_along_and_may_come_back_anew(keys: KeyStore) -> None:
    gone, stays = a_place(keys), a_place(keys, tenant="beta")
    before = made(keys, gone), made(keys, stays)
    keys.end_tenant("acme")
    assert keys.to_open(gone) is None
    assert keys.to_open(stays) == before[1]
    assert made(keys, a_place(keys)) != before[0]


def test_a_new_master_key_opens_what_the_old_one_did_and_the_old_one_nothing(keys: KeyStore) -> None:
    place = a_place(keys)
    before = made(keys, place)
    keys.rewrap(b"n" * 32)
    assert keys.to_open(place) == before
    assert KeyStore(keys.path, b"n" * 32).to_open(place) == before
    with pytest.raises(Unusable):
        KeyStore(keys.path, MASTER)


def test_a_copy_is_a_whole_file_of_keys(keys: KeyStore, tmp_path: Path) -> None:
    found = made(keys, a_place(keys))
    keys.copy_to(tmp_path / "copy.keys")
    assert KeyStore(tmp_path / "copy.keys", MASTER).to_open(a_place(keys)) == found
    assert stat.S_IMODE((tmp_path / "copy.keys").stat().st_mode) == 0o600


def test_holds_are_on_record_with_their_names_sealed(keys: KeyStore) -> None:
    holds = [
        Hold(tenant="acme", kind=kind, name=name, held_ms=NOW_MS + number, who="legal", why="case 7")
        for number, (kind, name) in enumerate([("subject", ADA), ("unit", "ticket-9"), ("tenant", "")])
    ]
    for hold in holds:
        keys.holds.put(hold)
    assert keys.holds.all() == holds
    assert ("acme", "tenant", "") in keys.holds.digests()
    assert ("acme", "subject", keys.subject("acme", ADA)) in keys.holds.digests()
    assert ADA.encode() not in keys.path.read_bytes() + Path(f"{keys.path}-wal").read_bytes()
    assert keys.holds.release("acme", "subject", name=ADA)
    assert not keys.holds.release("acme", "subject", name=ADA)
    assert keys.holds.all() == holds[1:]


def test_the_name_of_a_hold_goes_with_its_tenant_but_the_hold_stays(keys: KeyStore) -> None:
    keys.holds.put(Hold(tenant="acme", kind="subject", name=ADA, held_ms=NOW_MS, who="legal", why="case 7"))
    digest = keys.subject("acme", ADA)
    keys.end_tenant("acme")
    assert [hold.name for hold in keys.holds.all()] == [digest]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"keys file `.*` cannot be opened \(FileNotFoundError\)"):
        KeyStore(tmp_path / "nowhere" / "keys.db", MASTER)
    (tmp_path / "no.db").write_bytes(b"this is no database at all, whatever its name says" * 100)
    with pytest.raises(Unusable, match=r"\(DatabaseError\)"):
        KeyStore(tmp_path / "no.db", MASTER)


def test_many_keys_are_not_all_remembered(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.ledger.content.keys._MOST_KNOWN", 3)
    places = [a_place(keys, f"user-{number}", day=DAY_MS) for number in range(10)]
    first = keys.to_seal(places)
    assert [keys.to_open(place) for place in places] == first
    assert len(keys._known) <= 5


def test_keys_whose_making_failed_are_not_used(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be sealed under them could never be opened."""
    place = a_place(keys)
    whole = keys._made_for

    def full(one: Place) -> RecordKeys:
        whole(one)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(keys, "_made_for", full)
        with pytest.raises(sqlite3.OperationalError):
            keys.to_seal([place])
    assert keys.to_open(place) is None
    found = made(keys, place)
    assert KeyStore(keys.path, MASTER).to_open(place) == found
