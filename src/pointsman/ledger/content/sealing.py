"""
One record of content ↔ one sealed row.

A record's key is derived from its subject's and its day's, so destroying either ends it. The record, the part and the ids of both keys are bound to the
ciphertext: a row that was changed, or put in another's place, does not open.
"""

from typing import Final

from pointsman.core.verdict import Keeping
from pointsman.ledger import envelope
from pointsman.ledger.content.keys import Place, RecordKeys
from pointsman.ledger.content.records import Content, ContentRecord
from pointsman.storage.content import ContentRow

_DAY_MS: Final = 86_400_000
_SEALED: Final = b"content 1"
_HASHED: Final = b"content hash 1"


def place_of(record: ContentRecord, *, subject: str) -> Place:
    """Return where the keys of a new record are. `subject` is the digest of its user."""
    return Place(tenant=record.tenant, subject=subject, day=record.until_ms // _DAY_MS, said_ms=timestamp_ms(record.call_id))


def sealed(record: ContentRecord, keys: RecordKeys, *, subject: str, unit: str) -> ContentRow:
    """Return the row of a record."""
    is_hash = record.keeping is Keeping.HASH
    key = _key(keys, record.call_id, purpose=_HASHED if is_hash else _SEALED)

    def put(said: bytes | None, part: str) -> bytes | None:
        if said is None:
            return None
        if is_hash:
            return envelope.fingerprint(key, _told(part, said))
        return envelope.seal(key, said, bound_to=_bound(record.call_id, record.tenant, part, str(record.keeping.value), keys=keys))

    return ContentRow(
        call_id=record.call_id,
        tenant=record.tenant,
        subject=subject,
        unit=unit,
        label=record.label.text,
        keeping=record.keeping.value,
        said_ms=timestamp_ms(record.call_id),
        not_before_ms=min(record.not_before_ms, record.until_ms),  # a floor keeps records, never content beyond its ceiling
        until_ms=record.until_ms,
        day=record.until_ms // _DAY_MS,
        day_key=keys.day_key,
        subject_key=keys.subject_key,
        request=put(record.request, "request"),
        answer=put(record.answer, "answer"),
    )


def opened(row: ContentRow, keys: RecordKeys) -> Content:
    """Return what a row holds. Raises `CannotOpen` for one that was changed, or that was sealed under keys which are gone."""
    if (row.day_key, row.subject_key) != (keys.day_key, keys.subject_key):
        raise envelope.CannotOpen("the keys of this record were destroyed")
    key = _key(keys, row.call_id, purpose=_SEALED)

    def get(kept: bytes | None, part: str) -> bytes | None:
        if kept is None or row.keeping == Keeping.HASH:
            return None
        return envelope.unseal(key, kept, bound_to=_bound(row.call_id, row.tenant, part, str(row.keeping), keys=keys))

    return Content(
        call_id=row.call_id,
        tenant=row.tenant,
        label=row.label,
        keeping=Keeping(row.keeping),
        said_ms=row.said_ms,
        until_ms=row.until_ms,
        request=get(row.request, "request"),
        answer=get(row.answer, "answer"),
    )


def proves(row: ContentRow, keys: RecordKeys, *, part: str, said: bytes) -> bool:
    """Tell whether the part (`request` or `answer`) that a row holds the hash of was this text."""
    kept = row.request if part == "request" else row.answer
    return kept is not None and envelope.is_fingerprint(_key(keys, row.call_id, purpose=_HASHED), _told(part, said), of=kept)


def _key(keys: RecordKeys, call_id: str, *, purpose: bytes) -> bytes:
    return envelope.derive(keys.material, salt=call_id.encode(), purpose=purpose)


def _bound(*parts: str, keys: RecordKeys) -> bytes:
    return "\0".join((*parts, keys.day_key, keys.subject_key)).encode()


def _told(part: str, said: bytes) -> bytes:
    return part.encode() + b"\0" + said


def timestamp_ms(identifier: str) -> int:
    """Return the Unix time in milliseconds at which a version 7 UUID was made."""
    return int(identifier[:8] + identifier[9:13], 16)
