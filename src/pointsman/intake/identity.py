"""
Who shows a token or a session: claims and groups → a principal, as one value with those that keys give. And who is shut out.

Rules:
1. A person or workload that a token proves is the user of the call; what the application says in `x-pointsman-user` does not change that.
2. What is revoked is asked at every use, also of a token that was verified a moment ago.
3. Where it cannot be told what is revoked, tokens and sessions are refused: nothing proves then that they still hold.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pointsman.core.errors import NotAuthenticated
from pointsman.core.label import Label
from pointsman.core.principal import Key, Principal, Scope
from pointsman.intake.roles import PERSON_KEY, Roles
from pointsman.intake.sessions import CALLS_PREFIX, LINK, Session, Sessions
from pointsman.intake.tokens import Claims, IssuerUnavailable, Read, Verified, Verifier, looks_like_token, read_token, set_claim, text_claim
from pointsman.intake.tokens_cache import Known, TokenCache
from pointsman.intake.tokens_keys import KeyRing
from pointsman.settings.identity_values import NOBODY, ClaimNames, Identity, Issuer

_LONGEST_NAME: Final = 200
_MOST_GROUPS: Final = 500
_OVER: Final = "The session has ended. Sign in again at the admin listener."


class Revoked(Struct, frozen=True, kw_only=True):
    """Who and what is shut out: SHA-256 digests of keys' secrets, ids of tokens (`jti`), names of people and workloads (`sub` or user)."""

    keys: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


class Register:
    """What all snapshots of a process share: sessions, and who is shut out. `trouble` says why that cannot be told, or is None."""

    def __init__(self) -> None:
        self.sessions = Sessions()
        self.revoked = Revoked()
        self.trouble: str | None = None

    def check(self) -> None:
        """Raise `IssuerUnavailable` where it cannot be told who is shut out."""
        if self.trouble is not None:
            raise IssuerUnavailable(f"It cannot be told now who is shut out ({self.trouble}). Try again in a moment, or use a key.")


class Claimed(Struct, frozen=True, kw_only=True):
    """What a token says of whoever shows it, in our words."""

    user: str | None
    groups: frozenset[str]
    tenant: str
    team: str | None
    application: str | None


def claimed(claims: Claims, issuer: Issuer) -> Claimed:
    """
    Return what claims say in our words.

    Raises `NotAuthenticated` for a claim that must be there and is not, or whose text no name can have.
    """
    names = issuer.claims
    groups = set_claim(claims, names.groups) or frozenset()
    if len(groups) > _MOST_GROUPS:
        raise NotAuthenticated(f"The token names more than {_MOST_GROUPS} groups. Ask its issuer to send only those that matter here.")
    if names.user == "email" and claims.get("email_verified") is False:
        raise NotAuthenticated("The issuer has not verified this e-mail address (`email_verified`). Verify it there, or use another claim for `user`.")
    return Claimed(
        user=_needed(claims, names.user, what="user"),
        groups=groups | issuer.groups,
        tenant=_tenant(claims, names) or issuer.tenant,
        team=_needed(claims, names.team, what="team"),
        application=_needed(claims, names.application, what="application"),
    )


