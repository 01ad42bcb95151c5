"""
What leaves the machine for an auditor: the public files of the log with the second verifier, and proofs that one record is in it.
"""

import shutil
from base64 import b64encode
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger.audit.note import read_checkpoint, read_note
from pointsman.ledger.audit.record import leaf_hash
from pointsman.ledger.audit.tree import included_root, inclusion_proof
from pointsman.ledger.audit.verifier import verify as second
from pointsman.storage.audit_files import HISTORY, LATEST, hashes_of, lines_of, make_folder, segments_of, streams_of

_COSIGNED: Final = "cosigned"


class Proof(Struct, frozen=True, kw_only=True):
    """A record and the proof that it is in the log, as C2SP tlog-proof writes it."""

    line: bytes
    text: str


def export(folder: Path, to: Path) -> int:
    """
    Copy the log to a new folder, and return how many files were copied. Private keys and the keys of people stay.

    Each stream's checkpoint is copied first and its records after, so that a running gateway may go on meanwhile. Raises `OSError`.
    """
    make_folder(to)
    count = _copy(folder / "origin", to / "origin")
    for note in sorted((folder / "keys").glob("*.note")):
        count += _copy(note, to / "keys" / note.name)
    for stream in streams_of(folder):
        count += sum(_copy(stream / name, to / stream.name / name) for name in (HISTORY, LATEST) if (stream / name).exists())
        for path in sorted((stream / _COSIGNED).glob("*/checkpoint*")):
            count += _copy(path, to / stream.name / path.relative_to(stream))
        for path in sorted(stream.glob("tree.*")):
            count += _copy(path, to / stream.name / path.name)
        count += sum(_copy(segment.path, to / stream.name / segment.path.name) for segment in segments_of(stream))
    shutil.copyfile(second.__file__, to / "verify.py")
    return count + 1


def proof_of(folder: Path, stream: str, *, number: int) -> Proof:
    """Return the proof that record `number` is under the latest checkpoint of its stream. Raises `Unusable` if there is none that covers it."""
    path = folder / stream
    if not (path / LATEST).exists():
        raise Unusable(f"There is no checkpoint of stream `{stream}` in `{folder}`. `pointsman audit verify` lists the streams there are.")
    whole = _checkpoint(path)
    head = read_checkpoint(read_note(whole).text)
    if not 0 <= number < head.size:
        raise Unusable(f"Record {number} is not signed yet: the last checkpoint of stream `{stream}` is over {head.size} records. Wait for the next one.")
    proof = inclusion_proof(lambda level, which: hashes_of(path, level, which=which), number, size=head.size)
    line = next(line for at, line in enumerate(lines_of(path)) if at == number)
    if included_root(leaf_hash(line), number, size=head.size, path=proof) != head.root:
        raise Unusable(f"Record {number} of stream `{stream}` is not the one that was signed. Run `pointsman audit verify`.")
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return Proof(line=line, text=f"c2sp.org/tlog-proof@v1\nindex {number}\n{hashes}\n{whole}")


def _checkpoint(stream: Path) -> str:
    """Return the latest checkpoint, as a witness signed it if that is the same one."""
    own = (stream / LATEST).read_text(encoding="utf-8")
    text = read_note(own).text
    for path in sorted((stream / _COSIGNED).glob(f"*/{LATEST}")):
        signed = path.read_text(encoding="utf-8")
        if signed.startswith(f"{text}\n"):
            return signed
    return own


def _copy(path: Path, to: Path) -> int:
    make_folder(to.parent)
    shutil.copyfile(path, to)
    return 1
