"""
Where did this go? The records about one person, one unit or one call, and who could have seen the data.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.ledger.audit.record import AuditRecord, Kind, read_record, subject_index, unit_index
from pointsman.storage.audit_files import lines_of, streams_of

_GOES_OUT: Final = frozenset({Kind.EGRESS})
_BY_PEOPLE: Final = frozenset({Kind.CONTENT_READ, Kind.APPROVAL, Kind.DECLASSIFIED})


class _Calls(Struct, frozen=True):
    call_id: str = ""
    cache: str = ""


_read_calls: Final = msgspec.json.Decoder(_Calls).decode


class Place(Struct, frozen=True, kw_only=True):
    """A record and where it stands: the number in its stream."""

    stream: str
    number: int
    record: AuditRecord


class Trail(Struct, frozen=True, kw_only=True):
    """Records in the order of time, and who could have seen the data: `targets` with vendor, region and zone, `people` and `applications`."""

    records: tuple[Place, ...]
    targets: tuple[str, ...]
    applications: tuple[str, ...]
    people: tuple[str, ...]


def of_call(folder: Path, call_id: str) -> Trail:
    """Return the trail of one call, with those of the calls that its answer was given to again."""
    return _trail(folder, {call_id})


def of_subject(folder: Path, salt: bytes) -> Trail:
    """Return the trail of all calls for the user with this salt."""
    index = subject_index(salt)
    calls, others = _calls_with(folder, f'"user":"{index}"'.encode(), values={index}, of="user")
    return _trail(folder, calls, others=others)


def of_unit(folder: Path, unit: str, *, salts: Iterable[bytes]) -> Trail:
    """Return the trail of all calls about a unit. A unit is named under its user's salt, so each of them is tried."""
    calls, others = _calls_with(folder, b'"unit":"', values={unit_index(salt, unit) for salt in salts}, of="unit")
    # A unit that nobody named is the call itself.
    return _trail(folder, calls | ({unit} if unit else set()), others=others)


def _calls_with(folder: Path, needle: bytes, *, values: AbstractSet[str], of: str) -> tuple[set[str], list[Place]]:
    """Return the calls with such a record, and the records that belong to no call."""
    found = [place for place in _records(folder, lambda line: needle in line) if getattr(place.record, of) in values]
    return {place.record.call_id for place in found if place.record.call_id}, [place for place in found if not place.record.call_id]


def _trail(folder: Path, calls: AbstractSet[str], *, others: Iterable[Place] = ()) -> Trail:
    def is_meant(line: bytes) -> bool:
        told = _read_calls(line)
        return told.call_id in calls or told.cache in calls

    found = list(_records(folder, is_meant)) if calls else []
    places = sorted([*found, *others], key=lambda place: (place.record.at_ms, place.stream, place.number))
    records = [place.record for place in places]
    return Trail(
        records=tuple(places),
        targets=_once(_target(record) for record in records if record.kind in _GOES_OUT and record.target),
        applications=_once(f"{record.application or record.key} (tenant {record.tenant}, key {record.key})" for record in records if record.key),
        people=_once(f"{record.actor} ({record.kind})" for record in records if record.actor and record.kind in _BY_PEOPLE),
    )


def _target(record: AuditRecord) -> str:
    where = [record.vendor and f"run by {record.vendor}", record.region and f"in {record.region}", record.zone and f"zone {record.zone}"]
    told = ", ".join(part for part in where if part)
    return f"{record.target} ({told})" if told else record.target


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _records(folder: Path, is_meant: Callable[[bytes], bool]) -> Iterator[Place]:
    """Return the records whose line is meant. What cannot be read is left to `verify`."""
    for stream in streams_of(folder):
        for number, line in enumerate(lines_of(stream)):
            try:
                if is_meant(line):
                    yield Place(stream=stream.name, number=number, record=read_record(line))
            except msgspec.MsgspecError:
                continue  # a trail is no verification
