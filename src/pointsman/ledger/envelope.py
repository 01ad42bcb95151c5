"""
Envelopes: a text sealed under a key, a key wrapped under another. AES-256-GCM for both, HKDF-SHA256 to derive, HMAC-SHA256 for digests.

Pure but for the random bytes of nonces and new keys. Which key lies under which, and where they are kept, belongs to `content/keys.py` (ADR 0018).
"""

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_DIGEST_DIGITS: Final = 32


class CannotOpen(Exception):
    """A sealed text does not open: another key, another record, or changed bytes."""


def new_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(KEY_BYTES)


def derive(material: bytes, *, salt: bytes, purpose: bytes) -> bytes:
    """Return the key for one purpose from other keys' bytes."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(material)


def seal(key: bytes, plain: bytes, *, bound_to: bytes) -> bytes:
    """Return nonce and ciphertext. It opens only with the same key and the same `bound_to`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def unseal(key: bytes, sealed: bytes, *, bound_to: bytes) -> bytes:
    """Return the text. Raises `CannotOpen`."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:  # a wrong key or bytes; too few of them
        raise CannotOpen("a sealed text does not open with this key") from error


def digest(key: bytes, text: str) -> str:
    """Return 32 hex digits that stand for a name and can be neither guessed nor made without the key."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_DIGEST_DIGITS]


def fingerprint(key: bytes, content: bytes) -> bytes:
    """Return what proves later, to whoever has the key, that a content was this one. Without the key it says nothing."""
    return hmac.digest(key, content, "sha256")


def is_fingerprint(key: bytes, content: bytes, *, of: bytes) -> bool:
    """Tell in constant time whether `of` is the fingerprint of this content."""
    return hmac.compare_digest(fingerprint(key, content), of)
