"""
Keys: how they are made, and who it is that shows one.

A key reads `pm_<43 characters><6 characters>`: 32 random bytes, then a checksum, so that a mistyped or foreign key is told apart without a look-up and scanners
can recognise one. Only the SHA-256 is kept anywhere. A secret is never put into a message.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pointsman.core.errors import NotAuthenticated
from pointsman.core.principal import Digest, Key, Principal, Scope
from pointsman.intake.identity import Identities

_PREFIX: Final = "pm_"
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS: Final = 43  # 62**43 > 2**256
_CHECK_DIGITS: Final = 6  # 62**6 > 2**32
_LENGTH: Final = len(_PREFIX) + _SECRET_DIGITS + _CHECK_DIGITS
_KEY_BYTES: Final = 32

LOCAL: Final = Key(key_id="local", digests=(), scopes=frozenset(Scope))


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A new key: the `secret` to be shown once, and the digest to be kept."""

    secret: str = field(repr=False)
    sha256: str


def mint(random: bytes) -> Minted:
    """Make a key of 32 random bytes."""
    if len(random) != _KEY_BYTES:
        raise ValueError(f"a key is made of {_KEY_BYTES} random bytes, not {len(random)}")
    body = _PREFIX + _base62(int.from_bytes(random), _SECRET_DIGITS)
    secret = body + _checksum(body)
    return Minted(secret=secret, sha256=hashlib.sha256(secret.encode()).hexdigest())


class Door:
    """
    Knows the keys of one snapshot, and `others` who come with tokens and sessions. Without either the gateway is open, and whoever comes is `local`.
    """

    def __init__(self, keys: Iterable[Key], others: Identities | None = None) -> None:
        known = tuple(keys)
        self.others = others or Identities()
        roles = self.others.roles
        self._by_digest: dict[bytes, tuple[Key, Digest]] = {
            bytes.fromhex(digest.sha256): (roles.granted(key), digest) for key in known for digest in key.digests
        }
        # A key without a secret lets nobody in, and keeps the door shut.
        self._open = None if known or self.others.is_used else Principal(key=LOCAL)

    @property
    def is_open(self) -> bool:
        """Tell whether anybody who comes is let in."""
        return self._open is not None

    def identify(self, authorization: str | None, api_key: str | None, *, user: str | None, now_s: float) -> Principal:
        """
        Return who shows these credentials: `Authorization: Bearer …`, `x-api-key`, or both if they are the same.

        `user` is whom a key says it acts for; whom a token or session proves is not changed by it. `now_s` is Unix time. Raises `NotAuthenticated`,
        and `IssuerUnavailable` where it cannot be told who shows a token.
        """
        if self._open is not None:
            return self._open if user is None else Principal(key=LOCAL, user=user)
        secret = _one_secret(authorization, api_key)
        if self.others.knows(secret):
            return self.others.identify(secret, now_s=now_s)
        # SHA-256 of the whole secret is looked up, so the time taken tells nothing about any stored key.
        found = self._by_digest.get(hashlib.sha256(secret.encode()).digest())
        if found is None:
            raise NotAuthenticated(_why_unknown(secret))
        key, digest = found
        if digest.sha256 in self.others.register.revoked.keys:
            raise NotAuthenticated(f"The key `{key.key_id}` was revoked. Ask its owner for a new one.")
        if digest.until_s is not None and now_s >= digest.until_s:
            raise NotAuthenticated(f"This secret of the key `{key.key_id}` was replaced and is no longer accepted. Use the new one.")
        if key.expires_s is not None and now_s >= key.expires_s:
            raise NotAuthenticated(f"The key `{key.key_id}` has expired. Ask its owner for a new one (`pointsman keys rotate {key.key_id}`).")
        return Principal(key=key, user=user)


def _one_secret(authorization: str | None, api_key: str | None) -> str:
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            raise NotAuthenticated("The `Authorization` header is not `Bearer <key>`. Send your key that way, or in `x-api-key`.")
    if bearer is not None and api_key is not None and bearer != api_key:
        raise NotAuthenticated("Two different keys came with this request. Send one, in `Authorization` or in `x-api-key`.")
    secret = bearer or api_key
    if not secret:
        raise NotAuthenticated("No key came with this request. Send one as `Authorization: Bearer <key>` or `x-api-key`.")
    return secret


def _why_unknown(secret: str) -> str:
    if not secret.startswith(_PREFIX):
        return "This is no key of Pointsman: those begin with `pm_`. Vendor keys belong into `pointsman.yaml` by reference, not into requests."
    if len(secret) != _LENGTH or _checksum(secret[:-_CHECK_DIGITS]) != secret[-_CHECK_DIGITS:]:
        return "The key is mistyped or cut off: its checksum does not fit. Copy it again."
    return "The key is not known here; it may have been revoked. Ask its owner for a new one."


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _base62(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
