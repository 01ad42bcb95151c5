"""
Whether the audit log and the ledger tell of the same calls: what was paid for must be on record, and what is on record must have happened.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.ledger.audit.record import Kind
from pointsman.storage.audit_files import lines_of, streams_of
from pointsman.storage.sql import Database

_MOST_NAMED: Final = 5

# Attempts at places that data leaves to, of calls that began in the time that the log covers.
_SENT: Final = """
SELECT DISTINCT call.call_id AS call_id
FROM call
JOIN attempt ON attempt.call_id = call.call_id
WHERE attempt.place IN ('private', 'cloud') AND call.started_ms BETWEEN :since_ms AND :until_ms
"""
_OLDEST: Final = "SELECT MIN(started_ms) AS oldest FROM call"


class Agreement(Struct, frozen=True, kw_only=True):
    """
    How many calls sent data by both, and those that only one knows: `unrecorded` by the ledger alone, `unbooked` by the audit log alone.

    A gateway that was killed leaves a few of each, from its last moments; `first` names some of the unrecorded.
    """

    both: int
    unrecorded: int
    unbooked: int
    first: tuple[str, ...]


class _Told(Struct, frozen=True):
    kind: str
    at_ms: int
    call_id: str = ""


_read: Final = msgspec.json.Decoder(_Told).decode


def agreement(folder: Path, db: Database) -> Agreement:
    """Compare a log with a ledger over the time that both cover. Raises `sqlite3.Error` if the ledger cannot be read."""
    sent: dict[str, int] = {}
    since_ms = until_ms = None
    for told in _told(folder):
        since_ms, until_ms = min(since_ms or told.at_ms, told.at_ms), max(until_ms or told.at_ms, told.at_ms)
        if told.kind == Kind.EGRESS:
            sent[told.call_id] = told.at_ms
    booked = {str(row["call_id"]) for row in db.rows(_SENT, {"since_ms": since_ms, "until_ms": until_ms})}
    oldest = db.rows(_OLDEST)[0]["oldest"]
    alone = sorted(booked - sent.keys())
    unbooked = [call for call, at_ms in sent.items() if call not in booked and oldest is not None and at_ms >= oldest]
    return Agreement(both=len(booked) - len(alone), unrecorded=len(alone), unbooked=len(unbooked), first=tuple(alone[:_MOST_NAMED]))


def _told(folder: Path) -> Iterator[_Told]:
    for stream in streams_of(folder):
        for line in lines_of(stream):
            try:
                yield _read(line)
            except msgspec.MsgspecError:
                continue  # `verify` names it
