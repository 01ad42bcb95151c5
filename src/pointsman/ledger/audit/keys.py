"""
Who signs the audit log: one Ed25519 key of the installation, and the history of those before it.

The private key is in a file that only its owner can read. The history is a row of signed notes: each names a key and is signed by it and by the
one before, so whoever trusts the first key, or any later one, can follow. A checkpoint may only be signed by the key of the one before it or
by a later one: a key that was handed over cannot come back.
"""

import fcntl
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger.audit.note import BadNote, Note, Signer, Verifier, is_name, is_signed_by, read_note
from pointsman.storage.audit_files import make_folder, replace_whole

PRIVATE: Final = "signing.key"
_NEXT: Final = "signing.key.next"
_HEADER: Final = "pointsman audit key"
_KEY_BYTES: Final = 32
_LINES: Final = 6


class SigningKey(Struct, frozen=True, kw_only=True):
    """The key in force. `number` counts the keys of the history from 1."""

    number: int
    signer: Signer


class BadHistory(ValueError):
    """The history of keys does not hold together from the key of this number on."""

    def __init__(self, number: int, says: str) -> None:
        super().__init__(says)
        self.number = number


def origin_of(folder: Path, told: str | None = None) -> str:
    """Return the name of this installation's log, made at the first start. Raises `Unusable` if it is told otherwise than before."""
    with _alone(folder):
        path = folder / "origin"
        found = known_origin(folder) if path.exists() else None
        if found is None:
            found = told or f"pointsman.local/{token_hex(4)}"
            if not is_name(found):
                raise Unusable(f"`{found}` is no name for an audit log. Leave out spaces and `+`, such as `example.com/gateway`.")
            replace_whole(path, f"{found}\n".encode())
    if told is not None and told != found:
        raise Unusable(f"The audit log in `{folder.name}` is called `{found}`, not `{told}`. Give it its name again, or name another folder.")
    return found


def known_origin(folder: Path) -> str:
    """Return the name of the log in a folder. Raises `Unusable` if there is none."""
    try:
        return (folder / "origin").read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    except OSError:
        raise Unusable(f"There is no audit log in `{folder}`. Start the gateway with `pointsman up`, or name the folder.") from None


def open_key(folder: Path, origin: str, *, at_ms: int) -> SigningKey:
    """Return the key in force, a new one at the first start. Raises `Unusable` if others may read it, or if it is not that of the history."""
    with _alone(folder):
        _finish_hand_over(folder)
        if not (folder / PRIVATE).exists():
            if _notes(folder):
                raise Unusable(f"The signing key of the audit log, `{folder.name}/{PRIVATE}`, is gone. Put it back from its backup, or name another folder.")
            return _hand_over(folder, origin, at_ms=at_ms, old=None)
        return _current(folder)


def rotate(folder: Path, origin: str, *, at_ms: int) -> SigningKey:
    """Let another key sign from now on. Writers that run take it up with their next checkpoint."""
    with _alone(folder):
        _finish_hand_over(folder)
        return _hand_over(folder, origin, at_ms=at_ms, old=_current(folder))


def key_notes(folder: Path) -> list[str]:
    """Return the notes of the history, the first key first."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in _notes(folder)]


def history_of(notes: Sequence[str], origin: str) -> list[bytes]:
    """Return the public keys that have signed, the first one first. Raises `BadHistory`."""
    keys: list[bytes] = []
    for number, whole in enumerate(notes, 1):
        try:
            note = read_note(whole)
            key = _key_in(note, number, origin=origin)
        except (BadNote, ValueError) as error:
            raise BadHistory(number, f"the note of key {number} cannot be read: {error}") from error
        for signer in [key, *keys[-1:]]:
            if not is_signed_by(note, Verifier(name=f"{origin}/keys", public=signer)):
                raise BadHistory(number, f"key {number} was not handed over by the one before")
        keys.append(key)
    if not keys:
        raise BadHistory(0, "there is no key")
    return keys


def stamp_of(folder: Path) -> tuple[int, int]:
    """Return what changes when the key changes."""
    found = (folder / PRIVATE).stat()
    return found.st_ino, found.st_mtime_ns


def _key_in(note: Note, number: int, *, origin: str) -> bytes:
    lines = note.text.split("\n")
    if len(lines) != _LINES or lines[:3] != [_HEADER, origin, str(number)]:
        raise BadNote("it is not that of this log and number")
    key = b64decode(lines[3], validate=True)
    if len(key) != _KEY_BYTES:
        raise BadNote("it names no key")
    return key


def _hand_over(folder: Path, origin: str, *, at_ms: int, old: SigningKey | None) -> SigningKey:
    seed = token_bytes(_KEY_BYTES)
    new = SigningKey(number=1 if old is None else old.number + 1, signer=Signer(private=Ed25519PrivateKey.from_private_bytes(seed)))
    text = f"{_HEADER}\n{origin}\n{new.number}\n{b64encode(new.signer.public).decode()}\n{at_ms}\n"
    signers = [new.signer, *([] if old is None else [old.signer])]
    note = Note(text=text, signatures=tuple(signer.sign(text, name=f"{origin}/keys") for signer in signers))
    # First the private key, under another name: a crash must not leave a history that nobody can go on with.
    replace_whole(folder / _NEXT, f"{new.number} {b64encode(seed).decode()}\n".encode())
    make_folder(folder / "keys")
    replace_whole(folder / "keys" / f"{new.number:04d}.note", note.whole.encode())
    _finish_hand_over(folder)
    return new


def _finish_hand_over(folder: Path) -> None:
    following = folder / _NEXT
    if following.exists():
        if len(_notes(folder)) == _read(following).number:
            following.replace(folder / PRIVATE)
        else:
            following.unlink()


def _current(folder: Path) -> SigningKey:
    path = folder / PRIVATE
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unusable(f"Others may read the signing key of the audit log, `{path}`. Run `chmod 600 {path}`; if others had it, `pointsman audit rotate-key`.")
    found = _read(path)
    named = _notes(folder)
    told = named[-1].read_text(encoding="utf-8", errors="replace").split("\n") if named else []
    if len(named) != found.number or b64encode(found.signer.public).decode() not in told:
        raise Unusable(f"`{path}` is not the key that the history in `keys` ends with. Put the right one back from its backup, or name another folder.")
    return found


def _read(path: Path) -> SigningKey:
    try:
        number, _, seed = path.read_text(encoding="utf-8").strip().partition(" ")
        return SigningKey(number=int(number), signer=Signer(private=Ed25519PrivateKey.from_private_bytes(b64decode(seed, validate=True))))
    except ValueError:
        raise Unusable(f"`{path}` holds no signing key. Put it back from its backup, or name another folder.") from None


def _notes(folder: Path) -> list[Path]:
    return sorted((folder / "keys").glob("[0-9][0-9][0-9][0-9].note"))


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Let no other process make or change keys meanwhile."""
    make_folder(folder)
    descriptor = os.open(folder / "keys.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
