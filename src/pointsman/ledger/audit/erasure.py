"""
Erasing a person from the audit log without changing it: the key under which their name was digested is destroyed, and a tombstone says so.

The records stay, and with them every count and proof; whose they were can no longer be told.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from pointsman.core.errors import Unusable
from pointsman.ledger.audit.record import AuditRecord, Kind, subject_index
from pointsman.storage.audit_salts import Salts


def forget(folder: Path, tenant: str, *, user: str, at_ms: int, append: Callable[[AuditRecord], None]) -> bool:
    """
    Destroy the key of a user, and append the tombstone. Tell whether there was one. A gateway that runs takes it up with its next record.

    Raises `Unusable` if the keys cannot be changed.
    """
    try:
        salts = Salts(folder)
        try:
            salt = salts.find(tenant, user)
            if salt is None or not salts.forget(tenant, user):
                return False
        finally:
            salts.close()
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"The keys of the audit log in `{folder}` cannot be changed ({error}). Free the disk, or end what holds the file.") from error
    append(AuditRecord(kind=Kind.ERASED, at_ms=at_ms, tenant=tenant, facts={"subject": subject_index(salt)}))
    return True


def salt_of(folder: Path, tenant: str, *, user: str) -> bytes | None:
    """Return the key of a user, or None: never seen, or erased. Raises `Unusable` if there are no keys here, as in an exported log."""
    salts = _open(folder)
    try:
        return salts.find(tenant, user)
    finally:
        salts.close()


def all_salts(folder: Path) -> list[bytes]:
    """Return the keys of all users that are left. Raises `Unusable` if there are no keys here, as in an exported log."""
    salts = _open(folder)
    try:
        return list(salts.all())
    finally:
        salts.close()


def _open(folder: Path) -> Salts:
    if not (folder / "subjects.db").exists():
        raise Unusable(f"`{folder}` holds no keys of people, so nobody can be found in it by name. Ask the log of the gateway itself, or use `--request`.")
    try:
        return Salts(folder)
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"The keys of the audit log in `{folder}` cannot be read ({error}). Run this as the user of the gateway.") from error
