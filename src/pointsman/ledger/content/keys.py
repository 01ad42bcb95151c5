"""
The keys of kept content: master → tenant → day and subject, each wrapped by the one above it, in a file of their own.

Destroying a subject's key is what erases a subject, also from backups of the content; destroying a day's key is what ends its content for good. The file
itself is not part of ordinary backups (ADR 0018).
"""

import secrets
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from pointsman.core.errors import Unusable
from pointsman.ledger import envelope
from pointsman.ledger.content.holds import Holds
from pointsman.storage import keys as rows
from pointsman.storage.content_files import clear, open_file
from pointsman.storage.database import transaction

_PROOF: Final = b"pointsman content keys"
_NOBODY: Final = ""
_MOST_KNOWN: Final = 10_000  # keys that are remembered opened


class Place(Struct, frozen=True, kw_only=True):
    """Where the keys of one record are: its tenant, the digest of its subject ("" for nobody) and the day on which it ends. `said_ms` is when it was said."""

    tenant: str
    subject: str
    day: int
    said_ms: int = 0


class RecordKeys(Struct, frozen=True, kw_only=True):
    """The key material of one record, and the ids of the keys that it came from."""

    material: bytes
    day_key: str
    subject_key: str

    def __repr__(self) -> str:
        """Show which keys, and nothing of them."""
        return f"RecordKeys({self.day_key}, {self.subject_key})"


