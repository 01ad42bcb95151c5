"""
A witness: another process that remembers the last head of each log it knows and signs only what continues it (C2SP tlog-witness).

It sees sizes and hashes, never records. Whoever controls the gateway's machine cannot rewrite what a witness elsewhere has signed.
"""

import threading
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.ledger.audit.keys import open_key, origin_of
from pointsman.ledger.audit.note import COSIGNATURE_KEY, BadNote, Checkpoint, Verifier, is_signed_by, read_checkpoint, read_note
from pointsman.ledger.audit.tree import HASH_BYTES, is_consistent
from pointsman.storage.audit_copies import folder_name
from pointsman.storage.audit_files import LATEST, keep_note, make_folder

_OLD: Final = "old "
_MOST_PROOF: Final = 63
PLAIN: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


class Answer(Struct, frozen=True):
    """What a witness answers: status, text and the type of the text."""

    status: int
    text: str
    kind: str = PLAIN


class Witness:
    """
    A witness with a folder of its own.

    `logs` are the keys of the logs it knows; the key `example.com/gateway` stands for all streams under that name. `wall_s` is Unix time.
    """

    def __init__(self, folder: Path, *, name: str, logs: Sequence[Verifier], wall_s: Callable[[], int]) -> None:
        self._folder = folder
        self._name = origin_of(folder, name)
        self._signer = open_key(folder, self._name, at_ms=wall_s() * 1000).signer
        self._logs = tuple(logs)
        self._wall_s = wall_s
        self._lock = threading.Lock()

    @property
    def key(self) -> Verifier:
        """The key that it signs with, to be configured at the log and given to auditors."""
        return Verifier(name=self._name, public=self._signer.public, kind=COSIGNATURE_KEY)

    def add_checkpoint(self, body: str) -> Answer:
        """Judge a request to `/add-checkpoint`, and sign the checkpoint if it continues what was signed before."""
        try:
            old, proof, whole = _read(body)
            note = read_note(whole)
            new = read_checkpoint(note.text)
        except (BadNote, ValueError):
            return Answer(400, "This is no request of C2SP tlog-witness: `old N`, the proof, an empty line, the checkpoint.\n")
        known = [log for log in self._logs if new.origin == log.name or new.origin.startswith(f"{log.name}/")]
        if not known:
            return Answer(404, "This witness does not know the log. Start it with `--log KEY`, as `pointsman audit keys` prints it.\n")
        if not any(is_signed_by(note, Verifier(name=new.origin, public=log.public)) for log in known):
            return Answer(403, "The checkpoint is not signed by a key that this witness knows for the log.\n")
        if old > new.size:
            return Answer(400, "The old size is larger than the checkpoint's.\n")
        with self._lock:
            return self._judge(new, old, proof=proof, whole=whole)

    def _judge(self, new: Checkpoint, old: int, *, proof: Sequence[bytes], whole: str) -> Answer:
        folder = self._folder / folder_name(new.origin)
        path = folder / LATEST
        last = read_checkpoint(read_note(path.read_text(encoding="utf-8")).text) if path.exists() else Checkpoint(origin=new.origin, size=0, root=b"")
        if old != last.size or (new.size == last.size and last.size and new.root != last.root):
            return Answer(409, f"{last.size}\n", SIZE)
        if not is_consistent((last.size, last.root), (new.size, new.root), path=proof):
            return Answer(422, "The checkpoint does not continue the one that was signed before.\n")
        make_folder(folder)
        keep_note(folder, whole, in_history=new.size != last.size)  # before anybody learns of the signature
        return Answer(200, self._signer.cosign(new, name=self._name, at_s=self._wall_s()).line)


def _read(body: str) -> tuple[int, list[bytes], str]:
    head, gap, whole = body.partition("\n\n")
    first, *lines = head.split("\n")
    number = first.removeprefix(_OLD)
    if not gap or not first.startswith(_OLD) or not number.isdecimal() or str(int(number)) != number or len(lines) > _MOST_PROOF:
        raise BadNote("it is no request")
    proof = [b64decode(line, validate=True) for line in lines]
    if any(len(one) != HASH_BYTES for one in proof):
        raise BadNote("its proof holds what is no hash")
    return int(number), proof, whole
