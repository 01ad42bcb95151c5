"""
Where did this go: by person, unit and call; after an erasure; and against the ledger.
"""

from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger import entries
from tests.ledger.audit.logs import START_MS, a_log, a_record
from tests.values import CALL_ID

from pointsman.core.errors import Unusable
from pointsman.core.place import Place
from pointsman.ledger.audit.agreement import agreement
from pointsman.ledger.audit.erasure import all_salts, forget, salt_of
from pointsman.ledger.audit.record import AuditRecord, Kind, read_record
from pointsman.ledger.audit.trail import of_call, of_subject, of_unit
from pointsman.ledger.audit.verify import verify
from pointsman.ledger.writer import Ledger
from pointsman.storage.audit_files import lines_of, segments_of, streams_of
from pointsman.storage.open import open_reading


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people, three calls, in two streams."""
    with a_log(tmp_path) as log, a_log(tmp_path) as other:
        log.append(AuditRecord(kind=Kind.SECRET_FOUND, at_ms=START_MS, call_id="call-1", tenant="acme", key="web"))
        log.append(a_record(0, call_id="call-1", user="anna", unit="T-1", at_ms=START_MS + 1))
        log.append(a_record(0, call_id="call-2", user="bernd", unit="T-1", target="own/llama", vendor="own", region="", zone="private", at_ms=START_MS + 3))
        other.append(AuditRecord(kind=Kind.ANSWER, at_ms=START_MS + 2, call_id="call-1", tenant="acme", key="web", tokens_in=5, outcome="ok"))
        other.append(AuditRecord(kind=Kind.ANSWER, at_ms=START_MS + 9, call_id="call-3", tenant="acme", key="app", application="shop", cache="call-1"))
        other.append(AuditRecord(kind=Kind.CONTENT_READ, at_ms=START_MS + 10, call_id="call-1", tenant="acme", actor="reviewer@acme.example"))
        other.append(a_record(0, call_id="call-4", user="anna", tenant="globex", unit="T-9", at_ms=START_MS + 11))
    return tmp_path


def test_a_call_is_followed_through_streams_and_into_the_answers_it_gave_to_others(folder: Path) -> None:
    found = of_call(folder, "call-1")
    assert [place.record.kind for place in found.records] == ["secret_found", "egress", "answer", "answer", "content_read"]
    assert found.targets == ("acme/small (run by acme, in eu, zone contracted)",)
    assert found.applications == ("web (tenant acme, key web)", "shop (tenant acme, key web)", "shop (tenant acme, key app)")
    assert found.people == ("reviewer@acme.example (content_read)",)


def test_a_person_is_followed_within_their_tenant(folder: Path) -> None:
    salt = salt_of(folder, "acme", user="anna")
    assert salt is not None
    assert {place.record.call_id for place in of_subject(folder, salt).records} == {"call-1", "call-3"}
    assert salt_of(folder, "acme", user="nobody") is None


def test_a_unit_is_followed_over_all_people(folder: Path) -> None:
    found = of_unit(folder, "T-1", salts=all_salts(folder))
    assert {place.record.call_id for place in found.records} == {"call-1", "call-2", "call-3"}
    assert found.targets[1] == "own/llama (run by own, zone private)"
    assert of_unit(folder, "call-2", salts=[]).records  # a unit that nobody named is the call
    assert of_unit(folder, "T-77", salts=all_salts(folder)).records == ()


def test_a_record_of_a_person_outside_of_any_call_is_found_too(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        log.append(AuditRecord(kind=Kind.HOLD, at_ms=START_MS, tenant="acme", user="anna"))
    salt = salt_of(tmp_path, "acme", user="anna")
    assert salt is not None
    assert [place.record.kind for place in of_subject(tmp_path, salt).records] == ["hold"]


def test_an_exported_log_cannot_be_asked_for_people(tmp_path: Path) -> None:
    for asked in (lambda: salt_of(tmp_path, "acme", user="anna"), lambda: all_salts(tmp_path)):
        with pytest.raises(Unusable, match="no keys of people"):
            asked()


def test_who_is_erased_can_no_longer_be_told_and_the_log_stays_whole(folder: Path) -> None:
    salt = salt_of(folder, "acme", user="anna")
    assert salt is not None
    with a_log(folder) as log:
        log.append(a_record(0, call_id="call-5", user="anna"))
        log.flush()
        assert forget(folder, "acme", user="anna", at_ms=START_MS, append=log.append)
        assert not forget(folder, "acme", user="anna", at_ms=START_MS, append=log.append)
        log.append(a_record(0, call_id="call-6", user="anna"))
    assert all(salt not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    anew = salt_of(folder, "acme", user="anna")
    assert anew not in {None, salt}
    assert anew is not None
    assert [place.record.call_id for place in of_subject(folder, anew).records] == ["call-6"]
    tombstone = next(place.record for place in of_subject(folder, salt).records if place.record.kind is Kind.EGRESS)
    assert {"subject": tombstone.user} in [line.facts for line in _records(folder)]
    assert verify(folder).is_good


def _records(folder: Path) -> list[AuditRecord]:
    return [read_record(line) for stream in streams_of(folder) for line in lines_of(stream)]


def test_a_line_that_cannot_be_read_is_left_to_verify(folder: Path) -> None:
    with segments_of(folder / "0")[0].path.open("ab") as file:
        file.write(b"call-1 but no record\n")
    assert len(of_call(folder, "call-1").records) == 5
    Ledger(folder / "ledger.db").close()
    with closing(open_reading(folder / "ledger.db")) as db:
        assert agreement(folder, db).both == 0


def test_keys_that_cannot_be_opened_are_told(folder: Path) -> None:
    (folder / "subjects.db").write_bytes(b"no database at all, but longer than a header of one would be" * 20)
    with pytest.raises(Unusable, match="cannot be changed"):
        forget(folder, "acme", user="anna", at_ms=START_MS, append=lambda _: None)
    with pytest.raises(Unusable, match="cannot be read"):
        salt_of(folder, "acme", user="anna")


def test_the_log_and_the_ledger_are_compared_call_by_call(tmp_path: Path) -> None:
    records = [entries.a_record(number, at_ms=START_MS + (number + 2) * 1000) for number in range(4)]
    ledger = Ledger(tmp_path / "ledger.db")
    for record in records[:3]:
        ledger.book(record)
    ledger.book(entries.a_record(9, at_ms=START_MS + 2000, entries=(entries.an_entry(place=Place.CACHE),)))
    ledger.close()
    with a_log(tmp_path / "log") as log:
        for number, record in enumerate(records[1:], 1):
            log.append(a_record(number + 2, call_id=record.call_id))
        log.append(a_record(9, call_id=CALL_ID, kind=Kind.REFUSAL))
    with closing(open_reading(tmp_path / "ledger.db")) as db:
        found = agreement(tmp_path / "log", db)
        nothing = agreement(tmp_path, db)
    assert (found.both, found.unrecorded, found.unbooked, found.first) == (2, 1, 1, (records[0].call_id,))
    assert (nothing.both, nothing.unrecorded) == (0, 0)
