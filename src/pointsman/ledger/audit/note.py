"""
Signed notes and checkpoints as C2SP writes them (signed-note, tlog-checkpoint, tlog-cosignature), so that other tools can check ours.

Pure: keys, time and text are passed in.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

_DASH: Final = "\u2014"
_LINE: Final = re.compile(f"{_DASH} ([^ +]+) ([A-Za-z0-9+/=]+)")
_SIZE: Final = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_ID_BYTES: Final = 4
_ROOT_BYTES: Final = 32
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_MOST_CHARS: Final = 65_536
NOTE_KEY: Final = 0x01
COSIGNATURE_KEY: Final = 0x04


class BadNote(ValueError):
    """A text is no signed note, checkpoint or key, or not a canonical one."""


class Verifier(Struct, frozen=True, kw_only=True):
    """A public key (32 bytes) with the name it signs under. `kind` is the type byte: of a note or of a cosignature."""

    name: str
    public: bytes
    kind: int = NOTE_KEY

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell signatures of this key from others under the same name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as one word, such as `example.com/log+1a2b3c4d+AQ…`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"


class Signature(Struct, frozen=True, kw_only=True):
    """One signature line: who says to have signed, and with which key. `value` is checked by `is_signed_by`."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line in a note, with its line break."""
        return f"{_DASH} {self.name} {b64encode(self.key_id + self.value).decode()}\n"


class Note(Struct, frozen=True, kw_only=True):
    """A text that ends in a line break, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def whole(self) -> str:
        """The note as it is written."""
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}"


class Checkpoint(Struct, frozen=True, kw_only=True):
    """The head of a log: whose, how many leaves, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class Signer(Struct, frozen=True, kw_only=True):
    """A private key, which signs under any name it is told."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def sign(self, text: str, *, name: str) -> Signature:
        """Return a signature over a note's text."""
        key = Verifier(name=name, public=self.public)
        return Signature(name=name, key_id=key.key_id, value=self.private.sign(text.encode()))

    def cosign(self, checkpoint: Checkpoint, *, name: str, at_s: int) -> Signature:
        """Return a witness's signature: at this time (Unix seconds) it had seen no larger tree of this log, and none that this one does not continue."""
        key = Verifier(name=name, public=self.public, kind=COSIGNATURE_KEY)
        signed = self.private.sign(_cosigned(checkpoint.text, at_s))
        return Signature(name=name, key_id=key.key_id, value=at_s.to_bytes(_TIME_BYTES, "big") + signed)


def is_name(text: str) -> bool:
    """Tell whether a text may name a log or a key."""
    return bool(text) and text.isprintable() and not re.search(r"[\s+]", text)


def read_note(whole: str) -> Note:
    """Read a signed note. Raises `BadNote`."""
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or len(whole) > _MOST_CHARS or not lines.endswith("\n") or any(ord(letter) < 0x20 for letter in whole.replace("\n", "")):  # noqa: PLR2004 - a space
        raise BadNote("it is no signed note")
    return Note(text=text + "\n", signatures=tuple(read_signature(line) for line in lines[:-1].split("\n")))


def read_signature(line: str) -> Signature:
    """Read one signature line, without its line break. Raises `BadNote`."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadNote("a line is no signature")
    value = _bytes(found[2])
    return Signature(name=found[1], key_id=value[:_ID_BYTES], value=value[_ID_BYTES:])


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint without further lines. Raises `BadNote`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not is_name(lines[0]) or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 - three lines and the end
        raise BadNote("it is no checkpoint")
    root = _bytes(lines[2])
    if len(root) != _ROOT_BYTES:
        raise BadNote("its root is no SHA-256")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def read_verifier(text: str) -> Verifier:
    """Read a key that was written as one word. Raises `BadNote`."""
    name, _, rest = text.partition("+")
    named, _, key = rest.partition("+")
    raw = _bytes(key)
    if not is_name(name) or len(raw) != _ROOT_BYTES + 1:
        raise BadNote("it is no key")
    found = Verifier(name=name, public=raw[1:], kind=raw[0])
    if found.kind not in {NOTE_KEY, COSIGNATURE_KEY} or found.key_id.hex() != named:
        raise BadNote("it is a key of another kind, or was not copied whole")
    return found


def is_signed_by(note: Note, key: Verifier) -> bool:
    """Tell whether the note bears a valid signature of this key. One that claims to be of this key and is not makes the note void."""
    claimed = [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    return bool(claimed) and all(_is_valid(note.text, one.value, key=key) for one in claimed)


def cosigned_at_s(note: Note, key: Verifier) -> int | None:
    """Return when a witness signed this checkpoint (Unix seconds), or None if it did not."""
    claimed: Sequence[Signature] = [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    return int.from_bytes(claimed[0].value[:_TIME_BYTES], "big") if key.kind == COSIGNATURE_KEY and is_signed_by(note, key) else None


def _is_valid(text: str, value: bytes, *, key: Verifier) -> bool:
    if key.kind == COSIGNATURE_KEY:
        at_s, value = int.from_bytes(value[:_TIME_BYTES], "big"), value[_TIME_BYTES:]
        signed = _cosigned(text, at_s)
    else:
        signed = text.encode()
    if len(value) != _SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(value, signed)
    except InvalidSignature:
        return False
    return True


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _bytes(text: str) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise BadNote("it is no base64") from error
    if b64encode(found).decode() != text:
        raise BadNote("it is no canonical base64")
    return found
