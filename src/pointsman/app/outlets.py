"""
How each target of a snapshot is reached: one pool of connections for each vendor account, kept over reloads that do not change it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakSet

from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.core.place import Dialect, Place
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Vendor
from pointsman.places.models.outlet import Outlet
from pointsman.providers.profiles.table import PROFILES
from pointsman.providers.registry import BY_DIALECT
from pointsman.settings.secret_value import Origin, Secret
from pointsman.settings.secrets import Reader, SecretUnusable, secret
from pointsman.transport.bounds import Bounds
from pointsman.transport.endpoint import endpoint, origin_of
from pointsman.transport.pool import Pool
from pointsman.transport.vault import Vault, vault_of

_VAULT: Final = "vault:"
_AGAIN_S: Final = 2.0  # how soon Vault is asked again for what it did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unread:
    """What Vault did not say, why, and when (seconds of a monotonic clock) to ask again."""

    why: str
    due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """All that a pool of connections depends on. While it is the same, so is the pool."""

    base_url: str
    dialect: Dialect
    credential: Secret | None
    ca_file: Path | None
    authority: bytes


class Outlets:
    """The pools of this process."""

    def __init__(self, *, folder: Path, environ: Mapping[str, str], bounds: Bounds) -> None:
        self._folder = folder
        self._environ = environ
        self._bounds = bounds
        self._vault = vault_of(environ, folder=folder, now=time.monotonic)
        self._unread: dict[str, _Unread] = {}
        self._pools: dict[str, tuple[_Account, Pool]] = {}
        # Replaced pools too, for as long as a request under way, or an open connection, holds on to them.
        self._alive: WeakSet[Pool] = WeakSet()

    def connect(
        self, snapshot: Snapshot, salt_of: Callable[[str], str] | None = None, *, propagate: str = "none"
    ) -> tuple[dict[str, Outlet], list[CredentialMissing]]:
        """
        Return the outlet of each target whose vendor can be reached, and for each of the other vendors what is missing.

        `salt_of(tenant)` keeps what a vendor remembers of prompts to one tenant, where it can. `propagate` says which targets may learn the trace that a
        request belongs to: `private`, `all` or `none`.

        Raises `SecretUnusable` for a secret that is there and must not be used: nothing starts with it, and a reload leaves all as it was.
        """
        missing: list[CredentialMissing] = []
        pools: dict[str, tuple[_Account, Pool]] = {}
        for vendor, dialect in _used(snapshot).values():
            try:
                pools[vendor.name] = self._pool(vendor, dialect)
            except SecretUnusable:
                raise
            except CredentialMissing as error:
                missing.append(error)
            except Unusable as error:
                missing.append(CredentialMissing(error.message))
        self._pools = pools
        return {
            target.name: Outlet(
                pools[target.vendor.name][1],
                BY_DIALECT[target.dialect],
                salt_of=salt_of if PROFILES[target.vendor.kind].takes_cache_salt else None,
                propagates=propagate == "all" or (propagate == "private" and target.place is Place.PRIVATE),
            )
            for target in snapshot.targets.values()
            if target.vendor is not None and target.dialect is not None and target.vendor.name in pools
        }, missing

    def prepare(self, snapshot: Snapshot, *more: str | None) -> None:
        """
        Ask Vault for what this snapshot, and `more` references, will need. What it does not say is told by whoever needs it.

        It waits for the network: call it from a thread before `connect` runs in the event loop, which then never waits.
        """
        if self._vault is None:
            return
        for reference in (*(vendor.credential for vendor, _ in _used(snapshot).values()), *more):
            if reference is not None and reference.startswith(_VAULT):
                self._ask(self._vault, reference.removeprefix(_VAULT))

    def renew(self) -> bool:
        """Ask Vault again for what is due, from a thread; tell whether anything changed, so that connecting again would use other secrets."""
        if self._vault is None:
            return False
        changed = self._vault.renew()
        late = [name for name, one in tuple(self._unread.items()) if one.due_s <= time.monotonic()]
        came = [name for name in late if self._ask(self._vault, name)]
        return changed or bool(came)

    @property
    def vault(self) -> Reader | None:
        """How Vault is asked, or None where none is named."""
        return None if self._vault is None else self._vault.read

    @property
    def trouble(self) -> str | None:
        """Why what Vault said last is still in use, or what it does not say is not; None if all is well."""
        if self._vault is None:
            return None
        return self._vault.trouble or next((one.why for one in tuple(self._unread.values())), None)

    def secret(self, reference: str) -> Secret:
        """Return what a reference leads to, bound to no origin yet. Raises as `settings.secrets.secret` does."""
        return secret(reference, folder=self._folder, environ=self._environ, vault=None if self._vault is None else partial(self._said, self._vault))

    def sweep(self, now: float) -> None:
        """Enforce dead-lines, also those of requests that began before a reload."""
        for pool in tuple(self._alive):
            pool.sweep(now)

    def close(self) -> None:
        """Drop every connection."""
        for pool in tuple(self._alive):
            pool.close()

    def _ask(self, vault: Vault, name: str) -> bool:
        """Ask Vault; tell whether it answered."""
        try:
            vault.read(name)
        except Unusable as error:
            self._unread[name] = _Unread(why=error.message, due_s=time.monotonic() + _AGAIN_S)
            return False
        self._unread.pop(name, None)
        return True

    def _said(self, vault: Vault, name: str) -> str:
        """Return what Vault said; what it did not say is not asked for again here, where calls would wait."""
        unread = self._unread.get(name)
        if unread is not None:
            raise CredentialMissing(unread.why)
        return vault.read(name)

    def _pool(self, vendor: Vendor, dialect: Dialect) -> tuple[_Account, Pool]:
        account = self._account(vendor, dialect)
        known = self._pools.get(vendor.name)
        if known is not None and known[0] == account:
            return known
        made = endpoint(
            account.base_url,
            credential_headers=lambda origin: BY_DIALECT[dialect].headers(_revealed(account.credential, origin)),
            ca_file=None if account.ca_file is None else str(account.ca_file),
        )
        pool = Pool(made, self._bounds)
        self._alive.add(pool)
        return account, pool

    def _account(self, vendor: Vendor, dialect: Dialect) -> _Account:
        ca_file = None if vendor.ca_file is None else self._folder / vendor.ca_file
        try:
            authority = b"" if ca_file is None else ca_file.read_bytes()
        except OSError as error:
            why = error.strerror or "unreadable"
            raise Unusable(f"The `ca_file` of the vendor `{vendor.name}` cannot be read ({why}). Name a readable PEM file.") from error
        return _Account(base_url=vendor.base_url, dialect=dialect, credential=self._credential(vendor), ca_file=ca_file, authority=authority)

    def _credential(self, vendor: Vendor) -> Secret | None:
        if vendor.credential is None:
            return None
        return self.secret(vendor.credential).bound_to(origin_of(vendor.base_url))


def _revealed(credential: Secret | None, origin: Origin) -> str | None:
    return None if credential is None else credential.reveal_to(origin)


def _used(snapshot: Snapshot) -> dict[str, tuple[Vendor, Dialect]]:
    return {
        target.vendor.name: (target.vendor, target.dialect) for target in snapshot.targets.values() if target.vendor is not None and target.dialect is not None
    }
