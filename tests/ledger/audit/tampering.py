"""
Twelve ways to tamper with an audit log, by somebody who has the whole folder and the signing key, and takes as much care as told.
"""

import random
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pointsman.ledger.audit import keys
from pointsman.ledger.audit.note import Checkpoint, Note, Signer
from pointsman.ledger.audit.record import NOTHING_BEFORE, leaf_hash, line_of
from pointsman.ledger.audit.tree import LEVELS, Tree
from pointsman.storage.audit_files import HISTORY, LATEST, segments_of, streams_of


class Care(IntEnum):
    """How far the forger goes."""

    LINES = 0  # changes records only
    TREE = 1  # makes the tree anew over what stands there
    ALL = 2  # numbers, links, tree and signed checkpoints, all anew


@dataclass
class Done:
    """What was tampered with: the first record of the stream that is not what it was, or None for what is no record."""

    stream: str
    record: int | None
    care: Care


class Forger:
    """Somebody with a stream, the signing key and dice."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder = folder
        self.dice = dice
        self.path = dice.choice(streams_of(folder))
        self.firsts = [segment.first for segment in segments_of(self.path)]
        self.lines = [line for segment in segments_of(self.path) for line in segment.path.read_bytes().split(b"\n")[:-1]]
        self.care = Care(dice.randrange(3))
        self.origin = (folder / "origin").read_text().strip()

    def place(self, *, spare: int = 0) -> int:
        return self.dice.randrange(len(self.lines) - spare)

    def save(self, record: int | None, *, care: Care | None = None, signer: Signer | None = None) -> Done:
        """Write the lines back, with as much care as is taken."""
        care = self.care if care is None else care
        if care is Care.ALL:
            self._renumber()
        for segment in segments_of(self.path):
            segment.path.unlink()
        firsts = [first for first in self.firsts if first < len(self.lines)] or [0]
        for first, end in zip(firsts, [*firsts[1:], len(self.lines)], strict=True):
            (self.path / f"{first:020d}.jsonl").write_bytes(b"".join(line + b"\n" for line in self.lines[first:end]))
        if care >= Care.TREE:
            root = self._plant()
            if care is Care.ALL:
                self._sign(root, signer or keys.open_key(self.folder, self.origin, at_ms=0).signer)
        return Done(self.path.name, record, care)

    def _renumber(self) -> None:
        before = NOTHING_BEFORE
        for number, line in enumerate(self.lines):
            self.lines[number] = line_of(body_of(line), number, before=before)
            before = leaf_hash(self.lines[number])

    def _plant(self) -> bytes:
        tree = Tree()
        levels: list[list[bytes]] = [[] for _ in range(LEVELS)]
        for line in self.lines:
            tree.push(leaf_hash(line), whole=levels)
        for level, hashes in enumerate(levels):
            if hashes:
                (self.path / f"tree.{level}").write_bytes(b"".join(hashes))
        return tree.root()

    def _sign(self, root: bytes, signer: Signer) -> None:
        head = Checkpoint(origin=f"{self.origin}/{self.path.name}", size=len(self.lines), root=root)
        whole = Note(text=head.text, signatures=(signer.sign(head.text, name=head.origin),)).whole
        (self.path / LATEST).write_text(whole)
        (self.path / HISTORY).write_text(whole + "\n")


def body_of(line: bytes) -> bytes:
    """Return the JSON of a line without its number and link."""
    return b"{" + line.split(b",", 2)[2]


def _changed(line: bytes, dice: random.Random) -> bytes:
    """Return a line that tells another story in the same form."""
    number = dice.randrange(3)
    if number == 0 and b'"target":' in line:
        return line.replace(b'"target":"acme/small"', b'"target":"home/small"')
    return re.sub(rb'"at_ms":(\d+)', lambda found: b'"at_ms":%d' % (int(found[1]) + 1 + number), line)


def flip(forger: Forger) -> Done:
    """One bit of any file that is vouched for."""
    paths = [segment.path for segment in segments_of(forger.path)] * 3
    paths += [forger.path / LATEST, forger.path / HISTORY, forger.path / "tree.0", forger.folder / "origin", *sorted((forger.folder / "keys").iterdir())]
    path = forger.dice.choice(paths)
    data = bytearray(path.read_bytes())
    at = forger.dice.randrange(len(data))
    data[at] ^= 1 << forger.dice.randrange(8)
    record = None
    if path.suffix == ".jsonl":
        record = int(path.stem) + path.read_bytes()[:at].count(b"\n")
    elif path.name == "tree.0":
        record = at // 32
    path.write_bytes(data)
    return Done(forger.path.name, record, Care.LINES)


def delete(forger: Forger) -> Done:
    at = forger.place()
    del forger.lines[at]
    return forger.save(at)


def insert(forger: Forger) -> Done:
    at = forger.place()
    forger.lines.insert(at, _changed(forger.lines[at], forger.dice))
    return forger.save(at)


def swap(forger: Forger) -> Done:
    one = forger.place()
    other = forger.dice.choice([number for number, line in enumerate(forger.lines) if body_of(line) != body_of(forger.lines[one])])
    one, other = sorted((one, other))  # of two that say the same, chained anew, nothing would be changed
    forger.lines[one], forger.lines[other] = forger.lines[other], forger.lines[one]
    return forger.save(one)


def truncate(forger: Forger) -> Done:
    at = forger.place()
    del forger.lines[at:]
    return forger.save(at)


def rechain(forger: Forger) -> Done:
    at = forger.place()
    forger.lines[at] = _changed(forger.lines[at], forger.dice)
    return forger.save(at, care=Care.ALL)


def fork(forger: Forger) -> Done:
    at = forger.place()
    forger.lines[at:] = [_changed(line, forger.dice) for line in forger.lines[at:]]
    return forger.save(at, care=Care.ALL)


def replay(forger: Forger) -> Done:
    """The folder as it was at an earlier time, with the checkpoint of that time."""
    at = forger.place()
    del forger.lines[at:]
    return forger.save(at, care=Care.ALL)


def backdate(forger: Forger) -> Done:
    at = forger.place()
    line = re.sub(rb'"at_ms":(\d+)', lambda found: b'"at_ms":%d' % (int(found[1]) - 86_400_000), forger.lines[at])
    forger.lines[at] = line
    return forger.save(at)


def key_swap(forger: Forger) -> Done:
    """All of it, unchanged, signed by a key of the forger's own."""
    shutil.rmtree(forger.folder / "keys")
    (forger.folder / keys.PRIVATE).unlink()
    signer = keys.open_key(forger.folder, forger.origin, at_ms=0).signer
    for path in streams_of(forger.folder):
        forger.path = path
        forger.firsts = [segment.first for segment in segments_of(path)]
        forger.lines = [line for segment in segments_of(path) for line in segment.path.read_bytes().split(b"\n")[:-1]]
        forger.save(None, care=Care.ALL, signer=signer)
    return Done("", None, Care.ALL)


