"""
Kept content: what sealing costs, what keeping costs a call, how fast it is written, and what erasing and expiring take.

    python bench/governance/retention.py [--records 20000] [--bytes 2000] [--users 500] [--plantings 2000]

- Seal and open: one record of request and answer with its keys at hand. Reference in the same run: AES-256-GCM alone on the same bytes.
- Keep: the call alone, as the event loop sees it. Write: records a second through the writer's thread onto the disk, keys made on the way. Reference: the
  same rows in the open, written by hand in batches of the same size.
- Erase: one user among so many, content, keys and ledger, files rewritten. Expire: half of all content at once.
- Bytes of the erased: canaries of what was said, planted in the content of many users, who are then erased; every byte of every file is searched, also
  of an old backup that was restored. Must be 0.
- Secrets: revealing one, and comparing two.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # not this folder: a benchmark beside this one has the name of a standard module

from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: E402 - the path comes first
from tests.ledger.content.kept import DAY_MS, NOW_MS, a_call_of, a_said, book, bytes_of, files_in, keep  # noqa: E402

from pointsman.ledger.content import sealing  # noqa: E402
from pointsman.ledger.content.drill import drill  # noqa: E402
from pointsman.ledger.content.erasure import erase  # noqa: E402
from pointsman.ledger.content.expiry import expire  # noqa: E402
from pointsman.ledger.content.opening import Files  # noqa: E402
from pointsman.ledger.content.records import ContentRecord  # noqa: E402
from pointsman.ledger.content.store import ContentStore  # noqa: E402
from pointsman.settings.retention_compile import retention_of  # noqa: E402
from pointsman.settings.retention_shape import Retention  # noqa: E402
from pointsman.settings.secret_value import Secret, local  # noqa: E402

Rows = list[tuple[str, str, str]]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, usual in (("records", 20_000), ("bytes", 2000), ("users", 500), ("plantings", 2000)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    told = parser.parse_args()
    rows: Rows = []
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        seal(Path(folder), told, rows)
        write(Path(folder), told, rows)
        forget(Path(folder), told, rows)
        plant(Path(folder), told, rows)
    secrets(rows)
    width = max(len(name) for name, _, _ in rows)
    for name, figure, beside in rows:
        print(f"{name:<{width}}  {figure:>16}  {beside}")


def records(told: argparse.Namespace) -> list[ContentRecord]:
    half = os.urandom(told.bytes // 2)
    return [
        a_said(number, subject=f"user-{number % told.users}@example.com", request=half, answer=half, until_ms=NOW_MS + (1 + number % 2) * DAY_MS)
        for number in range(told.records)
    ]


def seal(folder: Path, told: argparse.Namespace, rows: Rows) -> None:
    record = records(told)[0]
    (folder / "seal").mkdir()
    with files_in(folder / "seal") as files:
        subject, unit = files.keys.subject(record.tenant, record.subject), files.keys.unit(record.tenant, record.unit)
        [keys] = files.keys.to_seal([sealing.place_of(record, subject=subject)])
        assert keys is not None
        row = sealing.sealed(record, keys, subject=subject, unit=unit)
        plain, nonce, cipher = record.request or b"", os.urandom(12), AESGCM(os.urandom(32))
        alone = timed(lambda: (cipher.encrypt(nonce, plain, b"x"), cipher.encrypt(nonce, plain, b"x")))
        rows.append(
            (f"seal {told.bytes} bytes", micro(timed(lambda: sealing.sealed(record, keys, subject=subject, unit=unit))), f"AES-GCM alone {micro(alone)}")
        )
        rows.append((f"open {told.bytes} bytes", micro(timed(lambda: sealing.opened(row, keys))), ""))


def write(folder: Path, told: argparse.Namespace, rows: Rows) -> None:
    made = records(told)
    (folder / "write").mkdir()
    with files_in(folder / "write") as files:
        store = ContentStore(files.content, files.keys, most_records=told.records)
        spans: list[float] = []
        begun = time.perf_counter()
        for record in made:
            start = time.perf_counter()
            store.keep(record)
            spans.append(time.perf_counter() - start)
        store.close()
        took = time.perf_counter() - begun
        rows.append(("keep, as a call sees it, p50", micro(statistics.median(spans)), f"p99 {micro(sorted(spans)[len(spans) * 99 // 100])}"))
        rows.append(("write", f"{told.records / took:,.0f} /s", f"in the open by hand {told.records / by_hand(folder / 'plain.db', made):,.0f} /s"))
        size = sum(len(held) for held in bytes_of(folder / "write").values())
        rows.append(("bytes on disk for each byte said", f"{size / sum(record.size for record in made):.2f}", f"left out: {store.lost}"))


def by_hand(path: Path, made: list[ContentRecord]) -> float:
    begun = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE content (call_id TEXT PRIMARY KEY, subject TEXT, until_ms INTEGER, request BLOB, answer BLOB)")
        for start in range(0, len(made), 256):
            connection.execute("BEGIN")
            batch = [(one.call_id, one.subject, one.until_ms, one.request, one.answer) for one in made[start : start + 256]]
            connection.executemany("INSERT INTO content VALUES (?, ?, ?, ?, ?)", batch)
            connection.execute("COMMIT")
    return time.perf_counter() - begun


def forget(folder: Path, told: argparse.Namespace, rows: Rows) -> None:
    (folder / "forget").mkdir()
    with files_in(folder / "forget") as files:
        keep_all(files, records(told))
        book(files, *[a_call_of(f"user-{number % told.users}@example.com", number) for number in range(told.records)])
        size = sum(len(held) for held in bytes_of(folder / "forget").values())
        begun = time.perf_counter()
        done = erase(files, "acme", user="user-1@example.com", now_ms=NOW_MS + 1, told=lambda _: None)
        rows.append(
            ("erase one user", f"{time.perf_counter() - begun:.2f} s", f"{done.content} contents, {done.calls} calls among {told.records}, {size >> 20} MiB")
        )
        begun = time.perf_counter()
        gone = expire(files, retention_of(Retention()), now_ms=NOW_MS + DAY_MS)
        took = time.perf_counter() - begun
        rows.append(("expire half of the content", f"{took:.2f} s", f"{gone.content} contents, {gone.content / took:,.0f} /s"))


def keep_all(files: Files, made: list[ContentRecord]) -> None:
    for start in range(0, len(made), 5000):
        keep(files, *made[start : start + 5000])


def plant(folder: Path, told: argparse.Namespace, rows: Rows) -> None:
    place = folder / "plant"
    place.mkdir()
    count = 20
    with files_in(place) as files:
        made = [
            a_said(number, subject=f"gone-{number % count}@example.com", request=f"canary-q-{number}-".encode() * 9, answer=f"canary-a-{number}-".encode() * 9)
            for number in range(told.plantings // 2)
        ]
        keep_all(files, made)
        book(files, *[a_call_of(record.subject, number, unit=f"mail {record.subject}") for number, record in enumerate(made)])
        backup = folder / "backup"
        backup.mkdir()
        for path in (files.ledger, files.content):
            for part in place.glob(f"{path.name}*"):
                shutil.copy(part, backup / part.name)
        for number in range(count):
            erase(files, "acme", user=f"gone-{number}@example.com", now_ms=NOW_MS + 1, told=lambda _: None)
        restored = folder / "restored"
        restored.mkdir()
        words = ["canary-", "gone-"]
        found = drill(backup, files, into=restored, words=words)
        left = sum(held.count(word.encode()) for one in (place, restored) for held in bytes_of(one).values() for word in words)
    rows.append(
        ("bytes of the erased, after a restore", str(left), f"of {told.plantings} plantings and {count} names; opened {found.opened}, left {found.left}")
    )
    sealed = sum(held.count(b"canary-") for held in bytes_of(backup).values())
    rows.append(("canaries in the backup itself", str(sealed), "sealed, without the keys"))


def secrets(rows: Rows) -> None:
    here = local("bench")
    one, other = Secret("sk-0123456789abcdef0123456789abcdef", origin=here), Secret("sk-0123456789abcdef0123456789abcdeg", origin=here)
    rows.append(("reveal a secret", micro(timed(lambda: one.reveal_to(here))), f"compare two {micro(timed(lambda: one == other))}"))


def timed(work: Callable[[], object], rounds: int = 2000) -> float:
    spans: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        spans.append(time.perf_counter() - start)
    return statistics.median(spans)


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"


if __name__ == "__main__":
    main()
