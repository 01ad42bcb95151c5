"""
A second verifier of the audit log, for people who do not want to trust the first: one file, the standard library only, no code shared.

    python3 verify.py FOLDER [OUTSIDE ...] [--key KEY] [--witness KEY] [--json]

FOLDER is an exported log. OUTSIDE are folders or files in which checkpoints were kept elsewhere. Without any of these, and without the key of a
witness, a log whose end was cut or that was written anew by its owner looks whole: nothing inside it can show that.

Formats: RFC 6962 section 2.1, RFC 8032 section 5.1, C2SP signed-note, tlog-checkpoint and tlog-cosignature. Exit code: 0 whole, 1 not, 2 wrong usage.
"""

# ruff: noqa: PLR2004 - the numbers are those of the formats

import argparse
import base64
import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

# ── Ed25519 (RFC 8032 section 5.1): verification only, so nothing here needs to be constant in time ───────────────────

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
NEUTRAL: Final[Point] = (0, 1, 1, 0)


def added(one: Point, other: Point) -> Point:
    """Add two points in extended coordinates (section 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_of(data: bytes) -> Point | None:
    """Decode a point (section 5.1.3), or return None if it is none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


GENERATOR: Final = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


@functools.lru_cache(maxsize=4096)
def is_signature(public: bytes, message: bytes, *, signature: bytes) -> bool:
    """Tell whether a signature is valid (section 5.1.7). Remembered: one checkpoint is kept at several places."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = point_of(public), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    # scalar · B = R + challenge · A, both products in one pass over the bits, as scalar · B + challenge · (−A) = R.
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    both = added(GENERATOR, minus_key)
    found = NEUTRAL
    for bit in reversed(range(256)):
        found = added(found, found)
        which = (scalar >> bit & 1) + 2 * (challenge >> bit & 1)
        if which:
            found = added(found, (GENERATOR, minus_key, both)[which - 1])
    return not (found[0] * commitment[2] - commitment[0] * found[2]) % P and not (found[1] * commitment[2] - commitment[1] * found[2]) % P


# ── notes (C2SP signed-note) ────────────────────────────────────────────────────────────────────────────────────────


class Wrong(Exception):
    """Something is not as it should be. `record` is the first bad one, if it is about a record."""

    def __init__(self, code: str, says: str, *, record: int | None = None) -> None:
        super().__init__(says)
        self.code = code
        self.record = record


def unpacked(text: str) -> bytes:
    """Decode base64 that is written in the one canonical way."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise Wrong("checkpoint", "base64 is broken")
    return data


