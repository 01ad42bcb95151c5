"""
What is known, and since when: the learned parameters as the page of learning shows them. It reads files and the ledger, and is never on the way of a request.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pointsman.app.gateway import Gateway
from pointsman.app.guarantee import Desk
from pointsman.app.learned import folder_of, parameters_of, reader_of
from pointsman.control.guarantee.told import Stated
from pointsman.control.learning.known import Known, known
from pointsman.control.learning.version import Version
from pointsman.core.errors import Unusable
from pointsman.decision.prediction.parameters import Parameters, decode
from pointsman.storage.database import query
from pointsman.storage.sql import Database

_MOST_SNAPSHOTS: Final = 60
_MOST_VERSIONS: Final = 12


class InForce(Struct, frozen=True, kw_only=True):
    """A version of the parameters with the snapshot by which it came into force, and when (Unix milliseconds)."""

    version: Version
    snapshot: str
    since_ms: int


class LearningRoom:
    """What one gateway knows. `trouble` says why the parameters that should be in use are not."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._settings = gateway.settings
        self.trouble = gateway.learned.trouble
        self.digest = self._settings.snapshot.learned
        self._parameters = self._of_now()

    def known(self) -> tuple[Known, ...]:
        """Return what is known of each target in each capability."""
        return self._known(self._parameters)

    def promised(self, capability: str) -> Stated | None:
        """Return what is promised for a capability that is chosen by value, None without a certificate. Its drift is what was seen when it was kept."""
        gateway = self._gateway
        desk = Desk(self._settings, self._parameters, price_of=gateway.prices.of, now_ms=gateway.clock.wall_ms())
        return None if desk.standing(capability) is None else desk.state(None, capability)

    def versions(self, db: Database) -> tuple[InForce, ...]:
        """Return the versions that were in force last, newest first."""
        name = self._settings.file.learning.parameters
        found: list[InForce] = []
        for row in db.rows(query("console/learned_versions"), {"most": _MOST_SNAPSHOTS}):
            version = _version(row["files"], name)
            if version is None or not version.parameters:
                continue
            if found and found[-1].version.parameters == version.parameters:
                found.pop()  # it was in force before this snapshot already
            found.append(InForce(version=version, snapshot=row["digest"], since_ms=row["since_ms"]))
        return tuple(found[:_MOST_VERSIONS])

    def believed(self, versions: Sequence[InForce]) -> tuple[tuple[InForce, tuple[Known, ...]], ...]:
        """Return what was known with each version whose parameters are still kept, the oldest first."""
        folder = folder_of(self._settings)
        found: list[tuple[InForce, tuple[Known, ...]]] = []
        for one in reversed(versions):
            try:
                found.append((one, self._known(decode(folder.read(one.version.parameters)))))
            except Unusable:  # pruned, or of another version of this program
                continue
        return tuple(found)

    def _of_now(self) -> Parameters:
        try:
            found = parameters_of(self._settings)
            reader_of(self._settings, found)
            return found
        except Unusable as error:
            self.trouble = self.trouble or error.message
            return Parameters()

    def _known(self, parameters: Parameters) -> tuple[Known, ...]:
        """Return what these parameters say. Raises `TableLost`."""
        return known(parameters, embedder=reader_of(self._settings, parameters))


def _version(files: str, name: str) -> Version | None:
    try:
        text = msgspec.json.decode(files, type=Mapping[str, str]).get(name)
        return None if text is None else msgspec.json.decode(text, type=Version)
    except msgspec.DecodeError:
        return None
