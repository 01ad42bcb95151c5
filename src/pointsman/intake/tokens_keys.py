"""
The public keys of an issuer: a JWKS document → keys that can verify, and for how long they are believed.

Rules (RFC 7517, RFC 8725):
1. Only asymmetric keys are taken: a shared secret in the document could turn a public key into one (HS256 confusion).
2. A key that the document shows with its private part is not taken: everybody has it.
3. RSA from 2,048 bits; curves P-256, P-384, P-521 and Ed25519. What is not understood is passed over, not an error.
4. A key that is no longer in the document is no longer believed; a document that cannot be had is believed for a stated time, then not.
"""

import importlib
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from pointsman.core.errors import ExtraMissing
from pointsman.settings.identity_values import Issuer

_LEAST_RSA_BITS: Final = 2048
_MOST_KEYS: Final = 100
_NO_KEY: Final = "the document holds no key that can be used here"
_AGAIN_S: Final = 10.0  # an unknown key asks the issuer at most this often, whoever sends it
_REFRESH_S: Final = 300.0
# Algorithm → (kind of key, curve, whose rules verify it). `EdDSA` is the older word for `Ed25519` (RFC 9864).
_ALGORITHMS: Final[Mapping[str, tuple[str, str | None, str]]] = {
    **{name: ("RSA", None, name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")},
    "ES256": ("EC", "P-256", "ES256"),
    "ES384": ("EC", "P-384", "ES384"),
    "ES512": ("EC", "P-521", "ES512"),
    "EdDSA": ("OKP", "Ed25519", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519", "Ed25519"),
}


def _library(part: str) -> Any:
    """Return a part of `joserfc`, which is read at the first key of an issuer: a gateway without issuers starts without it."""
    try:
        return importlib.import_module(f"joserfc.{part}")
    except ImportError as error:
        raise ExtraMissing(what="Knowing people and workloads by tokens", extra="identity") from error


class VerifyingKey(Struct, frozen=True, kw_only=True):
    """One public key. `only` is the single algorithm that the document allows for it, if it says so."""

    kid: str | None
    kind: str
    curve: str | None
    only: str | None
    key: Any

    def fits(self, algorithm: str) -> bool:
        """Tell whether the key can verify this algorithm."""
        kind, curve, _ = _ALGORITHMS.get(algorithm, ("", None, ""))
        return self.kind == kind and curve in (None, self.curve) and self.only in (None, algorithm)

    def verifies(self, signed: bytes, signature: bytes, *, algorithm: str) -> bool:
        """Tell whether the signature over `signed` is this key's."""
        try:
            return bool(_library("jws").JWSRegistry.algorithms[_ALGORITHMS[algorithm][2]].verify(signed, signature, self.key))
        except (_library("errors").JoseError, ValueError):
            return False


class JwksUnusable(Exception):
    """A document is no JWKS, or holds no key that can be used."""


def read_jwks(document: bytes) -> tuple[VerifyingKey, ...]:
    """Return the keys of a JWKS document that can verify signatures. Raises `JwksUnusable`."""
    try:
        told = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JwksUnusable("it is no JSON object") from error
    if not isinstance(told, list):
        raise JwksUnusable("it has no list `keys`")
    found = [key for one in cast("list[object]", told)[:_MOST_KEYS] if isinstance(one, dict) and (key := _usable(cast("dict[str, Any]", one))) is not None]
    if not found:
        raise JwksUnusable(_NO_KEY)
    return tuple(found)


def _usable(told: dict[str, Any]) -> VerifyingKey | None:
    kind, kid, only = told.get("kty"), told.get("kid"), told.get("alg")
    is_private = "d" in told or "k" in told
    if is_private or told.get("use", "sig") != "sig" or "verify" not in told.get("key_ops", ("verify",)):
        return None
    if not (isinstance(kid, str | None) and isinstance(only, str | None)) or (only is not None and only not in _ALGORITHMS):
        return None
    try:
        key = _imported(str(kind), told)
    except (_library("errors").JoseError, ValueError, TypeError, KeyError):
        return None
    return None if key is None else VerifyingKey(kid=kid, kind=str(kind), curve=told.get("crv"), only=only, key=key)


def _imported(kind: str, told: dict[str, Any]) -> Any:
    match kind, told.get("crv"):
        case "RSA", _:
            if _bits(told["n"]) < _LEAST_RSA_BITS:
                return None
            key = _library("jwk").RSAKey.import_key({name: told[name] for name in ("kty", "n", "e")})
        case "EC", "P-256" | "P-384" | "P-521":
            key = _library("jwk").ECKey.import_key({name: told[name] for name in ("kty", "crv", "x", "y")})
        case "OKP", "Ed25519":
            key = _library("jwk").OKPKey.import_key({name: told[name] for name in ("kty", "crv", "x")})
        case _:
            return None
    _ = key.public_key  # read now: numbers that are no point of the curve are found here, not at the first token
    return key


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(number + "==")).bit_length()


class KeyRing:
    """
    The keys of one issuer as far as they are known now. Times are Unix seconds.

    It asks nobody: `wants` tells whoever can that they should be fetched, and `learn` or `failed` tells the ring what came of it.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.generation = 0
        self.trouble: str | None = "they have not been fetched yet"
        self._keys: tuple[VerifyingKey, ...] = ()
        self._document = b""
        self._learnt_s: float | None = None
        self._asked_s: float | None = None

    def is_closed(self, now_s: float) -> bool:
        """Tell whether nothing is believed any more, because the keys are unknown or too old."""
        return self._learnt_s is None or now_s >= self._learnt_s + self.issuer.keys_live_s

    def find(self, kid: str | None, algorithm: str) -> VerifyingKey | None:
        """Return the key of this id that fits the algorithm; without an id the only one that fits."""
        fitting = [key for key in self._keys if (kid is None or key.kid == kid) and key.fits(algorithm)]
        return fitting[0] if len(fitting) == 1 else None

    def wants(self, now_s: float, *, unknown: bool = False) -> bool:
        """Tell whether the keys should be fetched now: they are getting old, or an `unknown` one was asked for. Rate-limited."""
        if self._asked_s is not None and self._asked_s <= now_s < self._asked_s + _AGAIN_S:
            return False
        return unknown or self._learnt_s is None or now_s >= self._learnt_s + min(_REFRESH_S, self.issuer.keys_live_s / 2)

    def asking(self, now_s: float) -> None:
        """Note that the keys are being fetched."""
        self._asked_s = now_s

    def learn(self, document: bytes, now_s: float) -> None:
        """Replace the keys by those of a document. Raises `JwksUnusable`, and keeps what it had."""
        try:
            keys = read_jwks(document)
        except JwksUnusable as error:
            self.trouble = str(error)
            raise
        if document != self._document:
            self._keys, self._document = keys, document
            self.generation += 1  # what the former keys had verified is verified again
        self._learnt_s = now_s
        self.trouble = None

    def failed(self, why: str) -> None:
        """Note that the keys could not be fetched."""
        self.trouble = why
