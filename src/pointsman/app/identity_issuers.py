"""
The issuers of tokens, asked over HTTP: what they say of themselves, and their keys, fetched when they are needed or getting old.

Nothing is sent to them but what the flow of a sign-in needs, and their answers are followed nowhere else (`transport/lookup.py`).
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from pointsman.core.clock import Clock
from pointsman.intake.identity import Identities
from pointsman.intake.tokens_keys import JwksUnusable, KeyRing
from pointsman.settings.identity_values import Issuer
from pointsman.telemetry.logs import Plain
from pointsman.transport.connection import AnswerBroken
from pointsman.transport.lookup import Lookup, look_up

_LOG: Final = logging.getLogger("pointsman")
_OK: Final = 200
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


class Issuers:
    """The issuers of one process, and the rings of their keys. Relative files are beside the configuration, in `folder`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._rings: dict[str, KeyRing] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def use(self, issuers: Iterable[Issuer]) -> dict[str, KeyRing]:
        """Know these issuers and no others; return their rings by name. Rings of issuers that did not change are kept."""
        self._rings = {issuer.name: self._ring(issuer) for issuer in issuers}
        return self._rings

    def refresh(self) -> None:
        """Begin to fetch the keys that are getting old. Called several times a second, and costs nothing mostly."""
        for ring in self._rings.values():
            if ring.wants(self._now_s):
                self._begin(ring)

    async def ready_for(self, secret: str, among: Identities) -> None:
        """Wait, for a bounded time, until the key of a token is known, if its issuer can be asked for it now."""
        ring = among.unknown_key(secret, now_s=self._now_s) if secret else None
        if ring is None:
            return
        under_way = self._fetching.get(ring.issuer.name)
        if under_way is not None or ring.wants(self._now_s, unknown=True):
            await asyncio.wait({under_way or self._begin(ring)})

    def close(self) -> None:
        """Let go of what is under way."""
        for task in self._fetching.values():
            task.cancel()

    def ring(self, issuer: Issuer) -> KeyRing:
        """Return the ring of an issuer of the current snapshot."""
        return self._rings[issuer.name]

    async def fetch(self, ring: KeyRing) -> None:
        """Fetch the keys of a ring now, unless that is under way. What goes wrong stands in the ring's `trouble`."""
        await asyncio.wait({self._fetching.get(ring.issuer.name) or self._begin(ring)})

    @property
    def _now_s(self) -> float:
        return self._clock.wall_ms() / 1000

    def _ring(self, issuer: Issuer) -> KeyRing:
        known = self._rings.get(issuer.name)
        return known if known is not None and known.issuer == issuer else KeyRing(issuer)

    def _begin(self, ring: KeyRing) -> asyncio.Task[None]:
        ring.asking(self._now_s)
        task = asyncio.ensure_future(self._fetch(ring))
        self._fetching[ring.issuer.name] = task
        task.add_done_callback(lambda done: self._fetching.pop(ring.issuer.name, None) if self._fetching.get(ring.issuer.name) is done else None)
        return task

    async def _fetch(self, ring: KeyRing) -> None:
        issuer = ring.issuer
        try:
            ring.learn(await self._document(issuer), self._now_s)
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
        told = (found.jwks_uri, found.authorization_endpoint, found.token_endpoint)
        if issuer.issuer.startswith("https://") and not all(url is None or url.startswith("https://") for url in told):
            raise ProviderWrong("its discovery document names addresses without TLS, on this machine or another")
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
