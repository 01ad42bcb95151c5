"""
Content stores for tests: real files in a folder, and records of calls that were said at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ledger.entries import a_record

from pointsman.core.ids import uuid7
from pointsman.core.label import a_label
from pointsman.core.verdict import Keeping
from pointsman.ledger.content.keys import KeyStore
from pointsman.ledger.content.opening import Files
from pointsman.ledger.content.records import ContentRecord
from pointsman.ledger.content.store import ContentStore
from pointsman.ledger.writer import Ledger

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
MASTER = b"m" * 32
CANARY = "the canary sings at noon"


def a_said(number: int = 1, *, said_ms: int = NOW_MS, **more: Any) -> ContentRecord:
    """Return the record of a call that was said at a time; each number is another call."""
    whole: dict[str, Any] = {
        "call_id": uuid7(now_ms=said_ms, random_bits=number),
        "tenant": "acme",
        "subject": "ada@example.com",
        "label": a_label("internal"),
        "request": f"request {number}: {CANARY}".encode(),
        "answer": f"answer {number}: {CANARY}".encode(),
        "keeping": Keeping.FULL,
        "until_ms": said_ms + 30 * DAY_MS,
        "unit": "ticket-1",
        **more,
    }
    return ContentRecord(**whole)


@contextmanager
def files_in(folder: Path, *, copies: bool = False) -> Iterator[Files]:
    keys = KeyStore(folder / "keys.db", MASTER)
    try:
        yield Files(
            ledger=folder / "ledger.db", content=folder / "content.db", keys=keys, segments=folder / "segments", copies=folder / "copies" if copies else None
        )
    finally:
        keys.close()


def keep(files: Files, *records: ContentRecord) -> None:
    store = ContentStore(files.content, files.keys)
    for record in records:
        store.keep(record)
    store.close()
    assert store.lost == 0


def book(files: Files, *records: Any) -> None:
    ledger = Ledger(files.ledger)
    for record in records:
        ledger.book(record)
    ledger.close()


def a_call_of(user: str | None, number: int = 1, *, at_ms: int = NOW_MS, **more: Any) -> Any:
    """Return a ledger record of a user's call, with an id of that time."""
    return a_record(number, at_ms=at_ms, user=user, tenant="acme", **more)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every byte of every file in a folder, also of logs beside databases."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def files_holding(folder: Path, *words: str) -> list[str]:
    """Return `file: word` for each word that stands in the bytes of a file."""
    return [f"{name}: {word}" for name, held in bytes_of(folder).items() for word in words if word.encode() in held]
