"""
What commands about kept content share: the files of a configuration, the audit log, and who a subject is.
"""

import getpass
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from pointsman.app.auditing import audit_log
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import Wrong
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.audit.writer import AuditLog
from pointsman.ledger.content.opening import Files, open_files
from pointsman.settings.load import Settings
from pointsman.settings.secrets import Reader, environment
from pointsman.transport.vault import vault_of


class Kept(Struct, frozen=True, kw_only=True):
    """What a command works on."""

    settings: Settings
    files: Files


@contextmanager
def kept(path: Path) -> Generator[Kept]:
    """Yield the files of a configuration. Raises `SettingsInvalid`, `CredentialMissing` and `Unusable`."""
    settings = settings_at(path)
    files = open_files(settings.folder, settings.retention, ledger=settings.server.database, environ=environment(), vault=vault_reader(settings))
    try:
        yield Kept(settings=settings, files=files)
    finally:
        files.keys.close()


@contextmanager
def audited(settings: Settings) -> Generator[AuditLog]:
    """Yield the audit log; what was appended is on the disk at the end. Raises `AuditUnavailable`: then nothing that must be on record is done."""
    log = audit_log(settings, environ=environment(), wall_ms=now_ms)
    try:
        yield log
    finally:
        log.close()


def vault_reader(settings: Settings) -> Reader | None:
    """Return how Vault is asked, or None where none is named."""
    found = vault_of(environment(), folder=settings.folder, now=time.monotonic)
    return None if found is None else found.read


def parted(told: str, *, what: str) -> tuple[str, str]:
    """Return tenant and name of `TENANT/NAME`. Raises `Wrong`."""
    tenant, _, name = told.partition("/")
    if not tenant or not name:
        raise Wrong(f"A {what} is written as `TENANT/NAME`, such as `default/4711`. Without tenants in your configuration, the tenant is `default`.")
    return tenant, name


def told_to(log: AuditLog, kind: Kind, *, tenant: str, facts: dict[str, str | int], user: str = "", unit: str = "") -> None:
    """Put on record what a person did here."""
    log.append(AuditRecord(kind=kind, at_ms=now_ms(), tenant=tenant, user=user, unit=unit, actor=who(), facts=facts))


def who() -> str:
    """Return the operating system's name for whoever runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return "unknown"
