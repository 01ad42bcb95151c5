"""
The folder of learned parameters: every set that was ever in force, in a file named by the digest of what is in it, and the tables of tokens by which they look
at prompts, named by what each was made from and what is in it. Bytes only; what they say is not known here.

A file is written beside its place, is on the disk before it gets its name, and is never written again. What is read is held against its name. Tables are kept
for good: they are few, and change with the package that they are made from only.
"""

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from pointsman.core.errors import Unusable
from pointsman.storage.audit_files import make_folder, replace_whole

_DIGEST_BYTES: Final = 16
_HEX: Final = frozenset("0123456789abcdef")
_NEWEST: Final = "newest"
_TABLE: Final = re.compile(r"[0-9a-f]{32}-([0-9a-f]{32})", re.ASCII)
_OF_TABLE: Final = ".table"


class ParametersLost(Unusable):
    """
    The learned parameters that are in force are not in their folder, or are damaged. Remedy: put the file back from a backup, roll back, or learn anew with
    `pointsman learn --anew`. Until then the incumbent answers and the owner's order follows.
    """

    code = "parameters_lost"

    def __init__(self, digest: str, *, why: str) -> None:
        super().__init__(
            f"The learned parameters `{digest[:40]}` {why}. Put the file back from a backup, go back with `pointsman rollback`, "
            "or learn anew with `pointsman learn --anew`."
        )
        self.digest = digest


class TableLost(Unusable):
    """
    The table of tokens by which learned parameters look at prompts is not in their folder, or is damaged. Remedy: put the file back from a backup and reload,
    or learn anew with `pointsman learn --anew` or `pointsman router fit`. Until then the incumbent answers and the owner's order follows.
    """

    code = "table_lost"

    def __init__(self, name: str, *, why: str) -> None:
        super().__init__(
            f"The table of tokens `{name[:80]}`, by which the learned parameters look at prompts, {why}. Put the file back from a backup, or learn anew with "
            "`pointsman learn --anew` (`pointsman router fit` for its store)."
        )
        self.name = name


def digest_of(data: bytes) -> str:
    """Return the name of these bytes."""
    return blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


class LearnedFolder:
    """Keeps parameters. The folder is made when the first are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, data: bytes) -> str:
        """Keep bytes; return their name. Raises `OSError`."""
        digest = digest_of(data)
        self._keep(digest, data)
        return digest

    def read(self, digest: str) -> bytes:
        """Return the bytes of this name. Raises `ParametersLost` where there are none, or others."""
        if not is_digest(digest):
            raise ParametersLost(digest, why="have no name that could be theirs")
        return self._whole(digest, digest, lost=lambda why: ParametersLost(digest, why=why), be="are")

    def digests(self) -> frozenset[str]:
        """Return the names of all that are kept."""
        try:
            return frozenset(path.name for path in self.folder.iterdir() if is_digest(path.name))
        except FileNotFoundError:
            return frozenset()

    def prune(self, keep: Collection[str]) -> int:
        """Delete all but these; return how many went."""
        gone = 0
        for digest in self.digests().difference(keep):
            with suppress(FileNotFoundError):
                (self.folder / digest).unlink()
                gone += 1
        return gone

    @property
    def newest(self) -> str:
        """The name of those that were learned last, which need not be in force: somebody may have gone back. Empty if there are none."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / _NEWEST).read_text(encoding="ascii").strip()
        return ""

    def note_newest(self, digest: str) -> None:
        """Remember which were learned last. Raises `OSError`."""
        make_folder(self.folder)
        replace_whole(self.folder / _NEWEST, digest.encode())

    # ── tables of tokens ────────────────────────────────────────────────────────────────────────────────────────────

    def keep_table(self, source: str, data: bytes) -> str:
        """Keep the bytes of a table that was made from the `source` of this digest; return its name. Raises `OSError`."""
        name = f"{source}-{digest_of(data)}"
        self._keep(f"{name}{_OF_TABLE}", data)
        return name

    def table(self, name: str) -> bytes:
        """Return the bytes of the table of this name. Raises `TableLost` where there are none, or others."""
        found = _TABLE.fullmatch(name)
        if found is None:
            raise TableLost(name, why="has no name that could be its own")
        return self._whole(f"{name}{_OF_TABLE}", found[1], lost=lambda why: TableLost(name, why=why), be="is")

    def stamp(self, name: str) -> tuple[int, int]:
        """Return what changes when the file of a table does: when it was written (nanoseconds), and its size; zeros without one."""
        with suppress(OSError):
            found = (self.folder / f"{name}{_OF_TABLE}").stat()
            return found.st_mtime_ns, found.st_size
        return 0, 0

    def has_table(self, name: str) -> bool:
        """Tell whether the table of this name is there and whole."""
        with suppress(TableLost):
            return bool(self.table(name))
        return False

    def table_of(self, source: str) -> str:
        """Return the name of a table that was made from this source and is whole; empty if there is none."""
        names = sorted(path.stem for path in self.folder.glob(f"{source}-*{_OF_TABLE}"))
        return next(filter(self.has_table, names), "")

    # ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep(self, file: str, data: bytes) -> None:
        make_folder(self.folder)
        with suppress(OSError):
            if (self.folder / file).read_bytes() == data:
                return
        replace_whole(self.folder / file, data)

    def _whole(self, file: str, digest: str, *, lost: Callable[[str], Unusable], be: str) -> bytes:
        """Return the bytes of a file, held against their digest. Raises what is `lost`, told why; `be` is its verb."""
        try:
            data = (self.folder / file).read_bytes()
        except FileNotFoundError as error:
            raise lost(f"{be} not in `{self.folder.name}`") from error
        except OSError as error:
            raise lost(f"cannot be read ({error.strerror})") from error
        if digest_of(data) != digest:
            raise lost(f"{be} damaged")
        return data


def is_digest(name: str) -> bool:
    """Tell whether this can be the name of parameters: nothing else is ever looked for in the folder."""
    return len(name) == 2 * _DIGEST_BYTES and _HEX.issuperset(name)