class KeyStore:
    """
    Opens, makes and destroys keys. May be used by several threads, and by several processes at once.

    `master` are 32 bytes. Raises `Unusable` if the file belongs to another master key.
    """

    def __init__(self, path: Path, master: bytes) -> None:
        self.path = path
        self._connection = open_file(path, "keys")
        self._lock = threading.RLock()
        self._known: dict[tuple[str, str, str], tuple[str, bytes]] = {}
        self._derivations: dict[tuple[str, bytes], bytes] = {}
        self._version = 0
        self._master = master
        self.holds = Holds(self._connection, self._lock, names=self)
        try:
            self._check()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file and forget the keys."""
        self._forget()
        self._connection.close()

    # ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def subject(self, tenant: str, user: str | None) -> str:
        """Return the digest by which content knows a user, "" for nobody."""
        return _NOBODY if user is None else self._digest(tenant, user, purpose=b"subject index")

    def unit(self, tenant: str, unit: str | None) -> str:
        """Return the digest by which content knows a unit, "" for none."""
        return "" if unit is None else self._digest(tenant, unit, purpose=b"unit index")

    def pseudonyms(self, tenant: str) -> bytes:
        """Return the key of a tenant's pseudonyms: the same after a restart, so that a conversation keeps its names."""
        return self._derived(tenant, b"pseudonyms")

    def cache_salt(self, tenant: str) -> str:
        """Return what keeps the memory of a model server to the calls of one tenant: nobody else can say it."""
        return envelope.digest(self._derived(tenant, b"cache salt"), tenant)

    def _digest(self, tenant: str, name: str, *, purpose: bytes) -> str:
        return envelope.digest(self._derived(tenant, purpose), name)

    def _derived(self, tenant: str, purpose: bytes) -> bytes:
        with self._lock:
            key_id, key = self._made(tenant, rows.TENANT, name="")
            known = self._derivations.get((key_id, purpose))
            if known is None:
                known = self._derivations[key_id, purpose] = envelope.derive(key, salt=b"", purpose=purpose)
            return known

    def sealed(self, tenant: str, name: str, *, bound_to: bytes) -> bytes:
        """Return a name sealed under its tenant's key."""
        return envelope.seal(self._made(tenant, rows.TENANT, name="")[1], name.encode(), bound_to=bound_to)

    def unsealed(self, tenant: str, sealed: bytes, *, bound_to: bytes) -> str | None:
        """Return the name again, or None if the tenant's key was destroyed."""
        try:
            return envelope.unseal(self._made(tenant, rows.TENANT, name="")[1], sealed, bound_to=bound_to).decode()
        except envelope.CannotOpen:
            return None

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def to_seal(self, places: Sequence[Place]) -> list[RecordKeys | None]:
        """
        Return the keys for new records, made if need be and durable before this returns. Raises `sqlite3.Error`.

        None for what was said before its subject was erased: it must not come back under a new key.
        """
        with self._lock:
            current = [not self._was_erased(one) for one in places]
            found = [self.to_open(one) if is_current else None for one, is_current in zip(places, current, strict=True)]
            if all(keys is not None or not is_current for keys, is_current in zip(found, current, strict=True)):
                return found
            try:
                with transaction(self._connection):
                    return [self._made_for(one) if is_current else None for one, is_current in zip(places, current, strict=True)]
            except BaseException:
                self._forget()  # what was made was taken back, and nothing may be sealed under it
                raise

    def to_open(self, place: Place) -> RecordKeys | None:
        """Return the keys of a record that was sealed, or None if one of them was destroyed."""
        subject = self._found(place.tenant, rows.SUBJECT, name=place.subject)
        day = self._found(place.tenant, rows.DAY, name=str(place.day))
        return None if subject is None or day is None else _record_keys(subject, day)

    def _made_for(self, place: Place) -> RecordKeys:
        subject = self._made(place.tenant, rows.SUBJECT, name=place.subject)
        return _record_keys(subject, self._made(place.tenant, rows.DAY, name=str(place.day)))

    def _was_erased(self, place: Place) -> bool:
        erased_ms = rows.erased_ms(self._connection, place.tenant, subject=place.subject)
        return erased_ms is not None and place.said_ms <= erased_ms

    # ── destroying ──────────────────────────────────────────────────────────────────────────────────────────────────

    def erase(self, tenant: str, subject: str, *, now_ms: int) -> rows.Tombstone:
        """Destroy a subject's key and leave a tombstone. What this subject says from now on gets a new key."""
        stone = rows.Tombstone(tenant=tenant, subject=subject, erased_ms=now_ms)
        self._destroy([(tenant, rows.SUBJECT, subject)], stone)
        return stone

    def end_days(self, *, before_day: int, in_use: set[tuple[str, str]]) -> int:
        """Destroy the keys of days that are over and of which no content is left; return how many."""
        with self._lock:
            over = [row for row in rows.keys_of(self._connection, rows.DAY) if int(row.name) < before_day and (row.tenant, row.name) not in in_use]
        self._destroy([(row.tenant, rows.DAY, row.name) for row in over])
        return len(over)

    def end_tenant(self, tenant: str) -> None:
        """Destroy a tenant's key, and with it all that was ever kept for the tenant."""
        with self._lock:
            under = [row for kind in (rows.DAY, rows.SUBJECT) for row in rows.keys_of(self._connection, kind) if row.tenant == tenant]
        self._destroy([(tenant, rows.TENANT, ""), *((tenant, row.kind, row.name) for row in under)])

    def _destroy(self, keys: Sequence[tuple[str, str, str]], stone: rows.Tombstone | None = None) -> None:
        with self._lock:
            with transaction(self._connection):
                for tenant, kind, name in keys:
                    rows.drop_key(self._connection, tenant, kind=kind, name=name)
                if stone is not None:
                    rows.add_tombstone(self._connection, stone)
            self._forget()
            if keys:
                clear(self._connection)

    def tombstones(self) -> list[rows.Tombstone]:
        """Return who was erased, all of them."""
        with self._lock:
            return rows.tombstones(self._connection)

    # ── the master key and copies ───────────────────────────────────────────────────────────────────────────────────

    def rewrap(self, master: bytes) -> None:
        """Wrap the keys of all tenants under a new master key; the old one opens nothing from then on."""
        with self._lock:
            with transaction(self._connection):
                again = [self._wrapped(row, self._open_tenant(row), under=master) for row in rows.keys_of(self._connection, rows.TENANT)]
                rows.rewrap(self._connection, again)
                rows.replace_proof(self._connection, envelope.seal(master, _PROOF, bound_to=_PROOF))
            self._master = master
            self._forget()
            clear(self._connection)

    def copy_to(self, path: Path) -> None:
        """Write a copy of the whole file, every key as wrapped as it is here."""
        copy = open_file(path, "keys")
        try:
            with self._lock:
                self._connection.backup(copy)
            clear(copy)
        finally:
            copy.close()

    def _forget(self) -> None:
        self._known.clear()
        self._derivations.clear()

    # ── opening and making ──────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        proof = rows.read_proof(self._connection) or rows.write_proof(self._connection, envelope.seal(self._master, _PROOF, bound_to=_PROOF))
        try:
            envelope.unseal(self._master, proof, bound_to=_PROOF)
        except envelope.CannotOpen as error:
            raise Unusable(
                f"The keys in `{self.path.name}` were made under another master key. Name the right one under `retention.keys.master`, or another file."
            ) from error

    def _made(self, tenant: str, kind: str, *, name: str) -> tuple[str, bytes]:
        with self._lock:
            found = self._found(tenant, kind, name=name)
            if found is None:
                row = rows.KeyRow(tenant=tenant, kind=kind, name=name, key_id=secrets.token_hex(8), wrapped=b"")
                under = self._master if kind == rows.TENANT else self._made(tenant, rows.TENANT, name="")[1]
                rows.add_key(self._connection, self._wrapped(row, envelope.new_key(), under=under))
                found = self._found(tenant, kind, name=name)  # of two processes that make one at once, the first counts
            if found is None:  # somebody destroys keys faster than they can be made
                raise sqlite3.OperationalError("a key vanished while it was made")
            return found

    def _found(self, tenant: str, kind: str, *, name: str) -> tuple[str, bytes] | None:
        with self._lock:
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            if version != self._version or len(self._known) > _MOST_KNOWN:  # another process may have destroyed keys
                self._forget()
                self._version = version
            known = self._known.get((tenant, kind, name))
            if known is not None:
                return known
            row = rows.find_key(self._connection, tenant, kind=kind, name=name)
            if row is None:
                return None
            under = self._master if kind == rows.TENANT else self._made(tenant, rows.TENANT, name="")[1]
            self._known[tenant, kind, name] = (row.key_id, envelope.unseal(under, row.wrapped, bound_to=_bound(tenant, kind, name, row.key_id)))
            return self._known[tenant, kind, name]

    def _open_tenant(self, row: rows.KeyRow) -> bytes:
        return envelope.unseal(self._master, row.wrapped, bound_to=_bound(row.tenant, row.kind, row.name, row.key_id))

    def _wrapped(self, row: rows.KeyRow, key: bytes, *, under: bytes) -> rows.KeyRow:
        wrapped = envelope.seal(under, key, bound_to=_bound(row.tenant, row.kind, row.name, row.key_id))
        return rows.KeyRow(tenant=row.tenant, kind=row.kind, name=row.name, key_id=row.key_id, wrapped=wrapped)


def _record_keys(subject: tuple[str, bytes], day: tuple[str, bytes]) -> RecordKeys:
    return RecordKeys(material=subject[1] + day[1], subject_key=subject[0], day_key=day[0])


def _bound(*parts: str) -> bytes:
    return "\0".join(parts).encode()