def gap(forger: Forger) -> Done:
    start, end = sorted(forger.dice.sample(range(len(forger.lines) + 1), 2))
    del forger.lines[start:end]
    return forger.save(start)


def splice(forger: Forger) -> Done:
    """A record of another tenant or stream in the place of this one."""
    others = [line for path in streams_of(forger.folder) for segment in segments_of(path) for line in segment.path.read_bytes().split(b"\n")[:-1]]
    at = forger.place()
    stranger = forger.dice.choice([line for line in others if body_of(line) != body_of(forger.lines[at])])
    head = forger.lines[at].split(b",", 2)
    forger.lines[at] = b",".join([*head[:2], body_of(stranger)[1:]])
    return forger.save(at)


TAMPERINGS: dict[str, Callable[[Forger], Done]] = {
    one.__name__: one for one in (flip, delete, insert, swap, truncate, rechain, fork, replay, backdate, key_swap, gap, splice)
}


def tampered(log: Path, to: Path, *, how: str, dice: random.Random) -> Done:
    """Copy a log and tamper with the copy."""
    shutil.copytree(log, to)
    return TAMPERINGS[how](Forger(to, dice))


def another_key() -> str:
    """Return a public key that signed nothing, in base64."""
    return b64encode(Signer(private=Ed25519PrivateKey.generate()).public).decode()
