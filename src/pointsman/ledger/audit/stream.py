"""
One stream of the audit log as its only writer holds it: where it ends, how it goes on, and what is found of it after a crash.

A line holds its number and the hash of the line before; the tree is over the lines; a checkpoint is the signed head of the tree.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.ledger.audit.damaged import AuditDamaged
from pointsman.ledger.audit.keys import SigningKey
from pointsman.ledger.audit.note import BadNote, Checkpoint, Note, read_checkpoint, read_note
from pointsman.ledger.audit.record import NOTHING_BEFORE, leaf_hash, line_head, line_of
from pointsman.ledger.audit.tree import LEVELS, Tree, level_sizes, root_of, tree_of
from pointsman.storage.audit_files import LATEST, StreamFiles, lines_of, segments_of, sync_folder

_MOST_BESIDE_BYTES: Final = 1 << 20


class Cut(Struct, frozen=True, kw_only=True):
    """What a crash left behind after the last whole line, and was taken away."""

    size: int
    sha256: str


class Stream:
    """
    A stream, claimed in the folder of the log.

    `cut` tells what was taken away when it was opened. Raises `AuditDamaged` if the files are not those that were signed.
    """

    def __init__(self, folder: Path, *, origin: str, segment_bytes: int) -> None:
        self._files = StreamFiles(folder)
        self._segment_bytes = segment_bytes
        self.path = self._files.path
        self.name = self._files.path.name
        self.origin = f"{origin}/{self.name}"
        self.cut: Cut | None = None
        self._before = NOTHING_BEFORE
        self._tree = Tree()
        try:
            self._recover()
            self._compare()
        except BaseException:
            self._files.close()
            raise

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._tree.size

    def write(self, bodies: Sequence[bytes]) -> None:
        """Write records; they are on the disk when this returns. If it raises `OSError`, none of them counts."""
        if self._files.size >= self._segment_bytes:
            self._files.sync_hashes()
            self._files.open_segment(self._tree.size)
        tree, before = self._tree.copy(), self._before
        whole: list[list[bytes]] = [[] for _ in range(LEVELS)]
        lines: list[bytes] = []
        for body in bodies:
            line = line_of(body, tree.size, before=before)
            before = leaf_hash(line)
            tree.push(before, whole=whole)
            lines.append(line)
        lines.append(b"")
        self._files.append(b"\n".join(lines))
        self._tree, self._before = tree, before
        self._files.add_hashes(whole)

    def checkpoint(self, key: SigningKey) -> Note:
        """Return the signed head."""
        head = Checkpoint(origin=self.origin, size=self._tree.size, root=self._tree.root())
        return Note(text=head.text, signatures=(key.signer.sign(head.text, name=self.origin),))

    def close(self) -> None:
        """Close the files and let the stream go."""
        self._files.close()

    # ── after a crash ───────────────────────────────────────────────────────────────────────────────────────────────

    def _recover(self) -> None:
        segments = segments_of(self.path)
        first = segments[-1].first if segments else 0
        self._files.open_segment(first)
        # What is in closed segments has its hashes on the disk; those of the open one are made again.
        if not self._files.cut_hashes(level_sizes(first)):
            self._rebuild(first)
        self._tree = tree_of(self._files.hashes, first)
        if first:
            self._before = self._files.hashes(0, range(first - 1, first))[0]
        content = segments[-1].path.read_bytes() if segments else b""
        whole: list[list[bytes]] = [[] for _ in range(LEVELS)]
        good = 0
        for line in content.split(b"\n")[:-1]:
            if not self._follows(line):
                break
            self._before = leaf_hash(line)
            self._tree.push(self._before, whole=whole)
            good += len(line) + 1
        self._files.add_hashes(whole)
        if good < len(content):
            self._cut(content, good)

    def _follows(self, line: bytes) -> bool:
        return line.startswith(line_head(self._tree.size, self._before)) and line.endswith(b"}")

    def _cut(self, content: bytes, good: int) -> None:
        """Take a torn end away. Only what a crash can leave is cut: a piece of a line, or blocks of zeros. All else is somebody's work."""
        rest = content[good:]
        line, is_whole, _ = rest.partition(b"\n")
        if is_whole and b"\0" not in line:
            raise self._damaged(f"record {self._tree.size} does not follow the one before")
        (self.path / f"cut-at-{self._tree.size}").write_bytes(rest[:_MOST_BESIDE_BYTES])
        self._files.cut_segment(good)
        sync_folder(self.path)
        self.cut = Cut(size=len(rest), sha256=sha256(rest).hexdigest())

    def _rebuild(self, first: int) -> None:
        """Make the hashes of closed segments again from their lines."""
        tree, before = Tree(), NOTHING_BEFORE
        whole: list[list[bytes]] = [[] for _ in range(LEVELS)]
        for line in lines_of(self.path):
            if tree.size == first:
                break
            if not line.startswith(line_head(tree.size, before)):
                raise self._damaged(f"record {tree.size} does not follow the one before")
            before = leaf_hash(line)
            tree.push(before, whole=whole)
        if tree.size != first:
            raise self._damaged(f"records from {tree.size} to {first} are missing")
        self._files.cut_hashes([0] * LEVELS)
        self._files.add_hashes(whole)

    def _compare(self) -> None:
        """Go on only from what was signed: a log that lost or changed records must not grow over it."""
        path = self.path / LATEST
        if not path.exists():
            return
        try:
            signed = read_checkpoint(read_note(path.read_text(encoding="utf-8", errors="replace")).text)
        except BadNote as error:
            raise self._damaged(f"the checkpoint cannot be read: {error}") from error
        if signed.size > self._tree.size:
            raise self._damaged(f"{signed.size} records were signed and {self._tree.size} are left")
        if signed.origin != self.origin or root_of(self._files.hashes, 0, end=signed.size) != signed.root:
            raise self._damaged(f"the first {signed.size} records are not those that were signed")

    def _damaged(self, why: str) -> AuditDamaged:
        return AuditDamaged(f"The audit log `{self.path}` is damaged: {why}. Run `pointsman audit verify`, keep the folder as evidence, and name a new one.")