class Note:
    """A text and its signatures: (name, key id, signature)."""

    def __init__(self, whole: str) -> None:
        gap = whole.rfind("\n\n")
        if gap < 0 or not whole.endswith("\n") or len(whole) > 65_536 or re.search(r"[\x00-\x09\x0b-\x1f]", whole):
            raise Wrong("checkpoint", "it is no signed note")
        self.text = whole[: gap + 1]
        self.signatures: list[tuple[str, bytes, bytes]] = []
        for line in whole[gap + 2 : -1].split("\n"):
            found = re.fullmatch(r"\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line)
            if not found:
                raise Wrong("checkpoint", "a line is no signature")
            packed = unpacked(found[2])
            self.signatures.append((found[1], packed[:4], packed[4:]))

    def signed_at(self, name: str, public: bytes, *, kind: int = 1) -> int | None:
        """Return when this key has signed: a time for a witness's signature (kind 4), 0 for another, None if it has not."""
        key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
        own = [value for who, which, value in self.signatures if (who, which) == (name, key_id)]
        times = [0 if kind == 1 else int.from_bytes(value[:8], "big") for value in own]
        for value, time in zip(own, times, strict=True):
            message = self.text if kind == 1 else f"cosignature/v1\ntime {time}\n{self.text}"
            if not is_signature(public, message.encode(), signature=value if kind == 1 else value[8:]):
                return None
        return times[0] if times else None

    def head(self) -> tuple[str, int, bytes]:
        """Read the text as a checkpoint: origin, size and root."""
        found = re.fullmatch(r"([^\s+]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/=]+)\n", self.text)
        root = unpacked(found[3]) if found else b""
        if not found or len(root) != 32:
            raise Wrong("checkpoint", "it is no checkpoint")
        return found[1], int(found[2]), root


def notes_in(path: Path) -> Iterator[str]:
    """Split a file into the notes it holds: text and signatures take turns, with an empty line between."""
    if path.is_file():
        pieces = path.read_text(encoding="utf-8", errors="replace").split("\n\n")
        pieces += [""] * (len(pieces) % 2)
        for text, signatures in zip(pieces[::2], pieces[1::2], strict=True):
            if text.strip():
                yield text + "\n\n" + signatures.rstrip("\n") + "\n"


def key_of(word: str) -> tuple[str, int, bytes]:
    """Read a key that is written as one word: name, kind and public key."""
    name, named, packed = [*word.split("+", 2), "", ""][:3]
    try:
        raw = unpacked(packed)
    except Wrong:
        raw = b""
    if len(raw) != 33 or hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != named:
        raise argparse.ArgumentTypeError(f"`{word}` is no key")
    return name, raw[0], raw[1:]


# ── one stream ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Stream:
    """The records of one stream, and the tree over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.last = bytes(32)
        self.peaks: list[tuple[int, bytes]] = []  # (height, root) of whole subtrees, the largest first
        self.roots: dict[int, bytes] = {}
        tree = folder / "tree.0"
        self.tree = tree.read_bytes() if tree.exists() else b""

    def root(self) -> bytes:
        """Return the root over what was read so far."""
        if not self.peaks:
            return hashlib.sha256().digest()
        right = self.peaks[-1][1]
        for _, left in self.peaks[-2::-1]:
            right = hashlib.sha256(b"\x01" + left + right).digest()
        return right

    def read(self, sizes: set[int]) -> None:
        """Read all records and remember the roots at these sizes. Raises `Wrong` at the first bad one."""
        if 0 in sizes:
            self.roots[0] = self.root()
        for line in self.lines():
            self.check(line)
            self.grow(self.last)
            if self.count in sizes:
                self.roots[self.count] = self.root()
        if len(self.tree) // 32 > self.count:
            raise Wrong("truncated", f"the tree knows {len(self.tree) // 32} records, and {self.count} are left", record=self.count)

    def lines(self) -> Iterator[bytes]:
        """Return the lines of all segments, each of which must begin where the one before ended."""
        paths = sorted(path for path in self.folder.iterdir() if re.fullmatch(r"[0-9]{20}\.jsonl", path.name))
        for path in paths:
            if int(path.name[:20]) != self.count:
                raise Wrong("missing", f"records from {self.count} to {int(path.name[:20])} are missing or moved", record=self.count)
            with path.open("rb") as file:
                for line in file:
                    if line[-1:] == b"\n":
                        yield line[:-1]
                    elif path != paths[-1]:
                        raise Wrong("unreadable", f"record {self.count} is not whole", record=self.count)

    def check(self, line: bytes) -> None:
        """Check one line against the one before and against the tree."""
        try:
            told = json.loads(line)
            number = told["seq"]
            is_record = isinstance(told["kind"], str) and type(told["at_ms"]) is int and type(number) is int
        except (ValueError, KeyError, TypeError, RecursionError):
            is_record, number = False, None
        if not is_record:
            raise Wrong("unreadable", f"record {self.count} cannot be read", record=self.count)
        if number != self.count:
            raise Wrong("number", f"where record {self.count} should be stands {number}", record=self.count)
        if line[: line.find(b",", line.find(b",") + 1) + 1] != b'{"seq":%d,"prev":"%s",' % (self.count, base64.b64encode(self.last)):
            which = self.count if self.tree or not self.count else self.count - 1
            raise Wrong("link", f"record {self.count} does not follow the one before", record=which)
        self.last = hashlib.sha256(b"\x00" + line).digest()
        known = self.tree[32 * self.count : 32 * self.count + 32]
        if len(known) == 32 and known != self.last:
            raise Wrong("changed", f"record {self.count} is not the one that was written", record=self.count)

    def grow(self, leaf: bytes) -> None:
        """Add a leaf: two subtrees of the same height become one."""
        height = 0
        while self.peaks and self.peaks[-1][0] == height:
            leaf = hashlib.sha256(b"\x01" + self.peaks.pop()[1] + leaf).digest()
            height += 1
        self.peaks.append((height, leaf))
        self.count += 1


# ── the whole log ───────────────────────────────────────────────────────────────────────────────────────────────────


class Log:
    """A log with what the auditor brought along."""

    def __init__(self, folder: Path, outside: Iterable[Path] = (), *, keys: Iterable[tuple[str, int, bytes]] = ()) -> None:
        self.folder = folder
        self.origin = (folder / "origin").read_text(encoding="utf-8", errors="replace").removesuffix("\n")
        self.keys: list[bytes] = []
        self.told = list(keys)
        self.elsewhere: dict[str, list[str]] = {}
        self.key_notes: list[str] = []
        for place in outside:
            for path in [place] if place.is_file() else sorted(place.rglob("*")):
                self.look(path, is_named=path == place)

    def look(self, path: Path, *, is_named: bool) -> None:
        """Take up what a file outside tells about this log."""
        if path.suffix == ".note" and (is_named or path.parent.name == "keys"):
            self.key_notes.append(path.read_text(encoding="utf-8", errors="replace"))
        elif is_named or path.name in {"checkpoint", "checkpoints"}:
            for whole in notes_in(path):
                log, _, stream = whole.partition("\n")[0].rpartition("/")
                if log == self.origin:
                    self.elsewhere.setdefault(stream, []).append(whole)

    def read_keys(self) -> None:
        """Follow the history of keys: each is signed by itself and by the one before. Raises `Wrong`."""
        notes = [path.read_text(encoding="utf-8", errors="replace") for path in sorted((self.folder / "keys").glob("[0-9][0-9][0-9][0-9].note"))]
        for number, whole in enumerate(notes, 1):
            try:
                note = Note(whole)
                lines = note.text.split("\n")
                public = unpacked(lines[3] if lines[:3] == ["pointsman audit key", self.origin, str(number)] and len(lines) == 6 else "")
            except Wrong as wrong:
                raise Wrong("keys", f"the note of key {number} cannot be read: {wrong}") from wrong
            for signer in [public, *self.keys[-1:]]:
                if note.signed_at(f"{self.origin}/keys", signer) is None:
                    raise Wrong("keys", f"key {number} was not handed over by the one before")
            self.keys.append(public)
        if not self.keys:
            raise Wrong("keys", "there is no key")
        if any(f"\n{self.origin}\n" in whole and whole not in notes for whole in self.key_notes):
            raise Wrong("keys", "a key was another one when it was told outside")
        if any(public not in self.keys for _, kind, public in self.told if kind == 1):
            raise Wrong("keys", "the history does not know the key that was given")

    def heads(self, folder: Path) -> tuple[list[tuple[int, bytes, bool]], Wrong | None]:
        """Return size and root of every checkpoint of a stream, whether it is from outside, and what is wrong with the first that does not count."""
        found: list[tuple[int, bytes, bool]] = []
        wrong: Wrong | None = None
        witnesses = [(name, public) for name, kind, public in self.told if kind == 4]
        is_witnessed = not witnesses
        newest = (0, 0)
        for place, whole in self.kept(folder):
            try:
                note = Note(whole)
                size, root, signer = self.head_of(note, f"{self.origin}/{folder.name}", after=newest if place == "own" else (0, 0))
            except Wrong as one:
                wrong = wrong or one
                continue
            is_witnessed |= any(note.signed_at(name, public, kind=4) is not None for name, public in witnesses)
            found.append((size, root, place == "out"))
            newest = (size, signer) if place == "own" else newest
        if not is_witnessed:
            wrong = wrong or Wrong("witness", "no checkpoint is signed by a witness that you trust")
        return found, wrong

    def kept(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Return every checkpoint of a stream: those kept in it, those that a witness signed, those from outside."""
        for name in ("checkpoints", "checkpoint"):
            yield from (("own", whole) for whole in notes_in(folder / name))
        for path in sorted((folder / "cosigned").glob("*/checkpoint*")):
            yield from (("witness", whole) for whole in notes_in(path))
        yield from (("out", whole) for whole in self.elsewhere.get(folder.name, ()))

    def head_of(self, note: Note, origin: str, *, after: tuple[int, int]) -> tuple[int, bytes, int]:
        """Return size, root and the number of the key that signed. Raises `Wrong` if it was none of this log, or an earlier one than before."""
        log, size, root = note.head()
        for number, key in enumerate(self.keys):
            if log == origin and note.signed_at(origin, key) is not None:
                if size < after[0] or number < after[1]:
                    raise Wrong("checkpoint", f"the checkpoint over {size} records is signed by a key that was handed over before")
                return size, root, number
        raise Wrong("checkpoint", f"the checkpoint over {size} records is not signed by a key of this log")

    def check_stream(self, folder: Path) -> dict[str, Any]:
        """Check one stream and tell the first thing that is wrong: records before checkpoints."""
        heads, doubt = self.heads(folder)
        stream, broken = Stream(folder), None
        try:
            stream.read({size for size, _, _ in heads})
        except Wrong as wrong:
            broken = wrong
        wrong = self.first_wrong(stream, heads, broken=broken) or broken or doubt
        fault = None if wrong is None else {"code": wrong.code, "record": wrong.record, "says": str(wrong)}
        return {"name": folder.name, "records": stream.count, "outside": sum(1 for head in heads if head[2]), "fault": fault}

    def first_wrong(self, stream: Stream, heads: list[tuple[int, bytes, bool]], *, broken: Wrong | None) -> Wrong | None:
        """Compare the roots. A bad record that lies within what a checkpoint covers is told before the checkpoint."""
        good = 0
        for size, root, is_outside in sorted(heads, key=lambda head: (head[0], stream.roots.get(head[0]) == head[1])):
            found = stream.roots.get(size)
            if found != root:
                if broken is not None and (found is None or (broken.record or 0) < size):
                    return broken
                if found is None:
                    return Wrong("truncated", f"a checkpoint is over {size} records, and {stream.count} are left", record=stream.count)
                return Wrong("rewritten", f"one of the records {good} to {size - 1} was changed since it was signed", record=good)
            good = size if is_outside else good
        return None

    def check(self) -> dict[str, Any]:
        """Check everything."""
        faults: list[dict[str, Any]] = []
        streams: list[dict[str, Any]] = []
        try:
            self.read_keys()
            folders = sorted((path for path in self.folder.iterdir() if re.fullmatch(r"0|[1-9][0-9]{0,3}", path.name)), key=lambda path: int(path.name))
            streams = [self.check_stream(path) for path in folders]
            faults += [{"stream": one["name"], **one["fault"]} for one in streams if one["fault"]]
            gone = sorted(self.elsewhere.keys() - {path.name for path in folders})
            faults += [{"stream": name, "code": "missing_stream", "record": 0, "says": f"stream {name} is gone"} for name in gone]
        except Wrong as wrong:
            faults.append({"stream": "", "code": wrong.code, "record": wrong.record, "says": str(wrong)})
        return {"origin": self.origin, "good": not faults, "streams": streams, "faults": faults}


def main() -> int:
    """Verify what the command line names, and say what was found."""
    parser = argparse.ArgumentParser(description="Verify an exported audit log.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("outside", type=Path, nargs="*", help="where checkpoints were kept elsewhere")
    parser.add_argument("--key", type=key_of, action="append", default=[], help="a key that must be in the history of keys")
    parser.add_argument("--witness", type=key_of, action="append", default=[], help="the key of a witness, one of which must have signed")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    if not (told.folder / "origin").is_file():
        parser.error(f"{told.folder} is no audit log: it has no file `origin`")
    found = Log(told.folder, told.outside, keys=[*told.key, *told.witness]).check()
    lines = [f"stream {one['name']}: {one['records']} records, {one['outside']} checkpoints from outside" for one in found["streams"]]
    lines += [f"WRONG in stream {one['stream'] or '-'}, record {one['record']}: {one['says']} ({one['code']})" for one in found["faults"]]
    if found["good"] and not told.witness and not any(one["outside"] for one in found["streams"]):
        lines.append("Whole in itself. Without a checkpoint from outside nobody can tell whether its end was cut or all of it was written anew.")
    elif found["good"]:
        lines.append("Whole.")
    sys.stdout.write((json.dumps(found, indent=2) if told.json else "\n".join(lines)) + "\n")
    return 0 if found["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
