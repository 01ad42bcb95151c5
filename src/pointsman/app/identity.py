"""
Identity put together: issuers and their keys, the register of sessions and revocations, and the file that it is read from.

Lives as long as the gateway; what belongs to one snapshot (`Identities`) is made anew at each reload and keeps rings and register.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from pointsman.app.identity_issuers import Issuers
from pointsman.core.clock import Clock
from pointsman.core.errors import PointsmanError
from pointsman.intake.identity import Identities, Register, Revoked
from pointsman.intake.sessions import Session
from pointsman.settings.identity_values import Identity
from pointsman.settings.secret_value import Secret
from pointsman.storage.identity_file import IdentityFile

_LOG: Final = logging.getLogger("pointsman")
_BLIND_S: Final = 5.0  # for so long what was read last still holds
_NOTE_USE_S: Final = 20.0
TOKEN_S: Final = 8 * 86_400.0  # longer than any token lives (`longest_life_s`)


class Standing:
    """Who people and workloads are, for one process. `path` is where the file of sessions, revocations and approvals is; `secret` reads a reference."""

    def __init__(self, path: Path, *, secret: Callable[[str], Secret], clock: Clock) -> None:
        self.register = Register()
        self.secret = secret
        self.path = path
        self.issuers = Issuers(path.parent, clock)
        self._clock = clock
        self._file: IdentityFile | None = None
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
        rings = self.issuers.use(providers)
        workloads = [rings[issuer.name] for issuer in told.issuers]
        self.current = Identities(told, rings=workloads, register=self.register)
        if told.is_used or self.has_file:
            self.look()
        return self.current

    @property
    def has_file(self) -> bool:
        """Tell whether there is a file of sessions, revocations and approvals."""
        return self._file is not None or self.path.exists()

    async def ready_for(self, authorization: str | None, api_key: str | None) -> None:
        """Wait, for a bounded time, until the key of a token is known, if its issuer can be asked for it now."""
        await self.issuers.ready_for(api_key or (authorization or "").partition(" ")[2].strip(), self.current)

    # ── the file ────────────────────────────────────────────────────────────────────────────────────────────────────

    def file(self) -> IdentityFile:
        """Return the file, opened at the first need. Raises `Unusable`."""
        if self._file is None:
            self._file = IdentityFile(self.path)
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
        ended = ended_by(kind, name, sessions=self.register.sessions.all())
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
        self.issuers.close()
        if self._file is not None:
            self._file.close()
            self._file = None


def session_of(told: str, seen_s: float) -> Session:
    """Return a session as it was kept."""
    return msgspec.structs.replace(msgspec.json.decode(told, type=Session), seen_s=seen_s)


def ended_by(kind: str, name: str, *, sessions: Iterable[Session]) -> list[str]:
    """Return the digests of the sessions that a revocation ends."""
    return [one.digest for one in sessions if (kind == "session" and one.public_id == name) or (kind == "subject" and name in (one.subject, one.user))]


def told_of(session: Session) -> str:
    """Return a session as it is kept."""
    return msgspec.json.encode(session).decode()
