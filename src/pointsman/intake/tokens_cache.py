"""
Tokens that were verified a moment ago, so that the next call with one costs a look-up instead of a signature.

The key is the SHA-256 of the whole token, never a part of it: two tokens that differ in one bit are two tokens.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from pointsman.core.principal import Principal
from pointsman.intake.tokens import Verified

_MOST: Final = 10_000


class Known(Struct, frozen=True, kw_only=True):
    """A token that was verified, and who shows it."""

    verified: Verified
    principal: Principal


class TokenCache:
    """Bounded. An entry ends with its token, with its issuer's keys, and when it is dropped."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[bytes, Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, token: str, now_s: float) -> Known | None:
        """Return what is known of a token, or None if it must be verified."""
        found = self._known.get(_digest(token))
        if found is None:
            return None
        verified = found.verified
        is_stale = now_s >= verified.until_s or verified.generation != verified.ring.generation or verified.ring.is_closed(now_s)
        return None if is_stale else found

    def keep(self, token: str, known: Known) -> None:
        """Remember a token. The oldest makes room."""
        digest = _digest(token)
        self._known.pop(digest, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[digest] = known

    def drop(self, which: Callable[[Known], bool]) -> None:
        """Forget all tokens that `which` is true for."""
        self._known = {digest: known for digest, known in self._known.items() if not which(known)}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
