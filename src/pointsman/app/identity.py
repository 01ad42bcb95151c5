"""
Identity put together: rings of keys and who fetches them, the register and the file it is read from, approvals of the configuration.

Lives as long as the gateway; what belongs to one snapshot (`Identities`) is made anew at each reload and keeps rings and register.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from pointsman.core.clock import Clock
from pointsman.core.errors import PointsmanError
from pointsman.intake.identity import Identities, Register, Revoked
from pointsman.intake.sessions import Session
from pointsman.intake.tokens_keys import JwksUnusable, KeyRing
from pointsman.settings.identity_values import Identity, Issuer
from pointsman.settings.secret_value import Secret
from pointsman.storage.identity_file import IdentityFile
from pointsman.telemetry.logs import Plain
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.lookup import Lookup, look_up

_LOG: Final = logging.getLogger("pointsman")
_OK: Final = 200
_BLIND_S: Final = 5.0  # for so long what was read last still holds
_NOTE_USE_S: Final = 20.0
TOKEN_S: Final = 8 * 86_400.0  # longer than any token lives (`longest_life_s`)
_DISCOVERY: Final = "/.well-known/openid-configuration"


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class ProviderWrong(Exception):
    """A provider cannot be asked, or what it answers cannot be used; the message says which."""


class Standing:
    """Who people and workloads are, for one process. `path` is where the file of sessions, revocations and approvals is; `secret` reads a reference."""

    def __init__(self, path: Path, *, secret: Callable[[str], Secret], clock: Clock) -> None:
        self.register = Register()
        self.secret = secret
        self._path = path
        self._folder = path.parent
        self._clock = clock
        self._file: IdentityFile | None = None
        self._rings: dict[str, KeyRing] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._is_unread = True
        self._read_s = clock.monotonic_s()
        self._noted_s = clock.monotonic_s()
        self.current = Identities(register=self.register)

    @property
    def now_s(self) -> float:
        """Unix time."""
        return self._clock.wall_ms() / 1000

    def check(self, told: Identity) -> None:
        """Make sure that what a snapshot needs is there. Raises `CredentialMissing`, also for a secret that is empty, short or open to others."""
        if told.login is not None and told.login.client_secret is not None:
            self.secret(told.login.client_secret)

    def identities(self, told: Identity) -> Identities:
        """Return the people and workloads of a new snapshot. Rings of issuers that did not change are kept."""
        providers = [*told.issuers, *([told.login.issuer] if told.login is not None else [])]
        rings = {issuer.name: self._ring(issuer) for issuer in providers}
        self._rings = rings
        workloads = [rings[issuer.name] for issuer in told.issuers]
        self.current = Identities(told, rings=workloads, register=self.register)
        if told.is_used or self.has_file:
            self.look()
        return self.current

    @property
    def has_file(self) -> bool:
        """Tell whether there is a file of sessions, revocations and approvals."""
        return self._file is not None or self._path.exists()

    # ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────

    def file(self) -> IdentityFile:
        """Return the file, opened at the first need. Raises `Unusable`."""
        if self._file is None:
            self._file = IdentityFile(self._path)
        return self._file

    def look(self) -> bool:
        """Read who is shut out and who is signed in, if that has changed; tell whether it has. Called several times a second."""
        if not (self.current.is_used or self.has_file):
            return False
        try:
            changed = self._read()
        except (PointsmanError, msgspec.MsgspecError) as error:
            self._is_unread = True
            if self._clock.monotonic_s() - self._read_s > _BLIND_S and self.register.trouble is None:
                _LOG.error("tokens and sessions are refused, because it cannot be told who is shut out: %s", error)
                self.register.trouble = "the file of sessions and revocations cannot be read"
            return False
        self._read_s = self._clock.monotonic_s()
        self.register.trouble = None
        return changed

    def end_sessions(self, digests: Iterable[str]) -> None:
        """End sessions, here and for all workers. Raises `Unusable`."""
        self.file().drop_sessions(digests)
        self.look()

    def revoke(self, kind: str, name: str) -> int:
        """Shut out a `subject`, a `token` (by its `jti`) or a `session` (by its public name); return how many sessions ended. Raises `Unusable`."""
        self.look()
        ended = ended_by(kind, name, self.register.sessions.all())
        if kind != "session":
            self.file().revoke(kind, name, now_s=self.now_s, until_s=self.now_s + TOKEN_S if kind == "token" else None)
        self.end_sessions(ended)
        return len(ended)

    def _read(self) -> bool:
        file = self.file()
        used = self.register.sessions.used()
        if used and self._clock.monotonic_s() - self._noted_s > _NOTE_USE_S:
            self._noted_s = self._clock.monotonic_s()
            file.use_sessions(used)
        if not file.has_changed() and not self._is_unread:
            return False
        found = file.revoked(self.now_s)
        self.register.revoked = Revoked(keys=found["key"], tokens=found["token"], subjects=found["subject"])
        self.register.sessions.replace_all(session_of(told, seen_s) for told, seen_s in file.sessions())
        self._is_unread = False
        return True

    def close(self) -> None:
        """Let everything go."""
        for task in self._fetching.values():
            task.cancel()
        if self._file is not None:
            self._file.close()
            self._file = None

    # ── keys of issuers ─────────────────────────────────────────────────────────────────────────────────────────────

    def refresh(self) -> None:
        """Begin to fetch the keys that are getting old. Called several times a second, and costs nothing mostly."""
        for ring in self._rings.values():
            if ring.wants(self.now_s):
                self._begin(ring)

    async def ready_for(self, authorization: str | None, api_key: str | None) -> None:
        """Wait, for a bounded time, until the key of a token is known, if its issuer can be asked for it now."""
        secret = api_key or (authorization or "").partition(" ")[2].strip()
        ring = self.current.unknown_key(secret, now_s=self.now_s) if secret else None
        if ring is None:
            return
        under_way = self._fetching.get(ring.issuer.name)
        if under_way is not None or ring.wants(self.now_s, unknown=True):
            await asyncio.wait({under_way or self._begin(ring)})

    def ring(self, issuer: Issuer) -> KeyRing:
        """Return the ring of an issuer of the current snapshot."""
        return self._rings[issuer.name]

    async def fetch(self, ring: KeyRing) -> None:
        """Fetch the keys of a ring now, unless that is under way. What goes wrong stands in the ring's `trouble`."""
        await asyncio.wait({self._fetching.get(ring.issuer.name) or self._begin(ring)})

    def _ring(self, issuer: Issuer) -> KeyRing:
        known = self._rings.get(issuer.name)
        return known if known is not None and known.issuer == issuer else KeyRing(issuer)

    def _begin(self, ring: KeyRing) -> asyncio.Task[None]:
        ring.asking(self.now_s)
        task = asyncio.ensure_future(self._fetch(ring))
        self._fetching[ring.issuer.name] = task
        task.add_done_callback(lambda done: self._fetching.pop(ring.issuer.name, None) if self._fetching.get(ring.issuer.name) is done else None)
        return task

    async def _fetch(self, ring: KeyRing) -> None:
        issuer = ring.issuer
        try:
            ring.learn(await self._document(issuer), self.now_s)
        except (ProviderWrong, JwksUnusable) as error:
            ring.failed(str(error))
            _LOG.warning("the keys of the issuer `%s` cannot be had: %s", Plain(issuer.name), Plain(error))

    async def _document(self, issuer: Issuer) -> bytes:
        if issuer.jwks is not None and issuer.jwks.startswith("file:"):
            try:
                return await asyncio.to_thread((self._folder / issuer.jwks.removeprefix("file:")).read_bytes)
            except OSError as error:
                raise ProviderWrong(f"the file of its keys cannot be read ({error.strerror})") from error
        url = issuer.jwks or (await self.discover(issuer)).jwks_uri
        return await self.get(url, issuer)

    async def discover(self, issuer: Issuer) -> Discovered:
        """Return what a provider says of itself. Raises `ProviderWrong`, also for a document that speaks for somebody else."""
        document = await self.get(issuer.issuer.rstrip("/") + _DISCOVERY, issuer)
        try:
            found = msgspec.json.decode(document, type=Discovered)
        except msgspec.DecodeError as error:
            raise ProviderWrong("its discovery document cannot be understood") from error
        if found.issuer != issuer.issuer:
            raise ProviderWrong("its discovery document is of another issuer")
        return found

    async def get(self, url: str, issuer: Issuer) -> bytes:
        """Return what a URL of a provider holds. Raises `ProviderWrong`."""
        return await self.ask(Lookup(url=url, ca_file=self.authority(issuer)))

    async def ask(self, asked: Lookup) -> bytes:
        """Return the body of a good answer. Raises `ProviderWrong`, which repeats nothing of an answer."""
        try:
            answer = await look_up(asked)
        except AnswerBroken as broken:
            raise ProviderWrong(broken.failure.message) from broken
        if answer.status != _OK:
            raise ProviderWrong(f"it answers {answer.status}")
        return answer.body

    def authority(self, issuer: Issuer) -> Path | None:
        """Return the file of the authority that a provider's certificate must be signed by."""
        return None if issuer.ca_file is None else self._folder / issuer.ca_file


def session_of(told: str, seen_s: float) -> Session:
    """Return a session as it was kept."""
    return msgspec.structs.replace(msgspec.json.decode(told, type=Session), seen_s=seen_s)


def ended_by(kind: str, name: str, sessions: Iterable[Session]) -> list[str]:
    """Return the digests of the sessions that a revocation ends."""
    return [one.digest for one in sessions if (kind == "session" and one.public_id == name) or (kind == "subject" and name in (one.subject, one.user))]


def told_of(session: Session) -> str:
    """Return a session as it is kept."""
    return msgspec.json.encode(session).decode()
