"""
How each target of a snapshot is reached: one pool of connections for each vendor account, kept over reloads that do not change it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pointsman.core.errors import CredentialMissing
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target, Vendor
from pointsman.places.models.outlet import Outlet
from pointsman.providers.registry import BY_DIALECT
from pointsman.settings.secrets import secret
from pointsman.transport.bounds import Bounds
from pointsman.transport.endpoint import Endpoint, endpoint
from pointsman.transport.pool import Pool


class Outlets:
    """The pools of this process."""

    def __init__(self, *, folder: Path, environ: Mapping[str, str], bounds: Bounds) -> None:
        self._folder = folder
        self._environ = environ
        self._bounds = bounds
        self._pools: dict[str, tuple[Endpoint, Pool]] = {}
        self._retired: list[Pool] = []

    def connect(self, snapshot: Snapshot) -> tuple[dict[str, Outlet], list[CredentialMissing]]:
        """Return the outlet of each target whose vendor has its credential, and what is missing for the others."""
        missing: list[CredentialMissing] = []
        used = {target.vendor.name: target for target in snapshot.targets.values() if target.vendor is not None}
        reachable: dict[str, Pool] = {}
        for name, target in used.items():
            try:
                reachable[name] = self._pool(target)
            except CredentialMissing as error:
                missing.append(error)
        for name in [name for name in self._pools if name not in reachable]:
            self._retired.append(self._pools.pop(name)[1])
        return {
            target.name: Outlet(reachable[target.vendor.name], BY_DIALECT[target.dialect])
            for target in snapshot.targets.values()
            if target.vendor is not None and target.dialect is not None and target.vendor.name in reachable
        }, missing

    def sweep(self, now: float) -> None:
        """Enforce dead-lines, and let go of pools that a reload replaced once their last answer is through."""
        for pool in self._all():
            pool.sweep(now)
        self._retired = [pool for pool in self._retired if pool.open_connections]

    def close(self) -> None:
        """Drop every connection."""
        for pool in self._all():
            pool.close()

    def _all(self) -> Iterable[Pool]:
        return [*(pool for _, pool in self._pools.values()), *self._retired]

    def _pool(self, target: Target) -> Pool:
        vendor = target.vendor
        assert vendor is not None  # noqa: S101 - the caller has looked
        made = self._endpoint(vendor, target)
        known = self._pools.get(vendor.name)
        if known is not None and known[0] == made:
            return known[1]
        if known is not None:
            self._retired.append(known[1])
        pool = Pool(made, self._bounds)
        self._pools[vendor.name] = (made, pool)
        return pool

    def _endpoint(self, vendor: Vendor, target: Target) -> Endpoint:
        assert target.dialect is not None  # noqa: S101 - a target with a vendor has a dialect
        shown = None if vendor.credential is None else secret(vendor.credential, folder=self._folder, environ=self._environ)
        return endpoint(
            vendor.base_url,
            credential_headers=BY_DIALECT[target.dialect].headers(shown),
            ca_file=None if vendor.ca_file is None else str(self._folder / vendor.ca_file),
        )