class Identities:
    """The people and workloads of one snapshot."""

    def __init__(self, identity: Identity = NOBODY, *, rings: Iterable[KeyRing] = (), register: Register | None = None) -> None:
        self.told = identity
        self.roles = Roles(identity.roles)
        self.register = register or Register()
        self._verifier = Verifier(rings)
        self._cache = TokenCache()

    @property
    def is_used(self) -> bool:
        """Tell whether anybody can come with something else than a key."""
        return self.told.is_used

    def knows(self, secret: str) -> bool:
        """Tell whether a secret is a token or session by its form, so that it is judged here and nowhere else."""
        return self.is_used and (secret.startswith(CALLS_PREFIX) or looks_like_token(secret))

    def identify(self, secret: str, *, now_s: float) -> Principal:
        """Return who shows a token, or a session's secret for calls. Raises `NotAuthenticated` or `IssuerUnavailable`."""
        if not secret.startswith(CALLS_PREFIX):
            return self._by_token(secret, now_s=now_s)
        session = self.session(secret, now_s=now_s, for_calls=True)
        if session is None:
            raise NotAuthenticated(_OVER)
        return self.of_session(session)

    def session(self, secret: str, *, now_s: float, for_calls: bool = False) -> Session | None:
        """Return the session of a browser's secret, or of one `for_calls`; None if it is unknown, over or shut out. Raises `IssuerUnavailable`."""
        login = self.told.login
        self.register.check()
        found = self.register.sessions.find(secret, login or LINK, now_s=now_s, for_calls=for_calls)
        # With a provider only its sessions count, without one only those that a link began.
        if found is None or found.is_by_link is not (login is None):
            return None
        return None if {found.subject, found.user} & self.register.revoked.subjects else found

    def of_session(self, session: Session) -> Principal:
        """Return the principal of a person who signed in."""
        login = self.told.login
        if session.is_by_link is not (login is None):
            raise NotAuthenticated(_OVER)
        if session.is_by_link:
            return Principal(key=Key(key_id=PERSON_KEY, digests=(), tenant=session.tenant, scopes=frozenset({Scope.ADMIN})), user=session.user)
        names = Claimed(user=session.user, groups=frozenset(session.groups), tenant=session.tenant, team=session.team, application=session.application)
        return Principal(key=self._key(PERSON_KEY, names, label=(login or LINK).issuer.label), user=session.user)

    def is_revoked(self, verified: Verified) -> bool:
        """Tell whether a token, or whoever it is about, is shut out."""
        revoked = self.register.revoked
        if not (revoked.tokens or revoked.subjects):
            return False
        user = text_claim(verified.claims, verified.issuer.claims.user)
        return verified.token_id in revoked.tokens or bool({verified.subject, user} & revoked.subjects)

    def unknown_key(self, secret: str, *, now_s: float) -> KeyRing | None:
        """Return the ring that does not know the key of a token, if it may learn it from its issuer."""
        if not looks_like_token(secret) or not self.is_used or self._cache.find(secret, now_s) is not None:
            return None
        try:
            read = read_token(secret)
            ring = self._verifier.ring_of(read)
        except NotAuthenticated:  # it is told when the token is judged
            return None
        may_help = ring.is_closed(now_s) or ring.find(read.kid, read.algorithm) is None
        return ring if may_help and read.algorithm in ring.issuer.algorithms else None

    def _by_token(self, token: str, *, now_s: float) -> Principal:
        self.register.check()
        known = self._cache.find(token, now_s)
        if known is None:
            read: Read = read_token(token)
            verified = self._verifier.verify(read, now_s)
            known = Known(verified=verified, principal=self._of_token(verified))
            self._cache.keep(token, known)
        if self.is_revoked(known.verified):
            self._cache.drop(lambda one: one is known)
            raise NotAuthenticated("This token, or whoever it is about, was revoked. Ask the operator of this gateway.")
        return known.principal

    def _of_token(self, verified: Verified) -> Principal:
        issuer = verified.issuer
        names = claimed(verified.claims, issuer)
        key = self._key(f"@{issuer.name}", names, label=issuer.label, issuer=issuer)
        only = set_claim(verified.claims, issuer.claims.capabilities)
        if only is not None:
            key = _narrowed(key, only)
        return Principal(key=key, user=names.user)

    def _key(self, key_id: str, names: Claimed, *, label: Label, issuer: Issuer | None = None) -> Key:
        return self.roles.granted(
            Key(
                key_id=key_id,
                digests=(),
                tenant=names.tenant,
                team=names.team,
                application=names.application,
                scopes=frozenset() if issuer is None else issuer.scopes,
                capabilities=frozenset() if issuer is None else issuer.capabilities,
                label=label,
                groups=names.groups,
            )
        )


def _narrowed(key: Key, only: frozenset[str]) -> Key:
    return replace(key, capabilities=only if key.capabilities is None else key.capabilities & only)


def _needed(claims: Claims, name: str | None, *, what: str) -> str | None:
    if name is None:
        return None
    found = text_claim(claims, name)
    if found is None or len(found) > _LONGEST_NAME:
        raise NotAuthenticated(f"The token does not say which {what} it is about (claim `{name}`). Ask its issuer to add it, or change `claims` here.")
    return found


def _tenant(claims: Claims, names: ClaimNames) -> str | None:
    found = _needed(claims, names.tenant, what="tenant")
    if found is not None and "/" in found:  # it stands between tenant and user
        raise NotAuthenticated("The token names a tenant with a `/` in it. Ask its issuer for another name.")
    return found
