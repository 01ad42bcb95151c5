"""
Tokens (JWT): from the text that somebody shows to claims that are believed, or a refusal that says why.

Rules (RFC 7519, RFC 8725):
1. The algorithm is one that the issuer's entry lists; all are asymmetric. A token chooses neither its key's kind nor where keys come from:
   `jwk`, `jku`, `x5u` and `x5c` in its head are not looked at, and a `crit` is refused.
2. `iss` and `aud` are compared as they stand, `exp` must be there, `nbf` and `iat` must not lie in the future, but for the leeway.
3. What is verified is what is read: one parse of the very bytes that are signed.
4. A refusal says what is wrong and never repeats a token.
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from pointsman.core.errors import Failed, NotAuthenticated
from pointsman.intake.tokens_keys import KeyRing
from pointsman.settings.identity_values import Issuer

_MOST_CHARACTERS: Final = 16_384
_PARTS: Final = 3
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_REMEDY: Final = "Get a new token from the issuer."

Claims = Mapping[str, Any]


class IssuerUnavailable(Failed):
    """The keys of an issuer are not known, or too old to be believed. Remedy: try again; see that the gateway can reach the issuer."""

    code = "issuer_unavailable"


class Verified(Struct, frozen=True, kw_only=True):
    """Claims that are believed, who vouches for them, and by which keys (the ring's generation). `until_s` is Unix time."""

    issuer: Issuer
    claims: Claims
    until_s: float
    ring: KeyRing
    generation: int

    @property
    def subject(self) -> str | None:
        """The subject, as the issuer names it."""
        return text_claim(self.claims, "sub")

    @property
    def token_id(self) -> str | None:
        """The token's own id (`jti`)."""
        return text_claim(self.claims, "jti")


class Read(Struct, frozen=True, kw_only=True):
    """A token taken apart, believed in nothing yet."""

    algorithm: str
    kid: str | None
    claims: Claims
    signed: bytes
    signature: bytes


def looks_like_token(secret: str) -> bool:
    """Tell whether this is a JWT by its form. Keys of ours hold no dot."""
    return secret.count(".") == _PARTS - 1


def read_token(token: str) -> Read:
    """Take a token apart. Raises `NotAuthenticated`."""
    if len(token) > _MOST_CHARACTERS:
        raise NotAuthenticated(f"The token is longer than {_MOST_CHARACTERS} characters. {_REMEDY}")
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    told, claims = _object(head), _object(body)
    algorithm, kid, kind = told.get("alg"), told.get("kid"), told.get("typ", "JWT")
    if not (isinstance(algorithm, str) and isinstance(kid, str | None) and isinstance(kind, str)):
        raise NotAuthenticated(f"The head of the token cannot be understood. {_REMEDY}")
    if "crit" in told or told.get("b64", True) is not True or kind.lower() not in _TYPES:
        raise NotAuthenticated("The head of the token asks for something that is not done here (`crit`, `b64` or `typ`). Ask for a plain signed JWT.")
    return Read(algorithm=algorithm, kid=kid, claims=claims, signed=f"{head}.{body}".encode(), signature=_bytes(signature))


class Verifier:
    """Verifies the tokens of some issuers. `rings` hold their keys."""

    def __init__(self, rings: Iterable[KeyRing]) -> None:
        self._rings: dict[str, list[KeyRing]] = {}
        for ring in rings:
            self._rings.setdefault(ring.issuer.issuer, []).append(ring)

    def ring_of(self, read: Read) -> KeyRing:
        """Return the ring of whoever a token claims to be from and is meant for us. Raises `NotAuthenticated`."""
        issued_by = read.claims.get("iss")
        known = self._rings.get(issued_by) if isinstance(issued_by, str) else None
        if not known:
            raise NotAuthenticated("The token is of an issuer that is not known here (`iss`). Its exact name must stand under `identity.issuers`.")
        meant = _audiences(read.claims)
        found = next((ring for ring in known if ring.issuer.audience in meant), None)
        if found is None:
            raise NotAuthenticated("The token is meant for somebody else (`aud`). Ask its issuer for one with the audience of this gateway.")
        return found

    def verify(self, read: Read, now_s: float) -> Verified:
        """Return the claims of a token. Raises `NotAuthenticated`, or `IssuerUnavailable` where nothing can be told now."""
        ring = self.ring_of(read)
        issuer = ring.issuer
        if read.algorithm not in issuer.algorithms:
            raise NotAuthenticated(
                f"The token is signed in a way that is not accepted (`{read.algorithm[:20]}`). `{issuer.name}` accepts {', '.join(sorted(issuer.algorithms))}."
            )
        if ring.is_closed(now_s):
            raise IssuerUnavailable(f"The keys of the issuer `{issuer.name}` cannot be had now ({ring.trouble}). Try again in a moment.")
        key = ring.find(read.kid, read.algorithm)
        if key is None:
            raise NotAuthenticated(f"The token is signed with a key that `{issuer.name}` does not show (`kid`). {_REMEDY}")
        if not key.verifies(read.signed, read.signature, algorithm=read.algorithm):
            raise NotAuthenticated(f"The signature of the token is wrong. {_REMEDY}")
        until_s = _check_times(read.claims, issuer, now_s=now_s)
        return Verified(issuer=issuer, claims=read.claims, until_s=until_s, ring=ring, generation=ring.generation)


def claim(claims: Claims, name: str | None) -> object:
    """Return a claim by its name, or by a path with dots; None if it is not there."""
    if name is None or name in claims:
        return None if name is None else claims[name]
    here: object = claims
    for part in name.split("."):
        if not isinstance(here, dict):
            return None
        here = cast("dict[str, object]", here).get(part)
    return here


def text_claim(claims: Claims, name: str | None) -> str | None:
    """Return a claim that is a text, printable and not empty; None for anything else."""
    found = claim(claims, name)
    return found if isinstance(found, str) and found.isprintable() and 0 < len(found) <= _MOST_CHARACTERS else None


def set_claim(claims: Claims, name: str | None) -> frozenset[str] | None:
    """Return a claim that is a list of texts, or one text with spaces; None if it is not there."""
    found = claim(claims, name)
    if isinstance(found, str):
        return frozenset(found.split())
    if isinstance(found, list):
        return frozenset(one for one in cast("list[object]", found) if isinstance(one, str))
    return None if found is None else frozenset()


def _check_times(claims: Claims, issuer: Issuer, *, now_s: float) -> float:
    """Return until when a token is believed (Unix seconds). Raises `NotAuthenticated`."""
    expires, not_before, issued = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise NotAuthenticated(f"The token never ends (`exp`). {_REMEDY}")
    if now_s >= expires + issuer.leeway_s:
        raise NotAuthenticated(f"The token has expired (`exp`). {_REMEDY}")
    if any(moment is not None and moment > now_s + issuer.leeway_s for moment in (not_before, issued)):
        raise NotAuthenticated("The token is not valid yet (`nbf`, `iat`). Set the clocks of its issuer and of this machine.")
    if expires - (now_s if issued is None else issued) > issuer.longest_life_s:
        raise NotAuthenticated(f"The token lives longer than `{issuer.name}` allows here ({issuer.longest_life_s:.0f} s). Ask for a shorter one.")
    return expires + issuer.leeway_s


def _moment(claims: Claims, name: str) -> float | None:
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        raise NotAuthenticated(f"The token holds a time that is none (`{name}`). {_REMEDY}")
    return float(found)


def _audiences(claims: Claims) -> frozenset[str]:
    found = claims.get("aud")
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(one for one in cast("list[object]", found) if isinstance(one, str)) if isinstance(found, list) else frozenset()


def _object(part: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_bytes(part), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAuthenticated(f"The token is no JWT: a part of it is no JSON object. {_REMEDY}") from error


def _bytes(part: str) -> bytes:
    """Decode base64url as RFC 7515 writes it, with one spelling for each value: no padding, no other character, no spare bits."""
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise NotAuthenticated(f"The token is no JWT: it is not written in base64url. {_REMEDY}") from error
    if _spelt(found) != part:
        raise NotAuthenticated(f"The token is no JWT: it is not written in base64url. {_REMEDY}")
    return found


def _spelt(found: bytes) -> str:
    return binascii.b2a_base64(found, newline=False).decode().translate(_URL_SAFE).rstrip("=")


_URL_SAFE: Final = str.maketrans("+/", "-_")
