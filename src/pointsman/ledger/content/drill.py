"""
The restore drill: an old backup is put back into a folder of its own, and it is proven that whoever was erased since stays erased.
"""

import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger import envelope
from pointsman.ledger.content import sealing
from pointsman.ledger.content.erasure import erase_again
from pointsman.ledger.content.keys import KeyStore, Place
from pointsman.ledger.content.opening import Files
from pointsman.storage.content import read_content, rows_of
from pointsman.storage.content_files import open_file
from pointsman.storage.content_in_ledger import count_user, users_of
from pointsman.storage.open import exists, open_writing

_PIECE: Final = 1 << 20
_NO_LEDGER: Final = "no-ledger.db"


class Drill(Struct, frozen=True, kw_only=True):
    """
    What a drill found. `tombstones` tells how many were erased, `rows` how many sealed rows of theirs the backup held, `cleaned` how much was deleted again.

    The rest must be nothing: `opened` rows that could be read, `left` rows and names that are still there, `found` as (file, word) of words that stand
    in a file.
    """

    tombstones: int
    rows: int
    cleaned: int
    opened: int
    left: int
    found: tuple[tuple[str, str], ...]

    @property
    def is_passed(self) -> bool:
        """Tell whether nothing of anybody erased is left."""
        return not (self.opened or self.left or self.found)


def drill(backup: Path, files: Files, *, into: Path, words: Sequence[str] = ()) -> Drill:
    """
    Restore the ledger and the content of a backup folder into the empty folder `into`, with the keys of today, and look at what is left of those erased.
    A ledger in PostgreSQL is in no folder: restore its dump beside, and name that one under `server.database` for a drill of its own.

    `words` must not stand in any byte of the files afterwards. Raises `Unusable` for a folder without a ledger or content.
    """
    restored = _restore(backup, files, into=into)
    stones = {(stone.tenant, stone.subject): stone.erased_ms for stone in files.keys.tombstones()}
    found = _rows_of(restored.content, stones)
    opened = sum(_opens(restored, call_id) for call_id in found)
    cleaned = erase_again(restored)
    left = len(_rows_of(restored.content, stones)) + sum(_names_left(restored, tenant, subjects=stones) for tenant in {tenant for tenant, _ in stones})
    return Drill(
        tombstones=len(stones),
        rows=len(found),
        cleaned=cleaned,
        opened=opened,
        left=left,
        found=tuple(_found(sorted(path for path in into.rglob("*") if path.is_file()), words)),
    )


def _restore(backup: Path, files: Files, *, into: Path) -> Files:
    kept = [known.name for known in (files.ledger, files.content) if isinstance(known, Path)]
    parts = [path for name in kept for path in backup.glob(f"{name}*")]
    if not parts:
        raise Unusable(f"There is {_neither(kept)} in `{backup}`. Name the folder of a backup.")
    for path in parts:
        shutil.copyfile(path, into / path.name)
    if (backup / files.segments.name).is_dir():
        shutil.copytree(backup / files.segments.name, into / files.segments.name)
    ledger = into / (files.ledger.name if isinstance(files.ledger, Path) else _NO_LEDGER)
    return Files(ledger=ledger, content=into / files.content.name, keys=files.keys, segments=into / files.segments.name)


def _neither(names: Sequence[str]) -> str:
    return "neither " + " nor ".join(f"`{name}`" for name in names) if len(names) > 1 else f"no `{names[0]}`"


def _rows_of(content: Path, stones: dict[tuple[str, str], int]) -> list[str]:
    if not content.exists():
        return []
    with closing(open_file(content, "content")) as connection:
        return [
            call_id
            for (tenant, subject), erased_ms in stones.items()
            for call_id, _, said_ms in rows_of(connection, tenant, subject=subject)
            if said_ms <= erased_ms
        ]


def _opens(restored: Files, call_id: str) -> bool:
    with closing(open_file(restored.content, "content")) as connection:
        row = read_content(connection, call_id)
    keys: KeyStore = restored.keys
    found = None if row is None else keys.to_open(Place(tenant=row.tenant, subject=row.subject, day=row.day))
    if row is None or found is None:
        return False
    try:
        sealing.opened(row, found)
    except envelope.CannotOpen:
        return False
    return True


def _names_left(restored: Files, tenant: str, *, subjects: dict[tuple[str, str], int]) -> int:
    if not exists(restored.ledger):
        return 0
    with closing(open_writing(restored.ledger)) as db:
        return sum(count_user(db, tenant, user=user, until_ms=subjects.get((tenant, restored.keys.subject(tenant, user)), -1)) for user in users_of(db, tenant))


def _found(paths: Iterable[Path], words: Sequence[str]) -> Iterable[tuple[str, str]]:
    for path in paths:
        for word in words:
            if _holds(path, word.encode()):
                yield path.name, word


def _holds(path: Path, word: bytes) -> bool:
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if word in before + piece:
                return True
            before = piece[-len(word) :]
    return False
