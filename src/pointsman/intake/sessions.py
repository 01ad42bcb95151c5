"""
Sessions of people who signed in: what is kept of one, when it ends, and how its secret looks.

Only SHA-256 digests of secrets are kept. A session has one secret for the browser (a cookie of the admin listener) and may have one for calls, which
dies with it. Randomness and time are passed in; where sessions are kept belongs to `storage`.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.settings.identity_values import Issuer, Login

# Where no provider is configured, a one-time link begins a session. Its issuer has a name that no provider can have.
LINK: Final = Login(issuer=Issuer(name="@link", issuer="@link", audience=""), url="", session_s=12 * 3600.0, idle_s=2 * 3600.0)
LINK_S: Final = 900.0  # so long a link that nobody has used leads in
CALLS_PREFIX: Final = "ps_"
SECRET_BYTES: Final = 32
_PUBLIC_ID_DIGITS: Final = 12


class Session(Struct, frozen=True, kw_only=True):
    """
    One session. `digest` is of the browser's secret, `calls_digest` of the one for calls. Times are Unix seconds.

    `subject` is the provider's name for the person and `issuer` the provider, together unique for ever; `user` is the name that people read.
    """

    digest: str
    issuer: str
    subject: str
    user: str
    groups: tuple[str, ...]
    began_s: float
    seen_s: float
    tenant: str = "default"
    team: str | None = None
    application: str | None = None
    calls_digest: str | None = None

    @property
    def public_id(self) -> str:
        """The name of the session in lists and commands. It opens nothing."""
        return self.digest[:_PUBLIC_ID_DIGITS]

    @property
    def is_by_link(self) -> bool:
        """Whether a one-time link began it: then it is whoever operates this gateway."""
        return self.issuer == LINK.issuer.issuer

    @property
    def person(self) -> str:
        """Who this is, for counting different people."""
        return f"{self.issuer}|{self.subject}"


def new_secret(random: bytes, *, prefix: str = "") -> str:
    """Return a secret made of 32 random bytes."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a secret is made of {SECRET_BYTES} random bytes, not {len(random)}")
    return prefix + urlsafe_b64encode(random).rstrip(b"=").decode()


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(secret: str) -> str:
    """Return the word that a form of this session must carry: only a page that was given it can send it, and it does not tell the secret."""
    return hashlib.sha256(b"form\0" + secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_over(session: Session, login: Login, *, now_s: float) -> bool:
    """Tell whether a session has ended, by age or by having been idle."""
    return now_s >= session.began_s + login.session_s or now_s >= session.seen_s + login.idle_s


class Sessions:
    """
    The sessions as this process knows them. Whoever shares them puts the newest in with `replace_all` and takes with `used` those used here.
    """

    def __init__(self) -> None:
        self._by_digest: Mapping[str, Session] = {}
        self._by_calls: Mapping[str, Session] = {}
        self._used: dict[str, float] = {}

    def replace_all(self, sessions: Iterable[Session]) -> None:
        """Know these sessions and no others."""
        known = {one.digest: one for one in sessions}
        self._by_digest = known
        self._by_calls = {one.calls_digest: one for one in known.values() if one.calls_digest is not None}
        self._used = {digest: at_s for digest, at_s in self._used.items() if digest in known}

    def find(self, secret: str, login: Login, *, now_s: float, for_calls: bool = False) -> Session | None:
        """Return the session of a browser's secret, or of one `for_calls`, and note its use; None for one that is unknown or over."""
        kept = (self._by_calls if for_calls else self._by_digest).get(digest_of(secret))
        if kept is None:
            return None
        session = self._with_use(kept)
        if is_over(session, login, now_s=now_s):
            return None
        self._used[session.digest] = now_s
        return session

    def all(self) -> tuple[Session, ...]:
        """Return every session that is known, over or not."""
        return tuple(map(self._with_use, self._by_digest.values()))

    def used(self) -> Mapping[str, float]:
        """Return when each session was last used here (digest → Unix seconds), where that is later than what is kept."""
        return {digest: at_s for digest, at_s in self._used.items() if at_s > self._by_digest[digest].seen_s}

    def _with_use(self, kept: Session) -> Session:
        used_s = self._used.get(kept.digest)
        return kept if used_s is None or used_s <= kept.seen_s else msgspec.structs.replace(kept, seen_s=used_s)
